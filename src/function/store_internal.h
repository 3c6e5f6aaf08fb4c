// One value into one element of a tensor, with every way in which it may not fit.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "function/function.h"
#include "json/json.h"
#include "tensor/dtype.h"

namespace slipway::function {

enum class Fit : std::uint8_t {
  kOk,
  kType,   ///< a value of another type
  kWhole,  ///< a fraction where a whole number is wanted
  kRange,  ///< a number that the element type cannot hold
};

template <typename T>
inline Fit put(T value, std::byte* to) {
  std::memcpy(to, &value, sizeof(T));
  return Fit::kOk;
}

template <typename To, typename From>
inline Fit put_integer(From value, std::byte* to) {
  To narrowed{};
  if (__builtin_add_overflow(value, From{0}, &narrowed)) return Fit::kRange;
  return put(narrowed, to);
}

/// An integer (std::int64_t or std::uint64_t) as an element of any numeric dtype or BOOL.
template <typename From>
Fit store_integer(DType dtype, From value, std::byte* to);
/// A finite number as an element of any numeric dtype; whole numbers only into integer types.
Fit store_double(DType dtype, double value, std::byte* to);

/// A JSON value as an element of `dtype`. Preconditions: `type` is a scalar, not kString, and allowed for
/// dtype.
inline Fit store_value(FieldType type, DType dtype, const json::Value& value, std::byte* to) {
  if (type == FieldType::kNumber && dtype == DType::kFp32) [[likely]] {
    const auto number = value.as_double();
    if (!number) return Fit::kType;
    const auto narrowed = static_cast<float>(*number);
    if (!std::isfinite(narrowed)) return Fit::kRange;
    return put(narrowed, to);
  }
  if (type == FieldType::kBoolean) {
    const auto truth = value.as_bool();
    return truth ? store_integer(dtype, std::int64_t{*truth ? 1 : 0}, to) : Fit::kType;
  }
  if (const auto integer = value.as_int64()) return store_integer(dtype, *integer, to);
  if (const auto integer = value.as_uint64()) return store_integer(dtype, *integer, to);
  const auto number = value.as_double();
  if (!number) return Fit::kType;
  if (type == FieldType::kInteger && std::trunc(*number) != *number) return Fit::kWhole;
  return store_double(dtype, *number, to);
}

/// What an element of a tensor is to the one who calls.
inline FieldType element_type(DType dtype) {
  if (dtype == DType::kBytes) return FieldType::kString;
  if (dtype == DType::kBool) return FieldType::kBoolean;
  return is_integer(dtype) ? FieldType::kInteger : FieldType::kNumber;
}

}  // namespace slipway::function
