// A model's statistics and configuration, as Triton's extensions give them.
// Source: Triton docs/protocol/extension_statistics.md and extension_model_configuration.md; model_config.proto for names.
#pragma once

#include <span>
#include <string>

#include "contracts/dialect/dialect.h"

namespace slipway::openinference {

/// {"model_stats": [{...}]}, one element a model. Times in nanoseconds.
std::string model_statistics(std::span<const dialect::ModelLease> models);

/// What can be said truly of Triton's model configuration: name, platform, backend, max_batch_size, input,
/// output. Where max_batch_size is above 0, dims leave out the batch dimension, as Triton's do.
std::string model_configuration(const dialect::ServedModel& model);

}  // namespace slipway::openinference
