// A forest laid out for the processor.
//
// Every numeric test becomes `value < threshold`, with a false answer for NaN: where a missing value goes
// left, the test asks the negated feature for the opposite and the children change places. So a row is
// `columns()` numbers, its features and, where any test asks for them, their negations. A child is found
// without a branch: a node's children lie side by side, and a leaf is its own child.
//
// For blocks of rows, small trees are asked all their tests, which takes less time than to walk: every test
// that a row fails strikes out the leaves below its "true", and the first leaf that is left is the row's. The
// leaves are bits of two words of 32. A symmetric tree has one test per level, whose answers are the bits of
// the leaf's number.
// Source: Lucchese et al., "QuickScorer", SIGIR 2015.
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

/// A test of a small or symmetric tree.
template <typename T>
struct Test {
  T threshold;
  std::uint32_t place;  ///< of the column in a block: 16 times its number
  std::uint32_t
      bits;  ///< small trees: the leaves that stay when it fails; symmetric: what it changes when true
};

enum class Shape : std::uint8_t {
  kWalk,       ///< by WalkNodes
  kQuick,      ///< as kWalk for one row, by its tests for blocks; of at most 64 leaves
  kSymmetric,  ///< the same, one test for each level
  kGeneral,    ///< node by node as the forest has it: a tree with sets of categories
};

struct TreeLayout {
  Shape shape = Shape::kWalk;
  std::uint32_t depth = 0;
  std::uint32_t root = 0;   ///< kWalk: its first node, also into `values`, times the leaf width
  std::int32_t source = 0;  ///< kGeneral: the root in the forest
  std::uint32_t output = 0;
  // kQuick, kSymmetric: where its tests and its values by leaf begin.
  std::uint32_t tests_begin = 0;
  std::uint32_t values_begin = 0;
  std::uint32_t tests = 0;
  std::uint32_t first_tests = 0;  ///< of them, those about the leaves 0 to 31, which come first
  std::uint32_t leaves = 0;
  std::uint32_t start = 0;  ///< kSymmetric: the leaf's number where all tests fail
};

/// T: what is compared; S: what is summed.
template <typename T, typename S>
struct Layout {
  explicit Layout(const Forest& from);

  Forest forest;  ///< without what the layout has made of it
  std::size_t columns = 0;
  std::vector<WalkNode<T>> nodes;
  std::vector<S> values;  ///< by WalkNode, of leaf_width each
  std::vector<Test<T>> tests;
  std::vector<S> leaf_values;  ///< of kQuick and kSymmetric; each tree's padded to 32 or 64 at least
  std::vector<TreeLayout> trees;
  std::vector<std::uint32_t> by_depth;  ///< the trees that can be walked, the shallowest first
  std::vector<S> base;
};

extern template struct Layout<float, float>;
extern template struct Layout<float, double>;
extern template struct Layout<double, double>;

}  // namespace slipway::forest::internal
