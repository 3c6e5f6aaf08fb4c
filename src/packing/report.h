// What packing found out, for people and for machines.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "json/writer.h"
#include "packing/probe.h"
#include "tensor/signature.h"

namespace slipway::packing {

struct Report {
  std::string name;
  std::string version;
  std::string digest;  ///< "sha256:..." once it is written; empty before
  std::string model;   ///< the model file
  std::string backend;
  std::uint64_t size_bytes = 0;  ///< of all files
  Signature signature;
  std::vector<std::string> labels;
  bool has_function = false;
  bool batchable = false;
  std::string batchable_why;
  bool deterministic = false;
  std::string deterministic_why;
  Duration time_per_call{};  ///< median, on this machine
  bool synthetic = false;
  std::size_t records = 0;
  std::size_t golden = 0;
  std::vector<std::string> notes;
};

[[nodiscard]] Report make_report(const Probed& probed);

/// Several lines without a last line end.
[[nodiscard]] std::string to_text(const Report& report);
/// Writes an object; times in microseconds.
void write_json(const Report& report, json::Writer& out);

/// "3.5 us", "12 ms".
[[nodiscard]] std::string duration_text(Duration duration);

}  // namespace slipway::packing
