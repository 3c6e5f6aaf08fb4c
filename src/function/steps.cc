#include "function/steps.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace slipway::function {
namespace {

using config::Problems;
using config::Schema;

constexpr std::size_t kMaxColumns = 65536;
constexpr std::size_t kMaxSteps = 1000;
constexpr std::size_t kMaxNumbers = 1'000'000;

config::Type<std::string> name_type() { return config::text({.min_bytes = 1, .what = "a name"}); }

config::Type<std::vector<std::string>> texts_type() {
  return config::list(config::text(), {.max_items = kMaxNumbers});
}

config::Type<std::vector<double>> numbers_type() {
  return config::list(config::number(), {.max_items = kMaxNumbers});
}

template <typename Step>
void add_columns(Schema<Step>& schema) {
  schema.field("columns", &Step::columns,
               config::list(name_type(), {.min_items = 1, .max_items = kMaxColumns}),
               {.text = "The columns it works on, by name.", .example = "[age]", .required = true});
}

void check_twice(std::string_view setting, const std::vector<std::string>& names, Problems& problems) {
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) {
      problems.add(setting, "the column \"" + printable(name) + "\" is named twice", "name it once");
    }
  }
}

template <typename Step>
void add_columns_and_names(Schema<Step>& schema) {
  add_columns(schema);
  schema
      .field("as", &Step::as, config::list(name_type(), {.max_items = kMaxColumns}),
             {.text = "New names for the results, one per column; without it they take the columns' places."})
      .check([](const Step& step, Problems& problems) {
        check_twice("columns", step.columns, problems);
        check_twice("as", step.as, problems);
        if (step.as.empty() || step.as.size() == step.columns.size()) return;
        problems.add("as",
                     std::to_string(step.as.size()) + " names are given for " +
                         std::to_string(step.columns.size()) + " columns",
                     "give one name per column, or none");
      });
}

Schema<ImputeStep> impute_schema() {
  using With = ImputeStep::With;
  Schema<ImputeStep> schema("impute", "Puts a value where one is missing.");
  add_columns_and_names(schema);
  schema
      .field("with", &ImputeStep::with,
             config::choice<With>({{"mean", With::kMean},
                                   {"median", With::kMedian},
                                   {"most_frequent", With::kMostFrequent},
                                   {"constant", With::kConstant}}),
             {.text = "Which value: of the sample's values that are there, or a constant."})
      .field("values", &ImputeStep::values, texts_type(),
             {.text = "The values themselves, one per column or one for all; then nothing is learnt."})
      .field("flag", &ImputeStep::flag,
             {.text = "Adds a column NAME_missing, 1 where a value was missing, else 0."})
      .check([](const ImputeStep& step, Problems& problems) {
        if (step.values.empty() && step.with == With::kConstant) {
          problems.add("with", "a constant is wanted, but no values are given", "add values: [0]");
        }
        if (step.values.size() <= 1 || step.values.size() == step.columns.size()) return;
        problems.add("values",
                     std::to_string(step.values.size()) + " values are given for " +
                         std::to_string(step.columns.size()) + " columns",
                     "give one value per column, or one for all");
      });
  return schema;
}

Schema<ScaleStep> scale_schema() {
  using By = ScaleStep::By;
  Schema<ScaleStep> schema("scale", "(x - subtract) / divide.");
  add_columns_and_names(schema);
  schema
      .field("by", &ScaleStep::by,
             config::choice<By>(
                 {{"standard", By::kStandard}, {"min_max", By::kMinMax}, {"robust", By::kRobust}}),
             {.text = "What is learnt: mean and standard deviation; least and largest; median and the range "
                      "between the quartiles."})
      .field("range", &ScaleStep::range, numbers_type(),
             {.text = "Where min_max puts the least and the largest value.", .example = "[0, 1]"})
      .field("subtract", &ScaleStep::subtract, numbers_type(),
             {.text = "The numbers themselves, one per column; then nothing is learnt."})
      .field("divide", &ScaleStep::divide, numbers_type(), {.text = "The same, to divide by; never 0."})
      .check([](const ScaleStep& step, Problems& problems) {
        if (step.range.size() != 2 || !(step.range[0] < step.range[1])) {
          problems.add("range", "two numbers are wanted, the lower one first", "write range: [0, 1]");
        }
        if (step.subtract.empty() != step.divide.empty()) {
          problems.add(step.subtract.empty() ? "divide" : "subtract",
                       "only one of subtract and divide is given", "give both, or none to learn them");
        }
        for (const double number : step.divide) {
          if (number == 0)
            problems.add("divide", "0 is no number to divide by", "write 1 to leave a column as it is");
        }
      });
  return schema;
}

