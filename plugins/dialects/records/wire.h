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

/// Answers 200 with JSON.
void respond_json(std::string body, dialect::Exchange& exchange);
/// 200 with Server-Timing.
void respond_timed(std::string body, const infer::Timings& timings, dialect::Exchange& exchange);

/// Errors: predict.content_type unless the request says that its body is JSON in UTF-8. Browsers send other
/// types across origins without asking, so a body of another type is not looked at.
Status check_content_type(std::optional<std::string_view> content_type);

}  // namespace slipway::records
