#include "forest/evaluator.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "forest/kernels_internal.h"
#include "forest/link_internal.h"

namespace slipway::forest {
namespace {

using internal::kLanes;
using internal::Layout;
using internal::Shape;
using internal::TreeLayout;
using internal::WalkNode;

/// Fewer rows are walked one by one, trees together.
constexpr std::size_t kFewRows = 4;
/// Blocks that one tree is asked for before the next one, so that its nodes stay in the nearest cache; their
/// values should stay there too.
constexpr std::size_t kMostBlocks = 8;
constexpr std::size_t kBlockBytes = std::size_t{48} << 10U;
/// Trees that are walked together for one row.
constexpr std::size_t kTogether = 16;
constexpr std::uint32_t kShallow = 7;
constexpr double kTiny = static_cast<double>(1e-35F);

/// Memory of a run: on the stack where it is little.
template <typename T, std::size_t kInPlace>
class Scratch {
 public:
  explicit Scratch(std::size_t count) {
    if (count > kInPlace) heap_.resize(count);
  }
  T* data() { return heap_.empty() ? stack_.data() : heap_.data(); }

 private:
  alignas(64) std::array<T, kInPlace> stack_;
  std::vector<T> heap_;
};

template <typename T, typename S>
class Typed final : public Evaluator {
 public:
  Typed(const Forest& forest, Isa isa) : layout_(forest), kernels_(internal::kernels_of<T, S>(isa)) {}

  void run(const void* features, std::size_t rows, void* answers, std::uint32_t* classes) const override {
    const auto* from = static_cast<const std::byte*>(features);
    auto* to = static_cast<std::byte*>(answers);
    const std::size_t in_bytes = layout_.forest.features * sizeof(T);
    const std::size_t out_bytes = layout_.forest.outputs * sizeof(S);
    while (rows > 0) {
      std::size_t done = 1;
      if (rows <= kFewRows) {
        run_row(from, to, classes);
      } else {
        done = std::min(rows, blocks() * kLanes);
        run_blocks(from, done, to, classes);
      }
      if (classes != nullptr) classes += done;
      rows -= done;
      from += done * in_bytes;
      to += done * out_bytes;
    }
  }

 private:
  [[nodiscard]] std::size_t blocks() const {
    return std::clamp(kBlockBytes / (kLanes * layout_.columns * sizeof(T)), std::size_t{1}, kMostBlocks);
  }

  /// A feature as the trees see it.
  [[nodiscard]] T prepare(std::size_t feature, T value) const {
    const Forest& forest = layout_.forest;
    if (forest.tiny_is_zero && static_cast<double>(std::abs(value)) <= kTiny) value = 0;
    const bool missing =
        !forest.zero_is_missing.empty() && forest.zero_is_missing[feature] != 0 && value == 0;
    return missing ? std::numeric_limits<T>::quiet_NaN() : value;
  }

  /// Writes one row's columns, `stride` apart.
  void load_row(const std::byte* from, T* columns, std::size_t stride) const {
    const std::size_t count = layout_.forest.features;
    const bool negated = layout_.columns > count;
    for (std::size_t i = 0; i < count; ++i) {
      T value;
      std::memcpy(&value, from + i * sizeof(T), sizeof(T));
      value = prepare(i, value);
      columns[i * stride] = value;
      if (negated) columns[(count + i) * stride] = -value;
    }
  }

  void finish(S* scores, std::byte* to, std::uint32_t* chosen) const {
    const Forest& forest = layout_.forest;
    const std::span<S> all(scores, forest.outputs);
    if (forest.divisor != 1) {
      for (S& score : all) score /= static_cast<S>(forest.divisor);
    }
    if (forest.scale != 1 || !forest.bias.empty()) {
      for (std::size_t k = 0; k < all.size(); ++k) {
        all[k] = all[k] * static_cast<S>(forest.scale) +
                 (forest.bias.empty() ? S(0) : static_cast<S>(forest.bias[k]));
      }
    }
    if (chosen != nullptr && forest.classes_by_score) *chosen = internal::choose<S>(forest.task, all, S(0));
    internal::apply_link<S>(forest.link, forest.link_parameter, all);
    if (chosen != nullptr && !forest.classes_by_score)
      *chosen = internal::choose<S>(forest.task, all, S(0.5));
    std::memcpy(to, scores, all.size_bytes());
  }

