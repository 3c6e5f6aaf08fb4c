#include "net/loop/loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <thread>

#include "base/random.h"
#include "net/loop/out_queue.h"
#include "net/loop/task.h"
#include "net/loop/timer_wheel.h"

namespace slipway::net {
namespace {

struct NotingTimer final : Timer {
  void on_timer() override { fired.push_back(deadline()); }
  std::vector<MonoTime> fired;
};

TEST(TimerWheelTest, FiresOnceWithinATickNeverEarly) {
  Random random(1);
  const MonoTime start{std::chrono::hours(5)};
  TimerWheel wheel(start);
  std::vector<std::unique_ptr<NotingTimer>> timers;
  std::vector<MonoTime> deadlines;
  for (int i = 0; i < 500; ++i) {
    timers.push_back(std::make_unique<NotingTimer>());
    deadlines.push_back(start + Duration(static_cast<std::int64_t>(random.below(200'000'000'000))));
    wheel.arm(*timers.back(), deadlines.back());
  }
  for (MonoTime now = start; now < start + std::chrono::seconds(210);) {
    now += Duration(static_cast<std::int64_t>(random.below(3'000'000'000)));
    wheel.advance(now);
    for (std::size_t i = 0; i < timers.size(); ++i) {
      if (deadlines[i] > now) {
        ASSERT_TRUE(timers[i]->fired.empty()) << "early";
      } else if (deadlines[i] + TimerWheel::kTick <= now) {
        ASSERT_EQ(timers[i]->fired.size(), 1U) << "late";
      }
    }
  }
  EXPECT_EQ(wheel.next(), std::nullopt);
}

TEST(TimerWheelTest, MovedAndDisarmedTimersDoNotFire) {
  TimerWheel wheel(MonoTime{});
  NotingTimer moved;
  NotingTimer disarmed;
  wheel.arm(moved, MonoTime{std::chrono::seconds(1)});
  wheel.arm(disarmed, MonoTime{std::chrono::seconds(1)});
  {
    NotingTimer destroyed;
    wheel.arm(destroyed, MonoTime{std::chrono::seconds(1)});
  }
  wheel.arm(moved, MonoTime{std::chrono::seconds(3)});
  wheel.disarm(disarmed);
  wheel.advance(MonoTime{std::chrono::seconds(2)});
  EXPECT_TRUE(moved.fired.empty());
  ASSERT_TRUE(wheel.next().has_value());
  EXPECT_GE(*wheel.next(), MonoTime{std::chrono::seconds(3)});
  wheel.advance(MonoTime{std::chrono::seconds(4)});
  EXPECT_EQ(moved.fired.size(), 1U);
  EXPECT_TRUE(disarmed.fired.empty());
}

TEST(TimerWheelTest, ACallbackMayArmAgainAndDestroyOthers) {
  struct Killer final : Timer {
    TimerWheel& wheel;
    std::unique_ptr<NotingTimer>& victim;
    int count = 0;
    Killer(TimerWheel& w, std::unique_ptr<NotingTimer>& v) : wheel(w), victim(v) {}
    void on_timer() override {
      victim.reset();
      if (++count < 3) wheel.arm(*this, deadline() + TimerWheel::kTick);
    }
  };
  TimerWheel wheel(MonoTime{});
  auto victim = std::make_unique<NotingTimer>();
  Killer killer(wheel, victim);
  wheel.arm(killer, MonoTime{std::chrono::seconds(1)});
  wheel.arm(*victim, MonoTime{std::chrono::seconds(1)});
  for (int i = 0; i < 30; ++i) wheel.advance(MonoTime{std::chrono::milliseconds(100 * i)});
  EXPECT_EQ(killer.count, 3);
}

std::string drain_by(OutQueue& queue, std::size_t step) {
  std::string out;
  while (!queue.empty()) {
    std::array<iovec, 3> pieces;
    const std::size_t count = queue.gather(pieces);
    std::size_t left = step;
    for (std::size_t i = 0; i < count && left > 0; ++i) {
      const std::size_t take = std::min(left, pieces[i].iov_len);
      out.append(static_cast<const char*>(pieces[i].iov_base), take);
      left -= take;
    }
    queue.consume(step - left);
  }
  return out;
}

TEST(OutQueueTest, KeepsTheOrderWhateverIsSentAtOnce) {
  for (const std::size_t step : {std::size_t{1000}, std::size_t{5000}, std::size_t{100000}}) {
    BlockPool pool;
    OutQueue queue;
    queue.use_pool(pool);
    std::string expected;
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 300; ++i) {
        std::string piece(static_cast<std::size_t>(i * 37 % 9000), static_cast<char>('a' + i % 26));
        expected += piece;
        if (i % 5 == 4) {
          const auto shared = std::make_shared<const std::string>(piece + piece);
          queue.append_shared("frame", shared, piece.size() / 2, piece.size());
          expected.insert(expected.size() - piece.size(), "frame");
        } else if (i % 3 == 0) {
          OutQueue other;
          other.append(piece.substr(0, piece.size() / 2));
          other.append_owned(piece.substr(piece.size() / 2));
          queue.splice(std::move(other));
        } else if (i % 3 == 1) {
          queue.append(piece);
        } else {
          queue.append_owned(std::move(piece));
        }
      }
      EXPECT_EQ(drain_by(queue, step), expected);
      EXPECT_EQ(queue.bytes(), 0U);
      expected.clear();
    }
  }
}

TEST(BlockTest, ABlockLetGoElsewhereIsFreedAndOneLetGoHereReturns) {
  BlockPool pool;
  pool.enter();
  BlockRef block = pool.take();
  char* const memory = block.data();
  BlockRef copy = block;
  EXPECT_FALSE(block.exclusive());
  std::thread([moved = std::move(copy)]() mutable { moved = BlockRef(); }).join();
  EXPECT_TRUE(block.exclusive());
  block = BlockRef();
  EXPECT_EQ(pool.take().data(), memory);
  BlockPool::leave();
}

TEST(FreeListsTest, MemoryComesBackAndKeepsItsBytesWhenItGrows) {
  FreeLists lists;
  std::vector<void*> taken;
  for (const std::size_t size : {0U, 1U, 64U, 65U, 1000U, 2048U, 2049U, 100000U}) {
    char* memory = static_cast<char*>(lists.take(size));
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 16, 0U);
    std::fill_n(memory, size, static_cast<char>(size));
    memory = static_cast<char*>(lists.resize(memory, size * 3 + 1));
    EXPECT_TRUE(std::all_of(memory, memory + size, [&](char c) { return c == static_cast<char>(size); }));
    taken.push_back(memory);
  }
  for (void* memory : taken) lists.give(memory);
  void* const elsewhere = lists.take(100);
  std::thread([&] { FreeLists::release(elsewhere); }).join();
}

TEST(FreeListsTest, WhatIsKeptIsBounded) {
  FreeLists lists;
  std::vector<void*> taken;
  for (std::size_t i = 0; i < 2 * FreeLists::kMaxSpareBytes / 1024; ++i) taken.push_back(lists.take(1024));
  for (void* memory : taken) lists.give(memory);
  for (int i = 0; i < 1000; ++i) lists.give_text(std::string(2000, 'x'));
  lists.give_text(std::string(100000, 'x'));
  for (int i = 0; i < 1000; ++i) EXPECT_LE(lists.take_text().capacity(), FreeLists::kMaxTextBytes);
}

struct CountingTask final : Task {
  int runs = 0;
  int discards = 0;
  void run() override { ++runs; }
  void discard() override { ++discards; }
};

TEST(LoopTest, RunsWorkFromThreadsInTheOrderOfEach) {
  const SystemClock clock;
  auto loop = Loop::create(clock).value();
  std::vector<int> seen[3];
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i) loop->post([&seen, t, i] { seen[t].push_back(i); });
    });
  }
  std::thread stopper([&] {
    for (std::thread& thread : threads) thread.join();
    loop->stop();
  });
  loop->run();
  stopper.join();
  for (const auto& list : seen) {
    ASSERT_EQ(list.size(), 1000U);
    EXPECT_TRUE(std::is_sorted(list.begin(), list.end()));
  }
}

TEST(LoopTest, TasksAfterTheEndAreDiscarded) {
  const SystemClock clock;
  auto loop = Loop::create(clock).value();
  const std::shared_ptr<Inbox> inbox = loop->inbox();
  CountingTask waiting;
  CountingTask late;
  inbox->post(waiting);
  loop.reset();
  inbox->post(late);
  EXPECT_EQ(waiting.discards, 1);
  EXPECT_EQ(late.discards, 1);
  EXPECT_EQ(waiting.runs + late.runs, 0);
}

TEST(LoopTest, TimersFollowTheClock) {
  ManualClock clock;
  auto loop = Loop::create(clock).value();
  NotingTimer timer;
  loop->arm(timer, clock.now() + std::chrono::seconds(2));
  loop->run_once(Duration::zero());
  EXPECT_TRUE(timer.fired.empty());
  clock.advance(std::chrono::milliseconds(2150));
  loop->run_once(Duration::zero());
  EXPECT_EQ(timer.fired.size(), 1U);
}

TEST(LoopTest, AProcessorThatIsNotThereIsAnError) {
  EXPECT_EQ(pin_thread(100000).error().id(), "net.affinity");
  EXPECT_EQ(pin_thread(-1).error().id(), "net.affinity");
}

}  // namespace
}  // namespace slipway::net