Schema<OneHotStep> one_hot_schema() {
  using Unknown = OneHotStep::Unknown;
  const auto categories = config::map(texts_type(), {.key = "COLUMN", .max_entries = kMaxColumns});
  Schema<OneHotStep> schema("one_hot", "One number per category: 1 for the value's own, else 0.");
  add_columns_and_names(schema);
  schema
      .field("categories", &OneHotStep::categories, categories,
             {.text = "The categories of each column, in order; without it, those of the sample, sorted.",
              .example = "{city: [Oslo, Rome]}"})
      .field("rare", &OneHotStep::rare, categories,
             {.text = "Categories that share one last position, by column."})
      .field("min_count", &OneHotStep::min_count, config::integer<std::int64_t>({.min = 1}),
             {.text = "A category that the sample holds fewer times than this is rare."})
      .field(
          "unknown", &OneHotStep::unknown,
          config::choice<Unknown>({{"ignore", Unknown::kIgnore}, {"rare", Unknown::kRare}}),
          {.text = "What a value of no category gives: zeros, or the place of the rare ones where there is "
                   "one."})
      .check([](const OneHotStep& step, Problems& problems) {
        for (const auto& [column, texts] : step.categories) {
          if (std::find(step.columns.begin(), step.columns.end(), column) == step.columns.end()) {
            problems.add("categories", "\"" + printable(column) + "\" is none of the columns",
                         "the columns are " + join_words(step.columns));
          }
          std::set<std::string> seen(texts.begin(), texts.end());
          if (const auto rare = step.rare.find(column); rare != step.rare.end()) {
            seen.insert(rare->second.begin(), rare->second.end());
            if (seen.size() != texts.size() + rare->second.size()) {
              problems.add("rare", "a category of \"" + printable(column) + "\" is given twice",
                           "give it once");
            }
          } else if (seen.size() != texts.size()) {
            problems.add("categories", "a category of \"" + printable(column) + "\" is given twice",
                         "give it once");
          }
        }
        for (const auto& [column, texts] : step.rare) {
          if (step.categories.contains(column)) continue;
          problems.add("rare", "\"" + printable(column) + "\" has rare categories but no others",
                       "give its categories too");
        }
      });
  return schema;
}

template <typename Step, typename Values>
void check_keys(std::string_view setting, const Step& step, const std::map<std::string, Values>& values,
                Problems& problems) {
  for (const auto& [column, value] : values) {
    if (std::find(step.columns.begin(), step.columns.end(), column) != step.columns.end()) continue;
    problems.add(setting, "\"" + printable(column) + "\" is none of the columns",
                 "the columns are " + join_words(step.columns));
  }
}

bool rises(const std::vector<double>& numbers) {
  return std::adjacent_find(numbers.begin(), numbers.end(), [](double a, double b) { return !(a < b); }) ==
         numbers.end();
}

Schema<OrdinalStep> ordinal_schema() {
  Schema<OrdinalStep> schema("ordinal", "The position of a category as a number.");
  add_columns_and_names(schema);
  schema
      .field("categories", &OrdinalStep::categories,
             config::map(texts_type(), {.key = "COLUMN", .max_entries = kMaxColumns}),
             {.text = "The categories of each column, in order; without it, those of the sample, sorted."})
      .field("unknown", &OrdinalStep::unknown, {.text = "What a value of no category gives."})
      .check([](const OrdinalStep& step, Problems& problems) {
        check_keys("categories", step, step.categories, problems);
        for (const auto& [column, texts] : step.categories) {
          if (std::set<std::string>(texts.begin(), texts.end()).size() == texts.size()) continue;
          problems.add("categories", "a category of \"" + printable(column) + "\" is given twice",
                       "give it once");
        }
      });
  return schema;
}

