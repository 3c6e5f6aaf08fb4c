#include "protobuf/reader.h"

namespace slipway::protobuf {

bool Bytes::take_long_varint(std::uint64_t& value, unsigned max_bytes) {
  std::uint64_t sum = 0;
  for (unsigned shift = 0; shift < max_bytes * 7; shift += 7) {  // of the tenth byte one bit counts
    if (at_ == end_) return false;
    const std::uint8_t byte = *at_++;
    sum |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) {
      value = sum;
      return true;
    }
  }
  return false;
}

}  // namespace slipway::protobuf
