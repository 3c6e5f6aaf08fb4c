// What tests of workers share: a loop that asks, and a supervisor whose models misbehave on demand.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <future>
#include <thread>

#include "contracts/backend/testing/memory_files.h"
#include "net/loop/loop.h"
#include "worker/misbehaving_testing.h"
#include "worker/supervisor.h"

namespace slipway::worker::testing {

using backend::testing::MemoryModelFiles;

/// A clock that tests move while other threads read it.
class SharedClock final : public Clock {
 public:
  MonoTime now() const override { return MonoTime(Duration(now_.load())); }
  WallTime wall_now() const override { return WallTime(Duration(now_.load())); }
  void advance(Duration by) { now_.fetch_add(by.count()); }

 private:
  std::atomic<std::int64_t> now_{1'000'000'000};
};

/// One answer, waited for.
struct Asked {
  std::vector<float> x;
  Tensor tensor;
  TensorView view;
  std::promise<Result<infer::Response>> promise;
  std::future<Result<infer::Response>> answer = promise.get_future();
};

/// The loop that asks: a thread without one would wait for the answer.
class Asker {
 public:
  Asker() : loop_(net::Loop::create(clock_).value()), thread_([this] { loop_->run(); }) {}
  ~Asker() {
    loop_->stop();
    thread_.join();
  }
  net::Loop& loop() { return *loop_; }

 private:
  SystemClock clock_;
  std::unique_ptr<net::Loop> loop_;
  std::thread thread_;
};

inline net::Loop& asking_loop() {
  static Asker asker;
  return asker.loop();
}

/// Until that loop has done what it was given before.
inline void settle() {
  std::promise<void> done;
  asking_loop().post([&done] { asking_loop().post([&done] { done.set_value(); }); });
  done.get_future().get();
}

inline std::unique_ptr<Asked> ask(backend::Instance& instance, std::vector<float> x,
                                  std::span<const std::size_t> outputs = {}) {
  auto asked = std::make_unique<Asked>();
  asked->x = std::move(x);
  asked->tensor = Tensor::of<float>({static_cast<std::int64_t>(asked->x.size() / 2), 2}, asked->x);
  asked->view = asked->tensor.view();
  Asked* raw = asked.get();
  std::promise<void> submitted;
  asking_loop().post([&instance, &submitted, raw, outputs] {
    instance.submit({&raw->view, 1}, outputs,
                    [raw](Result<infer::Response> response) { raw->promise.set_value(std::move(response)); });
    submitted.set_value();
  });
  submitted.get_future().get();
  return asked;
}

inline std::unique_ptr<Asked> ask(backend::Instance& instance, Deed deed, float second = 0) {
  return ask(instance, {static_cast<float>(deed), second});
}

inline std::vector<float> floats(const TensorView& view) {
  std::vector<float> values(view.data.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), view.data.data(), view.data.size());
  return values;
}

inline std::string id_of(const Result<infer::Response>& result) {
  return result.ok() ? "ok" : result.error().id();
}

class Workers : public ::testing::Test {
 protected:
  void start(const Clock& clock, std::uint32_t slots = 64) {
    SupervisorOptions options;
    options.program = test_program();
    options.clock = &clock;
    options.logger = &logger_;
    options.observer = &witness_;
    options.slots = slots;
    options.groups = groups_;
    options.poison = poison_.get();
    options.loops = 2;
    options.heap_bytes = std::uint64_t{64} << 20U;
    options.watch_interval = std::chrono::milliseconds(100);
    supervisor_ = Supervisor::create(options).value();
    backend_ = supervisor_->isolated(*local_);
  }
  void SetUp() override { start(clock_); }

  std::unique_ptr<backend::Instance> load(const std::string& model = "BAD ok\n",
                                          const backend::LoadOptions& options = {}) {
    auto loaded = backend_->load(MemoryModelFiles(model), options);
    EXPECT_TRUE(loaded.ok()) << loaded.status().to_string();
    return loaded.ok() ? *std::move(loaded) : nullptr;
  }
  /// Wakes the supervisor's thread, so that it sees what time it is.
  std::vector<WorkerStatus> look() { return supervisor_->status(); }

  /// Until both loops know nothing any more of what is unloaded: it leaves each by a task of its own, and its
  /// descriptors are closed at the end of that turn.
  void let_go() {
    for (int turn = 0; turn < 3; ++turn) look();
    settle();
  }

  /// Lets time pass once the supervisor's thread has done what it is at, and its timers run.
  void pass(SharedClock& clock, Duration time) {
    look();
    clock.advance(time);
    look();  // wakes the thread,
    look();  // whose timers then have run
  }
  /// The watch sees the run, and sees it again after `later`.
  void watch_twice(SharedClock& clock, Duration later) {
    pass(clock, std::chrono::milliseconds(200));
    pass(clock, later);
  }
  static bool is_stopped(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return text.find(") T ") != std::string::npos;
  }

  SystemClock clock_;
  SharedClock shared_clock_;
  Listener logger_;
  Witness witness_;
  GroupTree* groups_ = nullptr;         ///< the system's
  std::unique_ptr<PoisonList> poison_;  ///< null where deaths are not kept
  std::unique_ptr<backend::Backend> local_ = make_misbehaving_backend(logger_);
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<backend::Backend> backend_;
};

}  // namespace slipway::worker::testing
