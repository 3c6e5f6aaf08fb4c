// Reading objects strictly: unknown keys, keys given twice, missing ones and wrong types are faults, and all
// faults are collected before anybody gives up.
//
//   Faults faults;
//   ObjectReader in(value, "package.json", faults);
//   config.name = in.text("name");
//   in.finish();
//   if (!faults.empty()) return invalid_argument(...).with_faults(faults.take());
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "json/json.h"

namespace slipway::json {

/// Thread: external lock.
class Faults {
 public:
  static constexpr std::size_t kMax = 50;  ///< further faults are not kept

  void add(std::string where, std::string message, std::string fix = "");
  [[nodiscard]] bool empty() const { return list_.empty(); }
  [[nodiscard]] std::vector<Fault> take() { return std::move(list_); }

 private:
  std::vector<Fault> list_;
};

enum class Need : std::uint8_t { kRequired, kOptional };

/// One object. Each getter takes the member `key` of that type; where it is missing (and required) or of
/// another type, it notes a fault and gives nothing, or an empty value. Borrows: the parser's document,
/// faults. Thread: external lock.
class ObjectReader {
 public:
  ObjectReader(const Value& value, std::string where, Faults& faults);

  [[nodiscard]] bool has(std::string_view key) const;
  std::optional<Value> value(std::string_view key, Need need = Need::kRequired);
  std::string text(std::string_view key, Need need = Need::kRequired);
  bool boolean(std::string_view key, Need need = Need::kRequired);
  std::uint64_t uint64(std::string_view key, Need need = Need::kRequired);
  double number(std::string_view key, Need need = Need::kRequired);
  /// The elements; at most `max`.
  std::vector<Value> array(std::string_view key, std::size_t max, Need need = Need::kRequired);
  /// An array of strings; at most `max`.
  std::vector<std::string> texts(std::string_view key, std::size_t max, Need need = Need::kRequired);

  /// "where.key".
  [[nodiscard]] std::string at(std::string_view key) const;
  /// Notes a fault of one member.
  void fault(std::string_view key, std::string message, std::string fix = "");
  /// Notes every member that no getter asked for (did you mean), and every key given twice.
  void finish();

 private:
  struct Entry {
    std::string_view key;
    Value value;
  };
  std::optional<Value> find(std::string_view key, Need need);
  void wrong_type(std::string_view key, const Value& found, std::string_view wanted);

  std::string where_;
  Faults& faults_;
  bool is_object_;
  std::vector<Entry> entries_;
  std::vector<std::string> asked_;
};

}  // namespace slipway::json
