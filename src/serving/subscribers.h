// Who wants to know when something has changed.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace slipway::serving {

/// Thread: safe. A callback may add and drop subscriptions; one that is dropped may still be on its way.
class Subscribers {
 public:
  /// The callback is called until the handle is dropped.
  [[nodiscard]] std::shared_ptr<void> add(std::function<void()> callback) {
    auto entry = std::make_shared<std::function<void()>>(std::move(callback));
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [](const auto& known) { return known.expired(); });
    entries_.push_back(entry);
    return entry;
  }

  /// Not under a lock that a callback may take.
  void notify() {
    std::vector<std::weak_ptr<std::function<void()>>> entries;
    {
      const std::lock_guard lock(mutex_);
      entries = entries_;
    }
    for (const auto& entry : entries) {
      if (const auto callback = entry.lock()) (*callback)();
    }
  }

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<std::function<void()>>> entries_;  ///< guarded by mutex_
};

}  // namespace slipway::serving
