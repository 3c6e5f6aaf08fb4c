#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "worker/runner_internal.h"
#include "worker/wire/block.h"
#include "worker/wire/frames.h"

namespace slipway::worker {
namespace {

// Runs shorter than this are not worth another thread's waking up.
constexpr std::int64_t kShortRunNs = 30'000;
// Short runs are answered together, up to so many or until they have taken so long.
constexpr std::uint32_t kAnswersPerRing = 16;
constexpr Duration kLongestUnrung = std::chrono::microseconds(100);
// How long the memory of large answers is kept after the last request.
constexpr int kKeepMs = 1000;
constexpr std::uint64_t kKeptBytes = std::uint64_t{4} << 20U;

// A front that breaks the rules is of no use, and no answer can reach it.
[[noreturn]] void give_up() { std::_Exit(1); }

}  // namespace

Runner::Runner(RunnerOptions options)
    : options_(std::move(options)),
      reader_(options_.answers.data(), options_.requests.data(), RingPlace::requests(),
              options_.layout.slots),
      sleep_(options_.answers.data() + Layout::kSleep),
      heap_(options_.layout.heap_bytes) {
  for (std::uint32_t lane = 0; lane < options_.layout.lanes; ++lane) {
    writers_.emplace_back(options_.answers.data(), options_.requests.data(),
                          RingPlace::answers(options_.layout, lane), options_.layout.slots);
    bells_.emplace_back(options_.requests.data() + Layout::sleep_of(lane), options_.lane_bells[lane].get());
  }
  for (std::uint32_t i = kLargeAnswers; i > 0; --i) free_marks_.push_back(i - 1);
}

void Runner::add(std::uint32_t model, std::shared_ptr<backend::Instance> instance, std::uint32_t threads) {
  {
    const std::lock_guard lock(models_mutex_);
    models_[model] = std::move(instance);
  }
  const std::size_t wanted = std::clamp<std::size_t>(threads, 1, kMaxRunThreads);
  while (threads_.size() < wanted) {
    const auto i = static_cast<std::uint32_t>(threads_.size());
    threads_.emplace_back([this, i] {
      // A thread may name itself; naming another opens a file.
      pthread_setname_np(pthread_self(), ("run-" + std::to_string(i)).c_str());
      serve(i);
    });
  }
}

void Runner::remove(std::uint32_t model) {
  std::shared_ptr<backend::Instance> last;
  const std::lock_guard lock(models_mutex_);
  const auto found = models_.find(model);
  if (found == models_.end()) return;
  last = std::move(found->second);
  models_.erase(found);
}

std::shared_ptr<backend::Instance> Runner::find(std::uint32_t model) {
  const std::lock_guard lock(models_mutex_);
  const auto found = models_.find(model);
  return found == models_.end() ? nullptr : found->second;
}

void Runner::serve(std::uint32_t thread) {
  while (true) {
    std::unique_lock turn(turn_);
    RequestFrame request;
    switch (reader_.take(request)) {
      case Taken::kBroken:
        give_up();
      case Taken::kNothing:
        wait_for_requests();
        continue;
      case Taken::kFrame:
        break;
    }
    // The lane is the front's word, as good as its bytes in the block.
    if (request.lane >= options_.layout.lanes) give_up();
    if (usual_run_ns_.load(std::memory_order_relaxed) > kShortRunNs) {
      ring_lanes();
      turn.unlock();
      run_apart(request, thread);
      continue;
    }
    const Duration took = run(request, thread);
    unrung_lanes_ |= 1U << request.lane;
    unrung_for_ += took;
    if (++unrung_ >= kAnswersPerRing || unrung_for_ >= kLongestUnrung) ring_lanes();
  }
}

// Without turn_: another thread may wait meanwhile.
void Runner::run_apart(const RequestFrame& request, std::uint32_t thread) {
  {
    const std::lock_guard lock(answers_mutex_);
    ++runs_elsewhere_;
  }
  run(request, thread);
  const std::lock_guard lock(answers_mutex_);
  --runs_elsewhere_;
  if (bells_[request.lane].should_ring()) bells_[request.lane].ring();
}

// With turn_ held.
void Runner::ring_lanes() {
  if (unrung_ == 0) return;
  const std::lock_guard lock(answers_mutex_);
  for (std::uint32_t lane = 0; lane < bells_.size(); ++lane) {
    if ((unrung_lanes_ >> lane & 1U) != 0 && bells_[lane].should_ring()) bells_[lane].ring();
  }
  unrung_ = 0;
  unrung_for_ = {};
  unrung_lanes_ = 0;
}

// With turn_ held: nobody else may take requests meanwhile.
void Runner::wait_for_requests() {
  ring_lanes();
  sleep_.fall_asleep();
  while (reader_.empty()) {
    sleep_until_rung();
    // Rung for what was taken before: this sleep's ring is spent, so another begins.
    sleep_.awake();
    sleep_.fall_asleep();
  }
  sleep_.awake();
}

void Runner::sleep_until_rung() {
  if (may_have_to_trim()) {
    pollfd bell{options_.worker_bell.get(), POLLIN, 0};
    const int ready = ::poll(&bell, 1, kKeepMs);
    if (ready == 0) trim_answers();
    if (ready <= 0) return;
  }
  std::uint64_t rung = 0;
  if (::read(options_.worker_bell.get(), &rung, sizeof(rung)) < 0 && errno != EINTR) give_up();
}

void Runner::set_running(std::uint32_t thread, std::uint64_t sequence) {
  internal::store(options_.answers.data() + Layout::kRunning + thread * sizeof(sequence), sequence,
                  __ATOMIC_SEQ_CST);
}

Duration Runner::run(const RequestFrame& request, std::uint32_t thread) {
  set_running(thread, request.sequence);
  // Destroyed after the response, whose memory may be the instance's.
  const std::shared_ptr<backend::Instance> instance = find(request.model);
  // The front asks for no model before it is loaded.
  if (instance == nullptr) give_up();
  const MonoTime start = options_.clock->now();
  const Result<infer::Response> response = run_model(request, *instance);
  const Duration took = options_.clock->now() - start;
  const std::int64_t usual = usual_run_ns_.load(std::memory_order_relaxed);
  usual_run_ns_.store(usual + (took.count() - usual) / 8, std::memory_order_relaxed);
  answer(request, response, took);
  set_running(thread, 0);
  return took;
}

Result<infer::Response> Runner::run_model(const RequestFrame& request, backend::Instance& instance) {
  if (!options_.layout.holds(request.offset, request.bytes, request.slot)) {
    return protocol_error("a request lies where none may be");
  }
  const ByteView block(options_.requests.data() + request.offset, request.bytes);
  SLIPWAY_ASSIGN_OR_RETURN(const BlockHead head, read_block(block));
  std::vector<TensorView> inputs;
  inputs.reserve(head.tensors.size());
  for (const BlockTensor& tensor : head.tensors) {
    inputs.push_back({tensor.dtype, tensor.shape, block.subspan(tensor.offset, tensor.bytes)});
  }
  // Most backends have answered when submit() returns; the others are waited for.
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Result<infer::Response>> answered;
  instance.submit(inputs, head.wanted, [&](Result<infer::Response> response) {
    const std::lock_guard lock(mutex);
    answered.emplace(std::move(response));
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return answered.has_value(); });
  return *std::move(answered);
}

void Runner::answer(const RequestFrame& request, const Result<infer::Response>& response, Duration took) {
  AnswerFrame frame;
  frame.sequence = request.sequence;
  frame.slot = request.slot;
  frame.run_ns = static_cast<std::uint64_t>(took.count());
  frame.offset = options_.layout.small_of(request.slot);
  const Status written = response.ok() ? write_outputs(*response, frame) : Status(response.error());
  if (!written.ok()) write_failure(written.error(), frame);
  put_answer(frame, request.lane);
}

Status Runner::write_outputs(const infer::Response& response, AnswerFrame& frame) {
  std::vector<TensorView> outputs;
  outputs.reserve(response.outputs.size());
  for (const infer::Output& output : response.outputs) {
    if (!output.tensor.validate().ok()) {
      return internal_error("backend.run", "the model gave an output whose data do not fit its shape " +
                                               output.tensor.shape.to_string());
    }
    outputs.push_back(output.tensor);
  }
  const auto bytes = block_bytes(outputs, 0);
  std::optional<LargeAnswer> place;
  if (bytes && *bytes > kSmallBytes) {
    place = take_place(frame.sequence, *bytes);
    if (place) {
      frame.offset = options_.layout.heap + place->offset;
      frame.mark = place->mark;
    }
  }
  if (!bytes || (*bytes > kSmallBytes && !place)) {
    return resource_exhausted("backend.output_size",
                              "the answer does not fit into the memory that is shared with the worker");
  }
  frame.bytes = *bytes;
  write_block(outputs, {}, {options_.answers.data() + frame.offset, *bytes});
  return {};
}

void Runner::write_failure(const Error& error, AnswerFrame& frame) {
  std::string text = encode_error(error);
  if (text.size() > kSmallBytes) {
    text = encode_error(Error(error.code(), error.id().substr(0, 128), error.message().substr(0, 2048)));
  }
  frame.failed = 1;
  frame.bytes = text.size();
  std::memcpy(options_.answers.data() + frame.offset, text.data(), text.size());
}

void Runner::put_answer(const AnswerFrame& frame, std::uint32_t lane) {
  const std::lock_guard lock(answers_mutex_);
  // There is room for an answer to every request that can be in flight.
  if (!writers_[lane].put(frame)) give_up();
}

std::optional<Runner::LargeAnswer> Runner::take_place(std::uint64_t sequence, std::uint64_t bytes) {
  const std::lock_guard lock(answers_mutex_);
  reclaim();
  if (free_marks_.empty()) return std::nullopt;
  const auto offset = heap_.take(bytes);
  if (!offset) return std::nullopt;
  const LargeAnswer place{free_marks_.back(), sequence, *offset};
  free_marks_.pop_back();
  large_.push_back(place);
  return place;
}

// With answers_mutex_ held.
void Runner::reclaim() {
  std::erase_if(large_, [this](const LargeAnswer& answer) {
    const auto let_go = internal::load<std::uint64_t>(
        options_.requests.data() + options_.layout.marks + answer.mark * sizeof(std::uint64_t),
        __ATOMIC_ACQUIRE);
    if (let_go != answer.sequence) return false;
    heap_.give(answer.offset);
    free_marks_.push_back(answer.mark);
    return true;
  });
}

bool Runner::may_have_to_trim() {
  const std::lock_guard lock(answers_mutex_);
  return runs_elsewhere_ > 0 || heap_.high_bytes() > kKeptBytes;
}

void Runner::trim_answers() {
  const std::lock_guard lock(answers_mutex_);
  reclaim();
  if (!large_.empty() || heap_.high_bytes() <= kKeptBytes) return;
  options_.answers.release_pages(options_.layout.heap + kKeptBytes, heap_.high_bytes() - kKeptBytes);
  heap_.reset_high();
}

}  // namespace slipway::worker
