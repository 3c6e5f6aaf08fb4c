#include "config/schema.h"

#include <string>

#include <gtest/gtest.h>

#include "base/random.h"
#include "config/sample_testing.h"
#include "json/json.h"

namespace slipway::config {
namespace {

using testing::Sample;
using testing::sample_schema;

std::string fault_id(std::string_view yaml) {
  const auto value = decode(sample_schema(), yaml, "file.yaml");
  return value.ok() ? "" : value.error().id();
}

TEST(Decode, TextIsTakenAsWritten) {
  const auto value =
      decode(sample_schema(), "name: 007\nversion: 1.10\nlabels: {a: true, b: 1e3, c: 0x1F}\n", "f");
  ASSERT_TRUE(value.ok()) << value.status().to_string();
  EXPECT_EQ(value->name, "007");
  EXPECT_EQ(value->version, "1.10");
  EXPECT_EQ(value->labels.at("a"), "true");
  EXPECT_EQ(value->labels.at("b"), "1e3");
  EXPECT_EQ(value->labels.at("c"), "0x1F");
}

TEST(Decode, ListsAndMapsReplaceTheDefault) {
  EXPECT_EQ(decode(sample_schema(), "name: a\nsizes: [7]\n", "f")->sizes, std::vector<std::int64_t>{7});
  EXPECT_EQ(decode(sample_schema(), "name: a\nsizes: []\n", "f")->sizes, std::vector<std::int64_t>{});
  EXPECT_EQ(decode(sample_schema(), "name: a\n", "f")->sizes, (std::vector<std::int64_t>{1, 2}));
}

TEST(Decode, HostileFilesAreRefused) {
  EXPECT_EQ(fault_id(std::string("name: a\0", 8)), "config.syntax");
  EXPECT_EQ(fault_id("name: \xff"), "config.syntax");
  EXPECT_EQ(fault_id("\xff\xfen\0a\0"), "config.syntax");
  EXPECT_EQ(fault_id("name: a\nlabels: " + std::string(40, '[') + std::string(40, ']')), "config.syntax");
  EXPECT_EQ(fault_id(std::string(200'000, '[')), "config.syntax");
  EXPECT_EQ(fault_id(std::string(200'000, '{')), "config.syntax");
  EXPECT_EQ(fault_id("# " + std::string(2U << 20U, 'x')), "config.syntax");
  std::string many = "sizes: [";
  for (int i = 0; i < 150'000; ++i) many += "1,";
  EXPECT_EQ(fault_id(many + "1]"), "config.syntax");
}

TEST(Decode, ManyFaultsAreCutAndCounted) {
  std::string yaml = "name: a\n";
  for (int i = 0; i < 150; ++i) yaml += "key" + std::to_string(i) + ": 1\n";
  const auto value = decode(sample_schema(), yaml, "f");
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.error().faults().size(), 100U);
  EXPECT_EQ(value.error().message(), "f has 150 faults; the first 100 are shown");
}

TEST(SourceMap, KnowsWhereEachSettingStands) {
  SourceMap places;
  const auto value = decode(sample_schema(),
                            "name: a\n"
                            "columns:\n"
                            "  - name: x\n"
                            "  - name: y\n"
                            "    type: integer\n"
                            "deployments:\n"
                            "  wine: {package: p}\n",
                            "f.yaml", &places);
  ASSERT_TRUE(value.ok()) << value.status().to_string();
  EXPECT_EQ(places.where("columns[1].type"), "f.yaml:5:11");
  EXPECT_EQ(places.where("columns[1].other"), "f.yaml:4:5");
  EXPECT_EQ(places.where("deployments.wine.package"), "f.yaml:7:19");
  EXPECT_EQ(places.where("nothing.here"), "f.yaml");
  EXPECT_EQ(SourceMap().where("a.b[3]"), "");
}

TEST(ToYaml, TheTemplateIsReadableAndComplete) {
  EXPECT_EQ(to_yaml(sample_schema(), Sample{}), R"(# What it is called. (a name)
name: wine

# Its version. (text)
# version: "0"

# Whether it runs. (true or false)
# enabled: true

# Event loops; 0 is one per core. (an integer from 0 to 1024)
# threads: 0

# Where it listens. (an integer from 0 to 65535)
# port: 8080

# How it writes. (one of text and json)
# format: text

# Some sizes. (a list; each element: an integer)
# sizes: [1, 2]

# What one request may cost.
# limits:
#   # Largest body of a request. (a size from 1KiB to 1GiB)
#   body: 64MiB
#   # Longest time for one request. (a duration of at least 1ms)
#   request: 30s
#   # Closes quiet connections. (a duration such as 250ms, 10s or 5m)
#   idle: 1m

# Columns of a record. (a list; each element: the keys name and type)
# columns: []

# What runs. (for each NAME: the keys package, instances, share and tags)
# deployments: {}

# Free words. (for each NAME: text)
# labels: {}
)");
}

std::string random_text(Random& random) {
  static constexpr std::string_view kPieces[] = {
      "a", "Z9", " ",        ": ", "#",    "\"",   "'",   "\\", "\n", "\t",  "- ",
      "{", "}",  "[",        ",",  "&x",   "*x",   "!t",  "%",  "@",  "`",   "|",
      ">", "?",  "\xc3\xa9", "~",  "null", "true", "1.0", "=",  "<<", "0x1", "---"};
  std::string text;
  for (std::size_t n = random.below(5); n > 0; --n) text += kPieces[random.below(std::size(kPieces))];
  return text;
}

TEST(ToYaml, ReadsBackToTheSameValue) {
  Random random(3);
  const auto schema = sample_schema();
  for (int i = 0; i < 400; ++i) {
    Sample sample;
    sample.name = "n" + std::to_string(i);
    sample.version = random_text(random);
    sample.enabled = random.below(2) == 0;
    sample.threads = static_cast<int>(random.below(1025));
    sample.format = random.below(2) == 0 ? testing::Format::kText : testing::Format::kJson;
    sample.limits.request = Duration(1'000'000 + random.next() % 1'000'000'000'000'000);
    if (random.below(2) == 0)
      sample.limits.idle = sample.limits.request + Duration(random.below(5'000'000'000));
    sample.limits.body.bytes = 1024 + random.below(1U << 29U);
    for (std::size_t n = random.below(4); n > 0; --n) {
      sample.columns.push_back({"c" + random_text(random), random.below(2) == 0 ? "integer" : "number"});
    }
    for (std::size_t n = random.below(3); n > 0; --n) {
      testing::Deployment& deployment = sample.deployments["d" + std::to_string(n)];
      deployment.package = "p" + random_text(random);
      deployment.share_frac = random.uniform();
      for (std::size_t m = random.below(3); m > 0; --m) deployment.tags.push_back(random_text(random));
    }
    for (std::size_t n = random.below(3); n > 0; --n)
      sample.labels["l" + random_text(random)] = random_text(random);
    const std::string yaml = to_yaml(schema, sample);
    const auto again = decode(schema, yaml, "f.yaml");
    ASSERT_TRUE(again.ok()) << yaml << again.status().to_string();
    EXPECT_TRUE(*again == sample) << yaml << to_yaml(schema, *again);
  }
}

TEST(JsonSchema, SaysWhatIsAllowed) {
  json::Parser parser;
  const std::string text = json_schema(sample_schema());
  const auto schema = parser.parse(text);
  ASSERT_TRUE(schema.ok()) << text;
  EXPECT_EQ(schema->find("$schema")->as_string(), "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(schema->find("additionalProperties")->as_bool(), false);
  EXPECT_EQ(schema->find("required")->to_text(), R"(["name"])");
  const auto properties = schema->find("properties");
  EXPECT_EQ(
      properties->find("threads")->to_text(),
      R"({"description":"Event loops; 0 is one per core.","type":"integer","minimum":0,"maximum":1024})");
  EXPECT_EQ(properties->find("format")->find("enum")->to_text(), R"(["text","json"])");
  const auto deployment = properties->find("deployments")->find("additionalProperties");
  EXPECT_EQ(deployment->find("required")->to_text(), R"(["package"])");
  EXPECT_EQ(deployment->find("properties")->find("share")->find("maximum")->as_double(), 1.0);
  EXPECT_EQ(properties->find("limits")->find("properties")->find("body")->find("type")->as_string(),
            "string");
}

struct Hosts {
  std::vector<std::string> at = {"here"};
};

Schema<Hosts> hosts_schema() {
  Schema<Hosts> schema("hosts", "Where it is.");
  schema.field(
      "at", &Hosts::at,
      list(text({.min_bytes = 1, .what = "a host"}), {.min_items = 1, .max_items = 3, .or_one = true}),
      {.text = "One or more."});
  return schema;
}

TEST(OneOrMore, OneMayStandWithoutAList) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(decode(hosts_schema(), "{}", "f")->at, Words{"here"});
  EXPECT_EQ(decode(hosts_schema(), "at: there\n", "f")->at, Words{"there"});
  EXPECT_EQ(decode(hosts_schema(), "at: [there]\n", "f")->at, Words{"there"});
  EXPECT_EQ(decode(hosts_schema(), "at:\n- there\n- here\n", "f")->at, (Words{"there", "here"}));
  for (const char* refused :
       {"at:\n", "at: \"\"\n", "at: []\n", "at: {a: b}\n", "at: [[a]]\n", "at: [a, b, c, d]\n"}) {
    EXPECT_EQ(decode(hosts_schema(), refused, "f").error().id(), "config.invalid") << refused;
  }
}

TEST(OneOrMore, IsWrittenAsItIsReadAndDescribed) {
  for (const Hosts& hosts : {Hosts{}, Hosts{{"there"}}, Hosts{{"a", "b: c"}}}) {
    const std::string yaml = to_yaml(hosts_schema(), hosts);
    EXPECT_EQ(decode(hosts_schema(), yaml, "f")->at, hosts.at) << yaml;
  }
  EXPECT_EQ(to_yaml(hosts_schema(), Hosts{}), "# One or more. (a host, or a list of such)\n# at: here\n");
  json::Parser parser;
  const std::string text = json_schema(hosts_schema());
  const auto schema = parser.parse(text);
  ASSERT_TRUE(schema.ok()) << text;
  EXPECT_EQ(schema->find("properties")->find("at")->find("anyOf")->to_text(),
            R"([{"type":["string","number","boolean"],"minLength":1},)"
            R"({"type":"array","minItems":1,"items":{"type":["string","number","boolean"],"minLength":1}}])");
}

TEST(Reference, HasARowForEverySetting) {
  const std::string text = reference(sample_schema());
  EXPECT_NE(
      text.find("| `limits.body` | a size from 1KiB to 1GiB | `64MiB` | Largest body of a request. |\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("| `columns[].type` | one of number, integer and string | `number` |"),
            std::string::npos);
  EXPECT_NE(text.find("| `deployments.NAME.package` | a path | `required` |"), std::string::npos);
}

}  // namespace
}  // namespace slipway::config
