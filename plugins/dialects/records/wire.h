// What every answer of this dialect has in common: JSON, and errors as
//   {"error": {"code": "INVALID_ARGUMENT", "id": "record.invalid", "message": "...",
//              "details": [{"record": 3, "field": "alcohol", "message": "..."}]}}
// `details` is there only where faults are known one by one; `record` counts from 0, and is left out where a
// fault is not about a record.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "contracts/dialect/dialect.h"
#include "contracts/dialect/exchange.h"
#include "infer/infer.h"

namespace slipway::records {

/// An error as the body of an answer.
std::string encode_error(const Error& error);

/// Answers with the error, its HTTP status, and Retry-After where trying again helps.
void respond_error(const Error& error, dialect::Exchange& exchange);
/// The same with Server-Timing.
void respond_error(const Error& error, const infer::Timings& timings, dialect::Exchange& exchange);

/// Answers 200 with JSON.
void respond_json(std::string body, dialect::Exchange& exchange);
/// 200 with Server-Timing.
void respond_timed(std::string body, const infer::Timings& timings, dialect::Exchange& exchange);

/// The body is read as JSON in UTF-8. A program need not say so: without a Content-Type, with the one that
/// curl sends by itself, or with text/plain it is JSON all the same. A browser page (the request has an
/// Origin) must say so, since browsers send the other types across origins without asking. Errors:
/// predict.content_type.
Status check_content_type(const dialect::Exchange& exchange);

}  // namespace slipway::records
