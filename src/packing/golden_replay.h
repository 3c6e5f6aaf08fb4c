// Asks golden requests again, of any form of a model, and reports how the answers compare.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "json/writer.h"
#include "package/golden.h"
#include "packing/runner.h"

namespace slipway::packing {

/// What was answered: an object as JSON for a record, tensors for tensors.
struct GoldenAnswer {
  std::string answer;
  std::vector<NamedTensor> outputs;
};
/// Asks one golden request: an instance in this process, or a server over HTTP.
using Answerer = std::function<Result<GoldenAnswer>(const package::GoldenCase&)>;

/// Asks in this process. Borrows: runner.
Answerer answer_by(Runner& runner);

struct Deviation {
  std::size_t golden = 0;  ///< position, from 0
  bool failed = false;     ///< no answer came
  std::string where;       ///< "scores.barolo"
  std::string what;        ///< what was recorded and what was answered, or the error
};

struct EqualityReport {
  std::size_t cases = 0;
  std::size_t identical = 0;
  std::size_t within_tolerance = 0;
  std::size_t different = 0;
  std::size_t failed = 0;
  double largest_difference = 0;
  std::string largest_where;
  std::vector<Deviation> deviations;  ///< of different and failed ones, at most 20

  [[nodiscard]] bool equal() const { return cases > 0 && different == 0 && failed == 0; }
};

/// Goes through all of them, whatever fails.
[[nodiscard]] EqualityReport replay(std::span<const package::GoldenCase> golden,
                                    const std::vector<package::OutputTolerance>& tolerances,
                                    const Answerer& answerer);

/// "36 of 36 golden answers equal: 36 identical" or what differs, a line each.
[[nodiscard]] std::string to_text(const EqualityReport& report);
/// Writes an object.
void write_json(const EqualityReport& report, json::Writer& out);

}  // namespace slipway::packing
