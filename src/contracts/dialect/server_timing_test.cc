#include "contracts/dialect/server_timing.h"

#include <gtest/gtest.h>

#include <limits>

namespace slipway::dialect {
namespace {

TEST(ServerTiming, TellsEveryPhaseInMilliseconds) {
  infer::Timings timings;
  timings.receive = std::chrono::microseconds(1);
  timings.parse = std::chrono::nanoseconds(4999);
  timings.compute = std::chrono::microseconds(1'250);
  timings.encode = std::chrono::seconds(2);
  timings.batch_rows = 5;
  EXPECT_EQ(ServerTiming(timings).text(),
            "receive;dur=0.001, parse;dur=0.004, queue;dur=0.000, batch;desc=5, compute;dur=1.250, "
            "encode;dur=2000.000");
}

TEST(ServerTiming, HoldsTheLargestValues) {
  infer::Timings timings;
  timings.receive = timings.parse = timings.queue = timings.compute = timings.encode = Duration::max();
  timings.batch_rows = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(ServerTiming(timings).text().substr(0, 33), "receive;dur=9223372036854.775, pa");
  timings.queue = Duration(-5);
  EXPECT_NE(ServerTiming(timings).text().find("queue;dur=0.000"), std::string_view::npos);
}

}  // namespace
}  // namespace slipway::dialect
