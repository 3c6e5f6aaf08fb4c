// Classifications against values worked out by hand from Triton's description of the extension.
#include "openinference/classification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "contracts/dialect/testing/fake_server.h"
#include "function/function.h"

namespace slipway::openinference {
namespace {

using ::testing::ElementsAre;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// A model with one output "y".
class Model final : public dialect::ServedModel {
 public:
  Model(DType dtype, Shape declared, std::size_t batch = 1, std::vector<std::string> labels = {})
      : batch_(batch) {
    signature_.inputs = {{"x", DType::kFp32, {-1}}};
    signature_.outputs = {{"y", dtype, declared}};
    function::Spec spec;
    spec.outputs.resize(1);
    spec.outputs[0].name = "answer";
    spec.outputs[0].output = "y";
    if (!labels.empty()) {
      spec.outputs[0].kind = function::OutputField::Kind::kScores;
      spec.outputs[0].labels = std::move(labels);
    }
    function::InputField field;
    field.name = "x";
    spec.inputs.push_back(field);
    function_ = function::Function::create(std::move(spec), signature_).value();
  }
  [[nodiscard]] const std::string& name() const override { return text_; }
  [[nodiscard]] const std::string& version() const override { return text_; }
  [[nodiscard]] const std::string& digest() const override { return text_; }
  [[nodiscard]] const std::string& platform() const override { return text_; }
  [[nodiscard]] const Signature& signature() const override { return signature_; }
  [[nodiscard]] const function::Function& function() const override { return *function_; }
  [[nodiscard]] const std::string& description() const override { return text_; }
  [[nodiscard]] const std::string& example_record() const override { return text_; }
  [[nodiscard]] std::size_t max_batch_rows() const override { return batch_; }

 private:
  std::string text_ = "m";
  std::size_t batch_;
  Signature signature_;
  std::optional<function::Function> function_;
};

std::vector<std::string> texts(const Tensor& tensor) {
  std::vector<std::string> all;
  BytesReader reader(tensor.view().data);
  std::string_view text;
  while (reader.next(text)) all.emplace_back(text);
  EXPECT_TRUE(reader.ok());
  return all;
}

template <typename T>
Result<Tensor> classified(const Model& model, Shape shape, std::vector<T> values, std::uint64_t classes) {
  const Tensor tensor = Tensor::of<T>(shape, std::span<const T>(values));
  return classify(model, {"y", tensor.view()}, classes);
}

TEST(ClassificationTest, EachRowGivesItsLargestValuesFirst) {
  const Model model(DType::kFp32, {-1, 3});
  const auto got = classified<float>(model, {2, 3}, {0.25F, 0.5F, 0.125F, 1, -2, 30}, 2);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->dtype, DType::kBytes);
  EXPECT_EQ(got->shape, (Shape{2, 2}));
  EXPECT_THAT(texts(*got), ElementsAre("0.500000:1", "0.250000:0", "30.000000:2", "1.000000:0"));
}

TEST(ClassificationTest, AModelWithoutRowsGivesOneList) {
  const Model model(DType::kFp32, {3});
  const auto got = classified<float>(model, {3}, {1, 2, 3}, 1);
  EXPECT_EQ(got->shape, (Shape{1}));
  EXPECT_THAT(texts(*got), ElementsAre("3.000000:2"));
}

TEST(ClassificationTest, TheFirstDimensionOfABatchedModelIsItsRows) {
  const Model model(DType::kInt64, {-1}, 8);
  const auto got = classified<std::int64_t>(model, {2}, {9007199254740993, -5}, 4);
  EXPECT_EQ(got->shape, (Shape{2, 1}));
  EXPECT_THAT(texts(*got), ElementsAre("9007199254740993:0", "-5:0"));
}

TEST(ClassificationTest, MoreClassesThanThereAreGiveAllOfThem) {
  const Model model(DType::kFp32, {-1, 2});
  const auto got = classified<float>(model, {1, 2}, {1, 2}, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(got->shape, (Shape{1, 2}));
}

TEST(ClassificationTest, LabelsAreThoseOfThePredictionFunction) {
  const Model model(DType::kFp32, {-1, 2}, 1, {"red", "white"});
  EXPECT_THAT(texts(*classified<float>(model, {1, 2}, {0, 1}, 2)),
              ElementsAre("1.000000:1:white", "0.000000:0:red"));
}

TEST(ClassificationTest, EqualValuesStandByTheirIndexAndNanLast) {
  const Model model(DType::kFp32, {5});
  EXPECT_THAT(texts(*classified<float>(model, {5}, {kNan, 1, 1, -1, kNan}, 5)),
              ElementsAre("1.000000:1", "1.000000:2", "-1.000000:3", "nan:0", "nan:4"));
}

TEST(ClassificationTest, HalfFloatsAreRankedByTheirValue) {
  const Model model(DType::kFp16, {2});
  Tensor tensor{DType::kFp16, {2}, Buffer(4)};
  const std::uint16_t halves[] = {float_to_half(-1.5F), float_to_half(0.25F)};
  std::memcpy(tensor.data.bytes().data(), halves, sizeof(halves));
  EXPECT_THAT(texts(*classify(model, {"y", tensor.view()}, 2)), ElementsAre("0.250000:1", "-1.500000:0"));
}

TEST(ClassificationTest, NoRowsAndNoValuesAreNoFault) {
  const Model model(DType::kFp32, {-1, 2});
  const auto none = classified<float>(model, {0, 2}, {}, 3);
  EXPECT_EQ(none->shape, (Shape{0, 0}));
  const Model empty(DType::kFp32, {-1, -1});
  EXPECT_EQ(classified<float>(empty, {2, 0}, {}, 3)->shape, (Shape{2, 0}));
}

TEST(ClassificationTest, TextsAndTensorsThatAreNotWholeAreRefused) {
  const Model model(DType::kBytes, {-1});
  const std::vector<std::string> words = {"a"};
  const Tensor text = Tensor::of_strings({1}, words);
  EXPECT_EQ(classify(model, {"y", text.view()}, 1).error().id(), "v2.classification");
  const Model floats(DType::kFp32, {2});
  const Tensor tensor = Tensor::of<float>({2}, std::vector<float>{1, 2});
  TensorView cut = tensor.view();
  cut.data = cut.data.first(7);
  EXPECT_EQ(classify(floats, {"y", cut}, 1).error().id(), "v2.output");
}

TEST(ClassificationTest, OnlyTheOutputsThatAskForItAreClassified) {
  const Model model(DType::kFp32, {2});
  const Tensor tensor = Tensor::of<float>({2}, std::vector<float>{1, 2});
  std::vector<NamedTensorView> outputs = {{"y", tensor.view()}, {"z", tensor.view()}};
  std::vector<Tensor> made;
  const std::vector<OutputForm> forms = {{"z", {}, 0}, {"y", {}, 1}};
  EXPECT_TRUE(asks_for_classes(forms));
  EXPECT_FALSE(asks_for_classes(std::span(forms).first(1)));
  ASSERT_TRUE(classify_outputs(model, forms, outputs, made).ok());
  EXPECT_EQ(outputs[0].tensor.dtype, DType::kBytes);
  EXPECT_EQ(outputs[1].tensor.dtype, DType::kFp32);
}

}  // namespace
}  // namespace slipway::openinference