  /// The leaf of a tree that is not laid out, for a row whose columns are `stride` apart.
  [[nodiscard]] const double* general_leaf(const TreeLayout& tree, const T* columns,
                                           std::size_t stride) const {
    const Forest& forest = layout_.forest;
    const Nodes& nodes = forest.nodes;
    std::int32_t at = tree.source;
    while (at >= 0) {
      const auto node = static_cast<std::size_t>(at);
      const auto value = static_cast<double>(columns[nodes.feature[node] * stride]);
      bool left = false;
      if (std::isnan(value)) {
        left = nodes.nan_left[node] != 0;
      } else if (nodes.categories[node] >= 0) {
        left = in_set(forest.category_sets[static_cast<std::size_t>(nodes.categories[node])], value);
      } else {
        const double threshold = nodes.threshold[node];
        left = forest.compare == Compare::kLess ? value < threshold : value <= threshold;
      }
      at = left ? nodes.left[node] : nodes.right[node];
    }
    return &forest.leaves[static_cast<std::size_t>(~at) * forest.leaf_width];
  }

  [[nodiscard]] bool in_set(const CategorySet& set, double value) const {
    if (layout_.forest.category_rounds_up ? value <= -1 : value < 0) return false;
    if (value >= 32.0 * static_cast<double>(set.size())) return false;
    const auto category = static_cast<std::size_t>(std::max(value, 0.0));
    return ((set[category / 32] >> (category % 32)) & 1U) != 0;
  }

  // Trees of like depth are walked together, whatever their order; their sum is made in it.
  void run_row(const std::byte* from, std::byte* to, std::uint32_t* chosen) const {
    Scratch<T, 512> columns(layout_.columns);
    load_row(from, columns.data(), 1);
    const std::span<const TreeLayout> trees(layout_.trees);
    Scratch<std::uint32_t, 1024> places(trees.size());
    std::uint32_t* const found = places.data();
    const std::span<const std::uint32_t> order(layout_.by_depth);
    std::size_t i = 0;
    for (; i + kTogether <= order.size(); i += kTogether)
      walk_together(order.subspan(i, kTogether), columns.data(), found);
    for (; i < order.size(); ++i) {
      const TreeLayout& tree = trees[order[i]];
      std::uint32_t at = tree.root;
      for (std::uint32_t level = 0; level < tree.depth; ++level) at = step(at, columns.data(), 0, 1);
      found[order[i]] = at;
    }
    Scratch<S, 64> scores(layout_.forest.outputs);
    std::copy(layout_.base.begin(), layout_.base.end(), scores.data());
    if (layout_.forest.outputs == 1 && order.size() == trees.size()) {
      S sum = scores.data()[0];
      for (std::size_t tree = 0; tree < trees.size(); ++tree) sum += layout_.values[found[tree]];
      scores.data()[0] = sum;
    } else {
      add_leaves(found, columns.data(), scores.data());
    }
    finish(scores.data(), to, chosen);
  }

  void add_leaves(const std::uint32_t* found, const T* columns, S* scores) const {
    for (std::size_t i = 0; i < layout_.trees.size(); ++i) {
      const TreeLayout& tree = layout_.trees[i];
      if (tree.shape == Shape::kGeneral) {
        add_leaf(tree, general_leaf(tree, columns, 1), scores);
      } else {
        add_leaf(tree, &layout_.values[std::size_t{found[i]} * layout_.forest.leaf_width], scores);
      }
    }
  }

  template <typename V>
  void add_leaf(const TreeLayout& tree, const V* leaf, S* scores) const {
    const std::size_t width = layout_.forest.leaf_width;
    if (width == 1) {
      scores[tree.output] += static_cast<S>(*leaf);
      return;
    }
    for (std::size_t k = 0; k < width; ++k) scores[k] += static_cast<S>(leaf[k]);
  }

  [[nodiscard]] std::uint32_t step(std::uint32_t at, const T* columns, std::size_t lane,
                                   std::size_t stride) const {
    const WalkNode<T>& node = layout_.nodes[at];
    return node.children + (columns[node.column * stride + lane] < node.threshold ? 0U : 1U);
  }

  void walk_together(std::span<const std::uint32_t> order, const T* columns, std::uint32_t* found) const {
    std::array<std::uint32_t, kTogether> at;
    for (std::size_t k = 0; k < kTogether; ++k) at[k] = layout_.trees[order[k]].root;
    walk<1>(at, layout_.trees[order[kTogether - 1]].depth, columns, 0);
    for (std::size_t k = 0; k < kTogether; ++k) found[order[k]] = at[k];
  }

