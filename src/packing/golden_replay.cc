#include "packing/golden_replay.h"

#include <cstdio>

#include "json/json.h"
#include "packing/records.h"

namespace slipway::packing {
namespace {

constexpr std::size_t kMaxDeviations = 20;

Result<package::Comparison> compare(const package::GoldenCase& golden, const GoldenAnswer& answer,
                                    const std::vector<package::OutputTolerance>& tolerances) {
  if (golden.has_record()) {
    json::Parser recorded_parser;
    json::Parser answered_parser;
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value recorded, recorded_parser.parse(golden.answer));
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value answered, answered_parser.parse(answer.answer));
    return package::compare_answers(recorded, answered, tolerances);
  }
  std::vector<NamedTensorView> views;
  for (const NamedTensor& output : answer.outputs) views.push_back({output.name, output.tensor.view()});
  return package::compare_outputs(golden.outputs, views, tolerances);
}

void count(const package::Comparison& compared, std::size_t position, EqualityReport& report) {
  if (compared.largest_difference > report.largest_difference) {
    report.largest_difference = compared.largest_difference;
    report.largest_where = compared.where;
  }
  switch (compared.verdict) {
    case package::Verdict::kIdentical:
      ++report.identical;
      return;
    case package::Verdict::kWithinTolerance:
      ++report.within_tolerance;
      return;
    case package::Verdict::kDifferent:
      ++report.different;
      if (report.deviations.size() < kMaxDeviations) {
        report.deviations.push_back({position, false, compared.where, compared.what});
      }
      return;
  }
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g", value);
  return text;
}

}  // namespace

Answerer answer_by(Runner& runner) {
  return [&runner](const package::GoldenCase& golden) -> Result<GoldenAnswer> {
    GoldenAnswer given;
    if (!golden.has_record()) {
      SLIPWAY_ASSIGN_OR_RETURN(given.outputs, runner.run(golden.inputs));
      return given;
    }
    SLIPWAY_ASSIGN_OR_RETURN(Answered answered, runner.answer(to_array(golden.record)));
    // One record gives an array of one object.
    given.answer = answered.answer.substr(1, answered.answer.size() - 2);
    return given;
  };
}

EqualityReport replay(std::span<const package::GoldenCase> golden,
                      const std::vector<package::OutputTolerance>& tolerances, const Answerer& answerer) {
  EqualityReport report;
  report.cases = golden.size();
  for (std::size_t i = 0; i < golden.size(); ++i) {
    const auto answer = answerer(golden[i]);
    const auto compared =
        answer.ok() ? compare(golden[i], *answer, tolerances) : Result<package::Comparison>(answer.error());
    if (compared.ok()) {
      count(*compared, i, report);
      continue;
    }
    ++report.failed;
    if (report.deviations.size() < kMaxDeviations) {
      report.deviations.push_back({i, true, compared.error().id(), compared.error().message()});
    }
  }
  return report;
}

std::string to_text(const EqualityReport& report) {
  if (report.cases == 0) return "there are no golden answers to compare with";
  const std::size_t equal = report.identical + report.within_tolerance;
  std::string text = std::to_string(equal) + " of " + std::to_string(report.cases) +
                     " golden answers equal: " + std::to_string(report.identical) + " identical";
  if (report.within_tolerance > 0)
    text += ", " + std::to_string(report.within_tolerance) + " within tolerance";
  if (report.different > 0) text += ", " + std::to_string(report.different) + " different";
  if (report.failed > 0) text += ", " + std::to_string(report.failed) + " without an answer";
  if (report.largest_difference > 0) {
    text +=
        "; largest difference " + short_number(report.largest_difference) + " (" + report.largest_where + ")";
  }
  for (const Deviation& deviation : report.deviations) {
    text += "\n  golden request " + std::to_string(deviation.golden) + ", " + deviation.where + ": " +
            deviation.what;
  }
  return text;
}

void write_json(const EqualityReport& report, json::Writer& out) {
  out.begin_object();
  out.field("equal", report.equal());
  out.field("cases", static_cast<std::uint64_t>(report.cases));
  out.field("identical", static_cast<std::uint64_t>(report.identical));
  out.field("within_tolerance", static_cast<std::uint64_t>(report.within_tolerance));
  out.field("different", static_cast<std::uint64_t>(report.different));
  out.field("failed", static_cast<std::uint64_t>(report.failed));
  out.field("largest_difference", report.largest_difference);
  out.field("largest_where", report.largest_where);
  out.key("deviations");
  out.begin_array();
  for (const Deviation& deviation : report.deviations) {
    out.begin_object();
    out.field("golden", static_cast<std::uint64_t>(deviation.golden));
    out.field("failed", deviation.failed);
    out.field("where", deviation.where);
    out.field("what", deviation.what);
    out.end_object();
  }
  out.end_array();
  out.end_object();
}

}  // namespace slipway::packing
