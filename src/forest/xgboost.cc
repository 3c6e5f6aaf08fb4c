// XGBoost's JSON, of versions 1.3 to 3.x: {"learner": {"gradient_booster", "learner_model_param",
// "objective",
// ...}, "version": [3,2,0]}. A tree is a set of arrays with an element per node; a node whose left child is
// -1 is a leaf, and its split condition is the leaf's value. Source: the document "Introduction to Model IO"
// of XGBoost, and its own answers.
#include <algorithm>
#include <array>
#include <cmath>

#include "forest/formats_internal.h"
#include "forest/json_internal.h"

namespace slipway::forest::internal {
namespace {

// The base score is stored as an answer and is turned back into a score.
enum class Start : std::uint8_t { kAsIs, kLogit, kLog };

struct Objective {
  std::string_view name;
  Link link;
  Task task;
  Start start;
};
constexpr std::array kObjectives = {
    Objective{"reg:squarederror", Link::kIdentity, Task::kNumbers, Start::kAsIs},
    Objective{"reg:linear", Link::kIdentity, Task::kNumbers, Start::kAsIs},
    Objective{"reg:squaredlogerror", Link::kIdentity, Task::kNumbers, Start::kAsIs},
    Objective{"reg:logistic", Link::kSigmoid, Task::kNumbers, Start::kLogit},
    Objective{"reg:pseudohubererror", Link::kIdentity, Task::kNumbers, Start::kAsIs},
    Objective{"reg:absoluteerror", Link::kIdentity, Task::kNumbers, Start::kAsIs},
    Objective{"reg:quantileerror", Link::kIdentity, Task::kNumbers, Start::kAsIs},
    Objective{"reg:gamma", Link::kExp, Task::kNumbers, Start::kLog},
    Objective{"reg:tweedie", Link::kExp, Task::kNumbers, Start::kLog},
    Objective{"count:poisson", Link::kExp, Task::kNumbers, Start::kLog},
    Objective{"survival:cox", Link::kExp, Task::kNumbers, Start::kLog},
    Objective{"survival:aft", Link::kExp, Task::kNumbers, Start::kLog},
    Objective{"binary:logistic", Link::kSigmoid, Task::kBinary, Start::kLogit},
    Objective{"binary:logitraw", Link::kIdentity, Task::kNumbers, Start::kAsIs},
    Objective{"binary:hinge", Link::kHinge, Task::kNumbers, Start::kAsIs},
    Objective{"multi:softprob", Link::kSoftmax, Task::kMulticlass, Start::kAsIs},
    Objective{"multi:softmax", Link::kSoftmax, Task::kMulticlass, Start::kAsIs},
    Objective{"rank:ndcg", Link::kIdentity, Task::kNumbers, Start::kAsIs},
    Objective{"rank:pairwise", Link::kIdentity, Task::kNumbers, Start::kAsIs},
    Objective{"rank:map", Link::kIdentity, Task::kNumbers, Start::kAsIs},
};

Result<const Objective*> find_objective(const std::string& name) {
  for (const Objective& known : kObjectives) {
    if (known.name == name) return &known;
  }
  return unsupported("the objective '" + printable(name) + "' of XGBoost is not known here");
}

Result<double> to_score(double stored, Start start) {
  const auto base = static_cast<float>(stored);
  if (start == Start::kAsIs) return static_cast<double>(base);
  if (start == Start::kLog) {
    if (base <= 0) return damaged("'base_score' is " + std::to_string(stored) + ", but must be above 0");
    return static_cast<double>(std::log(base));
  }
  if (base <= 0 || base >= 1)
    return damaged("'base_score' is " + std::to_string(stored) + ", but must be between 0 and 1");
  return static_cast<double>(-std::log(1.0F / base - 1.0F));
}

/// "5E-1", or "[5E-1,2E-1]" from 3.1 on: one for all outputs, or one for each.
Status read_base_score(const Node& param, Start start, Forest& forest) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string stored, param.text("base_score"));
  std::string_view rest = stored;
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  std::vector<double> scores;
  while (true) {
    const std::size_t comma = rest.find(',');
    SLIPWAY_ASSIGN_OR_RETURN(const double value, parse_number(rest.substr(0, comma), "'base_score'"));
    SLIPWAY_ASSIGN_OR_RETURN(const double score, to_score(value, start));
    scores.push_back(score);
    if (comma == std::string_view::npos || scores.size() > forest.outputs) break;
    rest = rest.substr(comma + 1);
  }
  if (scores.size() == 1) scores.resize(forest.outputs, scores[0]);
  if (scores.size() != forest.outputs) {
    return damaged("'base_score' does not hold one number for each of the " + std::to_string(forest.outputs) +
                   " outputs");
  }
  forest.base = std::move(scores);
  return {};
}

