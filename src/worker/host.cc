#include <algorithm>
#include <utility>

#include "base/text.h"
#include "worker/host_internal.h"

namespace slipway::worker {
namespace {

// A worker that comes back within this is worth waiting for.
constexpr Duration kWorthWaiting = std::chrono::seconds(1);

Error died_error(const std::string& model, const std::string& why) {
  return unavailable("backend.worker_died", "the worker of the model" + (model.empty() ? "" : " " + model) +
                                                " died (" + why + "); a new one is started");
}

}  // namespace

void LoadWait::want(std::string name) {
  const std::lock_guard lock(mutex_);
  wanted_.push_back(std::move(name));
  changed_.notify_one();
}

void LoadWait::finish(Status outcome) {
  const std::lock_guard lock(mutex_);
  if (!outcome_) outcome_ = std::move(outcome);
  changed_.notify_one();
}

Status LoadWait::wait(const std::function<void(const std::string&)>& read) {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return outcome_ || !wanted_.empty(); });
    if (outcome_) return *outcome_;
    const std::string name = std::move(wanted_.front());
    wanted_.pop_front();
    lock.unlock();
    read(name);
    lock.lock();
  }
}

/// Calls a member of the host when its descriptor has something.
class Host::Watcher final : public net::Watcher {
 public:
  Watcher(Host& host, void (Host::*call)(std::uint32_t)) : host_(&host), call_(call) {}
  void on_events(std::uint32_t events) override {
    if (host_ == nullptr) return;
    const std::shared_ptr<Host> alive = host_->shared_from_this();
    (host_->*call_)(events);
  }
  /// Events that are under way go nowhere.
  void forget() { host_ = nullptr; }

