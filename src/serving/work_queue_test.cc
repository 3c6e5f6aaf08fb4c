#include "serving/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

namespace slipway::serving {
namespace {

class Probe final : public Work {
 public:
  explicit Probe(std::function<void()> body) : body_(std::move(body)) {}
  void run(std::unique_ptr<Work>) override { body_(); }

 private:
  std::function<void()> body_;
};

std::unique_ptr<Work> work(std::function<void()> body) { return std::make_unique<Probe>(std::move(body)); }

TEST(WorkQueue, RunsInOrderOnOneThread) {
  std::vector<int> order;
  {
    WorkQueue queue({.max_threads = 1});
    for (int i = 0; i < 100; ++i) {
      auto item = work([&order, i] { order.push_back(i); });
      ASSERT_TRUE(queue.try_push(item));
    }
  }  // destroying it runs what waits
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(WorkQueue, RefusesWhatIsOneTooManyAndLeavesItWithTheCaller) {
  std::promise<void> started;
  std::promise<void> release;
  {
    WorkQueue queue({.max_threads = 1, .max_items = 2});
    auto running = work([&] {
      started.set_value();
      release.get_future().wait();
    });
    ASSERT_TRUE(queue.try_push(running));
    started.get_future().wait();
    for (int i = 0; i < 2; ++i) {
      auto waiting = work([] {});
      ASSERT_TRUE(queue.try_push(waiting));
    }
    EXPECT_EQ(queue.waiting(), 2U);
    auto refused = work([] {});
    EXPECT_FALSE(queue.try_push(refused));
    EXPECT_NE(refused, nullptr);
    release.set_value();
  }
}

// Two pieces of work that each wait for the other finish only when both threads run.
TEST(WorkQueue, RunsAsManyAtOnceAsItIsAllowed) {
  std::promise<void> first;
  std::promise<void> second;
  WorkQueue queue({.max_threads = 2});
  auto a = work([&] {
    first.set_value();
    second.get_future().wait();
  });
  auto b = work([&] {
    second.set_value();
    first.get_future().wait();
  });
  ASSERT_TRUE(queue.try_push(a));
  ASSERT_TRUE(queue.try_push(b));
}

TEST(WorkQueue, TakesWorkFromManyThreads) {
  std::atomic<int> done{0};
  {
    WorkQueue queue({.max_threads = 3, .max_items = 100000});
    std::vector<std::thread> pushers;
    for (int t = 0; t < 4; ++t) {
      pushers.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) {
          auto item = work([&done] { done.fetch_add(1); });
          ASSERT_TRUE(queue.try_push(item));
        }
      });
    }
    for (std::thread& pusher : pushers) pusher.join();
  }
  EXPECT_EQ(done.load(), 4000);
}

}  // namespace
}  // namespace slipway::serving
