// A run that is prepared answers as the first one did, whatever came in between.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "plugins/backends/onnxruntime/onnxruntime.h"
#include "plugins/backends/onnxruntime/testdata_testing.h"

namespace slipway::onnxruntime {
namespace {

// Time that stands still: every run is a short one.
class PreparedTest : public ::testing::Test {
 protected:
  void load(const std::string& file) {
    auto loaded = backend_->load(*test_model(file), {});
    ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
    instance = std::move(*loaded);
  }
  Result<infer::Response> run(const TensorView& input, std::span<const std::size_t> wanted = {}) {
    std::promise<Result<infer::Response>> answer;
    instance->submit({&input, 1}, wanted,
                     [&](Result<infer::Response> response) { answer.set_value(std::move(response)); });
    return answer.get_future().get();
  }
  template <typename T>
  static std::vector<T> values(const Result<infer::Response>& response, std::size_t output = 0) {
    if (!response.ok()) return {};
    const auto values = response->outputs[output].tensor.values<T>();
    return {values.begin(), values.end()};
  }

  ManualClock clock_;
  NullLogger log_;
  std::unique_ptr<backend::Backend> backend_ = make_backend_onnxruntime({&clock_, &log_, {}});
  std::unique_ptr<backend::Instance> instance;
};

using Floats = std::vector<float>;
using Indices = std::vector<std::int64_t>;

Tensor floats(const Floats& values) {
  return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, std::span<const float>(values));
}

TEST_F(PreparedTest, Every_run_has_its_own_answer) {
  load("passthrough.onnx");
  for (int i = 0; i < 20; ++i) {
    for (const std::size_t size : {1, 3, 2}) {
      const Floats x(size, static_cast<float>(i));
      const Tensor input = floats(x);
      const auto both = run(input.view());
      EXPECT_EQ(values<float>(both, 0), x);
      EXPECT_EQ(values<float>(both, 1), Floats(size, static_cast<float>(-i)));
      const std::size_t second[] = {1};
      EXPECT_EQ(values<float>(run(input.view(), second)), Floats(size, static_cast<float>(-i)));
    }
  }
}

TEST_F(PreparedTest, Answers_stay_while_others_are_made_and_outlive_the_model) {
  load("passthrough.onnx");
  std::vector<Result<infer::Response>> kept;
  for (int i = 0; i < 12; ++i) kept.push_back(run(floats({static_cast<float>(i), 1}).view()));
  instance.reset();
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(values<float>(kept[static_cast<std::size_t>(i)], 1), (Floats{static_cast<float>(-i), -1}));
  }
}

TEST_F(PreparedTest, Shapes_may_depend_on_values) {
  load("nonzero.onnx");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(values<std::int64_t>(run(floats({0, 5, 0, 7}).view())), (Indices{1, 3}));
    EXPECT_EQ(values<std::int64_t>(run(floats({4, 0, 0, 0}).view())), (Indices{0}));
    EXPECT_EQ(values<std::int64_t>(run(floats({4, 1, 1, 1}).view())), (Indices{0, 1, 2, 3}));
    EXPECT_EQ(values<std::int64_t>(run(floats({0, 0, 0, 0}).view())), Indices{});
  }
}

TEST_F(PreparedTest, Chance_stays_chance) {
  load("chance.onnx");
  Floats last;
  for (int i = 0; i < 6; ++i) {
    const Floats now = values<float>(run(floats({1, 2, 3, 4}).view()));
    ASSERT_EQ(now.size(), 4U);
    EXPECT_NE(now, last);
    last = now;
  }
}

TEST_F(PreparedTest, A_failing_run_says_why_and_changes_nothing) {
  load("lookup.onnx");
  const auto look_up = [&](std::vector<std::int64_t> index) {
    return run(Tensor::of<std::int64_t>({2}, std::span<const std::int64_t>(index)).view());
  };
  EXPECT_EQ(values<float>(look_up({0, 2})), (Floats{10, 30}));
  for (int i = 0; i < 3; ++i) {
    const auto failed = look_up({0, 99});
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().id(), "backend.run");
    EXPECT_EQ(values<float>(look_up({1, 0})), (Floats{20, 10}));
  }
}

TEST_F(PreparedTest, Runs_at_once_do_not_share_memory) {
  load("passthrough.onnx");
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const auto x = static_cast<float>(t * 1000 + i);
        const Tensor input = floats({x, x});
        if (values<float>(run(input.view()), 1) == Floats{-x, -x}) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 800);
}

}  // namespace
}  // namespace slipway::onnxruntime
