#include "openinference/facts.h"

#include <utility>

#include "openinference/shared_tensors.h"

namespace slipway::openinference {
namespace {

using dialect::ModelLease;

// A version that left in the meantime is left out.
void add_versions(const dialect::ModelServer& server, std::string_view name,
                  std::span<const std::string> versions, std::vector<ModelLease>& models) {
  for (const std::string& version : versions) {
    auto model = server.find(name, version);
    if (model.ok()) models.push_back(std::move(model).value());
  }
}

}  // namespace

std::span<const std::string_view> extensions(bool shared_memory) {
  static constexpr std::array<std::string_view, 8> kExtensions = {
      "binary_tensor_data", "classification",      "parameters", "model_repository",
      "statistics",         "model_configuration", "logging",    kSharedMemoryExtension};
  return std::span(kExtensions).first(kExtensions.size() - (shared_memory ? 0 : 1));
}

std::array<Phase, 8> phases(const dialect::ModelStatistics& statistics) {
  const dialect::CountAndTime free{statistics.success.count, Duration{}};
  return {{{"success", statistics.success},
           {"fail", statistics.fail},
           {"queue", statistics.queue},
           {"compute_input", free},
           {"compute_infer", statistics.compute},
           {"compute_output", free},
           {"cache_hit", {}},
           {"cache_miss", {}}}};
}

std::array<Phase, 3> phases(const dialect::ModelStatistics::Batch& batch) {
  const dialect::CountAndTime free{batch.runs.count, Duration{}};
  return {{{"compute_input", free}, {"compute_infer", batch.runs}, {"compute_output", free}}};
}

Result<std::vector<ModelLease>> models_to_tell_of(const dialect::ModelServer& server, std::string_view name,
                                                  std::string_view version) {
  std::vector<ModelLease> models;
  if (name.empty()) {
    for (const dialect::ModelStatus& status : server.index()) {
      if (status.state == dialect::ModelState::kReady)
        add_versions(server, status.name, {&status.version, 1}, models);
    }
  } else if (version.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> versions, server.versions(name));
    add_versions(server, name, versions, models);
  } else {
    SLIPWAY_ASSIGN_OR_RETURN(ModelLease model, server.find(name, version));
    models.push_back(std::move(model));
  }
  return models;
}

std::uint64_t config_max_batch_size(const dialect::ServedModel& model) {
  return model.max_batch_rows() > 1 ? model.max_batch_rows() : 0;
}

std::span<const std::int64_t> config_dims(const dialect::ServedModel& model, const TensorSpec& spec) {
  const bool batched = config_max_batch_size(model) > 0 && spec.shape.rank() > 0;
  return spec.shape.dims().subspan(batched ? 1 : 0);
}

std::string config_type_name(DType dtype) {
  return "TYPE_" + std::string(dtype == DType::kBytes ? "STRING" : dtype_name(dtype));
}

std::uint64_t config_type_number(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return 1;
    case DType::kUint8:
      return 2;
    case DType::kUint16:
      return 3;
    case DType::kUint32:
      return 4;
    case DType::kUint64:
      return 5;
    case DType::kInt8:
      return 6;
    case DType::kInt16:
      return 7;
    case DType::kInt32:
      return 8;
    case DType::kInt64:
      return 9;
    case DType::kFp16:
      return 10;
    case DType::kFp32:
      return 11;
    case DType::kFp64:
      return 12;
    case DType::kBytes:
      return 13;
    case DType::kBf16:
      return 14;
  }
  return 0;
}

std::vector<dialect::ModelStatus> repository_index(const dialect::ModelServer& server, bool only_ready) {
  std::vector<dialect::ModelStatus> all = server.index();
  if (only_ready) {
    std::erase_if(
        all, [](const dialect::ModelStatus& status) { return status.state != dialect::ModelState::kReady; });
  }
  return all;
}

Status check_load_parameter(std::string_view key) {
  if (key != "config" && !key.starts_with("file:")) return {};
  return unimplemented(
      "v2.load_override",
      "a model is loaded as its package says: \"config\" and \"file:\" cannot be sent along");
}

Error no_repository_names() {
  return unimplemented("v2.repository", "repositories have no names here: leave it out");
}

}  // namespace slipway::openinference
