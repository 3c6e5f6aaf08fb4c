#include "forest/forest.h"

#include <cmath>

namespace slipway::forest {
namespace {

std::string place(std::size_t tree, std::size_t node) {
  return "tree " + std::to_string(tree) + ", node " + std::to_string(node);
}

/// Walks one tree, marking what it meets. `first` is its first node, which names in messages count from.
class TreeCheck {
 public:
  TreeCheck(const Forest& forest, std::vector<bool>& seen, std::size_t leaves)
      : forest_(forest), nodes_(forest.nodes), seen_(seen), leaves_(leaves) {}

  Status check(std::size_t index, const Tree& tree) {
    SLIPWAY_TRY(visit(index, tree.root));
    while (!waiting_.empty()) {
      const auto node = static_cast<std::size_t>(waiting_.back());
      waiting_.pop_back();
      SLIPWAY_TRY(check_node(index, node));
      SLIPWAY_TRY(visit(index, nodes_.left[node]));
      SLIPWAY_TRY(visit(index, nodes_.right[node]));
    }
    return {};
  }

 private:
  Status visit(std::size_t tree, std::int32_t child) {
    if (child < 0) {
      if (static_cast<std::size_t>(~child) < leaves_) return {};
      return damaged("tree " + std::to_string(tree) + " has a child that is leaf " + std::to_string(~child) +
                     " of " + std::to_string(leaves_));
    }
    const auto node = static_cast<std::size_t>(child);
    if (node >= nodes_.size()) {
      return damaged("tree " + std::to_string(tree) + " has a child that is node " + std::to_string(node) +
                     " of " + std::to_string(nodes_.size()));
    }
    if (seen_[node]) return damaged(place(tree, node) + " has two parents, or is below itself");
    seen_[node] = true;
    waiting_.push_back(child);
    return {};
  }

  [[nodiscard]] Status check_node(std::size_t tree, std::size_t node) const {
    if (nodes_.feature[node] >= forest_.features) {
      return damaged(place(tree, node) + " asks for feature " + std::to_string(nodes_.feature[node]) +
                     ", but the model has " + std::to_string(forest_.features));
    }
    const std::int32_t set = nodes_.categories[node];
    if (set >= 0) {
      if (static_cast<std::size_t>(set) < forest_.category_sets.size()) return {};
      return damaged(place(tree, node) + " has no set of categories");
    }
    const double threshold = nodes_.threshold[node];
    if (std::isnan(threshold)) return damaged(place(tree, node) + " has a threshold that is no number");
    if (forest_.precision == Precision::kFloat &&
        static_cast<double>(static_cast<float>(threshold)) != threshold) {
      return damaged(place(tree, node) + " has a threshold that is no float");
    }
    return {};
  }

  const Forest& forest_;
  const Nodes& nodes_;
  std::vector<bool>& seen_;
  std::size_t leaves_;
  std::vector<std::int32_t> waiting_;
};

Status check_sizes(const Forest& forest) {
  const Nodes& nodes = forest.nodes;
  const std::size_t count = nodes.size();
  if (forest.features == 0 || forest.features > kMaxFeatures)
    return damaged("a model of " + std::to_string(forest.features) + " features is not taken");
  if (forest.outputs == 0 || forest.outputs > kMaxOutputs)
    return damaged("a model of " + std::to_string(forest.outputs) + " outputs is not taken");
  if (count > kMaxNodes || forest.leaves.size() > kMaxNodes) return damaged("the trees have too many nodes");
  const bool even = nodes.threshold.size() == count && nodes.left.size() == count &&
                    nodes.right.size() == count && nodes.nan_left.size() == count &&
                    nodes.categories.size() == count;
  const bool whole_leaves = (forest.leaf_width == 1 || forest.leaf_width == forest.outputs) &&
                            forest.leaves.size() % forest.leaf_width == 0;
  const bool named = forest.feature_names.empty() || forest.feature_names.size() == forest.features;
  const bool ruled = forest.zero_is_missing.empty() || forest.zero_is_missing.size() == forest.features;
  const bool based =
      forest.base.size() == forest.outputs && (forest.bias.empty() || forest.bias.size() == forest.outputs);
  if (!even || !whole_leaves || !named || !ruled || !based)
    return damaged("the parts of the model differ in size");
  return {};
}

Status check_numbers(const Forest& forest) {
  for (std::size_t i = 0; i < forest.leaves.size(); ++i) {
    if (!std::isfinite(forest.leaves[i]))
      return damaged("the value of leaf " + std::to_string(i) + " is not finite");
  }
  for (const auto* list : {&forest.base, &forest.bias}) {
    for (const double value : *list) {
      if (!std::isfinite(value)) return damaged("the score that sums start at is not finite");
    }
  }
  if (!(forest.divisor >= 1) || !std::isfinite(forest.scale) || !std::isfinite(forest.link_parameter))
    return damaged("the scale of the scores is not finite");
  return {};
}

}  // namespace

void Nodes::add(std::uint32_t feature_index, double split, bool missing_left, std::int32_t category_set) {
  feature.push_back(feature_index);
  threshold.push_back(split);
  left.push_back(-1);
  right.push_back(-1);
  nan_left.push_back(missing_left ? 1 : 0);
  categories.push_back(category_set);
}

Status check(const Forest& forest) {
  SLIPWAY_TRY(check_sizes(forest));
  SLIPWAY_TRY(check_numbers(forest));
  std::vector<bool> seen(forest.nodes.size(), false);
  TreeCheck walk(forest, seen, forest.leaves.size() / forest.leaf_width);
  for (std::size_t i = 0; i < forest.trees.size(); ++i) {
    if (forest.trees[i].output >= forest.outputs) {
      return damaged("tree " + std::to_string(i) + " adds to output " +
                     std::to_string(forest.trees[i].output) + " of " + std::to_string(forest.outputs));
    }
    SLIPWAY_TRY(walk.check(i, forest.trees[i]));
  }
  return {};
}

Error damaged(std::string message) { return invalid_argument("forest.damaged", std::move(message)); }
Error unsupported(std::string message) { return unimplemented("forest.unsupported", std::move(message)); }

}  // namespace slipway::forest
