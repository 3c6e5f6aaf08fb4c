// A README for a package that came without one.
#pragma once

#include <string>

#include "packing/probe.h"
#include "packing/settings.h"

namespace slipway::packing {

/// Depends on nothing that was measured: the same model gives the same text.
[[nodiscard]] std::string make_readme(const ModelSettings& settings, const Probed& probed);

}  // namespace slipway::packing
