#include "plugins/dialects/openinference_grpc/facts.h"

#include <array>

#include "openinference/facts.h"
#include "protobuf/writer.h"

namespace slipway::openinference_grpc {
namespace {

using openinference::Phase;
using protobuf::Writer;

void write_specs(int number, const std::vector<TensorSpec>& specs, Writer& out) {
  for (const TensorSpec& spec : specs) {
    out.message(number, [&](Writer& tensor) {
      tensor.text_if_any(1, spec.name);
      tensor.text(2, dtype_name(spec.dtype));
      tensor.packed(3, spec.shape.dims());
    });
  }
}

/// `dims_number`: ModelInput and ModelOutput have it under different ones.
void write_config_tensors(int number, int dims_number, const dialect::ServedModel& model,
                          const std::vector<TensorSpec>& specs, Writer& out) {
  for (const TensorSpec& spec : specs) {
    out.message(number, [&](Writer& tensor) {
      tensor.text_if_any(1, spec.name);
      tensor.varint(2, openinference::config_type_number(spec.dtype));
      tensor.packed(dims_number, openinference::config_dims(model, spec));
    });
  }
}

/// The phases under the numbers from `first` on.
template <std::size_t kCount>
void write_phases(int first, const std::array<Phase, kCount>& phases, Writer& out) {
  for (std::size_t i = 0; i < kCount; ++i) {
    out.message(first + static_cast<int>(i), [&](Writer& duration) {
      duration.varint_if_any(1, phases[i].sum.count);
      duration.varint_if_any(2, static_cast<std::uint64_t>(phases[i].sum.time.count()));
    });
  }
}

void write_model_statistics(const dialect::ServedModel& model, Writer& out) {
  const dialect::ModelStatistics statistics = model.statistics();
  out.text_if_any(1, model.name());
  out.text_if_any(2, model.version());
  out.varint_if_any(3, static_cast<std::uint64_t>(statistics.last_inference_ms));
  out.varint_if_any(4, statistics.inferences);
  out.varint_if_any(5, statistics.executions);
  out.message(6, [&](Writer& phases) { write_phases(1, openinference::phases(statistics), phases); });
  for (const dialect::ModelStatistics::Batch& batch : statistics.batches) {
    out.message(7, [&](Writer& sums) {
      sums.varint_if_any(1, batch.rows);
      write_phases(2, openinference::phases(batch), sums);
    });
  }
}

}  // namespace

void write_flag(bool value, std::string& out) { Writer(out).varint_if_any(1, value ? 1 : 0); }

void write_server_metadata(std::string_view version, bool shared_memory, std::string& out) {
  Writer writer(out);
  writer.text(1, openinference::kServerName);
  writer.text_if_any(2, version);
  for (const std::string_view extension : openinference::extensions(shared_memory)) writer.text(3, extension);
}

void write_model_metadata(const dialect::ServedModel& model, std::span<const std::string> versions,
                          std::string& out) {
  Writer writer(out);
  writer.text_if_any(1, model.name());
  for (const std::string& version : versions) writer.text(2, version);
  writer.text_if_any(3, model.platform());
  write_specs(4, model.signature().inputs, writer);
  write_specs(5, model.signature().outputs, writer);
}

void write_model_config(const dialect::ServedModel& model, std::string& out) {
  Writer(out).message(1, [&](Writer& config) {
    config.text_if_any(1, model.name());
    config.text_if_any(2, model.platform());
    config.varint_if_any(4, openinference::config_max_batch_size(model));
    write_config_tensors(5, 4, model, model.signature().inputs, config);
    write_config_tensors(6, 3, model, model.signature().outputs, config);
    config.text_if_any(17, model.platform());
  });
}

void write_statistics(std::span<const dialect::ModelLease> models, std::string& out) {
  Writer writer(out);
  for (const dialect::ModelLease& model : models)
    writer.message(1, [&](Writer& one) { write_model_statistics(*model, one); });
}

void write_index(std::span<const dialect::ModelStatus> models, std::string& out) {
  Writer writer(out);
  for (const dialect::ModelStatus& status : models) {
    writer.message(1, [&](Writer& model) {
      model.text_if_any(1, status.name);
      model.text_if_any(2, status.version);
      model.text_if_any(3, dialect::state_name(status.state));
      model.text_if_any(4, status.reason);
    });
  }
}

}  // namespace slipway::openinference_grpc
