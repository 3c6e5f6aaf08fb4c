#include "protobuf/writer.h"

#include <array>

namespace slipway::protobuf {
namespace {

std::size_t encode(std::uint64_t value, std::array<char, kMaxVarintBytes>& out) {
  std::size_t size = 0;
  for (; value >= 0x80; value >>= 7U) out[size++] = static_cast<char>(value | 0x80U);
  out[size++] = static_cast<char>(value);
  return size;
}

}  // namespace

void Writer::append_long_varint(std::uint64_t value) {
  std::array<char, kMaxVarintBytes> bytes;
  out_.append(bytes.data(), encode(value, bytes));
}

// One byte was kept for the length of what stands behind it.
void Writer::set_length(std::size_t at) {
  std::array<char, kMaxVarintBytes> bytes;
  const std::size_t size = encode(out_.size() - at - 1, bytes);
  if (size > 1) out_.insert(at, size - 1, '\0');
  out_.replace(at, size, bytes.data(), size);
}

}  // namespace slipway::protobuf
