// One model's worker, from its first start to its last end.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "net/loop/loop.h"
#include "worker/channel.h"
#include "worker/process.h"
#include "worker/supervisor.h"
#include "worker/wire/control_socket.h"
#include "worker/wire/frames.h"

namespace slipway::worker {

/// A loader that waits for its model, and reads the files that the worker asks for. Thread: safe.
class LoadWait {
 public:
  void want(std::string name);
  void finish(Status outcome);
  /// Calls `read` for each name that is wanted, on this thread, until the outcome is known.
  Status wait(const std::function<void(const std::string&)>& read);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> wanted_;
  std::optional<Status> outcome_;
};

/// What is to be loaded.
struct HostSpec {
  std::string model;
  Load load;
  Setup setup;  ///< without what the channel knows
  Duration run_floor{};
};

/// Thread: confined to the supervisor's loop, except channel(), signature() and labels() once loaded.
class Host final : public std::enable_shared_from_this<Host> {
 public:
  /// Borrows: loop, options. `wait` is told the outcome of the first load.
  static Result<std::shared_ptr<Host>> create(HostSpec spec, const SupervisorOptions& options,
                                              net::Loop& loop, std::shared_ptr<LoadWait> wait);

  void start();
  /// A file that the worker asked for. `file` is a sealed memfd.
  void give_file(const std::string& name, Result<net::Fd> file, std::uint64_t size_bytes);
  /// Looks whether it hangs or has grown too large.
  void check();
  /// Kills a worker that breaks the rules.
  void end_broken();
  /// Kills the worker and forgets it. Nothing may be submitted any more.
  void end();
  [[nodiscard]] WorkerStatus status() const;
  [[nodiscard]] bool ended() const { return state_ == WorkerState::kEnded; }

  [[nodiscard]] Channel& channel() { return *channel_; }
  [[nodiscard]] const Signature& signature() const { return loaded_.signature; }
  [[nodiscard]] const std::vector<std::string>& labels() const { return loaded_.labels; }

 private:
  class Watcher;
  class DelayTimer;
  struct KnownFile {
    std::optional<net::Fd> descriptor;
    std::uint64_t size_bytes = 0;
    std::optional<Error> error;
  };
  Host(HostSpec spec, const SupervisorOptions& options, net::Loop& loop, std::shared_ptr<LoadWait> wait);

  Status try_start();
  Status greet(const Channel::Attachment& attachment);
  void on_socket(std::uint32_t events);
  void on_exit(std::uint32_t events);
  void flush();
  Status on_frame(Frame frame);
  Status on_loaded(Loaded loaded);
  void on_log(const LogLine& line) const;
  Status send_file(const std::string& name, const KnownFile& file);
  void kill(std::string_view kind, std::string why);
  void detach_process();
  void died(std::string_view kind, const std::string& why);
  void restart_later(Duration delay, const std::string& why);

  const HostSpec spec_;
  const SupervisorOptions& options_;
  net::Loop& loop_;
  std::shared_ptr<LoadWait> wait_;  // null once the first load is over
  std::unique_ptr<Channel> channel_;
  Loaded loaded_;
  std::map<std::string, KnownFile> files_;

  WorkerState state_ = WorkerState::kStarting;
  Process process_;
  ControlSocket socket_;
  std::unique_ptr<Watcher> socket_watcher_, exit_watcher_;
  std::unique_ptr<DelayTimer> restart_timer_, load_timer_, patience_timer_;
  std::string kill_kind_, kill_why_;  // set when we end it ourselves
  RestartPolicy restarts_;
  MonoTime started_at_{}, ready_since_{};
  Duration first_load_{};
  std::string confined_by_, last_death_;
  std::uint64_t deaths_ = 0;
};

}  // namespace slipway::worker
