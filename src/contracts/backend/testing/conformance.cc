#include "contracts/backend/testing/conformance.h"

#include <atomic>
#include <cstring>
#include <deque>
#include <ostream>
#include <thread>

#include "contracts/backend/testing/memory_files.h"

namespace slipway::backend::testing {

void PrintTo(const BackendSubject& subject, std::ostream* out) { *out << subject.name; }

void BackendConformance::SetUp() {
  subject_ = GetParam().make();
  backend_ = subject_->make(Host{&clock_, &logger_, {}});
}

std::unique_ptr<Instance> BackendConformance::load(std::unique_ptr<ModelFiles> files,
                                                   const LoadOptions& options) {
  auto loaded = backend_->load(*files, options);
  EXPECT_TRUE(loaded.ok()) << loaded.status().to_string();
  return loaded.ok() ? std::move(loaded).value() : nullptr;
}

ConformanceSubject::Example ConformanceSubject::example() {
  const std::int64_t first[] = {0, 1, 2};
  const std::int64_t second[] = {2, 1};
  const std::int64_t bad[] = {0, 9};
  const float ascending[] = {10, 20, 30};
  const float descending[] = {30, 20};
  Example made;
  made.files = lookup();
  made.first = Tensor::of<std::int64_t>({3}, first);
  made.second = Tensor::of<std::int64_t>({2}, second);
  made.first_answer.push_back(Tensor::of<float>({3}, ascending));
  made.second_answer.push_back(Tensor::of<float>({2}, descending));
  made.refused.push_back(Tensor::of<std::int64_t>({2}, bad));
  return made;
}

std::unique_ptr<Instance> BackendConformance::load_example(const LoadOptions& options) {
  example_ = subject_->example();
  return load(std::move(example_.files), options);
}

Result<infer::Response> run(Instance& instance, std::span<const TensorView> inputs,
                            std::span<const std::size_t> outputs) {
  std::vector<Result<infer::Response>> answers;
  instance.submit(inputs, outputs,
                  [&answers](Result<infer::Response> response) { answers.push_back(std::move(response)); });
  EXPECT_EQ(answers.size(), 1U) << "an instance without an executor completes once and in place";
  if (answers.empty()) return internal_error("test.not_completed", "submit did not complete in place");
  return std::move(answers.front());
}

namespace {

constexpr DType kAllDTypes[] = {DType::kBool, DType::kUint8, DType::kUint16, DType::kUint32, DType::kUint64,
                                DType::kInt8, DType::kInt16, DType::kInt32,  DType::kInt64,  DType::kFp16,
                                DType::kBf16, DType::kFp32,  DType::kFp64,   DType::kBytes};

// Bytes that are valid elements of any fixed-size dtype: small, and 0 or 1 for BOOL.
Tensor sample(DType dtype, std::int64_t rows) {
  const auto count = static_cast<std::size_t>(rows * 3);
  if (dtype == DType::kBytes) {
    std::vector<std::string> texts;
    const std::string odd[] = {"", std::string("a\0b", 3), "gr\xC3\xBC\xC3\x9F"};
    for (std::size_t i = 0; i < count; ++i) texts.push_back(odd[i % 3] + std::string(i, 'x'));
    return Tensor::of_strings({rows, 3}, texts);
  }
  Tensor tensor = make_tensor(dtype, {rows, 3}, 1 << 20).value();
  for (std::size_t i = 0; i < tensor.data.size(); ++i) {
    tensor.data.bytes()[i] = static_cast<std::byte>(dtype == DType::kBool ? i % 2 : (i * 7) % 60);
  }
  return tensor;
}

bool same_bytes(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

// Keeps tasks until the test runs them.
class ManualExecutor final : public Executor {
 public:
  void execute(std::unique_ptr<Task> task) override { tasks_.push_back(std::move(task)); }
  std::size_t waiting() const { return tasks_.size(); }
  void run_one() {
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    task->run();
  }

 private:
  std::deque<std::unique_ptr<Task>> tasks_;
};

std::vector<float> floats(const TensorView& view) {
  std::vector<float> values(view.data.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), view.data.data(), view.data.size());
  return values;
}

bool is_answer(const infer::Response& response, const std::vector<Tensor>& want) {
  if (response.outputs.size() != want.size()) return false;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const TensorView& got = response.outputs[i].tensor;
    if (got.dtype != want[i].dtype || !(got.shape == want[i].shape) ||
        !same_bytes(got.data, want[i].data.bytes())) {
      return false;
    }
  }
  return true;
}

}  // namespace

