#include "packing/records.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/text.h"
#include "json/json.h"
#include "json/writer.h"
#include "packing/csv_internal.h"

namespace slipway::packing {
namespace {

using function::FieldInfo;
using function::FieldType;

constexpr std::size_t kMaxFaults = 20;

Error bad_format(std::string_view name, std::vector<Fault> faults) {
  return invalid_argument("records.format", "'" + std::string(name) + "' cannot be read as records")
      .with_faults(std::move(faults));
}

Error too_many(std::string_view name, std::size_t limit) {
  return resource_exhausted("records.too_large", "'" + std::string(name) + "' holds more than " +
                                                     std::to_string(limit) + " records");
}

const FieldInfo* find_field(std::span<const FieldInfo> fields, std::string_view name) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const FieldInfo& f) { return f.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

bool write_number(std::string_view cell, json::Writer& out) {
  std::int64_t integer = 0;
  const char* end = cell.data() + cell.size();
  if (const auto read = std::from_chars(cell.data(), end, integer);
      read.ec == std::errc() && read.ptr == end) {
    out.number(integer);
    return true;
  }
  double number = 0;
  const auto read = std::from_chars(cell.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || !std::isfinite(number)) return false;
  out.number(number);
  return true;
}

bool write_boolean(std::string_view cell, json::Writer& out) {
  for (const std::string_view truth : {"true", "True", "TRUE"}) {
    if (cell == truth) return out.boolean(true), true;
  }
  for (const std::string_view lie : {"false", "False", "FALSE"}) {
    if (cell == lie) return out.boolean(false), true;
  }
  return false;
}

// What does not fit its field becomes text, which the prediction function then refuses by name.
void write_cell(std::string_view cell, const FieldInfo* field, json::Writer& out, json::Parser& parser) {
  const FieldType type = field != nullptr ? field->type : FieldType::kNumber;
  if (type == FieldType::kString) {
    const bool is_missing = cell.empty() && !field->required && !field->default_value;
    return is_missing ? out.null() : out.string(cell);
  }
  if (cell.empty()) return out.null();
  if (type == FieldType::kArray) {
    const auto array = parser.parse(cell);
    if (array.ok() && array->is_array()) return out.raw(array->to_text());
    return out.string(cell);
  }
  if (type == FieldType::kBoolean) {
    if (cell == "1" || cell == "0") return out.boolean(cell == "1");
    if (!write_boolean(cell, out)) out.string(cell);
    return;
  }
  if (write_number(cell, out)) return;
  if (field == nullptr && write_boolean(cell, out)) return;
  out.string(cell);
}

Status check_header(const std::vector<std::string>& columns, std::string_view name,
                    const RecordLimits& limits) {
  if (columns.size() > limits.max_columns) {
    return resource_exhausted("records.too_large", "'" + std::string(name) + "' has more than " +
                                                       std::to_string(limits.max_columns) + " columns");
  }
  std::vector<Fault> faults;
  std::set<std::string_view> seen;
  for (const std::string& column : columns) {
    const std::string where = std::string(name) + ", line 1";
    if (column.empty())
      faults.push_back({where, "a column has no name", "name every column in the first line"});
    if (!seen.insert(column).second) {
      faults.push_back(
          {where, "the column \"" + printable(column) + "\" is there twice", "rename one of them"});
    }
    if (faults.size() >= kMaxFaults) break;
  }
  if (!faults.empty()) return bad_format(name, std::move(faults));
  return {};
}

Result<Records> read_csv(std::string_view text, std::string_view name, std::span<const FieldInfo> fields,
                         const RecordLimits& limits) {
  CsvReader reader(text);
  Records records;
  records.name = name;
  std::vector<Fault> faults;
  if (!reader.next(records.columns))
    return invalid_argument("records.none", "'" + records.name + "' is empty");
  SLIPWAY_TRY(check_header(records.columns, name, limits));
  std::vector<const FieldInfo*> infos;
  for (const std::string& column : records.columns) infos.push_back(find_field(fields, column));
  json::Parser parser;
  std::vector<std::string> cells;
  while (faults.size() < kMaxFaults && reader.next(cells)) {
    if (records.texts.size() >= limits.max_records) return too_many(name, limits.max_records);
    if (cells.size() != records.columns.size()) {
      faults.push_back({records.name + ", line " + std::to_string(reader.line()),
                        "has " + std::to_string(cells.size()) + " cells, but there are " +
                            std::to_string(records.columns.size()) + " columns",
                        "quote cells that contain the separator"});
      continue;
    }
    std::string record;
    json::Writer out(record);
    out.begin_object();
    for (std::size_t i = 0; i < cells.size(); ++i) {
      out.key(records.columns[i]);
      write_cell(cells[i], infos[i], out, parser);
    }
    out.end_object();
    records.texts.push_back(std::move(record));
    records.lines.push_back(reader.line());
  }
  if (!reader.ok()) {
    faults.push_back({records.name + ", line " + std::to_string(reader.line()), "a quoted cell does not end",
                      "close the quote, or double it where it is meant"});
  }
  if (!faults.empty()) return bad_format(name, std::move(faults));
  return records;
}

void keep_columns(const json::Value& record, Records& records) {
  for (const json::Member& member : record.object()) records.columns.emplace_back(member.key);
}

Status add_object(const json::Value& value, std::size_t line, Records& records) {
  if (!value.is_object()) {
    return bad_format(records.name, {{records.name + ", line " + std::to_string(line),
                                      "record " + std::to_string(records.texts.size()) + " is " +
                                          std::string(json::type_name(value.type())) + ", not an object",
                                      "write records as {\"field\": value, ...}"}});
  }
  if (records.texts.empty()) keep_columns(value, records);
  records.texts.push_back(value.to_text());
  records.lines.push_back(line);
  return {};
}

Result<Records> read_json_lines(std::string_view text, std::string_view name, const RecordLimits& limits) {
  Records records;
  records.name = name;
  json::Parser parser;
  std::vector<Fault> faults;
  std::size_t number = 0;
  while (!text.empty() && faults.size() < kMaxFaults) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (records.texts.size() >= limits.max_records) return too_many(name, limits.max_records);
    const auto value = parser.parse(line);
    if (!value.ok()) {
      faults.push_back({records.name + ", line " + std::to_string(number), value.error().message(), ""});
    } else if (Status added = add_object(*value, number, records); !added.ok()) {
      faults.push_back(added.error().faults().front());
    }
  }
  if (!faults.empty()) return bad_format(name, std::move(faults));
  return records;
}

Result<Records> read_json(std::string_view text, std::string_view name, const RecordLimits& limits) {
  json::Parser parser;
  const auto document = parser.parse(text);
  const bool many_lines = text.find('{') < text.find('\n') && text.find('\n') < text.rfind('{');
  if (!document.ok()) {
    if (text.front() == '{' && many_lines) return read_json_lines(text, name, limits);
    return document.error().within("reading '" + std::string(name) + "'");
  }
  Records records;
  records.name = name;
  json::Value list = *document;
  if (list.is_object()) {
    const auto inner = list.find("records");
    if (!inner || !inner->is_array()) {
      SLIPWAY_TRY(add_object(list, 1, records));
      return records;
    }
    list = *inner;
  }
  if (list.array().size() > limits.max_records) return too_many(name, limits.max_records);
  for (const json::Value& value : list.array()) SLIPWAY_TRY(add_object(value, 1, records));
  return records;
}

}  // namespace

