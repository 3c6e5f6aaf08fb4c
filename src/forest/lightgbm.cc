// LightGBM's text, `version=v2` to `v4`: lines of key=value up to the first blank one, then a block of such
// lines for each tree ("Tree=0"), up to "end of trees". A child below 0 is the leaf ~child. Bits of a node's
// decision_type: 1 = by categories, 2 = missing values go left, 12 = which values are missing (0 none, 4
// zeros, 8 NaN). A node by categories has the number of its set in place of a threshold; cat_boundaries says
// which words of cat_threshold the set has. Source: LightGBM's own files and answers.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "base/text.h"
#include "forest/formats_internal.h"

namespace slipway::forest::internal {
namespace {

constexpr std::size_t kMaxLeavesOfTree = std::size_t{1} << 24U;

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  return line;
}

/// Lines of a text, one after the other.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const std::size_t end = rest_.find('\n');
    line = trimmed(rest_.substr(0, end));
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return true;
  }

 private:
  std::string_view rest_;
};

/// key=value lines up to a blank one. Borrows: the text.
class Block {
 public:
  Block(std::string where, Lines& lines) : where_(std::move(where)) {
    for (std::string_view line; lines.next(line) && !line.empty();) {
      const std::size_t equals = line.find('=');
      values_.emplace(line.substr(0, equals),
                      equals == std::string_view::npos ? std::string_view() : line.substr(equals + 1));
    }
  }

  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] bool has(std::string_view key) const { return values_.contains(key); }

  [[nodiscard]] Result<std::string_view> text(std::string_view key) const {
    const auto found = values_.find(key);
    if (found == values_.end()) return damaged(where_ + " lacks '" + std::string(key) + "'");
    return found->second;
  }

  [[nodiscard]] Result<std::size_t> count(std::string_view key, std::size_t max) const {
    SLIPWAY_ASSIGN_OR_RETURN(const auto list, numbers<std::uint64_t>(key, 1));
    if (list[0] > max)
      return damaged("'" + std::string(key) + "' of " + where_ + " is more than " + std::to_string(max));
    return static_cast<std::size_t>(list[0]);
  }

  /// Exactly `size` numbers, with a blank between.
  template <typename T>
  [[nodiscard]] Result<std::vector<T>> numbers(std::string_view key, std::size_t size) const {
    SLIPWAY_ASSIGN_OR_RETURN(std::string_view rest, text(key));
    std::vector<T> values;
    values.reserve(std::min(size, rest.size()));
    while (!rest.empty()) {
      T value{};
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
      rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
      if (error != std::errc() || (!rest.empty() && rest[0] != ' ')) {
        return damaged("'" + std::string(key) + "' of " + where_ + " has something else than a number at '" +
                       printable(rest, 20) + "'");
      }
      if (!rest.empty()) rest.remove_prefix(1);
      values.push_back(value);
    }
    if (values.size() != size) {
      return damaged("'" + std::string(key) + "' of " + where_ + " has " + std::to_string(values.size()) +
                     " numbers, but " + std::to_string(size) + " are wanted");
    }
    return values;
  }

 private:
  std::string where_;
  std::map<std::string_view, std::string_view> values_;
};

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    if (end != 0) words.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return words;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : lines_(text) {}

  Result<Forest> read() {
    forest_.precision = Precision::kDouble;
    forest_.compare = Compare::kLessEqual;
    forest_.tiny_is_zero = true;
    forest_.category_rounds_up = true;
    std::string_view first;
    lines_.next(first);
    const Block head("the file's head", lines_);
    SLIPWAY_TRY(read_head(head));
    std::string_view line;
    while (lines_.next(line) && line != "end of trees") {
      if (line.empty()) continue;
      if (!line.starts_with("Tree=")) return damaged("a tree is wanted at '" + printable(line) + "'");
      SLIPWAY_TRY(read_tree(Block("tree " + std::to_string(forest_.trees.size()), lines_)));
    }
    if (line != "end of trees") return damaged("the file is cut short: 'end of trees' is missing");
    SLIPWAY_TRY(finish(head));
    return std::move(forest_);
  }

 private:
  // What is known of a feature from the first node that asks for it.
  enum class Missing : std::uint8_t { kUnknown, kZero, kOther };

  Status read_head(const Block& head) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view version, head.text("version"));
    if (version != "v2" && version != "v3" && version != "v4")
      return unsupported("the version '" + printable(version) + "' of LightGBM's format is not known here");
    forest_.source = "LightGBM " + std::string(version);
    SLIPWAY_ASSIGN_OR_RETURN(const std::size_t last, head.count("max_feature_idx", kMaxFeatures - 1));
    SLIPWAY_ASSIGN_OR_RETURN(const std::size_t outputs, head.count("num_tree_per_iteration", kMaxOutputs));
    SLIPWAY_ASSIGN_OR_RETURN(const std::size_t classes, head.count("num_class", kMaxOutputs));
    if (outputs == 0) return damaged("'num_tree_per_iteration' is 0");
    forest_.features = static_cast<std::uint32_t>(last + 1);
    forest_.outputs = static_cast<std::uint32_t>(outputs);
    forest_.base.assign(outputs, 0);
    missing_.assign(forest_.features, Missing::kUnknown);
    if (head.has("linear_tree")) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string_view linear, head.text("linear_tree"));
      if (linear == "1") return linear_error();
    }
    if (head.has("feature_names")) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string_view names, head.text("feature_names"));
      for (const std::string_view name : words_of(names)) forest_.feature_names.emplace_back(name);
      if (forest_.feature_names.size() != forest_.features)
        return damaged("'feature_names' has " + std::to_string(forest_.feature_names.size()) + " names for " +
                       std::to_string(forest_.features) + " features");
    }
    return head.has("objective") ? read_objective(head, classes) : Status();
  }

  Status read_objective(const Block& head, std::size_t classes) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view line, head.text("objective"));
    const std::vector<std::string_view> words = words_of(line);
    if (words.empty()) return {};
    const std::string_view name = words[0];
    static constexpr std::array kPlain = {"regression", "regression_l1", "huber",       "fair",   "quantile",
                                          "mape",       "lambdarank",    "rank_xendcg", "custom", "none"};
    bool square = false;
    for (const std::string_view word : words) {
      square = square || word == "sqrt";
      if (!word.starts_with("sigmoid:")) continue;
      const std::string_view number = word.substr(8);
      const auto [end, error] =
          std::from_chars(number.data(), number.data() + number.size(), forest_.link_parameter);
      if (error != std::errc() || end != number.data() + number.size())
        return damaged("the objective has the sigmoid '" + printable(number) + "'");
    }
    if (name == "binary") {
      forest_.link = Link::kSigmoid;
      forest_.task = Task::kBinary;
    } else if (name == "multiclass" || name == "softmax") {
      forest_.link = Link::kSoftmax;
      forest_.task = Task::kMulticlass;
    } else if (name == "multiclassova") {
      forest_.link = Link::kSigmoid;
      forest_.task = Task::kMulticlass;
    } else if (name == "poisson" || name == "gamma" || name == "tweedie") {
      forest_.link = Link::kExp;
    } else if (name == "cross_entropy") {
      forest_.link = Link::kSigmoid;
    } else if (name == "cross_entropy_lambda") {
      forest_.link = Link::kLog1pExp;
    } else if (std::find(kPlain.begin(), kPlain.end(), name) == kPlain.end()) {
      return unsupported("the objective '" + printable(name) + "' of LightGBM is not known here");
    } else if (square) {
      forest_.link = Link::kSignedSquare;
    }
    const std::size_t wanted = forest_.task == Task::kMulticlass ? classes : 1;
    if (forest_.outputs != wanted || (forest_.task == Task::kMulticlass && classes < 2))
      return damaged("the objective does not fit 'num_tree_per_iteration'");
    const std::size_t names = forest_.task == Task::kBinary ? 2 : classes;
    for (std::size_t i = 0; forest_.task != Task::kNumbers && i < names; ++i)
      forest_.classes.push_back(std::to_string(i));
    return {};
  }

  static Error linear_error() {
    return unsupported(
        "trees with linear models in their leaves are not done here; train without linear_tree");
  }

  Status read_tree(const Block& block) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::size_t count, block.count("num_leaves", kMaxLeavesOfTree));
    if (count == 0) return damaged(block.where() + " has no leaves");
    if (block.has("is_linear")) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string_view linear, block.text("is_linear"));
      if (linear != "0") return linear_error();
    }
    const auto first_node = static_cast<std::int32_t>(forest_.nodes.size());
    const auto first_leaf = static_cast<std::int32_t>(forest_.leaves.size());
    if (forest_.nodes.size() + count > kMaxNodes) return damaged("the trees have too many nodes");
    SLIPWAY_ASSIGN_OR_RETURN(const auto leaves, block.numbers<double>("leaf_value", count));
    forest_.leaves.insert(forest_.leaves.end(), leaves.begin(), leaves.end());
    if (count > 1) {
      SLIPWAY_TRY(read_sets(block));
      SLIPWAY_TRY(read_nodes(block, count - 1, first_node, first_leaf));
    }
    const auto number = forest_.trees.size();
    forest_.trees.push_back(
        {count > 1 ? first_node : ~first_leaf, static_cast<std::uint32_t>(number % forest_.outputs)});
    return {};
  }

  Status read_nodes(const Block& block, std::size_t count, std::int32_t first_node, std::int32_t first_leaf) {
    SLIPWAY_ASSIGN_OR_RETURN(const auto features, block.numbers<std::uint32_t>("split_feature", count));
    SLIPWAY_ASSIGN_OR_RETURN(const auto thresholds, block.numbers<double>("threshold", count));
    SLIPWAY_ASSIGN_OR_RETURN(const auto decisions, block.numbers<std::uint8_t>("decision_type", count));
    SLIPWAY_ASSIGN_OR_RETURN(const auto left, block.numbers<std::int32_t>("left_child", count));
    SLIPWAY_ASSIGN_OR_RETURN(const auto right, block.numbers<std::int32_t>("right_child", count));
    for (std::size_t i = 0; i < count; ++i) {
      SLIPWAY_TRY(add_node(block, i, features[i], thresholds[i], decisions[i]));
      for (const std::int32_t child : {left[i], right[i]}) {
        const std::size_t place =
            child < 0 ? static_cast<std::size_t>(~child) : static_cast<std::size_t>(child);
        if (place >= (child < 0 ? count + 1 : count)) {
          return damaged(block.where() + ", node " + std::to_string(i) + " has the child " +
                         std::to_string(child) + ", but there are " + std::to_string(count) + " nodes");
        }
      }
      const auto place = [&](std::int32_t child) {
        return child < 0 ? ~(~child + first_leaf) : child + first_node;
      };
      forest_.nodes.left.back() = place(left[i]);
      forest_.nodes.right.back() = place(right[i]);
    }
    return {};
  }

  Status add_node(const Block& block, std::size_t number, std::uint32_t feature, double threshold,
                  unsigned decision) {
    const std::string where = block.where() + ", node " + std::to_string(number);
    if (feature >= forest_.features)
      return damaged(where + " asks for feature " + std::to_string(feature) + ", but the model has " +
                     std::to_string(forest_.features));
    if ((decision & 1U) != 0) {
      if (!(threshold >= 0) || threshold >= static_cast<double>(set_count_))
        return damaged(where + " has no set of categories");
      forest_.nodes.add(feature, 0, false, first_set_ + static_cast<std::int32_t>(threshold));
      return {};
    }
    const unsigned missing = (decision >> 2U) & 3U;
    if (missing == 3) return damaged(where + " has the decision type " + std::to_string(decision));
    const Missing rule = missing == 1 ? Missing::kZero : Missing::kOther;
    if (missing_[feature] != Missing::kUnknown && missing_[feature] != rule) {
      return unsupported("feature " + std::to_string(feature) +
                         " counts zeros as missing in some trees and not in others, which is not done here");
    }
    missing_[feature] = rule;
    // Where nothing is missing, NaN counts as 0.
    const bool nan_left = missing == 0 ? 0 <= threshold : (decision & 2U) != 0;
    forest_.nodes.add(feature, threshold, nan_left);
    return {};
  }

  Status read_sets(const Block& block) {
    set_count_ = 0;
    first_set_ = static_cast<std::int32_t>(forest_.category_sets.size());
    if (!block.has("num_cat")) return {};
    SLIPWAY_ASSIGN_OR_RETURN(set_count_, block.count("num_cat", kMaxLeavesOfTree));
    if (set_count_ == 0) return {};
    SLIPWAY_ASSIGN_OR_RETURN(const auto bounds,
                             block.numbers<std::uint32_t>("cat_boundaries", set_count_ + 1));
    SLIPWAY_ASSIGN_OR_RETURN(const auto words, block.numbers<std::uint32_t>("cat_threshold", bounds.back()));
    for (std::size_t i = 0; i < set_count_; ++i) {
      if (bounds[i] > bounds[i + 1] || bounds[i + 1] > words.size())
        return damaged("'cat_boundaries' of " + block.where() + " does not ascend");
      forest_.category_sets.emplace_back(words.begin() + bounds[i], words.begin() + bounds[i + 1]);
    }
    return {};
  }

  Status finish(const Block& head) {
    const std::size_t trees = forest_.trees.size();
    if (trees % forest_.outputs != 0)
      return damaged("the last round lacks trees: there are " + std::to_string(trees));
    for (std::size_t i = 0; i < missing_.size(); ++i) {
      if (missing_[i] != Missing::kZero) continue;
      forest_.zero_is_missing.resize(forest_.features, 0);
      forest_.zero_is_missing[i] = 1;
    }
    if (head.has("average_output") && trees > 0)
      forest_.divisor = static_cast<double>(trees / forest_.outputs);
    return {};
  }

  Lines lines_;
  Forest forest_;
  std::vector<Missing> missing_;
  std::size_t set_count_ = 0;
  std::int32_t first_set_ = 0;
};

}  // namespace

Result<Forest> read_lightgbm_text(std::string_view text) { return Reader(text).read(); }

}  // namespace slipway::forest::internal
