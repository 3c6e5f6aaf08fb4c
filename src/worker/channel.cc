#include "worker/channel.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/loop/loop.h"
#include "worker/block.h"
#include "worker/frames.h"

namespace slipway::worker {
namespace {

constexpr std::size_t kBatch = 64;
// What stays in use of the memory for large requests while none comes.
constexpr std::uint64_t kKeptBytes = std::uint64_t{4} << 20U;

}  // namespace

struct Channel::Slot {
  enum class State : std::uint8_t { kFree, kFilling, kWaiting, kSent };
  State state = State::kFree;
  bool retried = false;
  bool in_heap = false;
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::optional<crypto::Digest> digest;  // only while the poison guard remembers anything
  backend::Completion done;
  std::span<const std::size_t> wanted;
  std::shared_ptr<net::Inbox> inbox;
};

/// An answer on its way to who asked.
struct Channel::Delivery {
  std::shared_ptr<net::Inbox> inbox;
  backend::Completion done;
  Result<infer::Response> response;
};

namespace {

// As the worker says, which may be anything.
Duration run_time(const AnswerFrame& frame) {
  constexpr Duration kMost = std::chrono::hours(1);
  return Duration(static_cast<std::int64_t>(
      std::min<std::uint64_t>(frame.run_ns, static_cast<std::uint64_t>(kMost.count()))));
}

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

}  // namespace

Channel::Channel(const ChannelOptions& options, const Clock& clock, const Layout& layout,
                 std::shared_ptr<SharedMemory> requests)
    : options_(options),
      clock_(clock),
      layout_(layout),
      requests_(std::move(requests)),
      slots_(options.slots),
      heap_(options.heap_bytes),
      watchdog_(options.run_floor),
      watches_(kMaxRunThreads) {
  // The lowest are taken first, so that few pages are touched where few requests are in flight.
  for (std::uint32_t i = options.slots; i > 0; --i) free_.push_back(i - 1);
}

Channel::~Channel() { refuse(unavailable("backend.worker_died", "the model was unloaded")); }

Result<std::unique_ptr<Channel>> Channel::create(const ChannelOptions& options, const Clock& clock) {
  const auto layout = Layout::make(options.slots, options.heap_bytes);
  if (!layout) return invalid_argument("worker.memory", "a channel of that size cannot be made");
  SLIPWAY_ASSIGN_OR_RETURN(SharedMemory memory, SharedMemory::create("slipway-requests", layout->total_bytes,
                                                                     SharedMemory::Access::kReadWrite));
  auto requests = std::make_shared<SharedMemory>(std::move(memory));
  std::unique_ptr<Channel> channel(new Channel(options, clock, *layout, requests));
  SLIPWAY_ASSIGN_OR_RETURN(channel->requests_for_worker_, read_only_copy(requests->fd()));
  return channel;
}

// Precondition for these: mutex_ is held.
std::optional<Error> Channel::take_slot(std::size_t bytes, std::uint32_t& index) {
  if (refusal_) return refusal_;
  if (free_.empty()) {
    return resource_exhausted(
        "backend.worker_full",
        std::to_string(options_.slots) + " requests wait for the model's worker; try again later");
  }
  index = free_.back();
  Slot& slot = slots_[index];
  slot.in_heap = bytes > kSmallBytes;
  slot.offset = layout_.small_of(index);
  if (slot.in_heap) {
    const auto place = heap_.take(bytes);
    if (!place && bytes > options_.heap_bytes) {
      return resource_exhausted("backend.request_size", "a request of " + std::to_string(bytes) +
                                                            " bytes is larger than the memory that is shared "
                                                            "with the model's worker");
    }
    if (!place) {
      return resource_exhausted("backend.worker_full",
                                "the memory for requests to the model's worker is full; try again later");
    }
    slot.offset = layout_.heap + *place;
  }
  free_.pop_back();
  slot.state = Slot::State::kFilling;
  slot.retried = false;
  slot.sequence = ++sequence_;
  slot.bytes = bytes;
  slot.digest.reset();
  return std::nullopt;
}

void Channel::give_slot(std::uint32_t index) {
  Slot& slot = slots_[index];
  if (slot.in_heap) heap_.give(slot.offset - layout_.heap);
  slot.state = Slot::State::kFree;
  slot.done = nullptr;
  slot.inbox.reset();
  free_.push_back(index);
}

crypto::Digest Channel::digest_of(const Slot& slot) const {
  return crypto::Sha256::of(ByteView(requests_->data() + slot.offset, slot.bytes));
}

bool Channel::send(std::uint32_t index) {
  Slot& slot = slots_[index];
  const bool put = line_->writer.put({slot.sequence, slot.offset, slot.bytes, index, 0});
  slot.state = put ? Slot::State::kSent : Slot::State::kWaiting;
  if (!put) {
    // There are as many places as slots, so the worker is not telling the truth; the next one gets this.
    lies_ = true;
    waiting_.push_back(index);
    return false;
  }
  ++sent_;
  return line_->worker_bell.should_ring();
}

void Channel::finish(std::uint32_t index, Result<infer::Response> response,
                     std::vector<Delivery>& deliveries) {
  Slot& slot = slots_[index];
  if (slot.state == Slot::State::kSent) --sent_;
  deliveries.push_back({std::move(slot.inbox), std::move(slot.done), std::move(response)});
  give_slot(index);
}

void Channel::deliver(std::vector<Delivery> deliveries) {
  for (Delivery& delivery : deliveries) {
    if (delivery.inbox == nullptr) {
      delivery.done(std::move(delivery.response));
    } else {
      auto task = std::make_unique<AnswerTask>(std::move(delivery.done), std::move(delivery.response));
      delivery.inbox->post(*task.release());
    }
  }
}

std::optional<Error> Channel::check_poison(Slot& slot) {
  slot.digest = digest_of(slot);
  if (!guard_.refuses(*slot.digest, clock_.now())) return std::nullopt;
  return failed_precondition("backend.poisoned",
                             "the model's worker died of this very request more than once, so it is not run "
                             "for a while; a request with other data is");
}

void Channel::submit(std::span<const TensorView> inputs, std::span<const std::size_t> outputs,
                     backend::Completion done) {
  const auto bytes = block_bytes(inputs, outputs.size());
  if (!bytes) {
    done(resource_exhausted("backend.request_size", "a request has more or larger tensors than can be"));
    return;
  }
  std::uint32_t index = 0;
  std::optional<Error> refused;
  {
    const std::lock_guard lock(mutex_);
    refused = take_slot(*bytes, index);
  }
  if (refused) {
    done(*std::move(refused));
    return;
  }
  // The slot is this thread's own until it is sent or waits.
  write_block(inputs, outputs, {requests_->data() + slots_[index].offset, *bytes});
  if (auto error = hand_over(index, outputs, done)) done(*std::move(error));
}

// The request is in its block. `done` is taken unless this fails.
std::optional<Error> Channel::hand_over(std::uint32_t index, std::span<const std::size_t> outputs,
                                        backend::Completion& done) {
  auto inbox = net::inbox_of_this_thread();
  std::shared_ptr<Line> ring;
  {
    const std::lock_guard lock(mutex_);
    Slot& slot = slots_[index];
    std::optional<Error> refused = refusal_;
    if (!refused && !guard_.empty()) refused = check_poison(slot);
    if (refused) {
      give_slot(index);
      return refused;
    }
    slot.done = std::move(done);
    slot.wanted = outputs;
    slot.inbox = std::move(inbox);
    if (!open_) {
      slot.state = Slot::State::kWaiting;
      waiting_.push_back(index);
    } else if (send(index)) {
      ring = line_;
    }
  }
  if (ring != nullptr) ring->worker_bell.ring();
  return std::nullopt;
}

Result<Channel::Attachment> Channel::attach() {
  SLIPWAY_ASSIGN_OR_RETURN(auto line, Line::create(layout_, requests_));
  // The front takes answers when it is told to: it always wants to be rung.
  line->sleep.fall_asleep();
  const std::lock_guard lock(mutex_);
  SLIPWAY_CHECK(!open_);
  line_ = std::move(line);
  lies_ = false;
  return Attachment{requests_for_worker_.get(), line_->answers.fd(), line_->worker_bell_fd.get(),
                    line_->front_bell_fd.get()};
}

void Channel::open(const Signature& signature) {
  std::shared_ptr<Line> ring;
  {
    const std::lock_guard lock(mutex_);
    signature_ = &signature;
    open_ = true;
    refusal_.reset();
    std::deque<std::uint32_t> waiting;
    waiting.swap(waiting_);
    for (const std::uint32_t index : waiting) {
      if (send(index)) ring = line_;
    }
  }
  watches_.assign(kMaxRunThreads, {});
  progress_ = {};
  if (ring != nullptr) ring->worker_bell.ring();
}

Status Channel::take_answers() {
  const std::shared_ptr<Line> line = line_;
  if (line == nullptr || signature_ == nullptr) return {};
  line->sleep.awake();
  std::vector<AnswerFrame> frames(kBatch);
  while (true) {
    std::size_t count = 0;
    Taken taken = Taken::kFrame;
    while (count < kBatch && (taken = line->reader.take(frames[count])) == Taken::kFrame) ++count;
    SLIPWAY_TRY(take_batch({frames.data(), count}));
    if (taken == Taken::kBroken) return protocol_error("a worker says that it gave more answers than fit");
    if (taken == Taken::kFrame) continue;
    if (line->sleep.asleep()) return {};
    line->sleep.fall_asleep();  // and look once more
  }
}

Status Channel::take_batch(std::span<const AnswerFrame> frames) {
  struct Taking {
    std::span<const std::size_t> wanted;
    std::optional<Result<infer::Response>> response;
  };
  std::vector<Taking> taking(frames.size());
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const AnswerFrame& frame = frames[i];
      if (frame.slot >= slots_.size() || slots_[frame.slot].state != Slot::State::kSent ||
          slots_[frame.slot].sequence != frame.sequence) {
        return protocol_error("a worker answers what it was not asked");
      }
      taking[i].wanted = slots_[frame.slot].wanted;
    }
  }
  // An answer is read before its slot is given back, since the next request in it would overwrite it.
  Status status;
  std::size_t read = 0;
  for (; read < frames.size() && status.ok(); ++read) {
    status = read_answer(line_, frames[read], *signature_, taking[read].wanted, options_.max_output_bytes,
                         taking[read].response);
    if (!status.ok()) break;
    const Duration run = run_time(frames[read]);
    watchdog_.note_run(run);
    if (taking[read].response->ok()) (*taking[read].response)->timings.compute = run;
  }
  std::vector<Delivery> deliveries;
  deliveries.reserve(read);
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < read; ++i) {
      const Slot& slot = slots_[frames[i].slot];
      // Named twice in one batch.
      if (slot.state != Slot::State::kSent || slot.sequence != frames[i].sequence) {
        status = protocol_error("a worker answers twice");
        break;
      }
      if (slot.digest) guard_.note_success(*slot.digest);
      finish(frames[i].slot, *std::move(taking[i].response), deliveries);
    }
  }
  deliver(std::move(deliveries));
  return status;
}