Result<Records> read_records(std::string_view text, std::string_view name, std::span<const FieldInfo> fields,
                             const RecordLimits& limits) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!is_utf8(text)) {
    return invalid_argument("records.format",
                            "'" + std::string(name) + "' is no UTF-8 text; save it as UTF-8");
  }
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    return invalid_argument("records.none", "'" + std::string(name) + "' is empty");
  }
  const bool is_json = text[first] == '[' || text[first] == '{';
  auto records = is_json ? read_json(text.substr(first), name, limits) : read_csv(text, name, fields, limits);
  if (records.ok() && records->texts.empty()) {
    return invalid_argument("records.none", "'" + std::string(name) + "' holds no records");
  }
  return records;
}

std::string to_array(const Records& records, std::span<const std::size_t> positions) {
  std::string text = "[";
  for (const std::size_t position : positions) {
    if (text.size() > 1) text += ',';
    text += records.texts[position];
  }
  return text + "]";
}

std::string to_array(std::string_view record) { return "[" + std::string(record) + "]"; }

Error in_words_of(const Records& records, const Error& error) {
  std::vector<Fault> faults;
  for (Fault fault : error.faults()) {
    const auto place = function::record_place(fault.where);
    if (place && place->record < records.lines.size()) {
      std::string where = records.name + ", line " + std::to_string(records.lines[place->record]);
      if (!place->field.empty()) where += ", " + std::string(place->field);
      fault.where = std::move(where);
    }
    faults.push_back(std::move(fault));
  }
  return error.with_faults(std::move(faults));
}

}  // namespace slipway::packing
