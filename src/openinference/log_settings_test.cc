// Triton's words for the log's level, and what they may not say here.
#include "openinference/log_settings.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace slipway::openinference {
namespace {

constexpr std::array<LogLevel, 5> kLevels = {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning,
                                             LogLevel::kError, LogLevel::kOff};

class TextLogger final : public Logger {
 public:
  [[nodiscard]] bool enabled(LogLevel wanted) const override { return wanted >= level; }
  void write(LogLevel, std::string_view event, std::string_view,
             std::initializer_list<LogField> fields) override {
    std::string line(event);
    for (const LogField& field : fields) line.append(" ").append(std::get<std::string_view>(field.value));
    lines.push_back(line);
  }
  [[nodiscard]] std::uint64_t dropped() const override { return 0; }

  LogLevel level = LogLevel::kInfo;
  std::vector<std::string> lines;
};

TEST(LogSettingsTest, EveryLevelHasItsWordsAndTheWordsTheirLevel) {
  for (const LogLevel level : kLevels) {
    const auto back = log_level_of(log_settings_of(level));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, level);
  }
  const LogSettings info = log_settings_of(LogLevel::kInfo);
  EXPECT_TRUE(info.error && info.warning && info.info && !info.verbose);
}

// Of the 16 settings, those are levels in which no kind of lines is missing below a wanted one.
TEST(LogSettingsTest, KindsWithoutTheMoreImportantOnesAreRefused) {
  int good = 0;
  for (unsigned bits = 0; bits < 16; ++bits) {
    const LogSettings settings{.error = (bits & 8U) != 0,
                               .warning = (bits & 4U) != 0,
                               .info = (bits & 2U) != 0,
                               .verbose = (bits & 1U) != 0};
    const bool expected = bits == 0 || bits == 8 || bits == 12 || bits == 14 || bits == 15;
    EXPECT_EQ(log_level_of(settings).ok(), expected) << bits;
    good += expected ? 1 : 0;
  }
  EXPECT_EQ(good, 5);
}

TEST(LogSettingsTest, AChangeIsOfAKnownSettingAndType) {
  LogSettings settings;
  EXPECT_TRUE(change_log_setting(settings, "log_verbose_level", std::uint64_t{1}).ok());
  EXPECT_TRUE(settings.verbose);
  EXPECT_TRUE(change_log_setting(settings, "log_info", false).ok());
  EXPECT_FALSE(settings.info);
  const std::vector<std::pair<std::string, LogValue>> refused = {{"log_info", std::uint64_t{1}},
                                                                 {"log_info", std::string_view("true")},
                                                                 {"log_warning", std::monostate()},
                                                                 {"log_verbose_level", true},
                                                                 {"log_verbose_level", std::uint64_t{2}},
                                                                 {"log_verbose_level", ~std::uint64_t{0}},
                                                                 {"log_file", std::string_view("/tmp/x")},
                                                                 {"log_format", std::string_view("ISO8601")},
                                                                 {"log_trace", true},
                                                                 {"", true}};
  for (const auto& [name, value] : refused) {
    const Status status = change_log_setting(settings, name, value);
    ASSERT_FALSE(status.ok()) << name;
    EXPECT_EQ(status.error().id(), "v2.log_setting");
    EXPECT_EQ(status.error().code(), Code::kInvalidArgument);
  }
}

TEST(LogSettingsTest, AChangeIsToldInTheLogWhicheverWayItGoes) {
  TextLogger logger;
  dialect::Host host;
  host.logger = &logger;
  EXPECT_EQ(read_log_settings(host).error().id(), "v2.logging");
  EXPECT_EQ(apply_log_settings(host, {}).error().id(), "v2.logging");
  host.log_level = [&] { return logger.level; };
  host.set_log_level = [&](LogLevel level) { logger.level = level; };
  for (const LogLevel level : {LogLevel::kError, LogLevel::kDebug, LogLevel::kDebug, LogLevel::kOff}) {
    ASSERT_TRUE(apply_log_settings(host, log_settings_of(level)).ok());
    EXPECT_EQ(logger.level, level);
  }
  EXPECT_EQ(logger.lines, (std::vector<std::string>{"log.level info error", "log.level error debug",
                                                    "log.level debug off"}));
  EXPECT_FALSE(apply_log_settings(host, {.error = false}).ok());
  EXPECT_EQ(logger.level, LogLevel::kOff);
}

}  // namespace
}  // namespace slipway::openinference
