#include "serving/work_queue.h"

#include <pthread.h>

#include <utility>

#include "base/check.h"

namespace slipway::serving {

WorkQueue::WorkQueue(WorkQueueOptions options) : options_(std::move(options)) {
  SLIPWAY_CHECK(options_.max_threads > 0);
}

WorkQueue::~WorkQueue() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkQueue::try_push(std::unique_ptr<Work>& work) {
  {
    const std::lock_guard lock(mutex_);
    SLIPWAY_CHECK(!closing_);
    if (items_.size() >= options_.max_items) return false;
    items_.push_back(std::move(work));
    // A thread that was woken has not taken its item yet, so idle threads are compared with the items that
    // wait.
    if (idle_ < items_.size() && threads_.size() < options_.max_threads) {
      threads_.emplace_back([this] { serve_queue(); });
      pthread_setname_np(threads_.back().native_handle(), options_.name.substr(0, 15).c_str());
    }
    // Under the lock: the item may be the one that the owner of this queue waits for to end it.
    wake_.notify_one();
  }
  return true;
}

std::size_t WorkQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return items_.size();
}

void WorkQueue::serve_queue() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return closing_ || !items_.empty(); });
    --idle_;
    if (items_.empty()) return;
    std::unique_ptr<Work> work = std::move(items_.front());
    items_.pop_front();
    lock.unlock();
    Work* running = work.get();
    running->run(std::move(work));
    lock.lock();
  }
}

}  // namespace slipway::serving
