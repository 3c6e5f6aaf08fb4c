#include "forest/reference_testing.h"

#include <cmath>
#include <limits>

#include "forest/link_internal.h"

namespace slipway::forest::testing {
namespace {

bool goes_left(const Forest& forest, std::size_t node, double value) {
  const Nodes& nodes = forest.nodes;
  if (std::isnan(value)) return nodes.nan_left[node] != 0;
  if (nodes.categories[node] < 0) {
    return forest.compare == Compare::kLess ? value < nodes.threshold[node] : value <= nodes.threshold[node];
  }
  const CategorySet& set = forest.category_sets[static_cast<std::size_t>(nodes.categories[node])];
  const bool is_category = forest.category_rounds_up ? value > -1 : value >= 0;
  const double whole = std::trunc(value);
  if (!is_category || whole >= 32.0 * static_cast<double>(set.size())) return false;
  const auto category = static_cast<std::size_t>(whole);
  return ((set[category / 32] >> (category % 32)) & 1U) != 0;
}

template <typename T>
Reference answers(const Forest& forest, std::span<const double> row) {
  std::vector<T> scores(forest.base.begin(), forest.base.end());
  for (const Tree& tree : forest.trees) {
    std::int32_t at = tree.root;
    while (at >= 0) {
      const auto node = static_cast<std::size_t>(at);
      const std::size_t feature = forest.nodes.feature[node];
      double value = row[feature];
      if (forest.tiny_is_zero && std::abs(value) <= static_cast<double>(1e-35F)) value = 0;
      if (!forest.zero_is_missing.empty() && forest.zero_is_missing[feature] != 0 && value == 0)
        value = std::numeric_limits<double>::quiet_NaN();
      at = goes_left(forest, node, value) ? forest.nodes.left[node] : forest.nodes.right[node];
    }
    const std::size_t leaf = static_cast<std::size_t>(~at) * forest.leaf_width;
    for (std::size_t k = 0; k < forest.leaf_width; ++k)
      scores[forest.leaf_width > 1 ? k : tree.output] += static_cast<T>(forest.leaves[leaf + k]);
  }
  for (std::size_t k = 0; k < scores.size(); ++k) {
    scores[k] /= static_cast<T>(forest.divisor);
    scores[k] = scores[k] * static_cast<T>(forest.scale) +
                (forest.bias.empty() ? T(0) : static_cast<T>(forest.bias[k]));
  }
  const std::vector<T> before = scores;
  internal::apply_link<T>(forest.link, forest.link_parameter, scores);
  Reference found{{scores.begin(), scores.end()}, 0};
  const std::vector<T>& judged = forest.classes_by_score ? before : scores;
  if (forest.task == Task::kBinary) found.chosen = judged[0] > (forest.classes_by_score ? 0 : 0.5) ? 1 : 0;
  for (std::uint32_t k = 1; forest.task == Task::kMulticlass && k < judged.size(); ++k)
    if (judged[k] > judged[found.chosen]) found.chosen = k;
  return found;
}

}  // namespace

Reference reference(const Forest& forest, std::span<const double> row) {
  return forest.sums == Precision::kFloat ? answers<float>(forest, row) : answers<double>(forest, row);
}

}  // namespace slipway::forest::testing
