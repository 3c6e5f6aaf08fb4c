// What happens to workers, as metrics.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "telemetry/metrics.h"
#include "worker/supervisor.h"

namespace slipway::app {

/// slipway_worker_starts_total{model,version} and slipway_worker_deaths_total{model,version,kind}; with
/// watch(), slipway_worker_up{model,version} and slipway_worker_memory_bytes{model,version}, or {group}. A
/// group's start and death count for each of its models. Thread: safe.
class WorkerMetrics final : public worker::Observer {
 public:
  /// The registry's callbacks borrow this.
  explicit WorkerMetrics(telemetry::Registry& registry);
  /// Borrows: supervisor, as long as the registry is rendered.
  void watch(telemetry::Registry& registry, worker::Supervisor& supervisor);

  void worker_ready(std::string_view model) override;
  void worker_died(std::string_view model, std::string_view kind) override;

 private:
  // Model and kind. Counted here and not in the registry: its page asks the supervisor under its lock, whose
  // thread therefore may not wait for that lock.
  using Counts = std::map<std::pair<std::string, std::string>, std::uint64_t>;
  std::vector<telemetry::Sample> samples(const Counts& counts);

  std::mutex mutex_;
  Counts starts_, deaths_;  // guarded by mutex_
};

}  // namespace slipway::app
