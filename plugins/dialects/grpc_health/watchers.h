// Clients that want to hear of each change.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "grpc/stream_call.h"
#include "plugins/dialects/grpc_health/statuses.h"

namespace slipway::grpc_health {

/// Thread: safe. Keep it by a shared pointer: calls that are open hold it weakly.
class Watchers : public std::enable_shared_from_this<Watchers> {
 public:
  explicit Watchers(dialect::Host host) : statuses_(std::move(host)) {}
  [[nodiscard]] const Statuses& statuses() const { return statuses_; }

  /// Tells how `service` stands now, and from now on at each change until the client leaves or the server
  /// drains.
  void add(std::shared_ptr<grpc::StreamCall> call, std::string service);
  /// Something may have changed.
  void tell();

 private:
  struct Watcher {
    std::shared_ptr<grpc::StreamCall> call;
    std::string service;
    std::mutex mutex;             ///< held while it is told, so that the last word is the newest
    std::optional<Serving> last;  ///< guarded by mutex
  };

  // False when it has heard its last.
  bool tell_one(Watcher& watcher) const;
  void remove(const Watcher* watcher);

  const Statuses statuses_;
  std::mutex mutex_;
  std::list<std::shared_ptr<Watcher>> watchers_;  ///< guarded by mutex_
};

/// The bytes of a HealthCheckResponse.
void write_status(Serving status, std::string& out);

}  // namespace slipway::grpc_health
