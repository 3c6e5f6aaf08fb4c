// What a verb is given: where to write, what to read from, and the parts of the house that need one owner.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/verb.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "contracts/backend/backend.h"
#include "io/filesystem.h"
#include "json/writer.h"
#include "remote/remote_model.h"
#include "telemetry/logger.h"

namespace slipway::app {

/// Options that every verb has.
struct GlobalOptions {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
};

/// One per process. Thread: confined to the main thread.
class Context {
 public:
  explicit Context(GlobalOptions options);
  ~Context();

  [[nodiscard]] const GlobalOptions& options() const { return options_; }
  [[nodiscard]] bool json() const { return options_.json; }

  /// Standard output: results. A line end is added. A closed pipe ends the process quietly, as a pipe should.
  void print(std::string_view line) const;
  /// Standard output without a line end.
  void print_raw(std::string_view text) const;
  /// Standard error: what is going on, for people; silent with --quiet or --json.
  void say(std::string_view line) const;
  /// Progress: rewritten in place on a terminal, silent elsewhere.
  void progress(std::string_view line) const;
  /// An error with its faults and the fix; {"error": ...} with --json. Gives the exit code for its kind.
  Exit fail(const Error& error) const;

  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] io::FileSystem& files() const { return *files_; }
  /// `trust`: for servers behind https.
  [[nodiscard]] remote::Host remote_host(const net::TlsTrust& trust) const {
    return {.clock = &clock_, .files = files_.get(), .trust = trust};
  }
  [[nodiscard]] Logger& logger() const { return *logger_; }
  /// Null before use_logger().
  [[nodiscard]] LeveledLogger* leveled_logger() const { return leveled_logger_; }
  /// $SLIPWAY_HOME, else $XDG_DATA_HOME/slipway, else ~/.local/share/slipway.
  [[nodiscard]] const std::string& home() const { return home_; }
  /// Backends of this build that are a caller's own, with a logger of its own. Borrows: logger.
  [[nodiscard]] std::vector<std::unique_ptr<backend::Backend>> make_backends(Logger& logger) const;
  /// What a worker gets of the environment, as NAME=value: where libraries and the home are, and nothing that
  /// may be a secret.
  [[nodiscard]] std::vector<std::string> worker_environment() const;
  /// Every backend of this build. Owns: this context.
  [[nodiscard]] const std::vector<backend::Backend*>& backends();
  /// Replaces the quiet logger of one-off verbs by one with these options.
  void use_logger(const LogOptions& options);

 private:
  GlobalOptions options_;
  SystemClock clock_;
  std::unique_ptr<io::FileSystem> files_;
  std::unique_ptr<Logger> logger_;
  LeveledLogger* leveled_logger_ = nullptr;  ///< logger_
  std::string home_;
  std::vector<std::unique_ptr<backend::Backend>> owned_backends_;
  std::vector<backend::Backend*> backends_;
  mutable bool progress_shown_ = false;
};

}  // namespace slipway::app
