#include "function/store_internal.h"

#include "base/check.h"

namespace slipway::function {
namespace {

Fit store_half(std::uint16_t bits, float back, std::byte* to) {
  return std::isfinite(back) ? put(bits, to) : Fit::kRange;
}

}  // namespace

Fit store_double(DType dtype, double value, std::byte* to) {
  const auto narrowed = static_cast<float>(value);
  switch (dtype) {
    case DType::kFp64:
      return std::isfinite(value) ? put(value, to) : Fit::kRange;
    case DType::kFp32:
      return std::isfinite(narrowed) ? put(narrowed, to) : Fit::kRange;
    case DType::kFp16:
      return store_half(float_to_half(narrowed), half_to_float(float_to_half(narrowed)), to);
    case DType::kBf16:
      return store_half(float_to_bfloat(narrowed), bfloat_to_float(float_to_bfloat(narrowed)), to);
    default:
      break;
  }
  if (std::trunc(value) != value) return Fit::kWhole;
  if (value >= -0x1p63 && value < 0x1p63) return store_integer(dtype, static_cast<std::int64_t>(value), to);
  if (value >= 0 && value < 0x1p64) return store_integer(dtype, static_cast<std::uint64_t>(value), to);
  return Fit::kRange;
}

template <typename From>
Fit store_integer(DType dtype, From value, std::byte* to) {
  switch (dtype) {
    case DType::kBool:
      return put(static_cast<std::uint8_t>(value != 0), to);
    case DType::kUint8:
      return put_integer<std::uint8_t>(value, to);
    case DType::kUint16:
      return put_integer<std::uint16_t>(value, to);
    case DType::kUint32:
      return put_integer<std::uint32_t>(value, to);
    case DType::kUint64:
      return put_integer<std::uint64_t>(value, to);
    case DType::kInt8:
      return put_integer<std::int8_t>(value, to);
    case DType::kInt16:
      return put_integer<std::int16_t>(value, to);
    case DType::kInt32:
      return put_integer<std::int32_t>(value, to);
    case DType::kInt64:
      return put_integer<std::int64_t>(value, to);
    case DType::kFp16:
    case DType::kBf16:
    case DType::kFp32:
    case DType::kFp64:
      return store_double(dtype, static_cast<double>(value), to);
    case DType::kBytes:
      break;
  }
  SLIPWAY_CHECK(dtype != DType::kBytes);
  return Fit::kType;
}

template Fit store_integer<std::int64_t>(DType, std::int64_t, std::byte*);
template Fit store_integer<std::uint64_t>(DType, std::uint64_t, std::byte*);

}  // namespace slipway::function
