// slipway.yaml: what a model is, declared beside it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/schema.h"
#include "function/settings.h"
#include "package/manifest.h"
#include "packing/shapes.h"

namespace slipway::packing {

inline constexpr std::string_view kSettingsFile = "slipway.yaml";
inline constexpr std::size_t kMaxSettingsBytes = std::size_t{4} << 20U;

struct ToleranceSettings {
  double relative = 0;
  double absolute = 0;
};

struct ModelSettings {
  std::string name;
  std::string version = "1";
  std::string description;
  std::string licence;
  std::string model;
  std::string sample;
  std::vector<std::string> documents;
  std::map<std::string, std::vector<std::int64_t>> shapes;
  std::map<std::string, ToleranceSettings> tolerances;
  std::optional<function::FunctionSettings> function;
};

[[nodiscard]] config::Schema<ModelSettings> model_schema();

/// Errors: config.*.
Result<ModelSettings> read_settings(std::string_view text, std::string_view file_name,
                                    config::SourceMap* places);

/// The declared prediction function, if there is one.
Result<std::optional<function::Spec>> to_spec(const ModelSettings& settings);
[[nodiscard]] std::vector<package::OutputTolerance> to_tolerances(const ModelSettings& settings);
/// Errors: packing.shape for more dimensions than a shape has.
Result<DeclaredShapes> to_shapes(const ModelSettings& settings);

}  // namespace slipway::packing
