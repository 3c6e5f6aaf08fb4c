// A bounded queue with threads of its own, for models that take too long to run on an event loop.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace slipway::serving {

/// A piece of work. run() is called once, on one of the queue's threads, and given its own ownership, so that
/// work which goes on elsewhere needs no second object.
class Work {
 public:
  virtual ~Work() = default;
  virtual void run(std::unique_ptr<Work> self) = 0;
};

struct WorkQueueOptions {
  std::size_t max_threads = 1;   ///< work that runs at the same time
  std::size_t max_items = 1024;  ///< work that may wait
  std::string name = "model";    ///< of its threads, for debuggers; the first 15 characters show
};

/// First in, first out. Threads start when there is work for them, so an idle queue costs no thread.
/// Thread: safe. Destroying it runs what waits, then ends its threads; not from one of its own threads.
class WorkQueue {
 public:
  explicit WorkQueue(WorkQueueOptions options);
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// False when the queue is full; `work` is then left with the caller.
  [[nodiscard]] bool try_push(std::unique_ptr<Work>& work);
  /// Work that waits, not counting what runs.
  [[nodiscard]] std::size_t waiting() const;

 private:
  void serve_queue();

  const WorkQueueOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Work>> items_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool closing_ = false;
};

}  // namespace slipway::serving
