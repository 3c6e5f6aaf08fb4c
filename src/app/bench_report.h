// What a load test says.
#pragma once

#include <cstdint>
#include <string>

#include "app/context.h"
#include "net/client/load.h"

namespace slipway::app {

struct BenchSettings {
  std::string protocol;
  std::size_t connections = 1;
  std::size_t concurrency = 1;  ///< requests in flight at most
  double rate = 0;              ///< 0 = closed loop
  bool plot = false;
};

void print_bench_json(Context& context, const BenchSettings& settings, const net::LoadReport& report);
void print_bench_text(Context& context, const BenchSettings& settings, const net::LoadReport& report);

/// Latencies as bars: a line for each range, each range twice as wide as the one before (or a part of that,
/// where all are close together), with its share of all requests.
std::string latency_plot(const net::Histogram& latency);

/// True when every request was answered, and none with a failure.
bool all_fine(const net::LoadReport& report);

}  // namespace slipway::app
