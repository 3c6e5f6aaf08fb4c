#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "forest/layout_internal.h"

namespace slipway::forest::internal {
namespace {

template <typename T>
struct Test {
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
std::optional<Test<T>> make_test(const Forest& forest, std::size_t node) {
  const auto threshold = static_cast<T>(forest.nodes.threshold[node]);
  const std::uint32_t feature = forest.nodes.feature[node];
  const bool strict = forest.compare == Compare::kLess;
  if (forest.nodes.nan_left[node] == 0) {
    const std::optional<T> bound = strict ? threshold : next_above(threshold);
    if (!bound) return std::nullopt;
    return Test<T>{*bound, feature, false};
  }
  // Right is x >= t, thus -x <= -t; or x > t, thus -x < -t.
  const std::optional<T> bound = strict ? next_above(-threshold) : -threshold;
  if (!bound) return std::nullopt;
  return Test<T>{*bound, forest.features + feature, true};
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
      if (forest_.nodes.categories[node] >= 0 || !make_test<T>(forest_, node)) return false;
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
        const Test<T> test = *make_test<T>(forest_, node);
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
