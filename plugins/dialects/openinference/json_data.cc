#include "plugins/dialects/openinference/json_data.h"

#include <cstring>
#include <limits>
#include <type_traits>

#include "base/text.h"

namespace slipway::openinference {
namespace {

template <typename T>
Status read_values(const json::Value& data, Tensor& tensor) {
  return data.read_flat(tensor.values<T>());
}

Status read_numbers(const json::Value& data, Tensor& tensor) {
  switch (tensor.dtype) {
    case DType::kBool:
      return read_values<bool>(data, tensor);
    case DType::kUint8:
      return read_values<std::uint8_t>(data, tensor);
    case DType::kUint16:
      return read_values<std::uint16_t>(data, tensor);
    case DType::kUint32:
      return read_values<std::uint32_t>(data, tensor);
    case DType::kUint64:
      return read_values<std::uint64_t>(data, tensor);
    case DType::kInt8:
      return read_values<std::int8_t>(data, tensor);
    case DType::kInt16:
      return read_values<std::int16_t>(data, tensor);
    case DType::kInt32:
      return read_values<std::int32_t>(data, tensor);
    case DType::kInt64:
      return read_values<std::int64_t>(data, tensor);
    case DType::kFp32:
      return read_values<float>(data, tensor);
    case DType::kFp64:
      return read_values<double>(data, tensor);
    case DType::kFp16:
    case DType::kBf16:
    case DType::kBytes:
      break;
  }
  return internal_error("v2.json_dtype", "no numbers");
}

struct Filling {
  MutableByteView rest;
  std::size_t size = 0;
};

/// Strings in the BYTES layout: measured first, then written where they stay.
Result<Buffer> read_texts(const json::Value& data, std::size_t count, std::size_t max_bytes) {
  Filling filling;
  SLIPWAY_TRY(data.read_flat_strings(
      count,
      [](void* context, std::string_view text) {
        static_cast<Filling*>(context)->size += sizeof(std::uint32_t) + text.size();
      },
      &filling));
  if (filling.size > max_bytes) {
    return invalid_argument("tensor.size", "the strings take " + std::to_string(filling.size) +
                                               " bytes, more than the " + std::to_string(max_bytes) +
                                               " allowed here");
  }
  Buffer buffer(filling.size);
  filling.rest = buffer.bytes();
  SLIPWAY_TRY(data.read_flat_strings(
      count,
      [](void* context, std::string_view text) {
        auto& rest = static_cast<Filling*>(context)->rest;
        const auto length = static_cast<std::uint32_t>(text.size());  // JSON is below 4 GiB
        std::memcpy(rest.data(), &length, sizeof(length));
        if (!text.empty()) std::memcpy(rest.data() + sizeof(length), text.data(), text.size());
        rest = rest.subspan(sizeof(length) + text.size());
      },
      &filling));
  return buffer;
}

template <typename T>
void write_values(ByteView data, json::Writer& out) {
  for (std::size_t at = 0; at + sizeof(T) <= data.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, data.data() + at, sizeof(T));
    if constexpr (std::is_floating_point_v<T>) {
      out.number(value);
    } else if constexpr (std::is_signed_v<T>) {
      out.number(static_cast<std::int64_t>(value));
    } else {
      out.number(static_cast<std::uint64_t>(value));
    }
  }
}

Status write_texts(ByteView data, json::Writer& out) {
  BytesReader reader(data);
  std::string_view text;
  while (reader.next(text)) {
    if (!is_utf8(text)) {
      return invalid_argument("v2.output_text",
                              "it holds bytes that are not UTF-8, which JSON cannot carry: ask for it with "
                              "the parameter \"binary_data\": true");
    }
    out.string(text);
  }
  return {};
}

Status write_elements(const TensorView& tensor, json::Writer& out) {
  switch (tensor.dtype) {
    case DType::kBool:
      for (const std::byte value : tensor.data) out.boolean(value != std::byte{0});
      return {};
    case DType::kUint8:
      return write_values<std::uint8_t>(tensor.data, out), Status();
    case DType::kUint16:
      return write_values<std::uint16_t>(tensor.data, out), Status();
    case DType::kUint32:
      return write_values<std::uint32_t>(tensor.data, out), Status();
    case DType::kUint64:
      return write_values<std::uint64_t>(tensor.data, out), Status();
    case DType::kInt8:
      return write_values<std::int8_t>(tensor.data, out), Status();
    case DType::kInt16:
      return write_values<std::int16_t>(tensor.data, out), Status();
    case DType::kInt32:
      return write_values<std::int32_t>(tensor.data, out), Status();
    case DType::kInt64:
      return write_values<std::int64_t>(tensor.data, out), Status();
    case DType::kFp32:
      return write_values<float>(tensor.data, out), Status();
    case DType::kFp64:
      return write_values<double>(tensor.data, out), Status();
    case DType::kBytes:
      return write_texts(tensor.data, out);
    case DType::kFp16:
    case DType::kBf16:
      break;
  }
  return invalid_argument("v2.output_dtype", "it is " + std::string(dtype_name(tensor.dtype)) +
                                                 ", which has no form in JSON: ask for it with the "
                                                 "parameter \"binary_data\": true");
}

}  // namespace

Result<Buffer> read_json_data(const json::Value& data, DType dtype, const Shape& shape,
                              std::size_t max_bytes) {
  if (dtype == DType::kFp16 || dtype == DType::kBf16) {
    return invalid_argument("v2.json_dtype", std::string(dtype_name(dtype)) +
                                                 " has no form in JSON: send it as binary data, or "
                                                 "another datatype if the model takes it");
  }
  if (dtype == DType::kBytes) return read_texts(data, static_cast<std::size_t>(*shape.elements()), max_bytes);
  SLIPWAY_ASSIGN_OR_RETURN(Tensor tensor, make_tensor(dtype, shape, max_bytes));
  SLIPWAY_TRY(read_numbers(data, tensor));
  return std::move(tensor.data);
}

Status write_json_data(const TensorView& tensor, json::Writer& out) {
  out.begin_array();
  SLIPWAY_TRY(write_elements(tensor, out));
  out.end_array();
  return {};
}

std::size_t json_data_size(const TensorView& tensor) {
  constexpr std::size_t kNumberBytes = 12;
  const std::size_t size = dtype_size(tensor.dtype);
  return size == 0 ? tensor.data.size() : tensor.data.size() / size * kNumberBytes;
}

}  // namespace slipway::openinference
