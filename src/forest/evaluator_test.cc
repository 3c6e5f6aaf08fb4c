#include "forest/evaluator.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "forest/reference_testing.h"

namespace slipway::forest {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Random forests of every kind that a Forest can be.
class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  Forest make() {
    Forest forest;
    forest.features = 1 + below(12);
    forest.precision = chance(0.5) ? Precision::kFloat : Precision::kDouble;
    forest.sums =
        forest.precision == Precision::kDouble || chance(0.4) ? Precision::kDouble : Precision::kFloat;
    forest.compare = chance(0.5) ? Compare::kLess : Compare::kLessEqual;
    forest.tiny_is_zero = chance(0.3);
    forest.category_rounds_up = chance(0.5);
    if (chance(0.3)) {
      for (std::uint32_t i = 0; i < forest.features; ++i)
        forest.zero_is_missing.push_back(chance(0.5) ? 1 : 0);
    }
    forest.outputs = chance(0.5) ? 1 : 1 + below(5);
    forest.leaf_width = chance(0.2) ? forest.outputs : 1;
    for (std::uint32_t k = 0; k < forest.outputs; ++k) forest.base.push_back(number(forest));
    missing_left_ = chance(0.3) ? 0 : 0.5;
    categories_ = chance(0.3) ? 0.2 : 0;
    most_depth_ = 1 + below(10);
    symmetric_ = chance(0.3);
    for (std::uint32_t i = below(40); i > 0; --i) {
      const std::int32_t root = symmetric_ ? add_symmetric(forest) : add(forest, 0);
      forest.trees.push_back({root, forest.leaf_width > 1 ? 0 : below(forest.outputs)});
    }
    if (chance(0.2)) forest.divisor = 3;
    if (chance(0.2)) forest.scale = 0.5;
    if (chance(0.2)) forest.bias.assign(forest.outputs, 0.25);
    if (chance(0.5)) forest.link = Link::kSigmoid;
    if (chance(0.7)) forest.task = forest.outputs > 1 ? Task::kMulticlass : Task::kBinary;
    forest.classes_by_score = chance(0.5);
    return forest;
  }

  /// Values near and at the thresholds.
  std::vector<double> row(const Forest& forest) {
    std::vector<double> values;
    for (std::uint32_t i = 0; i < forest.features; ++i) {
      const double odd[] = {0.0, -0.0, kNan, kInfinity, -kInfinity, 1e-36, -0.5, 33, 1e30};
      double value = chance(0.3) ? odd[below(std::size(odd))] : number(forest);
      if (chance(0.4) && forest.nodes.size() > 0)
        value = forest.nodes.threshold[below(static_cast<std::uint32_t>(forest.nodes.size()))];
      if (forest.precision == Precision::kFloat) value = static_cast<double>(static_cast<float>(value));
      values.push_back(value);
    }
    return values;
  }

 private:
  bool chance(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }
  std::uint32_t below(std::size_t end) { return static_cast<std::uint32_t>(random_() % end); }
  double number(const Forest& forest) {
    const double value = chance(0.5) ? std::normal_distribution<>()(random_) : below(6);
    return forest.precision == Precision::kFloat ? static_cast<double>(static_cast<float>(value)) : value;
  }

  std::int32_t add_leaf(Forest& forest) {
    const auto leaf = static_cast<std::int32_t>(forest.leaves.size() / forest.leaf_width);
    for (std::uint32_t k = 0; k < forest.leaf_width; ++k)
      forest.leaves.push_back(static_cast<double>(static_cast<float>(number(forest))));
    return ~leaf;
  }

  std::int32_t add(Forest& forest, std::uint32_t depth) {
    if (depth == most_depth_ || chance(0.15)) return add_leaf(forest);
    const auto node = static_cast<std::int32_t>(forest.nodes.size());
    std::int32_t set = -1;
    if (chance(categories_)) {
      set = static_cast<std::int32_t>(forest.category_sets.size());
      forest.category_sets.push_back({below(1U << 31U), below(1U << 31U)});
    }
    double threshold = number(forest);
    if (chance(0.02)) threshold = chance(0.5) ? kInfinity : -kInfinity;
    forest.nodes.add(below(forest.features), threshold, chance(missing_left_), set);
    const std::int32_t left = add(forest, depth + 1);
    const std::int32_t right = add(forest, depth + 1);
    forest.nodes.left[static_cast<std::size_t>(node)] = left;
    forest.nodes.right[static_cast<std::size_t>(node)] = right;
    return node;
  }

  // One test for each level, as CatBoost has them.
  std::int32_t add_symmetric(Forest& forest) {
    struct Level {
      std::uint32_t feature;
      double threshold;
      bool missing_left;
    };
    std::vector<Level> levels;
    for (std::uint32_t i = below(most_depth_ + 1U); i > 0; --i)
      levels.push_back({below(forest.features), number(forest), chance(missing_left_)});
    const auto grow = [&](const auto& self, std::size_t level) -> std::int32_t {
      if (level == levels.size()) return add_leaf(forest);
      const auto node = forest.nodes.size();
      forest.nodes.add(levels[level].feature, levels[level].threshold, levels[level].missing_left);
      const std::int32_t left = self(self, level + 1);
      const std::int32_t right = self(self, level + 1);
      forest.nodes.left[node] = left;
      forest.nodes.right[node] = right;
      return static_cast<std::int32_t>(node);
    };
    return grow(grow, 0);
  }

