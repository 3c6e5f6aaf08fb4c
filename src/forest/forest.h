// Ensembles of decision trees in one form, whichever library trained them: what the readers of XGBoost's,
// LightGBM's and CatBoost's files give, and what is evaluated, or compiled into a program.
//
// The score number k of a row x is
//   base[k] + the sum, over the trees of output k in their order, of the value of the leaf that x falls into
// (or over all trees, where leaves hold a value for every output), by `divisor`, times `scale`, plus bias[k];
// `link` makes an answer of the scores.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace slipway::forest {

/// What a node compares in: the file's library converts features to it first.
enum class Precision : std::uint8_t { kFloat, kDouble };

/// When a row goes left.
enum class Compare : std::uint8_t { kLess, kLessEqual };

/// What makes an answer of the scores of a row.
enum class Link : std::uint8_t {
  kIdentity,
  kSigmoid,            ///< 1 / (1 + exp(-parameter * s)), each score by itself
  kSoftmax,            ///< over all scores
  kExp,                ///< exp(s)
  kHinge,              ///< s > 0 ? 1 : 0
  kLog1pExp,           ///< log(1 + exp(s))
  kSignedSquare,       ///< sign(s) * s * s
  kNormalisedSigmoid,  ///< the sigmoids of all scores, divided by their sum
};

/// What the answers mean.
enum class Task : std::uint8_t {
  kNumbers,     ///< each answer is a number
  kBinary,      ///< one score: the probability of the second of two classes
  kMulticlass,  ///< the answers are the probabilities of the classes
};

/// The inner nodes of all trees, as a struct of arrays. A child of 0 and above is a node; a negative one is
/// the leaf ~child.
struct Nodes {
  std::vector<std::uint32_t> feature;
  std::vector<double> threshold;  ///< exact in the forest's precision; of numeric nodes
  std::vector<std::int32_t>
      left;  ///< where a row goes whose value compares true, or is one of the categories
  std::vector<std::int32_t> right;
  std::vector<std::uint8_t> nan_left;    ///< 1: a missing value (NaN) goes left
  std::vector<std::int32_t> categories;  ///< -1: numeric; else which of Forest::category_sets

  [[nodiscard]] std::size_t size() const { return feature.size(); }
  /// Appends a node whose children are set later.
  void add(std::uint32_t feature_index, double split, bool missing_left, std::int32_t category_set = -1);
};

/// A set of categories: the words of a bit set, the lowest first. A value beyond it is not in it; a fraction
/// counts as its whole part.
using CategorySet = std::vector<std::uint32_t>;

struct Tree {
  std::int32_t root = -1;    ///< a node, or ~leaf for a tree of one leaf
  std::uint32_t output = 0;  ///< the score that its leaves add to; 0 where leaf_width is above 1
};

/// Thread: a value.
struct Forest {
  std::string source;  ///< "XGBoost 3.2.0"
  std::uint32_t features = 0;
  std::vector<std::string> feature_names;  ///< one per feature, or none
  Precision precision = Precision::kFloat;
  Compare compare = Compare::kLess;
  /// LightGBM: a value no further from 0 than 1e-35 counts as 0.
  bool tiny_is_zero = false;
  std::vector<std::uint8_t> zero_is_missing;  ///< one per feature, or none: a 0 counts as NaN

  Nodes nodes;
  std::vector<CategorySet> category_sets;
  /// Whether what lies between -1 and 0 counts as the category 0, or is none, as everything below is.
  bool category_rounds_up = false;
  std::vector<Tree> trees;
  std::vector<double> leaves;    ///< leaf_width values each
  std::uint32_t leaf_width = 1;  ///< 1, or `outputs`

  std::uint32_t outputs = 1;  ///< scores per row
  /// What sums, links and answers are computed in; sums are rounded after each tree.
  Precision sums = Precision::kDouble;
  std::vector<double> base;  ///< `outputs` of them: where sums start
  double divisor = 1;        ///< of the sums; LightGBM's averages
  double scale = 1;
  std::vector<double> bias;  ///< `outputs` of them, or none
  Link link = Link::kIdentity;
  double link_parameter = 1;

  Task task = Task::kNumbers;
  std::vector<std::string> classes;  ///< names of the classes, in the order of the scores
  bool classes_are_integers = true;  ///< each name is a whole number of 64 bits
  /// What a row's class is chosen by: the scores before the link, or the answers. The link keeps their order,
  /// but its rounding makes equals of numbers that differ.
  bool classes_by_score = false;
};

/// Caps that hold for every forest, whatever a file says.
inline constexpr std::size_t kMaxFeatures = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxOutputs = std::size_t{1} << 16U;
inline constexpr std::size_t kMaxNodes = std::size_t{1} << 30U;

/// Checks what evaluation relies on: every child, leaf, feature and set of categories is there, every node
/// has one parent and is reached from its tree's root, no threshold, leaf or base is NaN, and thresholds are
/// exact in the precision. Errors: forest.damaged, naming tree and node.
Status check(const Forest& forest);

/// The failures of reading a file: what it says makes no sense, or is not done here.
Error damaged(std::string message);
Error unsupported(std::string message);

}  // namespace slipway::forest
