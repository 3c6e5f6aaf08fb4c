#include "telemetry/logger.h"

#include <gtest/gtest.h>

#include <cmath>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <thread>

#include "json/json.h"

namespace slipway {
namespace {

// Keeps what it is given, and can hold up its writer.
class FakeSink final : public LogSink {
 public:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::string text;
    bool held = false;
    int calls = 0;
    bool broken = false;

    void release() {
      const std::lock_guard lock(mutex);
      held = false;
      changed.notify_all();
    }
    void wait_for_call(int number) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return calls >= number; });
    }
  };

  explicit FakeSink(State& state) : state_(state) {}
  bool write(std::string_view lines) override {
    std::unique_lock lock(state_.mutex);
    ++state_.calls;
    state_.changed.notify_all();
    state_.changed.wait(lock, [this] { return !state_.held; });
    if (state_.broken) return false;
    state_.text += lines;
    return true;
  }

 private:
  State& state_;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(text.substr(begin, end - begin));
  }
  EXPECT_EQ(begin, text.size()) << "the last line has no line feed";
  return lines;
}

class LoggerQueue : public testing::Test {
 protected:
  LoggerQueue() {
    // 2026-11-24 10:15:40.123 UTC; `date -u -d 2026-11-24T10:15:40 +%s`.
    clock_.set_wall(WallTime(std::chrono::seconds(1795515340) + std::chrono::milliseconds(123)));
  }
  std::unique_ptr<Logger> make(LogOptions options) {
    return make_logger(options, &clock_, std::make_unique<FakeSink>(sink_));
  }
  ManualClock clock_;
  FakeSink::State sink_;
};

TEST_F(LoggerQueue, JsonLinesParseBack) {
  const std::string hard =
      "quote \" back \\ feed \n tab \t nul " + std::string(1, '\0') + " bad \xff snow \xe2\x98\x83";
  auto log = make({.level = LogLevel::kDebug, .format = LogFormat::kJson, .file = ""});
  log->debug("server.ready", hard,
             {{"n", std::numeric_limits<std::int64_t>::min()},
              {"d", 0.1},
              {"b", true},
              {"text", hard},
              {"nan", std::nan("")}});
  log->error("a.b", std::string(100'000, 'x'));
  log.reset();
  const std::vector<std::string> lines = lines_of(sink_.text);
  ASSERT_EQ(lines.size(), 2U);
  const std::string wanted =
      "quote \" back \\ feed \n tab \t nul " + std::string(1, '\0') + " bad \xef\xbf\xbd snow \xe2\x98\x83";
  json::Parser parser;
  const auto parsed = parser.parse(lines[0]);
  ASSERT_TRUE(parsed.ok()) << lines[0] << parsed.status().to_string();
  const json::Value line = *parsed;
  EXPECT_EQ(line.find("time")->as_string(), "2026-11-24T10:15:40.123Z");
  EXPECT_EQ(line.find("level")->as_string(), "debug");
  EXPECT_EQ(line.find("event")->as_string(), "server.ready");
  EXPECT_EQ(line.find("message")->as_string(), wanted);
  EXPECT_EQ(line.find("n")->as_int64(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(line.find("d")->as_double(), 0.1);
  EXPECT_EQ(line.find("b")->as_bool(), true);
  EXPECT_EQ(line.find("text")->as_string(), wanted);
  EXPECT_EQ(line.find("nan")->as_string(), "nan");
  const auto long_line = parser.parse(lines[1]);
  ASSERT_TRUE(long_line.ok());
  EXPECT_EQ(long_line->find("message")->as_string()->size(), kMaxTextBytes);
}

TEST_F(LoggerQueue, NoTextMakesUpALine) {
  auto log = make({});
  log->info("a\nb", "c\r\nd", {{"e\nf", "g\nh"}});
  log.reset();
  EXPECT_EQ(lines_of(sink_.text).size(), 1U);
  EXPECT_EQ(sink_.text.find('\r'), std::string::npos);
}

// The sink holds the first line, four more wait, three are lost.
TEST_F(LoggerQueue, ASlowSinkLosesLinesCountsThemAndSaysSo) {
  sink_.held = true;
  auto log = make({.format = LogFormat::kJson, .file = "", .queue_lines = 4});
  log->info("n", "0");
  sink_.wait_for_call(1);
  for (int i = 1; i <= 7; ++i) log->info("n", std::to_string(i));
  EXPECT_EQ(log->dropped(), 3U);
  sink_.release();
  log.reset();
  std::string order;
  json::Parser parser;
  for (const std::string& line : lines_of(sink_.text)) {
    const auto parsed = parser.parse(line);
    ASSERT_TRUE(parsed.ok()) << line;
    if (parsed->find("event")->as_string() == "log.dropped") {
      EXPECT_EQ(parsed->find("level")->as_string(), "warning");
      EXPECT_EQ(parsed->find("lines")->as_int64(), 3);
      order += 'd';
    } else {
      order += *parsed->find("message")->as_string();
    }
  }
  EXPECT_EQ(order, "0d1234");
}

TEST_F(LoggerQueue, LinesThatTheSinkRefusesCountAsLost) {
  sink_.broken = true;
  auto log = make({});
  log->info("n", "0");
  sink_.wait_for_call(2);  // the report of the first
  EXPECT_EQ(log->dropped(), 1U);
}

TEST_F(LoggerQueue, ManyThreadsWriteWholeLines) {
  auto log = make({.file = "", .queue_lines = 100'000});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 500; ++i) log->info("n", "word", {{"thread", std::int64_t{t}}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  log.reset();
  const std::vector<std::string> lines = lines_of(sink_.text);
  EXPECT_EQ(lines.size(), 2000U);
  for (const std::string& line : lines) EXPECT_EQ(line.size(), lines[0].size());
}

}  // namespace
}  // namespace slipway
