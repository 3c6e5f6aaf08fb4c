// What there is and whether it is ready: the bodies of the GET routes and of the repository index.
// Source: Open Inference Protocol, inference_rest.md; Triton docs/protocol/extension_model_repository.md.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "contracts/dialect/dialect.h"

namespace slipway::openinference {

/// {"name": "slipway", "version", "extensions": [...]}: the extensions that are really there.
std::string server_metadata(std::string_view version, bool shared_memory);

/// {"live": true}, {"ready": false}.
std::string health(std::string_view what, bool value);

/// {"name", "ready"}.
std::string model_health(std::string_view name, bool ready);

/// {"models": [names]}: each name once that has a ready version. Source: KServe.
std::string list_models(const dialect::ModelServer& server);

/// {"name", "versions": [...], "platform", "inputs": [{"name", "datatype", "shape"}], "outputs": [...]}.
std::string model_metadata(const dialect::ServedModel& model, std::span<const std::string> versions);

/// [{"name", "version", "state", "reason"}].
std::string repository_index(std::span<const dialect::ModelStatus> models);

}  // namespace slipway::openinference
