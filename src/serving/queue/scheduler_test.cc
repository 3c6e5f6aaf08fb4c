#include "serving/queue/scheduler.h"

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <numeric>

#include "contracts/backend/testing/fake_backend.h"
#include "contracts/backend/testing/memory_files.h"

namespace slipway::serving {
namespace {

using backend::testing::FakeBackend;
using backend::testing::FakeOptions;

/// One request: rows of two floats; its answer comes through a promise.
class TestRequest final : public Pending {
 public:
  TestRequest(const std::vector<float>& values, std::promise<Result<infer::Response>>& answer)
      : values_(values), answer_(answer) {
    const auto rows = static_cast<std::int64_t>(values.size() / 2);
    binding.inputs = {{DType::kFp32, {rows, 2}, std::as_bytes(std::span(values_))}};
    binding.rows = values.size() / 2;
    binding.input_bytes = values.size() * sizeof(float);
  }
  void answer(Result<infer::Response> response) override { answer_.set_value(std::move(response)); }

 private:
  std::vector<float> values_;
  std::promise<Result<infer::Response>>& answer_;
};

class SchedulerTest : public ::testing::Test {
 protected:
  void start(FakeOptions fake, const SchedulerOptions& options) {
    // Every run notes its rows; FakeBackend calls it on the thread that runs.
    const Signature signature = fake.signature;
    fake.run = [this, signature](std::span<const TensorView> inputs) -> Result<std::vector<Tensor>> {
      const auto values = inputs[0].values<float>();
      const std::lock_guard lock(mutex_);
      runs_.push_back(values.size() / 2);
      if (std::find(values.begin(), values.end(), 666.0F) != values.end())
        return internal_error("backend.run", "boom");
      return backend::testing::echo_inputs(signature, inputs);
    };
    backend_ = std::make_unique<FakeBackend>(fake);
    const backend::testing::MemoryModelFiles files("FAKE");
    instance_ = std::move(backend_->load(files, {})).value();
    scheduler_ = std::make_unique<Scheduler>(options, *instance_, clock_);
  }

  std::future<Result<infer::Response>> push(const std::vector<float>& values,
                                            MonoTime deadline = MonoTime::max()) {
    std::promise<Result<infer::Response>>& promise = promises_.emplace_back();
    auto request = std::make_shared<TestRequest>(values, promise);
    request->deadline = deadline;
    request->created = clock_.now();
    auto answer = promise.get_future();
    scheduler_->push(std::move(request));
    return answer;
  }

  // A run that is held keeps the only thread busy, so what is pushed next waits together.
  void hold_first() {
    first_ = push({-1, -1});
    while (backend_->held() == 0) std::this_thread::yield();
  }
  void release_all() {
    backend_->release(1);
    EXPECT_TRUE(first_.get().ok());
  }

  static std::vector<float> values_of(const Result<infer::Response>& response) {
    const auto values = response->outputs[0].tensor.values<float>();
    return {values.begin(), values.end()};
  }