Loss Channel::detach(const Error& why) {
  // What it had answered before it died is answered.
  [[maybe_unused]] const Status last = take_answers();
  Loss loss;
  std::vector<Delivery> deliveries;
  {
    const std::lock_guard lock(mutex_);
    open_ = false;
    if (line_ == nullptr) return loss;
    std::vector<std::uint64_t> running;
    for (std::size_t i = 0; i < kMaxRunThreads; ++i) {
      running.push_back(internal::load<std::uint64_t>(
          line_->answers.data() + Layout::kRunning + i * sizeof(std::uint64_t), __ATOMIC_ACQUIRE));
    }
    std::vector<std::uint32_t> again;
    for (std::uint32_t index = 0; index < slots_.size(); ++index) {
      Slot& slot = slots_[index];
      if (slot.state != Slot::State::kSent) continue;
      const bool suspect = std::find(running.begin(), running.end(), slot.sequence) != running.end();
      if (suspect) {
        guard_.note_death(digest_of(slot), clock_.now());
      }
      if (suspect || slot.retried) {
        ++(suspect ? loss.suspects : loss.failed);
        finish(index, why, deliveries);
        continue;
      }
      --sent_;
      slot.retried = true;
      slot.state = Slot::State::kWaiting;
      again.push_back(index);
    }
    std::sort(again.begin(), again.end(),
              [this](std::uint32_t a, std::uint32_t b) { return slots_[a].sequence < slots_[b].sequence; });
    waiting_.insert(waiting_.begin(), again.begin(), again.end());
    loss.waiting = waiting_.size();
    line_.reset();
  }
  deliver(std::move(deliveries));
  return loss;
}

