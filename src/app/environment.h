// An environment: one place that serves, described in a file. `slipway check` and editors use the schema.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/schema.h"

namespace slipway::app {

struct BatchEntry {
  std::int64_t max_rows = 0;
  std::vector<std::int64_t> sizes;
  Duration delay{};
};

struct PriorityEntry {
  std::int64_t levels = 1;
  std::int64_t usual = 1;
};

struct VersionsEntry {
  std::int64_t latest = 0;
  std::vector<std::string> only;
};

struct WorkerEntry {
  std::string group;
  config::ByteSize memory;
  std::int64_t niceness = 0;
  Duration watchdog = std::chrono::seconds(10);
  std::string sandbox = "on";
  std::string python;
};

struct DeploymentEntry {
  std::string package;
  std::int64_t instances = 0;
  std::int64_t threads = 1;
  std::vector<int> affinity;
  std::int64_t queue = 1024;
  config::ByteSize queue_size{std::uint64_t{256} << 20U};
  Duration queue_wait{};
  PriorityEntry priority;
  BatchEntry batch;
  VersionsEntry versions;
  std::map<std::string, std::string> labels;
  std::string load = "at_start";
  Duration golden_time = std::chrono::seconds(2);
  Duration run_in_place = std::chrono::microseconds(100);
  std::string isolation = "worker";
  WorkerEntry worker;
};

struct LimitsEntry {
  config::ByteSize body{std::uint64_t{64} << 20U};
  config::ByteSize head{std::uint64_t{32} << 10U};
  std::int64_t connections = 16384;
  std::int64_t connections_per_client = 1024;
  Duration head_time = std::chrono::seconds(10);
  Duration idle_time = std::chrono::seconds(75);
};

struct TlsEntry {
  std::string certificate;
  std::string key;
  std::string client_ca;
  bool require_client = false;
};

struct SharedMemoryEntry {
  bool unsafe_by_name = false;
  std::int64_t regions = 256;
  config::ByteSize size{std::uint64_t{4} << 30U};
};

struct DrainEntry {
  Duration grace = std::chrono::milliseconds(0);
  Duration deadline = std::chrono::seconds(30);
};

struct LogEntry {
  std::string level = "info";
  std::string format = "text";
  std::string file;
  bool access = false;
};

struct Environment {
  std::vector<std::string> listen = {"127.0.0.1:8080"};
  std::string admin = "127.0.0.1:8081";
  std::int64_t loops = 0;
  std::string store;
  config::ByteSize memory;
  std::string state;
  Duration watch{};
  TlsEntry tls;
  LimitsEntry limits;
  SharedMemoryEntry shared_memory;
  DrainEntry drain;
  LogEntry log;
  std::map<std::string, DeploymentEntry> deployments;
};

[[nodiscard]] config::Schema<Environment> environment_schema();

}  // namespace slipway::app
