// Reading protobuf messages field by field, without copies.
//
// Layout: a message is its fields one after another, each a tag and a value. A tag is a varint: field number
// * 8 + wire type (0 varint, 1 eight bytes, 2 a varint length and so many bytes, 5 four bytes). A varint has
// seven bits a byte, the lowest first, and the top bit set in all bytes but the last; at most ten bytes.
// Fixed values are little-endian.
// Source: protobuf.dev/programming-guides/encoding.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace slipway::protobuf {

enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

/// Longer fields are damage: protobuf has none.
inline constexpr std::uint64_t kMaxFieldBytes = 0x7fff'ffff;
inline constexpr unsigned kMaxVarintBytes = 10;
/// Of a varint that has 32 bits at most: tags and lengths.
inline constexpr unsigned kMaxShortVarintBytes = 5;

/// One field. Borrows: its bytes, from the message.
struct Field {
  int number = 0;
  WireType type = WireType::kVarint;
  std::uint64_t value = 0;  ///< of the other wire types; fixed values as their bits
  ByteView bytes = {};      ///< of kBytes
  ByteView whole = {};      ///< with tag and length, as it lies in the message

  // A field of a known number and another wire type is an unknown field, to be left alone.
  [[nodiscard]] bool is_bytes(int wanted) const { return is(wanted, WireType::kBytes); }
  [[nodiscard]] bool is_varint(int wanted) const { return is(wanted, WireType::kVarint); }
  [[nodiscard]] bool is(int wanted, WireType as) const { return number == wanted && type == as; }
  [[nodiscard]] std::string_view text() const { return as_text(bytes); }
  [[nodiscard]] double as_double() const { return std::bit_cast<double>(value); }
};

/// Takes values off the begin of bytes: the elements of a packed field, the fields of a message. What does
/// not fit gives false and leaves the rest undefined. Borrows: the bytes.
class Bytes {
 public:
  explicit Bytes(ByteView bytes)
      : at_(reinterpret_cast<const std::uint8_t*>(bytes.data())), end_(at_ + bytes.size()) {}

  [[nodiscard]] bool empty() const { return at_ == end_; }
  [[nodiscard]] const std::byte* data() const { return reinterpret_cast<const std::byte*>(at_); }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(end_ - at_); }

  /// `max_bytes`: longer forms of a number count as damage.
  [[nodiscard]] bool take_varint(std::uint64_t& value, unsigned max_bytes = kMaxVarintBytes) {
    if (at_ != end_ && *at_ < 0x80) {
      value = *at_++;
      return true;
    }
    return take_long_varint(value, max_bytes);
  }

  template <typename T>
  [[nodiscard]] bool take_fixed(T& value) {
    if (size() < sizeof(T)) return false;
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return true;
  }

  [[nodiscard]] bool take_bytes(std::uint64_t count, ByteView& bytes) {
    if (count > size()) return false;
    bytes = {data(), static_cast<std::size_t>(count)};
    at_ += count;
    return true;
  }

 private:
  [[nodiscard]] bool take_long_varint(std::uint64_t& value, unsigned max_bytes);

  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

/// Walks the fields of one message. Borrows: the message. Messages above 2 GiB are damage: protobuf has none.
class Reader {
 public:
  explicit Reader(ByteView message) : rest_(message), ok_(message.size() <= kMaxFieldBytes) {}

  /// False at the end and at the first damage; ok() tells which.
  [[nodiscard]] bool next(Field& field) {
    if (!ok_ || rest_.empty()) return false;
    const std::byte* const begin = rest_.data();
    ok_ = take_tag(field) && take_value(field);
    field.whole = {begin, rest_.data()};
    return ok_;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  /// After next() gave false for damage: the number of the field whose value is cut short or damaged, 0
  /// otherwise.
  [[nodiscard]] int cut_field() const { return ok_ ? 0 : cut_field_; }

 private:
  [[nodiscard]] bool take_tag(Field& field);
  [[nodiscard]] bool take_value(Field& field);

  Bytes rest_;
  int cut_field_ = 0;
  bool ok_;
};

inline bool Reader::take_tag(Field& field) {
  cut_field_ = 0;
  std::uint64_t varint = 0;
  if (!rest_.take_varint(varint, kMaxShortVarintBytes)) return false;
  const auto tag = static_cast<std::uint32_t>(varint);  // bits beyond are dropped, as all readers do
  if (tag < 8) return false;
  field.number = static_cast<int>(tag >> 3U);
  field.type = static_cast<WireType>(tag & 7U);
  cut_field_ = field.number;
  return true;
}

inline bool Reader::take_value(Field& field) {
  switch (field.type) {
    case WireType::kVarint:
      return rest_.take_varint(field.value);
    case WireType::kBytes:
      return rest_.take_varint(field.value, kMaxShortVarintBytes) &&
             rest_.take_bytes(field.value, field.bytes);
    case WireType::kFixed64:
      return rest_.take_fixed(field.value);
    case WireType::kFixed32: {
      std::uint32_t value = 0;
      if (!rest_.take_fixed(value)) return false;
      field.value = value;
      return true;
    }
  }
  return false;
}

/// Calls `take(value)` for each element of a repeated field of varints, packed or not. False: the field is
/// damaged, or `take` gave false, or it is of another wire type.
template <typename Take>
[[nodiscard]] bool for_each_varint(const Field& field, Take&& take) {
  if (field.type == WireType::kVarint) return take(field.value);
  if (field.type != WireType::kBytes) return false;
  Bytes rest(field.bytes);
  while (!rest.empty()) {
    std::uint64_t value = 0;
    if (!rest.take_varint(value) || !take(value)) return false;
  }
  return true;
}

}  // namespace slipway::protobuf
