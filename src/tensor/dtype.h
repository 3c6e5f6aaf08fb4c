// The element types of tensors: those of the v2 protocol.
// Source: Open Inference Protocol, "Tensor Data Types"; BF16 is Triton's and KServe's addition.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway {

enum class DType : std::uint8_t {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kBf16,
  kFp32,
  kFp64,
  kBytes,  ///< variable length: text or binary
};
inline constexpr std::size_t kDTypeCount = 14;

/// The v2 name: "FP32", "BYTES".
std::string_view dtype_name(DType dtype);
std::optional<DType> dtype_from_name(std::string_view name);

/// Units: bytes per element; 0 for kBytes, whose elements differ.
std::size_t dtype_size(DType dtype);

inline bool is_integer(DType dtype) { return dtype >= DType::kUint8 && dtype <= DType::kInt64; }
inline bool is_float(DType dtype) { return dtype >= DType::kFp16 && dtype <= DType::kFp64; }

/// IEEE 754 binary16 and bfloat16 to and from float; to_* rounds to nearest even.
float half_to_float(std::uint16_t bits);
std::uint16_t float_to_half(float value);
float bfloat_to_float(std::uint16_t bits);
std::uint16_t float_to_bfloat(float value);

}  // namespace slipway
