// Records as people keep them: CSV with a header, a JSON array (or {"records": [...]}, or one object), JSON
// Lines.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "function/function.h"

namespace slipway::packing {

struct Records {
  std::string name;                  ///< of the file, for messages
  std::vector<std::string> texts;    ///< one JSON object each
  std::vector<std::size_t> lines;    ///< the line on which each begins, from 1
  std::vector<std::string> columns;  ///< the header, or the keys of the first object
};

struct RecordLimits {
  std::size_t max_records = 1'000'000;
  std::size_t max_columns = 65'536;
};

/// Reads text of any of the forms; which one is told from the content. CSV: comma, semicolon or tab, quotes
/// as in RFC 4180. Its cells become values of the type that `fields` declare for their column; where a column
/// is not among them, what looks like a number, true or false is one. An empty cell is null, except in a
/// string field. Errors: records.format with one fault per line (at most 20), records.none,
/// records.too_large; json.*.
Result<Records> read_records(std::string_view text, std::string_view name,
                             std::span<const function::FieldInfo> fields, const RecordLimits& limits = {});

/// The records at these positions as one JSON array.
[[nodiscard]] std::string to_array(const Records& records, std::span<const std::size_t> positions);
[[nodiscard]] std::string to_array(std::string_view record);

/// Puts the words of the file into the faults of record.invalid: "sample.csv, line 5, alcohol" for
/// "records[3].alcohol".
[[nodiscard]] Error in_words_of(const Records& records, const Error& error);

}  // namespace slipway::packing
