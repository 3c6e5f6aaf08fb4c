// `slipway predict`: one-off predictions from a package or model file (no server), or from a server.
#include <cstdio>
#include <functional>

#include "app/context.h"
#include "app/local_model.h"
#include "app/models.h"
#include "app/verbs.h"
#include "base/text.h"
#include "io/file_helpers.h"
#include "json/json.h"
#include "packing/records.h"
#include "remote/remote_model.h"

namespace slipway::app {
namespace {

constexpr std::uint64_t kMaxRecordsBytes = std::uint64_t{1} << 30U;
constexpr std::size_t kRecordsPerCall = 256;

struct Options {
  std::string target, records, store, name;
  std::string output = "jsonl";
  net::TlsTrust trust;
};

// The text of the records and what to call it: a file, standard input ("-"), or JSON written on the command
// line.
Result<std::pair<std::string, std::string>> read_input(Context& context, const std::string& records) {
  if (!records.empty() && (records.front() == '{' || records.front() == '['))
    return std::pair(records, std::string("RECORDS"));
  if (records != "-") {
    SLIPWAY_ASSIGN_OR_RETURN(std::string text, io::read_all(context.files(), records, kMaxRecordsBytes));
    return std::pair(std::move(text), records);
  }
  std::string text;
  char part[1 << 16];
  while (const std::size_t got = std::fread(part, 1, sizeof(part), stdin)) {
    if (text.size() + got > kMaxRecordsBytes)
      return resource_exhausted("app.input", "standard input is larger than 1 GiB");
    text.append(part, got);
  }
  return std::pair(std::move(text), std::string("standard input"));
}

std::string csv_cell(const json::Value& value) {
  const auto text = value.as_string();
  if (!text) return value.type() == json::Type::kNull ? "" : value.to_text();
  if (text->find_first_of(",\"\r\n") == std::string_view::npos) return std::string(*text);
  std::string quoted = "\"";
  for (const char c : *text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

/// Writes predictions as they come, in one of the three forms.
class Printer {
 public:
  Printer(Context& context, std::string form) : context_(context), form_(std::move(form)) {
    if (form_ == "json") context_.print_raw("[");
  }
  Status print(const std::string& predictions) {
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value array, parser_.parse(predictions));
    std::string text;
    for (const json::Value& prediction : array.array()) {
      if (form_ == "csv") {
        if (first_)
          text += csv_line(prediction, [](const json::Member& member) { return std::string(member.key); });
        text += csv_line(prediction, [](const json::Member& member) { return csv_cell(member.value); });
      } else if (form_ == "json") {
        text += (first_ ? "" : ",\n ") + prediction.to_text();
      } else {
        text += prediction.to_text() + "\n";
      }
      first_ = false;
    }
    context_.print_raw(text);
    return {};
  }
  void finish() {
    if (form_ == "json") context_.print_raw("]\n");
  }

 private:
  static std::string csv_line(const json::Value& prediction,
                              const std::function<std::string(const json::Member&)>& cell) {
    std::string line;
    for (const json::Member& member : prediction.object()) line += (line.empty() ? "" : ",") + cell(member);
    return line + "\n";
  }

  Context& context_;
  const std::string form_;
  json::Parser parser_;
  bool first_ = true;
};

using Ask = std::function<Result<std::string>(const std::string& records)>;

Status predict_all(Context& context, const Options& options, const std::vector<function::FieldInfo>& fields,
                   bool takes_rows, const Ask& ask) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto input, read_input(context, options.records));
  SLIPWAY_ASSIGN_OR_RETURN(const packing::Records records,
                           packing::read_records(input.first, input.second, fields));
  Printer printer(context, options.output);
  const std::size_t step = takes_rows ? kRecordsPerCall : 1;
  for (std::size_t begin = 0; begin < records.texts.size(); begin += step) {
    packing::Records part{records.name, {}, {}, records.columns};
    std::vector<std::size_t> positions;
    for (std::size_t i = begin; i < std::min(begin + step, records.texts.size()); ++i) {
      positions.push_back(part.texts.size());
      part.texts.push_back(records.texts[i]);
      part.lines.push_back(records.lines[i]);
    }
    const auto answer = ask(packing::to_array(part, positions));
    if (!answer.ok()) return packing::in_words_of(part, answer.error());
    SLIPWAY_TRY(printer.print(*answer));
    context.progress(std::to_string(std::min(begin + step, records.texts.size())) + " of " +
                     std::to_string(records.texts.size()) + " records");
  }
  context.progress("");
  printer.finish();
  return {};
}

Status predict(Context& context, const Options& options) {
  if (remote::is_address(options.target)) {
    SLIPWAY_ASSIGN_OR_RETURN(
        remote::RemoteModel model,
        remote::RemoteModel::find(context.remote_host(options.trust), options.target, options.name));
    return predict_all(context, options, model.fields(), model.takes_rows(),
                       [&](const std::string& records) { return model.predict(records); });
  }
  const std::string store = options.store.empty() ? local_store(context) : options.store;
  SLIPWAY_ASSIGN_OR_RETURN(LocalModel model, LocalModel::load(context, options.target, store));
  const auto fields = model.function().fields();
  return predict_all(context, options, {fields.begin(), fields.end()}, model.function().takes_rows(),
                     [&](const std::string& records) -> Result<std::string> {
                       SLIPWAY_ASSIGN_OR_RETURN(packing::Answered answered, model.runner().answer(records));
                       return std::move(answered.answer);
                     });
}

}  // namespace

Verb predict_verb() {
  auto options = std::make_shared<Options>();
  Verb verb;
  verb.name = "predict";
  verb.group = "Ask and measure";
  verb.summary = "Gives predictions, from a package or model file without a server, or from a server";
  verb.arguments = {
      {.names = "TARGET",
       .help = "A package, a model file, or an address such as http://127.0.0.1:8080/predict/wine",
       .target = &options->target,
       .required = true,
       .completes = Completes::kReference},
      {.names = "RECORDS",
       .help = "A file (CSV, JSON, JSON Lines), - for standard input, or JSON as it is",
       .target = &options->records,
       .required = true,
       .completes = Completes::kFile},
      {.names = "--output",
       .help = "Form of the answers",
       .target = &options->output,
       .value_name = "FORM",
       .choices = {"jsonl", "json", "csv"},
       .completes = Completes::kChoice},
      {.names = "--name",
       .help = "The deployment, where the address has no /predict/NAME",
       .target = &options->name,
       .value_name = "NAME"},
      {.names = "--store",
       .help = "Folder of the store (default $SLIPWAY_HOME/store)",
       .target = &options->store,
       .value_name = "FOLDER",
       .completes = Completes::kFolder},
  };
  for (Argument& argument : trust_arguments(options->trust)) verb.arguments.push_back(std::move(argument));
  verb.examples = {
      {"slipway predict wine examples/wine/sample.csv", "a line of JSON for each record"},
      {"slipway predict http://127.0.0.1:8080/predict/wine sample.csv --output csv", "asks a server"},
      {"slipway predict model.onnx '{\"X\": [1, 2, 3]}'", "a bare model takes its input names as fields"}};
  verb.run = [options](Context& context) {
    if (context.json()) options->output = "json";
    const Status done = predict(context, *options);
    return done.ok() ? Exit::kDone : context.fail(done.error());
  };
  verb.options = options;
  return verb;
}

}  // namespace slipway::app
