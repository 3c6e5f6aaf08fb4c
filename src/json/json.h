// Reading JSON. A Parser owns the memory of the last document it read; Values are 16-byte views into it.
// simdjson does the work; its headers stay in json.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace slipway::json {

enum class Type : std::uint8_t { kNull, kBool, kInt64, kUint64, kDouble, kString, kArray, kObject };

/// For people: "a string", "an object".
std::string_view type_name(Type type);

class ArrayView;
class ObjectView;
struct Tape;

/// A value inside a parsed document. Borrows: the Parser's document, until its next parse or its end.
/// Thread: reads are safe while nobody parses.
class Value {
 public:
  [[nodiscard]] Type type() const;
  [[nodiscard]] bool is_object() const { return type() == Type::kObject; }
  [[nodiscard]] bool is_array() const { return type() == Type::kArray; }
  [[nodiscard]] bool is_string() const { return type() == Type::kString; }
  [[nodiscard]] bool is_number() const {
    const Type t = type();
    return t == Type::kInt64 || t == Type::kUint64 || t == Type::kDouble;
  }

  // Each gives the value, or nothing when it is of another type (or, for numbers, does not fit exactly;
  // as_double takes every number).
  [[nodiscard]] std::optional<bool> as_bool() const;
  [[nodiscard]] std::optional<std::int64_t> as_int64() const;
  [[nodiscard]] std::optional<std::uint64_t> as_uint64() const;
  [[nodiscard]] std::optional<double> as_double() const;
  [[nodiscard]] std::optional<std::string_view> as_string() const;

  /// The member of an object; nothing when this is no object or has no such key. A key given twice: the
  /// first. Cost: linear in the members.
  [[nodiscard]] std::optional<Value> find(std::string_view key) const;

  /// Reads the numbers of an object whose keys are `keys`, all of them and in this order, into `out`. False
  /// when this is anything else, or a number is beyond float; `out` then holds nothing of meaning. Each is
  /// as_double() narrowed to float. The fast way for records that a program wrote, beside a careful one that
  /// says what is wrong. Precondition: keys.size() == out.size().
  [[nodiscard]] bool read_members(std::span<const std::string> keys, std::span<float> out) const;

  /// Precondition: is_array() / is_object().
  [[nodiscard]] ArrayView array() const;
  [[nodiscard]] ObjectView object() const;

  /// Reads the numbers of a possibly nested array in order into `out`, converted to T; BOOL arrays go into
  /// `bool` from true/false only. The nesting's shape is not looked at: "data may be nested or flat" (Open
  /// Inference Protocol). Errors: json.type (not an array, or an element of another type), json.range (a
  /// number that does not fit T, or a fraction for an integer T), json.count (not exactly out.size()
  /// elements); each names the element's position. Cost: one pass over the document's flat form, no
  /// recursion.
  template <typename T>
  Status read_flat(std::span<T> out) const;  // bool, all fixed integers, float, double

  /// Visits the strings of a possibly nested array in order. Errors: json.type; json.count unless exactly
  /// `count`.
  Status read_flat_strings(std::size_t count, void (*visit)(void* context, std::string_view text),
                           void* context) const;

  /// This value as JSON text (numbers as in the document's value, not its spelling).
  [[nodiscard]] std::string to_text() const;

 private:
  friend class Parser;
  friend class ArrayView;
  friend class ObjectView;
  friend struct Tape;
  const void* document_;  // simdjson's document
  std::size_t index_;     // of the value's first word on its tape
};
static_assert(sizeof(Value) == 16 && std::is_trivially_copyable_v<Value>);

/// The elements of an array. Borrows: as its Value.
class ArrayView {
 public:
  class Iterator {
   public:
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    const Value& operator*() const { return at_; }
    const Value* operator->() const { return &at_; }
    Iterator& operator++();
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return at_.index_ == other.at_.index_; }

   private:
    friend class ArrayView;
    Value at_;
  };
  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] Iterator end() const;
  /// Cost: constant below 2^24 elements, linear from there on.
  [[nodiscard]] std::size_t size() const;

 private:
  friend class Value;
  Value value_;
};

struct Member {
  std::string_view key;
  Value value;
};

/// The members of an object, in the document's order. Borrows: as its Value.
class ObjectView {
 public:
  class Iterator {
   public:
    using value_type = Member;
    using difference_type = std::ptrdiff_t;
    Member operator*() const;
    Iterator& operator++();
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return key_.index_ == other.key_.index_; }

   private:
    friend class ObjectView;
    Value key_;
  };
  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] Iterator end() const;
  /// Cost: constant below 2^24 members, linear from there on.
  [[nodiscard]] std::size_t size() const;

  /// A key that is given more than once, for readers that must not guess which one counts.
  /// Cost: quadratic up to 16 members, n log n from there on.
  [[nodiscard]] std::optional<std::string_view> duplicate_key() const;

 private:
  friend class Value;
  Value value_;
};

/// Reads one document at a time. Memory grows to about 14 times the largest document and shrinks again at the
/// next small one. Thread: external lock; one per loop or call.
class Parser {
 public:
  /// Bytes that must be readable (not necessarily set) behind the text given to parse_padded.
  static constexpr std::size_t kPaddingBytes = 64;

  /// Range: max_depth, the nesting of arrays and objects (an empty one at the bottom does not count), 1 to
  /// 1024.
  explicit Parser(std::size_t max_depth = 64);
  ~Parser();
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;

  /// Parses text that is followed by kPaddingBytes readable bytes, without copying it. The strings of the
  /// document live in the parser. Checks UTF-8. Errors: json.syntax, json.depth, json.utf8, json.number
  /// (beyond 64-bit integers or double), with line and column; json.too_large (4 GiB and more, or no memory).
  Result<Value> parse_padded(std::string_view text);
  /// The same with one copy of the text.
  Result<Value> parse(std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::json
