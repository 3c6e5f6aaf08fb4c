#include <cmath>
#include <numeric>

#include "function/steps.h"
#include "steps/category_internal.h"
#include "steps/numbers_internal.h"

namespace slipway::steps {

std::vector<std::pair<std::string, std::size_t>> count_categories(const Column& column) {
  std::vector<std::pair<std::string, std::size_t>> categories;
  if (column.is_text()) {
    std::map<std::string, std::size_t> counts;
    for (const std::string& text : column.texts) {
      if (text != function::kMissingText) ++counts[text];
    }
    categories.assign(counts.begin(), counts.end());
    return categories;
  }
  std::map<double, std::size_t> counts;
  for (const double number : column.numbers) {
    if (!std::isnan(number)) ++counts[number];
  }
  for (const auto& [number, count] : counts) categories.emplace_back(number_text(number), count);
  return categories;
}

CategoryTable::CategoryTable(const Column& column, const std::vector<std::string>& known)
    : size_(known.size()) {
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (column.is_text()) {
      texts_.emplace(known[i], i);
    } else {
      numbers_.emplace(text_number(known[i]).value_or(0), i);
    }
  }
}

std::size_t CategoryTable::find(const Column& column, std::size_t row) const {
  if (column.is_text()) {
    const auto found = texts_.find(column.texts[row]);
    return found == texts_.end() ? size_ : found->second;
  }
  if (std::isnan(column.numbers[row])) return size_;
  const auto found = numbers_.find(column.numbers[row]);
  return found == numbers_.end() ? size_ : found->second;
}

std::string lower_positions(Lowering& lowering, const std::string& column,
                            const std::vector<std::string>& known) {
  const bool is_text = lowering.at(column).dtype == DType::kBytes;
  const std::string value = lowering.matrix({column});
  if (is_text) return lowering.positions(value, known);
  // One comparison per category, of which one holds at most; its position comes of a product.
  const auto count = static_cast<std::int64_t>(known.size());
  std::vector<double> numbers;
  for (const std::string& text : known) numbers.push_back(text_number(text).value_or(0));
  std::vector<double> steps(known.size());
  std::iota(steps.begin(), steps.end(), -static_cast<double>(count));
  const std::string equal = lowering.add("Equal", {value, lowering.row(std::move(numbers))});
  const std::string found = lowering.add(
      "MatMul", {lowering.cast(equal, DType::kFp64), lowering.constant({{count, 1}, std::move(steps)})});
  return lowering.cast(lowering.add("Add", {found, lowering.scalar(static_cast<double>(count))}),
                       DType::kInt64);
}

}  // namespace slipway::steps
