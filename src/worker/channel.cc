#include "worker/channel.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "net/loop/loop.h"
#include "worker/wire/block.h"
#include "worker/wire/frames.h"

namespace slipway::worker {
namespace {

// So many are not kept from the worker until the loop has nothing else to do.
constexpr std::size_t kRequestsPerRing = 16;
// What stays in use of the memory for large requests while none comes.
constexpr std::uint64_t kKeptBytes = std::uint64_t{4} << 20U;

}  // namespace

class Channel::Model {
 public:
  Model(std::uint32_t number, const ChannelModelOptions& options)
      : number(number),
        max_output_bytes(options.max_output_bytes),
        identity(options.identity),
        watchdog(options.run_floor) {}

  const std::uint32_t number;
  const std::uint64_t max_output_bytes;
  const crypto::Digest identity;
  std::atomic<bool> guards = false;  // the guard remembers something

  // Guarded by the channel's lock:
  const Signature* signature = nullptr;
  bool open = false;
  std::optional<Error> refusal;
  std::deque<std::uint32_t> waiting;  // in the order in which they came
  PoisonGuard guard;
  Watchdog watchdog;
};

struct Channel::Slot {
  enum class State : std::uint8_t { kFree, kFilling, kWaiting, kSent };
  State state = State::kFree;
  bool retried = false;
  bool in_heap = false;
  std::uint32_t lane = 0;
  Model* model = nullptr;  // while it is not free
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::optional<crypto::Digest> digest;  // only while the poison guard remembers anything
  backend::Completion done;
  std::span<const std::size_t> wanted;
  std::shared_ptr<net::Inbox> inbox;
};

namespace {

Error poisoned_error() {
  return failed_precondition("backend.poisoned",
                             "the model's worker died of this very request more than once, so it is not run "
                             "for a while; a request with other data is");
}

// As the worker says, which may be anything.
Duration run_time(const AnswerFrame& frame) {
  constexpr Duration kMost = std::chrono::hours(1);
  return Duration(static_cast<std::int64_t>(
      std::min<std::uint64_t>(frame.run_ns, static_cast<std::uint64_t>(kMost.count()))));
}

}  // namespace

Channel::Channel(const ChannelOptions& options, const Clock& clock, const Layout& layout,
                 std::shared_ptr<SharedMemory> requests)
    : options_(options),
      clock_(clock),
      layout_(layout),
      requests_(std::move(requests)),
      slots_(options.slots),
      heap_(options.heap_bytes),
      watches_(kMaxRunThreads) {
  // The lowest are taken first, so that few pages are touched where few requests are in flight.
  for (std::uint32_t i = options.slots; i > 0; --i) free_.push_back(i - 1);
}

Channel::~Channel() {
  refuse(unavailable("backend.worker_died", "the model was unloaded"));
  close();
}

Result<std::unique_ptr<Channel>> Channel::create(const ChannelOptions& options, const Clock& clock) {
  const std::uint32_t lanes = 1 + std::min<std::uint32_t>(options.loops, kMaxLanes - 1);
  const auto layout = Layout::make(options.slots, options.heap_bytes, lanes);
  if (!layout) return invalid_argument("worker.memory", "a channel of that size cannot be made");
  SLIPWAY_ASSIGN_OR_RETURN(SharedMemory memory, SharedMemory::create("slipway-requests", layout->total_bytes,
                                                                     SharedMemory::Access::kReadWrite));
  auto requests = std::make_shared<SharedMemory>(std::move(memory));
  std::unique_ptr<Channel> channel(new Channel(options, clock, *layout, requests));
  SLIPWAY_ASSIGN_OR_RETURN(channel->requests_for_worker_, read_only_copy(requests->fd()));
  for (std::uint32_t i = 0; i < lanes; ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(auto lane, Lane::create(*channel, i));
    channel->lanes_.push_back(std::move(lane));
  }
  return channel;
}

// Precondition for these: mutex_ is held.
std::optional<Error> Channel::take_slot(Model& model, std::size_t bytes, std::uint32_t& index) {
  if (model.refusal) return model.refusal;
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
  slot.model = &model;
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
  slot.model = nullptr;
  slot.done = nullptr;
  slot.inbox.reset();
  free_.push_back(index);
}

crypto::Digest Channel::digest_of(const Slot& slot) const {
  return crypto::Sha256::of(ByteView(requests_->data() + slot.offset, slot.bytes));
}

void Channel::send(std::uint32_t index) {
  Slot& slot = slots_[index];
  const bool put = line_->writer.put({.sequence = slot.sequence,
                                      .offset = slot.offset,
                                      .bytes = slot.bytes,
                                      .slot = index,
                                      .lane = slot.lane,
                                      .model = slot.model->number});
  slot.state = put ? Slot::State::kSent : Slot::State::kWaiting;
  if (put) {
    ++sent_;
    ++unrung_;
    return;
  }
  // There are as many places as slots, so the worker is not telling the truth; the next one gets this.
  if (!broken_) broken_ = "it says that it took requests that it was not given";
  slot.model->waiting.push_back(index);
}

Channel::Model& Channel::add_model(const ChannelModelOptions& options) {
  const std::lock_guard lock(mutex_);
  auto model = std::make_unique<Model>(++last_model_, options);
  if (options_.poison != nullptr) restore_deaths(*model);
  return *models_.emplace(last_model_, std::move(model)).first->second;
}

// Beyond the usual time only where the machine's clock was set back.
void Channel::restore_deaths(Model& model) const {
  for (const PoisonRecord& record : options_.poison->of(model.identity)) {
    const Duration left = std::min<Duration>(record.until - clock_.wall_now(), PoisonGuard::kRemembered);
    model.guard.remember(record.request, record.deaths, clock_.now() + left);
    model.guards = true;
  }
}

std::uint32_t Channel::number_of(const Model& model) { return model.number; }

void Channel::remove_model(Model& model) {
  const std::lock_guard lock(mutex_);
  for (const Slot& slot : slots_) SLIPWAY_CHECK(slot.model != &model);
  models_.erase(model.number);
}

void Channel::finish(std::uint32_t index, Result<infer::Response> response,
                     std::vector<Delivery>& deliveries) {
  Slot& slot = slots_[index];
  if (slot.state == Slot::State::kSent) --sent_;
  deliveries.push_back({std::move(slot.inbox), std::move(slot.done), std::move(response)});
  give_slot(index);
}

void Channel::ring_worker() {
  std::shared_ptr<Line> ring;
  {
    const std::lock_guard lock(mutex_);
    const bool put = std::exchange(unrung_, 0) > 0;
    if (put && line_ != nullptr && !line_->writer.all_taken() && line_->worker_bell.should_ring())
      ring = line_;
  }
  if (ring != nullptr) ring->worker_bell.ring();
}

Lane& Channel::lane_of(net::Loop* loop) {
  if (loop == nullptr) return *lanes_[0];
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 1; i < lanes_.size(); ++i) {
    Lane& lane = *lanes_[i];
    if (lane.inbox_ == loop->inbox()) return lane;
    if (lane.inbox_ != nullptr) continue;
    if (!lane.watch(*loop).ok()) break;
    lane.inbox_ = loop->inbox();
    return lane;
  }
  // Its answers take the way round.
  return *lanes_[0];
}

