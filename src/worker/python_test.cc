// The contract between server and worker, kept by another language: python/slipway_worker.
#include <gtest/gtest.h>

#include <cstring>
#include <future>
#include <thread>

#include "contracts/backend/testing/memory_files.h"
#include "testing/paths.gen.h"
#include "worker/misbehaving_testing.h"

namespace slipway::worker {
namespace {

using backend::testing::MemoryModelFiles;

class PythonWorker : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string root = slipway::testing::source_dir();
    SupervisorOptions options;
    options.program.path = "/usr/bin/python3";
    options.program.words = {"python3", "-B", root + "/src/worker/echo_testing.py"};
    options.program.environment = {"PYTHONPATH=" + root + "/python"};
    options.clock = &clock_;
    options.logger = &logger_;
    options.observer = &witness_;
    options.slots = 16;
    options.heap_bytes = std::uint64_t{32} << 20U;
    supervisor_ = Supervisor::create(options).value();
    backend_ = supervisor_->isolated(*local_);
  }

  /// Waits for the answer; ends in an error's id or the first output's numbers as they came.
  static Result<std::vector<float>> ask(backend::Instance& instance, const std::vector<float>& x) {
    const Tensor tensor = Tensor::of<float>({static_cast<std::int64_t>(x.size() / 2), 2}, x);
    const TensorView view = tensor.view();
    std::optional<Result<std::vector<float>>> answer;
    instance.submit({&view, 1}, {}, [&](Result<infer::Response> response) {
      if (!response.ok()) {
        answer.emplace(response.error());
        return;
      }
      const ByteView data = response->outputs.at(0).tensor.data;
      std::vector<float> y(data.size() / sizeof(float));
      if (!y.empty()) std::memcpy(y.data(), data.data(), data.size());
      answer.emplace(std::move(y));
    });
    return *std::move(answer);
  }

  SystemClock clock_;
  testing::Listener logger_;
  testing::Witness witness_;
  std::unique_ptr<backend::Backend> local_ = testing::make_misbehaving_backend(logger_);
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<backend::Backend> backend_;
};

TEST_F(PythonWorker, AnswersAndIsReplacedLikeAnyOther) {
  auto loaded = backend_->load(MemoryModelFiles("BAD echo"), {});
  ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
  backend::Instance& instance = **loaded;
  EXPECT_EQ(instance.signature().outputs.at(0), (TensorSpec{"y", DType::kFp32, {-1, 2}}));
  EXPECT_EQ(instance.labels().size(), 2U);
  EXPECT_EQ(ask(instance, {1, 2, 3, 4}).value(), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(ask(instance, {}).value(), std::vector<float>{});
  std::vector<float> large(std::size_t{1} << 20U);
  for (int round = 0; round < 20; ++round) {  // 4 MB each, through 32 MiB
    for (std::size_t i = 0; i < large.size(); ++i)
      large[i] = static_cast<float>((i + static_cast<std::size_t>(round)) % 1000);
    EXPECT_TRUE(ask(instance, large).value() == large) << round;
  }
  EXPECT_EQ(ask(instance, {1002, 0}).status().error().id(), "backend.run");
  EXPECT_EQ(ask(instance, {1001, 0}).status().error().id(), "backend.worker_died");
  EXPECT_EQ(witness_.kinds(), std::vector<std::string>{"exit"});
  EXPECT_EQ(ask(instance, {5, 6}).value(), (std::vector<float>{5, 6})) << "the next one runs it";
}

TEST_F(PythonWorker, AnswersManyAtOnce) {
  auto loaded = backend_->load(MemoryModelFiles("BAD echo"), {});
  ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
  std::vector<std::thread> clients;
  std::atomic<int> wrong = 0;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&, client] {
      for (int i = 0; i < 200; ++i) {
        const std::vector<float> x = {static_cast<float>(client), static_cast<float>(i)};
        const auto y = ask(**loaded, x);
        if (!y.ok() || *y != x) ++wrong;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(PythonWorker, SaysWhyItCannotLoad) {
  const auto loaded = backend_->load(MemoryModelFiles("BAD other"), {});
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().id(), "backend.load");
  EXPECT_NE(loaded.error().message().find("no echo model"), std::string::npos);
}

}  // namespace
}  // namespace slipway::worker
