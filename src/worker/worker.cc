#include "worker/worker.h"

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
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

Error unexpected_frame() { return protocol_error("the front sent another frame than is due"); }

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
  /// Main thread only. Errors: worker.gone, worker.protocol.
  Result<std::optional<Frame>> receive() { return socket_.receive(); }

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
    SLIPWAY_ASSIGN_OR_RETURN(auto frame, link_.receive());
    if (!frame || frame->kind != FrameKind::kFile) return unexpected_frame();
    SLIPWAY_ASSIGN_OR_RETURN(const File file, decode_file(as_bytes(frame->payload)));
    if (file.error) return *file.error;
    if (frame->descriptors.size() != 1) return protocol_error("a file came without its descriptor");
    SharedMemory memory;
    if (file.size_bytes > 0) {
      SLIPWAY_ASSIGN_OR_RETURN(memory, SharedMemory::adopt(std::move(frame->descriptors[0]), file.size_bytes,
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
  backend::Backend* backend = nullptr;  // the one that is used
  std::unique_ptr<Runner> runner;
};

Result<RunnerOptions> connect(const Setup& setup, std::vector<net::Fd> descriptors, const Clock& clock) {
  const auto layout = Layout::make(setup.slots, setup.heap_bytes, setup.lanes);
  if (!layout || descriptors.size() != 3 + layout->lanes)
    return protocol_error("the front's setup cannot be");
  RunnerOptions options;
  options.layout = *layout;
  options.clock = &clock;
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
std::vector<std::string> usual_places() {
  return {"/lib",
          "/lib64",
          "/usr/lib",
          "/usr/lib64",
          "/usr/local/lib",
          "/etc/ld.so.cache",
          "/proc/cpuinfo",
          "/proc/meminfo",
          "/sys/devices/system/cpu",
          "/sys/devices/system/node"};
}

std::vector<std::string> readable_places(backend::Backend& backend) {
  std::vector<std::string> places = usual_places();
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
  SLIPWAY_ASSIGN_OR_RETURN(const Sandbox sandbox,
                           enter_sandbox({.readable = readable_places(backend), .executable = {}}));
  if (!sandbox.missing.empty()) logger.warning("worker.sandbox", sandbox.missing);
  return "limits, " + sandbox.kept_by;
}

Status set_up(Worker& worker, const WorkerOptions& options) {
  SLIPWAY_ASSIGN_OR_RETURN(std::optional<Frame> first, worker.link.receive());
  if (!first || first->kind != FrameKind::kSetup) return unexpected_frame();
  SLIPWAY_ASSIGN_OR_RETURN(const Setup setup, decode_setup(as_bytes(first->payload)));
  SLIPWAY_ASSIGN_OR_RETURN(RunnerOptions runner,
                           connect(setup, std::move(first->descriptors), *options.clock));
  worker.logger.set_level(static_cast<LogLevel>(setup.log_level));
  SLIPWAY_TRY(apply_limits(setup));
  worker.backends = options.make_backends(worker.logger);
  SLIPWAY_ASSIGN_OR_RETURN(worker.backend, find_backend(worker, setup.backend));
  SLIPWAY_TRY(worker.backend->prepare());
  SLIPWAY_ASSIGN_OR_RETURN(const std::string kept_by, confine(setup, *worker.backend, worker.logger));
  worker.runner = std::make_unique<Runner>(std::move(runner));
  return worker.link.send(FrameKind::kReady, encode(Ready{kept_by}));
}

Result<Loaded> load_model(Worker& worker, Load& load) {
  backend::LoadOptions options;
  options.threads = load.threads;
  options.affinity.assign(load.affinity.begin(), load.affinity.end());
  options.device = load.device;
  options.max_output_bytes = load.max_output_bytes;
  const LinkFiles files(worker.link, load);
  SLIPWAY_ASSIGN_OR_RETURN(std::shared_ptr<backend::Instance> instance, worker.backend->load(files, options));
  const auto labels = instance->labels();
  Loaded loaded{load.model, instance->signature(), {labels.begin(), labels.end()}};
  worker.runner->add(load.model, std::move(instance), load.runs_at_once);
  return loaded;
}

/// Models come and go until the front is gone, which is the Error.
Status obey(Worker& worker) {
  while (true) {
    SLIPWAY_ASSIGN_OR_RETURN(const auto frame, worker.link.receive());
    if (!frame) return unexpected_frame();
    if (frame->kind == FrameKind::kUnload) {
      SLIPWAY_ASSIGN_OR_RETURN(const Unload unload, decode_unload(as_bytes(frame->payload)));
      worker.runner->remove(unload.model);
      ::malloc_trim(0);
      continue;
    }
    if (frame->kind != FrameKind::kLoad) return unexpected_frame();
    SLIPWAY_ASSIGN_OR_RETURN(Load load, decode_load(as_bytes(frame->payload)));
    const auto loaded = load_model(worker, load);
    SLIPWAY_TRY(loaded.ok()
                    ? worker.link.send(FrameKind::kLoaded, encode(*loaded))
                    : worker.link.send(FrameKind::kFailed, encode(Failed{load.model, loaded.error()})));
  }
}

struct ForeignWords {
  std::string name;
  backend::ForeignProgram program;
};

// What foreign_words() made; nothing when there is no such program.
std::optional<ForeignWords> read_foreign_words(const std::vector<std::string>& words) {
  if (words.size() < 3 || words[1] != kThenWord) return std::nullopt;
  ForeignWords foreign;
  foreign.name = words[0];
  foreign.program.path = words[2];
  for (std::size_t i = 3; i < words.size(); ++i) {
    const std::string value = words[i].substr(std::min<std::size_t>(2, words[i].size()));
    if (words[i].starts_with("w:")) foreign.program.words.push_back(value);
    if (words[i].starts_with("r:")) foreign.program.readable.push_back(value);
    if (words[i].starts_with("x:")) foreign.program.executable.push_back(value);
  }
  return foreign;
}

// Confines itself as the front says, and becomes the other program, which finds the socket as it was.
Status become(const ForeignWords& foreign, ControlSocket& socket) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string payload, socket.peek(FrameKind::kSetup));
  SLIPWAY_ASSIGN_OR_RETURN(const Setup setup, decode_setup(as_bytes(payload)));
  SLIPWAY_TRY(apply_limits(setup));
  std::string kept_by = "limits";
  if (setup.sandbox != 0) {
    SandboxOptions sandbox{
        .readable = usual_places(), .foreign = true, .executable = foreign.program.executable};
    sandbox.readable.insert(sandbox.readable.end(), foreign.program.readable.begin(),
                            foreign.program.readable.end());
    SLIPWAY_ASSIGN_OR_RETURN(const Sandbox made, enter_sandbox(sandbox));
    kept_by += ", " + made.kept_by;
  }
  ::setenv("SLIPWAY_CONFINED_BY", kept_by.c_str(), 1);
  std::vector<char*> words;
  for (const std::string& word : foreign.program.words) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(const_cast<char*>(foreign.name.c_str()));
  words.push_back(nullptr);
  ::execv(foreign.program.path.c_str(), words.data());
  return failed_precondition("worker.start",
                             foreign.program.path + " cannot be started: " + std::strerror(errno));
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

std::vector<std::string> foreign_words(const backend::ForeignProgram& program) {
  std::vector<std::string> words = {kThenWord, program.path};
  for (const std::string& word : program.words) words.push_back("w:" + word);
  for (const std::string& place : program.readable) words.push_back("r:" + place);
  for (const std::string& file : program.executable) words.push_back("x:" + file);
  return words;
}

int run_worker(const WorkerOptions& options, const std::vector<std::string>& words) {
  leave_the_front();
  if (const auto foreign = read_foreign_words(words)) {
    ControlSocket socket{net::Fd(options.channel)};
    const Status failed = become(*foreign, socket);
    [[maybe_unused]] const Status sent = socket.send(FrameKind::kFailed, encode(Failed{0, failed.error()}));
    std::_Exit(kExitSetup);
  }
  Worker worker{net::Fd(options.channel)};
  if (const Status ready = set_up(worker, options); !ready.ok()) {
    [[maybe_unused]] const Status sent =
        worker.link.send(FrameKind::kFailed, encode(Failed{0, ready.error()}));
    // Threads of a backend may be running; nothing of theirs is waited for.
    std::_Exit(kExitSetup);
  }
  const Status end = obey(worker);
  // Without its front a worker is of no use; one that says what it must not is left.
  std::_Exit(end.error().id() == "worker.gone" ? 0 : kExitSetup);
}

}  // namespace slipway::worker
