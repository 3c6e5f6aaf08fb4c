#include "config/units.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace slipway::config {
namespace {

TEST(ParseDuration, ReadsNumbersWithUnits) {
  const std::pair<std::string_view, std::int64_t> rows[] = {
      {"5ns", 5},
      {"10us", 10'000},
      {"250ms", 250'000'000},
      {"1.5s", 1'500'000'000},
      {"0.000000001s", 1},
      {"2m", 120'000'000'000},
      {"1h", 3'600'000'000'000},
      {"0.5d", 43'200'000'000'000},
      {"10 s", 10'000'000'000},
      {"0s", 0},
      {"9223372036s", 9'223'372'036'000'000'000},
  };
  for (const auto& [text, nanoseconds] : rows) {
    const auto value = parse_duration(text);
    ASSERT_TRUE(value.ok()) << text;
    EXPECT_EQ(value->count(), nanoseconds) << text;
  }
}

TEST(ParseDuration, RefusesTheRest) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"", "config.value"},      {"s", "config.value"},
      {"-1s", "config.value"},   {".5s", "config.value"},
      {"1.s", "config.value"},   {"1.2.3s", "config.value"},
      {"0.5ns", "config.value"}, {"9223372037s", "config.value"},
      {"1e3s", "config.unit"},   {"250", "config.unit"},
      {"1.5", "config.unit"},    {"3 weeks", "config.unit"},
      {"1h30m", "config.unit"},  {"1S", "config.unit"},
      {"5  s", "config.unit"},   {"0.0000000000000000001s", "config.value"},
  };
  for (const auto& [text, id] : rows) {
    const auto value = parse_duration(text);
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_EQ(value.error().id(), id) << text;
  }
}

TEST(ParseBytes, ReadsPowersOf1024) {
  EXPECT_EQ(parse_bytes("312B")->bytes, 312U);
  EXPECT_EQ(parse_bytes("64MiB")->bytes, 67'108'864U);
  EXPECT_EQ(parse_bytes("1.5GiB")->bytes, 1'610'612'736U);
  EXPECT_EQ(parse_bytes("1TiB")->bytes, 1'099'511'627'776U);
  EXPECT_EQ(parse_bytes("64MB").error().id(), "config.unit");
  EXPECT_EQ(parse_bytes("64").error().message(), "\"64\" has no unit: use B, KiB, MiB, GiB and TiB");
  EXPECT_EQ(parse_bytes("0.1KiB").error().id(), "config.value");
  EXPECT_EQ(parse_bytes("9000000TiB").error().id(), "config.value");
}

TEST(Format, ReadsBackToTheSameValue) {
  Random random(5);
  for (int i = 0; i < 5000; ++i) {
    const auto value = static_cast<std::int64_t>(random.next() >> (1 + random.below(63)));
    EXPECT_EQ(parse_duration(format_duration(Duration(value)))->count(), value);
    EXPECT_EQ(parse_bytes(format_bytes({static_cast<std::uint64_t>(value)}))->bytes,
              static_cast<std::uint64_t>(value));
  }
  EXPECT_EQ(format_duration(std::chrono::seconds(90)), "90s");
  EXPECT_EQ(format_duration(std::chrono::hours(48)), "2d");
  EXPECT_EQ(format_duration(Duration(0)), "0s");
  EXPECT_EQ(format_bytes({1536}), "1536B");
  EXPECT_EQ(format_bytes({std::uint64_t{64} << 20U}), "64MiB");
  EXPECT_EQ(format_bytes({0}), "0B");
}

}  // namespace
}  // namespace slipway::config
