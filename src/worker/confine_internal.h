// What a worker may take and touch. Applied by the worker to itself, before it sees a byte of a model.
#pragma once

#include "base/error.h"
#include "worker/wire/frames.h"

namespace slipway::worker {

/// Memory, niceness and processors. Errors: worker.limits.
Status apply_limits(const Setup& setup);

}  // namespace slipway::worker