/// One tree's arrays. A node that was deleted is in them, but below no other.
class TreeReader {
 public:
  /// Counts the words of sets in `set_words`.
  TreeReader(Forest& forest, const Node& tree, std::size_t& set_words)
      : forest_(forest), tree_(tree), set_words_(set_words) {}

  Status read(std::uint32_t output, float weight) {
    SLIPWAY_ASSIGN_OR_RETURN(const Node param, tree_.object("tree_param"));
    SLIPWAY_ASSIGN_OR_RETURN(const std::uint64_t count, param.count("num_nodes", kMaxNodes));
    if (param.has("size_leaf_vector")) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::uint64_t width, param.count("size_leaf_vector", kMaxOutputs));
      if (width > 1) {
        return unsupported(
            "trees whose leaves hold a vector are not done yet; train with multi_strategy="
            "\"one_output_per_tree\"");
      }
    }
    if (count == 0) return damaged(tree_.where() + " has no nodes");
    const auto size = static_cast<std::size_t>(count);
    SLIPWAY_ASSIGN_OR_RETURN(left_, tree_.numbers<std::int32_t>("left_children", size));
    SLIPWAY_ASSIGN_OR_RETURN(right_, tree_.numbers<std::int32_t>("right_children", size));
    SLIPWAY_ASSIGN_OR_RETURN(feature_, tree_.numbers<std::uint32_t>("split_indices", size));
    SLIPWAY_ASSIGN_OR_RETURN(condition_, tree_.numbers<double>("split_conditions", size));
    SLIPWAY_TRY(read_default_left(size));
    SLIPWAY_TRY(read_categories(size));
    return add_nodes(output, weight);
  }

 private:
  // Booleans up to 1.5, then 0 and 1.
  Status read_default_left(std::size_t size) {
    SLIPWAY_ASSIGN_OR_RETURN(const json::ArrayView list, tree_.array("default_left"));
    if (list.size() > 0 && list.begin()->as_bool().has_value()) {
      if (list.size() != size) return damaged(tree_.where() + " has too few values in 'default_left'");
      for (const json::Value value : list) {
        const auto flag = value.as_bool();
        if (!flag) return damaged("'default_left' of " + tree_.where() + " has a value that is no boolean");
        default_left_.push_back(*flag ? 1 : 0);
      }
      return {};
    }
    SLIPWAY_ASSIGN_OR_RETURN(default_left_, tree_.numbers<std::uint8_t>("default_left", size));
    return {};
  }

  // Sets of categories that go right: node categories_nodes[i] has categories[segments[i]] and sizes[i] - 1
  // more.
  Status read_categories(std::size_t size) {
    set_of_.assign(size, -1);
    if (!tree_.has("categories_nodes")) return {};
    SLIPWAY_ASSIGN_OR_RETURN(const auto nodes, tree_.numbers<std::uint32_t>("categories_nodes"));
    SLIPWAY_ASSIGN_OR_RETURN(const auto begins, tree_.numbers<std::uint64_t>("categories_segments"));
    SLIPWAY_ASSIGN_OR_RETURN(const auto sizes, tree_.numbers<std::uint64_t>("categories_sizes"));
    SLIPWAY_ASSIGN_OR_RETURN(const auto values, tree_.numbers<std::uint32_t>("categories"));
    if (begins.size() != nodes.size() || sizes.size() != nodes.size())
      return damaged("the categories of " + tree_.where() + " differ in number");
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i] >= size || begins[i] > values.size() || sizes[i] > values.size() - begins[i])
        return damaged("the categories of " + tree_.where() + " are outside of it");
      CategorySet set;
      for (std::size_t k = 0; k < sizes[i]; ++k) {
        const std::uint32_t category = values[begins[i] + k];
        if (category > kMaxCategory)
          return damaged(tree_.where() + " has the category " + std::to_string(category));
        if (category / 32 >= set.size()) set.resize(category / 32 + 1);
        set[category / 32] |= std::uint32_t{1} << (category % 32);
      }
      set_words_ += set.size();
      if (set_words_ > kMaxSetWords) return damaged(tree_.where() + " has sets of too many categories");
      set_of_[nodes[i]] = static_cast<std::int32_t>(forest_.category_sets.size());
      forest_.category_sets.push_back(std::move(set));
    }
    return {};
  }

  // A file's nodes are leaves too, so each gets its place among ours first.
  Status add_nodes(std::uint32_t output, float weight) {
    const std::size_t size = left_.size();
    std::vector<std::int32_t> places(size);
    for (std::size_t i = 0; i < size; ++i) {
      const bool leaf = left_[i] == -1;
      if (leaf) {
        places[i] = ~static_cast<std::int32_t>(forest_.leaves.size());
        forest_.leaves.push_back(static_cast<double>(static_cast<float>(condition_[i]) * weight));
      } else {
        places[i] = static_cast<std::int32_t>(forest_.nodes.size());
        // What a value's being one of the categories means is the other way round here.
        const bool nan_left = (default_left_[i] != 0) != (set_of_[i] >= 0);
        const double threshold = set_of_[i] >= 0 ? 0 : static_cast<double>(static_cast<float>(condition_[i]));
        forest_.nodes.add(feature_[i], threshold, nan_left, set_of_[i]);
      }
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (left_[i] == -1) continue;
      for (const std::int32_t child : {left_[i], right_[i]}) {
        if (child < 0 || static_cast<std::size_t>(child) >= size) {
          return damaged(tree_.where() + ", node " + std::to_string(i) + " has the child " +
                         std::to_string(child) + ", but there are " + std::to_string(size) + " nodes");
        }
      }
      const auto node = static_cast<std::size_t>(places[i]);
      const auto left = static_cast<std::size_t>(left_[i]);
      const auto right = static_cast<std::size_t>(right_[i]);
      if (left == right)
        return damaged(tree_.where() + ", node " + std::to_string(i) + " has one child twice");
      forest_.nodes.left[node] = places[set_of_[i] >= 0 ? right : left];
      forest_.nodes.right[node] = places[set_of_[i] >= 0 ? left : right];
    }
    forest_.trees.push_back({places[0], output});
    return {};
  }

  static constexpr std::uint32_t kMaxCategory = (1U << 24U) - 1;
  static constexpr std::size_t kMaxSetWords = std::size_t{1} << 22U;

  Forest& forest_;
  const Node& tree_;
  std::vector<std::int32_t> left_, right_, set_of_;
  std::vector<std::uint32_t> feature_;
  std::vector<double> condition_;
  std::vector<std::uint8_t> default_left_;
  std::size_t& set_words_;
};

