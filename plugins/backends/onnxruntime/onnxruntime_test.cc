#include "plugins/backends/onnxruntime/onnxruntime.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <mutex>

#include "contracts/backend/testing/conformance.h"
#include "plugins/backends/onnxruntime/testdata_testing.h"

namespace slipway::onnxruntime {
namespace {

using backend::testing::BackendConformance;
using backend::testing::BackendSubject;
using backend::testing::MemoryModelFiles;
using backend::testing::run;

class Subject final : public backend::testing::ConformanceSubject {
 public:
  std::unique_ptr<backend::Backend> make(const backend::Host& host) override {
    return make_backend_onnxruntime(host);
  }
  std::unique_ptr<backend::ModelFiles> identity(DType dtype) override {
    std::string name(dtype_name(dtype));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    return test_model("identity_" + name + ".onnx");
  }
  std::unique_ptr<backend::ModelFiles> two_in_two_out() override { return test_model("sum_difference.onnx"); }
  std::unique_ptr<backend::ModelFiles> lookup() override { return test_model("lookup.onnx"); }
  std::vector<Damaged> damaged() override {
    std::vector<Damaged> models;
    for (const char* file :
         {"bad_opset", "bad_ir", "cycle", "dangling", "unknown_operator", "wrong_types", "huge_weight",
          "custom_domain", "sequence", "map_input", "complex", "shapeless"}) {
      models.push_back({file, test_model(std::string(file) + ".onnx")});
    }
    const std::string sound = read_testdata("zipmap_string.onnx");
    for (std::size_t cut = 0; cut < sound.size(); cut += 7) {
      models.push_back(
          {"cut after " + std::to_string(cut), std::make_unique<MemoryModelFiles>(sound.substr(0, cut))});
    }
    return models;
  }
};

std::unique_ptr<backend::testing::ConformanceSubject> make_subject() { return std::make_unique<Subject>(); }
INSTANTIATE_TEST_SUITE_P(OnnxRuntime, BackendConformance,
                         ::testing::Values(BackendSubject{"onnxruntime", &make_subject}));

TEST(OnnxRuntime, Reports_to_its_maker_only_for_who_asks) {
  for (const auto& [before, after] :
       {std::pair("0", "0"), std::pair("1", "1"), std::pair("", "1"), std::pair("no", "1")}) {
    ::setenv("ORT_DISABLE_TELEMETRY", before, 1);
    (void)make_backend_onnxruntime({});
    EXPECT_STREQ(std::getenv("ORT_DISABLE_TELEMETRY"), after);
  }
  ::unsetenv("ORT_DISABLE_TELEMETRY");
  (void)make_backend_onnxruntime({});
  EXPECT_STREQ(std::getenv("ORT_DISABLE_TELEMETRY"), "1");
}

// Keeps what is logged.
class KeptLog final : public Logger {
 public:
  bool enabled(LogLevel level) const override { return level >= LogLevel::kInfo; }
  void write(LogLevel, std::string_view event, std::string_view message,
             std::initializer_list<LogField>) override {
    const std::lock_guard lock(mutex_);
    lines.push_back(std::string(event) + ": " + std::string(message));
  }
  std::uint64_t dropped() const override { return 0; }
  std::vector<std::string> lines;

 private:
  std::mutex mutex_;
};

class OnnxRuntimeTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<backend::Instance>> load(const std::string& file,
                                                  const backend::LoadOptions& options = {}) {
    return backend_->load(*test_model(file), options);
  }
  // The id of the Error that loading gives.
  std::string refusal(const std::string& file) {
    auto loaded = load(file);
    return loaded.ok() ? "loaded" : loaded.error().id();
  }

