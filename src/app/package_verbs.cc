// Verbs on packages in a store: inspect, list, remove, verify, unpack.
#include "app/context.h"
#include "app/models.h"
#include "app/verbs.h"
#include "base/text.h"
#include "package/local_store.h"
#include "package/manifest.h"

namespace slipway::app {
namespace {

struct Options {
  std::string reference, folder, store;
  bool names = false;
};

std::string store_of(const Context& context, const Options& options) {
  return options.store.empty() ? local_store(context) : options.store;
}

Argument reference_argument(Options& options) {
  return {.names = "REF",
          .help = "A package: wine, wine:1.2.0, wine@sha256:..., file:///shelf/wine:1.0.0",
          .target = &options.reference,
          .required = true,
          .completes = Completes::kReference};
}

Argument store_argument(Options& options) {
  return {.names = "--store",
          .help = "Folder of the store (default $SLIPWAY_HOME/store)",
          .target = &options.store,
          .value_name = "FOLDER",
          .completes = Completes::kFolder};
}

std::string specs_text(const std::vector<TensorSpec>& specs) {
  std::string text;
  for (const TensorSpec& spec : specs) {
    text += "\n    " + spec.name + "  " + std::string(dtype_name(spec.dtype)) + spec.shape.to_string();
  }
  return text;
}

Exit inspect(Context& context, const Options& options) {
  const auto package = open_package(context, options.reference, store_of(context, options));
  if (!package.ok()) return context.fail(package.error());
  const package::Manifest& manifest = (*package)->manifest();
  if (context.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    writer.field("digest", (*package)->digest().to_string());
    writer.field("size_bytes", (*package)->size_bytes());
    writer.key("package");
    writer.raw(package::encode_manifest(manifest));
    writer.end_object();
    context.print(text);
    return Exit::kDone;
  }
  context.print(manifest.name + ":" + manifest.version + "  " + (*package)->digest().to_string());
  if (!manifest.description.empty()) context.print("  " + manifest.description);
  context.print("  licence   " + (manifest.licence.empty() ? "not stated" : manifest.licence));
  context.print("  model     " + manifest.model + " (" + manifest.backend + ")");
  context.print("  inputs" + specs_text(manifest.signature.inputs));
  context.print("  outputs" + specs_text(manifest.signature.outputs));
  context.print(std::string("  batchable ") + (manifest.batchable ? "yes" : "no") + ", deterministic " +
                (manifest.deterministic ? "yes" : "no"));
  if (manifest.golden) {
    context.print("  golden    " + std::to_string(manifest.golden->count) + " requests" +
                  (manifest.golden->synthetic ? ", made from a seed, not from a sample" : ""));
  }
  context.print("  set       " + manifest.set.to_string());
  context.print("  files     " + human_bytes((*package)->size_bytes()) + " in all");
  for (const package::FileEntry& file : manifest.files) {
    context.print("    " + file.path + "  " + human_bytes(file.size_bytes));
  }
  return Exit::kDone;
}

void write_stored(json::Writer& writer, const package::StoredPackage& package) {
  writer.begin_object();
  writer.field("name", package.name);
  writer.field("version", package.version);
  writer.field("digest", package.digest.to_string());
  writer.key("size_bytes");
  if (package.size_bytes) {
    writer.number(*package.size_bytes);
  } else {
    writer.null();
  }
  writer.end_object();
}

Exit list(Context& context, const Options& options) {
  const package::LocalStore store(context.files(), context.clock(), store_of(context, options));
  const auto packages = store.list();
  if (!packages.ok()) return context.fail(packages.error());
  if (context.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_array();
    for (const auto& package : *packages) write_stored(writer, package);
    writer.end_array();
    context.print(text);
    return Exit::kDone;
  }
  for (const auto& package : *packages) {
    context.print(options.names
                      ? package.to_string()
                      : package.to_string() + "  " + package.digest.to_string().substr(0, 19) + "  " +
                            (package.size_bytes ? human_bytes(*package.size_bytes) : "unreadable"));
  }
  if (packages->empty() && !options.names)
    context.say("no packages in " + store.root() + "; slipway pack makes one");
  return Exit::kDone;
}

Exit remove(Context& context, const Options& options) {
  const auto address = find_package(context, options.reference, store_of(context, options));
  if (!address.ok()) return context.fail(address.error());
  package::LocalStore store(context.files(), context.clock(), address->root);
  const auto report = store.remove(address->name);
  if (!report.ok()) return context.fail(report.error());
  if (context.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    writer.key("removed");
    writer.begin_array();
    for (const auto& package : report->packages) write_stored(writer, package);
    writer.end_array();
    writer.field("bytes", report->bytes);
    writer.end_object();
    context.print(text);
    return Exit::kDone;
  }
  for (const auto& package : report->packages) context.print("removed " + package.to_string());
  context.say(std::to_string(report->blobs) + " blobs, " + human_bytes(report->bytes) + " freed");
  return Exit::kDone;
}

Exit verify(Context& context, const Options& options) {
  auto package = open_package(context, options.reference, store_of(context, options));
  if (!package.ok()) return context.fail(package.error());
  const auto report = (*package)->verify();
  if (!report.ok()) {
    context.fail(report.error());
    return Exit::kRefused;
  }
  if (context.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    writer.field("digest", (*package)->digest().to_string());
    writer.field("verified", true);
    writer.field("blobs", static_cast<std::uint64_t>(report->blobs));
    writer.field("files", static_cast<std::uint64_t>(report->files));
    writer.field("bytes", report->bytes);
    writer.end_object();
    context.print(text);
    return Exit::kDone;
  }
  context.print("verified " + (*package)->manifest().name + ":" + (*package)->manifest().version + " " +
                (*package)->digest().to_string() + ": " + std::to_string(report->files) + " files in " +
                std::to_string(report->blobs) + " blobs, " + human_bytes(report->bytes) +
                ", every byte fits its digest");
  context.say("not covered: who made it; packages are not signed yet");
  return Exit::kDone;
}

Exit unpack(Context& context, const Options& options) {
  auto package = open_package(context, options.reference, store_of(context, options));
  if (!package.ok()) return context.fail(package.error());
  const std::string folder = options.folder.empty() ? (*package)->manifest().name : options.folder;
  if (auto done = (*package)->unpack(folder); !done.ok()) return context.fail(done.error());
  if (context.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    writer.field("folder", folder);
    writer.end_object();
    context.print(text);
  } else {
    context.print("unpacked " + (*package)->manifest().name + ":" + (*package)->manifest().version +
                  " into " + folder);
  }
  return Exit::kDone;
}

Verb make(std::string name, std::string summary, std::vector<Example> examples,
          Exit (*body)(Context&, const Options&),
          const std::function<std::vector<Argument>(Options&)>& arguments) {
  auto options = std::make_shared<Options>();
  Verb verb;
  verb.name = std::move(name);
  verb.group = "Look after packages";
  verb.summary = std::move(summary);
  verb.arguments = arguments(*options);
  verb.examples = std::move(examples);
  verb.run = [options, body](Context& context) { return body(context, *options); };
  verb.options = options;
  return verb;
}

std::vector<Argument> reference_and_store(Options& options) {
  return {reference_argument(options), store_argument(options)};
}

}  // namespace

Verb inspect_verb() {
  return make("inspect", "Shows what a package holds",
              {{"slipway inspect wine", ""}, {"slipway inspect wine --json", "for machines"}}, inspect,
              reference_and_store);
}

Verb list_verb() {
  return make("list", "Lists the packages in the local store",
              {{"slipway list", ""}, {"slipway list --names", "one NAME:VERSION a line"}}, list,
              [](Options& options) -> std::vector<Argument> {
                return {{.names = "--names", .help = "Print NAME:VERSION only", .target = &options.names},
                        store_argument(options)};
              });
}

Verb remove_verb() {
  return make("remove", "Takes a package out of the store",
              {{"slipway remove wine:1.0.0", "one version"}, {"slipway remove wine", "all versions"}}, remove,
              reference_and_store);
}

Verb verify_verb() {
  return make(
      "verify", "Checks every byte of a package against its digest",
      {{"slipway verify wine:1.0.0", ""}, {"slipway verify file:///shelf/wine:1.0.0", "in another store"}},
      verify, reference_and_store);
}

Verb unpack_verb() {
  return make("unpack", "Writes the files of a package into a new folder",
              {{"slipway unpack wine:1.0.0 wine-files/", ""}}, unpack,
              [](Options& options) -> std::vector<Argument> {
                return {reference_argument(options),
                        {.names = "FOLDER",
                         .help = "A new or empty folder (default: the package's name)",
                         .target = &options.folder,
                         .completes = Completes::kFolder},
                        store_argument(options)};
              });
}

}  // namespace slipway::app
