#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "worker/channel.h"

namespace slipway::worker {
namespace {

/// An answer that travels to the loop that asked. A loop that has ended still lets it be answered.
class AnswerTask final : public net::Task {
 public:
  AnswerTask(backend::Completion done, Result<infer::Response> response)
      : done_(std::move(done)), response_(std::move(response)) {}
  void run() override {
    const std::unique_ptr<AnswerTask> self(this);
    done_(std::move(response_));
  }
  void discard() override { run(); }

 private:
  backend::Completion done_;
  Result<infer::Response> response_;
};

/// Keeps a lane until the loop has done what it knew of it.
class Keeper final : public net::Watcher {
 public:
  explicit Keeper(std::shared_ptr<Lane> lane) : lane_(std::move(lane)) {}
  void on_events(std::uint32_t) override {}

 private:
  std::shared_ptr<Lane> lane_;
};

}  // namespace

void deliver(std::vector<Delivery> deliveries) {
  for (Delivery& delivery : deliveries) {
    if (delivery.inbox == nullptr || net::on_loop_of(*delivery.inbox)) {
      delivery.done(std::move(delivery.response));
    } else {
      auto task = std::make_unique<AnswerTask>(std::move(delivery.done), std::move(delivery.response));
      delivery.inbox->post(*task.release());
    }
  }
}

/// Takes a lane from its loop, on that loop.
class Lane::Farewell final : public net::Task {
 public:
  explicit Farewell(std::shared_ptr<Lane> lane) : lane_(std::move(lane)) {}
  void run() override {
    const std::unique_ptr<Farewell> self(this);
    lane_->self_.reset();
    if (net::Loop* loop = net::loop_of_this_thread(); loop != nullptr) {
      loop->unwatch(lane_->bell());
      loop->retire(std::make_unique<Keeper>(std::move(lane_)));
    }
  }
  void discard() override {
    const std::unique_ptr<Farewell> self(this);
    lane_->self_.reset();
  }

 private:
  std::shared_ptr<Lane> lane_;
};

Lane::Lane(Channel& channel, std::uint32_t number, net::Fd bell)
    : number_(number), bell_(std::move(bell)), channel_(&channel) {}

Result<std::shared_ptr<Lane>> Lane::create(Channel& channel, std::uint32_t number) {
  net::Fd bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!bell.valid()) {
    return resource_exhausted("worker.memory",
                              std::string("no descriptor is left for a worker: ") + std::strerror(errno));
  }
  return std::shared_ptr<Lane>(new Lane(channel, number, std::move(bell)));
}

Status Lane::watch(net::Loop& loop) {
  // Edge-triggered: each ring is an edge, so nothing has to be read to quieten it.
  SLIPWAY_TRY(loop.watch(bell_.get(), EPOLLIN | EPOLLET, *this));
  loop_ = &loop;
  self_ = shared_from_this();
  return {};
}

void Lane::ring_later() { loop_->defer(*this); }

void Lane::on_deferred() {
  const std::lock_guard lock(mutex_);
  if (channel_ != nullptr) channel_->ring_worker();
}

void Lane::on_events(std::uint32_t) {
  const std::shared_ptr<Lane> alive = shared_from_this();
  take_all();
}

void Lane::take_all() {
  bool more = true;
  while (more) {
    std::vector<Delivery> deliveries;
    {
      const std::lock_guard lock(mutex_);
      more = take(deliveries);
    }
    deliver(std::move(deliveries));
  }
}

// With mutex_ held.
bool Lane::take(std::vector<Delivery>& deliveries) {
  return channel_ != nullptr && line_ != nullptr && channel_->take_answers(*this, deliveries);
}

void Lane::attach(std::shared_ptr<Line> line) {
  const std::lock_guard lock(mutex_);
  std::byte* own = line->requests->data();
  reader_ = RingReader<AnswerFrame>(own, line->answers.data(), RingPlace::answers(line->layout, number_),
                                    line->layout.slots);
  sleep_ = SleepWord(own + Layout::sleep_of(number_));
  // The front takes answers when it is told to: it always wants to be rung.
  sleep_.fall_asleep();
  line_ = std::move(line);
}

void Lane::detach() {
  std::vector<Delivery> deliveries;
  {
    const std::lock_guard lock(mutex_);
    while (take(deliveries)) {
    }
    line_.reset();
  }
  deliver(std::move(deliveries));
}

void Lane::close() {
  {
    const std::lock_guard lock(mutex_);
    channel_ = nullptr;
    line_.reset();
  }
  if (inbox_ != nullptr) inbox_->post(*std::make_unique<Farewell>(shared_from_this()).release());
}

}  // namespace slipway::worker