  SystemClock clock_;
  KeptLog log_;
  std::unique_ptr<backend::Backend> backend_ = make_backend_onnxruntime({&clock_, &log_, {}});
};

// The elements as read_expected writes them.
std::vector<std::string> texts(const TensorView& view) {
  std::vector<std::string> words;
  if (view.dtype == DType::kBytes) {
    BytesReader reader(view.data);
    for (std::string_view element; reader.next(element);) words.emplace_back(element);
    return words;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(*view.shape.elements()); ++i) {
    const double value = element_as_double(view, i);
    if (is_integer(view.dtype)) {
      words.push_back(std::to_string(static_cast<std::int64_t>(value)));
    } else {
      char text[64];
      std::snprintf(text, sizeof(text), "%a", value);
      words.emplace_back(text);
    }
  }
  return words;
}

void expect_same(const std::vector<std::string>& got, const std::vector<std::string>& want, bool floats) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!floats) {
      EXPECT_EQ(got[i], want[i]) << i;
    } else {
      EXPECT_NEAR(std::strtod(got[i].c_str(), nullptr), std::strtod(want[i].c_str(), nullptr), 1e-6) << i;
    }
  }
}

// Every answer is that of the runtime's own Python interface.
TEST_F(OnnxRuntimeTest, Answers_as_the_runtime_does_in_Python) {
  const auto expected = read_expected();
  const float rows[] = {0.5F, -1.25F, 3, 0.75F, -2, -2, 0, 0};
  float count[24];
  for (int i = 0; i < 24; ++i) count[i] = static_cast<float>(i);
  const std::string words[] = {"b\u00df", "", "x", "a"};
  struct Case {
    std::string file;
    Tensor input;
  };
  std::vector<Case> cases;
  for (const char* file :
       {"zipmap_int", "zipmap_string", "zipmap_ml_only", "classifier_string", "external"}) {
    cases.push_back({std::string(file) + ".onnx", Tensor::of<float>({4, 2}, rows)});
  }
  cases.push_back({"lengths.onnx", Tensor::of<float>({2, 3, 4}, count)});
  cases.push_back({"words.onnx", Tensor::of_strings({4}, words)});
  std::size_t compared = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.file);
    auto instance = load(c.file);
    ASSERT_TRUE(instance.ok()) << instance.status().to_string();
    const TensorView inputs[] = {c.input.view()};
    auto response = run(**instance, inputs);
    ASSERT_TRUE(response.ok()) << response.status().to_string();
    for (const infer::Output& output : response->outputs) {
      const auto found = expected.find(c.file + " " + std::string(output.name));
      ASSERT_NE(found, expected.end()) << output.name;
      expect_same(texts(output.tensor), found->second, is_float(output.tensor.dtype));
      ++compared;
    }
  }
  EXPECT_EQ(compared, expected.size());
}

TEST_F(OnnxRuntimeTest, Maps_of_probabilities_become_scores_with_labels) {
  auto instance = load("zipmap_string.onnx").value();
  const std::vector<TensorSpec> outputs = {{"label", DType::kBytes, {-1}},
                                           {"probabilities", DType::kFp32, {-1, 3}}};
  EXPECT_EQ(instance->signature().outputs, outputs);
  const std::vector<std::string> labels(instance->labels().begin(), instance->labels().end());
  EXPECT_EQ(labels, (std::vector<std::string>{"red", "gr\u00fcn", "blue"}));
  auto integers = load("zipmap_int.onnx").value();
  EXPECT_EQ(integers->labels()[1], "-2");
}

TEST_F(OnnxRuntimeTest, Labels_of_a_plain_classifier_are_found) {
  auto instance = load("classifier_string.onnx").value();
  ASSERT_EQ(instance->labels().size(), 3U);
  EXPECT_EQ(instance->labels()[2], "blue");
}

TEST_F(OnnxRuntimeTest, Free_dimensions_stay_free) {
  auto instance = load("lengths.onnx").value();
  EXPECT_EQ(instance->signature().inputs[0], (TensorSpec{"x", DType::kFp32, {-1, -1, 4}}));
  const float values[16] = {};
  for (const Shape& shape : {Shape{1, 4, 4}, Shape{4, 1, 4}, Shape{2, 2, 4}}) {
    const Tensor x = Tensor::of<float>(shape, values);
    const TensorView inputs[] = {x.view()};
    auto response = run(*instance, inputs);
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response->outputs[0].tensor.shape, (Shape{shape[0], shape[1]}));
  }
}

