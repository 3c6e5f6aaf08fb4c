// Any text is read as records or refused; what is read is one JSON object per record that the function can
// look at.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "json/json.h"
#include "packing/records.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  slipway::function::FieldInfo number;
  number.name = "a";
  slipway::function::FieldInfo words;
  words.name = "b";
  words.type = slipway::function::FieldType::kString;
  const slipway::function::FieldInfo fields[] = {number, words};
  const auto records =
      slipway::packing::read_records(text, "fuzz", fields, {.max_records = 1000, .max_columns = 100});
  if (!records.ok()) return 0;
  SLIPWAY_CHECK(records->texts.size() == records->lines.size());
  slipway::json::Parser parser;
  for (const std::string& record : records->texts) {
    const auto value = parser.parse(record);
    SLIPWAY_CHECK(value.ok() && value->is_object());
  }
  return 0;
}
