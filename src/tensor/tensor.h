// Tensors: the only data that crosses modules. A TensorView borrows, a Tensor owns.
//
// Layout: fixed-size types are row-major, little-endian, without padding. BYTES is the v2 protocol's binary
// form: per element a little-endian uint32 length, then that many bytes, one element after the other.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace slipway {

/// A borrowed tensor. `data` may be unaligned (it may alias received bytes): read through
/// `values_are_aligned<T>()` + `values<T>()` or with memcpy. Borrows: data. Thread: as the memory behind it.
struct TensorView {
  DType dtype = DType::kFp32;
  Shape shape;
  ByteView data;

  /// Errors: tensor.size when `data` is not exactly what `dtype` and `shape` ask for; for BYTES, tensor.bytes
  /// when the lengths do not add up. Cost: linear for BYTES, constant otherwise.
  [[nodiscard]] Status validate() const;

  template <typename T>
  [[nodiscard]] bool values_are_aligned() const {
    return reinterpret_cast<std::uintptr_t>(data.data()) % alignof(T) == 0;
  }
  /// The elements as T. Precondition: T is the dtype's C++ type and the data is aligned for it.
  template <typename T>
  [[nodiscard]] std::span<const T> values() const {
    SLIPWAY_DCHECK(values_are_aligned<T>());
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }
};

/// Memory for tensor elements, aligned to 64 bytes. Move-only; owns.
class Buffer {
 public:
  Buffer() = default;
  /// Uninitialised memory. Callers check untrusted sizes against their budget first; where the budget is
  /// beyond what the machine may have, they use allocate().
  explicit Buffer(std::size_t size_bytes);
  /// Errors: tensor.memory.
  static Result<Buffer> allocate(std::size_t size_bytes);
  static Buffer copy_of(ByteView bytes);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] MutableByteView bytes() { return {data_.get(), size_}; }
  [[nodiscard]] ByteView bytes() const { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* data) const;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

/// A tensor that owns its elements. Move-only.
struct Tensor {
  DType dtype = DType::kFp32;
  Shape shape;
  Buffer data;

  [[nodiscard]] TensorView view() const { return {dtype, shape, data.bytes()}; }
  static Tensor copy_of(const TensorView& view);

  /// Precondition: T is the dtype's C++ type.
  template <typename T>
  [[nodiscard]] std::span<T> values() {
    return {reinterpret_cast<T*>(data.bytes().data()), data.size() / sizeof(T)};
  }
  /// A tensor with these elements; `T` decides the dtype. Precondition: shape.elements() == values.size().
  template <typename T>
  static Tensor of(Shape shape, std::span<const T> values);
  /// A BYTES tensor.
  static Tensor of_strings(Shape shape, std::span<const std::string> values);
};

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// Borrows: name and data.
struct NamedTensorView {
  std::string_view name;
  TensorView tensor;
};

/// Uninitialised memory for `shape` elements of a fixed-size `dtype`.
/// Errors: tensor.size when the size is not fixed, overflows or is above `max_bytes`.
Result<Tensor> make_tensor(DType dtype, const Shape& shape, std::size_t max_bytes);

/// Walks the elements of BYTES data. Stops at the first element that does not fit: `next` gives false, and
/// `ok` tells whether everything was read.
class BytesReader {
 public:
  explicit BytesReader(ByteView data) : rest_(data) {}
  bool next(std::string_view& element);
  [[nodiscard]] bool ok() const { return rest_.empty(); }

 private:
  ByteView rest_;
};

/// Appends one element in the BYTES layout. Precondition: element.size() < 4 GiB.
void append_bytes_element(std::string& out, std::string_view element);

/// Element `index` of a numeric tensor as double (exact for up to 53 bits). Precondition: not kBytes, index
/// in range.
double element_as_double(const TensorView& view, std::size_t index);

template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::kBool;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::kUint8;
};
template <>
struct DTypeOf<std::uint16_t> {
  static constexpr DType value = DType::kUint16;
};
template <>
struct DTypeOf<std::uint32_t> {
  static constexpr DType value = DType::kUint32;
};
template <>
struct DTypeOf<std::uint64_t> {
  static constexpr DType value = DType::kUint64;
};
template <>
struct DTypeOf<std::int8_t> {
  static constexpr DType value = DType::kInt8;
};
template <>
struct DTypeOf<std::int16_t> {
  static constexpr DType value = DType::kInt16;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::kInt32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::kInt64;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kFp32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kFp64;
};

template <typename T>
Tensor Tensor::of(Shape shape, std::span<const T> values) {
  Tensor tensor{DTypeOf<T>::value, shape, Buffer(values.size_bytes())};
  if (!values.empty()) std::memcpy(tensor.data.bytes().data(), values.data(), values.size_bytes());
  return tensor;
}

}  // namespace slipway
