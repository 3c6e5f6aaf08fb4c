#include "net/loop/task.h"

#include <sys/eventfd.h>

#include <cstdint>

namespace slipway::net {
namespace {

// Marks a queue that takes nothing any more.
class ClosedMark final : public Task {
  void run() override {}
  void discard() override {}
};
ClosedMark* closed_mark() {
  static ClosedMark mark;
  return &mark;
}

}  // namespace

Inbox::Inbox() : wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Inbox::~Inbox() { close(); }

void Inbox::post(Task& task) {
  Task* head = head_.load(std::memory_order_relaxed);
  do {
    if (head == closed_mark()) {
      task.discard();
      return;
    }
    task.next_ = head;
  } while (!head_.compare_exchange_weak(head, &task, std::memory_order_seq_cst, std::memory_order_relaxed));
  // Pairs with prepare_sleep(): either we see the loop asleep, or it sees our task.
  if (sleeping_.load(std::memory_order_seq_cst)) wake();
}

void Inbox::wake() {
  if (!sleeping_.exchange(false, std::memory_order_seq_cst)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_fd_.get(), &one, sizeof one);
}

bool Inbox::prepare_sleep() {
  sleeping_.store(true, std::memory_order_seq_cst);
  if (head_.load(std::memory_order_seq_cst) == nullptr) return true;
  awake();
  return false;
}

void Inbox::clear_wake() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wake_fd_.get(), &count, sizeof count);
}

Task* Inbox::take_all() {
  if (head_.load(std::memory_order_relaxed) == nullptr) return nullptr;
  Task* newest = head_.exchange(nullptr, std::memory_order_acquire);
  Task* oldest = nullptr;
  while (newest != nullptr) {
    Task* next = newest->next_;
    newest->next_ = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

void Inbox::run_all() {
  for (Task* task = take_all(); task != nullptr;) {
    Task* next = task->next_;  // run() may destroy the task, or post it again
    task->run();
    task = next;
  }
}

bool Inbox::closed() const { return head_.load(std::memory_order_acquire) == closed_mark(); }

void Inbox::close() {
  Task* task = head_.exchange(closed_mark(), std::memory_order_acq_rel);
  if (task == closed_mark()) return;
  while (task != nullptr) {
    Task* next = task->next_;
    task->discard();
    task = next;
  }
}

}  // namespace slipway::net
