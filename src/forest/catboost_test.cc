#include <gtest/gtest.h>

#include <tuple>

#include "forest/models_testing.h"
#include "forest/reading_testing.h"

namespace slipway::forest {
namespace {

using testing::answer;
using testing::catboost_json;
using testing::expect_refused;
using testing::kNan;
using testing::replaced;

TEST(Catboost, The_bits_of_a_leaf_s_number_are_the_answers_of_the_splits) {
  const std::string text =
      catboost_json();  // feature 0 above 0.5: +1; feature 1 above 2: +2; twice that, and 10
  EXPECT_EQ(answer(text, {0.5, 2}), 10);
  EXPECT_EQ(answer(text, {0.6, 2}), 12);
  EXPECT_EQ(answer(text, {0.5, 3}), 14);
  EXPECT_EQ(answer(text, {0.6, 3}), 16);
}

TEST(Catboost, A_missing_value_is_above_every_border_or_below) {
  const std::string text = catboost_json();
  EXPECT_EQ(answer(text, {kNan, 0}), 10);
  EXPECT_EQ(answer(replaced(text, "AsIs", "AsFalse"), {kNan, 0}), 10);
  EXPECT_EQ(answer(replaced(text, "AsIs", "AsTrue"), {kNan, 0}), 12);
}

TEST(Catboost, Nested_trees_are_read) {
  std::string text = catboost_json();
  const std::size_t begin = text.find("\"oblivious_trees\"");
  text.replace(begin, text.find(",\"scale_and_bias\"") - begin,
               R"("trees":[{"split":{"border":0.5,"float_feature_index":0,"split_type":"FloatFeature"},)"
               R"("left":{"value":1,"weight":2},"right":{"split":{"border":2,"float_feature_index":1,)"
               R"("split_type":"FloatFeature"},"left":{"value":2},"right":{"value":[3]}}}])");
  EXPECT_EQ(answer(text, {0.5, 0}), 12);
  EXPECT_EQ(answer(text, {0.6, 2}), 14);
  EXPECT_EQ(answer(text, {0.6, 2.1}), 16);
  EXPECT_FALSE(read(as_bytes(replaced(text, "\"value\":[3]", "\"value\":[3,4]"))).ok());
}

TEST(Catboost, Classes_have_the_model_s_names) {
  const std::string text = replaced(catboost_json(), "\"RMSE\"", "\"Logloss\"");
  const auto integers = read(as_bytes(replaced(text, "[]", "[7,-3]")));
  ASSERT_TRUE(integers.ok()) << integers.status().to_string();
  EXPECT_EQ(integers->classes, (std::vector<std::string>{"7", "-3"}));
  EXPECT_TRUE(integers->classes_are_integers);
  const auto words = read(as_bytes(replaced(text, "[]", "[\"no\",\"yes\"]")));
  ASSERT_TRUE(words.ok());
  EXPECT_FALSE(words->classes_are_integers);
  EXPECT_FALSE(read(as_bytes(replaced(text, "[]", "[1,2,3]"))).ok());
}

TEST(Catboost, A_file_that_makes_no_sense_is_refused_by_what_is_wrong) {
  const std::string good = catboost_json();
  const std::tuple<std::string, std::string, std::string> rows[] = {
      {"\"border\":0.5", "\"border\":\"NaN\"", "no number"},
      {"\"border\":0.5", "\"border\":1e400", "JSON"},
      {"\"float_feature_index\":1", "\"float_feature_index\":2", "feature 2"},
      {"\"float_feature_index\":1", "\"float_feature_index\":-2", "whole number"},
      {"[0,1,2,3]", "[0,1,2]", "leaf_values"},
      {"[0,1,2,3]", "[0,1,2,\"x\"]", "leaf_values"},
      {"[0,1,2,3]", "{}", "not an array"},
      {"\"flat_feature_index\":1", "\"flat_feature_index\":0", "numbered"},
      {"\"flat_feature_index\":1", "\"flat_feature_index\":7", "at most"},
      {"[2,[10]]", "[2]", "scale"},
      {"[2,[10]]", "[2,[]]", "bias"},
      {"[2,[10]]", "[2,\"x\"]", "bias"},
      {"\"oblivious_trees\"", "\"forest\"", "lacks 'trees'"},
  };
  for (const auto& [from, to, says] : rows) {
    expect_refused(replaced(good, from, to), "forest.damaged", says);
  }
  for (std::size_t cut = 18; cut < good.size(); ++cut) EXPECT_FALSE(read(as_bytes(good.substr(0, cut))).ok());
}

TEST(Catboost, What_is_not_done_is_refused_with_the_way_out) {
  const std::pair<std::string, std::string> rows[] = {
      {"\"RMSE\"", "\"Mine\""},
      {"FloatFeature", "OneHotFeature"},
      {"FloatFeature", "OnlineCtr"},
      {"\"float_features\"", "\"categorical_features\":[{}],\"float_features\""}};
  for (const auto& [from, to] : rows) {
    expect_refused(replaced(catboost_json(), from, to), "forest.unsupported");
  }
}

}  // namespace
}  // namespace slipway::forest
