#include <algorithm>

#include "base/text.h"
#include "io/file_helpers.h"
#include "packing/pack.h"
#include "packing/probe.h"

namespace slipway::packing {
namespace {

constexpr std::uint64_t kMaxSampleBytes = std::uint64_t{1} << 30U;

// A comment over as many lines as it has.
std::string comment(std::string_view text) {
  std::string lines = "# ";
  for (const char c : text) {
    lines += c;
    if (c == '\n') lines += "# ";
  }
  return lines + "\n";
}

Result<std::string> find_sample(io::FileSystem& fs, const std::string& folder) {
  for (const char* name : {"sample.csv", "sample.jsonl", "sample.json"}) {
    SLIPWAY_ASSIGN_OR_RETURN(const bool there, io::exists(fs, io::join_path(folder, name)));
    if (there) return std::string(name);
  }
  return std::string();
}

std::string top(const Result<Probed>& probed) {
  std::string text = comment(
      "What the model is and how a person's record becomes its tensors.\n"
      "Settings that stand commented out hold their default. `slipway check` checks this file.");
  if (!probed.ok()) {
    text += comment("\nThe model could not be run yet: " + probed.error().to_string());
    return text;
  }
  for (const std::string& note : probed->notes) text += comment("Inferred: " + note);
  return text;
}

}  // namespace

Result<std::string> init_settings(io::FileSystem& fs, std::span<backend::Backend* const> backends,
                                  const Clock& clock, const std::string& folder) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> models, find_models(fs, backends, folder));
  if (models.empty()) {
    return not_found("packing.no_model", "the folder '" + printable(folder) +
                                             "' has no model that can be packed; put an "
                                             "ONNX file there");
  }
  if (models.size() > 1) {
    return invalid_argument("packing.several_models", "the folder '" + printable(folder) +
                                                          "' has several models (" + join_words(models) +
                                                          "); give each a folder of its own");
  }
  ModelSettings settings;
  settings.model = models.front();
  settings.name = name_from(folder);
  if (settings.name.empty()) settings.name = name_from(settings.model);
  SLIPWAY_ASSIGN_OR_RETURN(settings.sample, find_sample(fs, folder));
  SLIPWAY_ASSIGN_OR_RETURN(const auto files, FolderModelFiles::open(fs, folder, settings.model));
  ProbeOptions options;
  if (!settings.sample.empty()) {
    options.sample_name = settings.sample;
    SLIPWAY_ASSIGN_OR_RETURN(options.sample,
                             io::read_all(fs, io::join_path(folder, settings.sample), kMaxSampleBytes));
  }
  const auto probed = probe(*files, backends, clock, options);
  // A model that loads but does not run yet lacks a setting that this file may give; a damaged one lacks
  // more.
  if (!probed.ok() && probed.status().error().id().starts_with("backend.")) {
    return probed.status().error().within(io::join_path(folder, settings.model));
  }
  if (probed.ok() && probed->function) settings.function = function::from_spec(probed->function->spec());
  return top(probed) + config::to_yaml(model_schema(), settings);
}

}  // namespace slipway::packing
