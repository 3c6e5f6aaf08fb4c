#include <charconv>

#include "forest/json_internal.h"

namespace slipway::forest::internal {

Error Node::wrong(std::string_view key, std::string_view wanted) const {
  return damaged("'" + std::string(key) + "' of " + where_ + " is not " + std::string(wanted));
}

Result<json::Value> Node::member(std::string_view key) const {
  if (!value_.is_object()) return damaged(where_ + " is not an object");
  const auto found = value_.find(key);
  if (!found) return damaged(where_ + " lacks '" + std::string(key) + "'");
  return *found;
}

Result<Node> Node::object(std::string_view key) const {
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value found, member(key));
  if (!found.is_object()) return wrong(key, "an object");
  return Node(found, "'" + std::string(key) + "'");
}

Result<std::string> Node::text(std::string_view key) const {
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value found, member(key));
  const auto text = found.as_string();
  if (!text) return wrong(key, "a string");
  return std::string(*text);
}

Result<json::ArrayView> Node::array(std::string_view key) const {
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value found, member(key));
  if (!found.is_array()) return wrong(key, "an array");
  return found.array();
}

Result<std::uint64_t> Node::count(std::string_view key, std::uint64_t max) const {
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value found, member(key));
  std::uint64_t value = 0;
  if (const auto number = found.as_uint64()) {
    value = *number;
  } else if (const auto text = found.as_string()) {
    const char* end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, value);
    if (error != std::errc() || rest != end) return wrong(key, "a whole number");
  } else {
    return wrong(key, "a whole number");
  }
  if (value > max) return wrong(key, "at most " + std::to_string(max));
  return value;
}

Result<double> parse_number(std::string_view text, std::string_view what) {
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size())
    return damaged(std::string(what) + " is '" + printable(text) + "', which is no number");
  return value;
}

Result<json::Value> parse_document(json::Parser& parser, std::string_view text) {
  auto document = parser.parse(text);
  if (!document.ok()) return damaged("the file is no sound JSON: " + document.error().message());
  return *document;
}

}  // namespace slipway::forest::internal
