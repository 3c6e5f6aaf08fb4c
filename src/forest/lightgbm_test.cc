#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "forest/models_testing.h"
#include "forest/reading_testing.h"

namespace slipway::forest {
namespace {

using testing::answer;
using testing::expect_refused;
using testing::kNan;
using testing::lightgbm_text;
using testing::replaced;

// Bits of decision_type: 1 by categories, 2 missing left, 4 zero is missing, 8 NaN is missing.
std::string with_decision(const std::string& bits) {
  return replaced(lightgbm_text(), "decision_type=2 2", "decision_type=" + bits + " 2");
}

TEST(Lightgbm, A_row_at_the_threshold_goes_left_in_double) {
  const std::string text = lightgbm_text();
  EXPECT_EQ(answer(text, {0.1, 0}), 1);
  EXPECT_EQ(answer(text, {std::nextafter(0.1, 1), 2}), 2);
  EXPECT_EQ(answer(text, {0.2, 2.5}), 3);
}

TEST(Lightgbm, A_missing_value_goes_as_the_node_s_kind_of_missing_says) {
  EXPECT_EQ(answer(with_decision("0"), {kNan, 9}), 1);   // counts as 0, which is below 0.1
  EXPECT_EQ(answer(with_decision("8"), {kNan, 9}), 3);   // missing, to the right
  EXPECT_EQ(answer(with_decision("10"), {kNan, 9}), 1);  // missing, to the left
  EXPECT_EQ(answer(with_decision("8"), {0, 9}), 1);
  for (const double zero : {0.0, -0.0, 1e-36, -1e-36, kNan}) {
    EXPECT_EQ(answer(with_decision("4"), {zero, 9}), 3);
    EXPECT_EQ(answer(with_decision("6"), {zero, 9}), 1);
  }
  EXPECT_EQ(answer(with_decision("4"), {1e-30, 9}), 1);
}

TEST(Lightgbm, Categories_of_a_node_go_left_and_everything_else_right) {
  std::string text = with_decision("1");
  text = replaced(text, "num_cat=0", "num_cat=1\ncat_boundaries=0 2\ncat_threshold=2 1");
  text = replaced(text, "threshold=0.1", "threshold=0");
  for (const double left : {1.0, 1.9, 32.0}) EXPECT_EQ(answer(text, {left, 9}), 1) << left;
  for (const double right : {0.0, 2.0, 33.0, 64.0, 1e300, -1.0, -0.5, kNan})
    EXPECT_EQ(answer(text, {right, 9}), 3) << right;
}

TEST(Lightgbm, A_forest_of_averages_is_divided) {
  EXPECT_EQ(answer(replaced(lightgbm_text(), "objective=regression", "objective=regression\naverage_output"),
                   {0, 0}),
            1);
}

TEST(Lightgbm, A_file_that_makes_no_sense_is_refused_by_what_is_wrong) {
  const std::string good = lightgbm_text();
  const std::tuple<std::string, std::string, std::string> rows[] = {
      {"left_child=-1 -2", "left_child=0 -2", "below itself"},
      {"left_child=-1 -2", "left_child=-1 1", "two parents"},
      {"left_child=-1 -2", "left_child=-9 -2", "child -9"},
      {"right_child=1 -3", "right_child=7 -3", "child 7"},
      {"right_child=1 -3", "right_child=1 x", "something else"},
      {"right_child=1 -3", "right_child=1", "1 numbers"},
      {"split_feature=0 1", "split_feature=0 2", "feature 2"},
      {"split_feature=0 1", "split_feature=0 -1", "something else"},
      {"threshold=0.1 2", "threshold=nan 2", "no number"},
      {"threshold=0.1 2", "threshold=0.1 2 3", "3 numbers"},
      {"decision_type=2 2", "decision_type=1 2", "no set of categories"},
      {"decision_type=2 2", "decision_type=14 2", "decision type 14"},
      {"leaf_value=1 2 3", "leaf_value=1 2 inf", "leaf 2"},
      {"num_leaves=3", "num_leaves=300000000", "more than"},
      {"num_leaves=3", "num_leaves=0", "no leaves"},
      {"num_leaves=3", "num_leaves=4", "leaf_value"},
      {"max_feature_idx=1", "max_feature_idx=99999999", "more than"},
      {"max_feature_idx=1", "max_feature_idx=2", "2 names for 3"},
      {"num_tree_per_iteration=1", "num_tree_per_iteration=0", "0"},
      {"num_tree_per_iteration=1", "num_tree_per_iteration=2", "objective does not fit"},
      {"objective=regression", "objective=binary sigmoid:x", "sigmoid 'x'"},
      {"end of trees", "end of tree", "a tree is wanted"},
      {"num_cat=0", "num_cat=1\ncat_boundaries=0 4294967295\ncat_threshold=1", "cat_threshold"},
      {"num_cat=0", "num_cat=2\ncat_boundaries=0 2 1\ncat_threshold=1", "ascend"},
  };
  for (const auto& [from, to, says] : rows) {
    expect_refused(replaced(good, from, to), "forest.damaged", says);
  }
  for (std::size_t cut = 13; cut < good.find("end of trees") + 12; ++cut)
    EXPECT_FALSE(read(as_bytes(good.substr(0, cut))).ok()) << cut;
}

TEST(Lightgbm, What_is_not_done_is_refused_with_what_it_is) {
  const std::pair<std::string, std::string> rows[] = {
      {"objective=regression", "objective=mine"},
      {"is_linear=0", "is_linear=1"},
      {"version=v4", "version=v9"},
      {"split_feature=0 1\nthreshold=0.1 2\ndecision_type=2 2",
       "split_feature=0 0\nthreshold=0.1 2\ndecision_type=4 8"}};
  for (const auto& [from, to] : rows) {
    expect_refused(replaced(lightgbm_text(), from, to), "forest.unsupported");
  }
}

}  // namespace
}  // namespace slipway::forest