// The library is also linked by tests that want the fake only.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BackendConformance);

TEST_P(BackendConformance, Finds_its_library_and_says_where) {
  const BackendInfo info = backend_->info();
  EXPECT_EQ(info.name, backend_->name());
  EXPECT_EQ(info.problem, "");
  EXPECT_NE(info.version, "");
}

TEST_P(BackendConformance, Every_dtype_passes_through_unchanged) {
  for (const DType dtype : kAllDTypes) {
    SCOPED_TRACE(dtype_name(dtype));
    auto files = subject_->identity(dtype);
    if (!files) continue;
    EXPECT_TRUE(backend_->probe(files->read(files->main()).value()));
    auto instance = load(std::move(files));
    ASSERT_NE(instance, nullptr);
    ASSERT_EQ(instance->signature().inputs.size(), 1U);
    EXPECT_EQ(instance->signature().inputs[0], (TensorSpec{"x", dtype, {-1, 3}}));
    EXPECT_EQ(instance->signature().outputs[0], (TensorSpec{"y", dtype, {-1, 3}}));
    for (const std::int64_t rows : {1, 5}) {
      const Tensor x = sample(dtype, rows);
      const TensorView inputs[] = {x.view()};
      auto response = run(*instance, inputs);
      ASSERT_TRUE(response.ok()) << response.status().to_string();
      ASSERT_EQ(response->outputs.size(), 1U);
      EXPECT_EQ(response->outputs[0].name, "y");
      EXPECT_EQ(response->outputs[0].tensor.dtype, dtype);
      EXPECT_EQ(response->outputs[0].tensor.shape, (Shape{rows, 3}));
      EXPECT_TRUE(same_bytes(response->outputs[0].tensor.data, x.data.bytes()));
    }
  }
}

TEST_P(BackendConformance, A_batch_without_rows_gives_outputs_without_rows) {
  for (const DType dtype : {DType::kFp32, DType::kBytes}) {
    auto files = subject_->identity(dtype);
    if (!files) continue;
    auto instance = load(std::move(files));
    ASSERT_NE(instance, nullptr);
    const TensorView inputs[] = {TensorView{dtype, {0, 3}, {}}};
    auto response = run(*instance, inputs);
    ASSERT_TRUE(response.ok()) << response.status().to_string();
    EXPECT_EQ(response->outputs[0].tensor.shape, (Shape{0, 3}));
    EXPECT_TRUE(response->outputs[0].tensor.data.empty());
  }
}

TEST_P(BackendConformance, Unaligned_inputs_give_the_same_answer) {
  auto files = subject_->identity(DType::kFp32);
  if (!files) GTEST_SKIP() << "the backend has no such models";
  auto instance = load(std::move(files));
  ASSERT_NE(instance, nullptr);
  const Tensor x = sample(DType::kFp32, 4);
  Buffer shifted(x.data.size() + 1);
  std::memcpy(shifted.bytes().data() + 1, x.data.bytes().data(), x.data.size());
  const TensorView inputs[] = {TensorView{DType::kFp32, x.shape, shifted.bytes().subspan(1)}};
  auto response = run(*instance, inputs);
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_TRUE(same_bytes(response->outputs[0].tensor.data, x.data.bytes()));
}

