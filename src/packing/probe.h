// Finds out about a model by running it: what it takes and gives, whether rows may be batched, whether
// answers repeat, how long a call takes; and records the golden answers that every later form of it must give
// again.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "contracts/backend/backend.h"
#include "function/function.h"
#include "package/golden.h"
#include "packing/records.h"
#include "packing/shapes.h"

namespace slipway::packing {

struct ProbeOptions {
  DeclaredShapes shapes;
  std::optional<function::Spec> function;  ///< absent: inferred where possible
  std::string sample_name;                 ///< of the file, for messages
  std::optional<std::string> sample;       ///< its text, see records.h; absent: seeded synthetic records
  std::vector<package::OutputTolerance> tolerances;
  std::size_t max_records = 256;  ///< of the sample that are run
  std::size_t max_golden = 64;
  std::uint64_t seed = 1;     ///< of synthetic records
  backend::LoadOptions load;  ///< `executor` must be null
};

/// What was found. `function` is always bound; `spec` is set where it was declared or inferred.
struct Probed {
  std::string backend;
  Signature signature;
  std::vector<std::string> labels;  ///< found inside the model
  std::optional<function::Spec> spec;
  std::optional<function::Function> function;
  bool batchable = false;
  std::string batchable_why;
  bool deterministic = false;
  std::string deterministic_why;
  Duration time_per_call{};  ///< median of calls with one record, the prediction function not included
  bool synthetic = false;
  std::vector<package::GoldenCase> golden;
  std::vector<std::string> sample;  ///< the records of the golden requests, JSON objects
  std::size_t records = 0;          ///< that were run
  std::vector<std::string> notes;   ///< what was inferred and why, a sentence each
};

/// The backend that takes the file. Errors: packing.pickle, packing.unknown_model (see file_kind.h).
Result<backend::Backend*> find_backend(std::span<backend::Backend* const> backends, std::string_view name,
                                       ByteView file);

/// Loads the model twice and runs it some hundreds of times. Cost: that.
/// Errors: the backend's; packing.pickle, packing.unknown_model; packing.shape, packing.shape_ambiguous;
/// function.invalid; records.*, record.invalid with the sample's own line numbers; packing.run_failed (a
/// record that the model fails on); packing.not_repeatable (a golden request that a fresh load answers
/// differently).
Result<Probed> probe(const backend::ModelFiles& files, std::span<backend::Backend* const> backends,
                     const Clock& clock, const ProbeOptions& options);

}  // namespace slipway::packing
