#include "json/json.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <simdjson.h>

#include "json/fault_internal.h"
#include "json/writer.h"

namespace slipway::json {

// simdjson's flat form of a document. Every value starts with a word whose top byte is its type:
//   '[' '{'  low 32 bits: index behind the closing word; bits 32..55: number of elements, saturating
//   '"'      low 56 bits: place in the string buffer: uint32 length, then the text
//   'l' 'u' 'd'  the next word is the number         't' 'f' 'n'  nothing else
// Source: simdjson doc/tape.md.
struct Tape {
  explicit Tape(const Value& value)
      : document(static_cast<const simdjson::dom::document*>(value.document_)), index(value.index_) {}

  [[nodiscard]] std::uint64_t word(std::size_t i) const { return document->tape[i]; }
  [[nodiscard]] static char kind(std::uint64_t word) { return static_cast<char>(word >> 56U); }
  [[nodiscard]] char kind() const { return kind(word(index)); }
  [[nodiscard]] std::size_t behind_scope(std::size_t i) const { return static_cast<std::uint32_t>(word(i)); }
  [[nodiscard]] std::size_t scope_count() const { return (word(index) >> 32U) & kMaxCount; }

  [[nodiscard]] std::size_t behind(std::size_t i) const {
    switch (kind(word(i))) {
      case '[':
      case '{':
        return behind_scope(i);
      case 'l':
      case 'u':
      case 'd':
        return i + 2;
      default:
        return i + 1;
    }
  }
  template <typename T>
  [[nodiscard]] T number(std::size_t i) const {
    return std::bit_cast<T>(word(i + 1));
  }
  [[nodiscard]] std::string_view text(std::size_t i) const {
    const std::uint8_t* at = document->string_buf.get() + (word(i) & kPayload);
    std::uint32_t length = 0;
    std::memcpy(&length, at, sizeof(length));
    return {reinterpret_cast<const char*>(at + sizeof(length)), length};
  }
  [[nodiscard]] Value value(std::size_t i) const {
    Value value;
    value.document_ = document;
    value.index_ = i;
    return value;
  }

