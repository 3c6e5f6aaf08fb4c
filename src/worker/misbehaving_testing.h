// A backend that does what it must not, on demand, and the workers of tests: the test program runs itself
// again as a worker.
//
// A misbehaving model is a file that starts with "BAD"; the word after it says what loading does: "ok",
// "refuse", "crash", "exit", "hang", "ask" (reads a second file "extra"), "once PATH" (fails where that file
// is, and writes it). It takes x FP32 [-1,2] and gives y FP32
// [-1,2] and z BYTES [-1]; the first number of x says what a run does, see Deed.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "contracts/backend/backend.h"
#include "worker/supervisor.h"

namespace slipway::worker::testing {

/// What a run does; anything else gives y = x and z = the numbers' sum in words.
enum class Deed : int {
  kCrash = 1001,
  kExit,
  kAbort,
  kHang,        ///< for ever; says so in the log first: "test.hangs"
  kLeak,        ///< 64 MiB per run, touched
  kExhaust,     ///< allocates until it cannot
  kWrongShape,  ///< fewer bytes than its shape says
  kWrongType,
  kTooFew,  ///< outputs
  kNotANumber,
  kRefuse,  ///< an Error with faults
  kLarge,   ///< y has as many rows as the second number says
  kPrint,   ///< writes to standard output
  // These answer with the system's error number as y[0], or 0 where it lets them:
  kOpenFile,  ///< /etc/passwd
  kWriteFile,
  kListFolder,
  kSocket,
  kExecute,  ///< in a process of its own, if it can have one
  kFork,
  kTrace,   ///< its parent
  kSignal,  ///< its parent
  kNamespace,
};

/// Borrows: logger.
std::unique_ptr<backend::Backend> make_misbehaving_backend(Logger& logger);

/// True when the words ask for a worker; `code` is then what main must return.
bool run_as_worker(int argc, char** argv, int& code);

/// Counts what happens to workers, and waits for it. Thread: safe.
class Witness final : public Observer {
 public:
  void worker_ready(std::string_view model) override;
  void worker_died(std::string_view model, std::string_view kind) override;
  void wait_for_deaths(std::size_t count);
  void wait_for_ready(std::size_t count);
  [[nodiscard]] std::vector<std::string> kinds() const;  ///< of deaths, in their order

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t ready_ = 0;
  std::vector<std::string> kinds_;
};

/// Waits for lines of the log. Thread: safe.
class Listener final : public Logger {
 public:
  bool enabled(LogLevel) const override { return true; }
  void write(LogLevel level, std::string_view event, std::string_view message,
             std::initializer_list<LogField> fields) override;
  std::uint64_t dropped() const override { return 0; }
  /// Until that many lines with this event were written.
  void wait_for(std::string_view event, std::size_t count);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::size_t, std::less<>> lines_;
};

/// This very program, as a worker.
Program test_program();

}  // namespace slipway::worker::testing
