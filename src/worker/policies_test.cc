#include "worker/policies.h"

#include <gtest/gtest.h>

namespace slipway::worker {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(RestartPolicy, AnswersTheFirstDeathAtOnceAndWaitsLongerForEachNext) {
  RestartPolicy policy;
  EXPECT_EQ(policy.after_death(seconds(1)), Duration::zero());
  for (const int ms : {100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000}) {
    EXPECT_EQ(policy.after_death(seconds(1)), milliseconds(ms));
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(policy.after_death(Duration::zero()), seconds(30));
  EXPECT_EQ(policy.after_death(seconds(10)), Duration::zero()) << "a long life clears the past";
  EXPECT_EQ(policy.after_death(Duration::zero()), milliseconds(100));
}

TEST(Watchdog, AllowsAMultipleOfTheLongestRun) {
  Watchdog watchdog(seconds(10));
  EXPECT_EQ(watchdog.limit(), seconds(60)) << "nothing is known yet";
  watchdog.note_run(std::chrono::microseconds(5));
  EXPECT_EQ(watchdog.limit(), seconds(10));
  watchdog.note_run(seconds(1));
  watchdog.note_run(milliseconds(1));
  EXPECT_EQ(watchdog.limit(), seconds(50));
}

TEST(PoisonGuard, RefusesTheSecondTimeAndForgets) {
  PoisonGuard guard;
  const auto bad = crypto::Digest(crypto::Sha256::of("bad"));
  const auto good = crypto::Digest(crypto::Sha256::of("good"));
  const MonoTime start{seconds(5)};
  EXPECT_TRUE(guard.empty());
  guard.note_death(bad, start);
  EXPECT_FALSE(guard.refuses(bad, start));
  guard.note_death(bad, start + minutes(5));
  EXPECT_TRUE(guard.refuses(bad, start + minutes(5)));
  EXPECT_FALSE(guard.refuses(good, start + minutes(5)));
  EXPECT_TRUE(guard.refuses(bad, start + minutes(14))) << "counted from the last death";
  EXPECT_FALSE(guard.refuses(bad, start + minutes(15)));
  EXPECT_TRUE(guard.empty());
}

TEST(PoisonGuard, AcquitsWhatWasRunWithoutADeath) {
  PoisonGuard guard;
  const auto bystander = crypto::Sha256::of("bystander");
  guard.note_death(bystander, MonoTime{});
  guard.note_success(bystander);
  guard.note_death(bystander, MonoTime{});
  EXPECT_FALSE(guard.refuses(bystander, MonoTime{}));
}

TEST(PoisonGuard, KeepsABoundedNumber) {
  PoisonGuard guard;
  const auto first = crypto::Sha256::of("first");
  guard.note_death(first, MonoTime{});
  guard.note_death(first, MonoTime{});
  for (std::size_t i = 0; i < PoisonGuard::kMost; ++i) {
    guard.note_death(crypto::Sha256::of(std::to_string(i)), MonoTime{seconds(1)});
  }
  EXPECT_FALSE(guard.refuses(first, MonoTime{seconds(1)})) << "the oldest went";
}

}  // namespace
}  // namespace slipway::worker
