// `slipway copy`: a package from any store to any store.
#include "app/context.h"
#include "app/models.h"
#include "app/plugin_table.gen.h"
#include "app/verbs.h"
#include "base/text.h"
#include "transfer/copy.h"

namespace slipway::app {
namespace {

struct Options {
  std::string from, to;
  bool replace = false;
};

/// The store that an address is in, and the package named there.
struct Place {
  std::unique_ptr<store::StoreFactory> factory;  // outlives its store
  std::unique_ptr<store::Store> store;
  package::PackageName name;
};

std::string scheme_of(const std::string& address) {
  const std::size_t at = address.find("://");
  return at == std::string::npos ? "" : address.substr(0, at);
}

/// Where a store is, and the package named there.
struct Address {
  std::string store;
  package::PackageName name;
};

Result<Address> address_of(Context& context, const std::string& text) {
  SLIPWAY_ASSIGN_OR_RETURN(auto reference, package::parse_reference(text, [&](const std::string& path) {
                             return context.files().stat(path).ok();
                           }));
  const bool local = reference.kind == package::Reference::Kind::kName;
  return Address{local ? local_store(context) : reference.location, std::move(reference.package)};
}

Result<Place> open_place(Context& context, const Address& address, store::OpenMode mode) {
  const std::string scheme = scheme_of(address.store);
  const store::Host host{.clock = &context.clock(), .logger = &context.logger(), .files = &context.files()};
  std::vector<std::string> known;
  for (const auto& plugin : store_plugins()) {
    auto factory = plugin.make(host);
    for (const std::string& candidate : factory->schemes()) {
      if (!candidate.empty()) known.push_back(candidate + "://");
      if (candidate != scheme) continue;
      SLIPWAY_ASSIGN_OR_RETURN(auto store, factory->open(address.store, mode));
      return Place{std::move(factory), std::move(store), address.name};
    }
  }
  return unimplemented("app.store_unknown", "this build has no store for " + printable(address.store) +
                                                "; it knows paths and " + join_words(known));
}

// Both places, the second made where it is not there yet; so it is opened last, when nothing else is wrong.
Result<std::pair<Place, Place>> open_places(Context& context, const Options& options) {
  SLIPWAY_ASSIGN_OR_RETURN(const Address source, address_of(context, options.from));
  SLIPWAY_ASSIGN_OR_RETURN(const Address target, address_of(context, options.to));
  SLIPWAY_ASSIGN_OR_RETURN(Place from, open_place(context, source, store::OpenMode::kRead));
  SLIPWAY_ASSIGN_OR_RETURN(const auto found, transfer::resolve(*from.store, from.name));
  if (!target.name.name.empty() && (target.name.name != found.name ||
                                    (!target.name.version.empty() && target.name.version != found.version))) {
    return invalid_argument("app.copy_renames", "a package keeps its name: " + found.to_string() +
                                                    " cannot become " + target.name.to_string());
  }
  SLIPWAY_ASSIGN_OR_RETURN(Place to, open_place(context, target, store::OpenMode::kCreate));
  return std::pair(std::move(from), std::move(to));
}

Exit copy(Context& context, const Options& options) {
  auto places = open_places(context, options);
  if (!places.ok()) return context.fail(places.error());
  auto& [from, to] = *places;
  transfer::CopyOptions copy_options;
  copy_options.if_taken = options.replace ? package::IfTaken::kReplace : package::IfTaken::kRefuse;
  copy_options.on_progress = [&](const transfer::Progress& progress) -> Status {
    context.progress(human_bytes(progress.done_bytes) + " of " + human_bytes(progress.total_bytes));
    return {};
  };
  const auto report = transfer::copy(*from.store, from.name, *to.store, copy_options);
  if (!report.ok()) return context.fail(report.error());
  context.progress("");
  if (context.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    writer.field("package", report->package.to_string());
    writer.field("digest", report->package.digest.to_string());
    writer.field("moved_blobs", static_cast<std::uint64_t>(report->moved_blobs));
    writer.field("skipped_blobs", static_cast<std::uint64_t>(report->skipped_blobs));
    writer.field("moved_bytes", report->moved_bytes);
    writer.field("resumed_bytes", report->resumed_bytes);
    writer.field("skipped_bytes", report->skipped_bytes);
    writer.end_object();
    context.print(text);
    return Exit::kDone;
  }
  context.print("copied " + report->package.to_string() + " " + report->package.digest.to_string() + " to " +
                to.store->address());
  context.print("  moved " + std::to_string(report->moved_blobs) + " blobs (" +
                human_bytes(report->moved_bytes) + "), verified on the way; " +
                std::to_string(report->skipped_blobs) + " were there already");
  return Exit::kDone;
}

}  // namespace

Verb copy_verb() {
  auto options = std::make_shared<Options>();
  Verb verb;
  verb.name = "copy";
  verb.group = "Look after packages";
  verb.summary = "Copies a package between stores: only what is missing, verified on the way";
  verb.arguments = {{.names = "SRC",
                     .help = "A package, such as wine:1.0.0",
                     .target = &options->from,
                     .required = true,
                     .completes = Completes::kReference},
                    {.names = "DST",
                     .help = "A store, such as file:///shelf or a folder; NAME:VERSION behind it is optional",
                     .target = &options->to,
                     .required = true,
                     .completes = Completes::kFolder},
                    {.names = "--replace",
                     .help = "Let the name and version move from another package to this one",
                     .target = &options->replace}};
  verb.examples = {{"slipway copy wine:1.0.0 file:///shelf/wine:1.0.0", "from the local store to a folder"},
                   {"slipway copy /shelf/wine:1.0.0 wine:1.0.0", "and back"}};
  verb.run = [options](Context& context) { return copy(context, *options); };
  verb.options = options;
  return verb;
}

}  // namespace slipway::app
