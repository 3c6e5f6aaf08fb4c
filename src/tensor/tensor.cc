#include "tensor/tensor.h"

#include <cstdlib>
#include <limits>
#include <new>

#include "base/checked.h"
#include "base/text.h"

namespace slipway {
namespace {

constexpr std::size_t kAlignment = 64;

std::optional<std::size_t> byte_size(DType dtype, const Shape& shape) {
  const auto elements = shape.elements();
  if (!elements) return std::nullopt;
  return checked_mul(static_cast<std::size_t>(*elements), dtype_size(dtype));
}

template <typename T>
double load_as_double(ByteView data, std::size_t index) {
  T value;
  std::memcpy(&value, data.data() + index * sizeof(T), sizeof(T));
  return static_cast<double>(value);
}

std::uint16_t load_u16(ByteView data, std::size_t index) {
  std::uint16_t value = 0;
  std::memcpy(&value, data.data() + index * sizeof(value), sizeof(value));
  return value;
}

}  // namespace

Status TensorView::validate() const {
  if (dtype != DType::kBytes) {
    const auto wanted = byte_size(dtype, shape);
    if (wanted && *wanted == data.size()) return {};
    return invalid_argument("tensor.size", "a tensor of shape " + shape.to_string() + " and datatype " +
                                               std::string(dtype_name(dtype)) + " takes " +
                                               (wanted ? std::to_string(*wanted) : std::string("too many")) +
                                               " bytes, but " + std::to_string(data.size()) + " are given");
  }
  BytesReader reader(data);
  std::string_view element;
  std::int64_t count = 0;
  while (reader.next(element)) ++count;
  if (!reader.ok()) {
    return invalid_argument("tensor.bytes", "the length before element " + std::to_string(count) +
                                                " of a BYTES tensor points past its end");
  }
  if (shape.elements() == count) return {};
  return invalid_argument("tensor.size", "a BYTES tensor of shape " + shape.to_string() + " holds " +
                                             std::to_string(count) + " elements");
}

namespace {

// The aligned operator new searches for room that lies right; asking for a little more and going to the next
// boundary costs a tenth of it for the small tensors that requests carry. The byte in front of what is
// returned says how far that is.
std::byte* align(void* room) {
  auto* const at = static_cast<std::byte*>(room);
  const std::size_t skip = kAlignment - reinterpret_cast<std::uintptr_t>(at) % kAlignment;
  at[skip - 1] = static_cast<std::byte>(skip);
  return at + skip;
}
static_assert(kAlignment <= std::numeric_limits<unsigned char>::max());

}  // namespace

void Buffer::Free::operator()(std::byte* data) const {
  ::operator delete(data - std::to_integer<std::size_t>(data[-1]));
}

Buffer::Buffer(std::size_t size_bytes) : size_(size_bytes) {
  if (size_bytes == 0) return;
  SLIPWAY_CHECK(size_bytes <= std::numeric_limits<std::size_t>::max() - kAlignment);
  data_.reset(align(::operator new(size_bytes + kAlignment)));
}

Result<Buffer> Buffer::allocate(std::size_t size_bytes) {
  Buffer buffer;
  if (size_bytes == 0) return buffer;
  const bool countable = size_bytes <= std::numeric_limits<std::size_t>::max() - kAlignment;
  void* const room = countable ? ::operator new(size_bytes + kAlignment, std::nothrow) : nullptr;
  if (room == nullptr) {
    return resource_exhausted("tensor.memory", "there is no memory for " + human_bytes(size_bytes));
  }
  buffer.data_.reset(align(room));
  buffer.size_ = size_bytes;
  return buffer;
}

Buffer Buffer::copy_of(ByteView bytes) {
  Buffer buffer(bytes.size());
  if (!bytes.empty()) std::memcpy(buffer.data_.get(), bytes.data(), bytes.size());
  return buffer;
}

Tensor Tensor::copy_of(const TensorView& view) {
  return {view.dtype, view.shape, Buffer::copy_of(view.data)};
}

Tensor Tensor::of_strings(Shape shape, std::span<const std::string> values) {
  std::string bytes;
  for (const std::string& value : values) append_bytes_element(bytes, value);
  return {DType::kBytes, shape, Buffer::copy_of(as_bytes(bytes))};
}

Result<Tensor> make_tensor(DType dtype, const Shape& shape, std::size_t max_bytes) {
  SLIPWAY_CHECK(dtype != DType::kBytes);
  const auto size = byte_size(dtype, shape);
  if (!size || *size > max_bytes) {
    return invalid_argument("tensor.size", "a tensor of shape " + shape.to_string() + " and datatype " +
                                               std::string(dtype_name(dtype)) + " is larger than the " +
                                               std::to_string(max_bytes) + " bytes allowed here");
  }
  return Tensor{dtype, shape, Buffer(*size)};
}

bool BytesReader::next(std::string_view& element) {
  std::uint32_t length = 0;
  if (rest_.size() < sizeof(length)) return false;
  std::memcpy(&length, rest_.data(), sizeof(length));
  if (rest_.size() - sizeof(length) < length) return false;
  element = as_text(rest_.subspan(sizeof(length), length));
  rest_ = rest_.subspan(sizeof(length) + length);
  return true;
}

void append_bytes_element(std::string& out, std::string_view element) {
  SLIPWAY_CHECK(element.size() <= std::numeric_limits<std::uint32_t>::max());
  const auto length = static_cast<std::uint32_t>(element.size());
  char prefix[sizeof(length)];
  std::memcpy(prefix, &length, sizeof(length));
  out.append(prefix, sizeof(prefix));
  out.append(element);
}

double element_as_double(const TensorView& view, std::size_t index) {
  switch (view.dtype) {
    case DType::kBool:
    case DType::kUint8:
      return load_as_double<std::uint8_t>(view.data, index);
    case DType::kUint16:
      return load_as_double<std::uint16_t>(view.data, index);
    case DType::kUint32:
      return load_as_double<std::uint32_t>(view.data, index);
    case DType::kUint64:
      return load_as_double<std::uint64_t>(view.data, index);
    case DType::kInt8:
      return load_as_double<std::int8_t>(view.data, index);
    case DType::kInt16:
      return load_as_double<std::int16_t>(view.data, index);
    case DType::kInt32:
      return load_as_double<std::int32_t>(view.data, index);
    case DType::kInt64:
      return load_as_double<std::int64_t>(view.data, index);
    case DType::kFp16:
      return static_cast<double>(half_to_float(load_u16(view.data, index)));
    case DType::kBf16:
      return static_cast<double>(bfloat_to_float(load_u16(view.data, index)));
    case DType::kFp32:
      return load_as_double<float>(view.data, index);
    case DType::kFp64:
      return load_as_double<double>(view.data, index);
    case DType::kBytes:
      break;
  }
  SLIPWAY_CHECK(view.dtype != DType::kBytes);
  return 0;
}

}  // namespace slipway
