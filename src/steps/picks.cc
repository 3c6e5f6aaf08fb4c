// Some of the numbers of a column: the largest, or those at certain positions.
#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "steps/rule_internal.h"

namespace slipway::steps {
namespace {

class TopKRule final : public Rule {
 public:
  explicit TopKRule(function::TopKStep& step) : step_(step) {}

  void check(const Table& table, Report& report) const override {
    check_columns(table, step_.columns, Takes::kNumbers, report);
    const Column* column = table.find(step_.columns.front());
    if (column == nullptr || column->is_unknown || column->width == 0 || k() <= column->width) return;
    report.add("k", "\"" + printable(column->name) + "\" holds " + std::to_string(column->width) +
                        " values per record, and " + std::to_string(step_.k) + " are wanted of it");
  }

  void apply(Table& table) const override {
    const Column& from = *table.find(step_.columns.front());
    Column positions;
    positions.name = step_.as[0];
    positions.dtype = DType::kInt64;
    positions.width = k();
    Column scores;
    scores.name = step_.as[1];
    scores.dtype = from.dtype == DType::kFp32 ? DType::kFp32 : DType::kFp64;
    scores.width = k();
    for (std::size_t row = 0; row < table.rows; ++row) {
      const double* numbers = from.numbers.data() + row * from.width;
      std::vector<std::size_t> order(from.width);
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::stable_sort(order.begin(), order.end(),
                       [numbers](std::size_t a, std::size_t b) { return numbers[a] > numbers[b]; });
      for (std::size_t i = 0; i < k(); ++i) {
        positions.numbers.push_back(static_cast<double>(order[i]));
        scores.numbers.push_back(numbers[order[i]]);
      }
    }
    table.put(std::move(positions));
    table.put(std::move(scores));
  }

  void lower(Lowering& lowering) const override {
    const Place from = lowering.at(step_.columns.front());
    const std::string numbers = lowering.matrix(step_.columns);
    const std::string count = lowering.constant({{1}, std::vector<std::int64_t>{step_.k}});
    std::string scores = lowering.fresh("top_scores");
    const std::string positions = lowering.fresh("top_positions");
    lowering.add_node(
        {"TopK", "", {numbers, count}, {scores, positions}, {graph::Attribute{"axis", std::int64_t{1}}}});
    const bool is_single = from.dtype == DType::kFp32;
    if (is_single) scores = lowering.cast(scores, DType::kFp32);
    lowering.put(step_.as[0], {positions, 0, k(), k(), DType::kInt64});
    lowering.put(step_.as[1], {scores, 0, k(), k(), is_single ? DType::kFp32 : DType::kFp64});
  }

  [[nodiscard]] const std::vector<std::string>& takes() const override { return step_.columns; }
  [[nodiscard]] std::vector<std::string> makes() const override { return step_.as; }

 private:
  [[nodiscard]] std::size_t k() const { return static_cast<std::size_t>(step_.k); }

  function::TopKStep& step_;
};

class TakeRule final : public Rule {
 public:
  explicit TakeRule(function::TakeStep& step) : step_(step) {}

  void check(const Table& table, Report& report) const override {
    check_columns(table, step_.columns, Takes::kAny, report);
    const std::int64_t last = *std::max_element(step_.positions.begin(), step_.positions.end());
    for (const std::string& name : step_.columns) {
      const Column* column = table.find(name);
      if (column == nullptr || column->is_unknown || column->width == 0) continue;
      if (last < static_cast<std::int64_t>(column->width)) continue;
      report.add("positions", "\"" + printable(name) + "\" holds " + std::to_string(column->width) +
                                  " values per record, so there is no position " + std::to_string(last));
    }
  }

  void apply(Table& table) const override {
    std::vector<Column> made;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      const Column& from = *table.find(step_.columns[i]);
      Column& column = made.emplace_back();
      column.name = makes()[i];
      column.dtype = from.dtype;
      column.may_miss = from.may_miss;
      column.width = step_.positions.size();
      for (std::size_t row = 0; row < table.rows; ++row) {
        for (const std::int64_t position : step_.positions) {
          const std::size_t at = row * from.width + static_cast<std::size_t>(position);
          if (from.is_text()) column.texts.push_back(from.texts[at]);
          if (!from.is_text()) column.numbers.push_back(from.numbers[at]);
        }
      }
    }
    table.put_all(std::move(made));
  }

  void lower(Lowering& lowering) const override {
    const std::size_t count = step_.positions.size();
    const std::string positions = lowering.constant({{static_cast<std::int64_t>(count)}, step_.positions});
    std::vector<std::pair<std::string, Place>> made;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      const Place from = lowering.at(step_.columns[i]);
      const std::string value =
          lowering.add("Gather", {lowering.column(from), positions}, {{"axis", std::int64_t{1}}});
      made.emplace_back(makes()[i], Place{value, 0, count, count, from.dtype});
    }
    for (auto& [name, place] : made) lowering.put(name, std::move(place));
  }

  [[nodiscard]] const std::vector<std::string>& takes() const override { return step_.columns; }
  [[nodiscard]] std::vector<std::string> makes() const override { return names_of(step_.columns, step_.as); }

 private:
  function::TakeStep& step_;
};

}  // namespace

std::unique_ptr<Rule> top_k_rule(function::TopKStep& step) { return std::make_unique<TopKRule>(step); }
std::unique_ptr<Rule> take_rule(function::TakeStep& step) { return std::make_unique<TakeRule>(step); }

}  // namespace slipway::steps
