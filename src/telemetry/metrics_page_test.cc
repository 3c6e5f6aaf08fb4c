#include "telemetry/metrics.h"

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "telemetry/process.h"

namespace slipway::telemetry {
namespace {

using std::chrono::milliseconds;

// What promtool says of a page: its words and whether it was content.
struct Verdict {
  int status = -1;
  std::string words;
};

Verdict ask_promtool(const std::string& page) {
  std::FILE* input = std::tmpfile();
  std::FILE* output = std::tmpfile();
  std::fwrite(page.data(), 1, page.size(), input);
  std::rewind(input);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(input), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(output), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(output), STDERR_FILENO);
  std::string program = "promtool", check = "check", metrics = "metrics";
  std::array<char*, 4> arguments = {program.data(), check.data(), metrics.data(), nullptr};
  pid_t child = 0;
  Verdict verdict;
  if (posix_spawn(&child, SLIPWAY_PROMTOOL, &actions, nullptr, arguments.data(), nullptr) == 0) {
    waitpid(child, &verdict.status, 0);
  }
  posix_spawn_file_actions_destroy(&actions);
  std::rewind(output);
  std::array<char, 4096> text{};
  verdict.words.assign(text.data(), std::fread(text.data(), 1, text.size(), output));
  std::fclose(input);
  std::fclose(output);
  return verdict;
}

TEST(MetricsPage, LongLabelValuesAreCut) {
  Registry registry;
  registry.counter("slipway_x_total", "X.", {{"a", std::string(100'000, 'y')}}).add();
  EXPECT_LT(registry.render().size(), 300U);
}

TEST(MetricsPage, CallbacksAreReadByEachPage) {
  Registry registry;
  double value = 1.5;
  registry.counter_callback("slipway_loop_requests_total", "Per loop.", [] {
    return std::vector<Sample>{{{{"loop", "2"}}, 9}, {{{"loop", "1"}}, 4}, {{{"loop", "1"}}, 5}};
  });
  registry.gauge_callback("slipway_queue_frac", "Full.", [&] { return value; });
  const std::string rest =
      "# HELP slipway_loop_requests_total Per loop.\n"
      "# TYPE slipway_loop_requests_total counter\n"
      "slipway_loop_requests_total{loop=\"1\"} 4\n"
      "slipway_loop_requests_total{loop=\"2\"} 9\n"
      "# HELP slipway_queue_frac Full.\n"
      "# TYPE slipway_queue_frac gauge\n";
  EXPECT_EQ(registry.render(), rest + "slipway_queue_frac 1.5\n");
  value = std::numeric_limits<double>::infinity();
  EXPECT_EQ(registry.render(), rest + "slipway_queue_frac +Inf\n");
  value = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(registry.render(), rest + "slipway_queue_frac NaN\n");
}

TEST(MetricsPageDeathTest, WrongUseStopsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Registry registry;
  registry.gauge("slipway_x", "X.", {{"a", "1"}});
  EXPECT_DEATH(registry.counter("slipway_x", "X."), "");                          // no _total
  EXPECT_DEATH(registry.gauge("slipway_x_total", "X."), "");                      // no counter
  EXPECT_DEATH(registry.gauge("slipway-y", "X."), "");                            // no name
  EXPECT_DEATH(registry.gauge("slipway_x", "Y.", {{"a", "1"}}), "");              // other help
  EXPECT_DEATH(registry.gauge("slipway_x", "X.", {{"b", "1"}}), "");              // other label names
  EXPECT_DEATH(registry.gauge("slipway_y", "X.", {{"a", "1"}, {"a", "2"}}), "");  // a label twice
  EXPECT_DEATH(registry.histogram("slipway_y", "X.", request_bounds()), "");      // no unit
}

TEST(MetricsPage, PromtoolAcceptsThePage) {
  if (::access(SLIPWAY_PROMTOOL, X_OK) != 0)
    GTEST_SKIP() << "scripts/get-dependencies --with-tests brings promtool";
  Registry registry;
  register_process_metrics(registry);
  registry.counter("slipway_requests_total", "Requests \\ answered\n.", {{"model", "a\"\\\n\xff\xc3\xa9"}})
      .add(7);
  registry.counter("slipway_requests_total", "Requests \\ answered\n.", {{"model", "b"}}).add(7);
  registry.counter("slipway_requests_total", "Requests \\ answered\n.", {{"model", "c"}}).add(7);
  registry.histogram("slipway_request_duration_seconds", "Time.", request_bounds(), {{"model", "wine"}})
      .observe(milliseconds(3));
  registry.histogram("slipway_load_duration_seconds", "Time.", request_bounds());
  registry.gauge("slipway_models_ready", "Ready models.").set(3);
  registry.gauge_callback("slipway_queue_frac", "Full.",
                          [] { return std::numeric_limits<double>::quiet_NaN(); });
  const Verdict good = ask_promtool(registry.render());
  EXPECT_EQ(good.status, 0) << good.words << registry.render();
  EXPECT_EQ(good.words, "");
  EXPECT_NE(ask_promtool("x_total{a=\"\n\"} 1\n").status, 0);
}

}  // namespace
}  // namespace slipway::telemetry