  /// Walks down from `at`, for one row (kStride 1) or for the rows of a block from `first` on. Deep trees are
  /// mostly lopsided: there it is seen whether all have reached a leaf.
  template <std::size_t kStride>
  void walk(std::array<std::uint32_t, kTogether>& at, std::uint32_t depth, const T* columns,
            std::size_t first) const {
    const auto go = [&] {
#pragma GCC unroll 16
      for (std::size_t k = 0; k < kTogether; ++k)
        at[k] = step(at[k], columns, kStride == 1 ? 0 : first + k, kStride);
    };
    if (depth <= kShallow) {
      for (std::uint32_t level = 0; level < depth; ++level) go();
      return;
    }
    for (std::uint32_t level = 0; level < depth; level += 2) {
      go();
      const std::array<std::uint32_t, kTogether> before = at;
      go();
      std::uint32_t moved = 0;
#pragma GCC unroll 16
      for (std::size_t k = 0; k < kTogether; ++k) moved |= before[k] ^ at[k];
      if (moved == 0) return;
    }
  }

  void run_blocks(const std::byte* from, std::size_t rows, std::byte* to, std::uint32_t* classes) const {
    const std::size_t features = layout_.forest.features;
    const std::size_t outputs = layout_.forest.outputs;
    const std::size_t count = (rows + kLanes - 1) / kLanes;
    const std::size_t block_size = kLanes * layout_.columns;
    std::vector<T> columns(count * block_size);
    for (std::size_t row = 0; row < rows; ++row)
      load_row(from + row * features * sizeof(T), &columns[row / kLanes * block_size + row % kLanes], kLanes);
    std::vector<S> scores(count * kLanes * outputs);
    for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = layout_.base[i / kLanes % outputs];
    for (const TreeLayout& tree : layout_.trees) {
      add_blocks(tree,
                 {columns.data(), block_size, scores.data() + tree.output * kLanes, kLanes * outputs, count});
    }
    Scratch<S, 64> one(outputs);
    for (std::size_t row = 0; row < rows; ++row) {
      const S* first = &scores[row / kLanes * kLanes * outputs + row % kLanes];
      for (std::size_t k = 0; k < outputs; ++k) one.data()[k] = first[k * kLanes];
      finish(one.data(), to + row * outputs * sizeof(S), classes == nullptr ? nullptr : classes + row);
    }
  }

  void add_blocks(const TreeLayout& tree, const internal::Blocks<T, S>& blocks) const {
    switch (tree.shape) {
      case Shape::kQuick:
        return kernels_.quick(tree, &layout_.tests[tree.tests_begin], &layout_.leaf_values[tree.values_begin],
                              blocks);
      case Shape::kSymmetric:
        return kernels_.symmetric(tree, layout_.tests.data() + tree.tests_begin,
                                  &layout_.leaf_values[tree.values_begin], blocks);
      case Shape::kWalk:
        return walk_blocks(tree, blocks);
      case Shape::kGeneral:
        break;
    }
    for (std::size_t block = 0; block < blocks.count; ++block) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        add_lane(general_leaf(tree, blocks.columns + block * blocks.columns_stride + lane, kLanes),
                 blocks.scores + block * blocks.scores_stride + lane);
      }
    }
  }

  /// Adds a leaf to one row's scores, which are kLanes apart.
  template <typename V>
  void add_lane(const V* leaf, S* scores) const {
    for (std::size_t k = 0; k < layout_.forest.leaf_width; ++k) scores[k * kLanes] += static_cast<S>(leaf[k]);
  }

  void walk_blocks(const TreeLayout& tree, const internal::Blocks<T, S>& blocks) const {
    for (std::size_t i = 0; i < blocks.count * kLanes; i += kTogether) {
      const std::size_t block = i / kLanes;
      const std::size_t first = i % kLanes;
      const T* columns = blocks.columns + block * blocks.columns_stride;
      std::array<std::uint32_t, kTogether> at;
      at.fill(tree.root);
      walk<kLanes>(at, tree.depth, columns, first);
      for (std::size_t k = 0; k < kTogether; ++k) {
        add_lane(&layout_.values[std::size_t{at[k]} * layout_.forest.leaf_width],
                 blocks.scores + block * blocks.scores_stride + first + k);
      }
    }
  }

  Layout<T, S> layout_;
  internal::Kernels<T, S> kernels_;
};

}  // namespace

Result<std::unique_ptr<Evaluator>> make_evaluator(const Forest& forest, Isa isa) {
  if (forest.nodes.size() + forest.trees.size() + forest.leaves.size() / forest.leaf_width >
      std::numeric_limits<std::uint32_t>::max() / 2) {
    return unsupported("the trees have too many nodes");
  }
  std::unique_ptr<Evaluator> made;
  if (forest.precision == Precision::kDouble) {
    made = std::make_unique<Typed<double, double>>(forest, isa);
  } else if (forest.sums == Precision::kDouble) {
    made = std::make_unique<Typed<float, double>>(forest, isa);
  } else {
    made = std::make_unique<Typed<float, float>>(forest, isa);
  }
  return made;
}

}  // namespace slipway::forest
