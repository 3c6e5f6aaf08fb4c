// What the operating system knows about this process, under the names that every Prometheus client uses.
#pragma once

#include "telemetry/metrics.h"

namespace slipway::telemetry {

/// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes, process_open_fds,
/// process_max_fds, process_start_time_seconds. Read when the page is made; a figure that cannot be read is
/// NaN. Source: Prometheus, "Writing client libraries", process metrics; proc(5).
void register_process_metrics(Registry& registry);

}  // namespace slipway::telemetry
