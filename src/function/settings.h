// The `function:` part of slipway.yaml:
//
//   function:
//     inputs:
//       - {name: alcohol}                            # type: number
//       - {name: region, type: string, default: unknown}
//     outputs:
//       - {name: grape, kind: label, output: label, labels: [barolo, barbera]}
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/schema.h"
#include "function/function.h"
#include "function/steps.h"

namespace slipway::function {

struct InputSettings {
  std::string name;
  FieldType type = FieldType::kNumber;
  std::string input;
  std::string description;
  std::optional<bool> required;               ///< absent = true without a default, false with one
  std::optional<std::string> default_text{};  ///< as written; means what `type` makes of it
  friend bool operator==(const InputSettings&, const InputSettings&) = default;
};

struct OutputSettings {
  std::string name;
  OutputField::Kind kind = OutputField::Kind::kValue;
  std::string output;
  std::vector<std::string> labels;
  std::vector<std::int64_t> classes;
  std::string description;
  friend bool operator==(const OutputSettings&, const OutputSettings&) = default;
};

struct FunctionSettings {
  std::vector<InputSettings> inputs;
  std::vector<BeforeStep> before;
  std::vector<AfterStep> after;
  std::vector<OutputSettings> outputs;
  friend bool operator==(const FunctionSettings&, const FunctionSettings&) = default;
};

/// Checks what can be checked without the model: names given twice, defaults that are not of their field's
/// type, labels and classes that do not go together. The rest is Function::create's.
config::Schema<FunctionSettings> function_schema();

/// The fields alone, without the steps. Precondition: settings were decoded by function_schema().
Spec to_spec(const FunctionSettings& settings);
/// The settings that give `spec` again.
FunctionSettings from_spec(const Spec& spec);

}  // namespace slipway::function
