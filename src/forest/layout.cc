#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "forest/layout_internal.h"

namespace slipway::forest::internal {
namespace {

constexpr std::uint32_t kBlockRows = 16;
constexpr std::size_t kMostLeaves = 64;
constexpr std::size_t kMostLevels = 12;

template <typename T>
struct Split {
  T threshold;
  std::uint32_t column;
  bool swapped;  ///< true means right
};

/// The least number above `value`; nothing where there is none.
template <typename T>
std::optional<T> next_above(T value) {
  const T next = std::nextafter(value, std::numeric_limits<T>::infinity());
  if (next == value) return std::nullopt;
  return next;
}

/// The test of a numeric node; nothing for the few thresholds, all infinite, that have none of this form.
template <typename T>
std::optional<Split<T>> make_split(const Forest& forest, std::size_t node) {
  const auto threshold = static_cast<T>(forest.nodes.threshold[node]);
  const std::uint32_t feature = forest.nodes.feature[node];
  const bool strict = forest.compare == Compare::kLess;
  if (forest.nodes.nan_left[node] == 0) {
    const std::optional<T> bound = strict ? threshold : next_above(threshold);
    if (!bound) return std::nullopt;
    return Split<T>{*bound, feature, false};
  }
  // Right is x >= t, thus -x <= -t; or x > t, thus -x < -t.
  const std::optional<T> bound = strict ? next_above(-threshold) : -threshold;
  if (!bound) return std::nullopt;
  return Split<T>{*bound, forest.features + feature, true};
}

/// Lays out trees one after the other.
template <typename T, typename S>
class Builder {
 public:
  explicit Builder(Layout<T, S>& layout) : layout_(layout), forest_(layout.forest) {}

  void add(const Tree& tree) {
    TreeLayout plan;
    plan.output = tree.output;
    plan.source = tree.root;
    if (!can_walk(tree.root)) {
      plan.shape = Shape::kGeneral;
    } else {
      plan.root = static_cast<std::uint32_t>(layout_.nodes.size());
      plan.depth = add_walk(tree.root);
      if (forest_.leaf_width == 1) add_tests(tree.root, plan);
    }
    layout_.trees.push_back(plan);
  }

 private:
  bool can_walk(std::int32_t root) {
    std::vector<std::int32_t> waiting = {root};
    while (!waiting.empty()) {
      const std::int32_t at = waiting.back();
      waiting.pop_back();
      if (at < 0) continue;
      const auto node = static_cast<std::size_t>(at);
      if (forest_.nodes.categories[node] >= 0 || !make_split<T>(forest_, node)) return false;
      waiting.push_back(forest_.nodes.left[node]);
      waiting.push_back(forest_.nodes.right[node]);
    }
    return true;
  }

  /// Level by level, so that what most rows pass lies together. Gives the depth.
  std::uint32_t add_walk(std::int32_t root) {
    std::vector<std::int32_t> level = {root};
    std::uint32_t depth = 0;
    std::size_t first = layout_.nodes.size();
    push_places(1);
    while (true) {
      std::vector<std::int32_t> below;
      for (std::size_t i = 0; i < level.size(); ++i) {
        const std::size_t place = first + i;
        if (level[i] < 0) {
          set_leaf(place, level[i]);
          continue;
        }
        const auto node = static_cast<std::size_t>(level[i]);
        const Split<T> test = *make_split<T>(forest_, node);
        const std::int32_t left = forest_.nodes.left[node];
        const std::int32_t right = forest_.nodes.right[node];
        layout_.nodes[place] = {test.threshold, test.column,
                                static_cast<std::uint32_t>(first + level.size() + below.size())};
        below.push_back(test.swapped ? right : left);
        below.push_back(test.swapped ? left : right);
        if (test.swapped) layout_.columns = 2 * std::size_t{forest_.features};
      }
      if (below.empty()) return depth;
      ++depth;
      first += level.size();
      push_places(below.size());
      level = std::move(below);
    }
  }

  void add_tests(std::int32_t root, TreeLayout& plan) {
    plan.tests_begin = static_cast<std::uint32_t>(layout_.tests.size());
    plan.values_begin = static_cast<std::uint32_t>(layout_.leaf_values.size());
    if (!add_symmetric(root, plan) && !add_quick(root, plan)) return;
    const std::size_t used = layout_.leaf_values.size() - plan.values_begin;
    plan.leaves = static_cast<std::uint32_t>(used);
    layout_.leaf_values.resize(plan.values_begin + (used > 32 ? std::max(used, std::size_t{64}) : 32), S(0));
    plan.tests = static_cast<std::uint32_t>(layout_.tests.size()) - plan.tests_begin;
  }

