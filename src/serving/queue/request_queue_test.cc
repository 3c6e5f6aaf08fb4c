#include "serving/queue/request_queue.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace slipway::serving {
namespace {

using namespace std::chrono_literals;

/// Rows of `width` floats each; what comes of it is noted.
class Waiting final : public Pending {
 public:
  Waiting(std::size_t rows, std::size_t width = 1) : values_(rows * width) {
    binding.inputs = {{DType::kFp32,
                       {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)},
                       std::as_bytes(std::span(values_))}};
    binding.rows = rows;
    binding.input_bytes = values_.size() * sizeof(float);
  }
  void answer(Result<infer::Response>) override {}
  [[nodiscard]] bool gone() const override { return left; }

  bool left = false;

 private:
  std::vector<float> values_;
};

class RequestQueueTest : public ::testing::Test {
 protected:
  std::shared_ptr<Waiting> push(std::shared_ptr<Waiting> request) {
    request->created = now_;
    queue_->push(request, now_, refused_);
    return request;
  }
  std::shared_ptr<Waiting> push(std::size_t rows, std::uint64_t priority = 0) {
    auto request = std::make_shared<Waiting>(rows);
    request->priority = priority;
    return push(std::move(request));
  }
  Batch take() { return queue_->take(now_, refused_); }
  void make(QueueOptions options) { queue_ = std::make_unique<RequestQueue>(std::move(options), pace_); }
  /// Ids of the errors so far, and forgets them.
  std::vector<std::string> errors() {
    std::vector<std::string> ids;
    for (const auto& one : refused_) ids.push_back(one.error.id());
    refused_.clear();
    return ids;
  }
  static std::vector<const Pending*> requests(const Batch& batch) {
    std::vector<const Pending*> all;
    for (const Slice& slice : batch.slices) all.push_back(slice.request.get());
    return all;
  }

  MonoTime now_{1s};
  Pace pace_{1};
  std::unique_ptr<RequestQueue> queue_;
  RequestQueue::RefusedList refused_;
};

using Ids = std::vector<std::string>;
using Requests = std::vector<const Pending*>;

TEST_F(RequestQueueTest, WhatIsMoreUrgentGoesFirstAndWithinAPriorityWhatCameFirst) {
  make({.priority_levels = 3, .default_priority = 2});
  const auto usual = push(1);
  const auto late = push(1, 3);
  const auto urgent = push(1, 1);
  const auto unknown = push(1, 9);  // there is no such level: the usual one
  const auto urgent_too = push(1, 1);
  Requests order;
  while (!queue_->empty()) order.push_back(take().slices.front().request.get());
  EXPECT_EQ(order, (Requests{urgent.get(), urgent_too.get(), usual.get(), unknown.get(), late.get()}));
}

TEST_F(RequestQueueTest, ABatchIsFilledFromLowerPrioritiesToo) {
  make({.max_batch_rows = 4, .priority_levels = 2, .default_priority = 2});
  const auto low = push(2);
  const auto high = push(1, 1);
  EXPECT_EQ(requests(take()), (Requests{high.get(), low.get()}));
}

TEST_F(RequestQueueTest, DeadlinesAreLookedAtBeforeTheQueueAndAfterIt) {
  make({.max_batch_rows = 8});
  auto late = std::make_shared<Waiting>(1);
  late->deadline = now_;
  push(late);
  EXPECT_EQ(errors(), Ids{"infer.deadline"});
  EXPECT_TRUE(queue_->empty());
  auto soon = std::make_shared<Waiting>(1);
  soon->deadline = now_ + 5ms;
  push(soon);
  const auto fine = push(1);
  now_ += 5ms;
  EXPECT_EQ(requests(take()), Requests{fine.get()});
  EXPECT_EQ(errors(), Ids{"infer.deadline"});
}

TEST_F(RequestQueueTest, WhatNobodyWaitsForIsDropped) {
  make({.max_items = 2, .max_batch_rows = 8});
  const auto first = push(1);
  const auto second = push(1);
  first->left = true;
  const auto third = push(1);  // finds room because the first is gone
  EXPECT_EQ(errors(), Ids{"infer.cancelled"});
  second->left = true;
  EXPECT_EQ(requests(take()), Requests{third.get()});
  EXPECT_EQ(errors(), Ids{"infer.cancelled"});
}

