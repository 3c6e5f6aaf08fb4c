// Steps on one number at a time.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"
#include "steps/numbers_internal.h"
#include "steps/rule_internal.h"

namespace slipway::steps {
namespace {

/// Frame of them all. `Step` has columns and as.
template <typename Step>
class EachRule : public Rule {
 public:
  explicit EachRule(Step& step) : step_(step) {}

  void check(const Table& table, Report& report) const override {
    check_columns(table, step_.columns, Takes::kNumbers, report);
  }

  void apply(Table& table) const override {
    std::vector<Column> made;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      Column& column = made.emplace_back(*table.find(step_.columns[i]));
      column.name = makes()[i];
      column.dtype = result(column.dtype);
      column.may_miss = column.may_miss || may_miss();
      for (std::size_t at = 0; at < column.numbers.size(); ++at) {
        column.numbers[at] = rounded(each(column.numbers[at], at % column.width), column.dtype);
      }
    }
    table.put_all(std::move(made));
  }

  void lower(Lowering& lowering) const override {
    std::vector<std::pair<std::string, Place>> made;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      const Place from = lowering.at(step_.columns[i]);
      const DType dtype = result(from.dtype);
      std::string value = lower_each(lowering, lowering.matrix({step_.columns[i]}));
      if (dtype != DType::kFp64) value = lowering.cast(value, dtype);
      made.emplace_back(makes()[i], Place{value, 0, from.width, from.width, dtype});
    }
    for (auto& [name, place] : made) lowering.put(name, std::move(place));
  }

  [[nodiscard]] const std::vector<std::string>& takes() const override { return step_.columns; }
  [[nodiscard]] std::vector<std::string> makes() const override { return names_of(step_.columns, step_.as); }

 protected:
  /// For a number at a position of its column.
  [[nodiscard]] virtual double each(double number, std::size_t position) const = 0;
  /// For a matrix of numbers, FP64.
  virtual std::string lower_each(Lowering& lowering, const std::string& numbers) const = 0;
  [[nodiscard]] virtual DType result(DType from) const {
    return from == DType::kFp32 ? DType::kFp32 : DType::kFp64;
  }
  [[nodiscard]] virtual bool may_miss() const { return false; }

  [[nodiscard]] const Step& step() const { return step_; }

 private:
  Step& step_;
};

class ClipRule final : public EachRule<function::ClipStep> {
 public:
  using EachRule::EachRule;

 private:
  [[nodiscard]] double each(double number, std::size_t) const override {
    if (step().low && number < *step().low) return *step().low;
    return step().high && number > *step().high ? *step().high : number;
  }
  // Min and Max differ between versions in what they make of NaN.
  std::string lower_each(Lowering& lowering, const std::string& numbers) const override {
    std::string value = numbers;
    const auto bound = [&](const char* compares, double limit) {
      const std::string at = lowering.scalar(limit);
      value = lowering.add("Where", {lowering.add(compares, {value, at}), at, value});
    };
    if (step().low) bound("Less", *step().low);
    if (step().high) bound("Greater", *step().high);
    return value;
  }
};

class LogRule final : public EachRule<function::LogStep> {
 public:
  using EachRule::EachRule;

 private:
  [[nodiscard]] double each(double number, std::size_t) const override {
    return std::log(number + step().plus);
  }
  std::string lower_each(Lowering& lowering, const std::string& numbers) const override {
    return lowering.add("Log", {lowering.add("Add", {numbers, lowering.scalar(step().plus)})});
  }
  [[nodiscard]] bool may_miss() const override { return true; }
};

class RoundRule final : public EachRule<function::RoundStep> {
 public:
  using EachRule::EachRule;

 private:
  [[nodiscard]] double power() const { return std::pow(10.0, static_cast<double>(step().digits)); }
  [[nodiscard]] double each(double number, std::size_t) const override {
    return std::nearbyint(number * power()) / power();
  }
  std::string lower_each(Lowering& lowering, const std::string& numbers) const override {
    const std::string by = lowering.scalar(power());
    return lowering.add("Div", {lowering.add("Round", {lowering.add("Mul", {numbers, by})}), by});
  }
};

class UnscaleRule final : public EachRule<function::UnscaleStep> {
 public:
  using EachRule::EachRule;

 private:
  [[nodiscard]] double each(double number, std::size_t) const override {
    const double product = number * step().multiply;
    return product + step().add;
  }
  std::string lower_each(Lowering& lowering, const std::string& numbers) const override {
    const std::string product = lowering.add("Mul", {numbers, lowering.scalar(step().multiply)});
    return lowering.add("Add", {product, lowering.scalar(step().add)});
  }
};

class ThresholdRule final : public EachRule<function::ThresholdStep> {
 public:
  using EachRule::EachRule;

  void check(const Table& table, Report& report) const override {
    EachRule::check(table, report);
    for (const std::string& name : takes()) {
      const Column* column = table.find(name);
      const bool fits = column == nullptr || column->is_unknown || step().at.size() == 1 ||
                        column->width == step().at.size();
      if (fits) continue;
      report.add("at",
                 std::to_string(step().at.size()) + " thresholds are given, but \"" + printable(name) +
                     "\" holds " +
                     (column->width == 0 ? "a number of values that the model leaves open"
                                         : std::to_string(column->width) + " values per record"),
                 "give one, or one per value");
    }
  }

