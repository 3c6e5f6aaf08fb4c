#include "json/json.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace slipway::json {
namespace {

static_assert(std::is_nothrow_move_constructible_v<Parser>);

std::string id_of(std::string_view text) {
  Parser parser;
  const auto value = parser.parse(text);
  return value.ok() ? "" : value.error().id();
}

TEST(Parser, EveryFaultHasItsId) {
  const std::pair<std::string, std::string> rows[] = {
      {"", "json.syntax"},
      {" \n", "json.syntax"},
      {"{", "json.syntax"},
      {"[1,]", "json.syntax"},
      {"{\"a\" 1}", "json.syntax"},
      {"{\"a\":1}}", "json.syntax"},
      {"1 2", "json.syntax"},
      {"nul", "json.syntax"},
      {"NaN", "json.syntax"},
      {"[Infinity]", "json.syntax"},
      {"01", "json.syntax"},
      {"+1", "json.syntax"},
      {"1.", "json.syntax"},
      {"\"a", "json.syntax"},
      {"\"\x01\"", "json.syntax"},
      {"\"\\x\"", "json.syntax"},
      {"\"\\ud800\"", "json.syntax"},
      {"'a'", "json.syntax"},
      {"/* a */ 1", "json.syntax"},
      {"\"\xff\"", "json.utf8"},
      {"\"\xed\xa0\x80\"", "json.utf8"},
      {"18446744073709551616", "json.number"},
      {"-9223372036854775809", "json.number"},
      {"1e999", "json.number"},
      {std::string("1\0", 2), "json.syntax"},
      {"18446744073709551615", ""},
      {"\xEF\xBB\xBF{}", ""},
      {"1e-999", ""},
      {" [] ", ""},
  };
  for (const auto& [text, id] : rows) EXPECT_EQ(id_of(text), id) << text;
}

TEST(Parser, AFaultNamesLineAndColumn) {
  Parser parser;
  EXPECT_EQ(parser.parse("{\n  \"a\": 1\n  \"b\": 2}").error().message(),
            "not JSON at line 3, column 3: a comma or } is wanted, not \"\"\"");
  EXPECT_EQ(parser.parse("[1, nan]").error().message(),
            "not JSON at line 1, column 5: a value is wanted, not \"n\"");
  EXPECT_EQ(parser.parse("[\"a\xff\"]").error().message(),
            "not JSON at line 1, column 4: the text is not UTF-8");
  EXPECT_EQ(parser.parse("{\"a\":").error().message(),
            "not JSON at line 1, column 6: a value is wanted, not the end of the text");
}

TEST(Parser, DepthIsCapped) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + "1" + std::string(depth, ']');
  };
  EXPECT_EQ(id_of(nested(64)), "");
  EXPECT_EQ(id_of(nested(65)), "json.depth");
  EXPECT_EQ(id_of(std::string(1'000'000, '[')), "json.depth");
  EXPECT_EQ(id_of(std::string(1'000'000, '{')), "json.syntax");
  Parser shallow(2);
  EXPECT_TRUE(shallow.parse(nested(2)).ok());
  EXPECT_EQ(shallow.parse("{\"a\":[[1]]}").error().id(), "json.depth");
  EXPECT_EQ(shallow.parse("{\"a\":[{\"b\":1}]}").error().id(), "json.depth");
}

TEST(Parser, ReadsOneDocumentAfterTheOther) {
  Parser parser;
  const std::string large = "[" + std::string(3'000'000, ' ') + "1]";
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(parser.parse(large).ok());
    EXPECT_FALSE(parser.parse("[").ok());
    const auto small = parser.parse("{\"a\":7}");
    ASSERT_TRUE(small.ok());
    EXPECT_EQ(small->find("a")->as_int64(), 7);
  }
}

TEST(Parser, PaddedTextIsReadWhereItStands) {
  std::string text = "{\"a\":\"x\"}";
  const std::size_t size = text.size();
  text.append(Parser::kPaddingBytes, '}');
  Parser parser;
  const auto value = parser.parse_padded(std::string_view(text).substr(0, size));
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value->find("a")->as_string(), "x");
}

