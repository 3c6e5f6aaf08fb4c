#include "plugins/dialects/openinference/metadata.h"

#include "json/writer.h"
#include "openinference/facts.h"

namespace slipway::openinference {
namespace {

void write_specs(std::string_view key, const std::vector<TensorSpec>& specs, json::Writer& out) {
  out.key(key);
  out.begin_array();
  for (const TensorSpec& spec : specs) {
    out.begin_object();
    out.field("name", std::string_view(spec.name));
    out.field("datatype", dtype_name(spec.dtype));
    out.key("shape");
    out.begin_array();
    for (const std::int64_t dim : spec.shape.dims()) out.number(dim);
    out.end_array();
    out.end_object();
  }
  out.end_array();
}

}  // namespace

std::string server_metadata(std::string_view version, bool shared_memory) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.field("name", kServerName);
  out.field("version", version);
  out.key("extensions");
  out.begin_array();
  for (const std::string_view extension : extensions(shared_memory)) out.string(extension);
  out.end_array();
  out.end_object();
  return body;
}

std::string health(std::string_view what, bool value) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.field(what, value);
  out.end_object();
  return body;
}

std::string model_health(std::string_view name, bool ready) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.field("name", name);
  out.field("ready", ready);
  out.end_object();
  return body;
}

std::string list_models(const dialect::ModelServer& server) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.key("models");
  out.begin_array();
  std::string last;
  for (const dialect::ModelStatus& status : server.index()) {  // by name
    if (status.state != dialect::ModelState::kReady || status.name == last) continue;
    last = status.name;
    out.string(status.name);
  }
  out.end_array();
  out.end_object();
  return body;
}

std::string model_metadata(const dialect::ServedModel& model, std::span<const std::string> versions) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.field("name", std::string_view(model.name()));
  out.key("versions");
  out.begin_array();
  for (const std::string& version : versions) out.string(version);
  out.end_array();
  out.field("platform", std::string_view(model.platform()));
  write_specs("inputs", model.signature().inputs, out);
  write_specs("outputs", model.signature().outputs, out);
  out.end_object();
  return body;
}

std::string repository_index(std::span<const dialect::ModelStatus> models) {
  std::string body;
  json::Writer out(body);
  out.begin_array();
  for (const dialect::ModelStatus& status : models) {
    out.begin_object();
    out.field("name", std::string_view(status.name));
    out.field("version", std::string_view(status.version));
    out.field("state", dialect::state_name(status.state));
    out.field("reason", std::string_view(status.reason));
    out.end_object();
  }
  out.end_array();
  return body;
}

}  // namespace slipway::openinference
