// The steps of a prediction function, as they are declared: what makes a model's inputs of a record's columns
// ("before"), and answers of the model's outputs ("after"). What they do is `steps`.
//
//   function:
//     before:
//       - impute: {columns: [age], with: median, flag: true}
//       - scale: {columns: [age]}
//       - one_hot: {columns: [city]}
//     after:
//       - softmax: {columns: [logits]}
//
// A step works on columns by name and puts its result in their place, or under the names of `as`. What a step
// learns from the sample (means, categories) stands in the same struct once it is known, so that a
// declaration with its numbers is one without anything to learn.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"

namespace slipway::function {

/// Stands in a BYTES tensor for a text that a record leaves out: U+FFFF, which Unicode keeps out of texts.
inline constexpr std::string_view kMissingText = "\xEF\xBF\xBF";

/// Puts a value where one is missing.
struct ImputeStep {
  enum class With : std::uint8_t { kMean, kMedian, kMostFrequent, kConstant };
  std::vector<std::string> columns;
  std::vector<std::string> as;
  With with = With::kMean;
  std::vector<std::string> values;  ///< one per column, or one for all
  bool flag = false;                ///< adds the column "NAME_missing", 1 where a value was missing, else 0
  friend bool operator==(const ImputeStep&, const ImputeStep&) = default;
};

/// (x - subtract) / divide, per number of each column.
struct ScaleStep {
  enum class By : std::uint8_t { kStandard, kMinMax, kRobust };
  std::vector<std::string> columns;
  std::vector<std::string> as;
  By by = By::kStandard;
  std::vector<double> range = {0, 1};  ///< of min_max
  std::vector<double> subtract;
  std::vector<double> divide;
  friend bool operator==(const ScaleStep&, const ScaleStep&) = default;
};

using Categories = std::map<std::string, std::vector<std::string>>;

/// 1 at the position of the category, else 0.
struct OneHotStep {
  enum class Unknown : std::uint8_t { kIgnore, kRare };
  std::vector<std::string> columns;
  std::vector<std::string> as;
  Categories categories;       ///< by column
  Categories rare;             ///< those that share the last position
  std::int64_t min_count = 1;  ///< seen less often in the sample = rare
  Unknown unknown = Unknown::kIgnore;
  friend bool operator==(const OneHotStep&, const OneHotStep&) = default;
};

/// The position of the category as a number.
struct OrdinalStep {
  std::vector<std::string> columns;
  std::vector<std::string> as;
  Categories categories;  ///< by column
  double unknown = -1;    ///< what a value of no category gives; a missing one stays missing
  friend bool operator==(const OrdinalStep&, const OrdinalStep&) = default;
};

/// The number of edges that are not above the value. A missing value stays missing.
struct BucketiseStep {
  enum class By : std::uint8_t { kQuantile, kUniform };
  std::vector<std::string> columns;
  std::vector<std::string> as;
  std::map<std::string, std::vector<double>> edges;  ///< between the buckets, rising, by column
  By by = By::kQuantile;
  std::int64_t buckets = 5;
  friend bool operator==(const BucketiseStep&, const BucketiseStep&) = default;
};

/// Numbers below `low` become it, those above `high` that.
struct ClipStep {
  std::vector<std::string> columns;
  std::vector<std::string> as;
  std::optional<double> low;
  std::optional<double> high;
  friend bool operator==(const ClipStep&, const ClipStep&) = default;
};

/// The natural logarithm of x + plus; missing where that is below 0.
struct LogStep {
  std::vector<std::string> columns;
  std::vector<std::string> as;
  double plus = 0;
  friend bool operator==(const LogStep&, const LogStep&) = default;
};

/// One column of several by arithmetic, from the first on.
struct CombineStep {
  enum class By : std::uint8_t { kAdd, kSubtract, kMultiply, kDivide };
  std::vector<std::string> columns;
  std::vector<std::string> as;
  By by = By::kAdd;
  friend bool operator==(const CombineStep&, const CombineStep&) = default;
};

/// To so many digits behind the point, halves to the even neighbour.
struct RoundStep {
  std::vector<std::string> columns;
  std::vector<std::string> as;
  std::int64_t digits = 0;
  friend bool operator==(const RoundStep&, const RoundStep&) = default;
};

/// x * multiply + add, which takes a scale back.
struct UnscaleStep {
  std::vector<std::string> columns;
  std::vector<std::string> as;
  double multiply = 1;
  double add = 0;
  friend bool operator==(const UnscaleStep&, const UnscaleStep&) = default;
};

/// 1 where x >= at, else 0.
struct ThresholdStep {
  std::vector<std::string> columns;
  std::vector<std::string> as;
  std::vector<double> at;  ///< one for all numbers of a column, or one per class
  friend bool operator==(const ThresholdStep&, const ThresholdStep&) = default;
};

/// The k largest numbers of a column, the largest first, of equals the first.
struct TopKStep {
  std::vector<std::string> columns;  ///< one
  std::vector<std::string> as;       ///< two: their positions, and they themselves
  std::int64_t k = 1;
  friend bool operator==(const TopKStep&, const TopKStep&) = default;
};

/// Some of the numbers of each column, by position.
struct TakeStep {
  std::vector<std::string> columns;
  std::vector<std::string> as;
  std::vector<std::int64_t> positions;
  friend bool operator==(const TakeStep&, const TakeStep&) = default;
};

/// Scores into probabilities.
struct CalibrateStep {
  enum class By : std::uint8_t { kPlatt, kTemperature, kIsotonic };
  std::vector<std::string> columns;
  std::vector<std::string> as;
  By by = By::kPlatt;
  double a = -1;           ///< of platt: 1 / (1 + exp(a * x + b))
  double b = 0;            ///< the same
  double temperature = 1;  ///< x / temperature
  std::vector<double> x;   ///< of isotonic: points of a line, rising
  std::vector<double> y;   ///< the same; before the first and behind the last point the line is level
  friend bool operator==(const CalibrateStep&, const CalibrateStep&) = default;
};

/// Says which columns become an input of the model, in which order.
struct FeedStep {
  std::string input;
  std::vector<std::string> columns;
  friend bool operator==(const FeedStep&, const FeedStep&) = default;
};

struct DropStep {
  std::vector<std::string> columns;
  friend bool operator==(const DropStep&, const DropStep&) = default;
};

/// Steps of one number at a time, or over the numbers of one column, that need nothing further.
struct PlainStep {
  std::vector<std::string> columns;
  std::vector<std::string> as;
  friend bool operator==(const PlainStep&, const PlainStep&) = default;
};

/// Class numbers into names.
struct LabelsStep {
  std::vector<std::string> columns;
  std::vector<std::string> as;
  std::vector<std::string> labels;
  std::string file;                   ///< a file with one label per line, in place of `labels`
  std::vector<std::int64_t> classes;  ///< the number of each label; empty = 0, 1, 2, ...
  friend bool operator==(const LabelsStep&, const LabelsStep&) = default;
};

/// Exactly one is there.
struct BeforeStep {
  std::optional<ImputeStep> impute;
  std::optional<ScaleStep> scale;
  std::optional<OneHotStep> one_hot;
  std::optional<OrdinalStep> ordinal;
  std::optional<BucketiseStep> bucketise;
  std::optional<ClipStep> clip;
  std::optional<LogStep> log;
  std::optional<CombineStep> combine;
  std::optional<PlainStep> rename;
  std::optional<DropStep> drop;
  std::optional<FeedStep> feed;
  friend bool operator==(const BeforeStep&, const BeforeStep&) = default;
};

/// Exactly one is there.
struct AfterStep {
  std::optional<PlainStep> softmax;
  std::optional<PlainStep> sigmoid;
  std::optional<PlainStep> argmax;
  std::optional<LabelsStep> labels;
  std::optional<TopKStep> top_k;
  std::optional<TakeStep> take;
  std::optional<ThresholdStep> threshold;
  std::optional<CalibrateStep> calibrate;
  std::optional<UnscaleStep> unscale;
  std::optional<ClipStep> clip;
  std::optional<RoundStep> round;
  std::optional<PlainStep> rename;
  std::optional<DropStep> drop;
  friend bool operator==(const AfterStep&, const AfterStep&) = default;
};

/// Check what can be checked without the columns: exactly one kind per step, names and numbers that go
/// together.
config::Type<std::vector<BeforeStep>> before_type();
config::Type<std::vector<AfterStep>> after_type();

}  // namespace slipway::function
