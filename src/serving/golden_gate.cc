#include "serving/golden_gate.h"

#include <future>
#include <string>
#include <utility>

#include "json/json.h"
#include "json/writer.h"
#include "serving/queue/binding.h"

namespace slipway::serving {
namespace {

Result<infer::Response> run(const std::vector<NamedTensor>& inputs, std::span<const std::string_view> outputs,
                            backend::Instance& instance) {
  infer::Request request;
  for (const NamedTensor& input : inputs) request.inputs.push_back({input.name, input.tensor.view()});
  request.requested_outputs.assign(outputs.begin(), outputs.end());
  SLIPWAY_ASSIGN_OR_RETURN(const Binding binding, bind(request, instance.signature()));
  std::promise<Result<infer::Response>> answer;
  instance.submit(binding.inputs, binding.outputs,
                  [&](Result<infer::Response> response) { answer.set_value(std::move(response)); });
  return answer.get_future().get();
}

Result<package::Comparison> ask_record(const package::GoldenCase& golden, const Golden& all,
                                       const function::Function& function, backend::Instance& instance) {
  json::Parser asked;
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value records, asked.parse("[" + golden.record + "]"));
  SLIPWAY_ASSIGN_OR_RETURN(const function::Batch batch, function.before(records));
  SLIPWAY_ASSIGN_OR_RETURN(const auto response, run(batch.inputs, function.needed_outputs(), instance));
  std::string text;
  json::Writer writer(text);
  SLIPWAY_TRY(function.after(response.outputs, 1, writer));
  json::Parser recorded_parser;
  json::Parser answered_parser;
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value recorded, recorded_parser.parse(golden.answer));
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value answered, answered_parser.parse(text));
  return package::compare_answers(recorded, answered, all.tolerances);
}

Result<package::Comparison> ask(const package::GoldenCase& golden, const Golden& all,
                                const function::Function& function, backend::Instance& instance) {
  if (golden.has_record()) return ask_record(golden, all, function, instance);
  SLIPWAY_ASSIGN_OR_RETURN(const auto response, run(golden.inputs, {}, instance));
  return package::compare_outputs(golden.outputs, response.outputs, all.tolerances);
}

}  // namespace

Result<std::size_t> check_golden(const Golden& golden, const function::Function& function,
                                 backend::Instance& instance, Duration budget, const Clock& clock) {
  const MonoTime start = clock.now();
  std::size_t asked = 0;
  for (const package::GoldenCase& one : golden.cases) {
    if (asked > 0 && clock.now() - start >= budget) break;
    const std::string which = "golden request " + std::to_string(asked);
    const auto compared = ask(one, golden, function, instance);
    if (!compared.ok()) {
      return Error(
          compared.code(), "model.golden_failed",
          which + " was answered when the package was made, and now fails: " + compared.error().message());
    }
    if (compared->verdict == package::Verdict::kDifferent) {
      return failed_precondition("model.golden_different", which + " is answered otherwise than recorded: " +
                                                               compared->where + ": " + compared->what);
    }
    ++asked;
  }
  return asked;
}

}  // namespace slipway::serving
