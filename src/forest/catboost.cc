// CatBoost's JSON: {"features_info", "model_info", "oblivious_trees" or "trees", "scale_and_bias"}. A tree of
// "oblivious_trees" has one test per level; a row's leaf is the number whose bit i says whether its value is
// above the border of split i. Trees of the other kind are nested: {"split", "left", "right"} or {"value"}.
// Source: the page "JSON model format" of CatBoost, and its own files and answers.
#include <algorithm>
#include <array>
#include <charconv>

#include "forest/formats_internal.h"
#include "forest/json_internal.h"

namespace slipway::forest::internal {
namespace {

constexpr std::size_t kMaxLevels = 24;

struct Loss {
  std::string_view name;
  Link link;
  Task task;
};
constexpr std::array kLosses = {
    Loss{"RMSE", Link::kIdentity, Task::kNumbers},
    Loss{"MAE", Link::kIdentity, Task::kNumbers},
    Loss{"Quantile", Link::kIdentity, Task::kNumbers},
    Loss{"MultiQuantile", Link::kIdentity, Task::kNumbers},
    Loss{"MultiRMSE", Link::kIdentity, Task::kNumbers},
    Loss{"MAPE", Link::kIdentity, Task::kNumbers},
    Loss{"Huber", Link::kIdentity, Task::kNumbers},
    Loss{"Expectile", Link::kIdentity, Task::kNumbers},
    Loss{"Lq", Link::kIdentity, Task::kNumbers},
    Loss{"QueryRMSE", Link::kIdentity, Task::kNumbers},
    Loss{"YetiRank", Link::kIdentity, Task::kNumbers},
    Loss{"PairLogit", Link::kIdentity, Task::kNumbers},
    Loss{"Poisson", Link::kExp, Task::kNumbers},
    Loss{"Tweedie", Link::kExp, Task::kNumbers},
    Loss{"Logloss", Link::kSigmoid, Task::kBinary},
    Loss{"CrossEntropy", Link::kSigmoid, Task::kBinary},
    Loss{"MultiClass", Link::kSoftmax, Task::kMulticlass},
    Loss{"MultiClassOneVsAll", Link::kSigmoid, Task::kMulticlass},
};

constexpr std::string_view kWayOut =
    "; encode categories as numbers before training, or export the model as ONNX (save_model(..., format="
    "\"onnx\")) where CatBoost can";

class Reader {
 public:
  explicit Reader(const Node& file) : file_(file) {}

  Result<Forest> read() {
    forest_.source = "CatBoost";
    forest_.compare = Compare::kLessEqual;
    SLIPWAY_TRY(read_features());
    SLIPWAY_ASSIGN_OR_RETURN(const json::ArrayView scale_and_bias, file_.array("scale_and_bias"));
    SLIPWAY_TRY(read_scale(scale_and_bias));
    SLIPWAY_TRY(read_loss());
    if (file_.has("oblivious_trees")) {
      SLIPWAY_ASSIGN_OR_RETURN(const json::ArrayView trees, file_.array("oblivious_trees"));
      for (const json::Value tree : trees) SLIPWAY_TRY(read_oblivious(Node(tree, this_tree())));
    } else {
      SLIPWAY_ASSIGN_OR_RETURN(const json::ArrayView trees, file_.array("trees"));
      for (const json::Value tree : trees) {
        SLIPWAY_ASSIGN_OR_RETURN(const std::int32_t root, read_nested(Node(tree, this_tree())));
        forest_.trees.push_back({root, 0});
      }
    }
    return std::move(forest_);
  }

 private:
  [[nodiscard]] std::string this_tree() const { return "tree " + std::to_string(forest_.trees.size()); }

  Status read_features() {
    SLIPWAY_ASSIGN_OR_RETURN(const Node info, file_.object("features_info"));
    for (const std::string_view kind : {"categorical_features", "text_features", "embedding_features"}) {
      if (!info.has(kind)) continue;
      SLIPWAY_ASSIGN_OR_RETURN(const json::ArrayView list, info.array(kind));
      if (list.size() > 0)
        return unsupported("CatBoost's " + std::string(kind) + " are not done here" + std::string(kWayOut));
    }
    SLIPWAY_ASSIGN_OR_RETURN(const json::ArrayView list, info.array("float_features"));
    if (list.size() > kMaxFeatures) return damaged("the model has too many features");
    nan_right_.assign(list.size(), 0);
    bool named = true;
    std::vector<std::string> names(list.size());
    std::vector<bool> seen(list.size(), false);
    for (const json::Value value : list) {
      const Node feature(value, "a feature");
      SLIPWAY_ASSIGN_OR_RETURN(const std::uint64_t index,
                               feature.count("flat_feature_index", list.size() - 1));
      SLIPWAY_ASSIGN_OR_RETURN(const std::uint64_t same, feature.count("feature_index", list.size() - 1));
      if (index != same || seen[index])
        return damaged("the features are not numbered from 0 to " + std::to_string(list.size() - 1));
      seen[index] = true;
      std::string treatment = "AsIs";
      if (feature.has("nan_value_treatment")) {
        SLIPWAY_ASSIGN_OR_RETURN(treatment, feature.text("nan_value_treatment"));
      }
      if (treatment != "AsIs" && treatment != "AsFalse" && treatment != "AsTrue")
        return unsupported("the treatment '" + printable(treatment) +
                           "' of missing values is not known here");
      nan_right_[index] = treatment == "AsTrue" ? 1 : 0;
      if (feature.has("feature_id")) {
        SLIPWAY_ASSIGN_OR_RETURN(names[index], feature.text("feature_id"));
      }
      named = named && !names[index].empty();
    }
    forest_.features = static_cast<std::uint32_t>(list.size());
    if (named) forest_.feature_names = std::move(names);
    return {};
  }

