// Twice as many requests as a model can answer, on a simulated clock: what is done within its deadline must
// stay near what the model can do at most, and what was accepted must be in time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <queue>

#include "base/random.h"
#include "serving/queue/request_queue.h"

namespace slipway::serving {
namespace {

using namespace std::chrono_literals;

Duration seconds(double value) { return Duration(static_cast<std::int64_t>(value * 1e9)); }

class Arrival final : public Pending {
 public:
  explicit Arrival(const float& value) {
    binding.inputs = {{DType::kFp32, {1, 1}, std::as_bytes(std::span(&value, 1))}};
    binding.input_bytes = sizeof(float);
  }
  void answer(Result<infer::Response>) override {}
};

struct Load {
  std::size_t instances = 1;
  std::size_t max_batch_rows = 1;
  Duration run{};      ///< of one row
  Duration per_row{};  ///< of each further row
  double spread = 0;   ///< runs take up to this share more or less
  Duration deadline = 50ms;
  bool has_deadline = true;  ///< else the queue's own limit holds
  double times_capacity = 2;
  double slows_down = 1;  ///< from the middle on, runs take so many times as long
};

struct Report {
  std::size_t arrived = 0, refused = 0, in_time = 0, late = 0, expired = 0;
  double in_time_per_second = 0;
  double capacity = 0;  ///< requests per second, with full runs
};

/// One model, its queue and its clients.
class Simulation {
 public:
  explicit Simulation(const Load& load) : load_(load), pace_(load.instances), queue_(options(load), pace_) {
    pace_.learn(1, load.run);
  }

  Report run() {
    constexpr Duration kFor = 20s;
    const double full = static_cast<double>(run_time(load_.max_batch_rows).count()) * 1e-9;
    report_.capacity = static_cast<double>(load_.instances * load_.max_batch_rows) / full;
    const MonoTime begin = now_;
    const double rate = report_.capacity * load_.times_capacity;
    const auto gap = [&] { return seconds(-std::log(1 - random_.uniform()) / rate); };
    MonoTime next = now_ + gap();
    while (next < begin + kFor || !flying_.empty()) {
      if (!flying_.empty() && (flying_.top().end <= next || next >= begin + kFor)) {
        land();
      } else {
        now_ = next;
        next = now_ + gap();
        arrive();
      }
      slow_ = now_ - begin > kFor / 2 ? load_.slows_down : 1;
      start_runs();
    }
    report_.in_time_per_second = static_cast<double>(report_.in_time) / 20;
    return report_;
  }

 private:
  struct Flight {
    MonoTime end{}, start{};
    Pace::RunId id = 0;
    std::shared_ptr<Batch> batch;
    bool operator<(const Flight& other) const { return end > other.end; }
  };

  static QueueOptions options(const Load& load) {
    QueueOptions options;
    options.max_batch_rows = load.max_batch_rows;
    if (!load.has_deadline) options.max_wait = load.deadline;
    return options;
  }
  [[nodiscard]] Duration run_time(std::size_t rows) const {
    return load_.run + load_.per_row * static_cast<std::int64_t>(rows - 1);
  }

  void arrive() {
    ++report_.arrived;
    auto request = std::make_shared<Arrival>(value_);
    request->created = now_;
    if (load_.has_deadline) request->deadline = now_ + load_.deadline;
    queue_.push(std::move(request), now_, refused_);
    report_.refused += refused_.size();
    refused_.clear();
  }

  void start_runs() {
    while (!queue_.empty() && flying_.size() < load_.instances) {
      auto batch = std::make_shared<Batch>(queue_.take(now_, refused_));
      report_.expired += refused_.size();
      refused_.clear();
      if (batch->slices.empty()) continue;
      const double factor = slow_ * (1 + load_.spread * (2 * random_.uniform() - 1));
      const auto took = seconds(static_cast<double>(run_time(batch->rows).count()) * 1e-9 * factor);
      flying_.push({now_ + took, now_, pace_.begin(batch->rows, now_), batch});
    }
  }

  void land() {
    const Flight flight = flying_.top();
    flying_.pop();
    now_ = flight.end;
    pace_.end(flight.id);
    pace_.learn(flight.batch->rows, flight.end - flight.start);
    for (const Slice& slice : flight.batch->slices) {
      const bool in_time = now_ <= slice.request->created + load_.deadline;
      ++(in_time ? report_.in_time : report_.late);
    }
  }

  const Load load_;
  Random random_{5};
  float value_ = 0;
  MonoTime now_{1s};
  double slow_ = 1;
  Pace pace_;
  RequestQueue queue_;
  RequestQueue::RefusedList refused_;
  std::priority_queue<Flight> flying_;
  Report report_;
};

struct Case {
  const char* name;
  Load load;
  double goodput_at_least;  ///< of what the model can do
  double late_at_most;      ///< of what was accepted
};

class Overload : public ::testing::TestWithParam<Case> {};

TEST_P(Overload, AtTwiceTheCapacityWorkStaysInTime) {
  const Report report = Simulation(GetParam().load).run();
  const double accepted = static_cast<double>(report.in_time + report.late + report.expired);
  const double late = static_cast<double>(report.late + report.expired) / accepted;
  RecordProperty("goodput_of_capacity", std::to_string(report.in_time_per_second / report.capacity));
  RecordProperty("late_of_accepted", std::to_string(late));
  EXPECT_GE(report.in_time_per_second / report.capacity, GetParam().goodput_at_least);
  EXPECT_LE(late, GetParam().late_at_most);
  EXPECT_EQ(report.arrived, report.refused + report.in_time + report.late + report.expired);
}

INSTANTIATE_TEST_SUITE_P(
    Loads, Overload,
    ::testing::Values(Case{"every request alone", {.run = 10ms}, 0.95, 0},
                      Case{"four instances", {.instances = 4, .run = 10ms}, 0.95, 0.001},
                      Case{"in batches", {.max_batch_rows = 16, .run = 1ms, .per_row = 200us}, 0.9, 0},
                      Case{"two instances in batches",
                           {.instances = 2, .max_batch_rows = 32, .run = 2ms, .per_row = 100us},
                           0.9,
                           0.001},
                      Case{"runs that vary", {.run = 10ms, .spread = 0.5}, 0.9, 0.02},
                      Case{"batches that vary",
                           {.max_batch_rows = 16, .run = 1ms, .per_row = 200us, .spread = 0.3},
                           0.9,
                           0.02},
                      Case{"a limit of the queue's in place of deadlines",
                           {.max_batch_rows = 16, .run = 1ms, .per_row = 200us, .has_deadline = false},
                           0.9,
                           0},
                      Case{"a model that slows down", {.run = 5ms, .slows_down = 2}, 0.7, 0.02},
                      Case{"ten times the capacity",
                           {.max_batch_rows = 16, .run = 1ms, .per_row = 200us, .times_capacity = 10},
                           0.9,
                           0}),
    [](const auto& info) {
      std::string name = info.param.name;
      std::replace_if(
          name.begin(), name.end(), [](char c) { return std::isalpha(c) == 0; }, '_');
      return name;
    });

TEST(BelowCapacity, NothingIsRefused) {
  const Report report =
      Simulation({.max_batch_rows = 16, .run = 1ms, .per_row = 200us, .times_capacity = 0.8}).run();
  EXPECT_EQ(report.refused + report.late + report.expired, 0U);
  EXPECT_GT(report.arrived, 10000U);
}

}  // namespace
}  // namespace slipway::serving
