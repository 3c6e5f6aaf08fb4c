// `slipway check`: a strict check of any settings file, with all faults at once; and the schema for editors.
#include "app/context.h"
#include "app/environment.h"
#include "app/verbs.h"
#include "base/text.h"
#include "config/schema.h"
#include "io/file_helpers.h"
#include "packing/settings.h"

namespace slipway::app {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{4} << 20U;

struct Options {
  std::vector<std::string> files;
  std::string schema, kind;
};

// A model's file is called slipway.yaml; every other settings file describes an environment, unless --kind
// says.
bool is_model_file(const Options& options, const std::string& file) {
  if (!options.kind.empty()) return options.kind == "model";
  return file == packing::kSettingsFile || file.ends_with("/" + std::string(packing::kSettingsFile));
}

Status check_file(Context& context, const Options& options, const std::string& file) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, io::read_all(context.files(), file, kMaxBytes));
  if (is_model_file(options, file)) {
    SLIPWAY_ASSIGN_OR_RETURN(const auto settings, packing::read_settings(text, file, nullptr));
    return packing::to_spec(settings).status();
  }
  return config::decode(environment_schema(), text, file).status();
}

Exit run(Context& context, const Options& options) {
  if (!options.schema.empty()) {
    context.print(options.schema == "model" ? config::json_schema(packing::model_schema())
                                            : config::json_schema(environment_schema()));
    return Exit::kDone;
  }
  if (options.files.empty()) {
    return context.fail(
        invalid_argument("app.check_nothing", "give the settings files to check, or --schema KIND"));
  }
  Exit exit = Exit::kDone;
  for (const std::string& file : options.files) {
    const Status status = check_file(context, options, file);
    if (!status.ok()) {
      context.fail(status.error());
      exit = status.error().id().starts_with("io.") ? Exit::kFailed : Exit::kRefused;
      continue;
    }
    if (context.json()) {
      std::string text;
      json::Writer writer(text);
      writer.begin_object();
      writer.field("file", file);
      writer.field("sound", true);
      writer.end_object();
      context.print(text);
    } else {
      context.print(file + ": sound");
    }
  }
  return exit;
}

}  // namespace

Verb check_verb() {
  auto options = std::make_shared<Options>();
  Verb verb;
  verb.name = "check";
  verb.group = "This machine";
  verb.summary = "Checks settings files strictly and tells every fault with its line and fix";
  verb.arguments = {
      {.names = "FILE",
       .help = "slipway.yaml (a model), or an environment file",
       .target = &options->files,
       .completes = Completes::kFile},
      {.names = "--kind",
       .help = "What the files describe, where the name does not tell",
       .target = &options->kind,
       .value_name = "KIND",
       .choices = {"model", "environment"},
       .completes = Completes::kChoice},
      {.names = "--schema",
       .help = "Print the JSON Schema of a kind, for editors",
       .target = &options->schema,
       .value_name = "KIND",
       .choices = {"model", "environment"},
       .completes = Completes::kChoice},
  };
  verb.examples = {{"slipway check slipway.yaml environment.yaml", "exit code 3 when one is not sound"},
                   {"slipway check --schema environment > environment.schema.json", "for editors"}};
  verb.run = [options](Context& context) { return run(context, *options); };
  verb.options = options;
  return verb;
}

}  // namespace slipway::app