void Channel::submit(Model& model, std::span<const TensorView> inputs, std::span<const std::size_t> outputs,
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
    refused = take_slot(model, *bytes, index);
  }
  if (refused) {
    done(*std::move(refused));
    return;
  }
  // The slot is this thread's own until it is sent or waits.
  Slot& slot = slots_[index];
  write_block(inputs, outputs, {requests_->data() + slot.offset, *bytes});
  if (model.guards) slot.digest = digest_of(slot);
  if (auto error = hand_over(index, outputs, done)) done(*std::move(error));
}

// The request is in its block. `done` is taken unless this fails.
std::optional<Error> Channel::hand_over(std::uint32_t index, std::span<const std::size_t> outputs,
                                        backend::Completion& done) {
  net::Loop* const loop = net::loop_of_this_thread();
  Lane& lane = lane_of(loop);
  bool ring_now = lane.number() == 0;
  {
    const std::lock_guard lock(mutex_);
    Slot& slot = slots_[index];
    Model& model = *slot.model;
    std::optional<Error> refused = model.refusal;
    if (!refused && slot.digest && model.guard.refuses(*slot.digest, clock_.now()))
      refused = poisoned_error();
    if (refused) {
      give_slot(index);
      return refused;
    }
    slot.lane = lane.number();
    slot.done = std::move(done);
    slot.wanted = outputs;
    if (loop != nullptr) slot.inbox = loop->inbox();
    if (model.open) {
      send(index);
    } else {
      slot.state = Slot::State::kWaiting;
      model.waiting.push_back(index);
    }
    ring_now = ring_now || unrung_ >= kRequestsPerRing;
  }
  if (ring_now) {
    ring_worker();
  } else {
    lane.ring_later();
  }
  return std::nullopt;
}

