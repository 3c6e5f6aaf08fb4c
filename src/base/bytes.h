// Views of raw bytes. Nothing here owns memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace slipway {

using ByteView = std::span<const std::byte>;
using MutableByteView = std::span<std::byte>;

/// The same memory seen as bytes or as text. Borrows: the argument's memory.
inline ByteView as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace slipway
