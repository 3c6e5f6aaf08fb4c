#include "serving/queue/statistics.h"

namespace slipway::serving {

void Statistics::succeeded(std::size_t rows, const infer::Timings& timings, WallTime now) {
  success_.add(timings.queue + timings.compute);
  queue_.add(timings.queue);
  compute_.add(timings.compute);
  rows_.fetch_add(rows, std::memory_order_relaxed);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  last_ms_.store(ms, std::memory_order_relaxed);
  if (!timings.leads_run) return;
  runs_.fetch_add(1, std::memory_order_relaxed);
  if (timings.batch_rows < kBatchSizes) by_batch_[timings.batch_rows].add(timings.compute);
}

void Statistics::failed(Duration took) { fail_.add(took); }

dialect::ModelStatistics Statistics::snapshot() const {
  dialect::ModelStatistics out;
  out.last_inference_ms = last_ms_.load(std::memory_order_relaxed);
  out.inferences = rows_.load(std::memory_order_relaxed);
  out.executions = runs_.load(std::memory_order_relaxed);
  out.success = success_.read();
  out.fail = fail_.read();
  out.queue = queue_.read();
  out.compute = compute_.read();
  for (std::size_t rows = 0; rows < by_batch_.size(); ++rows) {
    const dialect::CountAndTime runs = by_batch_[rows].read();
    if (runs.count > 0) out.batches.push_back({rows, runs});
  }
  return out;
}

}  // namespace slipway::serving
