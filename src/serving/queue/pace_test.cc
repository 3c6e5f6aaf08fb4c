#include "serving/queue/pace.h"

#include <gtest/gtest.h>

namespace slipway::serving {
namespace {

using namespace std::chrono_literals;

TEST(Pace, ExpectsWhatItLearnedAndKnowsNothingBefore) {
  Pace pace(1);
  EXPECT_EQ(pace.expect(8), 0ns);
  pace.learn(8, 10ms);
  EXPECT_EQ(pace.expect(8), 10ms);
  EXPECT_EQ(pace.expect(15), 10ms);  // the same power of two
}

TEST(Pace, TakesSizesThatWereNeverRunFromTheNearest) {
  Pace pace(1);
  pace.learn(4, 10ms);
  EXPECT_EQ(pace.expect(16), 40ms);  // in proportion: it may be less, hardly more
  EXPECT_EQ(pace.expect(1), 10ms);   // fewer rows take no longer
  pace.learn(8, 12ms);
  EXPECT_EQ(pace.expect(16), 24ms);
}

TEST(Pace, FollowsAChangeAndLeavesRoomForWhatVaries) {
  Pace pace(1);
  for (int i = 0; i < 100; ++i) pace.learn(1, 10ms);
  EXPECT_EQ(pace.margin(1, 1s), 0ns);
  for (int i = 0; i < 80; ++i) pace.learn(1, 20ms);
  EXPECT_GT(pace.expect(1), 19ms);
  for (int i = 0; i < 200; ++i) pace.learn(1, i % 2 == 0 ? 10ms : 30ms);
  EXPECT_GT(pace.expect(1) + pace.margin(1, 0ms), 40ms);
  EXPECT_NEAR(static_cast<double>(pace.margin(1, 3 * pace.expect(1)) / pace.margin(1, 0ms)), 2, 1e-6);
}

TEST(Pace, SharesWorkAmongInstancesAfterWhatRunsNow) {
  Pace pace(2);
  pace.learn(1, 10ms);
  const MonoTime start(1s);
  EXPECT_EQ(pace.drain_time(20ms, start), 10ms);
  const auto first = pace.begin(1, start);
  EXPECT_EQ(pace.drain_time(20ms, start), 10ms);  // the other is free
  pace.begin(1, start);
  EXPECT_EQ(pace.drain_time(20ms, start), 20ms);
  EXPECT_EQ(pace.drain_time(20ms, start + 5ms), 15ms);
  EXPECT_EQ(pace.drain_time(20ms, start + 1h), 10ms);  // a run that is late is not expected to end earlier
  pace.end(first);
  EXPECT_EQ(pace.in_flight(), 1U);
}

}  // namespace
}  // namespace slipway::serving
