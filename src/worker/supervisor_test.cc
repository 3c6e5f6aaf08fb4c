#include "worker/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "base/random.h"
#include "contracts/backend/testing/memory_files.h"
#include "io/testing/temp_dir.h"
#include "net/loop/loop.h"
#include "worker/poison_list.h"
#include "worker/workers_testing.h"

namespace slipway::worker {
namespace {

using backend::testing::MemoryModelFiles;
using namespace testing;

TEST_F(Workers, AnswerAsTheModelDoes) {
  auto instance = load();
  ASSERT_NE(instance, nullptr);
  EXPECT_EQ(instance->signature().outputs[1], (TensorSpec{"z", DType::kBytes, {-1}}));
  EXPECT_EQ(std::vector<std::string>(instance->labels().begin(), instance->labels().end()),
            (std::vector<std::string>{"good", "bad"}));
  const auto answer = ask(*instance, {1, 2, 3, 4})->answer.get();
  ASSERT_TRUE(answer.ok()) << answer.status().to_string();
  ASSERT_EQ(answer->outputs.size(), 2U);
  EXPECT_EQ(answer->outputs[0].name, "y");
  EXPECT_EQ(answer->outputs[0].tensor.shape, (Shape{2, 2}));
  EXPECT_EQ(floats(answer->outputs[0].tensor), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(as_text(answer->outputs[1].tensor.data.subspan(4)), "sum 10");
  const std::size_t second[] = {1};
  const auto asked = ask(*instance, {1, 1}, second);
  const auto one = asked->answer.get();
  ASSERT_TRUE(one.ok());
  ASSERT_EQ(one->outputs.size(), 1U);
  EXPECT_EQ(one->outputs[0].name, "z");
}

TEST_F(Workers, PassEveryKindOfInputThrough) {
  auto instance = load();
  EXPECT_TRUE(ask(*instance, std::vector<float>{})->answer.get().ok()) << "no rows";
  const std::vector<float> million(std::size_t{1} << 20U, 2);
  const auto large = ask(*instance, million)->answer.get();
  ASSERT_TRUE(large.ok()) << large.status().to_string();
  EXPECT_EQ(floats(large->outputs[0].tensor), million);
  const std::string shifted = "x12345678";
  const TensorView unaligned{DType::kFp32, {1, 2}, as_bytes(shifted).subspan(1)};
  std::promise<bool> same;
  instance->submit({&unaligned, 1}, {}, [&](Result<infer::Response> response) {
    same.set_value(response.ok() && as_text(response->outputs[0].tensor.data) == "12345678");
  });
  EXPECT_TRUE(same.get_future().get());
  const std::size_t unknown[] = {2};
  EXPECT_EQ(id_of(ask(*instance, {1, 1}, unknown)->answer.get()), "backend.input");
}

TEST_F(Workers, KeepLargeAnswersUntilTheyAreLetGo) {
  auto instance = load();
  // Without BYTES, so that they stay where the worker wrote them.
  const std::size_t first[] = {0};
  std::vector<Result<infer::Response>> kept;
  for (int i = 0; i < 8; ++i) {
    kept.push_back(ask(*instance, {static_cast<float>(Deed::kLarge), 100'000}, first)->answer.get());
  }
  auto killed = ask(*instance, Deed::kCrash);
  EXPECT_EQ(id_of(killed->answer.get()), "backend.worker_died");
  instance.reset();
  for (const auto& answer : kept) {
    ASSERT_TRUE(answer.ok()) << answer.status().to_string();
    const auto values = floats(answer->outputs[0].tensor);
    ASSERT_EQ(values.size(), 200'000U);
    EXPECT_EQ(values[1234], 234);
  }
}

TEST_F(Workers, UseTheMemoryOfLargeAnswersAgain) {
  auto instance = load();
  const std::size_t first[] = {0};
  for (int i = 0; i < 50; ++i) {  // 50 x 8 MB through 64 MiB
    EXPECT_EQ(id_of(ask(*instance, {static_cast<float>(Deed::kLarge), 1'000'000}, first)->answer.get()),
              "ok");
  }
  const auto too_large = ask(*instance, {static_cast<float>(Deed::kLarge), 9'000'000}, first);
  EXPECT_EQ(id_of(too_large->answer.get()), "backend.output_size");
}

TEST_F(Workers, GiveAnErrorForWhatTheModelDoesWrong) {
  auto instance = load();
  for (const Deed deed : {Deed::kWrongShape, Deed::kWrongType, Deed::kTooFew}) {
    EXPECT_EQ(id_of(ask(*instance, deed)->answer.get()), "backend.run") << static_cast<int>(deed);
  }
  const auto refused = ask(*instance, Deed::kRefuse)->answer.get();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message(), "refused on demand");
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(refused.error().reach(), Reach::kModel);
  ASSERT_EQ(refused.error().faults().size(), 1U);
  EXPECT_EQ(refused.error().faults()[0].fix, "send another number");
  const auto nan = ask(*instance, Deed::kNotANumber)->answer.get();
  ASSERT_TRUE(nan.ok());
  EXPECT_TRUE(std::isnan(floats(nan->outputs[0].tensor)[0])) << "what a model answers is its own affair";
  EXPECT_TRUE(ask(*instance, Deed::kPrint)->answer.get().ok());
  EXPECT_TRUE(witness_.kinds().empty());
}

TEST_F(Workers, LoadWithTheErrorsOfTheBackend) {
  const auto refused = backend_->load(MemoryModelFiles("BAD refuse\n"), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().id(), "backend.load");
  EXPECT_EQ(refused.error().faults().size(), 1U);
  const auto missing = backend_->load(MemoryModelFiles("BAD ask\n"), {});
  EXPECT_EQ(missing.error().id(), "model.file_missing");
  EXPECT_EQ(look().size(), 0U) << "nothing is left of a worker that could not load";
}

TEST_F(Workers, SurviveModelsThatKillTheirLoader) {
  const auto crashed = backend_->load(MemoryModelFiles("BAD crash\n"), {});
  ASSERT_FALSE(crashed.ok());
  EXPECT_EQ(crashed.error().id(), "backend.worker_died");
  EXPECT_NE(crashed.error().message().find("loaded the model"), std::string::npos);
  const auto exited = backend_->load(MemoryModelFiles("BAD exit\n"), {});
  EXPECT_NE(exited.error().message().find("exit code 5"), std::string::npos) << exited.error().message();
}

TEST_F(Workers, GetFilesThatTheModelNamesAgainAfterADeath) {
  MemoryModelFiles files("BAD ask\n");
  files.add("extra", "more");
  auto instance = backend_->load(files, {});
  ASSERT_TRUE(instance.ok()) << instance.status().to_string();
  EXPECT_EQ(id_of(ask(**instance, Deed::kCrash)->answer.get()), "backend.worker_died");
  witness_.wait_for_ready(2);
  EXPECT_TRUE(ask(**instance, {1, 2})->answer.get().ok());
}

TEST_F(Workers, DieForOneRequestOnly) {
  auto instance = load();
  auto other = load();
  const std::pair<Deed, std::string> rows[] = {
      {Deed::kCrash, "signal"}, {Deed::kExit, "exit"}, {Deed::kAbort, "signal"}};
  std::size_t deaths = 0;
  for (const auto& [deed, kind] : rows) {
    const auto answer = ask(*instance, deed)->answer.get();
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().id(), "backend.worker_died");
    EXPECT_EQ(answer.error().code(), Code::kUnavailable);
    EXPECT_EQ(witness_.kinds().size(), ++deaths);
    EXPECT_EQ(witness_.kinds().back(), kind);
    EXPECT_TRUE(ask(*other, {5, 6})->answer.get().ok());
    EXPECT_TRUE(ask(*instance, {1, 2})->answer.get().ok()) << "the next worker runs what comes";
  }
}

TEST_F(Workers, RunWhatWaitedForTheDead) {
  auto instance = load();
  // One run thread: the first hangs in it, the others wait behind.
  auto stuck = ask(*instance, Deed::kHang);
  std::vector<std::unique_ptr<Asked>> waiting;
  for (int i = 0; i < 10; ++i) waiting.push_back(ask(*instance, {static_cast<float>(i), 0}));
  logger_.wait_for("test.hangs", 1);
  ::kill(look().at(0).pid, SIGKILL);
  EXPECT_EQ(id_of(stuck->answer.get()), "backend.worker_died");
  for (int i = 0; i < 10; ++i) {
    const auto answer = waiting[static_cast<std::size_t>(i)]->answer.get();
    ASSERT_TRUE(answer.ok()) << answer.status().to_string();
    EXPECT_EQ(floats(answer->outputs[0].tensor)[0], static_cast<float>(i));
  }
}

TEST_F(Workers, RefuseWhatDoesNotFit) {
  start(clock_, 4);
  auto instance = load();
  auto stuck = ask(*instance, Deed::kHang);
  std::vector<std::unique_ptr<Asked>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(ask(*instance, {1, 2}));
  const auto full = ask(*instance, {1, 2})->answer.get();
  EXPECT_EQ(id_of(full), "backend.worker_full");
  EXPECT_EQ(full.error().code(), Code::kResourceExhausted);
  logger_.wait_for("test.hangs", 1);
  ::kill(look().at(0).pid, SIGKILL);
  EXPECT_EQ(id_of(stuck->answer.get()), "backend.worker_died");
  for (auto& asked : waiting) {
    const auto answer = asked->answer.get();
    EXPECT_TRUE(answer.ok()) << answer.status().to_string();
  }
  const std::vector<float> huge((std::size_t{65} << 20U) / sizeof(float), 1);
  EXPECT_EQ(id_of(ask(*instance, huge)->answer.get()), "backend.request_size");
}

TEST_F(Workers, RefuseARequestThatKilledTwiceAlsoAfterARestart) {
  const io::testing::TempDir folder;
  const auto files = io::make_os_filesystem();
  std::unique_ptr<backend::Instance> instance;
  // As a new process of the server does, with the same state.
  const auto restart = [&](const std::string& model) {
    instance.reset();
    backend_.reset();
    supervisor_.reset();
    poison_ = PoisonList::open(*files, folder / "poison.json", shared_clock_).value();
    start(shared_clock_);
    instance = load(model);
  };
  const auto crash = [&](float number) { return id_of(ask(*instance, Deed::kCrash, number)->answer.get()); };
  restart("BAD ok\n");
  EXPECT_EQ(crash(3), "backend.worker_died");
  restart("BAD ok\n");
  EXPECT_EQ(crash(3), "backend.worker_died");
  restart("BAD ok\n");
  EXPECT_EQ(crash(3), "backend.poisoned");
  EXPECT_TRUE(ask(*instance, {1, 2})->answer.get().ok());
  restart("BAD ok \n");
  EXPECT_EQ(crash(3), "backend.worker_died") << "another model";
  restart("BAD ok\n");
  shared_clock_.advance(std::chrono::minutes(10));
  EXPECT_EQ(crash(3), "backend.worker_died") << "forgotten";
  instance.reset();
  backend_.reset();
  supervisor_.reset();
}

TEST_F(Workers, RefuseARequestThatKilledTwice) {
  SharedClock& clock = shared_clock_;
  start(clock);
  auto instance = load();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(id_of(ask(*instance, Deed::kCrash, 3)->answer.get()), "backend.worker_died");
    pass(clock, std::chrono::seconds(1));  // the delay of the next start
    witness_.wait_for_ready(static_cast<std::size_t>(i) + 2);
  }
  const auto refused = ask(*instance, Deed::kCrash, 3)->answer.get();
  EXPECT_EQ(id_of(refused), "backend.poisoned");
  EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
  EXPECT_TRUE(ask(*instance, {1, 2})->answer.get().ok());
  EXPECT_EQ(id_of(ask(*instance, Deed::kCrash, 4)->answer.get()), "backend.worker_died") << "other data";
  pass(clock, std::chrono::seconds(40));
  witness_.wait_for_ready(4);
  clock.advance(std::chrono::minutes(10));
  EXPECT_EQ(id_of(ask(*instance, Deed::kCrash, 3)->answer.get()), "backend.worker_died") << "forgotten";
}

TEST_F(Workers, AreReplacedWhenTheyHang) {
  SharedClock& clock = shared_clock_;
  start(clock);
  backend::LoadOptions options;
  options.process.run_floor = std::chrono::seconds(10);
  auto instance = load("BAD ok\n", options);
  EXPECT_TRUE(ask(*instance, {1, 2})->answer.get().ok());
  auto stuck = ask(*instance, Deed::kHang);
  auto behind = ask(*instance, {3, 4});
  logger_.wait_for("test.hangs", 1);
  watch_twice(clock, options.process.run_floor);
  EXPECT_EQ(id_of(stuck->answer.get()), "backend.worker_died");
  EXPECT_TRUE(behind->answer.get().ok());
  EXPECT_EQ(witness_.kinds(), (std::vector<std::string>{"watchdog"}));
}

TEST_F(Workers, AreReplacedWhenTheyAreStopped) {
  SharedClock& clock = shared_clock_;
  start(clock);
  auto instance = load();
  EXPECT_TRUE(ask(*instance, {1, 2})->answer.get().ok());
  const int pid = look().at(0).pid;
  ::kill(pid, SIGSTOP);
  while (!is_stopped(pid)) std::this_thread::yield();
  auto waiting = ask(*instance, {3, 4});
  watch_twice(clock, backend::ProcessLimits{}.run_floor);
  EXPECT_TRUE(waiting->answer.get().ok()) << "it was never begun";
  EXPECT_EQ(witness_.kinds(), (std::vector<std::string>{"watchdog"}));
}

TEST_F(Workers, AreReplacedWhenTheyLeak) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory is above any limit";
#endif
  backend::LoadOptions options;
  options.process.memory_bytes = std::size_t{128} << 20U;
  auto instance = load("BAD ok\n", options);
  const auto exhausted = ask(*instance, Deed::kExhaust)->answer.get();
  EXPECT_EQ(id_of(exhausted), "backend.worker_died");
  EXPECT_EQ(witness_.kinds().back(), "memory");
  EXPECT_TRUE(ask(*instance, {1, 2})->answer.get().ok());
  // A leak below the wall is seen by the watch.
  for (int i = 0; i < 4; ++i) EXPECT_NE(id_of(ask(*instance, Deed::kLeak)->answer.get()), "");
  witness_.wait_for_deaths(2);
  EXPECT_EQ(witness_.kinds().back(), "memory");
  EXPECT_TRUE(ask(*instance, {1, 2})->answer.get().ok());
}

TEST_F(Workers, AreKeptFromWhatAModelDoesNotNeed) {
  auto instance = load();
  ASSERT_NE(instance, nullptr);
  EXPECT_NE(look().at(0).confined_by.find("seccomp"), std::string::npos) << look().at(0).confined_by;
  const Deed deeds[] = {Deed::kOpenFile, Deed::kWriteFile, Deed::kListFolder, Deed::kSocket,   Deed::kExecute,
                        Deed::kFork,     Deed::kTrace,     Deed::kSignal,     Deed::kNamespace};
  for (const Deed deed : deeds) {
    const auto answer = ask(*instance, deed)->answer.get();
    ASSERT_TRUE(answer.ok()) << answer.status().to_string();
    const auto error = static_cast<int>(floats(answer->outputs[0].tensor)[0]);
    EXPECT_TRUE(error == EPERM || error == EACCES) << static_cast<int>(deed) << " gave " << error;
  }
  EXPECT_TRUE(ask(*instance, {1, 2})->answer.get().ok());
  EXPECT_TRUE(witness_.kinds().empty()) << "what is refused does not end the worker";
}

TEST_F(Workers, AreNotKeptWhereThatIsOff) {
  backend::LoadOptions options;
  options.process.sandbox = false;
  auto instance = load("BAD ok\n", options);
  ASSERT_NE(instance, nullptr);
  logger_.wait_for("worker.sandbox", 1);
  EXPECT_EQ(look().at(0).confined_by, "limits");
  const auto answer = ask(*instance, Deed::kOpenFile)->answer.get();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(floats(answer->outputs[0].tensor)[0], 0) << "or the other test proves nothing";
}

TEST_F(Workers, AnswerOnTheLoopThatAsked) {
  auto instance = load();
  auto loop = net::Loop::create(clock_).value();
  const auto me = std::this_thread::get_id();
  const Tensor tensor = Tensor::of<float>({1, 2}, std::vector<float>{1, 2});
  const TensorView view = tensor.view();
  bool answered = false;
  bool same_thread = false;
  loop->post([&] {
    instance->submit({&view, 1}, {}, [&](Result<infer::Response> response) {
      answered = response.ok();
      same_thread = std::this_thread::get_id() == me;
    });
  });
  while (!answered) loop->run_once(Duration::max());
  EXPECT_TRUE(same_thread);
}

TEST_F(Workers, AnswerWhatALoopAskedThatHasEnded) {
  auto instance = load();
  auto stuck = ask(*instance, Deed::kHang);  // so that the loop ends before its answer is there
  auto loop = net::Loop::create(clock_).value();
  const Tensor tensor = Tensor::of<float>({1, 2}, std::vector<float>{1, 2});
  const TensorView view = tensor.view();
  std::promise<bool> answered;
  loop->post([&] {
    instance->submit({&view, 1}, {},
                     [&](Result<infer::Response> response) { answered.set_value(response.ok()); });
  });
  loop->run_once(Duration::zero());
  loop.reset();
  logger_.wait_for("test.hangs", 1);
  ::kill(look().at(0).pid, SIGKILL);
  EXPECT_FALSE(stuck->answer.get().ok());
  EXPECT_TRUE(answered.get_future().get());
}

TEST_F(Workers, LetTheLastCompletionDestroyTheInstance) {
  auto instance = load();
  auto asked = std::make_unique<Asked>();
  asked->tensor = Tensor::of<float>({1, 2}, std::vector<float>{1, 2});
  asked->view = asked->tensor.view();
  std::promise<bool> destroyed;
  instance->submit({&asked->view, 1}, {}, [&](Result<infer::Response> response) {
    instance.reset();
    destroyed.set_value(response.ok());
  });
  EXPECT_TRUE(destroyed.get_future().get());
}

TEST_F(Workers, LeaveNoProcessAndNoDescriptorBehind) {
  const auto descriptors = [] {
    const std::filesystem::directory_iterator begin("/proc/self/fd");
    return std::distance(begin, std::filesystem::directory_iterator());
  };
  {
    auto first = load();
    EXPECT_TRUE(ask(*first, {1, 2})->answer.get().ok());  // so that the loop that asks is there
  }
  let_go();
  const auto before = descriptors();
  for (int i = 0; i < 10; ++i) {
    auto instance = load();
    if (i % 2 == 0) {
      EXPECT_EQ(id_of(ask(*instance, Deed::kCrash)->answer.get()), "backend.worker_died");
    }
  }
  EXPECT_TRUE(look().empty());
  let_go();
  EXPECT_EQ(descriptors(), before);
}

TEST_F(Workers, SayWhyAProgramCannotBeStarted) {
  SupervisorOptions options;
  options.program.path = "/nonexistent/slipway";
  options.clock = &clock_;
  options.logger = &logger_;
  auto supervisor = Supervisor::create(options).value();
  auto backend = supervisor->isolated(*local_);
  const auto loaded = backend->load(MemoryModelFiles("BAD ok\n"), {});
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().id(), "worker.start");
  EXPECT_EQ(loaded.error().message(),
            "no worker could be started: /nonexistent/slipway cannot be run: No such file or directory");
  options.program.path = "/bin/true";  // starts, and is no worker
  supervisor = Supervisor::create(options).value();
  backend = supervisor->isolated(*local_);
  const auto ended = backend->load(MemoryModelFiles("BAD ok\n"), {});
  EXPECT_EQ(ended.error().id(), "backend.worker_died");
  EXPECT_EQ(ended.error().message(), "the worker died before it could load the model: exit code 0");
}

TEST_F(Workers, GiveEachRequestOneAnswerWhileTheyAreKilled) {
  SharedClock& clock = shared_clock_;
  start(clock);
  backend::LoadOptions options;
  options.process.run_floor = std::chrono::hours(24);  // the clock jumps below
  auto victim = load("BAD ok\n", options);
  auto other = load("BAD ok\n", options);
  std::atomic<bool> stop = false;
  std::atomic<int> answered_victim = 0, wrong = 0, other_failed = 0, answered_other = 0;
  const auto client = [&](backend::Instance& instance, std::atomic<int>& failed, std::atomic<int>& answered) {
    Random random(7);
    while (!stop.load()) {
      // More than one at once, of different sizes.
      std::vector<std::unique_ptr<Asked>> batch;
      for (int i = 0; i < 8; ++i) {
        std::vector<float> x(2 * (1 + random.below(i == 0 ? 5000 : 10)));
        for (float& value : x) value = static_cast<float>(random.below(1000));
        batch.push_back(ask(instance, x));
      }
      for (auto& one : batch) {
        const auto answer = one->answer.get();  // a second answer would throw in set_value
        ++answered;
        if (answer.ok() && floats(answer->outputs[0].tensor) != one->x) ++wrong;
        if (!answer.ok()) ++failed;
      }
    }
  };
  std::atomic<int> victim_failed = 0;
  std::thread first(client, std::ref(*victim), std::ref(victim_failed), std::ref(answered_victim));
  std::thread second(client, std::ref(*other), std::ref(other_failed), std::ref(answered_other));
  Random random(42);
  for (std::size_t deaths = 1; deaths <= 8; ++deaths) {
    // A moment that depends on how many answers came, not on the time.
    const int until = answered_victim.load() + static_cast<int>(random.below(200));
    while (answered_victim.load() < until) std::this_thread::yield();
    clock.advance(std::chrono::minutes(1));  // a life so long that the next start is not delayed
    ::kill(look().at(0).pid, SIGKILL);       // the one that was loaded first
    witness_.wait_for_deaths(deaths);
    witness_.wait_for_ready(2 + deaths);
  }
  stop = true;
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(other_failed, 0);
  EXPECT_GT(answered_victim, 0);
  EXPECT_GT(answered_other, 0);
  EXPECT_LE(victim_failed, 8) << "one run thread: a death costs the request that ran, or none";
  EXPECT_EQ(witness_.kinds().size(), 8U);
}

}  // namespace
}  // namespace slipway::worker
