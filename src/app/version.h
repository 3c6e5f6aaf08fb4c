// What this build is and which runtimes it finds on this machine.
#pragma once

#include "app/context.h"

namespace slipway::app {

/// Prints version, commit, build and runtimes.
Exit print_version(Context& context);

}  // namespace slipway::app