  std::mt19937 random_;
  double missing_left_ = 0;
  double categories_ = 0;
  std::uint32_t most_depth_ = 1;
  bool symmetric_ = false;
};

template <typename T, typename S>
void expect_reference(const Forest& forest, const std::vector<std::vector<double>>& rows, Isa isa) {
  const auto evaluator = make_evaluator(forest, isa);
  ASSERT_TRUE(evaluator.ok());
  std::vector<T> features;
  for (const auto& row : rows) features.insert(features.end(), row.begin(), row.end());
  std::vector<S> answers(rows.size() * forest.outputs);
  std::vector<std::uint32_t> classes(rows.size());
  (*evaluator)->run(features.data(), rows.size(), answers.data(), classes.data());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const testing::Reference want = testing::reference(forest, rows[i]);
    ASSERT_EQ(classes[i], want.chosen) << "row " << i << " of " << rows.size();
    for (std::size_t k = 0; k < want.answers.size(); ++k)
      ASSERT_EQ(static_cast<double>(answers[i * forest.outputs + k]), want.answers[k])
          << "row " << i << " of " << rows.size();
  }
}

// exp makes infinity of both scores: equal answers, but not equal scores.
TEST(Evaluator, A_class_is_chosen_by_scores_or_by_answers_as_the_forest_says) {
  Forest forest;
  forest.features = 1;
  forest.outputs = 2;
  forest.base = {1000, 2000};
  forest.link = Link::kExp;
  forest.task = Task::kMulticlass;
  const float feature = 0;
  for (const bool by_score : {false, true}) {
    forest.classes_by_score = by_score;
    std::array<double, 2> answers{};
    std::uint32_t chosen = 7;
    make_evaluator(forest).value()->run(&feature, 1, answers.data(), &chosen);
    EXPECT_EQ(answers, (std::array{kInfinity, kInfinity}));
    EXPECT_EQ(chosen, by_score ? 1U : 0U);
  }
}

TEST(Evaluator, Answers_are_those_of_the_definition_bit_for_bit_however_many_rows_are_asked) {
  for (unsigned seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    Maker maker(seed);
    const Forest forest = maker.make();
    ASSERT_TRUE(check(forest).ok()) << check(forest).to_string();
    for (const std::size_t count : {0, 1, 3, 5, 16, 33, 300}) {
      std::vector<std::vector<double>> rows;
      for (std::size_t i = 0; i < count; ++i) rows.push_back(maker.row(forest));
      for (const Isa isa : {Isa::kPlain, Isa::kAvx2, Isa::kAvx512}) {
        if (isa > best_isa()) continue;
        if (forest.precision == Precision::kDouble) {
          expect_reference<double, double>(forest, rows, isa);
        } else if (forest.sums == Precision::kDouble) {
          expect_reference<float, double>(forest, rows, isa);
        } else {
          expect_reference<float, float>(forest, rows, isa);
        }
      }
    }
  }
}

TEST(Evaluator, Forests_that_contradict_themselves_are_found_before_they_are_run) {
  Maker maker(3);
  Forest good = maker.make();
  while (good.nodes.size() < 3 || good.leaf_width > 1) good = maker.make();
  ASSERT_TRUE(check(good).ok());
  const std::pair<std::string, void (*)(Forest&)> rows[] = {
      {"feature", [](Forest& forest) { forest.nodes.feature[0] = forest.features; }},
      {"node", [](Forest& forest) { forest.nodes.left[0] = 1 << 20; }},
      {"leaf", [](Forest& forest) { forest.nodes.left[0] = ~(1 << 20); }},
      {"two parents", [](Forest& forest) { forest.nodes.left[0] = 0; }},
      {"no number",
       [](Forest& forest) {
         forest.nodes.categories[0] = -1;
         forest.nodes.threshold[0] = kNan;
       }},
      {"categories", [](Forest& forest) { forest.nodes.categories[0] = 1 << 20; }},
      {"leaf 0", [](Forest& forest) { forest.leaves[0] = kInfinity; }},
      {"finite", [](Forest& forest) { forest.base[0] = kNan; }},
      {"size", [](Forest& forest) { forest.nodes.right.pop_back(); }},
      {"size", [](Forest& forest) { forest.base.clear(); }},
      {"features", [](Forest& forest) { forest.features = 0; }},
      {"outputs", [](Forest& forest) { forest.outputs = 0; }},
      {"output", [](Forest& forest) { forest.trees[0].output = 99; }},
  };
  for (const auto& [says, spoil] : rows) {
    Forest bad = good;
    spoil(bad);
    const Status status = check(bad);
    ASSERT_FALSE(status.ok()) << says;
    EXPECT_EQ(status.error().id(), "forest.damaged");
    EXPECT_NE(status.error().message().find(says), std::string::npos) << status.error().message();
  }
}

}  // namespace
}  // namespace slipway::forest
