// The calls that tell what there is, and those that change it.
#pragma once

#include <memory>

#include "contracts/dialect/dialect.h"
#include "grpc/message.h"

namespace slipway::openinference_grpc {

enum class FactsCall : std::uint8_t {
  kServerLive,
  kServerReady,
  kServerMetadata,
  kModelReady,
  kModelMetadata,
  kModelConfig,
  kModelStatistics,
  kRepositoryIndex,
};

/// Answers at once. Errors (as the call's status): v2.message, v2.repository (unimplemented), and those of
/// the server. Thread: safe.
void answer_facts(FactsCall kind, const dialect::Host& host, const grpc::Limits& limits,
                  std::unique_ptr<dialect::Exchange> exchange);

/// Answer when the model is ready or gone. Errors: v2.message, v2.parameter, v2.repository and
/// v2.load_override (unimplemented), and those of the server. Borrows: limits, until then. Thread: safe.
void load_model(const dialect::Host& host, const grpc::Limits& limits,
                std::unique_ptr<dialect::Exchange> exchange);
void unload_model(const dialect::Host& host, const grpc::Limits& limits,
                  std::unique_ptr<dialect::Exchange> exchange);

/// Answers with the settings of the log, once those that the request names have changed: all of them, or
/// none. Errors: v2.message, v2.log_setting, v2.logging (unimplemented). Thread: safe.
void log_settings(const dialect::Host& host, const grpc::Limits& limits,
                  std::unique_ptr<dialect::Exchange> exchange);

}  // namespace slipway::openinference_grpc
