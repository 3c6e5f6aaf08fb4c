// Small files of models for tests, made of their parts so that each part can be spoilt.
#pragma once

#include <string>
#include <string_view>

namespace slipway::forest::testing {

/// The arrays of one tree of XGBoost, as JSON. The tree says: feature 0 below 0.5 ? 1 : (feature 1 below 2 ?
/// 2 : 3), missing values go left in the first node only.
struct XgboostTree {
  std::string left = "[1,-1,3,-1,-1]";
  std::string right = "[2,-1,4,-1,-1]";
  std::string feature = "[0,0,1,0,0]";
  std::string condition = "[0.5,1,2,2,3]";
  std::string default_left = "[1,0,0,0,0]";
  std::string nodes = "5";
  std::string more;  ///< further members, each with a comma before it
};

struct XgboostModel {
  std::string objective = "reg:squarederror";
  std::string base_score = "0E0";
  std::string features = "2";
  std::string classes = "0";
  std::string booster = "gbtree";
  std::string tree_info = "[0]";
  XgboostTree tree;
  std::string more_learner;  ///< further members of "learner", each with a comma before it
};

/// The file's text.
std::string xgboost_json(const XgboostModel& model);

/// A tree of LightGBM: feature 0 up to 0.1 ? 1 : (feature 1 up to 2 ? 2 : 3).
std::string lightgbm_text();

/// A symmetric tree of CatBoost: feature 0 above 0.5 adds 1, feature 1 above 2 adds 2; scaled by 2, from 10
/// on.
std::string catboost_json();

/// The text with its first `from` replaced. Precondition: it is there.
std::string replaced(std::string text, std::string_view from, std::string_view to);

}  // namespace slipway::forest::testing
