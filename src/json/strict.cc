#include "json/strict.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace slipway::json {

void Faults::add(std::string where, std::string message, std::string fix) {
  if (list_.size() < kMax) list_.push_back({std::move(where), std::move(message), std::move(fix)});
}

ObjectReader::ObjectReader(const Value& value, std::string where, Faults& faults)
    : where_(std::move(where)), faults_(faults), is_object_(value.is_object()) {
  if (!is_object_) {
    faults_.add(where_, "an object is wanted, not " + std::string(type_name(value.type())));
    return;
  }
  for (const Member& member : value.object()) entries_.push_back({member.key, member.value});
}

bool ObjectReader::has(std::string_view key) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [key](const Entry& entry) { return entry.key == key; });
}

std::string ObjectReader::at(std::string_view key) const { return where_ + "." + printable(key); }

void ObjectReader::fault(std::string_view key, std::string message, std::string fix) {
  faults_.add(at(key), std::move(message), std::move(fix));
}

void ObjectReader::wrong_type(std::string_view key, const Value& found, std::string_view wanted) {
  fault(key, std::string(wanted) + " is wanted, not " + std::string(type_name(found.type())));
}

std::optional<Value> ObjectReader::find(std::string_view key, Need need) {
  asked_.emplace_back(key);
  for (const Entry& entry : entries_) {
    if (entry.key == key) return entry.value;
  }
  if (need == Need::kRequired && is_object_) fault(key, "is missing");
  return std::nullopt;
}

std::optional<Value> ObjectReader::value(std::string_view key, Need need) { return find(key, need); }

std::string ObjectReader::text(std::string_view key, Need need) {
  const auto found = find(key, need);
  if (!found) return {};
  const auto text = found->as_string();
  if (!text) wrong_type(key, *found, "a string");
  return std::string(text.value_or(""));
}

bool ObjectReader::boolean(std::string_view key, Need need) {
  const auto found = find(key, need);
  if (!found) return false;
  const auto truth = found->as_bool();
  if (!truth) wrong_type(key, *found, "true or false");
  return truth.value_or(false);
}

std::uint64_t ObjectReader::uint64(std::string_view key, Need need) {
  const auto found = find(key, need);
  if (!found) return 0;
  const auto number = found->as_uint64();
  if (!number) fault(key, "a whole number from 0 is wanted");
  return number.value_or(0);
}

double ObjectReader::number(std::string_view key, Need need) {
  const auto found = find(key, need);
  if (!found) return 0;
  const auto number = found->as_double();
  if (!number) wrong_type(key, *found, "a number");
  return number.value_or(0);
}

std::vector<Value> ObjectReader::array(std::string_view key, std::size_t max, Need need) {
  std::vector<Value> elements;
  const auto found = find(key, need);
  if (!found) return elements;
  if (!found->is_array()) {
    wrong_type(key, *found, "an array");
    return elements;
  }
  for (const Value& element : found->array()) {
    if (elements.size() == max) {
      fault(key, "has more than " + std::to_string(max) + " elements, which is the limit");
      return {};
    }
    elements.push_back(element);
  }
  return elements;
}

std::vector<std::string> ObjectReader::texts(std::string_view key, std::size_t max, Need need) {
  std::vector<std::string> out;
  std::size_t index = 0;
  for (const Value& element : array(key, max, need)) {
    const auto text = element.as_string();
    if (!text) {
      faults_.add(at(key) + "[" + std::to_string(index) + "]",
                  "a string is wanted, not " + std::string(type_name(element.type())));
    }
    out.emplace_back(text.value_or(""));
    ++index;
  }
  return out;
}

void ObjectReader::finish() {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::string_view key = entries_[i].key;
    const auto before = entries_.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) {
      const std::string near = nearest(key, asked_);
      fault(key, "is not known here", near.empty() ? "" : "did you mean " + near + "?");
    } else if (std::any_of(entries_.begin(), before,
                           [key](const Entry& entry) { return entry.key == key; })) {
      fault(key, "is given twice");
    }
  }
}

}  // namespace slipway::json
