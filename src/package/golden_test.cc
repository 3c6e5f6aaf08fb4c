#include "package/golden.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace slipway::package {
namespace {

const std::vector<OutputTolerance> kNone;

Comparison compared(const std::string& recorded, const std::string& answered,
                    const std::vector<OutputTolerance>& tolerances = kNone) {
  json::Parser left;
  json::Parser right;
  return compare_answers(left.parse(recorded).value(), right.parse(answered).value(), tolerances);
}

TEST(CompareAnswers, TellsIdenticalWithinAndDifferent) {
  struct Row {
    const char* recorded;
    const char* answered;
    Verdict verdict;
    const char* where;
  };
  const Row rows[] = {
      {R"({"label":"a","score":0.5})", R"({"score":0.5,"label":"a"})", Verdict::kIdentical, ""},
      {R"({"score":0.5})", R"({"score":0.500004})", Verdict::kWithinTolerance, "score"},
      {R"({"score":0.5})", R"({"score":0.5001})", Verdict::kDifferent, "score"},
      {R"({"score":0.0})", R"({"score":0.0000009})", Verdict::kWithinTolerance, "score"},
      {R"({"score":1})", R"({"score":0.999999})", Verdict::kWithinTolerance, "score"},
      {R"({"n":1000000})", R"({"n":1000001})", Verdict::kDifferent, "n"},
      {R"({"n":[1,2]})", R"({"n":[1,3]})", Verdict::kDifferent, "n[1]"},
      {R"({"n":[1,2]})", R"({"n":[1]})", Verdict::kDifferent, "n"},
      {R"({"s":{"a":0.1,"b":0.9}})", R"({"s":{"a":0.1,"b":0.8}})", Verdict::kDifferent, "s.b"},
      {R"({"s":{"a":0.1}})", R"({"s":{"b":0.1}})", Verdict::kDifferent, "s.a"},
      {R"({"a":1})", R"({"a":1,"b":2})", Verdict::kDifferent, "b"},
      {R"({"a":1})", R"({})", Verdict::kDifferent, "a"},
      {R"({"a":"1"})", R"({"a":1})", Verdict::kDifferent, "a"},
      {R"({"a":true})", R"({"a":false})", Verdict::kDifferent, "a"},
      {R"({"a":null})", R"({"a":null})", Verdict::kIdentical, ""},
      {R"({"a":null})", R"({"a":0})", Verdict::kDifferent, "a"},
  };
  for (const Row& row : rows) {
    const Comparison result = compared(row.recorded, row.answered);
    EXPECT_EQ(result.verdict, row.verdict) << row.recorded << row.answered;
    EXPECT_EQ(result.where, row.where) << row.recorded << row.answered;
  }
}

TEST(CompareAnswers, KeepsToTheFieldsOwnTolerance) {
  EXPECT_EQ(compared(R"({"x":1.0})", R"({"x":1.05})", {{"x", {0.1, 0}}}).verdict, Verdict::kWithinTolerance);
  EXPECT_EQ(compared(R"({"x":1.0})", R"({"x":1.0000001})", {{"x", {0, 0}}}).verdict, Verdict::kDifferent);
  EXPECT_EQ(compared(R"({"x":100})", R"({"x":101})", {{"x", {0.1, 0}}}).verdict, Verdict::kWithinTolerance);
  const Comparison result = compared(R"({"x":0.98})", R"({"x":0.71})");
  EXPECT_NEAR(result.largest_difference, 0.27, 1e-12);
  EXPECT_EQ(result.what, "0.98 was recorded, 0.71 is answered");
}

TEST(CompareTensors, GoesByElementAndType) {
  const auto fp32 = [](std::vector<float> values) {
    const auto n = static_cast<std::int64_t>(values.size());
    return Tensor::of<float>(Shape({n}), values);
  };
  const Tolerance tolerance = default_tolerance(DType::kFp32);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  struct Row {
    std::vector<float> recorded;
    std::vector<float> answered;
    Verdict verdict;
  };
  const Row rows[] = {
      {{1, 2}, {1, 2}, Verdict::kIdentical},      {{0.0F}, {-0.0F}, Verdict::kIdentical},
      {{1, nan}, {1, -nan}, Verdict::kIdentical}, {{100}, {100.0005F}, Verdict::kWithinTolerance},
      {{100}, {100.01F}, Verdict::kDifferent},    {{nan}, {1}, Verdict::kDifferent},
      {{inf}, {inf}, Verdict::kIdentical},        {{inf}, {-inf}, Verdict::kDifferent},
      {{inf}, {3e38F}, Verdict::kDifferent},      {{1, 2}, {1}, Verdict::kDifferent},
  };
  for (const Row& row : rows) {
    const Tensor recorded = fp32(row.recorded);
    const Tensor answered = fp32(row.answered);
    EXPECT_EQ(compare_tensors("y", recorded.view(), answered.view(), tolerance).verdict, row.verdict)
        << row.recorded[0];
  }
  const std::int64_t big[] = {std::int64_t{1} << 60};
  const std::int64_t near[] = {(std::int64_t{1} << 60) + 1};
  EXPECT_EQ(compare_tensors("n", Tensor::of<std::int64_t>(Shape({1}), big).view(),
                            Tensor::of<std::int64_t>(Shape({1}), near).view(), {})
                .verdict,
            Verdict::kDifferent);
  const std::string a[] = {"barolo", "x"};
  const std::string b[] = {"barolo", "y"};
  const Comparison texts = compare_tensors("t", Tensor::of_strings(Shape({2}), a).view(),
                                           Tensor::of_strings(Shape({2}), b).view(), {});
  EXPECT_EQ(texts.where, "t[1]");
  EXPECT_EQ(texts.what, "'x' was recorded, 'y' is answered");
}

TEST(GoldenFile, EveryTypeReadsBackToTheSameBytes) {
  GoldenCase golden;
  const auto add = [&golden](std::string name, Tensor tensor) {
    golden.inputs.push_back({name, Tensor::copy_of(tensor.view())});
    golden.outputs.push_back({std::move(name), std::move(tensor)});
  };
  const bool booleans[] = {true, false};
  const std::uint64_t large[] = {~std::uint64_t{0}, 0};
  const std::int8_t small[] = {-128, 127};
  const float floats[] = {0.1F, std::numeric_limits<float>::infinity()};
  const double doubles[] = {0.1, 5e-324};
  const std::string texts[] = {"a\"b", ""};
  add("bool", Tensor::of<bool>(Shape({2}), booleans));
  add("u64", Tensor::of<std::uint64_t>(Shape({2}), large));
  add("i8", Tensor::of<std::int8_t>(Shape({1, 2}), small));
  add("f32", Tensor::of<float>(Shape({2}), floats));
  add("f64", Tensor::of<double>(Shape({2}), doubles));
  add("text", Tensor::of_strings(Shape({2}), texts));
  Tensor half = make_tensor(DType::kFp16, Shape({1}), 100).value();
  const std::uint16_t bits = 0x3555;
  std::memcpy(half.data.bytes().data(), &bits, 2);
  add("f16", std::move(half));
  const auto again = decode_golden(encode_golden_case(golden).value()).value();
  ASSERT_EQ(again.size(), 1U);
  ASSERT_EQ(again[0].outputs.size(), golden.outputs.size());
  for (std::size_t i = 0; i < golden.outputs.size(); ++i) {
    const TensorView left = golden.outputs[i].tensor.view();
    const TensorView right = again[0].outputs[i].tensor.view();
    EXPECT_EQ(as_text(left.data), as_text(right.data)) << golden.outputs[i].name;
    EXPECT_EQ(left.shape, right.shape);
  }
}

TEST(GoldenFile, RefusesWhatIsNotWhole) {
  struct Row {
    const char* text;
    const char* id;
  };
  const Row rows[] = {
      {R"({"record":{"a":1},"answer":{"b":2}})", "OK"},
      {R"({"record":{"a":1}})", "golden.invalid"},
      {R"({"record":[1],"answer":{}})", "golden.invalid"},
      {R"({"record":{},"answer":{},"more":1})", "golden.invalid"},
      {R"({"inputs":[]})", "golden.invalid"},
      {R"({"inputs":[{"name":"x","type":"FP32","shape":[2],"data":[1]}],"outputs":[]})", "golden.invalid"},
      {R"({"inputs":[{"name":"x","type":"UINT8","shape":[1],"data":[256]}],"outputs":[]})", "golden.invalid"},
      {R"({"inputs":[{"name":"x","type":"BYTES","shape":[1],"data":[1]}],"outputs":[]})", "golden.invalid"},
      {R"({"inputs":[{"name":"x","type":"FP99","shape":[1],"data":[1]}],"outputs":[]})", "golden.invalid"},
      {R"({"inputs":[{"name":"x","type":"FP32","shape":[-1],"data":[1]}],"outputs":[]})", "golden.invalid"},
      {"{", "golden.invalid"},
      {"", "OK"},
  };
  for (const Row& row : rows) {
    const auto cases = decode_golden(row.text);
    EXPECT_EQ(cases.ok() ? "OK" : cases.error().id(), row.id) << row.text;
  }
  EXPECT_EQ(decode_golden("{}\n{}\n", {.max_cases = 1}).error().id(), "golden.too_large");
  GoldenCase broken;
  const std::string bytes[] = {"\xff"};
  broken.inputs.push_back({"x", Tensor::of_strings(Shape({1}), bytes)});
  EXPECT_EQ(encode_golden_case(broken).error().id(), "golden.not_text");
}

}  // namespace
}  // namespace slipway::package
