#include "steps/table.h"

#include <algorithm>

namespace slipway::steps {

const Column* Table::find(std::string_view name) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const Column& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

void Table::put(Column column) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const Column& one) { return one.name == column.name; });
  if (found == columns.end()) {
    columns.push_back(std::move(column));
  } else {
    *found = std::move(column);
  }
}

void Table::put_all(std::vector<Column> made) {
  for (Column& column : made) put(std::move(column));
}

void Table::drop(std::string_view name) {
  std::erase_if(columns, [&](const Column& column) { return column.name == name; });
}

std::vector<std::string> Table::names() const {
  std::vector<std::string> names;
  for (const Column& column : columns) names.push_back(column.name);
  return names;
}

double rounded(double number, DType dtype) {
  return dtype == DType::kFp32 ? static_cast<double>(static_cast<float>(number)) : number;
}

}  // namespace slipway::steps