TEST_P(BackendConformance, Outputs_come_in_the_order_asked_for) {
  auto files = subject_->two_in_two_out();
  if (!files) GTEST_SKIP() << "the backend has no such models";
  auto instance = load(std::move(files));
  ASSERT_NE(instance, nullptr);
  const float a[] = {1, 2, 3, 4};
  const float b[] = {10, 20, 30, 40};
  const Tensor ta = Tensor::of<float>({2, 2}, a);
  const Tensor tb = Tensor::of<float>({2, 2}, b);
  const TensorView inputs[] = {ta.view(), tb.view()};
  auto all = run(*instance, inputs);
  ASSERT_TRUE(all.ok()) << all.status().to_string();
  ASSERT_EQ(all->outputs.size(), 2U);
  EXPECT_EQ(all->outputs[0].name, "sum");
  EXPECT_EQ(floats(all->outputs[0].tensor), (std::vector<float>{11, 22, 33, 44}));
  EXPECT_EQ(floats(all->outputs[1].tensor), (std::vector<float>{-9, -18, -27, -36}));
  const std::size_t wanted[] = {1, 0};
  auto swapped = run(*instance, inputs, wanted);
  ASSERT_TRUE(swapped.ok());
  EXPECT_EQ(swapped->outputs[0].name, "difference");
  EXPECT_EQ(swapped->outputs[1].name, "sum");
  EXPECT_EQ(floats(swapped->outputs[1].tensor), (std::vector<float>{11, 22, 33, 44}));
  const std::size_t one[] = {1};
  auto single = run(*instance, inputs, one);
  ASSERT_TRUE(single.ok());
  ASSERT_EQ(single->outputs.size(), 1U);
  EXPECT_EQ(floats(single->outputs[0].tensor), (std::vector<float>{-9, -18, -27, -36}));
}

TEST_P(BackendConformance, Answers_outlive_later_runs_and_the_instance) {
  auto instance = load_example();
  ASSERT_NE(instance, nullptr);
  const TensorView first[] = {example_.first.view()};
  const TensorView second[] = {example_.second.view()};
  auto kept = run(*instance, first);
  ASSERT_TRUE(kept.ok()) << kept.status().to_string();
  ASSERT_TRUE(run(*instance, second).ok());
  EXPECT_TRUE(is_answer(*kept, example_.first_answer));
  instance.reset();
  EXPECT_TRUE(is_answer(*kept, example_.first_answer));
}

TEST_P(BackendConformance, A_failed_run_gives_an_error_and_no_data_and_harms_no_later_run) {
  auto instance = load_example();
  ASSERT_NE(instance, nullptr);
  ASSERT_FALSE(example_.refused.empty());
  for (const Tensor& refused : example_.refused) {
    const TensorView failing[] = {refused.view()};
    for (int i = 0; i < 3; ++i) {
      auto response = run(*instance, failing);
      ASSERT_FALSE(response.ok());
      EXPECT_TRUE(response.error().id() == "backend.run" || response.error().id() == "backend.input")
          << response.error().id();
      EXPECT_NE(response.error().message(), "");
    }
  }
  EXPECT_EQ(run(*instance, {}).status().error().id(), "backend.input");
  const TensorView inputs[] = {example_.first.view()};
  auto response = run(*instance, inputs);
  ASSERT_TRUE(response.ok());
  EXPECT_TRUE(is_answer(*response, example_.first_answer));
}

TEST_P(BackendConformance, Wrong_inputs_are_an_error) {
  auto files = subject_->identity(DType::kFp32);
  if (!files) GTEST_SKIP() << "the backend has no such models";
  auto instance = load(std::move(files));
  ASSERT_NE(instance, nullptr);
  const double doubles[] = {1, 2, 3};
  const float numbers[] = {1, 2, 3, 4};
  const Tensor wrong_type = Tensor::of<double>({1, 3}, doubles);
  const Tensor wrong_width = Tensor::of<float>({1, 4}, numbers);
  const Tensor wrong_rank = Tensor::of<float>({4}, numbers);
  const TensorView short_data{DType::kFp32, {2, 3}, as_bytes("0123456789ab")};
  for (const TensorView& input : {wrong_type.view(), wrong_width.view(), wrong_rank.view(), short_data}) {
    const TensorView inputs[] = {input};
    auto response = run(*instance, inputs);
    ASSERT_FALSE(response.ok()) << input.shape.to_string();
    EXPECT_EQ(response.error().id(), "backend.input") << response.error().message();
  }
  EXPECT_EQ(run(*instance, {}).status().error().id(), "backend.input");
}

