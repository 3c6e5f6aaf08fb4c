// `slipway golden`: replays the golden requests of a package against any form of it.
#include "app/context.h"
#include "app/local_model.h"
#include "app/models.h"
#include "app/verbs.h"
#include "io/file_helpers.h"
#include "packing/golden_replay.h"
#include "remote/remote_model.h"

namespace slipway::app {
namespace {

struct Options {
  std::string reference, against, report, store, name;
  net::TlsTrust trust;
};

// A record goes the way of /predict; tensors, which a model without a function has, go the way of the v2
// protocol.
Result<packing::GoldenAnswer> ask_server(remote::RemoteModel& model, const package::GoldenCase& golden) {
  packing::GoldenAnswer answer;
  if (!golden.has_record()) {
    SLIPWAY_ASSIGN_OR_RETURN(answer.outputs, model.infer(golden.inputs));
    return answer;
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::string predictions, model.predict("[" + golden.record + "]"));
  json::Parser parser;
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value array, parser.parse(predictions));
  if (!array.is_array() || array.array().size() != 1) {
    return internal_error("remote.answer", "the server gave other than one prediction for one record");
  }
  answer.answer = (*array.array().begin()).to_text();
  return answer;
}

Result<packing::EqualityReport> replay(Context& context, const Options& options) {
  const std::string store = options.store.empty() ? local_store(context) : options.store;
  SLIPWAY_ASSIGN_OR_RETURN(const auto package, open_package(context, options.reference, store));
  if (!package->manifest().golden) {
    return failed_precondition("app.no_golden", options.reference + " was packed without golden requests");
  }
  const package::GoldenIndex& index = *package->manifest().golden;
  SLIPWAY_ASSIGN_OR_RETURN(const ByteView bytes, package->view(index.file));
  SLIPWAY_ASSIGN_OR_RETURN(const auto golden, package::decode_golden(as_text(bytes)));
  if (remote::is_address(options.against)) {
    const std::string name = options.name.empty() ? package->manifest().name : options.name;
    SLIPWAY_ASSIGN_OR_RETURN(
        remote::RemoteModel model,
        remote::RemoteModel::find(context.remote_host(options.trust), options.against, name));
    return packing::replay(golden, index.tolerances,
                           [&](const package::GoldenCase& one) { return ask_server(model, one); });
  }
  const std::string target = options.against.empty() ? options.reference : options.against;
  SLIPWAY_ASSIGN_OR_RETURN(LocalModel model, LocalModel::load(context, target, store));
  return packing::replay(golden, index.tolerances, packing::answer_by(model.runner()));
}

Exit run(Context& context, const Options& options) {
  const auto report = replay(context, options);
  if (!report.ok()) return context.fail(report.error());
  std::string json;
  json::Writer writer(json);
  packing::write_json(*report, writer);
  if (!options.report.empty()) {
    const Status written = io::write_atomically(context.files(), options.report, as_bytes(json + "\n"));
    if (!written.ok()) return context.fail(written.error());
  }
  context.print(context.json() ? json : packing::to_text(*report));
  return report->equal() ? Exit::kDone : Exit::kRefused;
}

}  // namespace

Verb golden_verb() {
  auto options = std::make_shared<Options>();
  Verb verb;
  verb.name = "golden";
  verb.group = "Ask and measure";
  verb.summary = "Replays a package's golden requests against any form of it and reports equality";
  verb.arguments = {
      {.names = "REF",
       .help = "The package whose golden requests are replayed",
       .target = &options->reference,
       .required = true,
       .completes = Completes::kReference},
      {.names = "--against",
       .help = "A server's address, a package or a model file (default: the package itself, loaded here)",
       .target = &options->against,
       .value_name = "TARGET",
       .completes = Completes::kReference},
      {.names = "--name",
       .help = "The deployment on that server (default: the package's name)",
       .target = &options->name,
       .value_name = "NAME"},
      {.names = "--report",
       .help = "Also write the report, as JSON, to this file",
       .target = &options->report,
       .value_name = "FILE",
       .completes = Completes::kFile},
      {.names = "--store",
       .help = "Folder of the store (default $SLIPWAY_HOME/store)",
       .target = &options->store,
       .value_name = "FOLDER",
       .completes = Completes::kFolder},
  };
  for (Argument& argument : trust_arguments(options->trust)) verb.arguments.push_back(std::move(argument));
  verb.examples = {
      {"slipway golden wine:1.0.0 --against http://127.0.0.1:8080", "exit code 3 when an answer differs"},
      {"slipway golden wine:1.0.0", "on this machine, without a server"}};
  verb.run = [options](Context& context) { return run(context, *options); };
  verb.options = options;
  return verb;
}

}  // namespace slipway::app
