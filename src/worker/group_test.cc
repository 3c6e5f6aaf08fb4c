// Models that share a worker process.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <set>
#include <thread>

#include "base/random.h"
#include "worker/workers_testing.h"

namespace slipway::worker {
namespace {

using namespace testing;

class Groups : public Workers {
 protected:
  static backend::LoadOptions in(const std::string& group) {
    backend::LoadOptions options;
    options.process.group = group;
    return options;
  }
  std::unique_ptr<backend::Instance> load_in(const std::string& group,
                                             const std::string& model = "BAD ok\n") {
    return load(model, in(group));
  }
  std::set<int> pids() {
    std::set<int> all;
    for (const WorkerStatus& status : look()) all.insert(status.pid);
    return all;
  }
};

TEST_F(Groups, ShareAProcess) {
  const auto first = load_in("small"), second = load_in("small"), other = load_in("large"), alone = load();
  const auto status = look();
  ASSERT_EQ(status.size(), 4U);
  EXPECT_EQ(status[0].pid, status[1].pid);
  EXPECT_EQ(status[1].group, "small");
  EXPECT_EQ(pids().size(), 3U);
  EXPECT_EQ(floats(ask(*first, {1, 2})->answer.get()->outputs[0].tensor), (std::vector<float>{1, 2}));
  EXPECT_EQ(floats(ask(*second, {3, 4})->answer.get()->outputs[0].tensor), (std::vector<float>{3, 4}));
}

TEST_F(Groups, DieTogetherAndAlone) {
  const auto first = load_in("small"), second = load_in("small"), alone = load();
  const auto before = look();
  EXPECT_EQ(id_of(ask(*first, Deed::kCrash)->answer.get()), "backend.worker_died");
  EXPECT_TRUE(ask(*second, {1, 2})->answer.get().ok()) << "the next worker has it too";
  EXPECT_TRUE(ask(*first, {1, 2})->answer.get().ok());
  const auto after = look();
  EXPECT_NE(after[0].pid, before[0].pid);
  EXPECT_EQ(after[0].pid, after[1].pid);
  EXPECT_EQ(after[2].pid, before[2].pid);
  EXPECT_EQ(witness_.kinds(), (std::vector<std::string>{"signal", "signal"}))
      << "one for each that was there";
}

TEST_F(Groups, RefuseARequestThatKilledTwiceAtThatModelOnly) {
  const auto first = load_in("small"), second = load_in("small");
  EXPECT_EQ(id_of(ask(*first, Deed::kExit)->answer.get()), "backend.worker_died");
  EXPECT_EQ(id_of(ask(*first, Deed::kExit)->answer.get()), "backend.worker_died");
  EXPECT_EQ(id_of(ask(*first, Deed::kExit)->answer.get()), "backend.poisoned");
  EXPECT_EQ(id_of(ask(*second, Deed::kExit)->answer.get()), "backend.worker_died");
}

TEST_F(Groups, EndWithTheirLastModel) {
  auto first = load_in("small");
  auto second = load_in("small");
  const int pid = *pids().begin();
  first.reset();
  EXPECT_TRUE(ask(*second, {1, 2})->answer.get().ok());
  EXPECT_EQ(pids(), std::set<int>{pid});
  auto third = load_in("small");
  EXPECT_EQ(pids(), std::set<int>{pid});
  second.reset();
  EXPECT_TRUE(ask(*third, {1, 2})->answer.get().ok());
  third.reset();
  EXPECT_TRUE(look().empty());
  EXPECT_TRUE(::kill(pid, 0) != 0 && errno == ESRCH);
  EXPECT_TRUE(ask(*load_in("small"), {1, 2})->answer.get().ok()) << "and begins again";
}

TEST_F(Groups, HaveOneSetOfLimits) {
  const auto first = load_in("small");
  auto options = in("small");
  options.process.niceness = 5;
  const auto other = backend_->load(MemoryModelFiles("BAD ok\n"), options);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().id(), "worker.group");
  EXPECT_EQ(look().size(), 1U);
}

TEST_F(Groups, GoOnBesideAModelThatDoesNotLoad) {
  const auto first = load_in("small");
  const auto before = pids();
  EXPECT_EQ(backend_->load(MemoryModelFiles("BAD refuse\n"), in("small")).error().id(), "backend.load");
  EXPECT_EQ(pids(), before);
  EXPECT_TRUE(ask(*first, {1, 2})->answer.get().ok());
  const auto crashed = backend_->load(MemoryModelFiles("BAD crash\n"), in("small"));
  ASSERT_FALSE(crashed.ok());
  EXPECT_EQ(crashed.error().id(), "backend.worker_died");
  EXPECT_TRUE(ask(*first, {1, 2})->answer.get().ok());
  EXPECT_EQ(look().size(), 1U);
}

TEST_F(Groups, LeaveOutAModelThatDoesNotLoadAgainForAWhile) {
  SharedClock& clock = shared_clock_;
  start(clock);
  const std::filesystem::path mark =
      std::filesystem::temp_directory_path() / ("slipway-once-" + std::to_string(::getpid()));
  auto options = in("small");
  options.process.sandbox = false;  // it writes a file
  auto first = load("BAD ok\n", options);
  const auto once = load("BAD once " + mark.string() + "\n", options);
  EXPECT_TRUE(ask(*once, {1, 2})->answer.get().ok());
  EXPECT_EQ(id_of(ask(*first, Deed::kCrash)->answer.get()), "backend.worker_died");
  EXPECT_TRUE(ask(*first, {1, 2})->answer.get().ok());
  logger_.wait_for("worker.load", 1);
  EXPECT_EQ(id_of(ask(*once, {1, 2})->answer.get()), "backend.load");
  std::filesystem::remove(mark);
  pass(clock, std::chrono::seconds(31));
  witness_.wait_for_ready(4);
  EXPECT_TRUE(ask(*once, {1, 2})->answer.get().ok());
  std::filesystem::remove(mark);
}

TEST_F(Groups, AreReplacedAfterTheHangOfOne) {
  SharedClock& clock = shared_clock_;
  start(clock);
  auto patient = in("small"), quick = in("small");
  patient.process.run_floor = std::chrono::hours(1);
  quick.process.run_floor = std::chrono::seconds(1);
  const auto first = load("BAD ok\n", patient), second = load("BAD ok\n", quick);
  auto stuck = ask(*second, Deed::kHang);
  logger_.wait_for("test.hangs", 1);
  watch_twice(clock, std::chrono::seconds(7));
  EXPECT_EQ(id_of(stuck->answer.get()), "backend.worker_died");
  EXPECT_EQ(witness_.kinds().at(0), "watchdog");
  EXPECT_TRUE(ask(*first, {1, 2})->answer.get().ok());
}

TEST_F(Groups, GiveEachRequestOneAnswerWhileModelsComeGoAndDie) {
  SharedClock& clock = shared_clock_;
  start(clock);
  auto lasting = in("small");
  lasting.process.run_floor = std::chrono::hours(24);  // the clock jumps below
  const auto stays = load("BAD ok\n", lasting);
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0, asked = 0;
  const auto ask_some = [&](backend::Instance& instance, Random& random) {
    std::vector<std::unique_ptr<Asked>> batch;
    for (int i = 0; i < 4; ++i) {
      std::vector<float> x(2 * (1 + random.below(i == 0 ? 5000 : 10)));
      for (float& value : x) value = static_cast<float>(random.below(1000));
      batch.push_back(ask(instance, x));
    }
    for (auto& one : batch) {
      const auto answer = one->answer.get();  // a second answer would throw in set_value
      ++asked;
      if (answer.ok() && floats(answer->outputs[0].tensor) != one->x) ++wrong;
    }
  };
  std::thread comes_and_goes([&] {
    Random random(3);
    while (!stop.load()) {
      auto loaded = backend_->load(MemoryModelFiles("BAD ok\n"), lasting);  // may meet a death
      if (loaded.ok()) ask_some(**loaded, random);
    }
  });
  std::thread stays_there([&] {
    Random random(4);
    while (!stop.load()) ask_some(*stays, random);
  });
  Random random(42);
  for (std::size_t deaths = 0; deaths < 6; ++deaths) {
    const int until = asked.load() + static_cast<int>(random.below(100));
    while (asked.load() < until) std::this_thread::yield();
    clock.advance(std::chrono::minutes(1));  // a life so long that the next start is not delayed
    const std::set<int> running = pids();
    for (const int pid : running) {
      if (pid > 0) ::kill(pid, SIGKILL);
    }
    while (pids() == running) std::this_thread::yield();
  }
  stop = true;
  comes_and_goes.join();
  stays_there.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(ask(*stays, {1, 2})->answer.get().ok());
}

}  // namespace
}  // namespace slipway::worker
