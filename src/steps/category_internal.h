// Categories: the values of a column, as text, and their positions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "steps/lowering_internal.h"
#include "steps/table.h"

namespace slipway::steps {

/// Every value that is there with its count, numbers in their order, texts in that of their bytes.
std::vector<std::pair<std::string, std::size_t>> count_categories(const Column& column);

/// Positions by value. Thread: a value.
class CategoryTable {
 public:
  /// Precondition: `known` are numbers where `column` holds numbers.
  CategoryTable(const Column& column, const std::vector<std::string>& known);
  /// The position of a row's value; the number of known ones where it is none of them.
  [[nodiscard]] std::size_t find(const Column& column, std::size_t row) const;

 private:
  std::map<std::string, std::size_t, std::less<>> texts_;
  std::map<double, std::size_t> numbers_;
  std::size_t size_;
};

/// The same in operators: INT64 [rows, 1].
std::string lower_positions(Lowering& lowering, const std::string& column,
                            const std::vector<std::string>& known);

}  // namespace slipway::steps
