#include "packing/settings.h"

#include "base/text.h"
#include "io/filesystem.h"

namespace slipway::packing {
namespace {

using config::Schema;

config::Type<std::string> file_type() {
  return config::text({.min_bytes = 1,
                       .max_bytes = 1024,
                       .what = "a path below this folder",
                       .check = [](std::string_view path) { return io::check_relative_path(path); }});
}

config::Type<std::string> name_type(std::string kind) {
  return config::text(
      {.min_bytes = 1, .max_bytes = 128, .what = "a " + kind, .check = [kind](std::string_view name) {
         return check_name(kind, name);
       }});
}

Schema<ToleranceSettings> tolerance_schema() {
  const config::Range<double> range{.min = 0.0, .max = 1e6, .reason = "a tolerance is an amount"};
  Schema<ToleranceSettings> schema("tolerance", "How far two answers may lie apart and still be the same.");
  schema
      .field("relative", &ToleranceSettings::relative, config::number(range),
             {.text = "As a share of the value."})
      .field("absolute", &ToleranceSettings::absolute, config::number(range), {.text = "As an amount."});
  return schema;
}

}  // namespace

Schema<ModelSettings> model_schema() {
  Schema<ModelSettings> schema("slipway.yaml",
                               "What the model is and how a person's record becomes its tensors.");
  schema
      .field("name", &ModelSettings::name, name_type("name"),
             {.text = "What the package is called.", .example = "wine", .required = true})
      .field("version", &ModelSettings::version, name_type("version"),
             {.text = "Its version; give each change a new one."})
      .field("description", &ModelSettings::description, {.text = "What it does, in a sentence."})
      .field("licence", &ModelSettings::licence, {.text = "An SPDX expression.", .example = "Apache-2.0"})
      .field("model", &ModelSettings::model, file_type(),
             {.text = "The model file, in this folder.", .example = "model.onnx", .required = true})
      .field("sample", &ModelSettings::sample, config::text({.max_bytes = 1024}),
             {.text = "Some real records (CSV, JSON or JSON Lines), for golden answers.",
              .example = "sample.csv"})
      .field("documents", &ModelSettings::documents, config::list(file_type(), {.max_items = 1000}),
             {.text = "Further files that belong to the package; README.md is taken without saying so."})
      .field(
          "shapes", &ModelSettings::shapes,
          config::map(config::list(config::integer<std::int64_t>({.min = 1, .max = std::int64_t{1} << 40U}),
                                   {.min_items = 0, .max_items = Shape::kMaxRank}),
                      {.key = "INPUT"}),
          {.text = "Shapes of inputs whose sizes the model leaves open, the batch included.",
           .example = "{image: [1, 3, 224, 224]}"})
      .field("tolerances", &ModelSettings::tolerances,
             config::map(tolerance_schema().type(), {.key = "FIELD"}),
             {.text = "How far answers of a field may differ where the model runs elsewhere.",
              .example = "{score: {relative: 1e-4}}"})
      .field(
          "function", &ModelSettings::function, config::optional(function::function_schema().type()),
          {.text = "The prediction function; without one, the model's inputs and outputs are the fields."});
  return schema;
}

Result<ModelSettings> read_settings(std::string_view text, std::string_view file_name,
                                    config::SourceMap* places) {
  return config::decode(model_schema(), text, file_name, places);
}

Result<std::optional<function::Spec>> to_spec(const ModelSettings& settings) {
  std::optional<function::Spec> spec;
  if (settings.function) spec = function::to_spec(*settings.function);
  return spec;
}

std::vector<package::OutputTolerance> to_tolerances(const ModelSettings& settings) {
  std::vector<package::OutputTolerance> tolerances;
  for (const auto& [field, tolerance] : settings.tolerances) {
    tolerances.push_back({field, {tolerance.relative, tolerance.absolute}});
  }
  return tolerances;
}

Result<DeclaredShapes> to_shapes(const ModelSettings& settings) {
  DeclaredShapes shapes;
  for (const auto& [input, dims] : settings.shapes) {
    auto shape = Shape::from(dims);
    if (!shape.ok())
      return invalid_argument("packing.shape", "shapes." + printable(input) + ": " + shape.error().message());
    shapes.emplace(input, *shape);
  }
  return shapes;
}

}  // namespace slipway::packing
