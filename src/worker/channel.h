// The front's side of the shared memory: requests go in from any thread, answers come out, and each request
// gets exactly one answer, whatever becomes of the worker.
//
// A channel outlives its workers. One at a time is attached; when it has died, the requests that it had begun
// to run get an error, and those that only waited for it are given to the next.
//
// It carries requests for as many models as its worker has. They share slots, memory and the ring; what
// waits, what is refused and how long a run may take is each model's own.
//
// Each loop that submits gets a lane of its own, by which its answers come back to it without another thread
// between. Threads without a loop share a lane, whose answers the supervisor's loop takes.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "contracts/backend/backend.h"
#include "crypto/digest.h"
#include "net/loop/fd.h"
#include "net/loop/loop.h"
#include "tensor/signature.h"
#include "worker/lane_internal.h"
#include "worker/line_internal.h"
#include "worker/poison_list.h"
#include "worker/policies.h"
#include "worker/wire/memory.h"

namespace slipway::worker {

struct ChannelOptions {
  std::uint32_t slots = 1024;  ///< requests in flight, at most
  std::uint64_t heap_bytes = std::uint64_t{256}
                             << 20U;  ///< requests larger than a page, together; and answers
  std::uint32_t loops = 1;  ///< that get a lane of their own; others share one. Range: below kMaxLanes
  PoisonList* poison =
      nullptr;  ///< Borrows; where deaths are kept; null = they are forgotten with the channel
  std::function<void()> on_broken = [] {};  ///< called on any thread: look at broken()
};

struct ChannelModelOptions {
  Duration run_floor = std::chrono::seconds(10);  ///< no run is taken for hung before this
  std::uint64_t max_output_bytes = std::uint64_t{1} << 30U;
  crypto::Digest identity = {};  ///< of the model's main file, for ChannelOptions::poison
};

/// What a death cost.
struct Loss {
  std::size_t suspects = 0;  ///< were being run: failed
  std::size_t failed = 0;    ///< were lost for the second time
  std::size_t waiting = 0;   ///< will be run by the next worker
  Status kept = {};          ///< of the suspects, in ChannelOptions::poison
};

/// Thread: submit() is safe; the rest is confined to the supervisor's thread.
class Channel {
 public:
  class Model;

  /// Borrows: clock. Errors: worker.memory.
  static Result<std::unique_ptr<Channel>> create(const ChannelOptions& options, const Clock& clock);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// As Instance::submit. The completion is called on the loop that called this, if one did, else on the
  /// supervisor's loop, and must be quick then; with an error found at once, before this returns. Errors:
  /// backend.worker_full, backend.request_size, backend.poisoned, what refuse() said, backend.worker_died;
  /// the backend's.
  void submit(Model& model, std::span<const TensorView> inputs, std::span<const std::size_t> outputs,
              backend::Completion done);

  /// Its requests wait until it is open. The reference holds until remove_model().
  Model& add_model(const ChannelModelOptions& options);
  /// What requests call the model; never 0, and never the same twice.
  [[nodiscard]] static std::uint32_t number_of(const Model& model);
  /// Precondition: nothing is submitted to it any more, and all that was is answered.
  void remove_model(Model& model);

  /// Descriptors for the worker's Setup; they stay this channel's. Errors: worker.memory.
  using Attachment = std::vector<int>;
  Result<Attachment> attach();
  /// The attached worker has loaded the model: its requests are run from now on, first those that wait.
  /// Borrows: signature, until remove_model().
  void open(Model& model, const Signature& signature);
  [[nodiscard]] std::uint32_t lanes() const { return layout_.lanes; }
  /// The calling thread's loop takes the answers of threads that have none. Errors: net.loop.
  Status serve_threads(net::Loop& loop);
  /// Why the attached worker must be ended: it breaks the rules. Nothing while it keeps them.
  std::optional<std::string> broken();
  /// After the worker's death. `why` is told to those whose request is lost.
  Loss detach(const Error& why);
  /// The model will not be there soon: what waits and what comes gets `why`, until open().
  void refuse(Model& model, const Error& why);
  /// As that, for every model that is not open.
  void refuse(const Error& why);
  /// Nothing comes any more; lets go of the loops.
  void close();

  /// Why the worker must be taken for hung; nothing when it works or has nothing to do.
  std::optional<std::string> hangs(MonoTime now);
  /// Takes the answers to what loops asked that have ended since, such as at the end of the program.
  void take_over_lanes();
  /// Gives memory back that large requests touched, once none came since the last call.
  void trim();

 private:
  friend class Lane;
  struct Slot;
  Channel(const ChannelOptions& options, const Clock& clock, const Layout& layout,
          std::shared_ptr<SharedMemory> requests);

  std::optional<Error> take_slot(Model& model, std::size_t bytes, std::uint32_t& index);
  std::optional<Error> hand_over(std::uint32_t index, std::span<const std::size_t> outputs,
                                 backend::Completion& done);
  [[nodiscard]] crypto::Digest digest_of(const Slot& slot) const;
  void give_slot(std::uint32_t index);
  [[nodiscard]] Lane& lane_of(net::Loop* loop);
  void send(std::uint32_t index);
  void ring_worker();
  /// Takes answers of the lane, whose lock is held; true when there may be more.
  bool take_answers(Lane& lane, std::vector<Delivery>& deliveries);
  void report_broken(const Error& error);
  void finish(std::uint32_t index, Result<infer::Response> response, std::vector<Delivery>& deliveries);
  void restore_deaths(Model& model) const;
  void refuse_waiting(Model& model, const Error& why, std::vector<Delivery>& deliveries);
  [[nodiscard]] Duration run_limit(std::uint64_t sequence) const;
  Status take_batch(Lane& lane, std::span<const AnswerFrame> frames, std::vector<Delivery>& deliveries);

  const ChannelOptions options_;
  const Clock& clock_;
  const Layout layout_;
  const std::shared_ptr<SharedMemory> requests_;  // large answers hold it, to say that they let go
  net::Fd requests_for_worker_;
  std::vector<std::shared_ptr<Lane>> lanes_;  // the first is of threads without a loop

  std::mutex mutex_;  // guards what follows, and line_'s ring; taken after a lane's
  std::map<std::uint32_t, std::unique_ptr<Model>> models_;
  std::uint32_t last_model_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  Heap heap_;
  std::uint64_t sequence_ = 0;
  std::size_t sent_ = 0;
  std::size_t unrung_ = 0;  // sent since the worker was last rung
  std::optional<std::string> broken_;
  std::shared_ptr<Line> line_;

  // The supervisor's thread alone:
  struct Watch {
    std::uint64_t value = 0;
    std::optional<MonoTime> since;
  };
  std::vector<Watch> watches_;
  Watch progress_;
  std::uint64_t trimmed_at_ = 0;
};

}  // namespace slipway::worker
