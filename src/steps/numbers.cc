#include "steps/numbers_internal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace slipway::steps {

std::vector<double> sorted_numbers(const Column& column) {
  std::vector<double> numbers = column.numbers;
  std::erase_if(numbers, [](double number) { return std::isnan(number); });
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - std::floor(at));
}

std::string number_text(double number) {
  std::array<char, 32> text{};
  const auto written = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), written.ptr};
}

std::optional<double> text_number(std::string_view text) {
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

void check_single(const Table& table, const std::vector<std::string>& columns, Report& report) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Column* column = table.find(columns[i]);
    if (column == nullptr || column->is_unknown || column->width == 1) continue;
    report.add("columns[" + std::to_string(i) + "]", "the column \"" + printable(columns[i]) + "\" holds " +
                                                         std::to_string(column->width) +
                                                         " values per record, but one is wanted");
  }
}

void check_count(std::string_view setting, std::size_t count, std::size_t columns, Report& report) {
  if (count == 0 || count == columns) return;
  report.add(setting,
             std::to_string(count) + " numbers are given for " + std::to_string(columns) + " columns",
             "give one per column, or none");
}

}  // namespace slipway::steps
