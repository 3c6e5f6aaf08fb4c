#include "plugins/dialects/records/describe.h"

#include <set>

#include "plugins/dialects/records/openapi.h"

namespace slipway::records {
namespace {

using function::FieldType;
using function::Scalar;

void write_scalar(const Scalar& value, json::Writer& out) {
  if (const auto* truth = std::get_if<bool>(&value)) return out.boolean(*truth);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return out.number(*integer);
  if (const auto* number = std::get_if<double>(&value)) return out.number(*number);
  out.string(std::get<std::string>(value));
}

void write_type(FieldType type, bool nullable, json::Writer& out) {
  out.key("type");
  if (!nullable) return out.string(field_type_name(type));
  out.begin_array();
  out.string(field_type_name(type));
  out.string("null");
  out.end_array();
}

/// Nested arrays of `element`, from dimension `depth` of `shape` on.
void write_array(FieldType element, const Shape& shape, std::size_t depth, bool nullable, json::Writer& out) {
  if (depth == shape.rank()) return write_type(element, nullable, out);
  write_type(FieldType::kArray, false, out);
  if (shape[depth] >= 0) {
    out.field("minItems", shape[depth]);
    out.field("maxItems", shape[depth]);
  }
  out.key("items");
  out.begin_object();
  write_array(element, shape, depth + 1, nullable, out);
  out.end_object();
}

void write_description(const std::string& text, json::Writer& out) {
  if (!text.empty()) out.field("description", std::string_view(text));
}

void write_scores(const function::AnswerInfo& answer, json::Writer& out) {
  const auto score = [&] {
    out.begin_object();
    write_type(answer.element, answer.element == FieldType::kNumber, out);
    out.end_object();
  };
  out.field("type", "object");
  if (answer.labels.empty()) {
    out.key("additionalProperties");
    return score();
  }
  out.key("properties");
  out.begin_object();
  for (const std::string& label : answer.labels) {
    out.key(label);
    score();
  }
  out.end_object();
  out.field("additionalProperties", false);
}

void write_answer(const function::AnswerInfo& answer, json::Writer& out) {
  using Kind = function::OutputField::Kind;
  // What is no number (NaN) is null in JSON.
  const bool nullable = answer.element == FieldType::kNumber && answer.kind == Kind::kValue;
  out.begin_object();
  switch (answer.kind) {
    case Kind::kValue:
      if (answer.type == FieldType::kArray) {
        write_array(answer.element, answer.shape, 0, nullable, out);
      } else {
        write_type(answer.type, nullable, out);
      }
      break;
    case Kind::kLabel:
      write_type(answer.type, false, out);
      if (!answer.labels.empty()) {
        out.key("enum");
        out.begin_array();
        for (const std::string& label : std::set<std::string>(answer.labels.begin(), answer.labels.end()))
          out.string(label);
        out.end_array();
      }
      break;
    case Kind::kScore:
      write_type(answer.type, false, out);
      break;
    case Kind::kScores:
      write_scores(answer, out);
      break;
  }
  write_description(answer.description, out);
  out.end_object();
}

void write_deployment(const dialect::ServedModel& model, json::Writer& out) {
  out.begin_object();
  out.field("name", std::string_view(model.name()));
  out.field("version", std::string_view(model.version()));
  out.field("description", std::string_view(model.description()));
  out.field("url", std::string_view(predict_path(model.name())));
  out.end_object();
}

/// The latest ready version of each name.
std::vector<dialect::ModelLease> ready_models(const dialect::ModelServer& server) {
  std::vector<dialect::ModelLease> models;
  std::set<std::string> seen;
  for (const dialect::ModelStatus& status : server.index()) {
    if (status.state != dialect::ModelState::kReady || !seen.insert(status.name).second) continue;
    // It may have gone since the index was taken; then it is simply not listed.
    if (auto model = server.find(status.name, ""); model.ok()) models.push_back(std::move(model).value());
  }
  return models;
}

}  // namespace

void write_record_schema(const function::Function& function, json::Writer& out) {
  out.begin_object();
  out.field("type", "object");
  out.key("properties");
  out.begin_object();
  for (const function::FieldInfo& field : function.fields()) {
    out.key(field.name);
    out.begin_object();
    if (field.type == FieldType::kArray) {
      write_array(field.element, field.shape, 0, false, out);
    } else {
      write_type(field.type, !field.required, out);
    }
    write_description(field.description, out);
    if (field.default_value) {
      out.key("default");
      write_scalar(*field.default_value, out);
    }
    out.end_object();
  }
  out.end_object();
  out.key("required");
  out.begin_array();
  for (const function::FieldInfo& field : function.fields()) {
    if (field.required) out.string(field.name);
  }
  out.end_array();
  out.field("additionalProperties", false);
  out.end_object();
}

void write_prediction_schema(const function::Function& function, json::Writer& out) {
  out.begin_object();
  out.field("type", "object");
  out.key("properties");
  out.begin_object();
  for (const function::AnswerInfo& answer : function.answers()) {
    out.key(answer.name);
    write_answer(answer, out);
  }
  out.end_object();
  out.key("required");
  out.begin_array();
  for (const function::AnswerInfo& answer : function.answers()) out.string(answer.name);
  out.end_array();
  out.end_object();
}

std::string example_record(const dialect::ServedModel& model) {
  return model.example_record().empty() ? model.function().example() : model.example_record();
}

std::string predict_path(std::string_view name) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string path = "/predict/";
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || c == '+';
    if (plain) {
      path += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      path += '%';
      path += kDigits[byte >> 4U];
      path += kDigits[byte & 15U];
    }
  }
  return path;
}

std::string list_deployments(const dialect::ModelServer& server) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.key("deployments");
  out.begin_array();
  for (const dialect::ModelLease& model : ready_models(server)) write_deployment(*model, out);
  out.end_array();
  out.end_object();
  return body;
}

std::string describe_deployment(const dialect::ServedModel& model, std::span<const std::string> versions) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.field("model", std::string_view(model.name()));
  out.field("version", std::string_view(model.version()));
  out.key("digest");
  if (model.digest().empty()) {
    out.null();
  } else {
    out.string(model.digest());
  }
  out.field("description", std::string_view(model.description()));
  out.key("versions");
  out.begin_array();
  for (const std::string& version : versions) out.string(version);
  out.end_array();
  out.key("record");
  write_record_schema(model.function(), out);
  out.key("prediction");
  write_prediction_schema(model.function(), out);
  out.field("several_records", model.function().takes_rows());
  out.key("example");
  const std::string example = example_record(model);
  if (example.empty()) {
    out.null();
  } else {
    out.raw(example);
  }
  out.end_object();
  return body;
}

std::string openapi(const dialect::ModelServer& server, std::string_view server_version) {
  std::string body;
  json::Writer out(body);
  write_openapi(ready_models(server), server_version, out);
  return body;
}

}  // namespace slipway::records