TEST_F(RequestQueueTest, AFullQueueRefusesAndSaysWhenToComeBack) {
  pace_.learn(1, 1500ms);
  make({.max_items = 2, .name = "wine"});
  push(1);
  push(1);
  push(1);
  ASSERT_EQ(refused_.size(), 1U);
  EXPECT_EQ(refused_[0].error.code(), Code::kResourceExhausted);
  EXPECT_EQ(refused_[0].error.message(), "model \"wine\" has 2 requests waiting; try again later");
  EXPECT_EQ(refused_[0].error.retry_after(), 3s);
}

TEST_F(RequestQueueTest, AFullQueueGivesTheYoungestOfALowerPriorityUp) {
  make({.max_items = 2, .priority_levels = 2, .default_priority = 2});
  const auto old = push(1);
  const auto young = push(1);
  const auto urgent = push(1, 1);
  ASSERT_EQ(refused_.size(), 1U);
  EXPECT_EQ(refused_[0].request, young);
  EXPECT_EQ(errors(), Ids{"infer.overloaded"});
  EXPECT_EQ(requests(take()), Requests{urgent.get()});
  EXPECT_EQ(requests(take()), Requests{old.get()});
}

TEST_F(RequestQueueTest, RoomIsCountedInBytesToo) {
  make({.max_bytes = 32});
  push(100);  // more than all the room, but nothing else waits
  push(1);
  EXPECT_EQ(errors(), Ids{"infer.overloaded"});
  take();
  push(4);
  push(4);
  EXPECT_EQ(errors(), Ids{});
  push(1);
  EXPECT_EQ(errors(), Ids{"infer.overloaded"});
  EXPECT_EQ(queue_->bytes(), 32U);
}

TEST_F(RequestQueueTest, WhatWouldBeAnsweredTooLateIsRefusedAtOnce) {
  pace_.learn(1, 10ms);
  make({});
  pace_.begin(1, now_);
  push(1);
  auto hurried = std::make_shared<Waiting>(1);
  hurried->deadline = now_ + 29ms;  // the one that runs, the one that waits, itself: 30 ms
  push(hurried);
  ASSERT_EQ(refused_.size(), 1U);
  EXPECT_EQ(refused_[0].error.id(), "infer.overloaded");
  EXPECT_EQ(refused_[0].error.retry_after(), 20ms);
  refused_.clear();
  auto patient = std::make_shared<Waiting>(1);
  patient->deadline = now_ + 30ms;
  push(patient);
  EXPECT_EQ(errors(), Ids{});
}

TEST_F(RequestQueueTest, ALimitOfWaitingHoldsForRequestsWithoutADeadline) {
  pace_.learn(1, 10ms);
  make({.max_wait = 25ms});
  pace_.begin(1, now_);
  push(1);
  EXPECT_EQ(errors(), Ids{});
  push(1);
  EXPECT_EQ(errors(), Ids{"infer.overloaded"});
}

TEST_F(RequestQueueTest, AnIdleModelTakesEveryRequestHoweverSlowItIsThought) {
  pace_.learn(1, 1h);
  make({});
  auto hurried = std::make_shared<Waiting>(1);
  hurried->deadline = now_ + 1ms;
  push(hurried);
  EXPECT_EQ(errors(), Ids{});
}

TEST_F(RequestQueueTest, ARequestLargerThanARunIsTakenInPiecesWhereItMayBe) {
  make({.max_batch_rows = 4, .split = true});
  const auto large = push(10);
  const auto small = push(1);
  Batch batch = take();
  EXPECT_EQ(batch.slices.size(), 1U);
  EXPECT_EQ(batch.rows, 4U);
  batch = take();
  EXPECT_EQ(batch.slices.front().first, 4U);
  EXPECT_FALSE(batch.slices.front().whole());
  batch = take();  // the rest has room for others
  EXPECT_EQ(requests(batch), (Requests{large.get(), small.get()}));
  EXPECT_EQ(batch.slices.front().first, 8U);
  EXPECT_EQ(batch.slices.front().rows, 2U);
  EXPECT_TRUE(queue_->empty());
  EXPECT_EQ(queue_->bytes(), 0U);

  make({.max_batch_rows = 4});
  push(10);
  EXPECT_EQ(take().rows, 10U);
}

TEST_F(RequestQueueTest, RunsHaveAllowedSizesOnly) {
  make({.max_batch_rows = 8, .split = true, .batch_sizes = {2, 8}});
  push(1);
  Batch batch = take();
  EXPECT_EQ(batch.rows, 1U);
  EXPECT_EQ(batch.run_rows, 2U);
  push(2);
  push(1);
  batch = take();
  EXPECT_EQ(batch.rows, 3U);
  EXPECT_EQ(batch.run_rows, 8U);
}

