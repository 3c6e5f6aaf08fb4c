// The end of a channel at one loop: the answers to what this loop submitted come here.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "contracts/backend/backend.h"
#include "net/loop/fd.h"
#include "net/loop/loop.h"
#include "worker/line_internal.h"
#include "worker/wire/ring.h"

namespace slipway::worker {

class Channel;

/// An answer on its way to who asked.
struct Delivery {
  std::shared_ptr<net::Inbox> inbox;  ///< of the loop that asked; null = any thread will do
  backend::Completion done;
  Result<infer::Response> response;
};

/// Answers here what belongs to this thread's loop or to none, and posts the rest.
void deliver(std::vector<Delivery> deliveries);

/// Kept by its channel and, while the loop watches its bell, by itself. Thread: confined to its loop, except
/// where said.
class Lane final : public net::Watcher, public net::Deferred, public std::enable_shared_from_this<Lane> {
 public:
  static constexpr std::size_t kBatch = 64;

  /// Errors: worker.memory (no descriptor is left).
  static Result<std::shared_ptr<Lane>> create(Channel& channel, std::uint32_t number);

  [[nodiscard]] std::uint32_t number() const { return number_; }
  [[nodiscard]] int bell() const { return bell_.get(); }

  /// From now on the loop, which this thread runs, takes the answers. Errors: net.loop.
  Status watch(net::Loop& loop);
  /// Rings the worker before the loop waits. Cost: nothing, until then.
  void ring_later();
  void on_events(std::uint32_t events) override;
  void on_deferred() override;

  /// Another worker, whose answers come by this lane. Thread: safe.
  void attach(std::shared_ptr<Line> line);
  /// The worker is dead: takes what it had answered. Thread: safe.
  void detach();
  /// Takes the answers that are there, and delivers them. Thread: safe.
  void take_all();
  /// The channel goes. Thread: safe.
  void close();

 private:
  friend class Channel;
  class Farewell;
  Lane(Channel& channel, std::uint32_t number, net::Fd bell);
  bool take(std::vector<Delivery>& deliveries);

  const std::uint32_t number_;
  const net::Fd bell_;
  net::Loop* loop_ = nullptr;
  std::shared_ptr<net::Inbox> inbox_;  // of the loop; the channel's lock guards whether it is set
  std::shared_ptr<Lane> self_;         // while the loop knows it

  std::mutex mutex_;  // guards these
  Channel* channel_;
  std::shared_ptr<Line> line_;
  RingReader<AnswerFrame> reader_;
  SleepWord sleep_;
  std::array<AnswerFrame, kBatch> frames_;
};

}  // namespace slipway::worker
