#include "plugins/dialects/openinference/model_facts.h"

#include <array>

#include "json/writer.h"
#include "openinference/facts.h"

namespace slipway::openinference {
namespace {

void write_leaf(std::string_view key, const dialect::CountAndTime& sum, json::Writer& out) {
  out.key(key);
  out.begin_object();
  out.field("count", sum.count);
  out.field("ns", static_cast<std::uint64_t>(sum.time.count()));
  out.end_object();
}

template <std::size_t kCount>
void write_phases(const std::array<Phase, kCount>& phases, json::Writer& out) {
  for (const Phase& phase : phases) write_leaf(phase.name, phase.sum, out);
}

void write_batches(const dialect::ModelStatistics& statistics, json::Writer& out) {
  out.key("batch_stats");
  out.begin_array();
  for (const dialect::ModelStatistics::Batch& batch : statistics.batches) {
    out.begin_object();
    out.field("batch_size", static_cast<std::uint64_t>(batch.rows));
    write_phases(phases(batch), out);
    out.end_object();
  }
  out.end_array();
}

void write_config_tensors(std::string_view key, const dialect::ServedModel& model,
                          const std::vector<TensorSpec>& specs, json::Writer& out) {
  out.key(key);
  out.begin_array();
  for (const TensorSpec& spec : specs) {
    out.begin_object();
    out.field("name", std::string_view(spec.name));
    out.field("data_type", config_type_name(spec.dtype));
    out.key("dims");
    out.begin_array();
    for (const std::int64_t dim : config_dims(model, spec)) out.number(dim);
    out.end_array();
    out.end_object();
  }
  out.end_array();
}

}  // namespace

std::string model_statistics(std::span<const dialect::ModelLease> models) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.key("model_stats");
  out.begin_array();
  for (const dialect::ModelLease& model : models) {
    const dialect::ModelStatistics statistics = model->statistics();
    out.begin_object();
    out.field("name", std::string_view(model->name()));
    out.field("version", std::string_view(model->version()));
    out.field("last_inference", statistics.last_inference_ms);
    out.field("inference_count", statistics.inferences);
    out.field("execution_count", statistics.executions);
    out.key("inference_stats");
    out.begin_object();
    write_phases(phases(statistics), out);
    out.end_object();
    write_batches(statistics, out);
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return body;
}

std::string model_configuration(const dialect::ServedModel& model) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.field("name", std::string_view(model.name()));
  out.field("platform", std::string_view(model.platform()));
  out.field("backend", std::string_view(model.platform()));
  out.field("max_batch_size", config_max_batch_size(model));
  write_config_tensors("input", model, model.signature().inputs, out);
  write_config_tensors("output", model, model.signature().outputs, out);
  out.end_object();
  return body;
}

}  // namespace slipway::openinference