TEST_F(RequestQueueTest, WaitsForCompanyOnlyAsLongAsItIsTold) {
  make({.max_batch_rows = 4, .batch_delay = 2ms});
  push(1);
  EXPECT_EQ(queue_->ready_at(), now_ + 2ms);
  now_ += 1ms;
  push(2);
  EXPECT_EQ(queue_->ready_at(), now_ + 1ms);
  push(1);
  EXPECT_LE(queue_->ready_at(), now_);  // as much as one run takes
}

// What must hold whatever comes in which order.
class RandomQueue : public RequestQueueTest {
 protected:
  struct Fate {
    std::size_t taken = 0;
    std::size_t refusals = 0;
  };

  void note_refused() {
    for (const auto& one : refused_) {
      Fate& fate = fates_[one.request.get()];
      EXPECT_EQ(++fate.refusals, 1U);
      EXPECT_TRUE(one.error.id() != "infer.deadline" || one.request->deadline <= now_);
      EXPECT_TRUE(one.error.id() != "infer.cancelled" || one.request->gone());
    }
    refused_.clear();
  }

  void check(const Batch& batch, const QueueOptions& options) {
    if (batch.slices.empty()) return;
    std::size_t rows = 0;
    const Slice& first = batch.slices.front();
    for (const Slice& slice : batch.slices) {
      const Pending& request = *slice.request;
      Fate& fate = fates_[&request];
      EXPECT_EQ(fate.taken, slice.first);  // in order, each row once
      EXPECT_EQ(fate.refusals, 0U);
      fate.taken += slice.rows;
      EXPECT_LE(fate.taken, request.binding.rows);
      EXPECT_GT(request.deadline, now_);
      EXPECT_FALSE(request.gone());
      EXPECT_EQ(request.binding.inputs[0].shape[1], first.request->binding.inputs[0].shape[1]);
      rows += slice.rows;
    }
    EXPECT_EQ(rows, batch.rows);
    EXPECT_TRUE(rows <= options.max_batch_rows || (!options.split && batch.slices.size() == 1));
    EXPECT_GE(batch.run_rows, rows);
    if (!options.batch_sizes.empty() && rows <= options.batch_sizes.back()) {
      EXPECT_NE(std::find(options.batch_sizes.begin(), options.batch_sizes.end(), batch.run_rows),
                options.batch_sizes.end());
    }
  }

  std::map<const Pending*, Fate> fates_;
};

TEST_F(RandomQueue, EveryRowIsRunOnceOrItsRequestRefusedOnce) {
  Random random(11);
  for (int round = 0; round < 100; ++round) {
    QueueOptions options;
    options.max_items = 1 + random.below(20);
    options.max_batch_rows = 1 + random.below(8);
    options.split = random.below(2) == 0 && options.max_batch_rows > 1;
    options.priority_levels = 1 + random.below(3);
    if (random.below(3) == 0) options.batch_sizes = {options.max_batch_rows};
    pace_ = Pace(1 + random.below(3));
    pace_.learn(1, 1ms);
    make(options);
    fates_.clear();
    std::vector<std::shared_ptr<Waiting>> all;
    for (int step = 0; step < 300; ++step) {
      if (random.below(3) > 0) {
        auto request = std::make_shared<Waiting>(1 + random.below(12), 1 + random.below(2));
        request->priority = random.below(5);
        if (random.below(2) == 0) request->deadline = now_ + Duration(random.below(30'000'000));
        all.push_back(request);
        push(request);
        EXPECT_LE(queue_->size(), options.max_items);
      } else {
        check(take(), options);
      }
      note_refused();
      if (random.below(10) == 0 && !all.empty()) all[random.below(all.size())]->left = true;
      now_ += Duration(random.below(2'000'000));
    }
    while (!queue_->empty()) check(take(), options);
    note_refused();
    EXPECT_EQ(queue_->bytes(), 0U);
    EXPECT_EQ(queue_->drain_time(now_), 0ns);
    for (const auto& request : all) {
      const Fate fate = fates_[request.get()];
      EXPECT_TRUE(fate.refusals == 1 || fate.taken == request->binding.rows);
    }
  }
}

}  // namespace
}  // namespace slipway::serving