TEST(Value, NumbersComeOnlyWhereTheyFit) {
  Parser parser;
  const auto document =
      parser.parse("[1, -1, 18446744073709551615, 2.5, 3.0, 9223372036854775808, 1e19, -0.0]");
  ASSERT_TRUE(document.ok());
  std::vector<Value> values(document->array().begin(), document->array().end());
  ASSERT_EQ(values.size(), 8U);
  EXPECT_EQ(document->array().size(), 8U);
  EXPECT_EQ(values[0].as_int64(), 1);
  EXPECT_EQ(values[0].as_uint64(), 1U);
  EXPECT_EQ(values[0].as_double(), 1.0);
  EXPECT_EQ(values[1].as_uint64(), std::nullopt);
  EXPECT_EQ(values[2].as_uint64(), 18446744073709551615U);
  EXPECT_EQ(values[2].as_int64(), std::nullopt);
  EXPECT_EQ(values[3].as_int64(), std::nullopt);
  EXPECT_EQ(values[3].as_double(), 2.5);
  EXPECT_EQ(values[4].as_int64(), 3);
  EXPECT_EQ(values[5].as_int64(), std::nullopt);
  EXPECT_EQ(values[6].as_uint64(), 10000000000000000000U);
  EXPECT_EQ(values[7].as_int64(), 0);
  EXPECT_EQ(values[0].as_string(), std::nullopt);
  EXPECT_EQ(values[0].as_bool(), std::nullopt);
  EXPECT_EQ(values[0].find("a"), std::nullopt);
}

TEST(Value, MembersAreFoundAndWalked) {
  Parser parser;
  const auto document = parser.parse(R"({"a":{"b":[1,{"c":null}]},"d":true,"a":2,"":"x\u0000y"})");
  ASSERT_TRUE(document.ok());
  EXPECT_TRUE(document->find("a")->is_object());
  EXPECT_EQ(document->find("d")->as_bool(), true);
  EXPECT_EQ(document->find("")->as_string(), std::string_view("x\0y", 3));
  EXPECT_EQ(document->find("b"), std::nullopt);
  std::vector<std::string> keys;
  for (const Member& member : document->object()) keys.emplace_back(member.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "d", "a", ""}));
  EXPECT_EQ(document->object().size(), 4U);
  EXPECT_EQ(document->object().duplicate_key(), "a");
  EXPECT_EQ(document->find("a")->object().duplicate_key(), std::nullopt);
  EXPECT_EQ(document->to_text(), R"({"a":{"b":[1,{"c":null}]},"d":true,"a":2,"":"x\u0000y"})");
}

TEST(Value, DuplicateKeysAreFoundAmongMany) {
  std::string text = "{";
  for (int i = 0; i < 100; ++i) text += "\"k" + std::to_string(i) + "\":[" + std::to_string(i) + "],";
  Parser parser;
  EXPECT_EQ(parser.parse(text + "\"k\":0}")->object().duplicate_key(), std::nullopt);
  EXPECT_EQ(parser.parse(text + "\"k57\":0}")->object().duplicate_key(), "k57");
}

TEST(Value, EmptyContainersHaveNoElements) {
  Parser parser;
  const auto document = parser.parse("[[],{}]");
  std::vector<Value> values(document->array().begin(), document->array().end());
  EXPECT_EQ(values[0].array().size(), 0U);
  EXPECT_TRUE(values[0].array().begin() == values[0].array().end());
  EXPECT_TRUE(values[1].object().begin() == values[1].object().end());
}

template <typename T>
std::string flat(std::string_view text, std::vector<T> wanted) {
  Parser parser;
  const auto value = parser.parse(text);
  if (!value.ok()) return value.error().id();
  std::vector<T> out(wanted.size());
  const Status status = value->read_flat(std::span<T>(out));
  if (!status.ok()) return status.error().id() + ": " + status.error().message();
  return out == wanted ? "" : "other values";
}

TEST(ReadFlat, NestingDoesNotMatter) {
  EXPECT_EQ(flat<float>("[1, 2.5, -3]", {1, 2.5, -3}), "");
  EXPECT_EQ(flat<float>("[[1, 2.5], [-3]]", {1, 2.5, -3}), "");
  EXPECT_EQ(flat<double>("[[[]], [0.1, [18446744073709551615]]]", {0.1, 18446744073709551615.0}), "");
  EXPECT_EQ(flat<float>("[]", {}), "");
  EXPECT_EQ(flat<float>("[[],[]]", {}), "");
}

TEST(ReadFlat, IntegersMustFit) {
  EXPECT_EQ(flat<std::uint8_t>("[0, 255]", {0, 255}), "");
  EXPECT_EQ(flat<std::int8_t>("[-128, 127]", {-128, 127}), "");
  EXPECT_EQ(flat<std::int64_t>(
                "[-9223372036854775808, 9223372036854775807]",
                {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}),
            "");
  EXPECT_EQ(
      flat<std::uint64_t>("[18446744073709551615, 4.0]", {std::numeric_limits<std::uint64_t>::max(), 4}), "");
  EXPECT_EQ(flat<std::uint8_t>("[0, 256]", {0, 0}),
            "json.range: element 1 is 256, which does not fit the integers from 0 to 255");
  EXPECT_EQ(flat<std::uint32_t>("[-1]", {0}),
            "json.range: element 0 is -1, which does not fit the integers from 0 to 4294967295");
  EXPECT_EQ(flat<std::int16_t>("[1.5]", {0}),
            "json.range: element 0 is 1.5, which does not fit the integers from -32768 to 32767");
  EXPECT_EQ(flat<std::int64_t>("[9223372036854775808]", {0}).substr(0, 10), "json.range");
  EXPECT_EQ(flat<std::int64_t>("[9223372036854775808.0]", {0}).substr(0, 10), "json.range");
  EXPECT_EQ(flat<float>("[1e39]", {0}), "json.range: element 0 is 1e+39, which does not fit a 32-bit float");
}

