#include "app/cli.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <utility>

#include "app/context.h"
#include "app/verbs.h"
#include "app/version.h"
#include "base/text.h"

namespace slipway::app {
namespace {

constexpr const char* kProgram = "slipway";
constexpr const char* kAbout =
    "Slipway takes a trained model from a file to production and keeps it healthy there.";

void declare(CLI::App& command, const Argument& argument) {
  CLI::Option* option = std::visit(
      [&](auto* target) -> CLI::Option* {
        if constexpr (std::is_same_v<decltype(target), bool*>) {
          return command.add_flag(argument.names, *target, argument.help);
        } else {
          return command.add_option(argument.names, *target, argument.help)->capture_default_str();
        }
      },
      argument.target);
  if (!argument.value_name.empty()) option->option_text(argument.value_name);
  if (argument.required) option->required();
  if (!argument.choices.empty()) option->check(CLI::IsMember(argument.choices));
  if (std::holds_alternative<std::vector<std::string>*>(argument.target) && !argument.is_positional()) {
    option->allow_extra_args(false);  // --shape a=1 --shape b=2, and what follows stays a positional
  }
}

std::string footer(const Verb& verb) {
  if (verb.examples.empty()) return "";
  std::string text = "\nExamples:\n";
  for (const Example& example : verb.examples) {
    text += "  " + example.command + "\n";
    if (!example.says.empty()) text += "      " + example.says + "\n";
  }
  return text;
}

void declare_globals(CLI::App& command, GlobalOptions& options) {
  command.add_flag("--json", options.json, "Results and errors as JSON, for machines")->group("Everywhere");
  command.add_flag("-q,--quiet", options.quiet, "Say nothing but results and errors")->group("Everywhere");
  command.add_flag("-v,--verbose", options.verbose, "Say more about what is going on")->group("Everywhere");
  command.get_help_ptr()->group("Everywhere");
}

Exit usage_error(const std::string& message, const std::string& fix, bool json) {
  if (json) {
    Context context({.json = true});
    context.fail(invalid_argument("cli.usage", message).with_faults({{"", message, fix}}));
    return Exit::kUsage;
  }
  std::fprintf(stderr, "slipway: %s\n", message.c_str());
  if (!fix.empty()) std::fprintf(stderr, "  fix: %s\n", fix.c_str());
  return Exit::kUsage;
}

// CLI11 knows which word it could not place; the nearest one it does know makes the error useful.
Exit explain(const CLI::ParseError& error, const CLI::App& app, const std::vector<Verb>& verbs,
             const std::vector<std::string>& words) {
  const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
  const Verb* verb = nullptr;
  for (const Verb& candidate : verbs) {
    if (!words.empty() && candidate.name == words.front()) verb = &candidate;
  }
  if (verb == nullptr) {
    std::vector<std::string> names;
    for (const Verb& candidate : verbs) names.push_back(candidate.name);
    const std::string word = words.empty() ? "" : words.front();
    const std::string near = nearest(word, names);
    return usage_error("there is no verb \"" + printable(word) + "\"",
                       near.empty() ? "slipway --help lists the verbs" : "did you mean: slipway " + near,
                       json);
  }
  std::vector<std::string> known = global_option_names();
  for (const Argument& argument : verb->arguments) {
    if (!argument.is_positional()) {
      std::string_view names = argument.names;
      known.emplace_back(names.substr(names.rfind(',') == std::string_view::npos ? 0 : names.rfind(',') + 1));
    }
  }
  std::string fix = "slipway " + verb->name + " --help shows what it takes";
  for (const std::string& word : words) {
    const std::string option = word.substr(0, word.find('='));
    if (!option.starts_with("--") || std::find(known.begin(), known.end(), option) != known.end()) continue;
    const std::string near = nearest(option, known);
    if (!near.empty()) fix = "did you mean " + near + "?";
  }
  static_cast<void>(app);
  return usage_error(verb->name + ": " + error.what(), fix, json);
}

std::string overview(const std::vector<Verb>& verbs) {
  std::string text = std::string(kAbout) + "\n\nUsage: slipway VERB [ARGUMENTS]\n";
  std::string group;
  for (const Verb& verb : verbs) {
    if (verb.group != group) text += "\n" + verb.group + "\n";
    group = verb.group;
    text += "  " + verb.name + std::string(verb.name.size() < 12 ? 12 - verb.name.size() : 1, ' ') +
            verb.summary + "\n";
  }
  text +=
      "\nStart here\n"
      "  slipway serve model.onnx      serves a model file and prints a request to paste\n"
      "  slipway VERB --help           arguments and examples of a verb\n"
      "  slipway --version             build, commit and the runtimes found\n";
  return text;
}

}  // namespace

std::vector<std::string> global_option_names() { return {"--help", "--json", "--quiet", "--verbose"}; }

Exit run_command_line(const std::vector<std::string>& words) {
  // First, since a worker must be there fast and knows no options.
  if (!words.empty() && words.front() == kWorkerWord) return run_worker_word(words);
  const std::vector<Verb> verbs = all_verbs();
  GlobalOptions globals;
  if (words.empty() || words.front() == "--help" || words.front() == "-h" || words.front() == "help") {
    std::fputs(overview(verbs).c_str(), words.empty() ? stderr : stdout);
    return words.empty() ? Exit::kUsage : Exit::kDone;
  }
  if (words.front() == "--version" || words.front() == "-V") {
    for (const std::string& word : words) globals.json = globals.json || word == "--json";
    Context context(globals);
    return print_version(context);
  }
  CLI::App app(kAbout, kProgram);
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "Show this");
  const Verb* chosen = nullptr;
  for (const Verb& verb : verbs) {
    CLI::App* command = app.add_subcommand(verb.name, verb.summary);
    command->set_help_flag("-h,--help", "Show this");
    for (const Argument& argument : verb.arguments) declare(*command, argument);
    declare_globals(*command, globals);
    command->footer(footer(verb));
    command->callback([&chosen, &verb] { chosen = &verb; });
  }
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes them last first
  } catch (const CLI::CallForHelp& help) {
    app.exit(help);
    return Exit::kDone;
  } catch (const CLI::ParseError& error) {
    return explain(error, app, verbs, words);
  }
  Context context(globals);
  return chosen->run(context);
}

}  // namespace slipway::app
