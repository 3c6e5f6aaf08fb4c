#include "tensor/dtype.h"

#include <array>
#include <bit>
#include <cmath>

namespace slipway {
namespace {

struct Row {
  std::string_view name;
  std::size_t size;
};
constexpr std::array<Row, kDTypeCount> kRows = {{{"BOOL", 1},
                                                 {"UINT8", 1},
                                                 {"UINT16", 2},
                                                 {"UINT32", 4},
                                                 {"UINT64", 8},
                                                 {"INT8", 1},
                                                 {"INT16", 2},
                                                 {"INT32", 4},
                                                 {"INT64", 8},
                                                 {"FP16", 2},
                                                 {"BF16", 2},
                                                 {"FP32", 4},
                                                 {"FP64", 8},
                                                 {"BYTES", 0}}};

}  // namespace

std::string_view dtype_name(DType dtype) { return kRows[static_cast<std::size_t>(dtype)].name; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

std::size_t dtype_size(DType dtype) { return kRows[static_cast<std::size_t>(dtype)].size; }

float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16U;
  const std::uint32_t exponent = (bits >> 10U) & 0x1FU;
  const std::uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13U));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23U) | (mantissa << 13U));
}

std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16U) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  std::uint32_t out = 0;
  if (magnitude > 0x7F800000U) {
    out = 0x7E00U;  // a quiet NaN
  } else if (magnitude >= 0x477FF000U) {
    out = 0x7C00U;  // rounds past the largest half
  } else if (magnitude < 0x38800000U) {
    // Subnormal: let the float addition do the rounding at the half's last place.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    out = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5F);
  } else {
    const std::uint32_t odd = (magnitude >> 13U) & 1U;
    out = (magnitude - 0x38000000U + 0xFFFU + odd) >> 13U;
  }
  return static_cast<std::uint16_t>(sign | out);
}

float bfloat_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

std::uint16_t float_to_bfloat(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>((bits >> 16U) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

}  // namespace slipway
