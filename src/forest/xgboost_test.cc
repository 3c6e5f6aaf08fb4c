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
using testing::replaced;
using testing::xgboost_json;
using testing::XgboostModel;

TEST(Xgboost, A_row_below_the_threshold_goes_left_and_a_missing_value_where_the_node_says) {
  const std::string text = xgboost_json({});
  EXPECT_EQ(answer(text, {0.4999, 0}), 1);
  EXPECT_EQ(answer(text, {0.5, 1}), 2);
  EXPECT_EQ(answer(text, {0.5, 2}), 3);
  EXPECT_EQ(answer(text, {kNan, 2}), 1);
  EXPECT_EQ(answer(text, {0.5, kNan}), 3);
}

TEST(Xgboost, The_base_score_is_an_answer_turned_back_into_a_score) {
  XgboostModel model;
  model.base_score = "[2.5E-1]";
  EXPECT_EQ(answer(xgboost_json(model), {0, 0}), 1.25);
  model.objective = "count:poisson";
  EXPECT_FLOAT_EQ(static_cast<float>(answer(xgboost_json(model), {0, 0})), 0.25F * std::exp(1.0F));
  model.objective = "binary:logistic";
  EXPECT_FLOAT_EQ(static_cast<float>(answer(xgboost_json(model), {0, 0})), 1 / (1 + 3 * std::exp(-1.0F)));
}

TEST(Xgboost, Categories_of_a_node_go_right_and_what_is_none_goes_left) {
  XgboostModel model;
  model.tree.more =
      R"(,"split_type":[1,0,0,0,0],"categories":[1,33],"categories_nodes":[0],"categories_segments":[0],"categories_sizes":[2])";
  const std::string text = xgboost_json(model);
  for (const double left : {0.0, 2.0, 32.0, 34.0, 1e9, -1.0, -0.5, kNan})
    EXPECT_EQ(answer(text, {left, 0}), 1) << left;
  for (const double right : {1.0, 1.5, 33.0}) EXPECT_EQ(answer(text, {right, 0}), 2) << right;
}

TEST(Xgboost, Trees_after_the_best_round_do_not_answer) {
  XgboostModel model;
  std::string text = xgboost_json(model);
  const std::size_t begin = text.find(R"({"default_left")");
  const std::string tree = text.substr(begin, text.find("]},\"name\"") - begin);
  text = replaced(replaced(text, tree, tree + "," + tree), "\"tree_info\":[0]", "\"tree_info\":[0,0]");
  EXPECT_EQ(answer(text, {0, 0}), 2);
  model.more_learner = R"(,"attributes":{"best_iteration":"0"})";
  const std::string stopped =
      replaced(replaced(xgboost_json(model), tree, tree + "," + tree), "\"tree_info\":[0]",
               "\"gbtree_model_param\":{\"num_parallel_tree\":\"1\"},\"tree_info\":[0,0]");
  EXPECT_EQ(answer(stopped, {0, 0}), 1);
}

TEST(Xgboost, A_file_that_makes_no_sense_is_refused_by_what_is_wrong) {
  const std::string good = xgboost_json({});
  ASSERT_TRUE(read(as_bytes(good)).ok());
  const std::tuple<std::string, std::string, std::string> rows[] = {
      {"[1,-1,3,-1,-1]", "[1,-1,0,-1,-1]", "node 0 has two parents"},
      {"[1,-1,3,-1,-1]", "[0,-1,3,-1,-1]", "two parents, or is below itself"},
      {"[2,-1,4,-1,-1]", "[2,-1,9,-1,-1]", "child 9"},
      {"[2,-1,4,-1,-1]", "[2,-1,-7,-1,-1]", "child -7"},
      {"[1,-1,3,-1,-1]", "[1,-1,4,-1,-1]", "one child twice"},
      {"[0,0,1,0,0]", "[0,0,2,0,0]", "feature 2"},
      {"[0,0,1,0,0]", "[0,0,-1,0,0]", "split_indices"},
      {"[0.5,1,2,2,3]", "[\"NaN\",1,2,2,3]", "split_conditions"},
      {"[0.5,1,2,2,3]", "[NaN,1,2,2,3]", "JSON"},
      {"[0.5,1,2,2,3]", "[0.5,1,2,2]", "split_conditions"},
      {"[0.5,1,2,2,3]", "[0.5,1e39,2,2,3]", "leaf 0 is not finite"},
      {"[0.5,1,2,2,3]", "0.5", "not an array"},
      {"\"num_nodes\":\"5\"", "\"num_nodes\":\"5000000000\"", "at most"},
      {"\"num_nodes\":\"5\"", "\"num_nodes\":\"0\"", "no nodes"},
      {"\"num_nodes\":\"5\"", "\"num_nodes\":\"-5\"", "whole number"},
      {"\"num_nodes\":\"5\"", "\"num_nodes\":5.5", "whole number"},
      {"[1,0,0,0,0]", "[1,0,true,0,0]", "default_left"},
      {"\"tree_info\":[0]", "\"tree_info\":[1]", "output 1 of 1"},
      {"\"tree_info\":[0]", "\"tree_info\":[0,0]", "tree_info"},
      {"\"num_feature\":\"2\"", "\"num_feature\":\"99999999\"", "at most"},
      {"\"num_feature\":\"2\"", "\"num_feature\":\"0\"", "no features"},
      {"\"base_score\":\"0E0\"", "\"base_score\":\"nan\"", "not finite"},
      {"\"base_score\":\"0E0\"", "\"base_score\":\"zero\"", "no number"},
      {"\"base_score\":\"0E0\"", "\"base_score\":\"[0,0]\"", "one number for each"},
      {"\"feature_names\":[]", "\"feature_names\":[\"a\"]", "1 names"},
      {"\"learner_model_param\"", "\"learner_model\"", "lacks 'learner_model_param'"},
  };
  for (const auto& [from, to, says] : rows) {
    expect_refused(replaced(good, from, to), "forest.damaged", says);
  }
  for (std::size_t cut = 12; cut < good.size(); ++cut) EXPECT_FALSE(read(as_bytes(good.substr(0, cut))).ok());
}

TEST(Xgboost, What_is_not_done_is_refused_with_what_it_is) {
  const std::pair<std::string, std::string> rows[] = {
      {"reg:squarederror", "my:own"},
      {"gbtree", "gblinear"},
      {"\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"3\""}};
  for (const auto& [from, to] : rows) {
    expect_refused(replaced(xgboost_json({}), from, to), "forest.unsupported");
  }
}

}  // namespace
}  // namespace slipway::forest