TEST_P(BackendConformance, An_answer_above_the_cap_is_an_error) {
  auto files = subject_->identity(DType::kFp32);
  if (!files) GTEST_SKIP() << "the backend has no such models";
  LoadOptions options;
  options.max_output_bytes = 23;
  auto instance = load(std::move(files), options);
  ASSERT_NE(instance, nullptr);
  const Tensor x = sample(DType::kFp32, 2);
  const TensorView inputs[] = {x.view()};
  auto response = run(*instance, inputs);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().id(), "backend.output_size");
}

TEST_P(BackendConformance, An_answer_of_the_example_above_the_cap_is_an_error) {
  LoadOptions options;
  options.max_output_bytes = 1;
  auto instance = load_example(options);
  ASSERT_NE(instance, nullptr);
  const TensorView inputs[] = {example_.first.view()};
  auto response = run(*instance, inputs);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().id(), "backend.output_size");
}

TEST_P(BackendConformance, Runs_where_the_executor_says) {
  ManualExecutor executor;
  LoadOptions options;
  options.executor = &executor;
  auto instance = load_example(options);
  ASSERT_NE(instance, nullptr);
  const TensorView inputs[] = {example_.second.view()};
  int answers = 0;
  for (int i = 0; i < 2; ++i) {
    instance->submit(inputs, {}, [&](Result<infer::Response> response) {
      ASSERT_TRUE(response.ok());
      EXPECT_TRUE(is_answer(*response, example_.second_answer));
      ++answers;
    });
  }
  EXPECT_EQ(answers, 0);
  ASSERT_EQ(executor.waiting(), 2U);
  executor.run_one();
  EXPECT_EQ(answers, 1);
  executor.run_one();
  EXPECT_EQ(answers, 2);
}

TEST_P(BackendConformance, The_last_completion_may_destroy_the_instance) {
  auto instance = load_example();
  ASSERT_NE(instance, nullptr);
  const TensorView inputs[] = {example_.first.view()};
  bool completed = false;
  Instance* raw = instance.get();
  raw->submit(inputs, {}, [&](Result<infer::Response> response) {
    instance.reset();
    completed = response.ok() && is_answer(*response, example_.first_answer);
  });
  EXPECT_TRUE(completed);
}

TEST_P(BackendConformance, Many_threads_get_their_own_answers) {
  auto instance = load_example();
  ASSERT_NE(instance, nullptr);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const Tensor& question = t % 2 == 0 ? example_.first : example_.second;
      const std::vector<Tensor>& want = t % 2 == 0 ? example_.first_answer : example_.second_answer;
      const TensorView inputs[] = {question.view()};
      for (int i = 0; i < 50; ++i) {
        auto response = run(*instance, inputs);
        if (!response.ok() || !is_answer(*response, want)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(BackendConformance, Instances_outlive_each_other_in_any_order) {
  auto first = load_example();
  auto second = load_example();
  ASSERT_TRUE(first && second);
  first.reset();
  const TensorView inputs[] = {example_.second.view()};
  EXPECT_TRUE(run(*second, inputs).ok());
}

TEST_P(BackendConformance, Damaged_models_are_refused) {
  for (auto& [what, files] : subject_->damaged()) {
    SCOPED_TRACE(what);
    auto loaded = backend_->load(*files, {});
    ASSERT_FALSE(loaded.ok());
    const std::string& id = loaded.error().id();
    EXPECT_TRUE(id == "backend.load" || id == "backend.unsupported" || id == "backend.external_data") << id;
    EXPECT_NE(loaded.error().message(), "");
  }
}

TEST_P(BackendConformance, Foreign_files_are_not_taken_for_its_own) {
  for (const std::string_view content :
       {std::string_view(""), std::string_view("\0", 1), std::string_view("{\"model\": 1}"),
        std::string_view("PK\x03\x04garbage"), std::string_view("\x80\x04\x95garbage"),
        std::string_view("\x7f"
                         "ELF\x02\x01\x01")}) {
    EXPECT_FALSE(backend_->probe(as_bytes(content))) << content;
    EXPECT_FALSE(backend_->load(MemoryModelFiles(std::string(content)), {}).ok());
  }
}

}  // namespace slipway::backend::testing
