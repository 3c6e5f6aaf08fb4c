// How models get into a worker, one after the other, and what becomes of one that does not.
#include <algorithm>
#include <utility>

#include "worker/host_internal.h"

namespace slipway::worker {
namespace {

// A model that did not load again beside others: how long its requests are refused before the next try.
constexpr Duration kFirstRetry = std::chrono::seconds(30);
constexpr Duration kLongestRetry = std::chrono::minutes(30);

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

void Host::load_next() {
  if (loading_ || !process_.running()) return;
  for (const std::uint32_t number : std::exchange(unloads_, {})) {
    send(FrameKind::kUnload, encode(Unload{number}));
  }
  if (!queue_.empty()) {
    Seat& seat = *seats_.at(queue_.front());
    loading_ = queue_.front();
    queue_.pop_front();
    seat.state = Seat::State::kLoading;
    seat.began = options_.clock->now();
    loop_.arm(*load_timer_, seat.began + options_.load_limit);
    send(FrameKind::kLoad, encode(seat.load));
  }
  flush();
}

Status Host::on_file_wanted(const FileWanted& wanted) {
  if (!loading_) return protocol_error("a worker asked for a file while it loads nothing");
  const Seat& seat = *seats_.at(*loading_);
  if (const auto known = seat.files.find(wanted.name); known != seat.files.end()) {
    send_file(wanted.name, known->second);
  } else if (seat.wait != nullptr) {
    seat.wait->want(wanted.name);
  } else {
    Seat::KnownFile missing;
    missing.error = not_found("model.file_missing", "the file was not asked for at the first load");
    send_file(wanted.name, missing);
  }
  return {};
}

std::shared_ptr<Seat> Host::take_loading(std::uint32_t number) {
  if (loading_ != number) return nullptr;
  loading_.reset();
  loop_.disarm(*load_timer_);
  return seats_.at(number);
}

Status Host::on_loaded(Loaded loaded) {
  const std::shared_ptr<Seat> seat = take_loading(loaded.model);
  if (seat == nullptr) return protocol_error("a worker loaded what it was not asked for");
  if (seat->leaving) {
    unloads_.push_back(loaded.model);
    forget(loaded.model);
    load_next();
    return {};
  }
  if (seat->wait != nullptr) {
    seat->loaded = std::move(loaded);
  } else if (loaded.signature != seat->loaded.signature) {
    return protocol_error("the model has other inputs and outputs than before");
  }
  on_ready_seat(*seat);
  load_next();
  return {};
}

void Host::on_ready_seat(Seat& seat) {
  const MonoTime now = options_.clock->now();
  if (state_ != WorkerState::kReady) ready_since_ = now;
  state_ = WorkerState::kReady;
  seat.state = Seat::State::kReady;
  seat.retry_after = {};
  if (queue_.empty()) loop_.disarm(*patience_timer_);
  channel_->open(*seat.channel, seat.loaded.signature);
  if (options_.observer != nullptr) options_.observer->worker_ready(seat.name);
  // The first is told of as the model that is ready.
  const LogLevel level = seat.wait != nullptr ? LogLevel::kDebug : LogLevel::kInfo;
  if (options_.logger->enabled(level)) {
    options_.logger->write(level, "worker.ready", "a worker has loaded its model",
                           {{"model", std::string_view(seat.name)},
                            {"pid", std::int64_t{process_.pid()}},
                            {"confined", std::string_view(confined_by_)}});
  }
  if (seat.wait == nullptr) return;
  seat.first_load = now - seat.began;
  std::exchange(seat.wait, nullptr)->finish({});
}

Status Host::on_failed(const Failed& failed) {
  if (failed.model == 0) {
    for (const auto& [number, seat] : seats_) {
      if (seat->wait != nullptr) seat->wait->finish(failed.error);
    }
    kill("load", failed.error.message());
    return {};
  }
  const std::shared_ptr<Seat> seat = take_loading(failed.model);
  if (seat == nullptr) return protocol_error("a worker failed to load what it was not asked for");
  if (seats_.size() == 1) {
    if (seat->wait != nullptr) seat->wait->finish(failed.error);
    loading_ = failed.model;
    kill("load", failed.error.message());
    return {};
  }
  if (seat->wait != nullptr) seat->wait->finish(failed.error);
  if (seat->wait != nullptr || seat->leaving) {
    forget(failed.model);
  } else {
    refuse_for_now(*seat, failed.error);
  }
  load_next();
  return {};
}

void Host::refuse_for_now(Seat& seat, const Error& why) {
  seat.state = Seat::State::kRefused;
  seat.retry_after = std::clamp(seat.retry_after * 2, kFirstRetry, kLongestRetry);
  seat.retry_at = options_.clock->now() + seat.retry_after;
  channel_->refuse(*seat.channel, why);
  options_.logger->error("worker.load", "a model could not be loaded again; it is tried later",
                         {{"model", std::string_view(seat.name)},
                          {"group", std::string_view(spec_.group)},
                          {"why", std::string_view(why.message())}});
}

void Host::send_file(const std::string& name, const Seat::KnownFile& file) {
  const int descriptor = file.descriptor ? file.descriptor->get() : -1;
  // A worker that is gone is reported by its process.
  Status sent = socket_.send(FrameKind::kFile, encode(File{name, file.size_bytes, file.error}),
                             std::span(&descriptor, file.descriptor ? 1 : 0));
  if (!sent.ok() && sent.error().id() == "worker.descriptors") {
    sent = socket_.send(FrameKind::kFile, encode(File{name, 0, sent.error()}));
  }
  flush();
}

void Host::give_file(Seat& seat, const std::string& name, Result<net::Fd> file, std::uint64_t size_bytes) {
  Seat::KnownFile& known = seat.files[name];
  known = {};
  if (file.ok()) {
    known.descriptor = *std::move(file);
    known.size_bytes = size_bytes;
  } else {
    known.error = file.error();
  }
  if (process_.running() && loading_ == seat.load.model) send_file(name, known);
}

// A model that is loaded for the first time fails then, and one that is loaded again beside others is left
// out for a while, unless requests that were run are as likely to be at fault.
void Host::blame_load(const Error& error, bool requests_are_suspects) {
  const auto loading = std::exchange(loading_, std::nullopt);
  unloads_.clear();
  std::vector<std::uint32_t> gone;
  for (const auto& [number, seat] : seats_) {
    const bool blamed = !set_up_ || (loading == number && !requests_are_suspects);
    if (seat->leaving || (blamed && seat->wait != nullptr)) {
      if (seat->wait != nullptr) seat->wait->finish(error);
      gone.push_back(number);
    } else if (blamed && set_up_ && seats_.size() > 1) {
      refuse_for_now(*seat, error);
    }
  }
  for (const std::uint32_t number : gone) forget(number);
}

}  // namespace slipway::worker
