#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/text.h"
#include "steps/numbers_internal.h"
#include "steps/rule_internal.h"

namespace slipway::steps {
namespace {

using function::ImputeStep;
using With = ImputeStep::With;

std::string flag_name(const std::string& column) { return column + "_missing"; }

bool is_missing(const Column& column, std::size_t i) {
  return column.is_text() ? column.texts[i] == function::kMissingText : std::isnan(column.numbers[i]);
}

/// The most frequent value, the least of several.
template <typename T, typename Missing>
std::optional<T> most_frequent(const std::vector<T>& values, Missing missing) {
  std::map<T, std::size_t> counts;
  for (const T& value : values) {
    if (!missing(value)) ++counts[value];
  }
  const auto best = std::max_element(counts.begin(), counts.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  if (best == counts.end()) return std::nullopt;
  return best->first;
}

class ImputeRule final : public Rule {
 public:
  explicit ImputeRule(ImputeStep& step) : step_(step) {}

  void check(const Table& table, Report& report) const override {
    check_columns(table, step_.columns, Takes::kAny, report);
    check_single(table, step_.columns, report);
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      const Column* column = table.find(step_.columns[i]);
      if (column == nullptr || column->is_unknown) continue;
      const std::string name = "the column \"" + printable(column->name) + "\"";
      const bool learns_number = step_.values.empty() && step_.with != With::kMostFrequent;
      if (column->is_text() && learns_number) {
        report.add("with", name + " holds text, which has no mean and no median",
                   "write with: most_frequent");
      }
      if (column->is_text() || step_.values.empty()) continue;
      if (!text_number(value_text(i))) {
        report.add("values", "\"" + printable(value_text(i)) + "\" is no number, which " + name + " wants");
      }
    }
  }

  [[nodiscard]] bool wants_sample() const override { return step_.values.empty(); }

  void fit(const Table& table, Report& report) override {
    std::vector<std::string> values;
    for (const Column* column : take(table, step_.columns)) {
      auto value = learn(*column);
      if (!value) {
        report.add("columns", "the sample has no value of \"" + printable(column->name) + "\" to learn from",
                   "give values");
      }
      values.push_back(std::move(value).value_or(""));
    }
    if (!report.has_fault()) step_.values = std::move(values);
  }

  void apply(Table& table) const override {
    std::vector<Column> made;
    std::vector<Column> flags;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      const Column& from = *table.find(step_.columns[i]);
      Column filled = from;
      filled.name = names_of(step_.columns, step_.as)[i];
      filled.may_miss = false;
      Column flag;
      flag.name = flag_name(from.name);
      for (std::size_t row = 0; row < table.rows; ++row) {
        const bool missing = is_missing(from, row);
        flag.numbers.push_back(missing ? 1 : 0);
        if (!missing) continue;
        if (from.is_text()) filled.texts[row] = value_text(i);
        if (!from.is_text()) filled.numbers[row] = text_number(value_text(i)).value_or(0);
      }
      made.push_back(std::move(filled));
      if (step_.flag) flags.push_back(std::move(flag));
    }
    table.put_all(std::move(made));
    table.put_all(std::move(flags));
  }

  void lower(Lowering& lowering) const override {
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      if (lowering.at(step_.columns[i]).dtype != DType::kBytes) {
        numbers.push_back(i);
      } else {
        lower_text(lowering, i);
      }
    }
    if (!numbers.empty()) lower_numbers(lowering, numbers);
  }

  [[nodiscard]] const std::vector<std::string>& takes() const override { return step_.columns; }
  [[nodiscard]] std::vector<std::string> makes() const override {
    std::vector<std::string> names = names_of(step_.columns, step_.as);
    if (!step_.flag) return names;
    for (const std::string& column : step_.columns) names.push_back(flag_name(column));
    return names;
  }

 private:
  [[nodiscard]] const std::string& value_text(std::size_t column) const {
    return step_.values.size() == 1 ? step_.values.front() : step_.values[column];
  }

  [[nodiscard]] std::optional<std::string> learn(const Column& column) const {
    if (column.is_text()) {
      return most_frequent(column.texts,
                           [](const std::string& text) { return text == function::kMissingText; });
    }
    const std::vector<double> there = sorted_numbers(column);
    if (there.empty()) return std::nullopt;
    if (step_.with == With::kMedian) return number_text(quantile(there, 0.5));
    if (step_.with == With::kMostFrequent) {
      return number_text(*most_frequent(there, [](double) { return false; }));
    }
    return number_text(std::accumulate(there.begin(), there.end(), 0.0) / static_cast<double>(there.size()));
  }

  void lower_text(Lowering& lowering, std::size_t column) const {
    const std::string& name = step_.columns[column];
    const std::string texts = lowering.matrix({name});
    const std::string position = lowering.positions(texts, {std::string(function::kMissingText)});
    const std::string missing =
        lowering.add("Equal", {position, lowering.constant({{}, std::vector<std::int64_t>{0}})});
    const std::string value = lowering.constant({{}, std::vector<std::string>{value_text(column)}});
    const std::string filled = lowering.add("Where", {missing, value, texts});
    if (step_.flag) lowering.split({flag_name(name)}, {1}, lowering.cast(missing, DType::kFp64));
    lowering.split({names_of(step_.columns, step_.as)[column]}, {1}, filled, DType::kBytes);
  }

  void lower_numbers(Lowering& lowering, const std::vector<std::size_t>& columns) const {
    std::vector<std::string> from;
    std::vector<std::string> to;
    std::vector<std::string> flags;
    std::vector<double> values;
    for (const std::size_t i : columns) {
      from.push_back(step_.columns[i]);
      to.push_back(names_of(step_.columns, step_.as)[i]);
      flags.push_back(flag_name(step_.columns[i]));
      values.push_back(text_number(value_text(i)).value_or(0));
    }
    const std::vector<std::size_t> widths(columns.size(), 1);
    const std::string numbers = lowering.matrix(from);
    const std::string missing = lowering.add("IsNaN", {numbers});
    const std::string filled = lowering.add("Where", {missing, lowering.row(std::move(values)), numbers});
    lowering.split(to, widths, filled);
    if (step_.flag) lowering.split(flags, widths, lowering.cast(missing, DType::kFp64));
  }

  ImputeStep& step_;
};

}  // namespace

std::unique_ptr<Rule> impute_rule(ImputeStep& step) { return std::make_unique<ImputeRule>(step); }

}  // namespace slipway::steps