/// How many trees answer: all, or those up to the best round of early stopping.
Result<std::size_t> trees_that_answer(const Node& learner, const Node& model, std::size_t trees,
                                      std::uint32_t outputs) {
  if (!learner.has("attributes")) return trees;
  SLIPWAY_ASSIGN_OR_RETURN(const Node attributes, learner.object("attributes"));
  if (!attributes.has("best_iteration")) return trees;
  SLIPWAY_ASSIGN_OR_RETURN(const std::uint64_t best, attributes.count("best_iteration", kMaxNodes));
  if (model.has("iteration_indptr")) {
    SLIPWAY_ASSIGN_OR_RETURN(const auto begins, model.numbers<std::uint64_t>("iteration_indptr"));
    if (best + 1 < begins.size())
      return static_cast<std::size_t>(std::min<std::uint64_t>(begins[best + 1], trees));
    return trees;
  }
  SLIPWAY_ASSIGN_OR_RETURN(const Node param, model.object("gbtree_model_param"));
  std::uint64_t parallel = 1;
  if (param.has("num_parallel_tree")) {
    SLIPWAY_ASSIGN_OR_RETURN(parallel, param.count("num_parallel_tree", kMaxNodes));
  }
  return static_cast<std::size_t>(
      std::min<std::uint64_t>((best + 1) * std::max<std::uint64_t>(parallel, 1) * outputs, trees));
}

Status read_names(const Node& learner, Forest& forest) {
  if (!learner.has("feature_names")) return {};
  SLIPWAY_ASSIGN_OR_RETURN(const json::ArrayView names, learner.array("feature_names"));
  for (const json::Value name : names) {
    const auto text = name.as_string();
    if (!text) return damaged("'feature_names' has a name that is no string");
    forest.feature_names.emplace_back(*text);
  }
  if (!forest.feature_names.empty() && forest.feature_names.size() != forest.features) {
    return damaged("the model has " + std::to_string(forest.features) + " features and " +
                   std::to_string(forest.feature_names.size()) + " names of features");
  }
  return {};
}

