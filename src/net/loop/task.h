// Work handed to a loop from any thread, without a lock and without allocating.
#pragma once

#include <atomic>

#include "net/loop/fd.h"

namespace slipway::net {

/// Something that a loop will do. Derive from it; whoever posts it keeps it alive until run() or discard() is
/// called.
class Task {
 public:
  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task() = default;

  /// Called on the loop, once per post().
  virtual void run() = 0;
  /// Called instead, on any thread, when the loop has ended.
  virtual void discard() = 0;

 private:
  friend class Inbox;
  Task* next_ = nullptr;
};

/// A loop's queue of tasks. It outlives the loop, so that late answers have somewhere to go.
/// Thread: post() and wake() are safe; the rest belongs to the loop.
class Inbox {
 public:
  Inbox();
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// Tasks of one thread run in the order in which they were posted. Cost: an atomic exchange; a system call
  /// only when the loop sleeps.
  void post(Task& task);
  void wake();

  [[nodiscard]] int wake_fd() const { return wake_fd_.get(); }
  /// Says that the loop is about to wait. False when there is something to do instead.
  bool prepare_sleep();
  void awake() { sleeping_.store(false, std::memory_order_relaxed); }
  void clear_wake();
  void run_all();
  /// No task is taken from now on; what waits is discarded.
  void close();
  /// True once the loop has ended. Thread: safe.
  [[nodiscard]] bool closed() const;

 private:
  Task* take_all();

  Fd wake_fd_;
  std::atomic<Task*> head_{nullptr};
  std::atomic<bool> sleeping_{false};
};

}  // namespace slipway::net
