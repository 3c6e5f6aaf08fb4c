#include <algorithm>

#include "packing/csv_internal.h"

namespace slipway::packing {

CsvReader::CsvReader(std::string_view text) : rest_(text) {
  const std::string_view header = text.substr(0, text.find('\n'));
  auto most = std::count(header.begin(), header.end(), ',');
  for (const char candidate : {';', '\t'}) {
    const auto count = std::count(header.begin(), header.end(), candidate);
    if (count > most) {
      most = count;
      separator_ = candidate;
    }
  }
}

// Reads one cell and what ends it; true when another cell of the same row follows.
bool CsvReader::read_cell(std::string& cell) {
  if (rest_.starts_with('"')) {
    rest_.remove_prefix(1);
    for (;;) {
      const std::size_t quote = rest_.find('"');
      const std::string_view part = rest_.substr(0, quote);
      next_line_ += static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
      cell += part;
      if (quote == std::string_view::npos) {
        ok_ = false;
        rest_ = {};
        return false;
      }
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('"')) break;
      cell += '"';
      rest_.remove_prefix(1);
    }
  }
  const std::size_t end = std::min(rest_.find_first_of(std::string(1, separator_) + "\n"), rest_.size());
  std::string_view plain = rest_.substr(0, end);
  const bool more = end < rest_.size() && rest_[end] == separator_;
  if (!more && plain.ends_with('\r')) plain.remove_suffix(1);
  cell += plain;
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  if (!more) ++next_line_;
  return more;
}

bool CsvReader::next(std::vector<std::string>& cells) {
  while (ok_ && !rest_.empty()) {
    cells.clear();
    line_ = next_line_;
    while (read_cell(cells.emplace_back())) {
    }
    const bool blank = cells.size() == 1 && cells.front().empty();
    if (ok_ && !blank) return true;
  }
  return false;
}

}  // namespace slipway::packing
