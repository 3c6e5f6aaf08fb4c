// What is proved about a loaded model, on the answers that it gave to single records.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "packing/runner.h"
#include "tensor/signature.h"

namespace slipway::packing {

/// A record and what the model gave for it alone.
struct Single {
  std::string record;
  Answered answered;
};

struct Proof {
  bool holds = false;
  std::string why;
};

/// Rows of a batch are answered as they are alone: within tolerance, in any company and order.
Proof prove_batchable(Runner& runner, const Signature& signature, std::span<const Single> singles);

/// The same bytes again, from the same instance and from one that was loaded anew.
Proof prove_deterministic(Runner& same, Runner& fresh, std::span<const Single> singles);

/// Units: median of one call's time, over at least 5 calls and at most a fifth of a second.
Duration measure_call(Runner& runner, const Clock& clock, const Single& single);

/// Positions of a small subset that covers every label seen and the extremes of every numeric field.
std::vector<std::size_t> choose_golden(std::span<const Single> singles, const function::Function& function,
                                       std::size_t max_count);

}  // namespace slipway::packing
