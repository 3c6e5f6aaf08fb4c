// Words in which both wires of the protocol refuse a request, and checks that both make.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "infer/infer.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::openinference {

/// Inputs, and outputs asked for, that one request may name; models have a handful.
inline constexpr std::size_t kMaxTensors = 1024;

/// The name in quotes, made printable.
std::string quoted(std::string_view name);

/// v2.too_many: more than kMaxTensors "inputs" or "outputs".
Error too_many(std::string_view what, std::size_t count);
/// v2.duplicate: an "input" or "output" named twice.
Error named_twice(std::string_view what, std::string_view name);

/// Errors: v2.datatype.
Result<DType> datatype_of(std::string_view name, const std::string& title);
/// The shape of real data. Errors: v2.shape (a dimension below 0, too many elements to count), tensor.rank.
Result<Shape> shape_of(std::span<const std::int64_t> dims, const std::string& title);

/// The parameter "timeout", which is in microseconds. Nothing is beyond 35 years.
Duration timeout_of(std::uint64_t microseconds);

/// Records in the request: the first dimension of an input that declares it free.
std::uint64_t count_rows(const Signature& signature, const infer::Request& request);

}  // namespace slipway::openinference
