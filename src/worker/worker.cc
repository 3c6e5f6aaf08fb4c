#include "worker/worker.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <utility>

#include "worker/confine_internal.h"
#include "worker/process.h"
#include "worker/runner_internal.h"
#include "worker/sandbox_internal.h"
#include "worker/wire/control_socket.h"
#include "worker/wire/frames.h"
#include "worker/wire/memory.h"

namespace slipway::worker {
namespace {

constexpr int kExitSetup = 1;

/// The socket, shared by the main thread and by whoever logs. Thread: sending is safe.
class Link {
 public:
  explicit Link(net::Fd fd) : socket_(std::move(fd)) {}
  Status send(FrameKind kind, std::string_view payload) {
    const std::lock_guard lock(mutex_);
    return socket_.send(kind, payload);
  }
  /// Drops what would block.
  bool try_send(FrameKind kind, std::string_view payload) {
    const std::lock_guard lock(mutex_);
    return socket_.try_send(kind, payload);
  }
  /// Main thread only. The frame must be of that kind.
  Result<Frame> receive(FrameKind kind) {
    SLIPWAY_ASSIGN_OR_RETURN(auto frame, socket_.receive());
    if (!frame || frame->kind != kind) return protocol_error("the front sent another frame than is due");
    return std::move(*frame);
  }

 private:
  std::mutex mutex_;
  ControlSocket socket_;
};

std::string value_text(const LogField& field) {
  struct Visitor {
    std::string operator()(std::string_view text) const { return std::string(text); }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return std::to_string(number); }
    std::string operator()(bool truth) const { return truth ? "true" : "false"; }
  };
  return std::visit(Visitor{}, field.value);
}

/// Lines go to the front, which has the one log. What the front is too slow for is counted and dropped.
class LinkLogger final : public Logger {
 public:
  explicit LinkLogger(Link& link) : link_(link) {}
  void set_level(LogLevel level) { level_ = level; }
  bool enabled(LogLevel level) const override { return level >= level_ && level != LogLevel::kOff; }
  void write(LogLevel level, std::string_view event, std::string_view message,
             std::initializer_list<LogField> fields) override {
    LogLine line{level, std::string(event), std::string(message), {}};
    for (const LogField& field : fields) {
      line.detail += (line.detail.empty() ? "" : " ") + std::string(field.key) + "=" + value_text(field);
    }
    if (!link_.try_send(FrameKind::kLog, encode(line))) dropped_.fetch_add(1);
  }
  std::uint64_t dropped() const override { return dropped_.load(); }

 private:
  Link& link_;
  LogLevel level_ = LogLevel::kInfo;
  std::atomic<std::uint64_t> dropped_{0};
};

/// The model's files, asked for by name when the backend reads them. Thread: main thread only.
class LinkFiles final : public backend::ModelFiles {
 public:
  LinkFiles(Link& link, Load& load)
      : link_(link), main_(std::move(load.main)), names_(std::move(load.names)) {}

  const std::string& main() const override { return main_; }
  std::span<const std::string> names() const override { return names_; }
  Result<ByteView> read(std::string_view name) const override {
    const std::string key(name);
    if (const auto held = held_.find(key); held != held_.end()) return view(held->second);
    SLIPWAY_TRY(link_.send(FrameKind::kFileWanted, encode(FileWanted{key})));
    SLIPWAY_ASSIGN_OR_RETURN(Frame frame, link_.receive(FrameKind::kFile));
    SLIPWAY_ASSIGN_OR_RETURN(const File file, decode_file(as_bytes(frame.payload)));
    if (file.error) return *file.error;
    if (frame.descriptors.size() != 1) return protocol_error("a file came without its descriptor");
    SharedMemory memory;
    if (file.size_bytes > 0) {
      SLIPWAY_ASSIGN_OR_RETURN(memory, SharedMemory::adopt(std::move(frame.descriptors[0]), file.size_bytes,
                                                           SharedMemory::Access::kRead));
    }
    return view(held_.emplace(key, std::move(memory)).first->second);
  }

 private:
  static ByteView view(const SharedMemory& memory) { return {memory.data(), memory.size()}; }
  Link& link_;
  const std::string main_;
  const std::vector<std::string> names_;
  mutable std::map<std::string, SharedMemory> held_;
};

/// Everything that lives until the process ends.
struct Worker {
  explicit Worker(net::Fd channel) : link(std::move(channel)), logger(link) {}

