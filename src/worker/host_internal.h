// One worker, from its first start to its last end, and the models in it: one, or those of a group.
//
// Models are loaded one after the other, at first as they come and after a death all of them again.
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
#include "worker/memory_groups.h"
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

/// One model in a worker. Thread: confined to the supervisor's loop, except loaded and channel once the first
/// load is over.
struct Seat {
  enum class State : std::uint8_t { kQueued, kLoading, kReady, kRefused };
  struct KnownFile {
    std::optional<net::Fd> descriptor;  ///< a sealed memfd
    std::uint64_t size_bytes = 0;
    std::optional<Error> error;
  };

  std::string name;  ///< of the model, for people
  Load load;         ///< without its number, until it sits
  Duration run_floor{};
  crypto::Digest identity;         ///< of the main file, where deaths are kept
  std::shared_ptr<LoadWait> wait;  ///< null once the first load is over

  Channel::Model* channel = nullptr;
  Loaded loaded;
  std::map<std::string, KnownFile> files;
  State state = State::kQueued;
  MonoTime began{};
  Duration first_load{};
  bool leaving = false;  ///< unloaded while it was loaded again

  // A load that failed again is tried later, ever later.
  MonoTime retry_at{};
  Duration retry_after{};
};

/// What a worker is started for.
struct HostSpec {
  std::string group;  ///< shared by the models that name it; empty = one model's own
  std::string name;   ///< for people: the group's, or the model's
  Setup setup;        ///< without what the channel knows
  std::optional<backend::ForeignProgram> foreign = {};  ///< what the worker becomes

  /// True when a worker started for this may be used where `other` is asked for.
  [[nodiscard]] bool may_stand_for(const HostSpec& other) const;
};

/// Gives the groups for limited memory once they are asked for; null where there can be none.
using FindGroups = std::function<MemoryGroups*()>;

/// Thread: confined to the supervisor's loop, except channel().
class Host final : public std::enable_shared_from_this<Host> {
 public:
  /// Borrows: loop, options. Errors: worker.memory.
  static Result<std::shared_ptr<Host>> create(HostSpec spec, const SupervisorOptions& options,
                                              net::Loop& loop, FindGroups find_groups);

  /// Loads one more model, and starts the worker with the first. The seat's wait is told the outcome.
  void add(const std::shared_ptr<Seat>& seat);
  /// Unloads it; nothing may be submitted to it any more. The worker ends with its last model.
  void remove(const std::shared_ptr<Seat>& seat);
  /// A file that the worker asked for. `file` is a sealed memfd.
  void give_file(Seat& seat, const std::string& name, Result<net::Fd> file, std::uint64_t size_bytes);
  /// Looks whether it hangs or has grown too large.
  void check();
  /// Kills a worker that breaks the rules.
  void end_broken();
  /// Kills the worker and forgets it. Nothing may be submitted any more.
  void end();
  /// One for each model.
  void add_status(std::vector<WorkerStatus>& all) const;
  [[nodiscard]] bool ended() const { return state_ == WorkerState::kEnded; }
  [[nodiscard]] const HostSpec& spec() const { return spec_; }
  [[nodiscard]] Channel& channel() { return *channel_; }

 private:
  class Watcher;
  class DelayTimer;
  using Seats = std::map<std::uint32_t, std::shared_ptr<Seat>>;
  Host(HostSpec spec, const SupervisorOptions& options, net::Loop& loop, FindGroups find_groups);

  void start();
  Status try_start();
  Status greet(const Channel::Attachment& attachment);
  void limit_memory();
  [[nodiscard]] bool leave_memory_group();
  void load_next();
  void send(FrameKind kind, const std::string& payload);
  void on_socket(std::uint32_t events);
  void on_exit(std::uint32_t events);
  void flush();
  Status on_frame(Frame frame);
  Status on_file_wanted(const FileWanted& wanted);
  Status on_loaded(Loaded loaded);
  Status on_failed(const Failed& failed);
  void on_log(const LogLine& line) const;
  void on_ready_seat(Seat& seat);
  [[nodiscard]] std::shared_ptr<Seat> take_loading(std::uint32_t number);
  void forget(std::uint32_t number);
  void refuse_for_now(Seat& seat, const Error& why);
  void send_file(const std::string& name, const Seat::KnownFile& file);
  void kill(std::string_view kind, std::string why);
  void detach_process();
  void died(std::string_view kind, const std::string& why, std::optional<Error> unstarted = {});
  void blame_load(const Error& error, bool requests_are_suspects);
  void restart_later(Duration delay, const std::string& why);
  [[nodiscard]] Error died_error(const std::string& why) const;

  const HostSpec spec_;
  const SupervisorOptions& options_;
  net::Loop& loop_;
  const FindGroups find_groups_;
  std::unique_ptr<Channel> channel_;
  Seats seats_;
  std::deque<std::uint32_t> queue_;     // to be loaded
  std::vector<std::uint32_t> unloads_;  // to be said once nothing loads
  std::optional<std::uint32_t> loading_;

  WorkerState state_ = WorkerState::kStarting;
  Process process_;
  std::string memory_group_;  // its folder; empty when there is none
  ControlSocket socket_;
  std::unique_ptr<Watcher> socket_watcher_, exit_watcher_;
  std::unique_ptr<DelayTimer> restart_timer_, load_timer_, patience_timer_;
  std::string kill_kind_, kill_why_;  // set when we end it ourselves
  bool set_up_ = false;               // this worker said that it is
  RestartPolicy restarts_;
  MonoTime ready_since_{};
  std::string confined_by_, last_death_;
  std::uint64_t deaths_ = 0;
};

class Host::DelayTimer final : public net::Timer {
 public:
  DelayTimer(Host& host, void (*call)(Host&)) : host_(host), call_(call) {}
  void on_timer() override {
    const std::shared_ptr<Host> alive = host_.shared_from_this();
    call_(host_);
  }

 private:
  Host& host_;
  void (*call_)(Host&);
};

}  // namespace slipway::worker
