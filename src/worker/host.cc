#include <algorithm>
#include <utility>

#include "base/text.h"
#include "worker/host_internal.h"
#include "worker/worker.h"

namespace slipway::worker {
namespace {

// A worker that comes back within this is worth waiting for.
constexpr Duration kWorthWaiting = std::chrono::seconds(1);

}  // namespace

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

bool HostSpec::may_stand_for(const HostSpec& other) const {
  return setup.memory_bytes == other.setup.memory_bytes && setup.sandbox == other.setup.sandbox &&
         setup.niceness == other.setup.niceness && setup.affinity == other.setup.affinity;
}

Host::Host(HostSpec spec, const SupervisorOptions& options, net::Loop& loop, FindGroups find_groups)
    : spec_(std::move(spec)),
      options_(options),
      loop_(loop),
      find_groups_(std::move(find_groups)),
      restart_timer_(std::make_unique<DelayTimer>(*this, [](Host& host) { host.start(); })),
      load_timer_(std::make_unique<DelayTimer>(
          *this, [](Host& host) { host.kill("watchdog", "the model was not loaded in time"); })),
      patience_timer_(std::make_unique<DelayTimer>(
          *this, [](Host& host) { host.channel_->refuse(host.died_error(host.last_death_)); })) {}

Result<std::shared_ptr<Host>> Host::create(HostSpec spec, const SupervisorOptions& options, net::Loop& loop,
                                           FindGroups find_groups) {
  ChannelOptions channel;
  channel.slots = spec.group.empty() ? options.slots : options.group_slots;
  channel.heap_bytes = options.heap_bytes;
  channel.loops = options.loops;
  channel.poison = options.poison;
  std::shared_ptr<Host> host(new Host(std::move(spec), options, loop, std::move(find_groups)));
  // Posted, since it comes from a loop in the midst of taking answers.
  channel.on_broken = [weak = std::weak_ptr<Host>(host), &loop] {
    loop.post([weak] {
      if (const auto alive = weak.lock()) alive->end_broken();
    });
  };
  SLIPWAY_ASSIGN_OR_RETURN(host->channel_, Channel::create(channel, *options.clock));
  return host;
}

Error Host::died_error(const std::string& why) const {
  const std::string whose = spec_.group.empty() ? " of the model " : " of the group ";
  return unavailable("backend.worker_died", "the worker" + (spec_.name.empty() ? "" : whose + spec_.name) +
                                                " died (" + why + "); a new one is started");
}

void Host::add(const std::shared_ptr<Seat>& seat) {
  seat->channel = &channel_->add_model({seat->run_floor, seat->load.max_output_bytes, seat->identity});
  seat->load.model = Channel::number_of(*seat->channel);
  seats_[seat->load.model] = seat;
  if (seats_.size() == 1) {
    start();
    return;
  }
  queue_.push_back(seat->load.model);
  load_next();
}

void Host::remove(const std::shared_ptr<Seat>& seat) {
  const std::uint32_t number = seat->load.model;
  if (!seats_.contains(number)) return;
  seat->leaving = true;
  if (std::all_of(seats_.begin(), seats_.end(), [](const auto& one) { return one.second->leaving; })) {
    end();
    return;
  }
  if (loading_ == number) return;
  if (seat->state == Seat::State::kReady) unloads_.push_back(number);
  forget(number);
  load_next();
}

void Host::forget(std::uint32_t number) {
  const auto found = seats_.find(number);
  if (found == seats_.end()) return;
  channel_->remove_model(*found->second->channel);
  std::erase(queue_, number);
  seats_.erase(found);
}

void Host::start() {
  if (ended()) return;
  state_ = WorkerState::kStarting;
  kill_kind_.clear();
  set_up_ = false;
  queue_.clear();
  const MonoTime now = options_.clock->now();
  for (const auto& [number, seat] : seats_) {
    if (seat->state == Seat::State::kRefused && seat->retry_at > now) continue;
    seat->state = Seat::State::kQueued;
    queue_.push_back(number);
  }
  if (const Status started = try_start(); !started.ok()) {
    died("start", started.error().message(), started.error().within("no worker could be started"));
  }
}

Status Host::try_start() {
  SLIPWAY_TRY(channel_->serve_threads(loop_));
  SLIPWAY_ASSIGN_OR_RETURN(const Channel::Attachment attachment, channel_->attach());
  SLIPWAY_ASSIGN_OR_RETURN(auto ends, ControlSocket::pair());
  Program program = options_.program;
  if (!spec_.name.empty() || spec_.foreign) program.words.push_back(spec_.name);
  if (spec_.foreign) {
    for (std::string& word : foreign_words(*spec_.foreign)) program.words.push_back(std::move(word));
    program.environment.insert(program.environment.end(), spec_.foreign->environment.begin(),
                               spec_.foreign->environment.end());
  }
  SLIPWAY_ASSIGN_OR_RETURN(process_, Process::start(program, ends.second.fd()));
  limit_memory();
  socket_ = std::move(ends.first);
  socket_watcher_ = std::make_unique<Watcher>(*this, &Host::on_socket);
  exit_watcher_ = std::make_unique<Watcher>(*this, &Host::on_exit);
  SLIPWAY_TRY(loop_.watch(process_.pidfd(), EPOLLIN, *exit_watcher_));
  SLIPWAY_TRY(loop_.watch(socket_.fd(), EPOLLIN, *socket_watcher_));
  Duration usual{};
  for (const auto& [number, seat] : seats_) usual += seat->first_load;
  if (usual > Duration::zero()) {
    loop_.arm(*patience_timer_, options_.clock->now() + usual * 2 + kWorthWaiting);
  }
  return greet(attachment);
}

// Before it is told of a model, so that it has taken nothing yet. What it shares with the front is counted
// where it was touched first, so that may come on top of its own.
void Host::limit_memory() {
  if (spec_.setup.memory_bytes == 0) return;
  MemoryGroups* const groups = find_groups_();
  if (groups == nullptr) return;
  auto folder = groups->add(process_.pid(), spec_.setup.memory_bytes + options_.heap_bytes);
  if (folder.ok()) {
    memory_group_ = *std::move(folder);
    return;
  }
  options_.logger->warning("worker.memory", folder.error().message());
}

// After its process has ended: whether it ended for its memory.
bool Host::leave_memory_group() {
  if (memory_group_.empty()) return false;
  MemoryGroups* const groups = find_groups_();
  const bool ran_out = groups->ran_out(memory_group_);
  groups->remove(memory_group_);
  memory_group_.clear();
  return ran_out;
}

Status Host::greet(const Channel::Attachment& attachment) {
  Setup setup = spec_.setup;
  setup.slots = spec_.group.empty() ? options_.slots : options_.group_slots;
  setup.heap_bytes = options_.heap_bytes;
  setup.lanes = channel_->lanes();
  SLIPWAY_TRY(socket_.send(FrameKind::kSetup, encode(setup), attachment));
  load_next();
  return {};
}

void Host::send(FrameKind kind, const std::string& payload) {
  // A worker that is gone is reported by its process.
  [[maybe_unused]] const Status sent = socket_.send(kind, payload);
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
      set_up_ = true;
      return {};
    }
    case FrameKind::kFileWanted: {
      SLIPWAY_ASSIGN_OR_RETURN(const FileWanted wanted, decode_file_wanted(payload));
      return on_file_wanted(wanted);
    }
    case FrameKind::kLoaded: {
      SLIPWAY_ASSIGN_OR_RETURN(Loaded loaded, decode_loaded(payload));
      return on_loaded(std::move(loaded));
    }
    case FrameKind::kFailed: {
      SLIPWAY_ASSIGN_OR_RETURN(const Failed failed, decode_failed(payload));
      return on_failed(failed);
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

void Host::on_log(const LogLine& line) const {
  if (!options_.logger->enabled(line.level)) return;
  options_.logger->write(line.level, printable(line.event), printable(line.message, 4096),
                         {{"model", std::string_view(spec_.name)},
                          {"pid", std::int64_t{process_.pid()}},
                          {"detail", std::string_view(printable(line.detail, 4096))}});
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
  const MonoTime now = options_.clock->now();
  for (const auto& [number, seat] : seats_) {
    if (seat->state != Seat::State::kRefused || seat->retry_at > now) continue;
    seat->state = Seat::State::kQueued;
    queue_.push_back(number);
  }
  load_next();
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
  if (leave_memory_group()) {
    died("memory", "it used more than the " + human_bytes(spec_.setup.memory_bytes) + " of memory allowed");
  } else if (kill_kind_.empty()) {
    died(exit.kind_name(), exit.to_string());
  } else {
    died(std::string(kill_kind_), std::string(kill_why_));
  }
}

void Host::died(std::string_view kind, const std::string& why, std::optional<Error> unstarted) {
  if (process_.running()) {
    detach_process();
    process_ = Process();
    static_cast<void>(leave_memory_group());
  }
  ++deaths_;
  last_death_ = why;
  const Duration lived =
      state_ == WorkerState::kReady ? options_.clock->now() - ready_since_ : Duration::zero();
  for (const auto& [number, seat] : seats_) {
    const bool was_there = seat->state == Seat::State::kReady || seat->state == Seat::State::kLoading;
    if (options_.observer != nullptr && (was_there || !set_up_)) {
      options_.observer->worker_died(seat->name, kind);
    }
    if (was_there) seat->state = Seat::State::kQueued;
  }
  const Loss loss = channel_->detach(died_error(why));
  if (!loss.kept.ok()) {
    options_.logger->warning("worker.poison", "what the worker died of is not known after a restart",
                             {{"why", std::string_view(loss.kept.error().message())}});
  }
  if (!unstarted) {
    unstarted =
        unavailable("backend.worker_died", (set_up_ ? "the worker died while it loaded the model: "
                                                    : "the worker died before it could load the model: ") +
                                               why);
  }
  blame_load(unstarted->with_reach(Reach::kModel), loss.suspects > 0);
  if (seats_.empty()) {
    end();
    return;
  }
  options_.logger->error("worker.died", "a model's worker died",
                         {{"model", std::string_view(spec_.name)},
                          {"kind", kind},
                          {"why", std::string_view(why)},
                          {"models", static_cast<std::int64_t>(seats_.size())},
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
  if (delay >= kWorthWaiting) channel_->refuse(died_error(why));
  loop_.arm(*restart_timer_, options_.clock->now() + delay);
}

void Host::end() {
  if (process_.running()) {
    process_.kill();
    detach_process();
    process_.reap();
    static_cast<void>(leave_memory_group());
  }
  loop_.disarm(*restart_timer_);
  state_ = WorkerState::kEnded;
  const Error why = unavailable("backend.worker_died", "the model was unloaded");
  channel_->detach(why);
  channel_->refuse(why);
  channel_->close();
  for (const auto& [number, seat] : seats_) {
    if (seat->wait != nullptr) std::exchange(seat->wait, nullptr)->finish(why);
  }
  seats_.clear();
}

void Host::add_status(std::vector<WorkerStatus>& all) const {
  WorkerStatus status;
  status.group = spec_.group;
  status.pid = process_.pid();
  status.deaths = deaths_;
  status.last_death = last_death_;
  status.confined_by = confined_by_;
  if (process_.running()) status.memory_bytes = process_.memory_bytes().value_or(0);
  for (const auto& [number, seat] : seats_) {
    status.model = seat->name;
    status.state = seat->state == Seat::State::kReady ? WorkerState::kReady : WorkerState::kStarting;
    if (state_ == WorkerState::kDelayed || seat->state == Seat::State::kRefused) {
      status.state = WorkerState::kDelayed;
    }
    all.push_back(status);
  }
}

}  // namespace slipway::worker
