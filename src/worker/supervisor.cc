#include "worker/supervisor.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include "net/loop/loop.h"
#include "worker/host_internal.h"
#include "worker/wire/memory.h"

namespace slipway::worker {
namespace {

/// The supervisor's thread and its hosts. Instances share it, so that the last of them may go in any order.
class Core {
 public:
  Core(const SupervisorOptions& options, std::unique_ptr<net::Loop> loop)
      : options(options), loop(std::move(loop)), watch_timer_(*this) {
    thread_ = std::thread([this] {
      this->loop->run();
      for (const auto& host : hosts_) host->end();
      hosts_.clear();
      this->loop->disarm(watch_timer_);
    });
    pthread_setname_np(thread_.native_handle(), "workers");
  }
  ~Core() {
    loop->stop();
    thread_.join();
  }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  /// Gives the seat a worker: that of its group, if there is one. Errors: worker.memory, worker.group.
  Result<std::shared_ptr<Host>> add(HostSpec spec, const std::shared_ptr<Seat>& seat) {
    std::promise<Result<std::shared_ptr<Host>>> promise;
    loop->post([&] { promise.set_value(add_here(std::move(spec), seat)); });
    return promise.get_future().get();
  }
  void remove(const std::shared_ptr<Host>& host, const std::shared_ptr<Seat>& seat) {
    loop->post([this, host, seat] {
      host->remove(seat);
      forget_ended();
    });
  }
  std::vector<WorkerStatus> status() {
    std::promise<std::vector<WorkerStatus>> promise;
    loop->post([&] {
      std::vector<WorkerStatus> all;
      for (const auto& host : hosts_) host->add_status(all);
      promise.set_value(std::move(all));
    });
    return promise.get_future().get();
  }

  const SupervisorOptions options;
  const std::unique_ptr<net::Loop> loop;

 private:
  class WatchTimer final : public net::Timer {
   public:
    explicit WatchTimer(Core& core) : core_(core) {}
    void on_timer() override {
      for (const auto& host : core_.hosts_) host->check();
      if (!core_.hosts_.empty()) arm();
    }
    void arm() { core_.loop->arm(*this, core_.options.clock->now() + core_.options.watch_interval); }

   private:
    Core& core_;
  };

  Result<std::shared_ptr<Host>> add_here(HostSpec spec, const std::shared_ptr<Seat>& seat) {
    forget_ended();
    std::shared_ptr<Host> host;
    for (const auto& one : hosts_) {
      if (!spec.group.empty() && one->spec().group == spec.group &&
          one->spec().setup.backend == spec.setup.backend) {
        host = one;
      }
    }
    if (host == nullptr) {
      SLIPWAY_ASSIGN_OR_RETURN(host,
                               Host::create(std::move(spec), options, *loop, [this] { return groups(); }));
      hosts_.push_back(host);
    } else if (!host->spec().may_stand_for(spec)) {
      return invalid_argument("worker.group",
                              "the worker of the group " + spec.group +
                                  " has other limits (memory, niceness, sandbox or affinity) than this model "
                                  "asks for; give all models of a group the same, or this one another group");
    }
    host->add(seat);
    if (!watch_timer_.armed()) watch_timer_.arm();
    return host;
  }
  void forget_ended() {
    std::erase_if(hosts_, [](const auto& host) { return host->ended(); });
  }

  // Looked for once, by the first worker that needs them.
  MemoryGroups* groups() {
    if (groups_ || groups_missing_) return groups_.get();
    if (options.groups == nullptr) system_groups_ = system_group_tree();
    auto made =
        MemoryGroups::create(options.groups != nullptr ? *options.groups : *system_groups_, ::getpid());
    if (made.ok()) {
      groups_ = *std::move(made);
      return groups_.get();
    }
    groups_missing_ = true;
    options.logger->info(
        "worker.memory",
        "the memory of workers is not limited by the kernel's groups, but by what they reserve "
        "and by looking twice a second",
        {{"why", std::string_view(made.error().message())}});
    return nullptr;
  }

  std::unique_ptr<GroupTree> system_groups_;  // the thread alone, as what follows
  std::unique_ptr<MemoryGroups> groups_;
  bool groups_missing_ = false;
  WatchTimer watch_timer_;
  std::vector<std::shared_ptr<Host>> hosts_;  // the thread alone
  std::thread thread_;
};

class RemoteInstance final : public backend::Instance {
 public:
  RemoteInstance(Core& core, std::shared_ptr<Host> host, std::shared_ptr<Seat> seat)
      : core_(core), host_(std::move(host)), seat_(std::move(seat)) {}
  ~RemoteInstance() override { core_.remove(host_, seat_); }

  const Signature& signature() const override { return seat_->loaded.signature; }
  std::span<const std::string> labels() const override { return seat_->loaded.labels; }
  void submit(std::span<const TensorView> inputs, std::span<const std::size_t> outputs,
              backend::Completion done) override {
    if (const auto wrong = std::find_if(outputs.begin(), outputs.end(),
                                        [&](std::size_t i) { return i >= signature().outputs.size(); });
        wrong != outputs.end()) {
      done(invalid_argument("backend.input", "there is no output number " + std::to_string(*wrong)));
      return;
    }
    if (net::inbox_of_this_thread() != nullptr) {
      host_->channel().submit(*seat_->channel, inputs, outputs, std::move(done));
      return;
    }
    // A thread without a loop waits, as it does for an instance in this process. The answer is worked on here
    // and not on the supervisor's thread, where the answers of all other models would wait for it.
    auto answered = std::make_shared<std::promise<Result<infer::Response>>>();
    host_->channel().submit(*seat_->channel, inputs, outputs, [answered](Result<infer::Response> response) {
      answered->set_value(std::move(response));
    });
    done(answered->get_future().get());
  }

