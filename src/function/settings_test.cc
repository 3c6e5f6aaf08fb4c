#include "function/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "function/function_testing.h"
#include "function/spec_json.h"
#include "testing/paths.gen.h"

namespace slipway::function {
namespace {

using ::testing::HasSubstr;

Result<FunctionSettings> read(std::string_view yaml) {
  return config::decode(function_schema(), yaml, "f.yaml");
}

std::string as_json(const Spec& spec) {
  std::string text;
  json::Writer out(text);
  write_spec(spec, out);
  return text;
}

TEST(Settings, BecomeASpecAndComeBack) {
  auto settings = read(R"(
inputs:
  - {name: alcohol, input: x}
  - {name: hue, type: number, required: false}
  - {name: year, type: integer, default: 1990, description: of the harvest}
  - {name: share, default: 0.5}
  - {name: region, type: string, default: 007}
  - {name: "new", type: boolean, default: true}
outputs:
  - {name: grape, kind: label, output: label, labels: [barolo, 1], classes: [1, -2]}
  - {name: score, kind: score, output: p}
)");
  ASSERT_TRUE(settings.ok()) << settings.error().to_string();
  const Spec spec = to_spec(*settings);
  EXPECT_EQ(
      as_json(spec),
      R"({"inputs":[{"name":"alcohol","type":"number","input":"x"},)"
      R"({"name":"hue","type":"number","required":false},)"
      R"({"name":"year","type":"integer","description":"of the harvest","required":false,"default":1990},)"
      R"({"name":"share","type":"number","required":false,"default":0.5},)"
      R"({"name":"region","type":"string","required":false,"default":"007"},)"
      R"({"name":"new","type":"boolean","required":false,"default":true}],)"
      R"("outputs":[{"name":"grape","kind":"label","output":"label","labels":["barolo","1"],"classes":[1,-2]},)"
      R"({"name":"score","kind":"score","output":"p"}]})");
  EXPECT_EQ(from_spec(spec), *settings);
  auto again = read(config::to_yaml(function_schema(), *settings));
  ASSERT_TRUE(again.ok()) << again.error().to_string();
  EXPECT_EQ(*again, *settings);
}

// Each of these is refused, with a message or fix that holds the text.
TEST(Settings, FaultsNameTheirLine) {
  struct Row {
    const char* yaml;
    const char* text;
  };
  const Row rows[] = {
      {"inputs: [{type: number}]", "name"},
      {"inputs: [{name: a, typ: number}]", "type"},
      {"inputs: [{name: a, type: float}]", "number"},
      {"inputs: [{name: a, default: x}]", "\"x\" is no number"},
      {"inputs: [{name: a, default: nan}]", "\"nan\" is no number"},
      {"inputs: [{name: a, type: integer, default: 1.5}]", "\"1.5\" is no integer"},
      {"inputs: [{name: a, type: boolean, default: 1}]", "\"1\" is no boolean"},
      {"inputs: [{name: a, type: array, default: 1}]", "an array has no default"},
      {"inputs: [{name: a, type: array, required: false}]", "an array cannot be left out"},
      {"inputs: [{name: a, default: 1, required: true}]", "a required field has no default"},
      {"inputs: [{name: a}, {name: a}]", "\"a\" is declared twice"},
      {"outputs: [{name: a, kind: score, labels: [x]}]", "a score takes no labels"},
      {"outputs: [{name: a, kind: label, labels: [x], classes: [1, 2]}]", "2 classes and 1 labels"},
      {"outputs: [{name: a, kind: scores, labels: [x], classes: [1]}]", "only a label has classes"},
  };
  for (const Row& row : rows) {
    auto settings = read(row.yaml);
    ASSERT_FALSE(settings.ok()) << row.yaml;
    EXPECT_EQ(settings.error().id(), "config.invalid");
    EXPECT_THAT(settings.error().to_string(), HasSubstr(row.text)) << row.yaml;
    EXPECT_THAT(settings.error().faults()[0].where, ::testing::StartsWith("f.yaml:1:")) << row.yaml;
  }
}

// The part below `function:` of every YAML block of a document.
std::vector<std::string> function_blocks(const std::string& document) {
  std::ifstream file(::slipway::testing::source_dir() + "/docs/" + document);
  std::vector<std::string> blocks;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "```yaml") {
      blocks.emplace_back();
      inside = true;
    } else if (line == "```") {
      inside = false;
    } else if (inside && line == "function:") {
      blocks.back().clear();  // what stands before it is the rest of slipway.yaml
    } else if (inside) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

TEST(Settings, TheDocumentsShowWhatIsAccepted) {
  for (const char* document : {"prediction-function.md", "your-own-model.md"}) {
    const auto blocks = function_blocks(document);
    EXPECT_FALSE(blocks.empty()) << document;
    for (const std::string& block : blocks) {
      const auto settings = read(block);
      EXPECT_TRUE(settings.ok()) << block << (settings.ok() ? "" : settings.error().to_string());
    }
  }
}

}  // namespace
}  // namespace slipway::function
