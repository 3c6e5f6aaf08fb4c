#include "serving/queue/statistics.h"

#include <gtest/gtest.h>

namespace slipway::serving {
namespace {

TEST(Statistics, CountsRowsRequestsAndRunsApart) {
  Statistics statistics;
  infer::Timings timings;
  timings.queue = std::chrono::nanoseconds(10);
  timings.compute = std::chrono::nanoseconds(100);
  timings.batch_rows = 3;
  statistics.succeeded(2, timings, WallTime(std::chrono::milliseconds(1234)));
  timings.leads_run = false;  // the same run answered a second request
  statistics.succeeded(1, timings, WallTime(std::chrono::milliseconds(1235)));
  statistics.failed(std::chrono::nanoseconds(7));
  const dialect::ModelStatistics seen = statistics.snapshot();
  EXPECT_EQ(seen.last_inference_ms, 1235);
  EXPECT_EQ(seen.inferences, 3U);
  EXPECT_EQ(seen.executions, 1U);
  EXPECT_EQ(seen.success.count, 2U);
  EXPECT_EQ(seen.success.time, std::chrono::nanoseconds(220));
  EXPECT_EQ(seen.queue.time, std::chrono::nanoseconds(20));
  EXPECT_EQ(seen.fail.count, 1U);
  ASSERT_EQ(seen.batches.size(), 1U);
  EXPECT_EQ(seen.batches[0].rows, 3U);
  EXPECT_EQ(seen.batches[0].runs.count, 1U);
}

}  // namespace
}  // namespace slipway::serving
