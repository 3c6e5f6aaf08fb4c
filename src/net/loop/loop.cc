#include "net/loop/loop.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <limits>
#include <utility>

namespace slipway::net {
namespace {

thread_local Loop* current_loop = nullptr;

constexpr std::size_t kEventsPerWait = 256;

class FunctionTask final : public Task {
 public:
  explicit FunctionTask(std::function<void()> work) : work_(std::move(work)) {}
  void run() override {
    const std::unique_ptr<FunctionTask> self(this);
    work_();
  }
  void discard() override { const std::unique_ptr<FunctionTask> self(this); }

 private:
  std::function<void()> work_;
};

}  // namespace

class Loop::WakeWatcher final : public Watcher {
 public:
  explicit WakeWatcher(Inbox& inbox) : inbox_(inbox) {}
  void on_events(std::uint32_t) override { inbox_.clear_wake(); }

 private:
  Inbox& inbox_;
};

Loop::Loop(const Clock& clock)
    : clock_(clock),
      inbox_(std::make_shared<Inbox>()),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      now_(clock.now()),
      wheel_(now_),
      wake_watcher_(std::make_unique<WakeWatcher>(*inbox_)),
      events_(kEventsPerWait) {}

Result<std::unique_ptr<Loop>> Loop::create(const Clock& clock) {
  std::unique_ptr<Loop> loop(new Loop(clock));
  if (!loop->epoll_.valid() || loop->inbox_->wake_fd() < 0) {
    return resource_exhausted("net.loop", std::string("an event loop cannot be made: ") +
                                              std::strerror(errno) +
                                              "; raise the limit of open files (ulimit -n)");
  }
  SLIPWAY_TRY(loop->watch(loop->inbox_->wake_fd(), EPOLLIN, *loop->wake_watcher_));
  return loop;
}

Loop::~Loop() {
  inbox_->close();
  retired_.clear();
}

bool Loop::is_current() const { return current_loop == this; }

void Loop::run() {
  stopping_ = false;
  while (!stopping_) run_once(Duration::max());
}

void Loop::stop() {
  post([this] { stopping_ = true; });
}

void Loop::post(std::function<void()> work) {
  inbox_->post(*std::make_unique<FunctionTask>(std::move(work)).release());
}

int Loop::wait_ms(Duration max_wait) const {
  Duration wait = max_wait;
  if (wait > Duration::zero()) {
    if (const auto next = wheel_.next()) wait = std::clamp(*next - now_, Duration::zero(), wait);
  }
  if (wait == Duration::max()) return -1;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  return static_cast<int>(std::clamp<std::int64_t>(ms, 0, 60'000));
}

void Loop::run_once(Duration max_wait) {
  Loop* const outer = std::exchange(current_loop, this);
  blocks_.enter();
  int wait = wait_ms(max_wait);
  if (wait != 0 && !inbox_->prepare_sleep()) wait = 0;
  const int count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), wait);
  inbox_->awake();
  now_ = clock_.now();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    static_cast<Watcher*>(event.data.ptr)->on_events(event.events);
  }
  inbox_->run_all();
  wheel_.advance(now_);
  run_deferred();
  retired_.clear();
  BlockPool::leave();
  current_loop = outer;
}

Status Loop::watch(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return resource_exhausted("net.loop",
                            std::string("a descriptor cannot be watched: ") + std::strerror(errno));
}

void Loop::change(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::unwatch(int fd) { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void Loop::retire(std::unique_ptr<Watcher> watcher) { retired_.push_back(std::move(watcher)); }

void Loop::defer(Deferred& deferred) {
  if (std::exchange(deferred.queued_, true)) return;
  deferred_.push_back(&deferred);
}

void Loop::run_deferred() {
  // By index, since what runs may defer more.
  for (std::size_t i = 0; i < deferred_.size(); ++i) {
    deferred_[i]->queued_ = false;
    deferred_[i]->on_deferred();
  }
  deferred_.clear();
}

std::string_view Loop::date_line() {
  if (now_ < date_until_) return date_line_;
  const WallTime wall = clock_.wall_now();
  const auto second = std::chrono::floor<std::chrono::seconds>(wall);
  const std::time_t time = second.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char text[64];
  const int size = std::snprintf(text, sizeof text, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                                 kDays[parts.tm_wday % 7], parts.tm_mday, kMonths[parts.tm_mon % 12],
                                 parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  date_line_.assign(text, static_cast<std::size_t>(std::clamp<int>(size, 0, sizeof text - 1)));
  date_until_ = now_ + (second + std::chrono::seconds(1) - wall);
  return date_line_;
}

bool on_loop_of(const Inbox& inbox) {
  return current_loop != nullptr && current_loop->inbox().get() == &inbox;
}

Loop* loop_of_this_thread() { return current_loop; }

std::shared_ptr<Inbox> inbox_of_this_thread() {
  return current_loop == nullptr ? nullptr : current_loop->inbox();
}

Status pin_thread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (::pthread_setaffinity_np(::pthread_self(), sizeof set, &set) == 0) return {};
  return invalid_argument("net.affinity", "a loop cannot be kept on processor " + std::to_string(cpu) +
                                              ": this machine or container does not have it");
}

}  // namespace slipway::net
