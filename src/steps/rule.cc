#include "base/text.h"
#include "steps/rule_internal.h"

namespace slipway::steps {

void Report::add(std::string_view setting, std::string message, std::string fix) {
  has_fault_ = true;
  faults_.push_back(
      {setting.empty() ? where_ : where_ + "." + std::string(setting), std::move(message), std::move(fix)});
}

void check_columns(const Table& table, const std::vector<std::string>& columns, Takes takes, Report& report) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string setting = "columns[" + std::to_string(i) + "]";
    const std::string name = "the column \"" + printable(columns[i]) + "\"";
    const Column* column = table.find(columns[i]);
    if (column == nullptr) {
      const std::vector<std::string> names = table.names();
      const std::string near = nearest(columns[i], names);
      report.add(
          setting, "there is no column \"" + printable(columns[i]) + "\" at this step",
          near.empty() ? "the columns here are " + join_words(names) : "did you mean \"" + near + "\"?");
    } else if (!column->is_unknown && takes == Takes::kNumbers && column->is_text()) {
      report.add(setting, name + " holds text, but numbers are wanted",
                 "make numbers of it with one_hot first");
    } else if (!column->is_unknown && takes == Takes::kText && !column->is_text()) {
      report.add(setting, name + " holds numbers, but text is wanted");
    }
  }
}

std::vector<const Column*> take(const Table& table, const std::vector<std::string>& columns) {
  std::vector<const Column*> taken;
  for (const std::string& name : columns) taken.push_back(table.find(name));
  return taken;
}

std::unique_ptr<Rule> make_rule(function::BeforeStep& step) {
  if (step.impute) return impute_rule(*step.impute);
  if (step.scale) return scale_rule(*step.scale);
  if (step.one_hot) return one_hot_rule(*step.one_hot);
  if (step.ordinal) return ordinal_rule(*step.ordinal);
  if (step.bucketise) return bucketise_rule(*step.bucketise);
  if (step.clip) return clip_rule(*step.clip);
  if (step.log) return log_rule(*step.log);
  if (step.combine) return combine_rule(*step.combine);
  if (step.rename) return rename_rule(*step.rename);
  if (step.drop) return drop_rule(*step.drop);
  return nullptr;  // `feed` is no step on columns
}

std::unique_ptr<Rule> make_rule(function::AfterStep& step) {
  if (step.softmax) return softmax_rule(*step.softmax);
  if (step.sigmoid) return sigmoid_rule(*step.sigmoid);
  if (step.argmax) return argmax_rule(*step.argmax);
  if (step.labels) return labels_rule(*step.labels);
  if (step.top_k) return top_k_rule(*step.top_k);
  if (step.take) return take_rule(*step.take);
  if (step.threshold) return threshold_rule(*step.threshold);
  if (step.calibrate) return calibrate_rule(*step.calibrate);
  if (step.unscale) return unscale_rule(*step.unscale);
  if (step.clip) return clip_rule(*step.clip);
  if (step.round) return round_rule(*step.round);
  if (step.rename) return rename_rule(*step.rename);
  return drop_rule(*step.drop);
}

std::string_view kind_of(const function::BeforeStep& step) {
  if (step.impute) return "impute";
  if (step.scale) return "scale";
  if (step.one_hot) return "one_hot";
  if (step.ordinal) return "ordinal";
  if (step.bucketise) return "bucketise";
  if (step.clip) return "clip";
  if (step.log) return "log";
  if (step.combine) return "combine";
  if (step.rename) return "rename";
  if (step.drop) return "drop";
  return "feed";
}

std::string_view kind_of(const function::AfterStep& step) {
  if (step.softmax) return "softmax";
  if (step.sigmoid) return "sigmoid";
  if (step.argmax) return "argmax";
  if (step.labels) return "labels";
  if (step.top_k) return "top_k";
  if (step.take) return "take";
  if (step.threshold) return "threshold";
  if (step.calibrate) return "calibrate";
  if (step.unscale) return "unscale";
  if (step.clip) return "clip";
  if (step.round) return "round";
  if (step.rename) return "rename";
  return "drop";
}

}  // namespace slipway::steps
