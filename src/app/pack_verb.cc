// `slipway pack` and `slipway init`.
#include "app/context.h"
#include "app/models.h"
#include "app/verbs.h"
#include "base/text.h"
#include "io/file_helpers.h"
#include "package/package_writer.h"
#include "packing/pack.h"

namespace slipway::app {
namespace {

struct PackOptions {
  std::string path = ".";
  std::string name, version, sample, store;
  std::vector<std::string> shapes;
  bool replace = false;
};

// "image=1,3,224,224" -> the declared shape of an input.
Result<packing::DeclaredShapes> read_shapes(const std::vector<std::string>& texts) {
  packing::DeclaredShapes shapes;
  for (const std::string& text : texts) {
    SLIPWAY_ASSIGN_OR_RETURN(auto declared, packing::parse_shape(text));
    shapes.insert(std::move(declared));
  }
  return shapes;
}

Result<packing::Report> pack(Context& context, const PackOptions& options) {
  packing::PackRequest request;
  request.path = options.path;
  if (!options.name.empty()) request.name = options.name;
  if (!options.version.empty()) request.version = options.version;
  if (!options.sample.empty()) request.sample = options.sample;
  SLIPWAY_ASSIGN_OR_RETURN(request.shapes, read_shapes(options.shapes));
  context.progress("running the model on its sample ...");
  auto made = packing::pack(context.files(), context.backends(), context.clock(), request);
  if (!made.ok()) {
    // A backend is given bytes and knows no file name.
    return made.error().id().starts_with("backend.") ? made.error().within(options.path) : made.error();
  }
  packing::Packed packed = std::move(*made);
  context.progress("writing the package ...");
  const std::string store = options.store.empty() ? local_store(context) : options.store;
  SLIPWAY_ASSIGN_OR_RETURN(auto writer,
                           package::PackageWriter::create(context.files(), context.clock(), store));
  for (const packing::PackFile& file : packed.files) SLIPWAY_TRY(writer->add_bytes(file.path, file.content));
  SLIPWAY_ASSIGN_OR_RETURN(const package::StoredPackage stored,
                           writer->finish(packed.manifest, options.replace ? package::IfTaken::kReplace
                                                                           : package::IfTaken::kRefuse));
  packed.report.digest = stored.digest.to_string();
  context.progress("");
  return packed.report;
}

Exit run_pack(Context& context, const PackOptions& options) {
  const auto report = pack(context, options);
  if (!report.ok()) return context.fail(report.error());
  if (context.json()) {
    std::string text;
    json::Writer writer(text);
    packing::write_json(*report, writer);
    context.print(text);
    return Exit::kDone;
  }
  context.print(packing::to_text(*report));
  context.say("next: slipway serve " + report->name + ":" + report->version);
  return Exit::kDone;
}

struct InitOptions {
  std::string folder = ".";
  bool force = false;
};

Exit run_init(Context& context, const InitOptions& options) {
  const std::string file = io::join_path(options.folder, packing::kSettingsFile);
  const auto there = io::exists(context.files(), file);
  if (!there.ok()) return context.fail(there.error());
  if (*there && !options.force) {
    return context.fail(already_exists("app.init_exists", file + " exists; --force writes it anew"));
  }
  const auto text =
      packing::init_settings(context.files(), context.backends(), context.clock(), options.folder);
  if (!text.ok()) return context.fail(text.error());
  if (auto written = io::write_atomically(context.files(), file, as_bytes(*text)); !written.ok()) {
    return context.fail(written.error());
  }
  if (context.json()) {
    std::string json;
    json::Writer writer(json);
    writer.begin_object();
    writer.field("file", file);
    writer.end_object();
    context.print(json);
  } else {
    context.print("wrote " + file);
    context.say("next: read it, then slipway pack " + options.folder);
  }
  return Exit::kDone;
}

}  // namespace

Verb pack_verb() {
  auto options = std::make_shared<PackOptions>();
  Verb verb;
  verb.name = "pack";
  verb.group = "Make a package";
  verb.summary = "Makes a package of a model: runs it, proves it, records golden answers";
  verb.arguments = {
      {.names = "MODEL",
       .help = "A model file, or a folder with slipway.yaml",
       .target = &options->path,
       .completes = Completes::kFile},
      {.names = "--name", .help = "Name of the package", .target = &options->name, .value_name = "NAME"},
      {.names = "--version",
       .help = "Version of the package",
       .target = &options->version,
       .value_name = "VERSION"},
      {.names = "--sample",
       .help = "Records to run it on: CSV, JSON or JSON Lines",
       .target = &options->sample,
       .value_name = "FILE",
       .completes = Completes::kFile},
      {.names = "--shape",
       .help = "A shape that the model leaves open, such as image=1,3,224,224; may be repeated",
       .target = &options->shapes,
       .value_name = "INPUT=DIMS"},
      {.names = "--store",
       .help = "Folder of the store (default $SLIPWAY_HOME/store)",
       .target = &options->store,
       .value_name = "FOLDER",
       .completes = Completes::kFolder},
      {.names = "--replace",
       .help = "Let the name and version move from another package to this one",
       .target = &options->replace},
  };
  verb.examples = {
      {"slipway pack examples/wine", "packs the folder as its slipway.yaml says"},
      {"slipway pack model.onnx --name wine --version 1.0.0 --sample sample.csv", "packs a bare model file"}};
  verb.run = [options](Context& context) { return run_pack(context, *options); };
  verb.options = options;
  return verb;
}

Verb init_verb() {
  auto options = std::make_shared<InitOptions>();
  Verb verb;
  verb.name = "init";
  verb.group = "Make a package";
  verb.summary = "Writes a commented slipway.yaml for the model found in a folder";
  verb.arguments = {
      {.names = "FOLDER",
       .help = "Where the model is (default: here)",
       .target = &options->folder,
       .completes = Completes::kFolder},
      {.names = "--force", .help = "Write over a slipway.yaml that is there", .target = &options->force}};
  verb.examples = {{"slipway init my-model/", "looks at the model there and says what it found"}};
  verb.run = [options](Context& context) { return run_init(context, *options); };
  verb.options = options;
  return verb;
}

}  // namespace slipway::app
