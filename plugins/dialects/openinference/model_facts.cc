#include "plugins/dialects/openinference/model_facts.h"

#include "json/writer.h"

namespace slipway::openinference {
namespace {

void write_leaf(std::string_view key, const dialect::CountAndTime& sum, json::Writer& out) {
  out.key(key);
  out.begin_object();
  out.field("count", sum.count);
  out.field("ns", static_cast<std::uint64_t>(sum.time.count()));
  out.end_object();
}

void write_phases(const dialect::ModelStatistics& statistics, json::Writer& out) {
  const dialect::CountAndTime free{statistics.success.count, Duration{}};
  out.key("inference_stats");
  out.begin_object();
  write_leaf("success", statistics.success, out);
  write_leaf("fail", statistics.fail, out);
  write_leaf("queue", statistics.queue, out);
  write_leaf("compute_input", free, out);
  write_leaf("compute_infer", statistics.compute, out);
  write_leaf("compute_output", free, out);
  write_leaf("cache_hit", {}, out);
  write_leaf("cache_miss", {}, out);
  out.end_object();
}

void write_batches(const dialect::ModelStatistics& statistics, json::Writer& out) {
  out.key("batch_stats");
  out.begin_array();
  for (const dialect::ModelStatistics::Batch& batch : statistics.batches) {
    const dialect::CountAndTime free{batch.runs.count, Duration{}};
    out.begin_object();
    out.field("batch_size", static_cast<std::uint64_t>(batch.rows));
    write_leaf("compute_input", free, out);
    write_leaf("compute_infer", batch.runs, out);
    write_leaf("compute_output", free, out);
    out.end_object();
  }
  out.end_array();
}

// Triton's configuration spells FP32 as TYPE_FP32 and BYTES as TYPE_STRING.
std::string config_type(DType dtype) {
  return "TYPE_" + std::string(dtype == DType::kBytes ? "STRING" : dtype_name(dtype));
}

void write_config_tensors(std::string_view key, const std::vector<TensorSpec>& specs, bool batched,
                          json::Writer& out) {
  out.key(key);
  out.begin_array();
  for (const TensorSpec& spec : specs) {
    out.begin_object();
    out.field("name", std::string_view(spec.name));
    out.field("data_type", config_type(spec.dtype));
    out.key("dims");
    out.begin_array();
    for (std::size_t i = batched && spec.shape.rank() > 0 ? 1 : 0; i < spec.shape.rank(); ++i)
      out.number(spec.shape[i]);
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
    write_phases(statistics, out);
    write_batches(statistics, out);
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return body;
}

std::string model_configuration(const dialect::ServedModel& model) {
  const bool batched = model.max_batch_rows() > 1;
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.field("name", std::string_view(model.name()));
  out.field("platform", std::string_view(model.platform()));
  out.field("backend", std::string_view(model.platform()));
  out.field("max_batch_size", static_cast<std::uint64_t>(batched ? model.max_batch_rows() : 0));
  write_config_tensors("input", model.signature().inputs, batched, out);
  write_config_tensors("output", model.signature().outputs, batched, out);
  out.end_object();
  return body;
}

}  // namespace slipway::openinference