Result<Channel::Attachment> Channel::attach() {
  SLIPWAY_ASSIGN_OR_RETURN(auto line, Line::create(layout_, requests_));
  Attachment descriptors = {requests_for_worker_.get(), line->answers.fd(), line->worker_bell_fd.get()};
  for (const auto& lane : lanes_) {
    lane->attach(line);
    descriptors.push_back(lane->bell());
  }
  const std::lock_guard lock(mutex_);
  SLIPWAY_CHECK(line_ == nullptr);
  line_ = std::move(line);
  broken_.reset();
  unrung_ = 0;
  watches_.assign(kMaxRunThreads, {});
  progress_ = {};
  return descriptors;
}

Status Channel::serve_threads(net::Loop& loop) {
  if (lanes_[0]->inbox_ != nullptr) return {};
  SLIPWAY_TRY(lanes_[0]->watch(loop));
  lanes_[0]->inbox_ = loop.inbox();
  return {};
}

void Channel::open(Model& model, const Signature& signature) {
  {
    const std::lock_guard lock(mutex_);
    SLIPWAY_CHECK(line_ != nullptr);
    model.signature = &signature;
    model.open = true;
    model.refusal.reset();
    std::deque<std::uint32_t> waiting;
    waiting.swap(model.waiting);
    for (const std::uint32_t index : waiting) send(index);
  }
  ring_worker();
}

bool Channel::take_answers(Lane& lane, std::vector<Delivery>& deliveries) {
  if (lane.sleep_.asleep()) lane.sleep_.awake();
  std::size_t count = 0;
  Taken taken = Taken::kFrame;
  while (count < Lane::kBatch && (taken = lane.reader_.take(lane.frames_[count])) == Taken::kFrame) ++count;
  Status status = take_batch(lane, {lane.frames_.data(), count}, deliveries);
  if (status.ok() && taken == Taken::kBroken) {
    status = protocol_error("a worker says that it gave more answers than fit");
  }
  if (!status.ok()) {
    report_broken(status.error());
    return false;
  }
  if (count > 0) return true;
  lane.sleep_.fall_asleep();  // and look once more
  return !lane.reader_.empty();
}

void Channel::report_broken(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    if (!broken_) broken_ = error.message();
  }
  options_.on_broken();
}

std::optional<std::string> Channel::broken() {
  const std::lock_guard lock(mutex_);
  return broken_;
}

Status Channel::take_batch(Lane& lane, std::span<const AnswerFrame> frames,
                           std::vector<Delivery>& deliveries) {
  if (frames.empty()) return {};
  struct Taking {
    const Model* model = nullptr;  // stays, since it has a request in flight
    const Signature* signature = nullptr;
    std::span<const std::size_t> wanted;
    std::optional<Result<infer::Response>> response;
  };
  std::vector<Taking> taking(frames.size());
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const AnswerFrame& frame = frames[i];
      if (frame.slot >= slots_.size() || slots_[frame.slot].state != Slot::State::kSent ||
          slots_[frame.slot].sequence != frame.sequence || slots_[frame.slot].lane != lane.number()) {
        return protocol_error("a worker answers what it was not asked");
      }
      const Slot& slot = slots_[frame.slot];
      taking[i] = {slot.model, slot.model->signature, slot.wanted, {}};
    }
  }
  // An answer is read before its slot is given back, since the next request in it would overwrite it.
  Status status;
  std::size_t read = 0;
  for (; read < frames.size() && status.ok(); ++read) {
    Taking& one = taking[read];
    status = read_answer(lane.line_, frames[read], *one.signature, one.wanted, one.model->max_output_bytes,
                         one.response);
    if (!status.ok()) break;
    if (one.response->ok()) (*one.response)->timings.compute = run_time(frames[read]);
  }
  deliveries.reserve(deliveries.size() + read);
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < read; ++i) {
    const Slot& slot = slots_[frames[i].slot];
    // Named twice in one batch.
    if (slot.state != Slot::State::kSent || slot.sequence != frames[i].sequence) {
      return protocol_error("a worker answers twice");
    }
    Model& model = *slot.model;
    model.watchdog.note_run(run_time(frames[i]));
    if (slot.digest) {
      model.guard.note_success(*slot.digest);
      if (options_.poison != nullptr) options_.poison->acquit(model.identity, *slot.digest);
      model.guards = !model.guard.empty();
    }
    finish(frames[i].slot, *std::move(taking[i].response), deliveries);
  }
  return status;
}

