// The load generator of `slipway bench` by itself, for measuring any server with one small program.
//
//   slipway_load_client HOST:PORT TARGET CONNECTIONS SECONDS [BODY]

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/clock.h"
#include "net/client/load.h"

using namespace slipway;

namespace {

double micros(Duration value) { return std::chrono::duration<double, std::micro>(value).count(); }

Status measure(char** argv, const std::string& body) {
  const SystemClock clock;
  const std::atomic<bool> stop{false};
  net::LoadOptions options;
  SLIPWAY_ASSIGN_OR_RETURN(options.endpoint, net::parse_endpoint(argv[1]));
  options.connections = std::strtoul(argv[3], nullptr, 10);
  options.duration =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::strtod(argv[4], nullptr)));
  options.method = body.empty() ? "GET" : "POST";
  options.target = argv[2];
  options.requests = {{.headers = {{"content-type", "application/json"}}, .body = body}};
  SLIPWAY_ASSIGN_OR_RETURN(const net::LoadReport report, net::run_load(options, clock, stop));
  std::printf("%.0f/s  p50 %.1f us  p99 %.1f us  p99.9 %.1f us  answers %llu  broken %llu",
              report.answers_per_second(), micros(report.latency.quantile(0.5)),
              micros(report.latency.quantile(0.99)), micros(report.latency.quantile(0.999)),
              static_cast<unsigned long long>(report.answers),
              static_cast<unsigned long long>(report.failed_connections));
  for (const auto& [status, count] : report.by_status) {
    std::printf("  %s: %llu", status.c_str(), static_cast<unsigned long long>(count));
  }
  std::printf("\n");
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: %s HOST:PORT TARGET CONNECTIONS SECONDS [BODY]\n", argv[0]);
    return 2;
  }
  const Status status = measure(argv, argc > 5 ? argv[5] : "");
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return status.ok() ? 0 : 1;
}