  static constexpr std::uint64_t kPayload = (std::uint64_t{1} << 56U) - 1;
  static constexpr std::size_t kMaxCount = 0xFFFFFF;
  const simdjson::dom::document* document;
  std::size_t index;
};

namespace {

Type type_of(char kind) {
  switch (kind) {
    case '[':
      return Type::kArray;
    case '{':
      return Type::kObject;
    case '"':
      return Type::kString;
    case 'l':
      return Type::kInt64;
    case 'u':
      return Type::kUint64;
    case 'd':
      return Type::kDouble;
    case 'n':
      return Type::kNull;
    default:
      return Type::kBool;
  }
}

// Doubles that are whole and inside [low, high), both exact as double.
template <typename To>
std::optional<To> whole(double value, double low, double high) {
  if (!(value >= low && value < high) || std::trunc(value) != value) return std::nullopt;
  return static_cast<To>(value);
}

template <typename T>
std::optional<T> narrow_integer(const Tape& tape, std::size_t i, char kind) {
  constexpr double kHigh =
      2.0 * static_cast<double>(std::uint64_t{1} << (std::numeric_limits<T>::digits - 1));
  if (kind == 'l') {
    const auto value = tape.number<std::int64_t>(i);
    if (!std::in_range<T>(value)) return std::nullopt;
    return static_cast<T>(value);
  }
  if (kind == 'u') {
    const auto value = tape.number<std::uint64_t>(i);
    if (!std::in_range<T>(value)) return std::nullopt;
    return static_cast<T>(value);
  }
  return whole<T>(tape.number<double>(i), static_cast<double>(std::numeric_limits<T>::min()), kHigh);
}

// The number at word i as T. Precondition: kind is one of l, u, d.
template <typename T>
std::optional<T> narrow(const Tape& tape, std::size_t i, char kind) {
  if constexpr (std::is_integral_v<T>) {
    return narrow_integer<T>(tape, i, kind);
  } else {
    if (kind == 'd') {
      const T value = static_cast<T>(tape.number<double>(i));
      return std::isinf(value) ? std::nullopt : std::optional<T>(value);
    }
    if (kind == 'l') return static_cast<T>(tape.number<std::int64_t>(i));
    return static_cast<T>(tape.number<std::uint64_t>(i));
  }
}

// The number at word i, or nothing when there is something else.
std::optional<double> number_at(const Tape& tape, std::size_t i) {
  const char kind = Tape::kind(tape.word(i));
  if (kind != 'd' && kind != 'l' && kind != 'u') return std::nullopt;
  return narrow<double>(tape, i, kind);
}

template <typename T>
constexpr std::string_view wanted_name() {
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_integral_v<T>) return "an integer";
  return "a number";
}

Error wrong_type(std::size_t position, Type found, std::string_view wanted) {
  return invalid_argument("json.type", "element " + std::to_string(position) + " is " +
                                           std::string(type_name(found)) + "; " + std::string(wanted) +
                                           " is wanted");
}

Error no_array(Type found) {
  return invalid_argument("json.type", "an array is wanted, not " + std::string(type_name(found)));
}

template <typename T>
Error out_of_range(const Tape& tape, std::size_t i, std::size_t position) {
  std::string range = "a 32-bit float";
  if constexpr (std::is_integral_v<T>) {
    range = "the integers from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
            std::to_string(std::numeric_limits<T>::max());
  }
  return invalid_argument("json.range", "element " + std::to_string(position) + " is " +
                                            tape.value(i).to_text() + ", which does not fit " + range);
}

// Counts the scalars from `position` on, for the message.
Error wrong_count(const Tape& tape, std::size_t wanted) {
  std::size_t found = 0;
  const std::size_t end = tape.behind_scope(tape.index) - 1;
  for (std::size_t i = tape.index + 1; i < end;) {
    const char kind = Tape::kind(tape.word(i));
    if (kind != '[' && kind != ']') ++found;
    i = kind == '[' || kind == ']' ? i + 1 : tape.behind(i);
  }
  return invalid_argument("json.count", std::to_string(wanted) + " elements are wanted, but " +
                                            std::to_string(found) + " are given");
}

}  // namespace

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kNull:
      return "null";
    case Type::kBool:
      return "a boolean";
    case Type::kInt64:
    case Type::kUint64:
      return "an integer";
    case Type::kDouble:
      return "a number";
    case Type::kString:
      return "a string";
    case Type::kArray:
      return "an array";
    case Type::kObject:
      return "an object";
  }
  return "a value";
}

Type Value::type() const { return type_of(Tape(*this).kind()); }

std::optional<bool> Value::as_bool() const {
  const char kind = Tape(*this).kind();
  if (kind != 't' && kind != 'f') return std::nullopt;
  return kind == 't';
}

std::optional<std::int64_t> Value::as_int64() const {
  const Tape tape(*this);
  return is_number() ? narrow_integer<std::int64_t>(tape, index_, tape.kind()) : std::nullopt;
}

std::optional<std::uint64_t> Value::as_uint64() const {
  const Tape tape(*this);
  return is_number() ? narrow_integer<std::uint64_t>(tape, index_, tape.kind()) : std::nullopt;
}

std::optional<double> Value::as_double() const { return number_at(Tape(*this), index_); }

std::optional<std::string_view> Value::as_string() const {
  const Tape tape(*this);
  if (tape.kind() != '"') return std::nullopt;
  return tape.text(index_);
}

std::optional<Value> Value::find(std::string_view key) const {
  const Tape tape(*this);
  if (tape.kind() != '{') return std::nullopt;
  const std::size_t end = tape.behind_scope(index_) - 1;
  for (std::size_t i = index_ + 1; i < end; i = tape.behind(i + 1)) {
    if (tape.text(i) == key) return tape.value(i + 1);
  }
  return std::nullopt;
}

ArrayView Value::array() const {
  SLIPWAY_DCHECK(is_array());
  ArrayView view;
  view.value_ = *this;
  return view;
}

ObjectView Value::object() const {
  SLIPWAY_DCHECK(is_object());
  ObjectView view;
  view.value_ = *this;
  return view;
}

