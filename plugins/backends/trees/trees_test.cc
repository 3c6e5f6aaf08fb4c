#include "plugins/backends/trees/trees.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include "contracts/backend/testing/conformance.h"
#include "contracts/backend/testing/memory_files.h"
#include "forest/models_testing.h"
#include "json/json.h"
#include "testing/paths.gen.h"

namespace slipway::trees {
namespace {

using backend::testing::BackendConformance;
using backend::testing::BackendSubject;
using backend::testing::MemoryModelFiles;
using backend::testing::run;
using forest::testing::replaced;
using forest::testing::xgboost_json;
using forest::testing::XgboostModel;

class Subject final : public backend::testing::ConformanceSubject {
 public:
  std::unique_ptr<backend::Backend> make(const backend::Host& host) override {
    return make_backend_trees(host);
  }
  std::unique_ptr<backend::ModelFiles> identity(DType /*dtype*/) override { return nullptr; }
  std::unique_ptr<backend::ModelFiles> two_in_two_out() override { return nullptr; }
  std::unique_ptr<backend::ModelFiles> lookup() override { return nullptr; }

  Example example() override {
    const float first[] = {0, 0, 1, 1, 1, 2};
    const float second[] = {1, 5};
    const float first_answer[] = {1, 2, 3};
    const float second_answer[] = {3};
    const float narrow[] = {1};
    const double wide[] = {1, 2};
    Example made;
    made.files = std::make_unique<MemoryModelFiles>(xgboost_json({}));
    made.first = Tensor::of<float>({3, 2}, first);
    made.second = Tensor::of<float>({1, 2}, second);
    made.first_answer.push_back(Tensor::of<float>({3}, first_answer));
    made.second_answer.push_back(Tensor::of<float>({1}, second_answer));
    made.refused.push_back(Tensor::of<float>({1, 1}, narrow));
    made.refused.push_back(Tensor::of<float>({2}, second));
    made.refused.push_back(Tensor::of<double>({1, 2}, wide));
    return made;
  }

