#include <gtest/gtest.h>

#include <limits>

#include "function/function.h"
#include "function/function_testing.h"

namespace slipway::function {
namespace {

using testing::after;
using testing::answer;
using testing::number;
using Kind = OutputField::Kind;

Function make(std::vector<OutputField> answers, std::vector<TensorSpec> outputs, Shape input = {-1, 1}) {
  Signature signature{{{"x", DType::kFp32, input}}, std::move(outputs)};
  auto function = Function::create({{number("a")}, std::move(answers)}, signature);
  EXPECT_TRUE(function.ok()) << (function.ok() ? "" : function.error().to_string());
  return std::move(function).value();
}

template <typename T>
NamedTensor tensor(std::string name, Shape shape, std::vector<T> values) {
  return {std::move(name), Tensor::of<T>(shape, std::span<const T>(values))};
}

NamedTensor strings(std::string name, Shape shape, std::vector<std::string> values) {
  return {std::move(name), Tensor::of_strings(shape, values)};
}

std::vector<NamedTensor> list(NamedTensor first) {
  std::vector<NamedTensor> tensors;
  tensors.push_back(std::move(first));
  return tensors;
}
std::vector<NamedTensor> list(NamedTensor first, NamedTensor second) {
  std::vector<NamedTensor> tensors = list(std::move(first));
  tensors.push_back(std::move(second));
  return tensors;
}

std::string id_of(const Result<std::string>& result) {
  return result.ok() ? "ok: " + *result : result.error().id();
}

TEST(Answer, LabelAndScoreInTheUsersWords) {
  const Function function = make({answer("label", Kind::kLabel, "l", {"barolo", "grignolino", "barbera"}),
                                  answer("score", Kind::kScore, "p"),
                                  answer("scores", Kind::kScores, "p", {"barolo", "grignolino", "barbera"})},
                                 {{"l", DType::kInt64, {-1}}, {"p", DType::kFp32, {-1, 3}}});
  const auto text = after(function,
                          list(tensor<std::int64_t>("l", {2}, {0, 2}),
                               tensor<float>("p", {2, 3}, {0.7F, 0.2F, 0.1F, 0.1F, 0.3F, 0.6F})),
                          2);
  ASSERT_TRUE(text.ok()) << text.error().to_string();
  EXPECT_EQ(*text,
            R"([{"label":"barolo","score":0.7,"scores":{"barolo":0.7,"grignolino":0.2,"barbera":0.1}},)"
            R"({"label":"barbera","score":0.6,"scores":{"barolo":0.1,"grignolino":0.3,"barbera":0.6}}])");
}

TEST(Answer, LabelsComeAsTextNumberPositionOrTruth) {
  const auto label = [](OutputField field, TensorSpec spec, NamedTensor given) {
    return id_of(after(make({std::move(field)}, {std::move(spec)}), list(std::move(given)), 1));
  };
  EXPECT_EQ(
      label(answer("l", Kind::kLabel, "o"), {"o", DType::kBytes, {-1}}, strings("o", {1}, {"ros\xC3\xA9"})),
      "ok: [{\"l\":\"ros\xC3\xA9\"}]");
  EXPECT_EQ(label(answer("l", Kind::kLabel, "o"), {"o", DType::kInt32, {-1, 1}},
                  tensor<std::int32_t>("o", {1, 1}, {-5})),
            R"(ok: [{"l":-5}])");
  EXPECT_EQ(label(answer("l", Kind::kLabel, "o", {"no", "yes"}), {"o", DType::kBool, {-1}},
                  tensor<std::uint8_t>("o", {1}, {1})),
            "function.output_shape");  // UINT8 is not the BOOL that was declared
  EXPECT_EQ(label(answer("l", Kind::kLabel, "o", {"no", "yes"}), {"o", DType::kUint8, {-1}},
                  tensor<std::uint8_t>("o", {1}, {1})),
            R"(ok: [{"l":"yes"}])");
  EXPECT_EQ(label(answer("l", Kind::kLabel, "o", {"a", "b", "c"}), {"o", DType::kFp32, {-1, 3}},
                  tensor<float>("o", {1, 3}, {-3, 4, 4})),
            R"(ok: [{"l":"b"}])");  // the first of equals, as numpy.argmax
  OutputField classes = answer("l", Kind::kLabel, "o", {"a", "b"});
  classes.classes = {10, -20};
  EXPECT_EQ(label(classes, {"o", DType::kInt64, {-1}}, tensor<std::int64_t>("o", {1}, {-20})),
            R"(ok: [{"l":"b"}])");
}

TEST(Answer, NothingIsInventedForClassesWithoutALabel) {
  const Function function = make({answer("l", Kind::kLabel, "o", {"a", "b"})}, {{"o", DType::kInt64, {-1}}});
  for (const std::int64_t number :
       {std::int64_t{2}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(id_of(after(function, list(tensor<std::int64_t>("o", {1}, {number})), 1)),
              "function.label_unknown");
  }
}

TEST(Answer, AScoreThatIsNoNumberIsAnError) {
  const Function function = make({answer("s", Kind::kScore, "o")}, {{"o", DType::kFp32, {-1, 2}}});
  EXPECT_EQ(id_of(after(function,
                        list(tensor<float>("o", {1, 2}, {0, std::numeric_limits<float>::quiet_NaN()})), 1)),
            "function.score_nan");
}

TEST(Answer, ValuesKeepTheirShapeAndPrecision) {
  const Function function = make({}, {{"y", DType::kFp32, {-1, 1}}, {"m", DType::kInt64, {-1, 2, 2}}});
  const auto text = after(function,
                          list(tensor<float>("y", {2, 1}, {0.1F, 3}),
                               tensor<std::int64_t>("m", {2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 9007199254740993})),
                          2);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, R"([{"y":0.1,"m":[[1,2],[3,4]]},{"y":3.0,"m":[[5,6],[7,9007199254740993]]}])");
}

TEST(Answer, EveryDatatypeBecomesJson) {
  const auto value = [](DType dtype, NamedTensor given) {
    return id_of(after(make({}, {{"o", dtype, {-1}}}), list(std::move(given)), 1));
  };
  EXPECT_EQ(value(DType::kUint64, tensor<std::uint64_t>("o", {1}, {18446744073709551615U})),
            R"(ok: [{"o":18446744073709551615}])");
  EXPECT_EQ(value(DType::kInt8, tensor<std::int8_t>("o", {1}, {-128})), R"(ok: [{"o":-128}])");
  EXPECT_EQ(value(DType::kFp64, tensor<double>("o", {1}, {0.1})), R"(ok: [{"o":0.1}])");
  EXPECT_EQ(value(DType::kBytes, strings("o", {1}, {"a\"b"})), R"(ok: [{"o":"a\"b"}])");
  NamedTensor half = tensor<std::uint16_t>("o", {1}, {0x3C00});
  half.tensor.dtype = DType::kFp16;
  EXPECT_EQ(value(DType::kFp16, std::move(half)), R"(ok: [{"o":1.0}])");
  NamedTensor brain = tensor<std::uint16_t>("o", {1}, {0x3FC0});
  brain.tensor.dtype = DType::kBf16;
  EXPECT_EQ(value(DType::kBf16, std::move(brain)), R"(ok: [{"o":1.5}])");
  NamedTensor truth = tensor<std::uint8_t>("o", {1}, {1});
  truth.tensor.dtype = DType::kBool;
  EXPECT_EQ(value(DType::kBool, std::move(truth)), R"(ok: [{"o":true}])");
}

