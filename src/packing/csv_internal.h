// Comma-separated values. Source: RFC 4180; semicolons and tabs are taken where the first line has more of
// them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::packing {

/// Borrows: the text.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text);
  /// The cells of the next row that is not blank. False at the end, and where a quote stays open.
  bool next(std::vector<std::string>& cells);
  [[nodiscard]] bool ok() const { return ok_; }
  /// The line on which the last row began, from 1.
  [[nodiscard]] std::size_t line() const { return line_; }

 private:
  bool read_cell(std::string& cell);

  std::string_view rest_;
  char separator_ = ',';
  bool ok_ = true;
  std::size_t line_ = 0;
  std::size_t next_line_ = 1;
};

}  // namespace slipway::packing
