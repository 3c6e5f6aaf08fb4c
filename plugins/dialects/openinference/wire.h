// What every answer of this dialect has in common: JSON, and errors as {"error": text} with Triton's
// statuses.
// Source: Open Inference Protocol, inference_rest.md; triton-inference-server/server docs/protocol/README.md.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "contracts/dialect/exchange.h"
#include "infer/infer.h"

namespace slipway::openinference {

/// The name under which the server counts this dialect's requests.
inline constexpr std::string_view kDialectName = "openinference";

/// Triton's table: 400 for what the caller got wrong, 403, 404, 500, 501 as elsewhere, and 503 for what may
/// go better later: not ready, a deadline that passed. A full queue, which Triton has no code for, is 429.
int http_status(Code code);

/// {"error": "message"}, with one line per fault where faults are known one by one.
std::string encode_error(const Error& error);

/// Answers with the error, its HTTP status, and Retry-After where trying again helps.
void respond_error(const Error& error, dialect::Exchange& exchange);
/// The same with Server-Timing.
void respond_error(const Error& error, const infer::Timings& timings, dialect::Exchange& exchange);

/// Answers with JSON.
void respond_json(int status, std::string body, dialect::Exchange& exchange);
/// 200 with Server-Timing.
void respond_timed(std::string body, const infer::Timings& timings, dialect::Exchange& exchange);

}  // namespace slipway::openinference
