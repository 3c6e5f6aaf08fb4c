// A worker as the system sees it: started, watched, ended, and why it died.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/loop/fd.h"

namespace slipway::worker {

/// The descriptor number under which a worker finds its socket.
inline constexpr int kChannelDescriptor = 3;

/// What a worker ends with when it runs out of memory, so that the front can tell.
inline constexpr int kExitOutOfMemory = 86;

/// What is started as a worker: this very program, by a word that only it knows.
struct Program {
  std::string path = "/proc/self/exe";
  std::vector<std::string> words = {"slipway", "worker"};  ///< the first is the program's name for ps
  std::vector<std::string> environment;                    ///< "NAME=value"; nothing else is passed on
};

/// How a process ended.
struct Exit {
  enum class Kind : std::uint8_t { kCode, kSignal };
  Kind kind = Kind::kCode;
  int value = 0;

  /// "signal 11 (Segmentation fault)", "exit code 3", "out of memory".
  [[nodiscard]] std::string to_string() const;
  /// A word for metrics: "signal", "exit", "memory".
  [[nodiscard]] std::string_view kind_name() const;
};

/// A child. Destroying it kills and reaps it. Thread: confined to the thread that started it, since the
/// system ends the child with that thread.
class Process {
 public:
  Process() = default;
  ~Process();
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;

  /// Runs the program with `channel` as descriptor kChannelDescriptor, standard error as here, and no other
  /// descriptor. Errors: worker.start.
  static Result<Process> start(const Program& program, int channel);

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Readable once it has ended.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  [[nodiscard]] bool running() const { return pid_ > 0; }
  void kill();
  /// Waits for its end, which must be near, and gives it.
  Exit reap();
  /// Bytes of memory that it has in use and shares with nobody's file; nothing when that cannot be read.
  [[nodiscard]] std::optional<std::uint64_t> memory_bytes() const;

 private:
  pid_t pid_ = 0;
  net::Fd pidfd_;
};

}  // namespace slipway::worker
