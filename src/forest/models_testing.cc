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

std::string lightgbm_text() {
  return "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n"
         "objective=regression\nfeature_names=a b\nfeature_infos=[0:1] [0:9]\n\n"
         "Tree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=0 1\nthreshold=0.1 2\ndecision_type=2 2\n"
         "left_child=-1 -2\nright_child=1 -3\nleaf_value=1 2 3\nis_linear=0\nshrinkage=1\n\n\n"
         "end of trees\n\nparameters:\n[boosting: gbdt]\nend of parameters\n";
}

std::string catboost_json() {
  return R"({"features_info":{"float_features":[{"borders":[0.5],"feature_index":0,"flat_feature_index":0,)"
         R"("nan_value_treatment":"AsIs"},{"borders":[2],"feature_index":1,"flat_feature_index":1,)"
         R"("nan_value_treatment":"AsIs"}]},"model_info":{"class_params":{"class_names":[]},"params":)"
         R"({"loss_function":{"type":"RMSE"}}},"oblivious_trees":[{"leaf_values":[0,1,2,3],"splits":[)"
         R"({"border":0.5,"float_feature_index":0,"split_type":"FloatFeature"},)"
         R"({"border":2,"float_feature_index":1,"split_type":"FloatFeature"}]}],"scale_and_bias":[2,[10]]})";
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  SLIPWAY_CHECK(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace slipway::forest::testing
