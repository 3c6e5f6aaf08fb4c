// Settings of every kind, for the tests and the fuzz target of this module.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/schema.h"

namespace slipway::config::testing {

enum class Format { kText, kJson };

struct Limits {
  ByteSize body{std::uint64_t{64} << 20U};
  Duration request = std::chrono::seconds(30);
  std::optional<Duration> idle;
  friend bool operator==(const Limits&, const Limits&) = default;
};

struct Column {
  std::string name;
  std::string type = "number";
  friend bool operator==(const Column&, const Column&) = default;
};

struct Deployment {
  std::string package;
  int instances = 1;
  double share_frac = 1;
  std::vector<std::string> tags;
  friend bool operator==(const Deployment&, const Deployment&) = default;
};

struct Sample {
  std::string name;
  std::string version = "0";
  bool enabled = true;
  int threads = 0;
  std::uint16_t port = 8080;
  Format format = Format::kText;
  std::vector<std::int64_t> sizes = {1, 2};
  Limits limits;
  std::vector<Column> columns;
  std::map<std::string, Deployment> deployments;
  std::map<std::string, std::string> labels;
  friend bool operator==(const Sample&, const Sample&) = default;
};

/// All the settings of Sample.
Schema<Sample> sample_schema();

}  // namespace slipway::config::testing
