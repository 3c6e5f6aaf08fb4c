// Reading members of JSON objects, with Errors that say where.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "forest/forest.h"
#include "json/json.h"

namespace slipway::forest::internal {

/// An object, and the words for it in messages: "tree 3". Borrows: the document, and where.
class Node {
 public:
  Node(json::Value value, std::string where) : value_(value), where_(std::move(where)) {}

  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] json::Value value() const { return value_; }
  [[nodiscard]] bool has(std::string_view key) const { return value_.find(key).has_value(); }

  /// Errors: forest.damaged when it is missing or of another type.
  [[nodiscard]] Result<json::Value> member(std::string_view key) const;
  [[nodiscard]] Result<Node> object(std::string_view key) const;
  [[nodiscard]] Result<std::string> text(std::string_view key) const;
  [[nodiscard]] Result<json::ArrayView> array(std::string_view key) const;

  /// A whole number from 0 to `max`, which may be written as a string.
  [[nodiscard]] Result<std::uint64_t> count(std::string_view key, std::uint64_t max) const;

  /// The numbers of an array, of which there must be `size`; any number when that is kAnySize. T may be bool,
  /// which takes 0 and 1 too.
  static constexpr std::size_t kAnySize = std::numeric_limits<std::size_t>::max();
  template <typename T>
  [[nodiscard]] Result<std::vector<T>> numbers(std::string_view key, std::size_t size = kAnySize) const {
    SLIPWAY_ASSIGN_OR_RETURN(const json::ArrayView list, array(key));
    const std::size_t found = list.size();
    if (size != kAnySize && found != size) {
      return damaged(where_ + " has " + std::to_string(found) + " values in '" + std::string(key) +
                     "', but " + std::to_string(size) + " nodes");
    }
    std::vector<T> values(found);
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value inside, member(key));
    if (const Status status = inside.read_flat(std::span<T>(values)); !status.ok())
      return damaged("'" + std::string(key) + "' of " + where_ + ": " + status.error().message());
    return values;
  }

 private:
  [[nodiscard]] Error wrong(std::string_view key, std::string_view wanted) const;
  json::Value value_;
  std::string where_;
};

/// A number in a string: all of it, as XGBoost writes them. Errors: forest.damaged.
Result<double> parse_number(std::string_view text, std::string_view what);

/// Parses a document that nests at most `max_depth` deep. Errors: forest.damaged.
Result<json::Value> parse_document(json::Parser& parser, std::string_view text);

}  // namespace slipway::forest::internal
