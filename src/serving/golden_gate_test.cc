#include "serving/golden_gate.h"

#include <gtest/gtest.h>

#include "contracts/backend/testing/fake_backend.h"
#include "contracts/backend/testing/memory_files.h"

namespace slipway::serving {
namespace {

using backend::testing::FakeBackend;
using backend::testing::FakeOptions;

NamedTensor pair(std::string name, float a, float b) {
  return {std::move(name), Tensor::of<float>({1, 2}, std::vector<float>{a, b})};
}

/// The fake gives back its input x as y.
class GoldenGateTest : public ::testing::Test {
 protected:
  void start(FakeOptions options = {}) {
    backend_ = std::make_unique<FakeBackend>(std::move(options));
    instance_ = std::move(backend_->load(backend::testing::MemoryModelFiles("FAKE"), {})).value();
    function_ = std::move(function::Function::identity(instance_->signature())).value();
  }
  void add_record(std::string record, std::string answer) {
    package::GoldenCase golden;
    golden.record = std::move(record);
    golden.answer = std::move(answer);
    golden_.cases.push_back(std::move(golden));
  }
  void add_tensors(NamedTensor input, NamedTensor output) {
    package::GoldenCase golden;
    golden.inputs.push_back(std::move(input));
    golden.outputs.push_back(std::move(output));
    golden_.cases.push_back(std::move(golden));
  }
  Result<std::size_t> check(Duration budget = std::chrono::hours(1)) {
    return check_golden(golden_, *function_, *instance_, budget, clock_);
  }

  ManualClock clock_;
  std::unique_ptr<FakeBackend> backend_;
  std::unique_ptr<backend::Instance> instance_;
  std::optional<function::Function> function_;
  Golden golden_;
};

TEST_F(GoldenGateTest, LetsAModelPassThatAnswersAsRecorded) {
  start();
  EXPECT_EQ(*check(), 0U);  // nothing was recorded
  add_record(R"({"x": [1, 2]})", R"({"y": [1, 2]})");
  add_tensors(pair("x", 3, 4), pair("y", 3, 4));
  EXPECT_EQ(*check(), 2U);
}

TEST_F(GoldenGateTest, NamesTheAnswerThatDiffers) {
  start();
  add_record(R"({"x": [1, 2]})", R"({"y": [1, 2]})");
  add_record(R"({"x": [1, 2]})", R"({"y": [1, 2.5]})");
  const auto records = check();
  ASSERT_FALSE(records.ok());
  EXPECT_EQ(records.error().id(), "model.golden_different");
  EXPECT_NE(records.error().message().find("golden request 1"), std::string::npos);
  golden_ = {};
  add_tensors(pair("x", 3, 4), pair("y", 3, 5));
  EXPECT_EQ(check().error().id(), "model.golden_different");
  golden_ = {};
  add_tensors(pair("x", 3, 4), pair("z", 3, 4));  // an output that is no longer there
  EXPECT_EQ(check().error().id(), "model.golden_different");
}

TEST_F(GoldenGateTest, AModelThatFailsOrWantsOtherInputsDoesNotPass) {
  start();
  add_tensors(pair("w", 3, 4), pair("y", 3, 4));
  EXPECT_EQ(check().error().id(), "model.golden_failed");
  golden_ = {};
  add_record(R"({"alcohol": 1})", R"({"y": [1, 2]})");
  EXPECT_EQ(check().error().id(), "model.golden_failed");
  golden_ = {};
  add_record(R"({"x": [1, 2]})", R"({"y": [1, 2]})");
  backend_->set_run_failure(internal_error("backend.run", "boom"));
  const auto failed = check();
  EXPECT_EQ(failed.error().id(), "model.golden_failed");
  EXPECT_EQ(failed.code(), Code::kInternal);
}

TEST_F(GoldenGateTest, AsksTheFirstAlwaysAndOthersWhileThereIsTime) {
  FakeOptions slow;
  slow.clock = &clock_;
  slow.run_time = std::chrono::seconds(1);
  start(slow);
  for (int i = 0; i < 10; ++i) add_tensors(pair("x", 3, 4), pair("y", 3, 4));
  EXPECT_EQ(*check(Duration{}), 1U);
  EXPECT_EQ(*check(std::chrono::milliseconds(2500)), 3U);
}

}  // namespace
}  // namespace slipway::serving
