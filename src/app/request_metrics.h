// Requests by model, version, dialect and code; durations by phase; the access log.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "serving/metrics.h"
#include "telemetry/metrics.h"

namespace slipway::app {

/// slipway_requests_total{model,version,dialect,code}, slipway_rows_total{model,version,dialect} and
/// slipway_request_{receive,parse,queue,compute,encode}_seconds{model,version,dialect}, and
/// slipway_batch_rows{model,version,dialect}, once for each run. Thread: safe.
class RequestMetrics final : public serving::Metrics {
 public:
  /// Borrows: registry, logger. `access_log`: one line per request.
  RequestMetrics(telemetry::Registry& registry, Logger& logger, bool access_log);
  ~RequestMetrics() override;
  void observe(std::string_view dialect, const dialect::RequestRecord& record) override;

 private:
  struct Series;
  Series& series_of(std::string_view dialect, const dialect::ServedModel* model);

  telemetry::Registry& registry_;
  Logger& logger_;
  const bool access_log_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Series>> series_;  // guarded by mutex_
};

}  // namespace slipway::app