 private:
  Host* host_;
  void (Host::*call_)(std::uint32_t);
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

Host::Host(HostSpec spec, const SupervisorOptions& options, net::Loop& loop, std::shared_ptr<LoadWait> wait)
    : spec_(std::move(spec)),
      options_(options),
      loop_(loop),
      wait_(std::move(wait)),
      restart_timer_(std::make_unique<DelayTimer>(*this, [](Host& host) { host.start(); })),
      load_timer_(std::make_unique<DelayTimer>(
          *this, [](Host& host) { host.kill("watchdog", "the model was not loaded in time"); })),
      patience_timer_(std::make_unique<DelayTimer>(
          *this, [](Host& host) { host.channel_->refuse(died_error(host.spec_.model, host.last_death_)); })) {
}

Result<std::shared_ptr<Host>> Host::create(HostSpec spec, const SupervisorOptions& options, net::Loop& loop,
                                           std::shared_ptr<LoadWait> wait) {
  ChannelOptions channel;
  channel.slots = options.slots;
  channel.heap_bytes = options.heap_bytes;
  channel.max_output_bytes = spec.load.max_output_bytes;
  channel.run_floor = spec.run_floor;
  channel.loops = options.loops;
  std::shared_ptr<Host> host(new Host(std::move(spec), options, loop, std::move(wait)));
  // Posted, since it comes from a loop in the midst of taking answers.
  channel.on_broken = [weak = std::weak_ptr<Host>(host), &loop] {
    loop.post([weak] {
      if (const auto alive = weak.lock()) alive->end_broken();
    });
  };
  SLIPWAY_ASSIGN_OR_RETURN(host->channel_, Channel::create(channel, *options.clock));
  return host;
}

void Host::start() {
  if (ended()) return;
  state_ = WorkerState::kStarting;
  kill_kind_.clear();
  if (const Status started = try_start(); !started.ok()) died("load", started.error().message());
}

Status Host::try_start() {
  SLIPWAY_TRY(channel_->serve_threads(loop_));
  SLIPWAY_ASSIGN_OR_RETURN(const Channel::Attachment attachment, channel_->attach());
  SLIPWAY_ASSIGN_OR_RETURN(auto ends, ControlSocket::pair());
  Program program = options_.program;
  if (!spec_.model.empty()) program.words.push_back(spec_.model);
  SLIPWAY_ASSIGN_OR_RETURN(process_, Process::start(program, ends.second.fd()));
  socket_ = std::move(ends.first);
  socket_watcher_ = std::make_unique<Watcher>(*this, &Host::on_socket);
  exit_watcher_ = std::make_unique<Watcher>(*this, &Host::on_exit);
  SLIPWAY_TRY(loop_.watch(process_.pidfd(), EPOLLIN, *exit_watcher_));
  SLIPWAY_TRY(loop_.watch(socket_.fd(), EPOLLIN, *socket_watcher_));
  started_at_ = options_.clock->now();
  loop_.arm(*load_timer_, started_at_ + options_.load_limit);
  if (wait_ == nullptr) loop_.arm(*patience_timer_, started_at_ + first_load_ * 2 + kWorthWaiting);
  return greet(attachment);
}

Status Host::greet(const Channel::Attachment& attachment) {
  Setup setup = spec_.setup;
  setup.slots = options_.slots;
  setup.heap_bytes = options_.heap_bytes;
  setup.lanes = channel_->lanes();
  SLIPWAY_TRY(socket_.send(FrameKind::kSetup, encode(setup), attachment));
  SLIPWAY_TRY(socket_.send(FrameKind::kLoad, encode(spec_.load)));
  flush();
  return {};
}

void Host::flush() {
  if (!process_.running()) return;
  // A worker that is gone is reported by its process.
  [[maybe_unused]] const Status sent = socket_.flush();
  const std::uint32_t wanted = socket_.blocked() ? EPOLLIN | EPOLLOUT : EPOLLIN;
  loop_.change(socket_.fd(), wanted, *socket_watcher_);
}

void Host::on_socket(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush();
  while (process_.running()) {
    auto frame = socket_.receive();
    Status handled = frame.status();
    if (frame.ok() && !frame->has_value()) return;
    if (frame.ok()) handled = on_frame(**std::move(frame));
    if (handled.ok()) continue;
    if (handled.error().id() == "worker.gone") {
      // The process's own end follows, or it closed its socket and must be ended.
      loop_.unwatch(socket_.fd());
      if (kill_kind_.empty()) process_.kill();
      return;
    }
    kill("protocol", handled.error().message());
    return;
  }
}

Status Host::on_frame(Frame frame) {
  const ByteView payload = as_bytes(frame.payload);
  switch (frame.kind) {
    case FrameKind::kReady: {
      SLIPWAY_ASSIGN_OR_RETURN(Ready ready, decode_ready(payload));
      confined_by_ = printable(ready.confined_by, 500);
      return {};
    }
    case FrameKind::kFileWanted: {
      SLIPWAY_ASSIGN_OR_RETURN(const FileWanted wanted, decode_file_wanted(payload));
      if (const auto known = files_.find(wanted.name); known != files_.end()) {
        return send_file(wanted.name, known->second);
      }
      if (wait_ != nullptr) {
        wait_->want(wanted.name);
        return {};
      }
      KnownFile missing;
      missing.error = not_found("model.file_missing", "the file was not asked for at the first load");
      return send_file(wanted.name, missing);
    }
    case FrameKind::kLoaded: {
      SLIPWAY_ASSIGN_OR_RETURN(Loaded loaded, decode_loaded(payload));
      return on_loaded(std::move(loaded));
    }
    case FrameKind::kFailed: {
      SLIPWAY_ASSIGN_OR_RETURN(const Failed failed, decode_failed(payload));
      if (wait_ != nullptr) wait_->finish(failed.error);
      kill("load", failed.error.message());
      return {};
    }
    case FrameKind::kLog: {
      SLIPWAY_ASSIGN_OR_RETURN(const LogLine line, decode_log_line(payload));
      on_log(line);
      return {};
    }
    default:
      return protocol_error("a worker sent a frame that only a front sends");
  }
}

Status Host::on_loaded(Loaded loaded) {
  if (state_ != WorkerState::kStarting) return protocol_error("a worker loaded twice");
  if (wait_ != nullptr) {
    loaded_ = std::move(loaded);
  } else if (loaded.signature != loaded_.signature) {
    return protocol_error("the model has other inputs and outputs than before");
  }
  loop_.disarm(*load_timer_);
  loop_.disarm(*patience_timer_);
  state_ = WorkerState::kReady;
  ready_since_ = options_.clock->now();
  if (wait_ != nullptr) first_load_ = ready_since_ - started_at_;
  channel_->open(loaded_.signature);
  if (options_.observer != nullptr) options_.observer->worker_ready(spec_.model);
  // The first is told of as the model that is ready.
  const LogLevel level = wait_ != nullptr ? LogLevel::kDebug : LogLevel::kInfo;
  if (options_.logger->enabled(level)) {
    options_.logger->write(level, "worker.ready", "a worker has loaded its model",
                           {{"model", std::string_view(spec_.model)},
                            {"pid", std::int64_t{process_.pid()}},
                            {"confined", std::string_view(confined_by_)}});
  }
  if (wait_ != nullptr) std::exchange(wait_, nullptr)->finish({});
  return {};
}

void Host::on_log(const LogLine& line) const {
  if (!options_.logger->enabled(line.level)) return;
  options_.logger->write(line.level, printable(line.event), printable(line.message, 4096),
                         {{"model", std::string_view(spec_.model)},
                          {"pid", std::int64_t{process_.pid()}},
                          {"detail", std::string_view(printable(line.detail, 4096))}});
}

Status Host::send_file(const std::string& name, const KnownFile& file) {
  const int descriptor = file.descriptor ? file.descriptor->get() : -1;
  SLIPWAY_TRY(socket_.send(FrameKind::kFile, encode(File{name, file.size_bytes, file.error}),
                           std::span(&descriptor, file.descriptor ? 1 : 0)));
  flush();
  return {};
}

void Host::give_file(const std::string& name, Result<net::Fd> file, std::uint64_t size_bytes) {
  KnownFile& known = files_[name];
  known = {};
  if (file.ok()) {
    known.descriptor = *std::move(file);
    known.size_bytes = size_bytes;
  } else {
    known.error = file.error();
  }
  // A worker that is gone is reported by its process.
  if (process_.running()) [[maybe_unused]]
    const Status sent = send_file(name, known);
}

void Host::end_broken() {
  if (auto why = channel_->broken()) kill("protocol", *std::move(why));
}

void Host::check() {
  if (state_ != WorkerState::kReady) return;
  channel_->trim();
  channel_->take_over_lanes();
  end_broken();
  if (auto why = channel_->hangs(options_.clock->now())) {
    kill("watchdog", *std::move(why));
    return;
  }
  const std::uint64_t limit = spec_.setup.memory_bytes;
  if (limit == 0) return;
  const auto used = process_.memory_bytes();
  if (used && *used > limit) {
    kill("memory",
         "it used " + human_bytes(*used) + " of memory, and " + human_bytes(limit) + " are allowed");
  }
}

void Host::kill(std::string_view kind, std::string why) {
  if (!process_.running() || !kill_kind_.empty()) return;
  kill_kind_ = kind;
  kill_why_ = std::move(why);
  process_.kill();
}

void Host::detach_process() {
  loop_.disarm(*load_timer_);
  loop_.disarm(*patience_timer_);
  for (auto* watcher : {&socket_watcher_, &exit_watcher_}) {
    if (*watcher == nullptr) continue;
    (*watcher)->forget();
  }
  if (process_.running()) loop_.unwatch(process_.pidfd());
  if (socket_.fd() >= 0) loop_.unwatch(socket_.fd());
  socket_ = ControlSocket();
  loop_.retire(std::move(socket_watcher_));
  loop_.retire(std::move(exit_watcher_));
}

void Host::on_exit(std::uint32_t) {
  // What it said before it died is heard: its last log lines, and why it could not load.
  on_socket(EPOLLIN);
  detach_process();
  const Exit exit = process_.reap();
  if (kill_kind_.empty()) {
    died(exit.kind_name(), exit.to_string());
  } else {
    died(std::string(kill_kind_), std::string(kill_why_));
  }
}

void Host::died(std::string_view kind, const std::string& why) {
  if (process_.running()) {
    detach_process();
    process_ = Process();
  }
  ++deaths_;
  last_death_ = why;
  const Duration lived =
      state_ == WorkerState::kReady ? options_.clock->now() - ready_since_ : Duration::zero();
  if (options_.observer != nullptr) options_.observer->worker_died(spec_.model, kind);
  if (wait_ != nullptr) {
    state_ = WorkerState::kEnded;
    channel_->detach(died_error(spec_.model, why));
    std::exchange(wait_, nullptr)
        ->finish(unavailable("backend.worker_died", "the worker died while it loaded the model: " + why)
                     .with_reach(Reach::kModel));
    return;
  }
  const Loss loss = channel_->detach(died_error(spec_.model, why));
  options_.logger->error("worker.died", "a model's worker died",
                         {{"model", std::string_view(spec_.model)},
                          {"kind", kind},
                          {"why", std::string_view(why)},
                          {"requests_failed", static_cast<std::int64_t>(loss.suspects + loss.failed)},
                          {"requests_kept", static_cast<std::int64_t>(loss.waiting)}});
  restart_later(restarts_.after_death(lived), why);
}

void Host::restart_later(Duration delay, const std::string& why) {
  state_ = WorkerState::kDelayed;
  if (delay == Duration::zero()) {
    start();
    return;
  }
  if (delay >= kWorthWaiting) channel_->refuse(died_error(spec_.model, why));
  loop_.arm(*restart_timer_, options_.clock->now() + delay);
}

void Host::end() {
  if (process_.running()) {
    process_.kill();
    detach_process();
    process_.reap();
  }
  loop_.disarm(*restart_timer_);
  state_ = WorkerState::kEnded;
  const Error why = unavailable("backend.worker_died", "the model was unloaded");
  channel_->detach(why);
  channel_->refuse(why);
  channel_->close();
  files_.clear();
  if (wait_ != nullptr) std::exchange(wait_, nullptr)->finish(why);
}

WorkerStatus Host::status() const {
  WorkerStatus status;
  status.model = spec_.model;
  status.state = state_;
  status.pid = process_.pid();
  status.deaths = deaths_;
  status.last_death = last_death_;
  status.confined_by = confined_by_;
  if (process_.running()) status.memory_bytes = process_.memory_bytes().value_or(0);
  return status;
}

}  // namespace slipway::worker
