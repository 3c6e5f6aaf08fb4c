// A session that answers.
#pragma once

#include <memory>

#include "contracts/backend/backend.h"
#include "plugins/backends/onnxruntime/session_internal.h"

namespace slipway::onnxruntime {

/// Borrows: clock, for the instance's life.
std::unique_ptr<backend::Instance> make_instance(Session session, const backend::LoadOptions& options,
                                                 const Clock& clock);

}  // namespace slipway::onnxruntime
