#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "steps/numbers_internal.h"
#include "steps/rule_internal.h"

namespace slipway::steps {
namespace {

using function::ScaleStep;
using By = ScaleStep::By;

struct Scaling {
  double subtract = 0;
  double divide = 1;
};

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

/// A range that is nothing but rounding is left as it is. Source: scikit-learn's scalers.
double or_one(double range) { return range < 10 * kEpsilon ? 1 : range; }

Scaling learn_standard(const std::vector<double>& numbers) {
  const auto count = static_cast<double>(numbers.size());
  double sum = 0;
  for (const double number : numbers) sum += number;
  const double mean = sum / count;
  double squares = 0;
  double rest = 0;
  for (const double number : numbers) {
    squares += (number - mean) * (number - mean);
    rest += number - mean;
  }
  const double variance = (squares - rest * rest / count) / count;
  // Up to this a variance is that of a constant's rounding. Source: as above.
  const double bound = count * kEpsilon * variance + (count * mean * kEpsilon) * (count * mean * kEpsilon);
  return {mean, variance <= bound ? 1 : std::sqrt(variance)};
}

class ScaleRule final : public Rule {
 public:
  explicit ScaleRule(ScaleStep& step) : step_(step) {}

  void check(const Table& table, Report& report) const override {
    check_columns(table, step_.columns, Takes::kNumbers, report);
    check_single(table, step_.columns, report);
    check_count("subtract", step_.subtract.size(), step_.columns.size(), report);
    check_count("divide", step_.divide.size(), step_.columns.size(), report);
  }

  [[nodiscard]] bool wants_sample() const override { return step_.divide.empty(); }

  void fit(const Table& table, Report& report) override {
    std::vector<Scaling> learnt;
    for (const Column* column : take(table, step_.columns)) {
      const std::vector<double> numbers = sorted_numbers(*column);
      if (numbers.empty()) {
        report.add("columns", "the sample has no value of \"" + printable(column->name) + "\" to learn from",
                   "give subtract and divide");
        continue;
      }
      learnt.push_back(learn(numbers));
      if (!std::isfinite(learnt.back().subtract) || !std::isfinite(learnt.back().divide)) {
        report.add("columns",
                   "the sample's values of \"" + printable(column->name) + "\" are too large to scale",
                   "give subtract and divide");
      }
    }
    if (report.has_fault()) return;
    for (const Scaling& scaling : learnt) {
      step_.subtract.push_back(scaling.subtract);
      step_.divide.push_back(scaling.divide);
    }
  }

  void apply(Table& table) const override {
    std::vector<Column> made;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      Column& column = made.emplace_back(*table.find(step_.columns[i]));
      column.name = names_of(step_.columns, step_.as)[i];
      for (double& number : column.numbers) number = (number - step_.subtract[i]) / step_.divide[i];
    }
    table.put_all(std::move(made));
  }

  void lower(Lowering& lowering) const override {
    const std::string numbers = lowering.matrix(step_.columns);
    const std::string moved = lowering.add("Sub", {numbers, lowering.row(step_.subtract)});
    const std::string scaled = lowering.add("Div", {moved, lowering.row(step_.divide)});
    lowering.split(makes(), std::vector<std::size_t>(step_.columns.size(), 1), scaled);
  }

  [[nodiscard]] const std::vector<std::string>& takes() const override { return step_.columns; }
  [[nodiscard]] std::vector<std::string> makes() const override { return names_of(step_.columns, step_.as); }

 private:
  [[nodiscard]] Scaling learn(const std::vector<double>& sorted) const {
    switch (step_.by) {
      case By::kStandard:
        break;
      case By::kMinMax: {
        const double scale = (step_.range[1] - step_.range[0]) / or_one(sorted.back() - sorted.front());
        return {sorted.front() - step_.range[0] / scale, 1 / scale};
      }
      case By::kRobust:
        return {quantile(sorted, 0.5), or_one(quantile(sorted, 0.75) - quantile(sorted, 0.25))};
    }
    return learn_standard(sorted);
  }

  ScaleStep& step_;
};

}  // namespace

std::unique_ptr<Rule> scale_rule(ScaleStep& step) { return std::make_unique<ScaleRule>(step); }

}  // namespace slipway::steps
