#include "plugins/dialects/openinference_grpc/contents.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "protobuf/reader.h"

namespace slipway::openinference_grpc {
namespace {

using protobuf::Field;
using protobuf::WireType;

constexpr int kContents = 5;  // of InferInputTensor
constexpr std::array<std::string_view, 9> kListNames = {"",
                                                        "bool_contents",
                                                        "int_contents",
                                                        "int64_contents",
                                                        "uint_contents",
                                                        "uint64_contents",
                                                        "fp32_contents",
                                                        "fp64_contents",
                                                        "bytes_contents"};

enum List : int { kBool = 1, kInt, kInt64, kUint, kUint64, kFp32, kFp64, kBytes };

Error damaged(const std::string& title) {
  return invalid_argument("v2.message", title + ": its contents are no protobuf message");
}

/// Calls `take(field)` for every field of every InferTensorContents; several are one, as protobuf merges.
/// False when damaged, or when `take` gives false.
template <typename Take>
bool for_each_list(ByteView input, Take&& take) {
  protobuf::Reader fields(input);
  Field field;
  while (fields.next(field)) {
    if (!field.is_bytes(kContents)) continue;
    protobuf::Reader lists(field.bytes);
    Field list;
    while (lists.next(list)) {
      if (!take(list)) return false;
    }
    if (!lists.ok()) return false;
  }
  return fields.ok();
}

/// True when the field belongs to a list: its number is one, and its wire type that of an element or, where
/// elements can be packed, of many. Any other field is unknown and left alone.
bool is_list(const Field& field) {
  switch (field.number) {
    case kBool:
    case kInt:
    case kInt64:
    case kUint:
    case kUint64:
      return field.type == WireType::kVarint || field.type == WireType::kBytes;
    case kFp32:
      return field.type == WireType::kFixed32 || field.type == WireType::kBytes;
    case kFp64:
      return field.type == WireType::kFixed64 || field.type == WireType::kBytes;
    case kBytes:
      return field.type == WireType::kBytes;
    default:
      return false;
  }
}

/// Calls `take(field)` for every field that holds elements of the list `wanted`. False when damaged, or when
/// `take` gives false.
template <typename Take>
bool for_each_of_list(ByteView input, int wanted, Take&& take) {
  return for_each_list(
      input, [&](const Field& field) { return field.number != wanted || !is_list(field) || take(field); });
}

/// How many elements the field of a list holds.
struct Counted {
  std::size_t elements = 1;
  bool ok = true;
};

Counted count(const Field& list) {
  Counted counted;
  if (list.type != WireType::kBytes || list.number == kBytes) return counted;
  if (list.number == kFp32 || list.number == kFp64) {
    const std::size_t size = list.number == kFp32 ? sizeof(float) : sizeof(double);
    return {list.bytes.size() / size, list.bytes.size() % size == 0};
  }
  counted.elements = 0;
  counted.ok = protobuf::for_each_varint(list, [&](std::uint64_t) {
    ++counted.elements;
    return true;
  });
  return counted;
}

/// What there is in the list that the datatype asks for.
struct Census {
  std::size_t elements = 0;
  std::size_t text_bytes = 0;  ///< of bytes_contents
  std::size_t pieces = 0;      ///< fields that hold elements
  ByteView packed;             ///< the last of them, where it is packed
};

Result<Census> take_census(ByteView input, int wanted, const std::string& title) {
  Census census;
  int other = 0;
  const bool ok = for_each_list(input, [&](const Field& list) {
    if (!is_list(list)) return true;
    const Counted counted = count(list);
    if (counted.elements == 0) return counted.ok;
    if (list.number != wanted) {
      other = list.number;
    } else {
      census.elements += counted.elements;
      census.text_bytes += list.bytes.size();
      ++census.pieces;
      census.packed = list.type == WireType::kBytes ? list.bytes : ByteView();
    }
    return counted.ok;
  });
  if (!ok) return damaged(title);
  if (other != 0) {
    return invalid_argument("v2.contents", title + " has " +
                                               std::string(kListNames[static_cast<std::size_t>(other)]) +
                                               ", but its datatype wants " +
                                               std::string(kListNames[static_cast<std::size_t>(wanted)]));
  }
  return census;
}

/// Writes whole numbers of one list into elements of T.
template <typename T, typename Wire>
Status fill_integers(ByteView input, int list, const std::string& title, Buffer& buffer) {
  auto* out = reinterpret_cast<T*>(buffer.bytes().data());
  const T* const begin = out;
  const bool ok = for_each_of_list(input, list, [&](const Field& field) {
    return protobuf::for_each_varint(field, [&](std::uint64_t value) {
      const auto wire = static_cast<Wire>(value);  // bits beyond are dropped, as all readers do
      if (!std::in_range<T>(wire)) return false;
      *out++ = static_cast<T>(wire);
      return true;
    });
  });
  if (ok) return {};
  return invalid_argument("v2.contents", title + ": element " + std::to_string(out - begin) +
                                             " is out of the range from " +
                                             std::to_string(std::numeric_limits<T>::min()) + " to " +
                                             std::to_string(std::numeric_limits<T>::max()));
}

Status fill_flags(ByteView input, Buffer& buffer) {
  std::byte* out = buffer.bytes().data();
  const bool ok = for_each_of_list(input, kBool, [&](const Field& field) {
    return protobuf::for_each_varint(field, [&](std::uint64_t value) {
      *out++ = std::byte{value != 0};
      return true;
    });
  });
  SLIPWAY_CHECK(ok);  // it was counted
  return {};
}

Status fill_floats(ByteView input, int list, Buffer& buffer) {
  const std::size_t size = list == kFp32 ? sizeof(float) : sizeof(double);
  std::byte* out = buffer.bytes().data();
  const bool ok = for_each_of_list(input, list, [&](const Field& field) {
    const bool packed = field.type == WireType::kBytes;
    const std::size_t took = packed ? field.bytes.size() : size;
    if (took > 0)
      std::memcpy(out, packed ? static_cast<const void*>(field.bytes.data()) : &field.value, took);
    out += took;
    return true;
  });
  SLIPWAY_CHECK(ok);
  return {};
}

Status fill_texts(ByteView input, Buffer& buffer) {
  std::byte* out = buffer.bytes().data();
  const bool ok = for_each_of_list(input, kBytes, [&](const Field& field) {
    const auto length = static_cast<std::uint32_t>(field.bytes.size());  // fields are below 2 GiB
    std::memcpy(out, &length, sizeof(length));
    if (length > 0) std::memcpy(out + sizeof(length), field.bytes.data(), length);
    out += sizeof(length) + length;
    return true;
  });
  SLIPWAY_CHECK(ok);
  return {};
}

Status fill(ByteView input, DType dtype, const std::string& title, Buffer& buffer) {
  const int list = contents_field(dtype);
  switch (dtype) {
    case DType::kBool:
      return fill_flags(input, buffer);
    case DType::kUint8:
      return fill_integers<std::uint8_t, std::uint32_t>(input, list, title, buffer);
    case DType::kUint16:
      return fill_integers<std::uint16_t, std::uint32_t>(input, list, title, buffer);
    case DType::kUint32:
      return fill_integers<std::uint32_t, std::uint32_t>(input, list, title, buffer);
    case DType::kUint64:
      return fill_integers<std::uint64_t, std::uint64_t>(input, list, title, buffer);
    case DType::kInt8:
      return fill_integers<std::int8_t, std::int32_t>(input, list, title, buffer);
    case DType::kInt16:
      return fill_integers<std::int16_t, std::int32_t>(input, list, title, buffer);
    case DType::kInt32:
      return fill_integers<std::int32_t, std::int32_t>(input, list, title, buffer);
    case DType::kInt64:
      return fill_integers<std::int64_t, std::int64_t>(input, list, title, buffer);
    case DType::kFp32:
    case DType::kFp64:
      return fill_floats(input, list, buffer);
    case DType::kBytes:
      return fill_texts(input, buffer);
    case DType::kFp16:
    case DType::kBf16:
      break;
  }
  return internal_error("v2.contents", "no list for this datatype");
}

}  // namespace

int contents_field(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return kBool;
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
      return kInt;
    case DType::kInt64:
      return kInt64;
    case DType::kUint8:
    case DType::kUint16:
    case DType::kUint32:
      return kUint;
    case DType::kUint64:
      return kUint64;
    case DType::kFp32:
      return kFp32;
    case DType::kFp64:
      return kFp64;
    case DType::kBytes:
      return kBytes;
    case DType::kFp16:
    case DType::kBf16:
      break;
  }
  return 0;
}

