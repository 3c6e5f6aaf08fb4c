#include "function/settings.h"

#include <charconv>
#include <cmath>
#include <set>

#include "base/text.h"
#include "json/writer.h"

namespace slipway::function {
namespace {

using config::Problems;

/// What a default means for a field of `type`, or nothing when it is not of that type.
std::optional<Scalar> read_default(const std::string& text, FieldType type) {
  const char* const end = text.data() + text.size();
  if (type == FieldType::kString) return Scalar(text);
  if (type == FieldType::kBoolean) {
    if (text != "true" && text != "false") return std::nullopt;
    return Scalar(text == "true");
  }
  std::int64_t integer = 0;
  if (const auto read = std::from_chars(text.data(), end, integer);
      read.ec == std::errc() && read.ptr == end) {
    return Scalar(integer);
  }
  double number = 0;
  const auto read = std::from_chars(text.data(), end, number);
  if (type != FieldType::kNumber || read.ec != std::errc() || read.ptr != end || !std::isfinite(number)) {
    return std::nullopt;
  }
  return Scalar(number);
}

std::string write_default(const Scalar& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  std::string text;
  json::Writer(text).number(std::get<double>(value));
  return text;
}

void check_input(const InputSettings& input, Problems& problems) {
  if (!input.default_text) {
    if (input.required == false && input.type == FieldType::kArray) {
      problems.add("required", "an array cannot be left out", "remove required");
    }
    return;
  }
  const std::string type(field_type_name(input.type));
  if (input.required == true)
    problems.add("default", "a required field has no default", "remove required or default");
  if (input.type == FieldType::kArray) {
    problems.add("default", "an array has no default", "remove default");
  } else if (!read_default(*input.default_text, input.type)) {
    problems.add("default", "\"" + printable(*input.default_text) + "\" is no " + type,
                 "write one, or change the type");
  }
}

void check_output(const OutputSettings& output, Problems& problems) {
  const bool takes_labels =
      output.kind == OutputField::Kind::kLabel || output.kind == OutputField::Kind::kScores;
  if (!output.labels.empty() && !takes_labels) {
    problems.add("labels", "a " + std::string(output_kind_name(output.kind)) + " takes no labels",
                 "remove labels, or write kind: label or kind: scores");
  }
  if (output.classes.empty()) return;
  if (output.kind != OutputField::Kind::kLabel) {
    problems.add("classes", "only a label has classes", "remove classes");
  } else if (output.classes.size() != output.labels.size()) {
    problems.add("classes",
                 std::to_string(output.classes.size()) + " classes and " +
                     std::to_string(output.labels.size()) + " labels are given",
                 "give one class per label");
  }
}

template <typename Fields>
void check_names(std::string_view setting, const Fields& fields, Problems& problems) {
  std::set<std::string> names;
  for (const auto& field : fields) {
    if (!names.insert(field.name).second) {
      problems.add(setting, "the field \"" + printable(field.name) + "\" is declared twice",
                   "give each field its own name");
    }
  }
}

config::Schema<InputSettings> input_schema() {
  config::Schema<InputSettings> schema("input",
                                       "One field of a record, in the order of the model's columns.");
  schema
      .field("name", &InputSettings::name, config::text({.min_bytes = 1, .what = "a name"}),
             {.text = "What the field is called in records.", .example = "alcohol", .required = true})
      .field("type", &InputSettings::type,
             config::choice<FieldType>({{"number", FieldType::kNumber},
                                        {"integer", FieldType::kInteger},
                                        {"string", FieldType::kString},
                                        {"boolean", FieldType::kBoolean},
                                        {"array", FieldType::kArray}}),
             {.text = "What it holds; an array is the whole of an input for one record."})
      .field("input", &InputSettings::input,
             {.text = "The model input it feeds; needed where the model has several."})
      .field("description", &InputSettings::description, {.text = "For documents and the page."})
      .field("required", &InputSettings::required, config::boolean(),
             {.text = "Whether a record must have it; false without a default means NaN, which many models "
                      "take as missing.",
              .example = "true"})
      .field("default", &InputSettings::default_text, config::text(),
             {.text = "Stands for a field that a record leaves out; makes it not required.", .example = "0"})
      .check(check_input);
  return schema;
}

config::Schema<OutputSettings> output_schema() {
  using Kind = OutputField::Kind;
  config::Schema<OutputSettings> schema("output", "One field of the answer.");
  schema
      .field("name", &OutputSettings::name, config::text({.min_bytes = 1, .what = "a name"}),
             {.text = "What the field is called in answers.", .example = "grape", .required = true})
      .field("kind", &OutputSettings::kind,
             config::choice<Kind>({{"value", Kind::kValue},
                                   {"label", Kind::kLabel},
                                   {"score", Kind::kScore},
                                   {"scores", Kind::kScores}}),
             {.text = "value: the record's part of the tensor; label: a class; score: the largest score; "
                      "scores: all of them by "
                      "label."})
      .field("output", &OutputSettings::output,
             {.text = "The model output it is made from; needed where the model has several."})
      .field("labels", &OutputSettings::labels, {.text = "Names of the classes, in the model's order."})
      .field("classes", &OutputSettings::classes,
             {.text = "The model's number for each label; without it they count from 0."})
      .field("description", &OutputSettings::description, {.text = "For documents."})
      .check(check_output);
  return schema;
}

}  // namespace

config::Schema<FunctionSettings> function_schema() {
  config::Schema<FunctionSettings> schema("function",
                                          "How a record becomes the model's tensors, and these the answer.");
  schema
      .field("inputs", &FunctionSettings::inputs, config::list(input_schema().type(), {.max_items = 65536}),
             {.text = "Fields of a record; those of one input become its columns, in this order."})
      .field("before", &FunctionSettings::before, before_type(),
             {.text = "Steps that make the model's inputs of the fields, one after the other."})
      .field("after", &FunctionSettings::after, after_type(),
             {.text = "Steps that make answers of the model's outputs."})
      .field("outputs", &FunctionSettings::outputs, config::list(output_schema().type()),
             {.text = "Fields of the answer; without any, every output of the model under its own name."})
      .check([](const FunctionSettings& settings, Problems& problems) {
        check_names("inputs", settings.inputs, problems);
        check_names("outputs", settings.outputs, problems);
      });
  return schema;
}

Spec to_spec(const FunctionSettings& settings) {
  Spec spec;
  for (const InputSettings& from : settings.inputs) {
    InputField field;
    field.name = from.name;
    field.type = from.type;
    field.input = from.input;
    field.description = from.description;
    field.required = from.required.value_or(!from.default_text.has_value());
    if (from.default_text) field.default_value = read_default(*from.default_text, from.type);
    spec.inputs.push_back(std::move(field));
  }
  for (const OutputSettings& from : settings.outputs) {
    spec.outputs.push_back({from.name, from.kind, from.output, from.labels, from.classes, from.description});
  }
  return spec;
}

FunctionSettings from_spec(const Spec& spec) {
  FunctionSettings settings;
  for (const InputField& from : spec.inputs) {
    InputSettings field;
    field.name = from.name;
    field.type = from.type;
    field.input = from.input;
    field.description = from.description;
    if (!from.required && !from.default_value) field.required = false;
    if (from.default_value) field.default_text = write_default(*from.default_value);
    settings.inputs.push_back(std::move(field));
  }
  for (const OutputField& from : spec.outputs) {
    settings.outputs.push_back(
        {from.name, from.kind, from.output, from.labels, from.classes, from.description});
  }
  return settings;
}

}  // namespace slipway::function