template <typename T>
Status Value::read_flat(std::span<T> out) const {
  const Tape tape(*this);
  if (tape.kind() != '[') return no_array(type());
  const std::size_t end = tape.behind_scope(index_) - 1;
  std::size_t count = 0;
  for (std::size_t i = index_ + 1; i < end;) {
    const char kind = Tape::kind(tape.word(i));
    if (kind == '[' || kind == ']') {
      ++i;
      continue;
    }
    if (count == out.size()) return wrong_count(tape, out.size());
    if constexpr (std::is_same_v<T, bool>) {
      if (kind != 't' && kind != 'f') return wrong_type(count, type_of(kind), wanted_name<T>());
      out[count++] = kind == 't';
      ++i;
    } else {
      if (kind != 'd' && kind != 'l' && kind != 'u')
        return wrong_type(count, type_of(kind), wanted_name<T>());
      const auto value = narrow<T>(tape, i, kind);
      if (!value) return out_of_range<T>(tape, i, count);
      out[count++] = *value;
      i += 2;
    }
  }
  return count == out.size() ? Status() : wrong_count(tape, out.size());
}

template Status Value::read_flat<bool>(std::span<bool>) const;
template Status Value::read_flat<std::uint8_t>(std::span<std::uint8_t>) const;
template Status Value::read_flat<std::uint16_t>(std::span<std::uint16_t>) const;
template Status Value::read_flat<std::uint32_t>(std::span<std::uint32_t>) const;
template Status Value::read_flat<std::uint64_t>(std::span<std::uint64_t>) const;
template Status Value::read_flat<std::int8_t>(std::span<std::int8_t>) const;
template Status Value::read_flat<std::int16_t>(std::span<std::int16_t>) const;
template Status Value::read_flat<std::int32_t>(std::span<std::int32_t>) const;
template Status Value::read_flat<std::int64_t>(std::span<std::int64_t>) const;
template Status Value::read_flat<float>(std::span<float>) const;
template Status Value::read_flat<double>(std::span<double>) const;

bool Value::read_members(std::span<const std::string> keys, std::span<float> out) const {
  const Tape tape(*this);
  if (tape.kind() != '{' || tape.scope_count() != keys.size()) return false;
  std::size_t i = index_ + 1;
  for (std::size_t k = 0; k < keys.size(); ++k) {
    if (tape.text(i) != keys[k]) return false;
    const auto number = number_at(tape, i + 1);
    if (!number) return false;
    out[k] = static_cast<float>(*number);
    if (std::isinf(out[k])) return false;
    i += 3;
  }
  return true;
}

Status Value::read_flat_strings(std::size_t count, void (*visit)(void* context, std::string_view text),
                                void* context) const {
  const Tape tape(*this);
  if (tape.kind() != '[') return no_array(type());
  const std::size_t end = tape.behind_scope(index_) - 1;
  std::size_t seen = 0;
  for (std::size_t i = index_ + 1; i < end; ++i) {
    const char kind = Tape::kind(tape.word(i));
    if (kind == '[' || kind == ']') continue;
    if (kind != '"') return wrong_type(seen, type_of(kind), "a string");
    if (seen == count) return wrong_count(tape, count);
    visit(context, tape.text(i));
    ++seen;
  }
  return seen == count ? Status() : wrong_count(tape, count);
}

namespace {

void write_value(const Value& value, Writer& out) {
  switch (value.type()) {
    case Type::kNull:
      return out.null();
    case Type::kBool:
      return out.boolean(*value.as_bool());
    case Type::kInt64:
      return out.number(*value.as_int64());
    case Type::kUint64:
      return out.number(*value.as_uint64());
    case Type::kDouble:
      return out.number(*value.as_double());
    case Type::kString:
      return out.string(*value.as_string());
    case Type::kArray:
      out.begin_array();
      for (const Value& element : value.array()) write_value(element, out);
      return out.end_array();
    case Type::kObject:
      out.begin_object();
      for (const Member& member : value.object()) {
        out.key(member.key);
        write_value(member.value, out);
      }
      return out.end_object();
  }
}

}  // namespace

std::string Value::to_text() const {
  std::string text;
  Writer writer(text);
  write_value(*this, writer);
  return text;
}

ArrayView::Iterator& ArrayView::Iterator::operator++() {
  at_ = Tape(at_).value(Tape(at_).behind(Tape(at_).index));
  return *this;
}

ArrayView::Iterator ArrayView::begin() const {
  const Tape tape(value_);
  Iterator iterator;
  iterator.at_ = tape.value(tape.index + 1);
  return iterator;
}

ArrayView::Iterator ArrayView::end() const {
  const Tape tape(value_);
  Iterator iterator;
  iterator.at_ = tape.value(tape.behind_scope(tape.index) - 1);
  return iterator;
}

