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
  std::optional<DropStep> drop;
  friend bool operator==(const AfterStep&, const AfterStep&) = default;
};

/// Check what can be checked without the columns: exactly one kind per step, names and numbers that go
/// together.
config::Type<std::vector<BeforeStep>> before_type();
config::Type<std::vector<AfterStep>> after_type();

}  // namespace slipway::function
