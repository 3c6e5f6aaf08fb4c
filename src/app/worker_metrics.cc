#include "app/worker_metrics.h"

#include <map>
#include <string>
#include <vector>

namespace slipway::app {
namespace {

// "wine 1.0.0", as loads are named; names have no spaces.
telemetry::Labels labels_of(std::string_view model) {
  const std::size_t space = model.find(' ');
  const std::string_view version = space == std::string_view::npos ? "" : model.substr(space + 1);
  return {{"model", std::string(model.substr(0, space))}, {"version", std::string(version)}};
}

// A group's worker is one, however many models it has.
std::vector<telemetry::Sample> memory_of_each(worker::Supervisor& supervisor) {
  std::vector<telemetry::Sample> all;
  std::map<std::string, std::map<int, double>> groups;  // one process for each backend
  for (const worker::WorkerStatus& status : supervisor.status()) {
    const auto bytes = static_cast<double>(status.memory_bytes);
    if (status.group.empty()) {
      all.push_back({labels_of(status.model), bytes});
    } else {
      groups[status.group][status.pid] = bytes;
    }
  }
  for (const auto& [group, processes] : groups) {
    double bytes = 0;
    for (const auto& [pid, own] : processes) bytes += own;
    all.push_back({{{"group", group}}, bytes});
  }
  return all;
}

template <typename Read>
std::vector<telemetry::Sample> read_each(worker::Supervisor& supervisor, const Read& read) {
  std::vector<telemetry::Sample> all;
  for (const worker::WorkerStatus& status : supervisor.status()) {
    all.push_back({labels_of(status.model), read(status)});
  }
  return all;
}

}  // namespace

WorkerMetrics::WorkerMetrics(telemetry::Registry& registry) {
  registry.counter_callback("slipway_worker_starts_total", "Workers that loaded their model.",
                            [this] { return samples(starts_); });
  registry.counter_callback("slipway_worker_deaths_total",
                            "Workers that died, by signal, exit, memory, watchdog, protocol, load or start.",
                            [this] { return samples(deaths_); });
}

std::vector<telemetry::Sample> WorkerMetrics::samples(const Counts& counts) {
  std::vector<telemetry::Sample> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, count] : counts) {
    telemetry::Labels labels = labels_of(key.first);
    if (!key.second.empty()) labels.emplace_back("kind", key.second);
    all.push_back({std::move(labels), static_cast<double>(count)});
  }
  return all;
}

void WorkerMetrics::watch(telemetry::Registry& registry, worker::Supervisor& supervisor) {
  registry.gauge_callback("slipway_worker_up", "1 where the model's worker answers, 0 while it is replaced.",
                          [&supervisor] {
                            return read_each(supervisor, [](const worker::WorkerStatus& status) {
                              return status.state == worker::WorkerState::kReady ? 1.0 : 0.0;
                            });
                          });
  registry.gauge_callback("slipway_worker_memory_bytes",
                          "Memory that the worker of the model, or of the group, has for itself.",
                          [&supervisor] { return memory_of_each(supervisor); });
}

void WorkerMetrics::worker_ready(std::string_view model) {
  const std::lock_guard lock(mutex_);
  ++starts_[{std::string(model), ""}];
}

void WorkerMetrics::worker_died(std::string_view model, std::string_view kind) {
  const std::lock_guard lock(mutex_);
  ++deaths_[{std::string(model), std::string(kind)}];
}

}  // namespace slipway::app
