// POST /v2/repository/...: what is there, load, unload.
// Source: Triton docs/protocol/extension_model_repository.md.
#pragma once

#include <memory>
#include <string_view>

#include "contracts/dialect/dialect.h"

namespace slipway::openinference {

/// Body: empty, or {"ready"?: bool}. Errors: json.*, v2.body. Thread: safe.
void repository_index(const dialect::Host& host, dialect::Exchange& exchange);

/// Body: empty, or {"parameters"?: {...}}. The answer is 200 when the model is ready or gone, with {"name",
/// "load": true} or {"name", "unload": true}, as KServe answers.
/// Errors: json.*, v2.body, v2.parameter;
/// v2.load_override (unimplemented): a config or files sent along, for what is served comes from packages
/// alone; those of the server. Thread: safe.
void load_model(const dialect::Host& host, std::string_view name,
                std::unique_ptr<dialect::Exchange> exchange);
void unload_model(const dialect::Host& host, std::string_view name,
                  std::unique_ptr<dialect::Exchange> exchange);

}  // namespace slipway::openinference
