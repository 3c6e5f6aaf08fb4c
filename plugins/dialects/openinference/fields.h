// Reading the objects of the protocol: members of known types, parameters, names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "json/json.h"

namespace slipway::openinference {

/// Finds members and remembers that they were there, so that no key counts twice.
/// Errors: v2.body, saying that `where` is not an object or has the key twice.
class Fields {
 public:
  static Result<Fields> of(const json::Value& value, std::string where);

  [[nodiscard]] std::optional<json::Value> find(std::string_view key) const { return object_.find(key); }
  /// Errors: v2.body when it is absent or no string.
  [[nodiscard]] Result<std::string_view> text(std::string_view key) const;
  /// Errors: v2.body when it is absent or no array.
  [[nodiscard]] Result<json::Value> array(std::string_view key) const;
  /// Errors: v2.body when it is absent or no whole number from 0 on.
  [[nodiscard]] Result<std::uint64_t> count(std::string_view key) const;
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  Fields(const json::Value& object, std::string where) : object_(object), where_(std::move(where)) {}
  json::Value object_;
  std::string where_;
};

/// The optional member "parameters": string, number or bool each. Unknown ones are checked and left alone.
class Parameters {
 public:
  /// Errors: v2.body (no object, a key twice), v2.parameter (a value of another type).
  static Result<Parameters> of(const Fields& owner);

  /// Each gives nothing where the parameter is absent. Errors: v2.parameter when it is of another type.
  [[nodiscard]] Result<std::optional<bool>> flag(std::string_view key) const;
  [[nodiscard]] Result<std::optional<std::uint64_t>> count(std::string_view key) const;
  [[nodiscard]] Result<std::optional<std::string_view>> text(std::string_view key) const;
  [[nodiscard]] std::vector<std::string_view> keys() const;
  /// A key that starts with `prefix`.
  [[nodiscard]] bool has_prefix(std::string_view prefix) const;

 private:
  std::optional<json::Value> object_;
  std::string where_;
};

}  // namespace slipway::openinference
