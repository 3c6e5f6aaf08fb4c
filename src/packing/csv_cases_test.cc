// CSV is read as Python's csv module reads it: cases/csv.json, written by cases/make_csv.py.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "json/json.h"
#include "packing/csv_internal.h"
#include "testing/paths.gen.h"

namespace slipway::packing {
namespace {

TEST(Csv, GivesTheCellsThatPythonGives) {
  std::ifstream file(testing::source_dir() + "/src/packing/cases/csv.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  json::Parser parser;
  auto cases = parser.parse(text);
  ASSERT_TRUE(cases.ok());
  for (const json::Value given : cases->array()) {
    CsvReader reader(*given.find("text")->as_string());
    std::vector<std::vector<std::string>> wanted;
    for (const json::Value row : given.find("rows")->array()) {
      wanted.emplace_back();
      for (const json::Value cell : row.array()) wanted.back().emplace_back(*cell.as_string());
    }
    std::vector<std::vector<std::string>> found;
    std::vector<std::string> cells;
    while (reader.next(cells)) found.push_back(cells);
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(found, wanted) << *given.find("text")->as_string();
  }
}

}  // namespace
}  // namespace slipway::packing
