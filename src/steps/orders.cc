// Positions among categories and edges, arithmetic between columns, names.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"
#include "function/steps.h"
#include "steps/category_internal.h"
#include "steps/numbers_internal.h"
#include "steps/rule_internal.h"

namespace slipway::steps {
namespace {

std::string nothing_to_learn(const Column& column) {
  return "the sample has no value of \"" + printable(column.name) + "\" to learn from";
}

class OrdinalRule final : public Rule {
 public:
  explicit OrdinalRule(function::OrdinalStep& step) : step_(step) {}

  void check(const Table& table, Report& report) const override {
    check_columns(table, step_.columns, Takes::kAny, report);
    check_single(table, step_.columns, report);
    for (const auto& [name, texts] : step_.categories) {
      const Column* column = table.find(name);
      if (texts.empty())
        report.add("categories", "\"" + printable(name) + "\" has no category", "give one at least");
      if (column == nullptr || column->is_unknown || column->is_text()) continue;
      for (const std::string& text : texts) {
        if (text_number(text)) continue;
        report.add("categories", "\"" + printable(text) + "\" is no number, which the column \"" +
                                     printable(name) + "\" holds");
      }
    }
  }

  [[nodiscard]] bool wants_sample() const override {
    return std::any_of(step_.columns.begin(), step_.columns.end(),
                       [this](const std::string& column) { return !step_.categories.contains(column); });
  }

  void fit(const Table& table, Report& report) override {
    for (const Column* column : take(table, step_.columns)) {
      if (step_.categories.contains(column->name)) continue;
      std::vector<std::string> found;
      for (auto& [category, count] : count_categories(*column)) found.push_back(std::move(category));
      if (found.empty()) report.add("columns", nothing_to_learn(*column), "give its categories");
      step_.categories[column->name] = std::move(found);
    }
  }

  void apply(Table& table) const override {
    std::vector<Column> made;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      const Column& from = *table.find(step_.columns[i]);
      const std::vector<std::string>& known = step_.categories.at(from.name);
      const CategoryTable positions(from, known);
      Column& column = made.emplace_back();
      column.name = makes()[i];
      column.may_miss = from.may_miss;
      for (std::size_t row = 0; row < table.rows; ++row) {
        const std::size_t position = positions.find(from, row);
        const bool missing =
            from.is_text() ? from.texts[row] == function::kMissingText : std::isnan(from.numbers[row]);
        const double number = position < known.size() ? static_cast<double>(position) : step_.unknown;
        column.numbers.push_back(missing ? std::nan("") : number);
      }
    }
    table.put_all(std::move(made));
  }

  void lower(Lowering& lowering) const override {
    std::vector<std::string> values;
    for (const std::string& column : step_.columns) {
      std::vector<std::string> known = step_.categories.at(column);
      std::vector<double> numbers(known.size());
      std::iota(numbers.begin(), numbers.end(), 0.0);
      const bool is_text = lowering.at(column).dtype == DType::kBytes;
      if (is_text) {
        known.emplace_back(function::kMissingText);
        numbers.push_back(std::nan(""));
      }
      numbers.push_back(step_.unknown);
      const auto size = static_cast<std::int64_t>(numbers.size());
      std::string value = lowering.add(
          "Gather",
          {lowering.constant({{size}, std::move(numbers)}), lower_positions(lowering, column, known)},
          {{"axis", std::int64_t{0}}});
      if (!is_text) {
        const std::string from = lowering.matrix({column});
        value = lowering.add("Where", {lowering.add("IsNaN", {from}), from, value});
      }
      values.push_back(std::move(value));
    }
    for (std::size_t i = 0; i < values.size(); ++i) lowering.split({makes()[i]}, {1}, values[i]);
  }

  [[nodiscard]] const std::vector<std::string>& takes() const override { return step_.columns; }
  [[nodiscard]] std::vector<std::string> makes() const override { return names_of(step_.columns, step_.as); }

 private:
  function::OrdinalStep& step_;
};

class BucketiseRule final : public Rule {
 public:
  explicit BucketiseRule(function::BucketiseStep& step) : step_(step) {}

  void check(const Table& table, Report& report) const override {
    check_columns(table, step_.columns, Takes::kNumbers, report);
    check_single(table, step_.columns, report);
  }

  [[nodiscard]] bool wants_sample() const override {
    return std::any_of(step_.columns.begin(), step_.columns.end(),
                       [this](const std::string& column) { return !step_.edges.contains(column); });
  }

  void fit(const Table& table, Report& report) override {
    for (const Column* column : take(table, step_.columns)) {
      if (step_.edges.contains(column->name)) continue;
      const std::vector<double> numbers = sorted_numbers(*column);
      if (numbers.empty() || numbers.front() == numbers.back()) {
        report.add("columns",
                   numbers.empty() ? nothing_to_learn(*column)
                                   : "\"" + printable(column->name) + "\" has one value alone in the sample",
                   "give its edges");
        continue;
      }
      step_.edges[column->name] = learn(numbers);
    }
  }

  void apply(Table& table) const override {
    std::vector<Column> made;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      Column& column = made.emplace_back(*table.find(step_.columns[i]));
      const std::vector<double>& edges = step_.edges.at(column.name);
      column.name = makes()[i];
      for (double& number : column.numbers) {
        if (std::isnan(number)) continue;
        number = static_cast<double>(std::upper_bound(edges.begin(), edges.end(), number) - edges.begin());
      }
    }
    table.put_all(std::move(made));
  }