TEST_F(OnnxRuntimeTest, Weights_outside_the_package_are_refused) {
  for (const char* file : {"external_up", "external_up_inside", "external_absolute", "external_drive",
                           "external_address", "external_empty", "external_nested"}) {
    EXPECT_EQ(refusal(std::string(file) + ".onnx"), "backend.external_data") << file;
  }
  const MemoryModelFiles alone(read_testdata("external.onnx"));
  EXPECT_EQ(backend_->load(alone, {}).status().error().id(), "backend.external_data");
  MemoryModelFiles cut(read_testdata("external.onnx"));
  cut.add("weights.bin", read_testdata("weights.bin").substr(0, 31));
  EXPECT_EQ(backend_->load(cut, {}).status().error().id(), "backend.external_data");
}

TEST_F(OnnxRuntimeTest, What_cannot_be_served_is_refused_by_name) {
  for (const char* file : {"custom_domain", "sequence", "map_input", "complex", "shapeless"}) {
    EXPECT_EQ(refusal(std::string(file) + ".onnx"), "backend.unsupported") << file;
  }
  EXPECT_NE(load("custom_domain.onnx").error().message().find("com.example"), std::string::npos);
  EXPECT_EQ(refusal("bad_opset.onnx"), "backend.load");
  backend::LoadOptions gpu;
  gpu.device = "cuda:0";
  EXPECT_EQ(load("lookup.onnx", gpu).error().id(), "backend.unsupported");
}

TEST_F(OnnxRuntimeTest, Threads_and_cores_are_settable) {
  backend::LoadOptions options;
  options.threads = 2;
  options.affinity = {0};
  EXPECT_TRUE(load("lookup.onnx", options).ok());
  options.threads = 0;
  EXPECT_TRUE(load("lookup.onnx", options).ok());
  options.threads = -1;
  EXPECT_EQ(load("lookup.onnx", options).error().id(), "backend.load");
  options.threads = 1;
  options.affinity = {-4};
  EXPECT_EQ(load("lookup.onnx", options).error().id(), "backend.load");
}

TEST_F(OnnxRuntimeTest, Strings_that_do_not_add_up_are_an_input_error) {
  auto instance = load("words.onnx").value();
  const std::string one[] = {"a"};
  const Tensor word = Tensor::of_strings({1}, one);
  for (const Shape& shape : {Shape{2}, Shape{0}, Shape{std::int64_t{1} << 40}}) {
    const TensorView inputs[] = {TensorView{DType::kBytes, shape, word.data.bytes()}};
    auto response = run(*instance, inputs);
    ASSERT_FALSE(response.ok());
    EXPECT_EQ(response.error().id(), "backend.input");
  }
}

TEST_F(OnnxRuntimeTest, A_bool_must_be_zero_or_one) {
  auto instance = load("identity_bool.onnx").value();
  const TensorView inputs[] = {
      TensorView{DType::kBool, {1, 3}, as_bytes(std::string_view("\x00\x01\x02", 3))}};
  EXPECT_EQ(run(*instance, inputs).status().error().id(), "backend.input");
}

TEST_F(OnnxRuntimeTest, Nothing_is_written_to_standard_error) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(refusal("wrong_types.onnx"), "backend.load");
  auto instance = load("lookup.onnx").value();
  const std::int64_t bad[] = {99};
  const Tensor index = Tensor::of<std::int64_t>({1}, bad);
  const TensorView inputs[] = {index.view()};
  EXPECT_FALSE(run(*instance, inputs).ok());
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ASSERT_FALSE(log_.lines.empty());
  EXPECT_TRUE(log_.lines.back().starts_with("backend.onnxruntime: ")) << log_.lines.back();
}

TEST(OnnxRuntime, Two_backends_may_live_and_end_in_any_order) {
  SystemClock clock;
  KeptLog log;
  auto first = make_backend_onnxruntime({&clock, &log, {}});
  auto from_first = first->load(*test_model("lookup.onnx"), {}).value();
  auto second = make_backend_onnxruntime({&clock, &log, {}});
  auto from_second = second->load(*test_model("lookup.onnx"), {}).value();
  first.reset();
  from_first.reset();
  const std::int64_t index[] = {1};
  const Tensor tensor = Tensor::of<std::int64_t>({1}, index);
  const TensorView inputs[] = {tensor.view()};
  EXPECT_TRUE(run(*from_second, inputs).ok());
}

}  // namespace
}  // namespace slipway::onnxruntime
