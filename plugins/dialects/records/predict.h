// POST /predict/{name}: {"records": [{...}, ...]} -> {"model", "version", "digest", "predictions": [{...},
// ...]}.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "contracts/dialect/dialect.h"
#include "function/function.h"

namespace slipway::records {

/// The body of a request -> tensors. `body` is followed by json::Parser::kPaddingBytes readable bytes.
/// Errors: predict.body (no object of this form), predict.too_many_records, json.*, and those of
/// Function::before.
Result<function::Batch> decode(std::string_view body, const function::Function& function,
                               const dialect::Limits& limits);

/// Tensors -> the body of the answer. Errors: those of Function::after.
Result<std::string> encode(const dialect::ServedModel& model, std::span<const NamedTensorView> outputs,
                           std::size_t rows);

/// Answers the exchange, now or later. Thread: safe.
void predict(const dialect::Host& host, std::string_view name, std::string_view version,
             std::unique_ptr<dialect::Exchange> exchange);

/// The name under which the server counts this dialect's requests.
inline constexpr std::string_view kDialectName = "records";

}  // namespace slipway::records
