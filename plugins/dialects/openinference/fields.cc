#include "plugins/dialects/openinference/fields.h"

#include <utility>

#include "base/text.h"

namespace slipway::openinference {
namespace {

Error wrong_type(const std::string& where, std::string_view key, const json::Value& found,
                 std::string_view wanted) {
  return invalid_argument("v2.body", where + ": \"" + std::string(key) + "\" is " +
                                         std::string(json::type_name(found.type())) + ", but " +
                                         std::string(wanted) + " is wanted");
}

Status check_object(const json::Value& value, const std::string& where) {
  if (!value.is_object()) {
    return invalid_argument(
        "v2.body", where + " is " + std::string(json::type_name(value.type())) + ", but an object is wanted");
  }
  if (const auto twice = value.object().duplicate_key())
    return invalid_argument("v2.body", where + " has the key \"" + printable(*twice) + "\" twice");
  return {};
}

}  // namespace

Result<Fields> Fields::of(const json::Value& value, std::string where) {
  SLIPWAY_TRY(check_object(value, where));
  return Fields(value, std::move(where));
}

Result<std::string_view> Fields::text(std::string_view key) const {
  const auto value = find(key);
  if (!value) return invalid_argument("v2.body", where_ + " has no \"" + std::string(key) + "\"");
  const auto text = value->as_string();
  if (!text) return wrong_type(where_, key, *value, "a string");
  return *text;
}

Result<json::Value> Fields::array(std::string_view key) const {
  const auto value = find(key);
  if (!value) return invalid_argument("v2.body", where_ + " has no \"" + std::string(key) + "\"");
  if (!value->is_array()) return wrong_type(where_, key, *value, "an array");
  return *value;
}

Result<std::uint64_t> Fields::count(std::string_view key) const {
  const auto value = find(key);
  if (!value) return invalid_argument("v2.body", where_ + " has no \"" + std::string(key) + "\"");
  const auto count = value->as_uint64();
  if (!count) return wrong_type(where_, key, *value, "a whole number from 0 on");
  return *count;
}

Result<Parameters> Parameters::of(const Fields& owner) {
  Parameters parameters;
  parameters.where_ = "the parameters of " + owner.where();
  parameters.object_ = owner.find("parameters");
  if (!parameters.object_) return parameters;
  SLIPWAY_TRY(check_object(*parameters.object_, parameters.where_));
  for (const json::Member member : parameters.object_->object()) {
    if (member.value.is_string() || member.value.is_number() || member.value.as_bool()) continue;
    return invalid_argument("v2.parameter", parameters.where_ + ": \"" + printable(member.key) + "\" is " +
                                                std::string(json::type_name(member.value.type())) +
                                                ", but parameters are strings, numbers or booleans");
  }
  return parameters;
}

Result<std::optional<bool>> Parameters::flag(std::string_view key) const {
  const auto value = object_ ? object_->find(key) : std::nullopt;
  if (!value) return std::optional<bool>();
  const auto flag = value->as_bool();
  if (!flag) {
    return invalid_argument("v2.parameter", where_ + ": \"" + std::string(key) + "\" is to be true or false");
  }
  return flag;
}

Result<std::optional<std::uint64_t>> Parameters::count(std::string_view key) const {
  const auto value = object_ ? object_->find(key) : std::nullopt;
  if (!value) return std::optional<std::uint64_t>();
  const auto count = value->as_uint64();
  if (!count) {
    return invalid_argument("v2.parameter",
                            where_ + ": \"" + std::string(key) + "\" is to be a whole number from 0 on");
  }
  return count;
}

Result<std::optional<std::string_view>> Parameters::text(std::string_view key) const {
  const auto value = object_ ? object_->find(key) : std::nullopt;
  if (!value) return std::optional<std::string_view>();
  const auto text = value->as_string();
  if (!text)
    return invalid_argument("v2.parameter", where_ + ": \"" + std::string(key) + "\" is to be a string");
  return text;
}

std::vector<std::string_view> Parameters::keys() const {
  std::vector<std::string_view> keys;
  if (!object_) return keys;
  for (const json::Member member : object_->object()) keys.push_back(member.key);
  return keys;
}

bool Parameters::has_prefix(std::string_view prefix) const {
  if (!object_) return false;
  for (const json::Member member : object_->object()) {
    if (member.key.starts_with(prefix)) return true;
  }
  return false;
}

}  // namespace slipway::openinference
