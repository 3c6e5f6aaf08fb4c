// Columns and their values: what steps work on, where they are evaluated one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace slipway::steps {

/// A named value per row: `width` numbers, or `width` texts. Numbers are FP64 between a record and the model;
/// behind the model they keep its element type, and are rounded to it by each step.
struct Column {
  std::string name;
  DType dtype = DType::kFp64;  ///< FP64, FP32, INT64 or BYTES
  std::size_t width = 1;       ///< 0 = not known before the model runs
  bool may_miss = false;       ///< numbers that may be NaN, texts that may be function::kMissingText
  bool is_unknown = false;  ///< stands for what a faulty step would have made; anything may be done with it
  std::vector<double> numbers;     ///< row by row
  std::vector<std::string> texts;  ///< the same, of BYTES

  static Column unknown(std::string name) {
    Column column;
    column.name = std::move(name);
    column.is_unknown = true;
    return column;
  }
  [[nodiscard]] bool is_text() const { return dtype == DType::kBytes; }
};

/// In the order in which they came. Thread: a value.
struct Table {
  std::size_t rows = 0;
  std::vector<Column> columns;

  [[nodiscard]] const Column* find(std::string_view name) const;
  /// In the place of the column of that name, else at the end.
  void put(Column column);
  void put_all(std::vector<Column> columns);
  void drop(std::string_view name);
  [[nodiscard]] std::vector<std::string> names() const;
};

/// A number as `dtype` holds it.
[[nodiscard]] double rounded(double number, DType dtype);

}  // namespace slipway::steps