 private:
  Core& core_;
  const std::shared_ptr<Host> host_;
  const std::shared_ptr<Seat> seat_;
};

LogLevel level_of(const Logger& logger) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (logger.enabled(level)) return level;
  }
  return LogLevel::kOff;
}

class IsolatedBackend final : public backend::Backend {
 public:
  IsolatedBackend(Core& core, backend::Backend& local) : core_(core), local_(local) {}

  std::string_view name() const override { return local_.name(); }
  bool probe(ByteView model) const override { return local_.probe(model); }
  backend::BackendInfo info() override { return local_.info(); }

  Result<std::unique_ptr<backend::Instance>> load(const backend::ModelFiles& files,
                                                  const backend::LoadOptions& options) override {
    const auto wait = std::make_shared<LoadWait>();
    const auto seat = seat_of(files, options);
    seat->wait = wait;
    if (core_.options.poison != nullptr) {
      SLIPWAY_ASSIGN_OR_RETURN(const ByteView main, files.read(files.main()));
      seat->identity = crypto::Sha256::of(main);
    }
    HostSpec spec = spec_of(options);
    SLIPWAY_ASSIGN_OR_RETURN(spec.foreign, local_.foreign_program(options));
    if (spec.foreign && !spec.group.empty()) {
      return unimplemented("worker.group",
                           "a worker in another language has one model; leave out worker.group");
    }
    SLIPWAY_ASSIGN_OR_RETURN(const auto host, core_.add(std::move(spec), seat));
    const Status loaded = wait->wait([&](const std::string& name) {
      std::uint64_t size = 0;
      auto file = std::make_shared<Result<net::Fd>>(copy_file(files, name, size));
      core_.loop->post(
          [host, seat, name, file, size] { host->give_file(*seat, name, std::move(*file), size); });
    });
    if (!loaded.ok()) {
      core_.remove(host, seat);
      return loaded.error();
    }
    return std::unique_ptr<backend::Instance>(std::make_unique<RemoteInstance>(core_, host, seat));
  }

 private:
  static Result<net::Fd> copy_file(const backend::ModelFiles& files, const std::string& name,
                                   std::uint64_t& size) {
    SLIPWAY_ASSIGN_OR_RETURN(const ByteView bytes, files.read(name));
    size = bytes.size();
    return sealed_copy("slipway-file", bytes);
  }

  static std::shared_ptr<Seat> seat_of(const backend::ModelFiles& files,
                                       const backend::LoadOptions& options) {
    auto seat = std::make_shared<Seat>();
    seat->name = options.model;
    seat->run_floor = options.process.run_floor;
    seat->load.runs_at_once =
        static_cast<std::uint32_t>(std::clamp<std::size_t>(options.process.runs_at_once, 1, kMaxRunThreads));
    seat->load.main = files.main();
    seat->load.device = options.device;
    seat->load.names.assign(files.names().begin(), files.names().end());
    seat->load.threads = options.threads;
    seat->load.affinity.assign(options.affinity.begin(), options.affinity.end());
    seat->load.max_output_bytes = options.max_output_bytes;
    return seat;
  }

  HostSpec spec_of(const backend::LoadOptions& options) const {
    HostSpec spec;
    spec.group = options.process.group;
    spec.name = spec.group.empty() ? options.model : spec.group;
    spec.setup.backend = local_.name();
    spec.setup.memory_bytes = options.process.memory_bytes;
    spec.setup.niceness = options.process.niceness;
    spec.setup.sandbox = options.process.sandbox ? 1 : 0;
    spec.setup.affinity.assign(options.affinity.begin(), options.affinity.end());
    spec.setup.log_level = static_cast<std::uint8_t>(level_of(*core_.options.logger));
    return spec;
  }

  Core& core_;
  backend::Backend& local_;
};

class SupervisorImpl final : public Supervisor {
 public:
  SupervisorImpl(const SupervisorOptions& options, std::unique_ptr<net::Loop> loop)
      : core_(options, std::move(loop)) {}
  std::unique_ptr<backend::Backend> isolated(backend::Backend& local) override {
    return std::make_unique<IsolatedBackend>(core_, local);
  }
  std::vector<WorkerStatus> status() override { return core_.status(); }

 private:
  Core core_;
};

}  // namespace

std::string_view worker_state_name(WorkerState state) {
  switch (state) {
    case WorkerState::kStarting:
      return "starting";
    case WorkerState::kReady:
      return "ready";
    case WorkerState::kDelayed:
      return "delayed";
    case WorkerState::kEnded:
      return "ended";
  }
  return "";
}

Result<std::unique_ptr<Supervisor>> Supervisor::create(const SupervisorOptions& options) {
  SLIPWAY_ASSIGN_OR_RETURN(auto loop, net::Loop::create(*options.clock));
  return std::unique_ptr<Supervisor>(std::make_unique<SupervisorImpl>(options, std::move(loop)));
}

}  // namespace slipway::worker
