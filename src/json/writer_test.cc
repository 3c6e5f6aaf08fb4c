#include "json/writer.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "base/random.h"
#include "json/json.h"

namespace slipway::json {
namespace {

template <typename T>
std::string number(T value) {
  std::string text;
  Writer(text).number(value);
  return text;
}

std::string in_quotes(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

TEST(Writer, PutsCommasWhereTheyBelong) {
  std::string text;
  Writer writer(text);
  writer.begin_object();
  writer.field("a", std::int64_t{1});
  writer.key("b");
  writer.begin_array();
  writer.begin_array();
  writer.end_array();
  writer.null();
  writer.begin_object();
  writer.end_object();
  writer.raw("{\"raw\":1}");
  writer.end_array();
  writer.field("c", true);
  writer.field("d", "text");
  writer.field("e", 0.5);
  writer.field("f", std::uint64_t{7});
  writer.end_object();
  EXPECT_EQ(text, R"({"a":1,"b":[[],null,{},{"raw":1}],"c":true,"d":"text","e":0.5,"f":7})");
}

TEST(Writer, FloatsAreShortAndStayFloats) {
  EXPECT_EQ(number(0.1F), "0.1");
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(static_cast<double>(0.1F)), "0.10000000149011612");
  EXPECT_EQ(number(3.0F), "3.0");
  EXPECT_EQ(number(-0.0), "-0.0");
  EXPECT_EQ(number(123456789.0), "123456789.0");
  EXPECT_EQ(number(1e22), "1e+22");
  EXPECT_EQ(number(5e-324), "5e-324");
  EXPECT_EQ(number(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(number(-std::numeric_limits<float>::infinity()), "null");
  EXPECT_EQ(number(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(number(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
}

TEST(Writer, EveryFloatReadsBackToTheSameBits) {
  Random random(7);
  for (int i = 0; i < 20000; ++i) {
    const auto wide = std::bit_cast<double>(random.next());
    const auto narrow = std::bit_cast<float>(static_cast<std::uint32_t>(random.next()));
    if (std::isfinite(wide)) {
      const std::string text = number(wide);
      EXPECT_EQ(std::bit_cast<std::uint64_t>(std::strtod(text.c_str(), nullptr)),
                std::bit_cast<std::uint64_t>(wide));
      EXPECT_NE(text.find_first_of(".e"), std::string::npos) << text;
    }
    if (std::isfinite(narrow)) {
      const std::string text = number(narrow);
      EXPECT_EQ(std::bit_cast<std::uint32_t>(std::strtof(text.c_str(), nullptr)),
                std::bit_cast<std::uint32_t>(narrow));
    }
  }
}

TEST(AppendQuoted, EscapesWhatMustBe) {
  EXPECT_EQ(in_quotes(""), "\"\"");
  EXPECT_EQ(in_quotes("plain /text 1"), "\"plain /text 1\"");
  EXPECT_EQ(in_quotes("\"\\\n\r\t\x01\x1f"), R"("\"\\\n\r\t\u0001\u001f")");
  EXPECT_EQ(in_quotes(std::string_view("\0", 1)), R"("\u0000")");
  EXPECT_EQ(in_quotes("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"");
  EXPECT_EQ(in_quotes("a\xff"), "\"a\xEF\xBF\xBD\"");
  EXPECT_EQ(in_quotes("\xc3"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(in_quotes("\xed\xa0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(in_quotes("\xe2\x82!"), "\"\xEF\xBF\xBD\xEF\xBF\xBD!\"");
}

TEST(AppendQuoted, AnyBytesBecomeValidJson) {
  Random random(11);
  Parser parser;
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    for (std::size_t n = random.below(24); n > 0; --n) {
      text += static_cast<char>(random.below(4) == 0 ? random.below(256) : 0x20 + random.below(0x5F));
    }
    const auto value = parser.parse(in_quotes(text));
    ASSERT_TRUE(value.ok()) << in_quotes(text);
    const std::string_view read = *value->as_string();
    if (read.find("\xEF\xBF\xBD") == std::string_view::npos) {
      EXPECT_EQ(read, text);
    }
  }
}

// The writer looks at several bytes at once; every length and every place of the one byte that is special.
TEST(Writer, FindsASpecialByteWhereverItIs) {
  for (std::size_t size = 0; size < 40; ++size) {
    for (std::size_t at = 0; at <= size; ++at) {
      for (const char special : {'"', '\\', '\x1f', '\x80', '\xff', '\x7f', ' '}) {
        std::string text(size, 'a');
        if (at < size) text[at] = special;
        std::string whole;
        Writer writer(whole);
        writer.begin_object();
        writer.field(text, std::string_view(text));
        writer.field("n", true);
        writer.end_object();
        EXPECT_EQ(whole, "{" + in_quotes(text) + ":" + in_quotes(text) + ",\"n\":true}");
      }
    }
  }
}

TEST(Pretty, IndentsAndKeepsStrings) {
  EXPECT_EQ(pretty(R"({"a":[1,2,{}],"b":"x{,\"}","c":[ ]})"),
            "{\n  \"a\": [\n    1,\n    2,\n    {}\n  ],\n  \"b\": \"x{,\\\"}\",\n  \"c\": []\n}");
  EXPECT_EQ(pretty("3"), "3");
}

}  // namespace
}  // namespace slipway::json