  ManualClock clock_;
  std::mutex mutex_;
  std::vector<std::size_t> runs_;
  std::deque<std::promise<Result<infer::Response>>> promises_;
  std::future<Result<infer::Response>> first_;
  std::unique_ptr<FakeBackend> backend_;
  std::unique_ptr<backend::Instance> instance_;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(SchedulerTest, AFreeInstanceTakesWhatWaitsAsOneRun) {
  FakeOptions fake;
  fake.hold = true;
  start(fake, {.queue = {.max_batch_rows = 8}});
  hold_first();
  std::vector<std::future<Result<infer::Response>>> answers;
  for (int i = 0; i < 3; ++i) answers.push_back(push({static_cast<float>(i), 10}));
  answers.push_back(push({7, 7, 8, 8}));
  release_all();
  while (backend_->held() == 0) std::this_thread::yield();
  backend_->release(1);
  for (int i = 0; i < 3; ++i) {
    const auto answer = answers[static_cast<std::size_t>(i)].get();
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(values_of(answer), (std::vector<float>{static_cast<float>(i), 10}));
    EXPECT_EQ(answer->timings.batch_rows, 5U);
  }
  EXPECT_EQ(values_of(answers[3].get()), (std::vector<float>{7, 7, 8, 8}));
  EXPECT_EQ(runs_, (std::vector<std::size_t>{1, 5}));
}

TEST_F(SchedulerTest, ABatchHasAtMostItsRowsAndALargerRequestRunsAlone) {
  FakeOptions fake;
  fake.hold = true;
  start(fake, {.queue = {.max_batch_rows = 4}});
  hold_first();
  std::vector<std::future<Result<infer::Response>>> answers;
  answers.push_back(push(std::vector<float>(6)));   // 3 rows
  answers.push_back(push(std::vector<float>(4)));   // 2 rows: one too many
  answers.push_back(push(std::vector<float>(2)));   // 1 row: fits onto the first
  answers.push_back(push(std::vector<float>(20)));  // 10 rows
  release_all();
  for (int run = 0; run < 3; ++run) {
    while (backend_->held() == 0) std::this_thread::yield();
    backend_->release(1);
  }
  for (auto& answer : answers) EXPECT_TRUE(answer.get().ok());
  EXPECT_EQ(runs_, (std::vector<std::size_t>{1, 4, 2, 10}));
}

TEST_F(SchedulerTest, OneBadRequestFailsAlone) {
  FakeOptions fake;
  fake.hold = true;
  start(fake, {.queue = {.max_batch_rows = 8}});
  hold_first();
  auto good = push({1, 2});
  auto bad = push({666, 0});
  auto other = push({3, 4});
  release_all();
  // The batch, then each of the three by itself.
  for (int run = 0; run < 4; ++run) {
    while (backend_->held() == 0) std::this_thread::yield();
    backend_->release(1);
  }
  EXPECT_EQ(values_of(good.get()), (std::vector<float>{1, 2}));
  EXPECT_EQ(bad.get().error().id(), "backend.run");
  EXPECT_EQ(values_of(other.get()), (std::vector<float>{3, 4}));
}

TEST_F(SchedulerTest, AFullQueueRefusesAtOnceByItemsAndByBytes) {
  FakeOptions fake;
  fake.hold = true;
  start(fake, {.queue = {.max_items = 2, .max_bytes = 64}});
  hold_first();
  auto large = push(std::vector<float>(40));  // 160 bytes: larger than the room, but nothing else waits
  EXPECT_EQ(push({1, 1}).get().error().id(), "infer.overloaded");
  EXPECT_EQ(scheduler_->state().waiting, 1U);
  release_all();
  while (backend_->held() == 0) std::this_thread::yield();
  auto a = push({1, 1});
  auto b = push({2, 2});
  EXPECT_EQ(push({3, 3}).get().error().id(), "infer.overloaded");
  for (int run = 0; run < 3; ++run) {
    while (backend_->held() == 0) std::this_thread::yield();
    backend_->release(1);
  }
  EXPECT_TRUE(large.get().ok() && a.get().ok() && b.get().ok());
}

TEST_F(SchedulerTest, WhatNobodyWaitsForIsNotRun) {
  FakeOptions fake;
  fake.hold = true;
  start(fake, {.queue = {.max_batch_rows = 8}});
  hold_first();
  auto late = push({1, 1}, clock_.now());
  auto fine = push({2, 2});
  release_all();
  while (backend_->held() == 0) std::this_thread::yield();
  backend_->release(1);
  EXPECT_EQ(late.get().error().id(), "infer.deadline");
  EXPECT_EQ(fine.get()->timings.batch_rows, 1U);
}

TEST_F(SchedulerTest, NeverRunsMoreAtOnceThanThereAreInstances) {
  FakeOptions fake;
  fake.hold = true;
  start(fake, {.instances = 2});
  std::vector<std::future<Result<infer::Response>>> answers;
  for (int i = 0; i < 5; ++i) answers.push_back(push({1, 1}));
  std::size_t answered = 0;
  while (answered < 5) {
    while (backend_->held() == 0) std::this_thread::yield();
    EXPECT_LE(backend_->held(), 2U);
    answered += backend_->release(1);
  }
  for (auto& answer : answers) EXPECT_TRUE(answer.get().ok());
}

TEST_F(SchedulerTest, ALargeRequestIsRunInPiecesAndAnsweredAsOne) {
  FakeOptions fake;
  fake.hold = true;
  start(fake, {.queue = {.max_batch_rows = 4, .split = true}});
  hold_first();
  std::vector<float> large(20);
  std::iota(large.begin(), large.end(), 0.0F);
  auto answer = push(large);  // 10 rows: 4, 4, 2
  auto small = push({7, 8});
  release_all();
  for (int run = 0; run < 3; ++run) {
    while (backend_->held() == 0) std::this_thread::yield();
    backend_->release(1);
  }
  const auto response = answer.get();
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(values_of(response), large);
  EXPECT_EQ(response->outputs[0].tensor.shape, (Shape{10, 2}));
  EXPECT_EQ(values_of(small.get()), (std::vector<float>{7, 8}));
  EXPECT_EQ(runs_, (std::vector<std::size_t>{1, 4, 4, 3}));
}

TEST_F(SchedulerTest, ALargeRequestFailsOnceWhenAPieceFails) {
  FakeOptions fake;
  fake.hold = true;
  start(fake, {.queue = {.max_batch_rows = 2, .split = true}});
  hold_first();
  auto bad = push({1, 1, 2, 2, 666, 666, 3, 3, 4, 4, 5, 5});  // three pieces, the second fails
  auto good = push({9, 9});
  release_all();
  for (int run = 0; run < 3; ++run) {
    while (backend_->held() == 0) std::this_thread::yield();
    backend_->release(1);
  }
  EXPECT_EQ(bad.get().error().id(), "backend.run");
  EXPECT_EQ(values_of(good.get()), (std::vector<float>{9, 9}));
  EXPECT_EQ(runs_, (std::vector<std::size_t>{1, 2, 2, 1}));  // the third piece is run for nobody no more
}

TEST_F(SchedulerTest, RunsAreFilledUpToAnAllowedSize) {
  start({}, {.queue = {.max_batch_rows = 8, .split = true, .batch_sizes = {4, 8}}});
  const auto response = push({1, 2, 3, 4}).get();
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(values_of(response), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(response->timings.batch_rows, 4U);
  EXPECT_EQ(runs_, std::vector<std::size_t>{4});
}

TEST_F(SchedulerTest, AFullBatchDoesNotWaitOutADelay) {
  start({}, {.queue = {.max_batch_rows = 2, .batch_delay = std::chrono::hours(1)}});
  auto first = push({1, 1});
  auto second = push({2, 2});
  EXPECT_EQ(first.get()->timings.batch_rows, 2U);
  EXPECT_TRUE(second.get().ok());
  auto third = push({3, 3});
  scheduler_.reset();  // what waits is run, without its company
  EXPECT_TRUE(third.get().ok());
}

TEST_F(SchedulerTest, ManyThreadsGetExactlyTheirOwnAnswers) {
  start({}, {.instances = 3, .queue = {.max_items = 100000, .max_batch_rows = 4, .split = true}});
  std::vector<std::thread> clients;
  std::atomic<int> wrong{0};
  std::mutex push_mutex;
  for (int t = 0; t < 4; ++t) {
    clients.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const std::vector<float> mine(static_cast<std::size_t>(2 * (1 + (i % 11))),
                                      static_cast<float>(t * 1000 + i));
        std::future<Result<infer::Response>> answer;
        {
          const std::lock_guard lock(push_mutex);
          answer = push(mine);
        }
        if (values_of(answer.get()) != mine) wrong.fetch_add(1);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace slipway::serving
