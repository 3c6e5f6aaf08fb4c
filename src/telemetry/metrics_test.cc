#include "telemetry/metrics.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "telemetry/process.h"

namespace slipway::telemetry {
namespace {

using std::chrono::milliseconds;

TEST(Registry, WritesTheTextFormat) {
  Registry registry;
  registry
      .counter("slipway_requests_total", "Requests\nby \\code.", {{"model", "a\"b\\c\nd"}, {"code", "OK"}})
      .add(3);
  registry.gauge("slipway_models", "Models that are loaded.").set(-2);
  registry.gauge_callback("slipway_ratio", "A figure that is asked for.", [] { return 0.25; });
  const Duration bounds[] = {milliseconds(1), milliseconds(10)};
  Histogram& histogram = registry.histogram("slipway_request_seconds", "Time.", bounds, {{"model", "m"}});
  histogram.observe(milliseconds(1));
  histogram.observe(milliseconds(2));
  histogram.observe(milliseconds(500));
  EXPECT_EQ(registry.render(),
            "# HELP slipway_requests_total Requests\\nby \\\\code.\n"
            "# TYPE slipway_requests_total counter\n"
            "slipway_requests_total{model=\"a\\\"b\\\\c\\nd\",code=\"OK\"} 3\n"
            "# HELP slipway_models Models that are loaded.\n"
            "# TYPE slipway_models gauge\n"
            "slipway_models -2\n"
            "# HELP slipway_ratio A figure that is asked for.\n"
            "# TYPE slipway_ratio gauge\n"
            "slipway_ratio 0.25\n"
            "# HELP slipway_request_seconds Time.\n"
            "# TYPE slipway_request_seconds histogram\n"
            "slipway_request_seconds_bucket{model=\"m\",le=\"0.001\"} 1\n"
            "slipway_request_seconds_bucket{model=\"m\",le=\"0.01\"} 2\n"
            "slipway_request_seconds_bucket{model=\"m\",le=\"+Inf\"} 3\n"
            "slipway_request_seconds_sum{model=\"m\"} 0.503\n"
            "slipway_request_seconds_count{model=\"m\"} 3\n");
}

TEST(Registry, SizesAreShownAsTheyAre) {
  Registry registry;
  SizeHistogram& rows = registry.size_histogram("slipway_batch_rows", "Rows of a run.", rows_bounds());
  rows.observe(1);
  rows.observe(3);
  rows.observe(100'000);
  const std::string page = registry.render();
  EXPECT_EQ(page.substr(0, page.find("{le=\"8\"}")),
            "# HELP slipway_batch_rows Rows of a run.\n"
            "# TYPE slipway_batch_rows histogram\n"
            "slipway_batch_rows_bucket{le=\"1\"} 1\n"
            "slipway_batch_rows_bucket{le=\"2\"} 1\n"
            "slipway_batch_rows_bucket{le=\"4\"} 2\n"
            "slipway_batch_rows_bucket");
  EXPECT_NE(page.find("slipway_batch_rows_bucket{le=\"65536\"} 2\n"), std::string::npos);
  EXPECT_TRUE(
      page.ends_with("slipway_batch_rows_bucket{le=\"+Inf\"} 3\n"
                     "slipway_batch_rows_sum 100004\n"
                     "slipway_batch_rows_count 3\n"))
      << page;
}

TEST(Registry, TheSameLabelsAreTheSameSeries) {
  Registry registry;
  Counter& first = registry.counter("a_total", "A.", {{"x", "1"}});
  EXPECT_EQ(&first, &registry.counter("a_total", "A.", {{"x", "1"}}));
  EXPECT_NE(&first, &registry.counter("a_total", "A.", {{"x", "2"}}));
}

TEST(Registry, TooManySeriesShareOne) {
  Registry registry;
  for (std::size_t i = 0; i < Registry::kMaxSeries + 50; ++i) {
    registry.counter("a_total", "A.", {{"x", std::to_string(i)}}).add();
  }
  const std::string page = registry.render();
  EXPECT_NE(page.find("a_total{x=\"overflow\"} 50\n"), std::string::npos);
  EXPECT_NE(page.find("a_total{x=\"999\"} 1\n"), std::string::npos);
  EXPECT_EQ(page.find("a_total{x=\"1000\"}"), std::string::npos);
}

TEST(Counter, CountsFromManyThreads) {
  Registry registry;
  Counter& counter = registry.counter("a_total", "A.");
  Histogram& histogram = registry.histogram("b_seconds", "B.", request_bounds());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&counter, &histogram] {
      for (int i = 0; i < 10000; ++i) {
        counter.add();
        histogram.observe(milliseconds(1));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 40000U);
  EXPECT_EQ(histogram.nanoseconds().snapshot().sum, 40'000'000'000U);
}

TEST(ProcessMetrics, HaveTheirStandardNamesAndValues) {
  Registry registry;
  register_process_metrics(registry);
  const std::string page = registry.render();
  for (const char* name :
       {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
        "process_open_fds", "process_max_fds", "process_start_time_seconds"}) {
    const std::size_t at = page.find("\n" + std::string(name) + " ");
    ASSERT_NE(at, std::string::npos) << name;
    EXPECT_GT(std::stod(page.substr(at + 2 + std::string_view(name).size())), 0.0) << name;
  }
}

}  // namespace
}  // namespace slipway::telemetry