bool has_contents(ByteView input) {
  // Stops, as if damaged, at the first list with an element.
  return !for_each_list(input, [](const Field& list) { return !is_list(list) || count(list).elements == 0; });
}

Status read_contents(ByteView input, const std::string& title, std::size_t max_bytes, TensorView& tensor,
                     Buffer& buffer) {
  const int wanted = contents_field(tensor.dtype);
  SLIPWAY_ASSIGN_OR_RETURN(const Census census, take_census(input, wanted, title));
  const auto elements = static_cast<std::size_t>(*tensor.shape.elements());
  if (wanted == 0 && elements > 0) {
    return invalid_argument("v2.contents", title + ": " + std::string(dtype_name(tensor.dtype)) +
                                               " has no contents: send it in raw_input_contents");
  }
  if (census.elements != elements) {
    return invalid_argument(
        "v2.contents", title + " has " + std::to_string(census.elements) + " elements in " +
                           std::string(kListNames[static_cast<std::size_t>(wanted)]) + ", but its shape " +
                           tensor.shape.to_string() + " asks for " + std::to_string(elements) +
                           (census.elements == 0 ? "; and there are no raw_input_contents" : ""));
  }
  if (elements == 0) {
    tensor.data = {};
    return {};
  }
  if ((wanted == kFp32 || wanted == kFp64) && census.pieces == 1 && !census.packed.empty()) {
    tensor.data = census.packed;
    return {};
  }
  // No overflow: each element took a byte of the message at least.
  const std::size_t size = wanted == kBytes ? census.text_bytes + elements * sizeof(std::uint32_t)
                                            : elements * dtype_size(tensor.dtype);
  if (size > max_bytes) {
    return invalid_argument("tensor.size", title + " takes " + std::to_string(size) +
                                               " bytes, more than the " + std::to_string(max_bytes) +
                                               " allowed here");
  }
  buffer = Buffer(size);
  SLIPWAY_TRY(fill(input, tensor.dtype, title, buffer));
  tensor.data = std::as_const(buffer).bytes();
  return {};
}

}  // namespace slipway::openinference_grpc