void Channel::refuse(const Error& why) {
  std::vector<Delivery> deliveries;
  {
    const std::lock_guard lock(mutex_);
    refusal_ = why;
    std::deque<std::uint32_t> waiting;
    waiting.swap(waiting_);
    for (const std::uint32_t index : waiting) finish(index, why, deliveries);
  }
  deliver(std::move(deliveries));
}

std::optional<std::string> Channel::hangs(MonoTime now) {
  const auto stuck = [&](Watch& watch, std::uint64_t value, Duration limit) {
    if (watch.value != value || !watch.since) watch = {value, now};
    return now - *watch.since >= limit;
  };
  std::uint64_t taken = 0;
  {
    const std::lock_guard lock(mutex_);
    if (lies_) return "it says that it took requests that it was not given";
    if (!open_ || sent_ == 0) {
      progress_ = {};
      std::fill(watches_.begin(), watches_.end(), Watch{});
      return std::nullopt;
    }
    taken = line_->writer.taken();
  }
  const Duration limit = watchdog_.limit();
  const std::string limit_text =
      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count()) + " ms";
  bool runs = false;
  for (std::size_t i = 0; i < kMaxRunThreads; ++i) {
    const auto value = internal::load<std::uint64_t>(
        line_->answers.data() + Layout::kRunning + i * sizeof(std::uint64_t), __ATOMIC_ACQUIRE);
    if (value == 0) {
      watches_[i] = {};
      continue;
    }
    runs = true;
    if (stuck(watches_[i], value, limit)) return "a run took more than " + limit_text;
  }
  // Nothing runs, and nothing is taken: the worker's threads are stuck elsewhere, or it was stopped.
  if (runs) {
    progress_ = {};
  } else if (stuck(progress_, taken, limit)) {
    return "requests waited more than " + limit_text + " without being run";
  }
  return std::nullopt;
}

void Channel::trim() {
  const std::lock_guard lock(mutex_);
  const std::uint64_t high = heap_.high_bytes();
  if (heap_.empty() && high > kKeptBytes && trimmed_at_ == sequence_) {
    requests_->release_pages(layout_.heap + kKeptBytes, high - kKeptBytes);
    heap_.reset_high();
  }
  trimmed_at_ = sequence_;
}

}  // namespace slipway::worker