TEST(ReadFlat, OtherTypesAreNamedWithTheirPlace) {
  EXPECT_EQ(flat<float>("[1, \"2\"]", {0, 0}), "json.type: element 1 is a string; a number is wanted");
  EXPECT_EQ(flat<float>("[null]", {0}), "json.type: element 0 is null; a number is wanted");
  EXPECT_EQ(flat<std::int32_t>("[[1],[true]]", {0, 0}),
            "json.type: element 1 is a boolean; an integer is wanted");
  EXPECT_EQ(flat<float>("[{\"a\":1}]", {0}), "json.type: element 0 is an object; a number is wanted");
  EXPECT_EQ(flat<float>("1", {0}), "json.type: an array is wanted, not an integer");
  EXPECT_EQ(flat<float>("{}", {0}), "json.type: an array is wanted, not an object");
}

TEST(ReadFlat, TheCountMustBeExact) {
  EXPECT_EQ(flat<float>("[1,2,3]", {0, 0}), "json.count: 2 elements are wanted, but 3 are given");
  EXPECT_EQ(flat<float>("[[1],[2,[3]]]", {0, 0, 0, 0}), "json.count: 4 elements are wanted, but 3 are given");
  EXPECT_EQ(flat<float>("[1,{\"a\":[1,2]},\"x\"]", {0}),
            "json.count: 1 elements are wanted, but 3 are given");
}

TEST(ReadFlat, BooleansAreTrueAndFalseOnly) {
  Parser parser;
  std::array<bool, 2> out{};
  EXPECT_TRUE(parser.parse("[true,[false]]")->read_flat(std::span<bool>(out)).ok());
  EXPECT_TRUE(out[0]);
  EXPECT_FALSE(out[1]);
  EXPECT_EQ(parser.parse("[true,1]")->read_flat(std::span<bool>(out)).error().message(),
            "element 1 is an integer; true or false is wanted");
}

// The numbers as text, or "no".
std::string members(std::string_view text) {
  const std::array<std::string, 3> keys = {"a", "bb", "c"};
  std::array<float, 3> out{};
  Parser parser;
  if (!parser.parse(text)->read_members(keys, out)) return "no";
  return std::to_string(out[0]) + " " + std::to_string(out[1]) + " " + std::to_string(out[2]);
}

TEST(ReadMembers, TakesTheseKeysInThisOrderAndNothingElse) {
  EXPECT_EQ(members(R"({"a": 1, "bb": -2.5, "c": 18446744073709551615})"),
            "1.000000 -2.500000 18446744073709551616.000000");
  EXPECT_EQ(members(R"({"\u0061": 1, "b\u0062": 2, "c": 3e0})"), "1.000000 2.000000 3.000000");
  for (const std::string_view other :
       {R"({"a":1,"c":3,"bb":2})", R"({"a":1,"bb":2})", R"({"a":1,"bb":2,"c":3,"d":4})",
        R"({"a":1,"bb":2,"c":"3"})", R"({"a":1,"bb":null,"c":3})", R"({"a":1,"bb":[2],"c":3})",
        R"({"a":true,"bb":2,"c":3})", R"({"a":1,"bb":2,"c":1e39})", R"({"a":1,"a":2,"c":3})", R"({})",
        R"([1,2,3])", R"("a")", "7"}) {
    EXPECT_EQ(members(other), "no") << other;
  }
}

TEST(ReadFlatStrings, VisitsThemInOrder) {
  Parser parser;
  std::vector<std::string> seen;
  const auto visit = [](void* context, std::string_view text) {
    static_cast<std::vector<std::string>*>(context)->emplace_back(text);
  };
  EXPECT_TRUE(parser.parse(R"([["a",""],["\u00e9"]])")->read_flat_strings(3, visit, &seen).ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "", "\xc3\xa9"}));
  EXPECT_EQ(parser.parse(R"(["a",1])")->read_flat_strings(2, visit, &seen).error().id(), "json.type");
  EXPECT_EQ(parser.parse(R"(["a"])")->read_flat_strings(2, visit, &seen).error().id(), "json.count");
  EXPECT_EQ(parser.parse(R"(["a","b"])")->read_flat_strings(1, visit, &seen).error().id(), "json.count");
  EXPECT_EQ(parser.parse(R"("a")")->read_flat_strings(1, visit, &seen).error().id(), "json.type");
}

}  // namespace
}  // namespace slipway::json
