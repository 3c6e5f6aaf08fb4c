#include "forest/models_testing.h"

#include "base/check.h"

namespace slipway::forest::testing {

std::string xgboost_json(const XgboostModel& model) {
  const XgboostTree& tree = model.tree;
  const std::string arrays = R"({"default_left":)" + tree.default_left + R"(,"left_children":)" + tree.left +
                             R"(,"right_children":)" + tree.right + R"(,"split_conditions":)" +
                             tree.condition + R"(,"split_indices":)" + tree.feature +
                             R"(,"tree_param":{"num_nodes":")" + tree.nodes + R"(","size_leaf_vector":"1"})" +
                             tree.more + "}";
  return R"({"learner":{"feature_names":[],"gradient_booster":{"model":{"tree_info":)" + model.tree_info +
         R"(,"trees":[)" + arrays + R"(]},"name":")" + model.booster +
         R"("},"learner_model_param":{"base_score":")" + model.base_score + R"(","num_class":")" +
         model.classes + R"(","num_feature":")" + model.features +
         R"(","num_target":"1"},"objective":{"name":")" + model.objective + R"("})" + model.more_learner +
         R"(},"version":[3,2,0]})";
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  SLIPWAY_CHECK(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace slipway::forest::testing
