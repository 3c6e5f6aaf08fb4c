#include "telemetry/logger.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "json/json.h"

namespace slipway {
namespace {

constexpr WallTime kTime{std::chrono::milliseconds(1'786'959'000'123)};

TEST(FormatLogLine, TextKeepsOneLine) {
  EXPECT_EQ(format_log_line(LogFormat::kText, kTime, LogLevel::kInfo, "server.ready", "listening\nnow",
                            {{"address", std::string_view("unix:/run/s.sock")},
                             {"name", std::string_view("a b\n\"")},
                             {"n", std::int64_t{3}},
                             {"share", 0.5},
                             {"ok", true},
                             {"empty", std::string_view()}}),
            "2026-08-17T09:30:00.123Z INFO  server.ready listening\\x0anow address=unix:/run/s.sock "
            "name=\"a b\\n\\\"\" n=3 share=0.5 ok=true empty=\"\"\n");
}

TEST(FormatLogLine, JsonIsJson) {
  const std::string line = format_log_line(LogFormat::kJson, kTime, LogLevel::kWarning, "a.b", "m\"\xff",
                                           {{"x", std::string_view("y\n")}, {"n", std::int64_t{-1}}});
  json::Parser parser;
  const auto value = parser.parse(line);
  ASSERT_TRUE(value.ok()) << line;
  EXPECT_EQ(value->find("time")->as_string(), "2026-08-17T09:30:00.123Z");
  EXPECT_EQ(value->find("level")->as_string(), "warning");
  EXPECT_EQ(value->find("x")->as_string(), "y\n");
  EXPECT_EQ(value->find("n")->as_int64(), -1);
}

class LogFile : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  std::string read() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  std::string path_ = ::testing::TempDir() + "slipway_log_" + std::to_string(getpid());
  ManualClock clock_;
};

TEST_F(LogFile, HoldsEveryLineOnceTheLoggerIsGone) {
  auto logger = make_logger({.level = LogLevel::kInfo, .file = path_, .queue_lines = 100000}, &clock_);
  for (int i = 0; i < 5000; ++i) logger->info("a.b", "line " + std::to_string(i));
  logger->debug("a.b", "not wanted");
  EXPECT_EQ(logger->dropped(), 0U);
  logger.reset();
  const std::string text = read();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5000);
  EXPECT_NE(text.find(" line 4999\n"), std::string::npos);
  EXPECT_EQ(text.find("not wanted"), std::string::npos);
}

TEST_F(LogFile, WhatDoesNotFitIsCountedAndDropped) {
  auto logger = make_logger({.level = LogLevel::kInfo, .file = path_, .queue_lines = 0}, &clock_);
  logger->info("a.b", "lost");
  EXPECT_EQ(logger->dropped(), 1U);
  logger.reset();
  EXPECT_EQ(read(),
            "1970-01-01T00:00:00.000Z WARN  log.dropped log lines were lost because they could not be "
            "written as fast "
            "as they came lines=1\n");
}

TEST(MakeLogger, AFileThatCannotBeOpenedIsToldOnStandardError) {
  ::testing::internal::CaptureStderr();
  make_logger({.level = LogLevel::kInfo, .file = "/nowhere/at/all.log"}).reset();
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("log.file"), std::string::npos);
}

}  // namespace
}  // namespace slipway