  /// Lays out a tree whose levels have one test each; false, and nothing done, where it is another.
  bool add_symmetric(std::int32_t root, TreeLayout& plan) {
    std::vector<std::int32_t> level = {root};
    std::vector<std::size_t> first_of_level;
    while (level[0] >= 0) {
      const auto first = static_cast<std::size_t>(level[0]);
      std::vector<std::int32_t> below;
      for (const std::int32_t at : level) {
        if (at < 0) return false;
        const auto node = static_cast<std::size_t>(at);
        const Nodes& nodes = forest_.nodes;
        if (nodes.feature[node] != nodes.feature[first] || nodes.threshold[node] != nodes.threshold[first] ||
            nodes.nan_left[node] != nodes.nan_left[first]) {
          return false;
        }
        below.push_back(nodes.left[node]);
        below.push_back(nodes.right[node]);
      }
      first_of_level.push_back(first);
      if (first_of_level.size() > kMostLevels) return false;
      level = std::move(below);
    }
    if (std::any_of(level.begin(), level.end(), [](std::int32_t at) { return at >= 0; })) return false;
    for (std::size_t i = 0; i < first_of_level.size(); ++i) {
      const Split<T> split = *make_split<T>(forest_, first_of_level[i]);
      const std::uint32_t bit = std::uint32_t{1} << (first_of_level.size() - 1 - i);
      layout_.tests.push_back({split.threshold, split.column * kBlockRows, bit});
      if (!split.swapped) plan.start |= bit;
    }
    for (const std::int32_t leaf : level)
      layout_.leaf_values.push_back(static_cast<S>(forest_.leaves[static_cast<std::size_t>(~leaf)]));
    plan.shape = Shape::kSymmetric;
    return true;
  }

  /// Lays out a tree of few leaves; false, and nothing done, where it has more.
  bool add_quick(std::int32_t root, TreeLayout& plan) {
    struct Range {
      std::size_t node;
      std::size_t begin, end;  ///< leaves below "true"
    };
    std::vector<Range> ranges;
    std::vector<std::int32_t> leaves;
    // The leaves in the order in which "true" comes first.
    const auto visit = [&](const auto& self, std::int32_t at) -> bool {
      if (leaves.size() > kMostLeaves) return false;
      if (at < 0) {
        leaves.push_back(~at);
        return true;
      }
      const auto node = static_cast<std::size_t>(at);
      const bool swapped = make_split<T>(forest_, node)->swapped;
      const std::size_t begin = leaves.size();
      if (!self(self, swapped ? forest_.nodes.right[node] : forest_.nodes.left[node])) return false;
      ranges.push_back({node, begin, leaves.size()});
      return self(self, swapped ? forest_.nodes.left[node] : forest_.nodes.right[node]);
    };
    if (plan.depth > kMostLeaves || !visit(visit, root) || leaves.size() > kMostLeaves) return false;
    for (const std::size_t word : {std::size_t{0}, std::size_t{1}}) {
      for (const Range& range : ranges) {
        const std::uint32_t struck = bits_of(range.begin, range.end, word * 32);
        if (struck == 0) continue;
        const Split<T> split = *make_split<T>(forest_, range.node);
        layout_.tests.push_back({split.threshold, split.column * kBlockRows, ~struck});
      }
      if (word == 0) plan.first_tests = static_cast<std::uint32_t>(layout_.tests.size()) - plan.tests_begin;
    }
    for (const std::int32_t leaf : leaves)
      layout_.leaf_values.push_back(static_cast<S>(forest_.leaves[static_cast<std::size_t>(leaf)]));
    plan.shape = Shape::kQuick;
    return true;
  }

  /// The bits `begin` to `end`, counted from bit `first` of a word of 32.
  static std::uint32_t bits_of(std::size_t begin, std::size_t end, std::size_t first) {
    std::uint32_t bits = 0;
    for (std::size_t i = std::max(begin, first); i < std::min(end, first + 32); ++i)
      bits |= std::uint32_t{1} << (i - first);
    return bits;
  }

  void push_places(std::size_t count) {
    layout_.nodes.resize(layout_.nodes.size() + count);
    layout_.values.resize(layout_.nodes.size() * forest_.leaf_width, S(0));
  }

  void set_leaf(std::size_t place, std::int32_t leaf) {
    layout_.nodes[place] = {-std::numeric_limits<T>::infinity(), 0, static_cast<std::uint32_t>(place - 1)};
    const std::size_t from = static_cast<std::size_t>(~leaf) * forest_.leaf_width;
    for (std::size_t k = 0; k < forest_.leaf_width; ++k)
      layout_.values[place * forest_.leaf_width + k] = static_cast<S>(forest_.leaves[from + k]);
  }

  Layout<T, S>& layout_;
  const Forest& forest_;
};

}  // namespace

template <typename T, typename S>
Layout<T, S>::Layout(const Forest& from) : forest(from), columns(from.features) {
  Builder<T, S> builder(*this);
  bool general = false;
  for (const Tree& tree : forest.trees) {
    builder.add(tree);
    general = general || trees.back().shape == Shape::kGeneral;
  }
  for (std::size_t i = 0; i < trees.size(); ++i) {
    if (trees[i].shape != Shape::kGeneral) by_depth.push_back(static_cast<std::uint32_t>(i));
  }
  std::stable_sort(by_depth.begin(), by_depth.end(),
                   [this](std::uint32_t a, std::uint32_t b) { return trees[a].depth < trees[b].depth; });
  for (const double value : forest.base) base.push_back(static_cast<S>(value));
  forest.trees = {};
  if (!general) {
    forest.nodes = {};
    forest.leaves = {};
    forest.category_sets = {};
  }
}

template struct Layout<float, float>;
template struct Layout<float, double>;
template struct Layout<double, double>;

}  // namespace slipway::forest::internal