  Link link;
  LinkLogger logger;
  std::vector<std::unique_ptr<backend::Backend>> backends;
  std::unique_ptr<backend::Instance> instance;
  std::unique_ptr<Runner> runner;
};

Result<RunnerOptions> connect(const Setup& setup, std::vector<net::Fd> descriptors, const Clock& clock) {
  const auto layout = Layout::make(setup.slots, setup.heap_bytes, setup.lanes);
  if (!layout || descriptors.size() != 3 + layout->lanes)
    return protocol_error("the front's setup cannot be");
  RunnerOptions options;
  options.layout = *layout;
  options.clock = &clock;
  options.threads = std::clamp<std::uint32_t>(setup.runs_at_once, 1, kMaxRunThreads);
  SLIPWAY_ASSIGN_OR_RETURN(
      options.requests,
      SharedMemory::adopt(std::move(descriptors[0]), layout->total_bytes, SharedMemory::Access::kRead));
  SLIPWAY_ASSIGN_OR_RETURN(
      options.answers,
      SharedMemory::adopt(std::move(descriptors[1]), layout->total_bytes, SharedMemory::Access::kReadWrite));
  options.worker_bell = std::move(descriptors[2]);
  options.lane_bells.assign(std::move_iterator(descriptors.begin() + 3),
                            std::move_iterator(descriptors.end()));
  return options;
}

Result<backend::Backend*> find_backend(const Worker& worker, const std::string& name) {
  for (const auto& backend : worker.backends) {
    if (backend->name() == name) return backend.get();
  }
  return internal_error("worker.backend", "the worker has no backend \"" + name + "\"");
}

// What may still be read: libraries, and what the machine says of its processors.
std::vector<std::string> readable_places(backend::Backend& backend) {
  std::vector<std::string> places = {"/lib",
                                     "/lib64",
                                     "/usr/lib",
                                     "/usr/lib64",
                                     "/usr/local/lib",
                                     "/etc/ld.so.cache",
                                     "/proc/cpuinfo",
                                     "/proc/meminfo",
                                     "/sys/devices/system/cpu",
                                     "/sys/devices/system/node"};
  const std::string library = backend.info().where;
  if (library.starts_with('/')) places.push_back(library.substr(0, library.rfind('/') + 1));
  return places;
}

// Says what keeps this process in.
Result<std::string> confine(const Setup& setup, backend::Backend& backend, Logger& logger) {
  if (setup.sandbox == 0) {
    logger.warning("worker.sandbox", "this worker has no sandbox, since worker.sandbox is off");
    return std::string("limits");
  }
  SLIPWAY_ASSIGN_OR_RETURN(const Sandbox sandbox, enter_sandbox({readable_places(backend)}));
  if (!sandbox.missing.empty()) logger.warning("worker.sandbox", sandbox.missing);
  return "limits, " + sandbox.kept_by;
}

Status load_model(Worker& worker, const WorkerOptions& options) {
  SLIPWAY_ASSIGN_OR_RETURN(Frame first, worker.link.receive(FrameKind::kSetup));
  SLIPWAY_ASSIGN_OR_RETURN(const Setup setup, decode_setup(as_bytes(first.payload)));
  SLIPWAY_ASSIGN_OR_RETURN(RunnerOptions runner,
                           connect(setup, std::move(first.descriptors), *options.clock));
  worker.logger.set_level(static_cast<LogLevel>(setup.log_level));
  SLIPWAY_TRY(apply_limits(setup));
  worker.backends = options.make_backends(worker.logger);
  SLIPWAY_ASSIGN_OR_RETURN(backend::Backend * backend, find_backend(worker, setup.backend));
  SLIPWAY_TRY(backend->prepare());
  SLIPWAY_ASSIGN_OR_RETURN(const std::string kept_by, confine(setup, *backend, worker.logger));
  SLIPWAY_TRY(worker.link.send(FrameKind::kReady, encode(Ready{kept_by})));

  SLIPWAY_ASSIGN_OR_RETURN(const Frame second, worker.link.receive(FrameKind::kLoad));
  SLIPWAY_ASSIGN_OR_RETURN(Load load, decode_load(as_bytes(second.payload)));
  backend::LoadOptions load_options;
  load_options.threads = load.threads;
  load_options.affinity.assign(load.affinity.begin(), load.affinity.end());
  load_options.device = load.device;
  load_options.max_output_bytes = load.max_output_bytes;
  {
    const LinkFiles files(worker.link, load);
    SLIPWAY_ASSIGN_OR_RETURN(worker.instance, backend->load(files, load_options));
  }
  worker.runner = std::make_unique<Runner>(std::move(runner), *worker.instance);
  worker.runner->start();
  const auto labels = worker.instance->labels();
  return worker.link.send(FrameKind::kLoaded,
                          encode(Loaded{worker.instance->signature(), {labels.begin(), labels.end()}}));
}

void leave_the_front() {
  // Ends with the front's thread that started it, however that ends. A front that ended before this is seen
  // at the socket.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::close_range(kChannelDescriptor + 1, ~0U, 0);
  // The front decides when a worker ends: these go to everyone at a terminal or in a service's group.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  std::set_new_handler([] { std::_Exit(kExitOutOfMemory); });
}

}  // namespace

int run_worker(const WorkerOptions& options) {
  leave_the_front();
  Worker worker{net::Fd(options.channel)};
  if (const Status loaded = load_model(worker, options); !loaded.ok()) {
    [[maybe_unused]] const Status sent = worker.link.send(FrameKind::kFailed, encode(Failed{loaded.error()}));
    // Threads of a backend may be running; nothing of theirs is waited for.
    std::_Exit(kExitSetup);
  }
  // The front has nothing more to say; its end of the socket closes when it goes.
  [[maybe_unused]] const auto end = worker.link.receive(FrameKind::kSetup);
  std::_Exit(0);
}

}  // namespace slipway::worker