  void lower(Lowering& lowering) const override {
    std::vector<std::string> values;
    for (const std::string& column : step_.columns) {
      const std::vector<double>& edges = step_.edges.at(column);
      const auto size = static_cast<std::int64_t>(edges.size());
      const std::string from = lowering.matrix({column});
      const std::string reached = lowering.add("Not", {lowering.add("Less", {from, lowering.row(edges)})});
      const std::string count =
          lowering.add("MatMul", {lowering.cast(reached, DType::kFp64),
                                  lowering.constant({{size, 1}, std::vector<double>(edges.size(), 1)})});
      values.push_back(lowering.add("Where", {lowering.add("IsNaN", {from}), from, count}));
    }
    for (std::size_t i = 0; i < values.size(); ++i) lowering.split({makes()[i]}, {1}, values[i]);
  }

  [[nodiscard]] const std::vector<std::string>& takes() const override { return step_.columns; }
  [[nodiscard]] std::vector<std::string> makes() const override { return names_of(step_.columns, step_.as); }

 private:
  /// Edges that lie on one another would part nothing.
  [[nodiscard]] std::vector<double> learn(const std::vector<double>& sorted) const {
    std::vector<double> edges;
    double last = sorted.front();
    for (std::int64_t i = 1; i < step_.buckets; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(step_.buckets);
      const double edge = step_.by == function::BucketiseStep::By::kQuantile
                              ? quantile(sorted, share)
                              : sorted.front() + (sorted.back() - sorted.front()) * share;
      if (edge > last && edge < sorted.back()) edges.push_back(last = edge);
    }
    if (edges.empty()) edges.push_back(sorted.back());
    return edges;
  }

  function::BucketiseStep& step_;
};

class CombineRule final : public Rule {
 public:
  explicit CombineRule(function::CombineStep& step) : step_(step) {}

  void check(const Table& table, Report& report) const override {
    check_columns(table, step_.columns, Takes::kNumbers, report);
    check_single(table, step_.columns, report);
  }

  void apply(Table& table) const override {
    Column made;
    made.name = step_.as.front();
    const auto columns = take(table, step_.columns);
    for (const Column* column : columns) made.may_miss = made.may_miss || column->may_miss;
    made.may_miss = made.may_miss || step_.by == By::kDivide;
    for (std::size_t row = 0; row < table.rows; ++row) {
      double number = columns.front()->numbers[row];
      for (std::size_t i = 1; i < columns.size(); ++i) number = combined(number, columns[i]->numbers[row]);
      made.numbers.push_back(number);
    }
    table.put(std::move(made));
  }

  void lower(Lowering& lowering) const override {
    std::string value = lowering.matrix({step_.columns.front()});
    for (std::size_t i = 1; i < step_.columns.size(); ++i) {
      value = lowering.add(op_type(), {value, lowering.matrix({step_.columns[i]})});
    }
    lowering.split(step_.as, {1}, value);
  }

  [[nodiscard]] const std::vector<std::string>& takes() const override { return step_.columns; }
  [[nodiscard]] std::vector<std::string> makes() const override { return step_.as; }

 private:
  using By = function::CombineStep::By;

  [[nodiscard]] double combined(double a, double b) const {
    switch (step_.by) {
      case By::kAdd:
        return a + b;
      case By::kSubtract:
        return a - b;
      case By::kMultiply:
        return a * b;
      case By::kDivide:
        break;
    }
    return a / b;
  }
  [[nodiscard]] std::string_view op_type() const {
    switch (step_.by) {
      case By::kAdd:
        return "Add";
      case By::kSubtract:
        return "Sub";
      case By::kMultiply:
        return "Mul";
      case By::kDivide:
        break;
    }
    return "Div";
  }

  function::CombineStep& step_;
};

class RenameRule final : public Rule {
 public:
  explicit RenameRule(function::PlainStep& step) : step_(step) {}

  void check(const Table& table, Report& report) const override {
    check_columns(table, step_.columns, Takes::kAny, report);
    for (const std::string& name : step_.as) {
      const bool is_free = table.find(name) == nullptr ||
                           std::find(step_.columns.begin(), step_.columns.end(), name) != step_.columns.end();
      if (!is_free)
        report.add("as", "there is a column \"" + printable(name) + "\" already", "drop it first");
    }
  }
  void apply(Table& table) const override {
    // In their places: what is left at the end is fed in its order.
    for (Column& column : table.columns) {
      const auto found = std::find(step_.columns.begin(), step_.columns.end(), column.name);
      if (found == step_.columns.end()) continue;
      column.name = step_.as[static_cast<std::size_t>(found - step_.columns.begin())];
    }
  }
  void lower(Lowering& lowering) const override {
    std::vector<Place> places;
    for (const std::string& name : step_.columns) places.push_back(lowering.at(name));
    for (const std::string& name : step_.columns) lowering.drop(name);
    for (std::size_t i = 0; i < places.size(); ++i) lowering.put(step_.as[i], places[i]);
  }
  [[nodiscard]] const std::vector<std::string>& takes() const override { return step_.columns; }
  [[nodiscard]] std::vector<std::string> makes() const override { return step_.as; }

 private:
  function::PlainStep& step_;
};

}  // namespace

std::unique_ptr<Rule> ordinal_rule(function::OrdinalStep& step) {
  return std::make_unique<OrdinalRule>(step);
}
std::unique_ptr<Rule> bucketise_rule(function::BucketiseStep& step) {
  return std::make_unique<BucketiseRule>(step);
}
std::unique_ptr<Rule> combine_rule(function::CombineStep& step) {
  return std::make_unique<CombineRule>(step);
}
std::unique_ptr<Rule> rename_rule(function::PlainStep& step) { return std::make_unique<RenameRule>(step); }

}  // namespace slipway::steps
