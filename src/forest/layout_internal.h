// A forest laid out for the processor.
//
// Every numeric test becomes `value < threshold`, with a false answer for NaN: where a missing value goes
// left, the test asks the negated feature for the opposite and the children change places. So a row is
// `columns()` numbers, its features and, where any test asks for them, their negations. A child is found
// without a branch: a node's children lie side by side, and a leaf is its own child.
#pragma once

#include <cstdint>
#include <vector>

#include "forest/forest.h"

namespace slipway::forest::internal {

template <typename T>
struct WalkNode {
  T threshold;
  std::uint32_t column;
  std::uint32_t children;  ///< the node for true, before the one for false; of a leaf, the node before it
};

enum class Shape : std::uint8_t {
  kWalk,     ///< by WalkNodes
  kGeneral,  ///< node by node as the forest has it: a tree with sets of categories
};

struct TreeLayout {
  Shape shape = Shape::kWalk;
  std::uint32_t depth = 0;
  std::uint32_t root = 0;   ///< kWalk: its first node, also into `values`, times the leaf width
  std::int32_t source = 0;  ///< kGeneral: the root in the forest
  std::uint32_t output = 0;
};

/// T: what is compared; S: what is summed.
template <typename T, typename S>
struct Layout {
  explicit Layout(const Forest& from);

  Forest forest;  ///< without what the layout has made of it
  std::size_t columns = 0;
  std::vector<WalkNode<T>> nodes;
  std::vector<S> values;  ///< by WalkNode, of leaf_width each
  std::vector<TreeLayout> trees;
  std::vector<S> base;
};

extern template struct Layout<float, float>;
extern template struct Layout<float, double>;
extern template struct Layout<double, double>;

}  // namespace slipway::forest::internal