 private:
  [[nodiscard]] double each(double number, std::size_t position) const override {
    return number >= (step().at.size() == 1 ? step().at.front() : step().at[position]) ? 1 : 0;
  }
  std::string lower_each(Lowering& lowering, const std::string& numbers) const override {
    const std::string at = lowering.row(step().at);
    const std::string above = lowering.add("Greater", {numbers, at});
    return lowering.add("Or", {above, lowering.add("Equal", {numbers, at})});
  }
  [[nodiscard]] DType result(DType) const override { return DType::kInt64; }
};

class CalibrateRule final : public EachRule<function::CalibrateStep> {
 public:
  using EachRule::EachRule;

 private:
  using By = function::CalibrateStep::By;

  [[nodiscard]] double each(double number, std::size_t) const override {
    if (step().by == By::kTemperature) return number / step().temperature;
    if (step().by == By::kPlatt) {
      const double product = step().a * number;
      return 1 / (1 + std::exp(product + step().b));
    }
    const auto& x = step().x;
    const auto& y = step().y;
    if (std::isnan(number)) return number;
    if (number <= x.front()) return y.front();
    if (number >= x.back()) return y.back();
    const auto above = std::upper_bound(x.begin(), x.end(), number) - x.begin();
    const auto i = static_cast<std::size_t>(above) - 1;
    return y[i] + (number - x[i]) * ((y[i + 1] - y[i]) / (x[i + 1] - x[i]));
  }

  std::string lower_each(Lowering& lowering, const std::string& numbers) const override {
    if (step().by == By::kTemperature)
      return lowering.add("Div", {numbers, lowering.scalar(step().temperature)});
    if (step().by == By::kPlatt) {
      const std::string product = lowering.add("Mul", {numbers, lowering.scalar(step().a)});
      return lowering.logistic(lowering.add("Add", {product, lowering.scalar(step().b)}));
    }
    return lower_line(lowering, numbers);
  }

  /// The piece of the line that each number is over, by counting the points that are not above it.
  std::string lower_line(Lowering& lowering, const std::string& numbers) const {
    const auto& x = step().x;
    const auto& y = step().y;
    std::vector<double> slopes;
    for (std::size_t i = 0; i + 1 < x.size(); ++i) slopes.push_back((y[i + 1] - y[i]) / (x[i + 1] - x[i]));
    const auto list = [&](std::vector<double> values) {
      const auto size = static_cast<std::int64_t>(values.size());
      return lowering.constant({{size}, std::move(values)});
    };
    const std::vector<double> inner(x.begin() + 1, x.end() - 1);
    const std::string tall =
        lowering.add("Reshape", {numbers, lowering.constant({{2}, std::vector<std::int64_t>{-1, 1}})});
    const std::string low = lowering.scalar(x.front());
    const std::string high = lowering.scalar(x.back());
    std::string at = lowering.add("Where", {lowering.add("Less", {tall, low}), low, tall});
    at = lowering.add("Where", {lowering.add("Greater", {at, high}), high, at});
    std::string piece;
    if (inner.empty()) {
      // One piece alone: position 0 for every number.
      piece = lowering.cast(lowering.add("Less", {at, low}), DType::kInt64);
    } else {
      const auto size = static_cast<std::int64_t>(inner.size());
      const std::string reached = lowering.add("Not", {lowering.add("Less", {at, lowering.row(inner)})});
      const std::string count =
          lowering.add("MatMul", {lowering.cast(reached, DType::kFp64),
                                  lowering.constant({{size, 1}, std::vector<double>(inner.size(), 1)})});
      piece = lowering.cast(count, DType::kInt64);
    }
    const auto gather = [&](std::vector<double> values) {
      return lowering.add("Gather", {list(std::move(values)), piece}, {{"axis", std::int64_t{0}}});
    };
    const std::string run = lowering.add("Sub", {at, gather({x.begin(), x.end() - 1})});
    const std::string rise = lowering.add("Mul", {run, gather(slopes)});
    const std::string made = lowering.add("Add", {gather({y.begin(), y.end() - 1}), rise});
    return lowering.add("Reshape", {made, lowering.add("Shape", {numbers})});
  }
};

}  // namespace

std::unique_ptr<Rule> clip_rule(function::ClipStep& step) { return std::make_unique<ClipRule>(step); }
std::unique_ptr<Rule> log_rule(function::LogStep& step) { return std::make_unique<LogRule>(step); }
std::unique_ptr<Rule> round_rule(function::RoundStep& step) { return std::make_unique<RoundRule>(step); }
std::unique_ptr<Rule> unscale_rule(function::UnscaleStep& step) {
  return std::make_unique<UnscaleRule>(step);
}
std::unique_ptr<Rule> threshold_rule(function::ThresholdStep& step) {
  return std::make_unique<ThresholdRule>(step);
}
std::unique_ptr<Rule> calibrate_rule(function::CalibrateStep& step) {
  return std::make_unique<CalibrateRule>(step);
}

}  // namespace slipway::steps
