#include "worker/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace slipway::worker {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

/// The attributes and file actions of a start, freed at the end.
class SpawnPlan {
 public:
  explicit SpawnPlan(int channel) {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&actions_);
    // The front blocks and ignores signals for its own purposes; the worker starts without that.
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_adddup2(&actions_, channel, kChannelDescriptor);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    // What a model's library prints must not get between the front's results.
    posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO);
  }
  ~SpawnPlan() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

}  // namespace

std::string Exit::to_string() const {
  if (kind == Kind::kCode) {
    if (value == kExitOutOfMemory) return "out of memory";
    return "exit code " + std::to_string(value);
  }
  const char* name = ::sigdescr_np(value);
  std::string text = "signal " + std::to_string(value);
  if (name != nullptr) text += " (" + std::string(name) + ")";
  if (value == SIGKILL) text += ", from outside: the system when memory is short, or a person";
  return text;
}

std::string_view Exit::kind_name() const {
  if (kind == Kind::kSignal) return "signal";
  return value == kExitOutOfMemory ? "memory" : "exit";
}

Process::~Process() {
  if (!running()) return;
  kill();
  reap();
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

Result<Process> Process::start(const Program& program, int channel) {
  const SpawnPlan plan(channel);
  const std::vector<char*> words = pointers(program.words);
  const std::vector<char*> environment = pointers(program.environment);
  Process process;
  const int failed = ::posix_spawn(&process.pid_, program.path.c_str(), plan.actions(), plan.attributes(),
                                   words.data(), environment.data());
  if (failed != 0) {
    process.pid_ = 0;
    return resource_exhausted("worker.start", program.path + " cannot be run: " + std::strerror(failed));
  }
  process.pidfd_ = net::Fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid_, 0)));
  if (!process.pidfd_.valid() && (errno == EMFILE || errno == ENFILE)) {
    return resource_exhausted("worker.start", std::string("no descriptor is left to watch a worker: ") +
                                                  std::strerror(errno) + "; raise the limit (ulimit -n)");
  }
  if (!process.pidfd_.valid()) {
    return unimplemented("worker.start", std::string("this system cannot watch a worker (pidfd_open: ") +
                                             std::strerror(errno) + "); use isolation inline");
  }
  return process;
}

void Process::kill() {
  // Not reaped yet, so the number is still its own.
  if (running()) ::kill(pid_, SIGKILL);
}

Exit Process::reap() {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
  }
  pid_ = 0;
  pidfd_.reset();
  if (info.si_code == CLD_EXITED) return {Exit::Kind::kCode, info.si_status};
  return {Exit::Kind::kSignal, info.si_status};
}

std::optional<std::uint64_t> Process::memory_bytes() const {
  const std::string path = "/proc/" + std::to_string(pid_) + "/statm";
  const net::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::nullopt;
  char text[256];
  const ssize_t got = ::read(file.get(), text, sizeof(text));
  if (got <= 0) return std::nullopt;
  // Pages: all, resident, resident and backed by files or shared memory.
  std::uint64_t pages[3] = {};
  const char* at = text;
  const char* const end = text + got;
  for (std::uint64_t& value : pages) {
    while (at < end && *at == ' ') ++at;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc()) return std::nullopt;
    at = next;
  }
  return (pages[1] - std::min(pages[1], pages[2])) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace slipway::worker