Status read_trees(const Node& learner, Forest& forest) {
  SLIPWAY_ASSIGN_OR_RETURN(const Node booster, learner.object("gradient_booster"));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string name, booster.text("name"));
  std::vector<float> weights;
  const bool dart = name == "dart";
  if (!dart && name != "gbtree") {
    return unsupported("the booster '" + printable(name) +
                       "' of XGBoost is not made of trees; train with "
                       "booster=\"gbtree\", or export the model as ONNX");
  }
  SLIPWAY_ASSIGN_OR_RETURN(const Node inner, dart ? booster.object("gbtree") : Result<Node>(booster));
  SLIPWAY_ASSIGN_OR_RETURN(const Node model, inner.object("model"));
  SLIPWAY_ASSIGN_OR_RETURN(const json::ArrayView trees, model.array("trees"));
  const std::size_t count = trees.size();
  SLIPWAY_ASSIGN_OR_RETURN(const auto outputs, model.numbers<std::uint32_t>("tree_info", count));
  if (dart) {
    SLIPWAY_ASSIGN_OR_RETURN(weights, booster.numbers<float>("weight_drop", count));
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::size_t answering,
                           trees_that_answer(learner, model, count, forest.outputs));
  std::size_t index = 0;
  std::size_t set_words = 0;
  for (const json::Value tree : trees) {
    if (index == answering) break;
    const Node node(tree, "tree " + std::to_string(index));
    SLIPWAY_TRY(TreeReader(forest, node, set_words).read(outputs[index], dart ? weights[index] : 1.0F));
    if (forest.nodes.size() > kMaxNodes) return damaged("the trees have too many nodes");
    ++index;
  }
  return {};
}

std::string version_of(const Node& file) {
  std::string text = "XGBoost";
  const auto parts = file.numbers<std::uint32_t>("version");
  for (std::size_t i = 0; parts.ok() && i < std::min<std::size_t>(parts->size(), 3); ++i)
    text += (i == 0 ? " " : ".") + std::to_string((*parts)[i]);
  return text;
}

}  // namespace

Result<Forest> read_xgboost_json(std::string_view text) {
  json::Parser parser;
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value document, parse_document(parser, text));
  const Node file(document, "the file");
  SLIPWAY_ASSIGN_OR_RETURN(const Node learner, file.object("learner"));
  SLIPWAY_ASSIGN_OR_RETURN(const Node param, learner.object("learner_model_param"));
  Forest forest;
  forest.source = version_of(file);
  forest.sums = Precision::kFloat;
  SLIPWAY_ASSIGN_OR_RETURN(const std::uint64_t features, param.count("num_feature", kMaxFeatures));
  SLIPWAY_ASSIGN_OR_RETURN(const std::uint64_t classes, param.count("num_class", kMaxOutputs));
  std::uint64_t targets = 1;
  if (param.has("num_target")) {
    SLIPWAY_ASSIGN_OR_RETURN(targets, param.count("num_target", kMaxOutputs));
  }
  if (features == 0) return damaged("the model has no features");
  forest.features = static_cast<std::uint32_t>(features);
  forest.outputs = static_cast<std::uint32_t>(std::max({std::uint64_t{1}, classes, targets}));
  SLIPWAY_ASSIGN_OR_RETURN(const Node objective, learner.object("objective"));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string name, objective.text("name"));
  SLIPWAY_ASSIGN_OR_RETURN(const Objective* const known, find_objective(name));
  forest.link = known->link;
  forest.task = known->task == Task::kBinary && forest.outputs > 1 ? Task::kNumbers : known->task;
  // As XGBoost's predict does it; its XGBClassifier, which is trained with softprob, judges by the answers.
  forest.classes_by_score = name == "multi:softmax";
  if (forest.task == Task::kMulticlass && classes < 2) return damaged("'num_class' is below 2");
  const std::size_t names = forest.task == Task::kBinary ? 2 : forest.outputs;
  for (std::size_t i = 0; forest.task != Task::kNumbers && i < names; ++i)
    forest.classes.push_back(std::to_string(i));
  SLIPWAY_TRY(read_base_score(param, known->start, forest));
  SLIPWAY_TRY(read_names(learner, forest));
  SLIPWAY_TRY(read_trees(learner, forest));
  return forest;
}

}  // namespace slipway::forest::internal
