#include "packing/probe.h"

#include <gtest/gtest.h>

#include "contracts/backend/testing/fake_backend.h"
#include "contracts/backend/testing/memory_files.h"
#include "packing/golden_replay.h"

namespace slipway::packing {
namespace {

using backend::testing::FakeBackend;
using backend::testing::FakeOptions;
using backend::testing::MemoryModelFiles;
using Tensors = Result<std::vector<Tensor>>;

Result<Probed> probe_fake(FakeOptions fake, const ProbeOptions& options = {}) {
  FakeBackend backend(std::move(fake));
  backend::Backend* const backends[] = {&backend};
  ManualClock clock;
  return probe(MemoryModelFiles("FAKE"), backends, clock, options);
}

Tensors one(Shape shape, const std::vector<float>& values) {
  std::vector<Tensor> out;
  out.push_back(Tensor::of<float>(shape, values));
  return out;
}

// x [-1,2] -> y [-1,2], in the way that `each` makes a row from its row and the whole batch.
FakeOptions rowwise(std::function<float(float value, std::span<const float> all)> each) {
  FakeOptions fake;
  fake.run = [each](std::span<const TensorView> inputs) {
    const auto all = inputs[0].values<float>();
    std::vector<float> values;
    for (const float value : all) values.push_back(each(value, all));
    return one(inputs[0].shape, values);
  };
  return fake;
}

TEST(Probe, An_honest_model_is_batchable_and_repeatable) {
  ManualClock clock;
  FakeOptions fake;
  fake.clock = &clock;
  fake.run_time = std::chrono::microseconds(7);
  FakeBackend backend(fake);
  backend::Backend* const backends[] = {&backend};
  const auto probed = probe(MemoryModelFiles("FAKE"), backends, clock, {});
  ASSERT_TRUE(probed.ok()) << probed.status().to_string();
  EXPECT_EQ(probed->backend, "fake");
  EXPECT_TRUE(probed->batchable) << probed->batchable_why;
  EXPECT_TRUE(probed->deterministic) << probed->deterministic_why;
  EXPECT_EQ(probed->time_per_call, std::chrono::microseconds(7));
  EXPECT_TRUE(probed->synthetic);
  EXPECT_FALSE(probed->spec.has_value());
  ASSERT_FALSE(probed->golden.empty());
  EXPECT_FALSE(probed->golden[0].has_record());
  EXPECT_EQ(backend.loads(), 2U);
  EXPECT_EQ(backend.unloads(), 2U);
}

TEST(Probe, The_same_model_gives_the_same_golden_answers) {
  const auto first = probe_fake({});
  const auto second = probe_fake({});
  ASSERT_EQ(first->golden.size(), second->golden.size());
  for (std::size_t i = 0; i < first->golden.size(); ++i) {
    EXPECT_EQ(package::encode_golden_case(first->golden[i]).value(),
              package::encode_golden_case(second->golden[i]).value());
  }
}

TEST(Probe, Rows_that_look_at_each_other_are_not_batched) {
  const auto probed = probe_fake(rowwise([](float value, std::span<const float> all) {
    float sum = 0;
    for (const float other : all) sum += other;
    return value - sum / static_cast<float>(all.size());
  }));
  ASSERT_TRUE(probed.ok()) << probed.status().to_string();
  EXPECT_FALSE(probed->batchable);
  EXPECT_NE(probed->batchable_why.find("differs in a batch"), std::string::npos) << probed->batchable_why;
  EXPECT_TRUE(probed->deterministic);
}

// What a runtime does that adds up a batch in another order: the last digits differ, the answer does not.
TEST(Probe, A_batch_that_differs_by_rounding_is_a_batch) {
  const auto probed = probe_fake(rowwise([](float value, std::span<const float> all) {
    return all.size() > 2 ? (value + 1.0F) * (1.0F + 4e-5F) : value + 1.0F;
  }));
  ASSERT_TRUE(probed.ok()) << probed.status().to_string();
  EXPECT_TRUE(probed->batchable) << probed->batchable_why;
  EXPECT_NE(probed->batchable_why.find("up to rounding"), std::string::npos) << probed->batchable_why;
}

TEST(Probe, A_model_that_fails_on_batches_says_so) {
  FakeOptions fake;
  fake.run = [](std::span<const TensorView> inputs) -> Tensors {
    if (inputs[0].shape[0] > 1) return internal_error("backend.run", "only one");
    return one(inputs[0].shape, {1, 2});
  };
  const auto probed = probe_fake(fake);
  ASSERT_TRUE(probed.ok());
  EXPECT_FALSE(probed->batchable);
  EXPECT_NE(probed->batchable_why.find("fails on a batch"), std::string::npos);
}

TEST(Probe, A_pooled_output_is_not_batched) {
  FakeOptions fake;
  fake.run = [](std::span<const TensorView>) { return one({1, 2}, {1, 2}); };
  const auto probed = probe_fake(fake);
  ASSERT_TRUE(probed.ok());
  EXPECT_FALSE(probed->batchable);
  EXPECT_NE(probed->batchable_why.find("has shape [1,2]"), std::string::npos) << probed->batchable_why;
}

TEST(Probe, A_fixed_first_dimension_is_not_batched) {
  FakeOptions fake;
  fake.signature = {{{"x", DType::kFp32, {1, 2}}}, {{"y", DType::kFp32, {1, 2}}}};
  const auto probed = probe_fake(fake);
  ASSERT_TRUE(probed.ok()) << probed.status().to_string();
  EXPECT_FALSE(probed->batchable);
}

TEST(Probe, A_model_that_answers_anew_each_time_is_refused) {
  auto count = std::make_shared<float>(0.F);
  const auto probed =
      probe_fake(rowwise([count](float value, std::span<const float>) { return value + ++*count; }));
  ASSERT_FALSE(probed.ok());
  EXPECT_EQ(probed.error().id(), "packing.not_repeatable");
}

TEST(Probe, Noise_within_the_tolerance_is_told) {
  auto count = std::make_shared<int>(0);
  const auto probed = probe_fake(rowwise([count](float value, std::span<const float>) {
    return value + 1.F + static_cast<float>(++*count % 7) * 2e-7F;
  }));
  ASSERT_TRUE(probed.ok()) << probed.status().to_string();
  EXPECT_FALSE(probed->deterministic);
  EXPECT_NE(probed->deterministic_why.find("other bytes"), std::string::npos);
}

TEST(Probe, Open_sizes_are_asked_for_unless_a_sample_tells_them) {
  FakeOptions fake;
  fake.signature = {{{"x", DType::kFp32, {-1, -1}}}, {{"y", DType::kFp32, {-1, -1}}}};
  EXPECT_EQ(probe_fake(fake).status().error().id(), "packing.shape_ambiguous");
  ProbeOptions declared;
  declared.shapes = {{"x", {1, 5}}};
  const auto fixed = probe_fake(fake, declared);
  ASSERT_TRUE(fixed.ok()) << fixed.status().to_string();
  EXPECT_EQ(fixed->signature.inputs[0].shape, (Shape{-1, 5}));
  ProbeOptions sampled;
  sampled.sample = R"([{"x":[1,2,3]},{"x":[4,5,6]}])";
  sampled.sample_name = "s.json";
  const auto open = probe_fake(fake, sampled);
  ASSERT_TRUE(open.ok()) << open.status().to_string();
  EXPECT_EQ(open->signature.inputs[0].shape, (Shape{-1, -1}));
  EXPECT_FALSE(open->synthetic);
}

TEST(Probe, The_columns_of_a_sample_become_fields) {
  ProbeOptions options;
  options.sample = "height,width\n1,2\n3,4\n";
  options.sample_name = "s.csv";
  const auto probed = probe_fake({}, options);
  ASSERT_TRUE(probed.ok()) << probed.status().to_string();
  ASSERT_TRUE(probed->spec.has_value());
  ASSERT_EQ(probed->spec->inputs.size(), 2U);
  EXPECT_EQ(probed->spec->inputs[1].name, "width");
  EXPECT_TRUE(probed->golden[0].has_record());
  EXPECT_EQ(probed->golden[0].record, R"({"height":1,"width":2})");
  EXPECT_EQ(probed->golden[0].answer, R"({"y":[1.0,2.0]})");
}

TEST(Probe, A_sample_that_does_not_fit_is_told_with_all_its_faults) {
  function::Spec spec;
  for (const char* name : {"alcohol", "ash"}) {
    function::InputField field;
    field.name = name;
    spec.inputs.push_back(field);
  }
  ProbeOptions options;
  options.function = spec;
  options.sample = "alcohl,ash\n1,2\n3,x\n";
  options.sample_name = "s.csv";
  const auto probed = probe_fake({}, options);
  ASSERT_FALSE(probed.ok());
  EXPECT_EQ(probed.error().id(), "record.invalid");
  const std::string text = probed.error().to_string();
  EXPECT_NE(text.find("s.csv, line 2"), std::string::npos) << text;
  EXPECT_NE(text.find("s.csv, line 3, ash"), std::string::npos) << text;
  EXPECT_NE(text.find("alcohol"), std::string::npos) << text;
}

TEST(Probe, A_failing_model_names_the_record) {
  FakeOptions fake;
  fake.run_failure = internal_error("backend.run", "division by zero");
  const auto probed = probe_fake(fake);
  ASSERT_FALSE(probed.ok());
  EXPECT_EQ(probed.error().id(), "packing.run_failed");
  EXPECT_NE(probed.error().message().find("division by zero"), std::string::npos);
}

TEST(Probe, Every_label_seen_has_a_golden_answer) {
  FakeOptions fake;
  fake.signature = {{{"x", DType::kFp32, {-1, 1}}}, {{"label", DType::kInt64, {-1}}}};
  fake.run = [](std::span<const TensorView> inputs) -> Tensors {
    std::vector<std::int64_t> labels;
    for (const float value : inputs[0].values<float>())
      labels.push_back(static_cast<std::int64_t>(value) / 10);
    std::vector<Tensor> out;
    out.push_back(Tensor::of<std::int64_t>({inputs[0].shape[0]}, labels));
    return out;
  };
  ProbeOptions options;
  options.sample_name = "s.csv";
  options.sample = "x\n";
  for (int i = 0; i < 200; ++i) *options.sample += std::to_string(i) + "\n";
  const auto probed = probe_fake(fake, options);
  ASSERT_TRUE(probed.ok()) << probed.status().to_string();
  EXPECT_GE(probed->golden.size(), 20U);
  EXPECT_LE(probed->golden.size(), 64U);
  EXPECT_EQ(probed->records, 200U);
}

TEST(Replay, A_changed_answer_is_found_and_told) {
  auto probed = probe_fake({});
  ASSERT_TRUE(probed.ok());
  const auto wrong = [&](const package::GoldenCase& golden) -> Result<GoldenAnswer> {
    GoldenAnswer answer;
    answer.outputs.push_back({"y", Tensor::copy_of(golden.outputs[0].tensor.view())});
    answer.outputs[0].tensor.values<float>()[0] += 1;
    return answer;
  };
  const EqualityReport report = replay(probed->golden, {}, wrong);
  EXPECT_FALSE(report.equal());
  EXPECT_EQ(report.different, report.cases);
  EXPECT_NEAR(report.largest_difference, 1, 1e-6);
  EXPECT_NE(to_text(report).find("0 of "), std::string::npos);
  const auto silent = [](const package::GoldenCase&) -> Result<GoldenAnswer> {
    return unavailable("net.refused", "nobody listens");
  };
  const EqualityReport failed = replay(probed->golden, {}, silent);
  EXPECT_EQ(failed.failed, failed.cases);
  EXPECT_NE(to_text(failed).find("nobody listens"), std::string::npos);
  std::string text;
  json::Writer out(text);
  write_json(failed, out);
  json::Parser parser;
  EXPECT_EQ(parser.parse(text)->find("failed")->as_uint64(), failed.failed);
  EXPECT_FALSE(replay({}, {}, silent).equal());
}

}  // namespace
}  // namespace slipway::packing
