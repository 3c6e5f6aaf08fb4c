// Counts and times requests by model, version, dialect and code.
#pragma once

#include <memory>
#include <string_view>

#include "contracts/dialect/dialect.h"

namespace slipway::serving {

/// What the server tells about finished requests. Thread: safe.
class Metrics {
 public:
  virtual ~Metrics() = default;
  /// Cost: a few relaxed atomic additions once a model and dialect were seen.
  virtual void observe(std::string_view dialect, const dialect::RequestRecord& record) = 0;
};

}  // namespace slipway::serving
