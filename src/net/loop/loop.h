// An event loop: one thread waits for sockets, timers and work posted by other threads, and serves each as it
// comes.
//
// Why not Asio: its sockets cost one system call more for each request (a read that finds nothing, or a
// re-arming). With level-triggered epoll there is none, and the loop can give an idle connection's buffer
// back. See README.md.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "net/loop/block.h"
#include "net/loop/fd.h"
#include "net/loop/free_lists.h"
#include "net/loop/task.h"
#include "net/loop/timer_wheel.h"

namespace slipway::net {

/// What hears about a descriptor. Thread: confined to its loop.
class Watcher {
 public:
  virtual ~Watcher() = default;
  /// `events` as of epoll(7): EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP. Called again and again while one of them
  /// holds.
  virtual void on_events(std::uint32_t events) = 0;
};

/// Something to do once more before the loop waits, such as writing out what was gathered. Unlike a Task it
/// is asked for on the loop itself, any number of times, and runs once.
class Deferred {
 public:
  Deferred() = default;
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;
  virtual ~Deferred() = default;
  virtual void on_deferred() = 0;

 private:
  friend class Loop;
  bool queued_ = false;
};

/// Thread: post(), stop() and inbox() are safe; the rest is for the thread that runs it (or before it runs).
class Loop {
 public:
  /// Borrows: the clock, for the loop's life. Errors: net.loop (no descriptors left).
  static Result<std::unique_ptr<Loop>> create(const Clock& clock);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Serves until stop(). Call it from one thread at a time.
  void run();
  /// Waits at most `max_wait` for something, and serves what there is. For tests and for callers with a loop
  /// of their own.
  void run_once(Duration max_wait);
  /// Lets run() return after the work in hand. Thread: safe.
  void stop();

  /// Runs `work` on the loop, soon; drops it when the loop has ended. Thread: safe.
  void post(std::function<void()> work);
  /// Where tasks that do not allocate are posted. It outlives the loop.
  [[nodiscard]] const std::shared_ptr<Inbox>& inbox() const { return inbox_; }
  /// True on the thread that is running this loop.
  [[nodiscard]] bool is_current() const;

  /// Errors: net.loop. The watcher must stay until unwatch(); destroy it by retire(), since events may be
  /// under way.
  Status watch(int fd, std::uint32_t events, Watcher& watcher);
  void change(int fd, std::uint32_t events, Watcher& watcher);
  void unwatch(int fd);
  /// Destroys the watcher before the loop waits again.
  void retire(std::unique_ptr<Watcher> watcher);

  void arm(Timer& timer, MonoTime deadline) { wheel_.arm(timer, deadline); }
  void disarm(Timer& timer) { wheel_.disarm(timer); }
  void defer(Deferred& deferred);

  /// When the loop last woke. Cost: none.
  [[nodiscard]] MonoTime now() const { return now_; }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  /// The line "Date: ...\r\n" of this second. Cost: formatted once per second.
  [[nodiscard]] std::string_view date_line();
  [[nodiscard]] BlockPool& blocks() { return blocks_; }
  [[nodiscard]] FreeLists& memory() { return memory_; }

 private:
  class WakeWatcher;
  explicit Loop(const Clock& clock);
  void run_deferred();
  [[nodiscard]] int wait_ms(Duration max_wait) const;

  const Clock& clock_;
  BlockPool blocks_;
  FreeLists memory_;
  std::shared_ptr<Inbox> inbox_;
  Fd epoll_;
  MonoTime now_;
  TimerWheel wheel_;
  std::unique_ptr<WakeWatcher> wake_watcher_;
  std::vector<epoll_event> events_;
  std::vector<Deferred*> deferred_;
  std::vector<std::unique_ptr<Watcher>> retired_;
  std::string date_line_;
  MonoTime date_until_{};
  bool stopping_ = false;
};

/// True on the thread that is running the loop of this inbox.
[[nodiscard]] bool on_loop_of(const Inbox& inbox);

/// The loop that this thread is running; null when there is none.
[[nodiscard]] Loop* loop_of_this_thread();

/// The inbox of the loop that this thread is running, so that an answer can find its way back; null when
/// there is none.
[[nodiscard]] std::shared_ptr<Inbox> inbox_of_this_thread();

/// Keeps the calling thread on one processor. Errors: net.affinity.
Status pin_thread(int cpu);

}  // namespace slipway::net