Loss Channel::detach(const Error& why) {
  // What it had answered before it died is answered.
  for (const auto& lane : lanes_) lane->detach();
  Loss loss;
  std::vector<Delivery> deliveries;
  std::vector<PoisonRecord> deaths;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, model] : models_) model->open = false;
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
        const crypto::Digest digest = digest_of(slot);
        const int times = slot.model->guard.note_death(digest, clock_.now());
        slot.model->guards = true;
        deaths.push_back({slot.model->identity, digest, times, clock_.wall_now() + PoisonGuard::kRemembered});
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
    // Before what came later.
    std::sort(again.begin(), again.end(),
              [this](std::uint32_t a, std::uint32_t b) { return slots_[a].sequence > slots_[b].sequence; });
    for (const std::uint32_t index : again) slots_[index].model->waiting.push_front(index);
    for (const auto& [number, model] : models_) loss.waiting += model->waiting.size();
    line_.reset();
  }
  // Before anybody is told, so that whoever was told finds it so after a restart.
  if (options_.poison != nullptr && !deaths.empty()) loss.kept = options_.poison->note(deaths);
  deliver(std::move(deliveries));
  return loss;
}

// With mutex_ held.
void Channel::refuse_waiting(Model& model, const Error& why, std::vector<Delivery>& deliveries) {
  model.refusal = why;
  std::deque<std::uint32_t> waiting;
  waiting.swap(model.waiting);
  for (const std::uint32_t index : waiting) finish(index, why, deliveries);
}

void Channel::refuse(Model& model, const Error& why) {
  std::vector<Delivery> deliveries;
  {
    const std::lock_guard lock(mutex_);
    refuse_waiting(model, why, deliveries);
  }
  deliver(std::move(deliveries));
}

void Channel::refuse(const Error& why) {
  std::vector<Delivery> deliveries;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, model] : models_) {
      if (!model->open) refuse_waiting(*model, why, deliveries);
    }
  }
  deliver(std::move(deliveries));
}

void Channel::close() {
  for (const auto& lane : lanes_) lane->close();
  lanes_.clear();
}

// With mutex_ held. A worker may say that it runs what it was not given.
Duration Channel::run_limit(std::uint64_t sequence) const {
  Duration longest{};
  for (const auto& [number, model] : models_) longest = std::max(longest, model->watchdog.limit());
  for (const Slot& slot : slots_) {
    if (slot.state == Slot::State::kSent && slot.sequence == sequence) return slot.model->watchdog.limit();
  }
  return longest;
}

std::optional<std::string> Channel::hangs(MonoTime now) {
  const auto stuck = [&](Watch& watch, std::uint64_t value, Duration limit) {
    if (watch.value != value || !watch.since) watch = {value, now};
    return now - *watch.since >= limit;
  };
  const auto text = [](Duration limit) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count()) + " ms";
  };
  const std::lock_guard lock(mutex_);
  if (line_ == nullptr || sent_ == 0) {
    progress_ = {};
    std::fill(watches_.begin(), watches_.end(), Watch{});
    return std::nullopt;
  }
  bool runs = false;
  for (std::size_t i = 0; i < kMaxRunThreads; ++i) {
    const auto value = internal::load<std::uint64_t>(
        line_->answers.data() + Layout::kRunning + i * sizeof(std::uint64_t), __ATOMIC_ACQUIRE);
    if (value == 0) {
      watches_[i] = {};
      continue;
    }
    runs = true;
    const Duration limit = run_limit(value);
    if (stuck(watches_[i], value, limit)) return "a run took more than " + text(limit);
  }
  // Nothing runs, and nothing is taken: the worker's threads are stuck elsewhere, or it was stopped.
  if (runs) {
    progress_ = {};
    return std::nullopt;
  }
  const Duration limit = run_limit(0);
  if (stuck(progress_, line_->writer.taken(), limit)) {
    return "requests waited more than " + text(limit) + " without being run";
  }
  return std::nullopt;
}

void Channel::take_over_lanes() {
  std::vector<std::shared_ptr<Lane>> ended;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& lane : lanes_) {
      if (lane->inbox_ != nullptr && lane->inbox_->closed()) ended.push_back(lane);
    }
  }
  for (const auto& lane : ended) lane->take_all();
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
