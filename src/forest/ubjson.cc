// A value is a marker byte and what belongs to it, numbers in network order:
//   Z null  T true  F false  i int8  U uint8  I int16  l int32  L int64  d float32  D float64  C one
//   character S string: length, bytes         H number as text: length, bytes         N nothing, skipped [
//   array, { object: values (an object's with keys: length, bytes) up to ] or }; or, after #, their number;
//   or, after $, the one marker of all values, then # and their number
// A length or number is itself a marked whole number. Source: ubjson.org, draft 12.
#include "forest/ubjson.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <type_traits>

#include "base/text.h"
#include "forest/forest.h"
#include "json/writer.h"

namespace slipway::forest {
namespace {

class Converter {
 public:
  explicit Converter(ByteView bytes) : bytes_(as_text(bytes)), writer_(text_) {}

  Result<std::string> run() {
    SLIPWAY_ASSIGN_OR_RETURN(const char marker, next_marker());
    SLIPWAY_TRY(value(marker, 0));
    while (at_ < bytes_.size() && bytes_[at_] == 'N') ++at_;
    if (at_ != bytes_.size()) return fault("bytes are left over");
    return std::move(text_);
  }

 private:
  static constexpr std::size_t kMaxDepth = 64;

  [[nodiscard]] Error fault(const std::string& what) const {
    return damaged("the file is no sound UBJSON: at byte " + std::to_string(at_) + ", " + what);
  }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }

  Result<char> next_marker() {
    while (at_ < bytes_.size() && bytes_[at_] == 'N') ++at_;
    if (at_ == bytes_.size()) return fault("it ends");
    return bytes_[at_++];
  }

  /// A number in network order, as T.
  template <typename T>
  Result<T> number() {
    using Bits = std::conditional_t<
        sizeof(T) == 1, std::uint8_t,
        std::conditional_t<sizeof(T) == 2, std::uint16_t,
                           std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
    if (left() < sizeof(T)) return fault("it ends within a number");
    Bits bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      bits = static_cast<Bits>((std::uint64_t{bits} << 8U) | static_cast<unsigned char>(bytes_[at_ + i]));
    at_ += sizeof(T);
    return std::bit_cast<T>(bits);
  }

  Result<std::int64_t> whole(char marker) {
    const auto widen = [](const auto& read) -> Result<std::int64_t> {
      if (!read.ok()) return read.error();
      return static_cast<std::int64_t>(*read);
    };
    switch (marker) {
      case 'i':
        return widen(number<std::int8_t>());
      case 'U':
        return widen(number<std::uint8_t>());
      case 'I':
        return widen(number<std::int16_t>());
      case 'l':
        return widen(number<std::int32_t>());
      case 'L':
        return widen(number<std::int64_t>());
      default:
        return fault("a whole number is wanted");
    }
  }

  /// A length or number of values, each of which takes at least one byte.
  Result<std::size_t> count() {
    if (left() == 0) return fault("it ends");
    const char marker = bytes_[at_++];
    SLIPWAY_ASSIGN_OR_RETURN(const std::int64_t found, whole(marker));
    if (found < 0 || static_cast<std::uint64_t>(found) > left())
      return fault("the number " + std::to_string(found) + " is more than what follows");
    return static_cast<std::size_t>(found);
  }

  Result<std::string_view> characters() {
    SLIPWAY_ASSIGN_OR_RETURN(const std::size_t size, count());
    const std::string_view text = bytes_.substr(at_, size);
    if (!is_utf8(text)) return fault("a text is not UTF-8");
    at_ += size;
    return text;
  }

  Status real(double value) {
    if (std::isfinite(value)) {
      writer_.number(value);
    } else {
      writer_.string(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    }
    return {};
  }

  Status value(char marker, std::size_t depth) {
    switch (marker) {
      case 'Z':
        return writer_.null(), Status();
      case 'T':
        return writer_.boolean(true), Status();
      case 'F':
        return writer_.boolean(false), Status();
      case 'd': {
        SLIPWAY_ASSIGN_OR_RETURN(const float found, number<float>());
        return real(static_cast<double>(found));
      }
      case 'D': {
        SLIPWAY_ASSIGN_OR_RETURN(const double found, number<double>());
        return real(found);
      }
      case 'C': {
        if (left() == 0 || !is_utf8(bytes_.substr(at_, 1))) return fault("a character is wanted");
        writer_.string(bytes_.substr(at_++, 1));
        return {};
      }
      case 'S':
      case 'H': {
        SLIPWAY_ASSIGN_OR_RETURN(const std::string_view text, characters());
        writer_.string(text);
        return {};
      }
      case '[':
        return container(false, depth);
      case '{':
        return container(true, depth);
      default: {
        SLIPWAY_ASSIGN_OR_RETURN(const std::int64_t found, whole(marker));
        writer_.number(found);
        return {};
      }
    }
  }

  Status container(bool object, std::size_t depth) {
    if (depth == kMaxDepth) return fault("values are nested deeper than " + std::to_string(kMaxDepth));
    std::optional<char> type;
    std::optional<std::size_t> size;
    if (left() > 0 && bytes_[at_] == '$') {
      ++at_;
      SLIPWAY_ASSIGN_OR_RETURN(type, next_marker());
      // Values without bytes could be as many as a number can say.
      if (std::string_view("iUIlLdDCSH[{").find(*type) == std::string_view::npos)
        return fault("a container of such values is not taken");
      if (left() == 0 || bytes_[at_] != '#') return fault("a # is wanted");
    }
    if (left() > 0 && bytes_[at_] == '#') {
      ++at_;
      SLIPWAY_ASSIGN_OR_RETURN(size, count());
    }
    object ? writer_.begin_object() : writer_.begin_array();
    SLIPWAY_TRY(size ? counted(object, *size, type, depth) : open(object, depth));
    object ? writer_.end_object() : writer_.end_array();
    return {};
  }

  Status key() {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view name, characters());
    writer_.key(name);
    return {};
  }

  Status counted(bool object, std::size_t size, std::optional<char> type, std::size_t depth) {
    for (std::size_t i = 0; i < size; ++i) {
      if (object) SLIPWAY_TRY(key());
      char marker = type.value_or(0);
      if (!type) {
        SLIPWAY_ASSIGN_OR_RETURN(marker, next_marker());
      }
      SLIPWAY_TRY(value(marker, depth + 1));
    }
    return {};
  }

  Status open(bool object, std::size_t depth) {
    const char end = object ? '}' : ']';
    while (true) {
      SLIPWAY_ASSIGN_OR_RETURN(const char marker, next_marker());
      if (marker == end) return {};
      if (!object) {
        SLIPWAY_TRY(value(marker, depth + 1));
        continue;
      }
      --at_;  // it begins the length of a key
      SLIPWAY_TRY(key());
      SLIPWAY_ASSIGN_OR_RETURN(const char inside, next_marker());
      SLIPWAY_TRY(value(inside, depth + 1));
    }
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::string text_;
  json::Writer writer_;
};

}  // namespace

Result<std::string> ubjson_to_json(ByteView bytes) { return Converter(bytes).run(); }

}  // namespace slipway::forest
