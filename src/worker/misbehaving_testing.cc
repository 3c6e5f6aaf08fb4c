#include "worker/misbehaving_testing.h"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <utility>

#include "worker/worker.h"

extern char** environ;

namespace slipway::worker::testing {
namespace {

class Outputs final : public infer::OutputMemory {
 public:
  std::vector<Tensor> tensors;
};

// Not optimised away, unlike a loop or an allocation that nothing sees.
std::atomic<std::uint64_t> seen{0};

[[noreturn]] void hang(Logger& logger) {
  logger.info("test.hangs", "a run hangs on demand");
  while (true) seen.fetch_add(1, std::memory_order_relaxed);
}

// Past the handlers that sanitizers install.
void crash() {
  std::signal(SIGSEGV, SIG_DFL);
  std::raise(SIGSEGV);
}

void leak(std::size_t bytes) {
  auto* memory = std::make_unique<std::byte[]>(bytes).release();
  for (std::size_t i = 0; i < bytes; i += 4096) memory[i] = std::byte{1};
  seen.store(reinterpret_cast<std::uintptr_t>(memory));
}

int error_of(long outcome) { return outcome < 0 ? errno : 0; }

int try_to_fork() {
  const pid_t child = ::fork();
  if (child == 0) std::_Exit(0);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return error_of(child);
}

// What a model whose bytes have taken over its process would try. None of it does harm where it is let.
std::optional<int> trespass(Deed deed) {
  switch (deed) {
    case Deed::kOpenFile:
      return error_of(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    case Deed::kWriteFile: {
      const int outcome = ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
      return error_of(outcome);
    }
    case Deed::kListFolder:
      return error_of(::open("/tmp", O_DIRECTORY | O_RDONLY | O_CLOEXEC));
    case Deed::kSocket:
      return error_of(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    case Deed::kExecute: {
      pid_t child = 0;
      char word[] = "true";
      char* const words[] = {word, nullptr};
      const int failed = ::posix_spawn(&child, "/bin/true", nullptr, nullptr, words, environ);
      if (failed == 0) ::waitpid(child, nullptr, 0);
      // And in its own place, by a path that is none, which would fail in another way.
      return failed == 0 || (::execve("", words, environ) < 0 && errno == ENOENT) ? 0 : failed;
    }
    case Deed::kFork:
      return try_to_fork();
    case Deed::kTrace:
      return error_of(::ptrace(PTRACE_SEIZE, ::getppid(), nullptr, nullptr));
    case Deed::kSignal:
      return error_of(::kill(::getppid(), 0));
    case Deed::kNamespace:
      return error_of(::unshare(CLONE_NEWUSER));
    default:
      return std::nullopt;
  }
}

class BadInstance final : public backend::Instance {
 public:
  explicit BadInstance(Logger& logger) : logger_(logger) {}
  const Signature& signature() const override { return signature_; }
  std::span<const std::string> labels() const override { return labels_; }
  void submit(std::span<const TensorView> inputs, std::span<const std::size_t> outputs,
              backend::Completion done) override {
    done(run(inputs, outputs));
  }

 private:
  Result<infer::Response> run(std::span<const TensorView> inputs, std::span<const std::size_t> wanted) {
    if (inputs.size() != 1 || inputs[0].dtype != DType::kFp32 || inputs[0].shape.rank() != 2) {
      return invalid_argument("backend.input", "x FP32 [-1,2] is due");
    }
    std::vector<float> x(inputs[0].data.size() / sizeof(float));
    if (!x.empty()) std::memcpy(x.data(), inputs[0].data.data(), inputs[0].data.size());
    const int deed = x.empty() ? 0 : static_cast<int>(x[0]);
    if (auto error = misbehave(static_cast<Deed>(deed))) return *std::move(error);
    if (const auto error = trespass(static_cast<Deed>(deed))) x.assign(x.size(), static_cast<float>(*error));
    return answer(static_cast<Deed>(deed), x, inputs[0].shape, wanted);
  }

  std::optional<Error> misbehave(Deed deed) {
    switch (deed) {
      case Deed::kCrash:
        crash();
        break;
      case Deed::kExit:
        std::_Exit(7);
      case Deed::kAbort:
        std::abort();
      case Deed::kHang:
        hang(logger_);
      case Deed::kLeak:
        leak(std::size_t{64} << 20U);
        break;
      case Deed::kExhaust:
        while (true) leak(std::size_t{64} << 20U);
      case Deed::kPrint:
        std::puts("a model's library prints");
        std::fflush(stdout);
        break;
      case Deed::kRefuse:
        return invalid_argument("backend.run", "refused on demand")
            .with_fault({"x[0]", "was a deed", "send another number"})
            .with_reach(Reach::kModel);
      default:
        break;
    }
    return std::nullopt;
  }

  static Result<infer::Response> answer(Deed deed, std::vector<float> x, Shape shape,
                                        std::span<const std::size_t> wanted) {
    if (deed == Deed::kNotANumber) x.assign(x.size(), std::numeric_limits<float>::quiet_NaN());
    if (deed == Deed::kLarge) {
      const auto rows = static_cast<std::size_t>(x[1]);
      shape = Shape{static_cast<std::int64_t>(rows), 2};
      x.assign(rows * 2, 0);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 1000);
    }
    auto memory = std::make_unique<Outputs>();
    memory->tensors.push_back(Tensor::of<float>(shape, x));
    double sum = 0;
    for (const float value : x) sum += value;
    const std::string text = "sum " + std::to_string(static_cast<long>(std::isnan(sum) ? 0 : sum));
    memory->tensors.push_back(Tensor::of_strings({1}, std::span(&text, 1)));
    infer::Response response;
    const auto give = [&](std::size_t i) { response.outputs.push_back({"", memory->tensors[i].view()}); };
    for (const std::size_t i : wanted) give(i);
    if (wanted.empty()) {
      give(0);
      give(1);
    }
    TensorView& first = response.outputs[0].tensor;
    if (deed == Deed::kWrongShape) first.data = first.data.first(first.data.size() / 2);
    if (deed == Deed::kWrongType) first.dtype = DType::kInt32;
    if (deed == Deed::kTooFew) response.outputs.pop_back();
    response.memory = std::move(memory);
    return response;
  }

  Logger& logger_;
  Signature signature_{{{"x", DType::kFp32, {-1, 2}}},
                       {{"y", DType::kFp32, {-1, 2}}, {"z", DType::kBytes, {-1}}}};
  std::vector<std::string> labels_ = {"good", "bad"};
};

class BadBackend final : public backend::Backend {
 public:
  explicit BadBackend(Logger& logger) : logger_(logger) {}
  std::string_view name() const override { return "misbehaving"; }
  bool probe(ByteView model) const override { return as_text(model).starts_with("BAD"); }
  backend::BackendInfo info() override { return {"misbehaving", "1", "built in", ""}; }

  Result<std::unique_ptr<backend::Instance>> load(const backend::ModelFiles& files,
                                                  const backend::LoadOptions&) override {
    SLIPWAY_ASSIGN_OR_RETURN(const ByteView content, files.read(files.main()));
    const std::string_view text = as_text(content);
    const std::string_view word = text.substr(0, text.find('\n'));
    if (word == "BAD refuse") {
      return invalid_argument("backend.load", "refused on demand").with_fault({"model", "is bad", "mend it"});
    }
    if (word == "BAD crash") crash();
    if (word == "BAD exit") std::_Exit(5);
    if (word == "BAD hang") hang(logger_);
    if (word.starts_with("BAD once ")) {
      const std::string mark(word.substr(9));
      if (::access(mark.c_str(), F_OK) == 0) return data_loss("backend.load", "it loads only once");
      std::ofstream(mark) << "loaded";
    }
    if (word == "BAD ask") {
      SLIPWAY_ASSIGN_OR_RETURN(const ByteView extra, files.read("extra"));
      if (as_text(extra) != "more") return data_loss("backend.external_data", "extra is not what it was");
    }
    return std::unique_ptr<backend::Instance>(std::make_unique<BadInstance>(logger_));
  }

 private:
  Logger& logger_;
};

}  // namespace

std::unique_ptr<backend::Backend> make_misbehaving_backend(Logger& logger) {
  return std::make_unique<BadBackend>(logger);
}

bool run_as_worker(int argc, char** argv, int& code) {
  if (argc < 2 || std::string_view(argv[1]) != "worker") return false;
  const SystemClock clock;
  WorkerOptions options;
  options.clock = &clock;
  options.make_backends = [](Logger& logger) {
    std::vector<std::unique_ptr<backend::Backend>> backends;
    backends.push_back(make_misbehaving_backend(logger));
    return backends;
  };
  code = run_worker(options, {argv + 2, argv + argc});
  return true;
}

void Listener::write(LogLevel, std::string_view event, std::string_view, std::initializer_list<LogField>) {
  const std::lock_guard lock(mutex_);
  ++lines_[std::string(event)];
  changed_.notify_all();
}

void Listener::wait_for(std::string_view event, std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    const auto at = lines_.find(event);
    return at != lines_.end() && at->second >= count;
  });
}

void Witness::worker_ready(std::string_view) {
  const std::lock_guard lock(mutex_);
  ++ready_;
  changed_.notify_all();
}

void Witness::worker_died(std::string_view, std::string_view kind) {
  const std::lock_guard lock(mutex_);
  kinds_.emplace_back(kind);
  changed_.notify_all();
}

void Witness::wait_for_deaths(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return kinds_.size() >= count; });
}

void Witness::wait_for_ready(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ready_ >= count; });
}

std::vector<std::string> Witness::kinds() const {
  const std::lock_guard lock(mutex_);
  return kinds_;
}

Program test_program() {
  Program program;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (text.find("SAN_OPTIONS=") != std::string_view::npos) program.environment.emplace_back(text);
  }
  return program;
}

}  // namespace slipway::worker::testing