  // [scale, [bias of each output]], and [scale, bias] before 0.24.
  Status read_scale(const json::ArrayView& pair) {
    if (pair.size() != 2) return damaged("'scale_and_bias' is not a scale and a bias");
    auto part = pair.begin();
    const auto scale = part->as_double();
    ++part;
    if (!scale) return damaged("'scale_and_bias' is not a scale and a bias");
    forest_.scale = *scale;
    if (part->is_array()) {
      forest_.bias.resize(std::min(part->array().size(), kMaxOutputs + 1));
      if (!part->read_flat(std::span<double>(forest_.bias)).ok() || forest_.bias.empty())
        return damaged("the bias in 'scale_and_bias' is not a list of numbers");
    } else if (const auto bias = part->as_double()) {
      forest_.bias = {*bias};
    } else {
      return damaged("the bias in 'scale_and_bias' is no number");
    }
    forest_.outputs = static_cast<std::uint32_t>(forest_.bias.size());
    forest_.leaf_width = forest_.outputs;
    forest_.base.assign(forest_.outputs, 0);
    return {};
  }

  Status read_loss() {
    if (!file_.has("model_info")) return {};
    SLIPWAY_ASSIGN_OR_RETURN(const Node info, file_.object("model_info"));
    if (!info.has("params")) return {};
    SLIPWAY_ASSIGN_OR_RETURN(const Node params, info.object("params"));
    if (!params.has("loss_function")) return {};
    SLIPWAY_ASSIGN_OR_RETURN(const Node loss, params.object("loss_function"));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string name, loss.text("type"));
    const auto* const known =
        std::find_if(kLosses.begin(), kLosses.end(), [&](const Loss& row) { return row.name == name; });
    if (known == kLosses.end())
      return unsupported("the loss function '" + printable(name) + "' of CatBoost is not known here");
    forest_.link = known->link;
    forest_.task = known->task;
    forest_.classes_by_score = true;  // as CatBoost chooses
    if (forest_.task == Task::kBinary && forest_.outputs != 1)
      return damaged("'scale_and_bias' does not fit the loss function " + name);
    if (forest_.task == Task::kNumbers) return {};
    // Whose targets are probabilities, of no named classes.
    if (name == "CrossEntropy") {
      forest_.classes = {"0", "1"};
      return {};
    }
    return read_classes(info);
  }

  Status read_classes(const Node& info) {
    const std::size_t wanted = forest_.task == Task::kBinary ? 2 : forest_.outputs;
    if (info.has("class_params")) {
      SLIPWAY_ASSIGN_OR_RETURN(const Node params, info.object("class_params"));
      if (params.has("class_names")) {
        SLIPWAY_ASSIGN_OR_RETURN(const json::ArrayView names, params.array("class_names"));
        for (const json::Value name : names) {
          const auto text = name.as_string();
          forest_.classes.push_back(text ? std::string(*text) : name.to_text());
          forest_.classes_are_integers = forest_.classes_are_integers && name.as_int64().has_value();
        }
      }
    }
    for (std::size_t i = 0; forest_.classes.empty() && i < wanted; ++i)
      forest_.classes.push_back(std::to_string(i));
    if (forest_.classes.size() != wanted || wanted < 2) {
      return damaged("the model has " + std::to_string(forest_.classes.size()) + " names of classes for " +
                     std::to_string(wanted) + " classes");
    }
    return {};
  }

