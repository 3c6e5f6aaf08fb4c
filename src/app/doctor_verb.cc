// `slipway doctor`: what this machine has and lacks, each with its fix.
#include <sys/resource.h>

#include <thread>

#include "app/context.h"
#include "app/verbs.h"
#include "app/version.gen.h"
#include "base/text.h"
#include "io/file_helpers.h"

namespace slipway::app {
namespace {

enum class Verdict : std::uint8_t { kFine, kWarning, kBroken };

struct Finding {
  std::string what;
  Verdict verdict = Verdict::kFine;
  std::string detail;
  std::string fix;
};

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kFine:
      return "ok";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kBroken:
      return "broken";
  }
  return "broken";
}

Finding check_home(Context& context) {
  Finding finding{"home", Verdict::kFine, context.home(), ""};
  const std::string probe = io::join_path(context.home(), ".doctor");
  Status writable = context.files().make_dirs(context.home());
  if (writable.ok()) writable = io::write_atomically(context.files(), probe, as_bytes("ok"));
  if (writable.ok()) writable = context.files().remove(probe);
  if (!writable.ok()) {
    finding.verdict = Verdict::kBroken;
    finding.detail = writable.error().message();
    finding.fix = "set SLIPWAY_HOME to a folder that you may write";
    return finding;
  }
  constexpr std::uint64_t kLow = std::uint64_t{1} << 30U;
  const auto free_bytes = context.files().disk_free(context.home());
  if (!free_bytes.ok()) {
    finding.verdict = Verdict::kWarning;
    finding.detail += ": " + free_bytes.error().message();
    return finding;
  }
  finding.detail += " (" + human_bytes(*free_bytes) + " free)";
  if (*free_bytes < kLow) {
    finding.verdict = Verdict::kWarning;
    finding.fix = "free some space, or set SLIPWAY_HOME to another disk";
  }
  return finding;
}

Finding check_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return {"open files", Verdict::kWarning, "the limit cannot be read", ""};
  Finding finding{"open files", Verdict::kFine, std::to_string(limit.rlim_cur) + " per process", ""};
  if (limit.rlim_cur < 4096) {
    finding.verdict = Verdict::kWarning;
    finding.fix = "ulimit -n 65536, so that thousands of connections can be open";
  }
  return finding;
}

std::string version_and_place(const backend::BackendInfo& info) {
  const std::string place = (info.where.starts_with("/") ? "in " : "") + info.where;
  return info.version.empty() ? place : "version " + info.version + (place.empty() ? "" : ", " + place);
}

std::vector<Finding> examine(Context& context) {
  std::vector<Finding> findings;
  const unsigned cores = std::thread::hardware_concurrency();
  findings.push_back({"cores", cores > 0 ? Verdict::kFine : Verdict::kWarning, std::to_string(cores), ""});
  findings.push_back(check_home(context));
  findings.push_back(check_open_files());
  for (backend::Backend* backend : context.backends()) {
    const backend::BackendInfo info = backend->info();
    findings.push_back(info.problem.empty()
                           ? Finding{info.name, Verdict::kFine, version_and_place(info), ""}
                           : Finding{info.name, Verdict::kBroken, "cannot be used", info.problem});
  }
  return findings;
}

void print_json(Context& context, const std::vector<Finding>& findings) {
  std::string text;
  json::Writer writer(text);
  writer.begin_object();
  writer.field("version", program_version());
  writer.key("findings");
  writer.begin_array();
  for (const Finding& finding : findings) {
    writer.begin_object();
    writer.field("what", finding.what);
    writer.field("verdict", verdict_name(finding.verdict));
    writer.field("detail", finding.detail);
    writer.field("fix", finding.fix);
    writer.end_object();
  }
  writer.end_array();
  writer.end_object();
  context.print(text);
}

Exit run(Context& context) {
  const std::vector<Finding> findings = examine(context);
  bool broken = false;
  for (const Finding& finding : findings) broken = broken || finding.verdict == Verdict::kBroken;
  if (context.json()) {
    print_json(context, findings);
  } else {
    for (const Finding& finding : findings) {
      std::string verdict(verdict_name(finding.verdict));
      verdict.resize(8, ' ');
      context.print(verdict + finding.what + ": " + finding.detail);
      if (!finding.fix.empty()) context.print("        fix: " + finding.fix);
    }
  }
  return broken ? Exit::kFailed : Exit::kDone;
}

}  // namespace

Verb doctor_verb() {
  Verb verb;
  verb.name = "doctor";
  verb.group = "This machine";
  verb.summary = "Tells what this machine has and lacks, with the fixes";
  verb.examples = {{"slipway doctor", ""}, {"slipway doctor --json", "the same for a script"}};
  verb.run = run;
  return verb;
}

}  // namespace slipway::app
