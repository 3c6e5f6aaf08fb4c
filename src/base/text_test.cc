#include "base/text.h"

#include <gtest/gtest.h>

#include "base/checked.h"
#include "base/random.h"

namespace slipway {
namespace {

TEST(Nearest, FindsSlipsOfTheFingerAndNothingFarther) {
  const std::vector<std::string> words = {"alcohol", "malic_acid", "hue"};
  EXPECT_EQ(nearest("alchohol", words), "alcohol");
  EXPECT_EQ(nearest("malic acid", words), "malic_acid");
  EXPECT_EQ(nearest("proline", words), "");
  EXPECT_EQ(nearest("hua", words), "hue");
  EXPECT_EQ(nearest("uhe", words), "hue");
  EXPECT_EQ(nearest(std::string(500, 'a'), words), "");
}

TEST(JoinWords, ReadsLikeASentence) {
  EXPECT_EQ(join_words({}), "");
  EXPECT_EQ(join_words(std::vector<std::string>{"a"}), "a");
  EXPECT_EQ(join_words(std::vector<std::string>{"a", "b"}), "a and b");
  EXPECT_EQ(join_words(std::vector<std::string>{"a", "b", "c"}), "a, b and c");
}

struct Utf8Case {
  const char* text;
  bool valid;
};
TEST(IsUtf8, AcceptsExactlyTheWellFormed) {
  // Rows: Unicode 15, table 3-7 and its edges.
  const Utf8Case cases[] = {{"plain", true},
                            {"\xC3\xA9", true},
                            {"\xE2\x82\xAC", true},
                            {"\xF0\x9F\x8D\xB7", true},
                            {"\xC0\x80", false},
                            {"\xC1\xBF", false},
                            {"\xE0\x9F\xBF", false},
                            {"\xED\xA0\x80", false},
                            {"\xED\x9F\xBF", true},
                            {"\xF0\x8F\xBF\xBF", false},
                            {"\xF4\x8F\xBF\xBF", true},
                            {"\xF4\x90\x80\x80", false},
                            {"\xF5\x80\x80\x80", false},
                            {"\x80", false},
                            {"\xE2\x82", false},
                            {"a\xFF", false}};
  for (const Utf8Case& c : cases) EXPECT_EQ(is_utf8(c.text), c.valid) << printable(c.text);
}

TEST(CheckName, KeepsNamesFromBecomingPaths) {
  for (const char* good : {"wine", "1", "1.2.0", "a_b-c+d", "Wine2"})
    EXPECT_TRUE(check_name("model", good).ok()) << good;
  for (const char* bad :
       {"", ".", "..", "../etc", "a/b", "a\\b", "a%2fb", "a b", "-x", "a\n", "caf\xC3\xA9"}) {
    EXPECT_EQ(check_name("model", bad).error().id(), "name.invalid") << bad;
  }
  EXPECT_TRUE(check_name("model", std::string(128, 'a')).ok());
  EXPECT_FALSE(check_name("model", std::string(129, 'a')).ok());
}

TEST(Printable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[31m"), "a\\x1b[31m");
  EXPECT_EQ(printable("\xC3\xA9\xFF"), "\xC3\xA9\\xff");
  EXPECT_EQ(printable(std::string(100, 'a'), 10), "aaaaaaaaaa...");
}

TEST(HumanBytes, PicksTheUnit) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(std::uint64_t{29} << 20U), "29.0 MiB");
}

TEST(Checked, RefusesWhatDoesNotFit) {
  EXPECT_EQ(checked_add<std::int64_t>(1, 2), 3);
  EXPECT_EQ(checked_add<std::int64_t>(INT64_MAX, 1), std::nullopt);
  EXPECT_EQ(checked_mul<std::size_t>(SIZE_MAX / 2, 3), std::nullopt);
  EXPECT_EQ(checked_mul<std::int64_t>(INT64_MIN, -1), std::nullopt);
  EXPECT_EQ((checked_cast<std::uint8_t>(256)), std::nullopt);
  EXPECT_EQ((checked_cast<std::uint8_t>(255)), 255);
  EXPECT_EQ((checked_cast<std::uint32_t>(-1)), std::nullopt);
}

TEST(Random, GivesThePublishedSequence) {
  // Reference values of SplitMix64 for the seed 1234567 (Rosetta Code, "Pseudo-random numbers/Splitmix64").
  Random random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317ULL);
  EXPECT_EQ(random.next(), 3203168211198807973ULL);
  for (int i = 0; i < 1000; ++i) {
    const double u = random.uniform();
    EXPECT_GE(u, 0.0);
    EXPECT_LT(u, 1.0);
  }
}

}  // namespace
}  // namespace slipway