  std::vector<Damaged> damaged() override {
    const std::string good = xgboost_json({});
    std::vector<Damaged> models;
    for (std::size_t cut = 12; cut < good.size(); cut += 7) {
      models.push_back(
          {"cut after " + std::to_string(cut), std::make_unique<MemoryModelFiles>(good.substr(0, cut))});
    }
    for (const auto& [from, to] :
         {std::pair("[1,-1,3,-1,-1]", "[0,-1,3,-1,-1]"), std::pair("[0,0,1,0,0]", "[0,0,7,0,0]"),
          std::pair("reg:squarederror", "my:own"), std::pair("gbtree", "gblinear")}) {
      models.push_back({to, std::make_unique<MemoryModelFiles>(replaced(good, from, to))});
    }
    return models;
  }
};

std::unique_ptr<backend::testing::ConformanceSubject> make_subject() { return std::make_unique<Subject>(); }
INSTANTIATE_TEST_SUITE_P(Trees, BackendConformance,
                         ::testing::Values(BackendSubject{"trees", &make_subject}));

std::string testdata(const std::string& file) {
  std::ifstream in(testing::source_dir() + "/plugins/backends/trees/testdata/" + file, std::ios::binary);
  EXPECT_TRUE(in.good()) << file;
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

class TreesTest : public ::testing::Test {
 protected:
  std::unique_ptr<backend::Instance> load(const std::string& content,
                                          const backend::LoadOptions& options = {}) {
    auto loaded = backend_->load(MemoryModelFiles(content), options);
    EXPECT_TRUE(loaded.ok()) << loaded.status().to_string();
    return loaded.ok() ? std::move(*loaded) : nullptr;
  }

  SystemClock clock_;
  NullLogger logger_;
  std::unique_ptr<backend::Backend> backend_ = make_backend_trees({&clock_, &logger_, {}});
};

/// The rows as the instance wants them.
Tensor make_rows(const json::Value& rows, DType dtype) {
  std::vector<double> values;
  for (const json::Value row : rows.array()) {
    for (const json::Value value : row.array())
      values.push_back(value.as_double().value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  const auto count = static_cast<std::int64_t>(rows.array().size());
  const Shape shape{count, static_cast<std::int64_t>(values.size()) / count};
  if (dtype == DType::kFp64) return Tensor::of<double>(shape, values);
  return Tensor::of<float>(shape, std::vector<float>(values.begin(), values.end()));
}

// Every answer is that of the library, as testdata/make.py wrote it down.
TEST_F(TreesTest, Answers_as_the_library_does) {
  json::Parser parser;
  const json::Value expected = parser.parse(testdata("expected.json")).value();
  std::size_t compared = 0;
  for (const auto& [file, answers] : expected.find("models")->object()) {
    SCOPED_TRACE(file);
    const std::string content = testdata(std::string(file));
    EXPECT_TRUE(backend_->probe(as_bytes(content)));
    EXPECT_TRUE(backend_->probe(as_bytes(content).first(64)));
    const auto instance = load(content);
    ASSERT_NE(instance, nullptr);
    const Tensor rows = make_rows(*expected.find("rows"), instance->signature().inputs[0].dtype);
    const TensorView inputs[] = {rows.view()};
    auto response = run(*instance, inputs);
    ASSERT_TRUE(response.ok()) << response.status().to_string();
    const TensorView got = response->outputs.back().tensor;
    const auto width = static_cast<std::size_t>(*got.shape.elements() / got.shape[0]);
    std::size_t row = 0;
    for (const json::Value answer : answers.array()) {
      const std::size_t count = answer.array().size();
      std::size_t k = width - count;  // a binary answer is the second probability
      for (const json::Value value : answer.array()) {
        EXPECT_NEAR(element_as_double(got, row * width + k++), *value.as_double(),
                    1e-7 * std::abs(*value.as_double()));
      }
      ++row;
    }
    ++compared;
  }
  EXPECT_EQ(compared, 9U);
}

TEST_F(TreesTest, A_classifier_has_labels_and_probabilities) {
  XgboostModel model;
  model.objective = "binary:logistic";
  model.base_score = "5E-1";
  const auto instance = load(xgboost_json(model));
  ASSERT_NE(instance, nullptr);
  const std::vector<TensorSpec> outputs = {{"label", DType::kInt64, {-1}},
                                           {"probabilities", DType::kFp32, {-1, 2}}};
  EXPECT_EQ(instance->signature().outputs, outputs);
  EXPECT_EQ(std::vector<std::string>(instance->labels().begin(), instance->labels().end()),
            (std::vector<std::string>{"0", "1"}));
  const float row[] = {0, 0};
  const Tensor x = Tensor::of<float>({1, 2}, row);
  const TensorView inputs[] = {x.view()};
  auto response = run(*instance, inputs);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(element_as_double(response->outputs[0].tensor, 0), 1);
  EXPECT_NEAR(element_as_double(response->outputs[1].tensor, 0), 1 / (1 + std::exp(1.0)), 1e-7);
  const std::size_t swapped[] = {1, 0};
  auto other = run(*instance, inputs, swapped);
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->outputs[0].name, "probabilities");
  const std::size_t none[] = {2};
  EXPECT_EQ(run(*instance, inputs, none).status().error().id(), "backend.input");
}

TEST_F(TreesTest, Rows_may_lie_anywhere_and_be_none) {
  const auto instance = load(xgboost_json({}));
  const float values[] = {1, 1, 0, 0};
  Buffer shifted(sizeof(values) + 1);
  std::memcpy(shifted.bytes().data() + 1, values, sizeof(values));
  const TensorView unaligned[] = {TensorView{DType::kFp32, {2, 2}, shifted.bytes().subspan(1)}};
  auto response = run(*instance, unaligned);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(element_as_double(response->outputs[0].tensor, 0), 2);
  EXPECT_EQ(element_as_double(response->outputs[0].tensor, 1), 1);
  const TensorView nothing[] = {TensorView{DType::kFp32, {0, 2}, {}}};
  auto empty = run(*instance, nothing);
  ASSERT_TRUE(empty.ok());
  EXPECT_EQ(empty->outputs[0].tensor.shape, (Shape{0}));
}

TEST_F(TreesTest, Only_the_processor_runs_trees) {
  backend::LoadOptions options;
  options.device = "cuda:0";
  EXPECT_EQ(backend_->load(MemoryModelFiles(xgboost_json({})), options).status().error().id(),
            "backend.unsupported");
  options = {};
  options.threads = -1;
  EXPECT_EQ(backend_->load(MemoryModelFiles(xgboost_json({})), options).status().error().id(),
            "backend.load");
}

}  // namespace
}  // namespace slipway::trees