  /// Appends a node for a test; the border is a float, written as a double.
  Result<std::size_t> add_split(const Node& split) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string type, split.text("split_type"));
    if (type != "FloatFeature")
      return unsupported("CatBoost's splits of the type '" + printable(type) + "' are not done here" +
                         std::string(kWayOut));
    SLIPWAY_ASSIGN_OR_RETURN(const std::uint64_t feature, split.count("float_feature_index", kMaxFeatures));
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value border, split.member("border"));
    const auto threshold = border.as_double();
    if (!threshold) return damaged("the border of " + split.where() + " is no number");
    if (feature >= forest_.features) {
      return damaged(split.where() + " asks for feature " + std::to_string(feature) + ", but the model has " +
                     std::to_string(forest_.features));
    }
    const std::size_t node = forest_.nodes.size();
    if (node >= kMaxNodes) return damaged("the trees have too many nodes");
    forest_.nodes.add(static_cast<std::uint32_t>(feature),
                      static_cast<double>(static_cast<float>(*threshold)), nan_right_[feature] == 0);
    return node;
  }

  Status read_oblivious(const Node& tree) {
    SLIPWAY_ASSIGN_OR_RETURN(const json::ArrayView splits, tree.array("splits"));
    if (splits.size() > kMaxLevels) return damaged(tree.where() + " has too many splits");
    const std::size_t leaf_count = std::size_t{1} << splits.size();
    SLIPWAY_ASSIGN_OR_RETURN(const auto values,
                             tree.numbers<double>("leaf_values", leaf_count * forest_.leaf_width));
    const std::size_t first = forest_.nodes.size();
    const auto first_leaf = static_cast<std::int32_t>(forest_.leaves.size() / forest_.leaf_width);
    forest_.leaves.insert(forest_.leaves.end(), values.begin(), values.end());
    if (first + leaf_count > kMaxNodes) return damaged("the trees have too many nodes");
    // Node k of a level stands for the rows whose answers so far, the last split's first, are the bits of k.
    std::vector<json::Value> tests(splits.begin(), splits.end());
    for (std::size_t level = 0; level < tests.size(); ++level) {
      const Node split(tests[tests.size() - 1 - level], "a split of " + tree.where());
      const std::size_t begin = forest_.nodes.size();
      for (std::size_t k = 0; k < std::size_t{1} << level; ++k) {
        std::size_t node = forest_.nodes.size();
        if (k == 0) {
          SLIPWAY_ASSIGN_OR_RETURN(node, add_split(split));
        } else {
          forest_.nodes.add(forest_.nodes.feature[begin], forest_.nodes.threshold[begin],
                            forest_.nodes.nan_left[begin] != 0);
        }
        const bool last = level + 1 == tests.size();
        const std::size_t below = begin + (std::size_t{1} << level) + 2 * k;
        forest_.nodes.left[node] =
            last ? ~(first_leaf + static_cast<std::int32_t>(2 * k)) : static_cast<std::int32_t>(below);
        forest_.nodes.right[node] = last ? ~(first_leaf + static_cast<std::int32_t>(2 * k + 1))
                                         : static_cast<std::int32_t>(below + 1);
      }
    }
    forest_.trees.push_back({tests.empty() ? ~first_leaf : static_cast<std::int32_t>(first), 0});
    return {};
  }

  // As deep as the parser lets a file nest.
  Result<std::int32_t> read_nested(const Node& node) {
    if (node.has("value")) {
      SLIPWAY_ASSIGN_OR_RETURN(const json::Value value, node.member("value"));
      const auto leaf = static_cast<std::int32_t>(forest_.leaves.size() / forest_.leaf_width);
      std::vector<double> values(forest_.leaf_width);
      if (const auto one = value.as_double(); one && forest_.leaf_width == 1) {
        values[0] = *one;
      } else if (!value.read_flat(std::span<double>(values)).ok()) {
        return damaged("a leaf of " + node.where() + " does not have one number for each output");
      }
      forest_.leaves.insert(forest_.leaves.end(), values.begin(), values.end());
      if (forest_.leaves.size() > kMaxNodes) return damaged("the trees have too many nodes");
      return ~leaf;
    }
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value split, node.member("split"));
    SLIPWAY_ASSIGN_OR_RETURN(const std::size_t place, add_split(Node(split, "a split of " + node.where())));
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value left, node.member("left"));
    SLIPWAY_ASSIGN_OR_RETURN(const std::int32_t below_left, read_nested(Node(left, node.where())));
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value right, node.member("right"));
    SLIPWAY_ASSIGN_OR_RETURN(const std::int32_t below_right, read_nested(Node(right, node.where())));
    forest_.nodes.left[place] = below_left;
    forest_.nodes.right[place] = below_right;
    return static_cast<std::int32_t>(place);
  }

  const Node& file_;
  Forest forest_;
  std::vector<std::uint8_t> nan_right_;
};

}  // namespace

Result<Forest> read_catboost_json(std::string_view text) {
  json::Parser parser(512);
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value document, parse_document(parser, text));
  const Node file(document, "the file");
  return Reader(file).read();
}

}  // namespace slipway::forest::internal
