// What the server knows, in Triton's terms, for both wires.
// Source: Triton docs/protocol/extension_statistics.md, extension_model_configuration.md and
// extension_model_repository.md; model_config.proto for names and numbers.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "contracts/dialect/dialect.h"
#include "tensor/signature.h"

namespace slipway::openinference {

inline constexpr std::string_view kServerName = "slipway";

/// The extensions that are really there, on both wires alike; shared memory only where it is allowed.
std::span<const std::string_view> extensions(bool shared_memory);

/// A sum of the statistics under Triton's name.
struct Phase {
  std::string_view name;
  dialect::CountAndTime sum;
};
/// success, fail, queue, compute_input, compute_infer, compute_output, cache_hit, cache_miss, since the model
/// was loaded. compute_input and compute_output take no time here: inputs are used where they were received,
/// outputs where they were computed.
std::array<Phase, 8> phases(const dialect::ModelStatistics& statistics);
/// compute_input, compute_infer, compute_output.
std::array<Phase, 3> phases(const dialect::ModelStatistics::Batch& batch);

/// Whose statistics are asked for: one version, all ready ones of a model, or all there are (without a
/// name). Errors: those of ModelServer::find() and versions().
Result<std::vector<dialect::ModelLease>> models_to_tell_of(const dialect::ModelServer& server,
                                                           std::string_view name, std::string_view version);

/// Triton's max_batch_size: 0 where every request runs alone.
std::uint64_t config_max_batch_size(const dialect::ServedModel& model);
/// Triton's dims: without the batch dimension where max_batch_size is above 0.
std::span<const std::int64_t> config_dims(const dialect::ServedModel& model, const TensorSpec& spec);
/// "TYPE_FP32"; BYTES is "TYPE_STRING". The number is that of the enum DataType.
std::string config_type_name(DType dtype);
std::uint64_t config_type_number(DType dtype);

/// What the repository index lists.
std::vector<dialect::ModelStatus> repository_index(const dialect::ModelServer& server, bool only_ready);
/// Whether a parameter of a load may be sent along: v2.load_override (unimplemented) for a config or files,
/// for what is served comes from packages alone.
Status check_load_parameter(std::string_view key);
/// v2.repository (unimplemented): repositories have no names here.
Error no_repository_names();

}  // namespace slipway::openinference
