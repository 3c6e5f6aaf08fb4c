// Reading and writing the fields of frames and blocks. Everything is little-endian; a text is a uint32 length
// and its bytes.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"

namespace slipway::worker {

static_assert(std::endian::native == std::endian::little, "frames are written as the processor keeps them");

/// Appends fields. Borrows: out. Thread: external lock.
class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out) {}

  template <typename T>
  void put(T value) {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
    out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  /// Precondition: text.size() < 4 GiB.
  void put_text(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    out_.append(text);
  }

 private:
  std::string& out_;
};

/// Takes fields from the front. After the first that does not fit every field is zero or empty and ok() is
/// false, so that a frame is read field by field and judged once. Borrows: bytes. Thread: external lock.
class WireReader {
 public:
  explicit WireReader(ByteView bytes) : rest_(bytes) {}

  template <typename T>
  T get() {
    static_assert(std::is_arithmetic_v<T>);
    T value{};
    const ByteView bytes = take(sizeof(T));
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  /// An enumerator of an enum whose values are 0 to `last`.
  template <typename E>
  E get_enum(E last) {
    static_assert(std::is_enum_v<E>);
    const auto value = get<std::underlying_type_t<E>>();
    if (value <= static_cast<std::underlying_type_t<E>>(last)) return static_cast<E>(value);
    fail();
    return E{};
  }
  std::string get_text(std::size_t max_bytes) {
    const auto size = get<std::uint32_t>();
    if (size > max_bytes) fail();
    return std::string(as_text(take(size)));
  }
  /// How many elements follow, each of at least `element_bytes`, so that nothing is reserved for elements
  /// that cannot be there.
  std::size_t get_count(std::size_t element_bytes) {
    const auto count = get<std::uint32_t>();
    if (count <= rest_.size() / element_bytes) return count;
    fail();
    return 0;
  }

  [[nodiscard]] bool ok() const { return ok_; }
  /// True when every field was there and nothing is left.
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  ByteView take(std::size_t size) {
    if (!ok_ || size > rest_.size()) {
      fail();
      return {};
    }
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  void fail() {
    ok_ = false;
    rest_ = {};
  }

  ByteView rest_;
  bool ok_ = true;
};

}  // namespace slipway::worker