Schema<BucketiseStep> bucketise_schema() {
  using By = BucketiseStep::By;
  Schema<BucketiseStep> schema("bucketise", "The number of the bucket between edges that a number falls in.");
  add_columns_and_names(schema);
  schema
      .field("edges", &BucketiseStep::edges,
             config::map(numbers_type(), {.key = "COLUMN", .max_entries = kMaxColumns}),
             {.text = "The edges between the buckets of each column, rising; an edge belongs to the bucket "
                      "above it.",
              .example = "{age: [18, 65]}"})
      .field("by", &BucketiseStep::by,
             config::choice<By>({{"quantile", By::kQuantile}, {"uniform", By::kUniform}}),
             {.text = "How edges are learnt: buckets of like counts, or of like widths."})
      .field("buckets", &BucketiseStep::buckets, config::integer<std::int64_t>({.min = 2, .max = 10'000}),
             {.text = "How many buckets are learnt."})
      .check([](const BucketiseStep& step, Problems& problems) {
        check_keys("edges", step, step.edges, problems);
        for (const auto& [column, edges] : step.edges) {
          if (!edges.empty() && rises(edges)) continue;
          problems.add("edges", "the edges of \"" + printable(column) + "\" do not rise",
                       "give one at least, each above the one before");
        }
      });
  return schema;
}

Schema<ClipStep> clip_schema() {
  Schema<ClipStep> schema("clip", "Keeps numbers between two bounds.");
  add_columns_and_names(schema);
  schema.field("low", &ClipStep::low, config::number(), {.text = "The least number.", .example = "0"})
      .field("high", &ClipStep::high, config::number(), {.text = "The largest number.", .example = "1"})
      .check([](const ClipStep& step, Problems& problems) {
        if (!step.low && !step.high)
          problems.add("", "neither low nor high is given", "give one of them at least");
        if (step.low && step.high && *step.low > *step.high) {
          problems.add("low", "is above high", "give the lower one first");
        }
      });
  return schema;
}

Schema<LogStep> log_schema() {
  Schema<LogStep> schema("log", "The natural logarithm.");
  add_columns_and_names(schema);
  schema.field("plus", &LogStep::plus, {.text = "Added before; 1 keeps 0 at 0."});
  return schema;
}

Schema<CombineStep> combine_schema() {
  using By = CombineStep::By;
  Schema<CombineStep> schema("combine", "One column of several by arithmetic.");
  add_columns(schema);
  schema
      .field("as", &CombineStep::as, config::list(name_type(), {.min_items = 1, .max_items = 1}),
             {.text = "The name of the result.", .example = "[ratio]", .required = true})
      .field("by", &CombineStep::by,
             config::choice<By>({{"add", By::kAdd},
                                 {"subtract", By::kSubtract},
                                 {"multiply", By::kMultiply},
                                 {"divide", By::kDivide}}),
             {.text = "What is done with the first column and each further one."})
      .check([](const CombineStep& step, Problems& problems) {
        if (step.columns.size() < 2) problems.add("columns", "two columns at least are wanted");
      });
  return schema;
}

Schema<RoundStep> round_schema() {
  Schema<RoundStep> schema("round", "Rounds, halves to the even neighbour.");
  add_columns_and_names(schema);
  schema.field("digits", &RoundStep::digits, config::integer<std::int64_t>({.min = 0, .max = 15}),
               {.text = "Digits behind the point."});
  return schema;
}

Schema<UnscaleStep> unscale_schema() {
  Schema<UnscaleStep> schema("unscale", "x * multiply + add.");
  add_columns_and_names(schema);
  schema
      .field("multiply", &UnscaleStep::multiply,
             {.text = "Such as the deviation that the target was divided by."})
      .field("add", &UnscaleStep::add, {.text = "Such as the mean that was subtracted."});
  return schema;
}

Schema<ThresholdStep> threshold_schema() {
  Schema<ThresholdStep> schema("threshold", "1 where a number is at or above its threshold, else 0.");
  add_columns_and_names(schema);
  schema.field("at", &ThresholdStep::at,
               config::list(config::number(), {.min_items = 1, .max_items = kMaxNumbers}),
               {.text = "One threshold, or one per class.", .example = "[0.5]", .required = true});
  return schema;
}

Schema<TopKStep> top_k_schema() {
  Schema<TopKStep> schema("top_k", "The k largest numbers, the largest first.");
  schema
      .field("columns", &TopKStep::columns, config::list(name_type(), {.min_items = 1, .max_items = 1}),
             {.text = "The column of scores.", .example = "[scores]", .required = true})
      .field("as", &TopKStep::as, config::list(name_type(), {.min_items = 2, .max_items = 2}),
             {.text = "Names for their positions and for the numbers themselves.",
              .example = "[best, best_scores]",
              .required = true})
      .field("k", &TopKStep::k, config::integer<std::int64_t>({.min = 1, .max = 1'000'000}),
             {.text = "How many.", .example = "3", .required = true})
      .check([](const TopKStep& step, Problems& problems) { check_twice("as", step.as, problems); });
  return schema;
}

Schema<TakeStep> take_schema() {
  Schema<TakeStep> schema("take", "Some of the numbers of each column, by position.");
  add_columns_and_names(schema);
  schema.field(
      "positions", &TakeStep::positions,
      config::list(config::integer<std::int64_t>({.min = 0}), {.min_items = 1, .max_items = kMaxNumbers}),
      {.text = "Which, counted from 0.", .example = "[1]", .required = true});
  return schema;
}

Schema<CalibrateStep> calibrate_schema() {
  using By = CalibrateStep::By;
  Schema<CalibrateStep> schema("calibrate", "Scores into probabilities.");
  add_columns_and_names(schema);
  schema
      .field("by", &CalibrateStep::by,
             config::choice<By>(
                 {{"platt", By::kPlatt}, {"temperature", By::kTemperature}, {"isotonic", By::kIsotonic}}),
             {.text = "1 / (1 + exp(a x + b)); x / temperature; or a line through points."})
      .field("a", &CalibrateStep::a, {.text = "Of platt."})
      .field("b", &CalibrateStep::b, {.text = "Of platt."})
      .field("temperature", &CalibrateStep::temperature, {.text = "Of temperature; above 0."})
      .field("x", &CalibrateStep::x, numbers_type(), {.text = "Of isotonic: scores, rising."})
      .field("y", &CalibrateStep::y, numbers_type(), {.text = "Of isotonic: the probability at each."})
      .check([](const CalibrateStep& step, Problems& problems) {
        if (!(step.temperature > 0)) problems.add("temperature", "must be above 0");
        if (step.by != By::kIsotonic) return;
        if (step.x.size() < 2 || step.x.size() != step.y.size()) {
          problems.add("x", "two points at least are wanted, with as many x as y");
        } else if (!rises(step.x)) {
          problems.add("x", "must rise", "sort the points, and keep one of each x");
        }
      });
  return schema;
}

Schema<FeedStep> feed_schema() {
  Schema<FeedStep> schema("feed", "Which columns become an input of the model, in which order.");
  schema.field("input", &FeedStep::input,
               {.text = "The model input; needed where the model has several.", .example = "input"});
  add_columns(schema);
  return schema;
}

Schema<DropStep> drop_schema() {
  Schema<DropStep> schema("drop", "Takes columns away.");
  add_columns(schema);
  return schema;
}

Schema<PlainStep> plain_schema(std::string_view title, std::string_view text) {
  Schema<PlainStep> schema(title, text);
  add_columns_and_names(schema);
  return schema;
}

Schema<PlainStep> rename_schema() {
  Schema<PlainStep> schema = plain_schema("rename", "New names for columns.");
  schema.check([](const PlainStep& step, Problems& problems) {
    if (step.as.empty()) problems.add("as", "no new names are given", "give one per column");
  });
  return schema;
}

Schema<LabelsStep> labels_schema() {
  Schema<LabelsStep> schema("labels", "Class numbers into names.");
  add_columns_and_names(schema);
  schema.field("labels", &LabelsStep::labels, texts_type(), {.text = "Names of the classes, in order."})
      .field("file", &LabelsStep::file,
             {.text = "A file in this folder with one name per line, in place of labels."})
      .field("classes", &LabelsStep::classes,
             config::list(config::integer<std::int64_t>(), {.max_items = kMaxNumbers}),
             {.text = "The number of each label; without it they count from 0."})
      .check([](const LabelsStep& step, Problems& problems) {
        if (step.labels.empty() == step.file.empty()) {
          problems.add("labels", "either labels or a file is wanted", "write labels: [no, yes]");
        }
        if (!step.classes.empty() && step.file.empty() && step.classes.size() != step.labels.size()) {
          problems.add("classes",
                       std::to_string(step.classes.size()) + " classes and " +
                           std::to_string(step.labels.size()) + " labels are given",
                       "give one class per label");
        }
        const std::set<std::int64_t> distinct(step.classes.begin(), step.classes.end());
        if (distinct.size() != step.classes.size())
          problems.add("classes", "a class is given twice", "give it once");
      });
  return schema;
}

/// Collects a step's kinds, so that exactly one can be asked for.
template <typename Step>
class StepSchema {
 public:
  StepSchema(std::string_view title, std::string_view text) : schema_(title, text) {}

  template <typename Kind>
  StepSchema& kind(std::string_view name, std::optional<Kind> Step::*member, const Schema<Kind>& kind,
                   std::string text) {
    schema_.field(name, member, kind.type(), {.text = std::move(text)});
    given_.push_back([member](const Step& step) { return (step.*member).has_value(); });
    names_.emplace_back(name);
    return *this;
  }

  config::Type<std::vector<Step>> list() {
    schema_.check([given = given_, names = names_](const Step& step, Problems& problems) {
      std::vector<std::string> found;
      for (std::size_t i = 0; i < given.size(); ++i) {
        if (given[i](step)) found.push_back(names[i]);
      }
      if (found.size() == 1) return;
      problems.add(
          "", found.empty() ? "a step is wanted" : "one step is wanted, not " + join_words(found),
          found.empty() ? "the steps are " + join_words(names) : "write a list item of its own for each");
    });
    return config::list(schema_.type(), {.max_items = kMaxSteps});
  }

 private:
  Schema<Step> schema_;
  std::vector<std::function<bool(const Step&)>> given_;
  std::vector<std::string> names_;
};

}  // namespace

config::Type<std::vector<BeforeStep>> before_type() {
  StepSchema<BeforeStep> schema("before", "One step between a record's columns and the model.");
  return schema.kind("impute", &BeforeStep::impute, impute_schema(), "Puts a value where one is missing.")
      .kind("scale", &BeforeStep::scale, scale_schema(), "(x - subtract) / divide.")
      .kind("one_hot", &BeforeStep::one_hot, one_hot_schema(), "One number per category.")
      .kind("ordinal", &BeforeStep::ordinal, ordinal_schema(), "The position of a category as a number.")
      .kind("bucketise", &BeforeStep::bucketise, bucketise_schema(), "The bucket that a number falls in.")
      .kind("clip", &BeforeStep::clip, clip_schema(), "Keeps numbers between two bounds.")
      .kind("log", &BeforeStep::log, log_schema(), "The natural logarithm.")
      .kind("combine", &BeforeStep::combine, combine_schema(), "One column of several by arithmetic.")
      .kind("rename", &BeforeStep::rename, rename_schema(), "New names for columns.")
      .kind("drop", &BeforeStep::drop, drop_schema(), "Takes columns away.")
      .kind("feed", &BeforeStep::feed, feed_schema(), "Which columns become an input of the model.")
      .list();
}

config::Type<std::vector<AfterStep>> after_type() {
  StepSchema<AfterStep> schema("after", "One step between the model's outputs and the answer.");
  return schema
      .kind("softmax", &AfterStep::softmax, plain_schema("softmax", "Scores that add up to 1."),
            "Scores that add up to 1.")
      .kind("sigmoid", &AfterStep::sigmoid, plain_schema("sigmoid", "1 / (1 + exp(-x))."),
            "1 / (1 + exp(-x)).")
      .kind("argmax", &AfterStep::argmax, plain_schema("argmax", "The position of the largest number."),
            "The position of the largest number, the first of equals.")
      .kind("labels", &AfterStep::labels, labels_schema(), "Class numbers into names.")
      .kind("top_k", &AfterStep::top_k, top_k_schema(), "The k largest numbers, the largest first.")
      .kind("take", &AfterStep::take, take_schema(), "Some of the numbers of each column.")
      .kind("threshold", &AfterStep::threshold, threshold_schema(), "1 from a threshold on, else 0.")
      .kind("calibrate", &AfterStep::calibrate, calibrate_schema(), "Scores into probabilities.")
      .kind("unscale", &AfterStep::unscale, unscale_schema(), "x * multiply + add.")
      .kind("clip", &AfterStep::clip, clip_schema(), "Keeps numbers between two bounds.")
      .kind("round", &AfterStep::round, round_schema(), "Rounds, halves to the even neighbour.")
      .kind("rename", &AfterStep::rename, rename_schema(), "New names for outputs.")
      .kind("drop", &AfterStep::drop, drop_schema(), "Takes outputs away.")
      .list();
}

}  // namespace slipway::function
