// The front's side of the shared memory: requests go in from any thread, answers come out, and each request
// gets exactly one answer, whatever becomes of the worker.
//
// A channel outlives its workers. One at a time is attached; when it has died, the requests that it had begun
// to run get an error, and those that only waited for it are given to the next.
#pragma once

#include <cstdint>
#include <deque>
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
#include "net/loop/task.h"
#include "tensor/signature.h"
#include "worker/line_internal.h"
#include "worker/memory.h"
#include "worker/policies.h"

namespace slipway::worker {

struct ChannelOptions {
  std::uint32_t slots = 1024;  ///< requests in flight, at most
  std::uint64_t heap_bytes = std::uint64_t{256}
                             << 20U;              ///< requests larger than a page, together; and answers
  Duration run_floor = std::chrono::seconds(10);  ///< no run is taken for hung before this
  std::uint64_t max_output_bytes = std::uint64_t{1} << 30U;
};

/// What a death cost.
struct Loss {
  std::size_t suspects = 0;  ///< were being run: failed
  std::size_t failed = 0;    ///< were lost for the second time
  std::size_t waiting = 0;   ///< will be run by the next worker
};

/// Thread: submit() is safe; the rest is confined to the supervisor's thread.
class Channel {
 public:
  /// Borrows: clock. Errors: worker.memory.
  static Result<std::unique_ptr<Channel>> create(const ChannelOptions& options, const Clock& clock);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// As Instance::submit. The completion is called on the loop that called this, if one did, else on the
  /// supervisor's thread, and must be quick then; with an error found at once, before this returns. Errors:
  /// backend.worker_full, backend.request_size, backend.poisoned, what refuse() said, backend.worker_died;
  /// the backend's.
  void submit(std::span<const TensorView> inputs, std::span<const std::size_t> outputs,
              backend::Completion done);

  /// Descriptors for the worker's Setup; they stay this channel's. Errors: worker.memory.
  struct Attachment {
    int requests = -1, answers = -1, worker_bell = -1, front_bell = -1;
  };
  Result<Attachment> attach();
  /// Requests are run from now on, first those that wait. Borrows: signature, until close().
  void open(const Signature& signature);
  /// Takes the answers that are there. Call it when the front's bell rang. Errors: worker.protocol: the
  /// worker is to be ended.
  Status take_answers();
  /// After the worker's death. `why` is told to those whose request is lost.
  Loss detach(const Error& why);
  /// No worker will come soon: what waits and what comes gets `why`, until open().
  void refuse(const Error& why);

  /// Why the worker must be taken for hung; nothing when it works or has nothing to do.
  std::optional<std::string> hangs(MonoTime now);
  /// Gives memory back that large requests touched, once none came since the last call.
  void trim();

 private:
  struct Slot;
  struct Delivery;
  Channel(const ChannelOptions& options, const Clock& clock, const Layout& layout,
          std::shared_ptr<SharedMemory> requests);

  std::optional<Error> take_slot(std::size_t bytes, std::uint32_t& index);
  std::optional<Error> hand_over(std::uint32_t index, std::span<const std::size_t> outputs,
                                 backend::Completion& done);
  std::optional<Error> check_poison(Slot& slot);
  [[nodiscard]] crypto::Digest digest_of(const Slot& slot) const;
  void give_slot(std::uint32_t index);
  bool send(std::uint32_t index);
  void finish(std::uint32_t index, Result<infer::Response> response, std::vector<Delivery>& deliveries);
  static void deliver(std::vector<Delivery> deliveries);
  Status take_batch(std::span<const AnswerFrame> frames);

  const ChannelOptions options_;
  const Clock& clock_;
  const Layout layout_;
  const std::shared_ptr<SharedMemory> requests_;  // large answers hold it, to say that they let go
  net::Fd requests_for_worker_;
  const Signature* signature_ = nullptr;

  std::mutex mutex_;  // guards what follows, and the sending half of line_
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::deque<std::uint32_t> waiting_;  // in the order in which they came
  Heap heap_;
  PoisonGuard guard_;
  std::uint64_t sequence_ = 0;
  std::size_t sent_ = 0;
  bool open_ = false;
  bool lies_ = false;  // the worker says that it took what it was not given
  std::optional<Error> refusal_;
  std::shared_ptr<Line> line_;  // replaced by the supervisor's thread alone

  // The supervisor's thread alone:
  Watchdog watchdog_;
  struct Watch {
    std::uint64_t value = 0;
    std::optional<MonoTime> since;
  };
  std::vector<Watch> watches_;
  Watch progress_;
  std::uint64_t trimmed_at_ = 0;
};

}  // namespace slipway::worker
