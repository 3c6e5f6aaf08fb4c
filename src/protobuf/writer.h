// Writing protobuf messages, field after field. The layout is in reader.h.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "protobuf/reader.h"

namespace slipway::protobuf {

/// How many bytes a varint takes.
constexpr std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1U)) + 6) / 7;
}

/// How many bytes a field of kBytes takes, with its tag and length.
constexpr std::size_t bytes_field_size(int number, std::size_t size) {
  return varint_size(static_cast<std::uint64_t>(number) << 3U) + varint_size(size) + size;
}

/// Appends fields to a text. Writing a value that is the default of proto3 (0, false, "") is the caller's
/// choice: those with `_if_any` leave it out, as serializers do. Borrows: the text. Thread: confined.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void varint(int number, std::uint64_t value) {
    tag(number, WireType::kVarint);
    append_varint(value);
  }
  void varint_if_any(int number, std::uint64_t value) {
    if (value != 0) varint(number, value);
  }
  void text(int number, std::string_view value) {
    begin_bytes(number, value.size());
    out_.append(value);
  }
  void text_if_any(int number, std::string_view value) {
    if (!value.empty()) text(number, value);
  }
  /// Fields that are written already.
  void raw(std::string_view fields) { out_.append(fields); }
  void bytes(int number, ByteView value) { text(number, as_text(value)); }

  /// The tag and length of a field whose `size` bytes the caller appends next.
  void begin_bytes(int number, std::size_t size) {
    tag(number, WireType::kBytes);
    append_varint(size);
  }

  /// A nested message: `write(writer)` writes its fields. Cost: what it wrote is moved by some bytes when it
  /// is longer than 127; for large ones whose size is known use begin_bytes().
  template <typename Write>
  void message(int number, Write&& write) {
    tag(number, WireType::kBytes);
    const std::size_t at = out_.size();
    out_.push_back('\0');
    write(*this);
    set_length(at);
  }

  /// Repeated varints, packed into one field; nothing where there are none. Negative numbers of int32 and
  /// int64 take ten bytes.
  template <typename Range>
  void packed(int number, const Range& values) {
    std::size_t size = 0;
    for (const auto value : values) size += varint_size(static_cast<std::uint64_t>(value));
    if (size == 0) return;
    begin_bytes(number, size);
    for (const auto value : values) append_varint(static_cast<std::uint64_t>(value));
  }

 private:
  void tag(int number, WireType type) {
    append_varint(static_cast<std::uint64_t>(number) << 3U | static_cast<std::uint64_t>(type));
  }
  void append_varint(std::uint64_t value) {
    if (value < 0x80) {
      out_.push_back(static_cast<char>(value));
    } else {
      append_long_varint(value);
    }
  }
  void append_long_varint(std::uint64_t value);
  void set_length(std::size_t at);

  std::string& out_;
};

}  // namespace slipway::protobuf
