// Random documents against what Python's json module read from them (cases/make_cases.py).
#include <bit>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "json/fault_internal.h"
#include "json/json.h"
#include "testing/paths.gen.h"

namespace slipway::json {
namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    hex += digits;
  }
  return hex;
}

std::string double_event(double value) {
  char digits[18];
  std::snprintf(digits, sizeof(digits), "d%016llx",
                static_cast<unsigned long long>(std::bit_cast<std::uint64_t>(value)));
  return digits;
}

void append_events(const Value& value, std::string& out) {
  if (!out.empty()) out += ' ';
  switch (value.type()) {
    case Type::kNull:
      out += 'n';
      break;
    case Type::kBool:
      out += *value.as_bool() ? 't' : 'f';
      break;
    case Type::kInt64:
      out += "i" + std::to_string(*value.as_int64());
      break;
    case Type::kUint64:
      out += "i" + std::to_string(*value.as_uint64());
      break;
    case Type::kDouble:
      out += double_event(*value.as_double());
      break;
    case Type::kString:
      out += "s" + to_hex(*value.as_string());
      break;
    case Type::kArray:
      out += '[';
      for (const Value& element : value.array()) append_events(element, out);
      out += " ]";
      break;
    case Type::kObject:
      out += '{';
      for (const Member& member : value.object()) {
        out += " k" + to_hex(member.key);
        append_events(member.value, out);
      }
      out += " }";
      break;
  }
}

TEST(PythonCases, EveryDocumentReadsAsPythonReadsIt) {
  std::ifstream file(testing::source_dir() + "/src/json/cases/python.tsv");
  ASSERT_TRUE(file.is_open());
  Parser parser;
  std::string line;
  std::size_t accepted = 0;
  std::size_t refused = 0;
  while (std::getline(file, line)) {
    const std::size_t tab = line.find('\t');
    ASSERT_NE(tab, std::string::npos);
    const std::string document = from_hex(line.substr(0, tab));
    const std::string wanted = line.substr(tab + 1);
    const auto value = parser.parse(document);
    const bool second_reading = internal::find_fault(document, 64).kind == internal::FaultKind::kNone;
    EXPECT_EQ(value.ok(), wanted != "!") << document;
    EXPECT_EQ(second_reading, wanted != "!") << document;
    if (!value.ok()) {
      ++refused;
      continue;
    }
    ++accepted;
    std::string events;
    append_events(*value, events);
    EXPECT_EQ(events, wanted) << document;

    const std::string written = value->to_text();
    const auto again = parser.parse(written);
    ASSERT_TRUE(again.ok()) << written;
    std::string events_again;
    append_events(*again, events_again);
    EXPECT_EQ(events_again, wanted) << written;
  }
  EXPECT_GT(accepted, 150U);
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace slipway::json
