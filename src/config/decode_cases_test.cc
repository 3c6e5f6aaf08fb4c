// Every cases/*.case: a settings file, a line of dashes, and what decode says about it.
// SLIPWAY_UPDATE_CASES=1 rewrites the expected parts, to be read before they are committed.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "config/sample_testing.h"
#include "testing/paths.gen.h"

namespace slipway::config {
namespace {

constexpr std::string_view kLine = "----\n";

std::string said(std::string_view yaml) {
  const auto value = decode(testing::sample_schema(), yaml, "file.yaml");
  if (value.ok()) return "OK\n" + to_yaml(testing::sample_schema(), *value);
  return value.error().id() + "\n" + value.error().to_string() + "\n";
}

TEST(DecodeCases, EveryFileIsAnsweredAsWritten) {
  const bool update = std::getenv("SLIPWAY_UPDATE_CASES") != nullptr;
  std::size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(slipway::testing::source_dir() + "/src/config/cases")) {
    if (entry.path().extension() != ".case") continue;
    ++count;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const std::size_t line = text.find(kLine);
    ASSERT_NE(line, std::string::npos) << entry.path();
    const std::string yaml = text.substr(0, line);
    const std::string answer = said(yaml);
    if (update) std::ofstream(entry.path(), std::ios::binary) << yaml << kLine << answer;
    EXPECT_EQ(answer, text.substr(line + kLine.size())) << entry.path();
  }
  EXPECT_GE(count, 12U);
}

}  // namespace
}  // namespace slipway::config
