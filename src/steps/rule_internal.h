// What each kind of step knows: which columns it takes, what it learns, what it does, and how the same is
// said in operators. The last two are written apart, so that one checks the other.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "function/steps.h"
#include "steps/lowering_internal.h"
#include "steps/table.h"

namespace slipway::steps {

/// Collects faults of one step. Borrows: the list.
class Report {
 public:
  Report(std::string where, std::vector<Fault>& faults) : where_(std::move(where)), faults_(faults) {}
  /// `setting`: below the step, such as "columns[1]"; empty = the step itself.
  void add(std::string_view setting, std::string message, std::string fix = {});
  [[nodiscard]] bool has_fault() const { return has_fault_; }

 private:
  std::string where_;
  std::vector<Fault>& faults_;
  bool has_fault_ = false;
};

enum class Takes : std::uint8_t { kNumbers, kText, kAny };

/// One step. Borrows: its settings. Thread: confined.
class Rule {
 public:
  virtual ~Rule() = default;
  /// Faults for columns that are not there or of another kind, and for settings that do not fit them.
  virtual void check(const Table& table, Report& report) const = 0;
  [[nodiscard]] virtual bool wants_sample() const { return false; }
  /// Learns from the sample and keeps it in the settings. Precondition: check() found no fault; there are
  /// rows.
  virtual void fit(const Table&, Report&) {}
  /// Does it, row by row. Also on no rows, to know which columns there are afterwards.
  virtual void apply(Table& table) const = 0;
  /// Says it in operators. Precondition: nothing is left to learn.
  virtual void lower(Lowering& lowering) const = 0;
  /// Names of the columns that it takes, and of those that it makes.
  [[nodiscard]] virtual const std::vector<std::string>& takes() const = 0;
  [[nodiscard]] virtual std::vector<std::string> makes() const = 0;
};

/// Faults for each of `columns` that `table` lacks or that is not what the step takes.
void check_columns(const Table& table, const std::vector<std::string>& columns, Takes takes, Report& report);

/// The columns by name. Precondition: they are there.
std::vector<const Column*> take(const Table& table, const std::vector<std::string>& columns);

/// The names of the results.
inline const std::vector<std::string>& names_of(const std::vector<std::string>& columns,
                                                const std::vector<std::string>& as) {
  return as.empty() ? columns : as;
}

using Rules = std::vector<std::unique_ptr<Rule>>;
std::unique_ptr<Rule> make_rule(function::BeforeStep& step);
std::unique_ptr<Rule> make_rule(function::AfterStep& step);
/// The name of the step that is there, such as "scale".
std::string_view kind_of(const function::BeforeStep& step);
std::string_view kind_of(const function::AfterStep& step);

// By file.
std::unique_ptr<Rule> impute_rule(function::ImputeStep& step);
std::unique_ptr<Rule> scale_rule(function::ScaleStep& step);
std::unique_ptr<Rule> one_hot_rule(function::OneHotStep& step);
std::unique_ptr<Rule> ordinal_rule(function::OrdinalStep& step);
std::unique_ptr<Rule> bucketise_rule(function::BucketiseStep& step);
std::unique_ptr<Rule> combine_rule(function::CombineStep& step);
std::unique_ptr<Rule> clip_rule(function::ClipStep& step);
std::unique_ptr<Rule> log_rule(function::LogStep& step);
std::unique_ptr<Rule> round_rule(function::RoundStep& step);
std::unique_ptr<Rule> unscale_rule(function::UnscaleStep& step);
std::unique_ptr<Rule> threshold_rule(function::ThresholdStep& step);
std::unique_ptr<Rule> calibrate_rule(function::CalibrateStep& step);
std::unique_ptr<Rule> top_k_rule(function::TopKStep& step);
std::unique_ptr<Rule> take_rule(function::TakeStep& step);
std::unique_ptr<Rule> rename_rule(function::PlainStep& step);
std::unique_ptr<Rule> drop_rule(function::DropStep& step);
std::unique_ptr<Rule> softmax_rule(function::PlainStep& step);
std::unique_ptr<Rule> sigmoid_rule(function::PlainStep& step);
std::unique_ptr<Rule> argmax_rule(function::PlainStep& step);
std::unique_ptr<Rule> labels_rule(function::LabelsStep& step);

}  // namespace slipway::steps