TEST(Answer, OutputsMayComeInAnyOrderButMustAllCome) {
  const Function function = make({answer("b", Kind::kValue, "q"), answer("a", Kind::kValue, "p")},
                                 {{"p", DType::kInt64, {-1}}, {"q", DType::kInt64, {-1}}});
  EXPECT_EQ(id_of(after(function,
                        list(tensor<std::int64_t>("p", {1}, {1}), tensor<std::int64_t>("q", {1}, {2})), 1)),
            R"(ok: [{"b":2,"a":1}])");
  EXPECT_EQ(id_of(after(function, list(tensor<std::int64_t>("p", {1}, {1})), 1)), "function.output_missing");
}

TEST(Answer, WrongShapesAreErrors) {
  const Function function =
      make({answer("l", Kind::kLabel, "o", {"a", "b"})}, {{"o", DType::kFp32, {-1, -1}}});
  const auto shaped = [&](Shape shape, std::size_t rows) {
    const auto count = static_cast<std::size_t>(shape.elements().value());
    return id_of(after(function, list(tensor<float>("o", shape, std::vector<float>(count))), rows));
  };
  EXPECT_EQ(shaped({1, 2}, 1), R"(ok: [{"l":"a"}])");
  EXPECT_EQ(shaped({2, 2}, 1), "function.output_shape");
  EXPECT_EQ(shaped({2, 2}, 3), "function.output_shape");
  EXPECT_EQ(shaped({1, 3}, 1), "function.output_shape");
  EXPECT_EQ(shaped({1, 0}, 1), "function.output_shape");
  EXPECT_EQ(shaped({}, 1), "function.output_shape");
}

TEST(Answer, AModelOfOneRecordGivesItsTensorsWithoutTheOne) {
  const Function function = make({}, {{"y", DType::kFp32, {1, 2}}, {"boxes", DType::kFp32, {-1, 2}}}, {1, 1});
  const auto text =
      after(function,
            list(tensor<float>("y", {1, 2}, {1, 2}), tensor<float>("boxes", {3, 2}, {1, 2, 3, 4, 5, 6})), 1);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, R"([{"y":[1.0,2.0],"boxes":[[1.0,2.0],[3.0,4.0],[5.0,6.0]]}])");
}

}  // namespace
}  // namespace slipway::function
