#include "contracts/backend/testing/fake_backend.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "contracts/backend/testing/conformance.h"
#include "contracts/backend/testing/memory_files.h"

namespace slipway::backend::testing {
namespace {

// The fake meets the contract too, so that tests which use it see what a real backend would do.
Result<std::vector<Tensor>> add_and_subtract(std::span<const TensorView> inputs) {
  std::vector<Tensor> out;
  for (const float sign : {1.F, -1.F}) {
    out.push_back(Tensor::copy_of(inputs[0]));
    const std::span<const float> b = inputs[1].values<float>();
    std::span<float> values = out.back().values<float>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += sign * b[i];
  }
  return out;
}

Result<std::vector<Tensor>> look_up(std::span<const TensorView> inputs) {
  std::vector<float> values;
  for (const std::int64_t index : inputs[0].values<std::int64_t>()) {
    if (index < 0 || index > 2) return internal_error("backend.run", "no such index");
    values.push_back(static_cast<float>(10 * (index + 1)));
  }
  std::vector<Tensor> out;
  out.push_back(Tensor::of<float>(inputs[0].shape, values));
  return out;
}

FakeOptions options_for(std::string_view model) {
  FakeOptions options;
  if (model == "FAKE sum") {
    const TensorSpec spec{"a", DType::kFp32, {-1, 2}};
    options.signature = {{spec, {"b", DType::kFp32, {-1, 2}}},
                         {{"sum", DType::kFp32, {-1, 2}}, {"difference", DType::kFp32, {-1, 2}}}};
    options.run = &add_and_subtract;
  } else if (model == "FAKE lookup") {
    options.signature = {{{"index", DType::kInt64, {-1}}}, {{"value", DType::kFp32, {-1}}}};
    options.run = &look_up;
  } else if (const auto dtype = dtype_from_name(model.substr(std::min(model.size(), std::size_t{5})))) {
    options.signature = {{{"x", *dtype, {-1, 3}}}, {{"y", *dtype, {-1, 3}}}};
  }
  return options;
}

// One fake per model, behind one backend.
class FakeFamily final : public Backend {
 public:
  std::string_view name() const override { return "fake"; }
  bool probe(ByteView model) const override { return FakeBackend().probe(model); }
  BackendInfo info() override { return FakeBackend().info(); }
  Result<std::unique_ptr<Instance>> load(const ModelFiles& files, const LoadOptions& options) override {
    SLIPWAY_ASSIGN_OR_RETURN(const ByteView content, files.read(files.main()));
    return FakeBackend(options_for(as_text(content))).load(files, options);
  }
};

class FakeSubject final : public ConformanceSubject {
 public:
  std::unique_ptr<Backend> make(const Host&) override { return std::make_unique<FakeFamily>(); }
  std::unique_ptr<ModelFiles> identity(DType dtype) override {
    return model("FAKE " + std::string(dtype_name(dtype)));
  }
  std::unique_ptr<ModelFiles> two_in_two_out() override { return model("FAKE sum"); }
  std::unique_ptr<ModelFiles> lookup() override { return model("FAKE lookup"); }
  std::vector<Damaged> damaged() override { return {}; }

 private:
  static std::unique_ptr<ModelFiles> model(std::string content) {
    return std::make_unique<MemoryModelFiles>(std::move(content));
  }
};

std::unique_ptr<ConformanceSubject> make_subject() { return std::make_unique<FakeSubject>(); }
INSTANTIATE_TEST_SUITE_P(Fake, BackendConformance, ::testing::Values(BackendSubject{"fake", &make_subject}));

TEST(FakeBackend, Holds_runs_until_released_and_counts_them) {
  ManualClock clock;
  FakeOptions options;
  options.hold = true;
  options.clock = &clock;
  options.run_time = std::chrono::milliseconds(5);
  FakeBackend backend(options);
  auto instance = backend.load(MemoryModelFiles("FAKE"), {}).value();
  const float values[] = {1, 2};
  const Tensor x = Tensor::of<float>({1, 2}, values);
  const TensorView inputs[] = {x.view()};
  int completed = 0;
  for (int i = 0; i < 3; ++i) instance->submit(inputs, {}, [&](Result<infer::Response>) { ++completed; });
  EXPECT_EQ(backend.held(), 3U);
  EXPECT_EQ(backend.release(2), 2U);
  EXPECT_EQ(completed, 2);
  EXPECT_EQ(clock.now().time_since_epoch(), std::chrono::milliseconds(10));
  EXPECT_EQ(backend.release(), 1U);
  EXPECT_EQ(backend.runs(), 3U);
  instance.reset();
  EXPECT_EQ(backend.unloads(), backend.loads());
}

TEST(FakeBackend, Fails_as_told) {
  FakeBackend backend;
  auto instance = backend.load(MemoryModelFiles("FAKE"), {}).value();
  backend.set_run_failure(internal_error("backend.run", "told to fail"));
  const float values[] = {1, 2};
  const Tensor x = Tensor::of<float>({1, 2}, values);
  const TensorView inputs[] = {x.view()};
  EXPECT_EQ(run(*instance, inputs).status().error().id(), "backend.run");
  backend.set_run_failure(std::nullopt);
  EXPECT_TRUE(run(*instance, inputs).ok());
  backend.set_load_failure(invalid_argument("backend.load", "told to fail"));
  EXPECT_EQ(backend.load(MemoryModelFiles("FAKE"), {}).status().error().id(), "backend.load");
}

}  // namespace
}  // namespace slipway::backend::testing