std::size_t ArrayView::size() const {
  const std::size_t count = Tape(value_).scope_count();
  return count < Tape::kMaxCount ? count : static_cast<std::size_t>(std::distance(begin(), end()));
}

Member ObjectView::Iterator::operator*() const {
  const Tape tape(key_);
  return {tape.text(tape.index), tape.value(tape.index + 1)};
}

ObjectView::Iterator& ObjectView::Iterator::operator++() {
  const Tape tape(key_);
  key_ = tape.value(tape.behind(tape.index + 1));
  return *this;
}

ObjectView::Iterator ObjectView::begin() const {
  const Tape tape(value_);
  Iterator iterator;
  iterator.key_ = tape.value(tape.index + 1);
  return iterator;
}

ObjectView::Iterator ObjectView::end() const {
  const Tape tape(value_);
  Iterator iterator;
  iterator.key_ = tape.value(tape.behind_scope(tape.index) - 1);
  return iterator;
}

std::size_t ObjectView::size() const {
  const std::size_t count = Tape(value_).scope_count();
  return count < Tape::kMaxCount ? count : static_cast<std::size_t>(std::distance(begin(), end()));
}

std::optional<std::string_view> ObjectView::duplicate_key() const {
  constexpr std::size_t kFew = 16;
  if (size() <= kFew) {
    for (auto a = begin(); a != end(); ++a) {
      for (auto b = begin(); b != a; ++b) {
        if ((*a).key == (*b).key) return (*a).key;
      }
    }
    return std::nullopt;
  }
  std::vector<std::string_view> keys;
  keys.reserve(size());
  for (const Member& member : *this) keys.push_back(member.key);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  return twice == keys.end() ? std::nullopt : std::optional(*twice);
}

struct Parser::Impl {
  explicit Impl(std::size_t depth) : max_depth(std::clamp<std::size_t>(depth, 1, 1024)) {}

  // Makes room for a document of `size` bytes and gives back what a far larger one had left behind.
  simdjson::error_code prepare(std::size_t size) {
    const bool fits = dom.capacity() >= size && dom.doc.capacity() >= size;
    if (fits && (dom.capacity() <= kKeepBytes || size > kKeepBytes)) return simdjson::SUCCESS;
    if (fits) dom = simdjson::dom::parser();
    // simdjson counts the document itself as one level.
    const std::size_t capacity = std::max<std::size_t>(size, 4096);
    if (const auto error = dom.allocate(capacity, max_depth + 1)) return error;
    return dom.doc.allocate(capacity);
  }

  static constexpr std::size_t kKeepBytes = std::size_t{1} << 20U;
  std::size_t max_depth;
  simdjson::dom::parser dom;
  std::string copy;
};

Parser::Parser(std::size_t max_depth) : impl_(std::make_unique<Impl>(max_depth)) {}
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

Result<Value> Parser::parse_padded(std::string_view text) {
  static_assert(kPaddingBytes >= simdjson::SIMDJSON_PADDING);
  if (text.size() >= std::numeric_limits<std::uint32_t>::max()) {
    return resource_exhausted("json.too_large", "a JSON document may have up to 4 GiB, this one is larger");
  }
  if (const auto error = impl_->prepare(text.size())) {
    return resource_exhausted("json.too_large", "there is no memory for a JSON document of " +
                                                    std::to_string(text.size()) + " bytes");
  }
  // Versions of simdjson differ about a byte order mark; some editors write one.
  const std::size_t skip = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  const auto root = impl_->dom.parse(text.data() + skip, text.size() - skip, false);
  if (root.error() != simdjson::SUCCESS) [[unlikely]] {
    return internal::explain_fault(text, impl_->max_depth, simdjson::error_message(root.error()));
  }
  Value value;
  value.document_ = &impl_->dom.doc;
  value.index_ = 1;
  return value;
}

Result<Value> Parser::parse(std::string_view text) {
  if (impl_->copy.capacity() > Impl::kKeepBytes && text.size() <= Impl::kKeepBytes)
    std::string().swap(impl_->copy);
  impl_->copy.reserve(text.size() + kPaddingBytes);
  impl_->copy.assign(text);
  return parse_padded(impl_->copy);
}

}  // namespace slipway::json
