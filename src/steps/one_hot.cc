#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/text.h"
#include "steps/category_internal.h"
#include "steps/numbers_internal.h"
#include "steps/rule_internal.h"

namespace slipway::steps {
namespace {

using function::OneHotStep;
using Unknown = OneHotStep::Unknown;

class OneHotRule final : public Rule {
 public:
  explicit OneHotRule(OneHotStep& step) : step_(step) {}

  void check(const Table& table, Report& report) const override {
    check_columns(table, step_.columns, Takes::kAny, report);
    check_single(table, step_.columns, report);
    check_categories("categories", step_.categories, table, report);
    check_categories("rare", step_.rare, table, report);
  }

  [[nodiscard]] bool wants_sample() const override {
    return std::any_of(step_.columns.begin(), step_.columns.end(),
                       [this](const std::string& column) { return !step_.categories.contains(column); });
  }

  void fit(const Table& table, Report& report) override {
    for (const Column* column : take(table, step_.columns)) {
      if (step_.categories.contains(column->name)) continue;
      std::vector<std::string> frequent;
      std::vector<std::string> rare;
      for (auto& [category, count] : count_categories(*column)) {
        (count < static_cast<std::size_t>(step_.min_count) ? rare : frequent).push_back(std::move(category));
      }
      if (frequent.empty() && rare.empty()) {
        report.add("columns", "the sample has no value of \"" + printable(column->name) + "\" to learn from",
                   "give its categories");
      }
      step_.categories[column->name] = std::move(frequent);
      if (!rare.empty()) step_.rare[column->name] = std::move(rare);
    }
  }

  void apply(Table& table) const override {
    std::vector<Column> made;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      const Column& from = *table.find(step_.columns[i]);
      Column& column = made.emplace_back();
      column.name = names_of(step_.columns, step_.as)[i];
      column.width = width(from.name);
      column.numbers.assign(table.rows * column.width, 0);
      const CategoryTable known(from, known_of(from.name));
      for (std::size_t row = 0; row < table.rows; ++row) {
        const auto place = place_of(from.name, known.find(from, row));
        if (place) column.numbers[row * column.width + *place] = 1;
      }
    }
    table.put_all(std::move(made));
  }

  void lower(Lowering& lowering) const override {
    std::vector<std::string> values;
    std::vector<std::size_t> widths;
    for (const std::string& column : step_.columns) {
      const std::vector<std::string> known = known_of(column);
      std::string position = lower_positions(lowering, column, known);
      if (known.size() > step_.categories.at(column).size() || step_.unknown == Unknown::kRare) {
        std::vector<std::int64_t> places;
        for (std::size_t i = 0; i <= known.size(); ++i) {
          const auto place = place_of(column, i);
          places.push_back(place ? static_cast<std::int64_t>(*place) : -1);
        }
        const auto size = static_cast<std::int64_t>(places.size());
        position = lowering.add("Gather", {lowering.constant({{size}, std::move(places)}), position},
                                {{"axis", std::int64_t{0}}});
      }
      std::vector<std::int64_t> all(width(column));
      std::iota(all.begin(), all.end(), 0);
      const auto size = static_cast<std::int64_t>(all.size());
      const std::string equal =
          lowering.add("Equal", {position, lowering.constant({{1, size}, std::move(all)})});
      values.push_back(lowering.cast(equal, DType::kFp64));
      widths.push_back(width(column));
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      lowering.split({names_of(step_.columns, step_.as)[i]}, {widths[i]}, values[i]);
    }
  }

  [[nodiscard]] const std::vector<std::string>& takes() const override { return step_.columns; }
  [[nodiscard]] std::vector<std::string> makes() const override { return names_of(step_.columns, step_.as); }

 private:
  static void check_categories(const std::string& setting, const function::Categories& categories,
                               const Table& table, Report& report) {
    for (const auto& [name, texts] : categories) {
      const Column* column = table.find(name);
      if (setting == "categories" && texts.empty()) {
        report.add(setting, "\"" + printable(name) + "\" has no category", "give one at least");
      }
      if (column == nullptr || column->is_unknown || column->is_text()) continue;
      for (const std::string& text : texts) {
        if (text_number(text)) continue;
        report.add(setting, "\"" + printable(text) + "\" is no number, which the column \"" +
                                printable(name) + "\" holds");
      }
    }
  }

  [[nodiscard]] bool has_rare(const std::string& column) const { return step_.rare.contains(column); }
  [[nodiscard]] std::size_t width(const std::string& column) const {
    return step_.categories.at(column).size() + (has_rare(column) ? 1 : 0);
  }

  /// The frequent categories and then the rare ones.
  [[nodiscard]] std::vector<std::string> known_of(const std::string& column) const {
    std::vector<std::string> known = step_.categories.at(column);
    if (const auto rare = step_.rare.find(column); rare != step_.rare.end()) {
      known.insert(known.end(), rare->second.begin(), rare->second.end());
    }
    return known;
  }

  /// Where the 1 goes for the category at `position` of known_of(), whose size stands for an unknown one.
  [[nodiscard]] std::optional<std::size_t> place_of(const std::string& column, std::size_t position) const {
    const std::size_t frequent = step_.categories.at(column).size();
    if (position < frequent) return position;
    const bool is_known = position < known_of(column).size();
    if (has_rare(column) && (is_known || step_.unknown == Unknown::kRare)) return frequent;
    return std::nullopt;
  }

  OneHotStep& step_;
};

}  // namespace

std::unique_ptr<Rule> one_hot_rule(OneHotStep& step) { return std::make_unique<OneHotRule>(step); }

}  // namespace slipway::steps
