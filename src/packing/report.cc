#include "packing/report.h"

#include <cstdio>

#include "base/text.h"

namespace slipway::packing {
namespace {

constexpr std::size_t kMaxShownLabels = 8;

std::string spec_text(const TensorSpec& spec) {
  return printable(spec.name) + " " + std::string(dtype_name(spec.dtype)) + " " + spec.shape.to_string();
}

void add_specs(std::string& text, std::string_view title, const std::vector<TensorSpec>& specs) {
  text += title;
  for (std::size_t i = 0; i < specs.size(); ++i)
    text += (i > 0 ? "\n               " : "") + spec_text(specs[i]);
  if (specs.empty()) text += "none";
  text += "\n";
}

std::string labels_text(const std::vector<std::string>& labels) {
  std::string text;
  for (std::size_t i = 0; i < labels.size() && i < kMaxShownLabels; ++i) {
    text += (i > 0 ? ", " : "") + printable(labels[i]);
  }
  if (labels.size() > kMaxShownLabels)
    text += " and " + std::to_string(labels.size() - kMaxShownLabels) + " more";
  return text;
}

void write_specs(json::Writer& out, std::string_view key, const std::vector<TensorSpec>& specs) {
  out.key(key);
  out.begin_array();
  for (const TensorSpec& spec : specs) {
    out.begin_object();
    out.field("name", spec.name);
    out.field("datatype", dtype_name(spec.dtype));
    out.key("shape");
    out.begin_array();
    for (const std::int64_t dim : spec.shape.dims()) out.number(dim);
    out.end_array();
    out.end_object();
  }
  out.end_array();
}

void write_texts(json::Writer& out, std::string_view key, const std::vector<std::string>& texts) {
  out.key(key);
  out.begin_array();
  for (const std::string& text : texts) out.string(text);
  out.end_array();
}

}  // namespace

Report make_report(const Probed& probed) {
  Report report;
  report.backend = probed.backend;
  report.signature = probed.signature;
  report.labels = probed.labels;
  report.has_function = probed.spec.has_value();
  report.batchable = probed.batchable;
  report.batchable_why = probed.batchable_why;
  report.deterministic = probed.deterministic;
  report.deterministic_why = probed.deterministic_why;
  report.time_per_call = probed.time_per_call;
  report.synthetic = probed.synthetic;
  report.records = probed.records;
  report.golden = probed.golden.size();
  report.notes = probed.notes;
  return report;
}

std::string duration_text(Duration duration) {
  const auto ns = static_cast<double>(duration.count());
  char text[32];
  if (ns < 1e6) {
    std::snprintf(text, sizeof(text), "%.1f us", ns / 1e3);
  } else if (ns < 1e9) {
    std::snprintf(text, sizeof(text), "%.1f ms", ns / 1e6);
  } else {
    std::snprintf(text, sizeof(text), "%.2f s", ns / 1e9);
  }
  return text;
}

std::string to_text(const Report& report) {
  std::string text = report.name + ":" + report.version;
  if (!report.digest.empty()) text += "  " + report.digest;
  text += "\n  model        " + printable(report.model) + ", run by " + report.backend + ", " +
          human_bytes(report.size_bytes) + "\n";
  add_specs(text, "  inputs       ", report.signature.inputs);
  add_specs(text, "  outputs      ", report.signature.outputs);
  if (!report.labels.empty()) text += "  labels       " + labels_text(report.labels) + "\n";
  text += "  batchable    " + std::string(report.batchable ? "yes: " : "no: ") + report.batchable_why + "\n";
  text += "  repeatable   " + std::string(report.deterministic ? "yes: " : "no: ") +
          report.deterministic_why + "\n";
  text += "  time         " + duration_text(report.time_per_call) +
          " per call with one record, on this machine\n";
  text += "  golden       " + std::to_string(report.golden) + " answers recorded, chosen from " +
          std::to_string(report.records) + (report.synthetic ? " made-up" : "") + " records";
  for (const std::string& note : report.notes) text += "\n  inferred     " + note;
  return text;
}

void write_json(const Report& report, json::Writer& out) {
  out.begin_object();
  out.field("name", report.name);
  out.field("version", report.version);
  out.field("digest", report.digest);
  out.field("model", report.model);
  out.field("backend", report.backend);
  out.field("size_bytes", report.size_bytes);
  write_specs(out, "inputs", report.signature.inputs);
  write_specs(out, "outputs", report.signature.outputs);
  write_texts(out, "labels", report.labels);
  out.field("has_function", report.has_function);
  out.field("batchable", report.batchable);
  out.field("batchable_why", report.batchable_why);
  out.field("deterministic", report.deterministic);
  out.field("deterministic_why", report.deterministic_why);
  out.field("time_per_call_us", static_cast<double>(report.time_per_call.count()) / 1e3);
  out.field("synthetic", report.synthetic);
  out.field("records", static_cast<std::uint64_t>(report.records));
  out.field("golden", static_cast<std::uint64_t>(report.golden));
  write_texts(out, "notes", report.notes);
  out.end_object();
}

}  // namespace slipway::packing
