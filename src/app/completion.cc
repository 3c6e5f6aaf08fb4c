// Completion scripts. They hold the whole table of verbs and options, so that completing starts no process,
// except for package references, which `slipway list --names` gives.
#include <algorithm>
#include <string>

#include "app/cli.h"

namespace slipway::app {
namespace {

std::string words_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> option_names(const Verb& verb) {
  std::vector<std::string> names = global_option_names();
  for (const Argument& argument : verb.arguments) {
    if (argument.is_positional()) continue;
    std::string_view rest = argument.names;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      names.emplace_back(rest.substr(0, comma));
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
  }
  return names;
}

// The shell command that fills COMPREPLY for one kind of value; $cur is the word so far. Where nothing fits,
// the shell offers files, in its own way.
std::string bash_values(const Argument& argument, const std::vector<std::string>& verb_names) {
  if (!argument.choices.empty())
    return "COMPREPLY=($(compgen -W '" + words_of(argument.choices) + "' -- \"$cur\"))";
  switch (argument.completes) {
    case Completes::kReference:
      return "COMPREPLY=($(compgen -W \"$(slipway list --names 2>/dev/null)\" -- \"$cur\"))";
    case Completes::kVerb:
      return "COMPREPLY=($(compgen -W '" + words_of(verb_names) + "' -- \"$cur\"))";
    case Completes::kFile:
    case Completes::kFolder:
    case Completes::kShell:
    case Completes::kChoice:
    case Completes::kNothing:
      break;
  }
  return "COMPREPLY=()";
}

std::string bash_case_of(const Verb& verb, const std::vector<std::string>& verb_names) {
  std::string text = "    " + verb.name + ")\n      case \"$prev\" in\n";
  std::string positional = "COMPREPLY=()";
  for (const Argument& argument : verb.arguments) {
    if (argument.is_positional()) {
      if (positional == "COMPREPLY=()") positional = bash_values(argument, verb_names);
    } else if (!argument.is_flag()) {
      std::string pattern = argument.names;
      std::replace(pattern.begin(), pattern.end(), ',', '|');
      text += "        " + pattern + ") " + bash_values(argument, verb_names) + "; return ;;\n";
    }
  }
  text += "      esac\n      if [[ \"$cur\" == -* ]]; then\n        COMPREPLY=($(compgen -W '" +
          words_of(option_names(verb)) + "' -- \"$cur\"))\n      else\n        " + positional +
          "\n      fi ;;\n";
  return text;
}

// bash cuts words at colons, zsh does not: wine:1.0.0 is put together, and what stands already left out of
// the reply.
constexpr std::string_view kBashEntry =
    "_slipway() {\n"
    "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" at=$COMP_CWORD prev cut\n"
    "  while [ \"$at\" -gt 2 ] && [[ \"$cur\" == :* || \"${COMP_WORDS[at-1]}\" == *: ]]; do\n"
    "    at=$((at-1))\n"
    "    cur=\"${COMP_WORDS[at]}$cur\"\n"
    "  done\n"
    "  prev=\"${COMP_WORDS[at-1]}\"\n"
    "  COMPREPLY=()\n"
    "  _slipway_reply\n"
    "  [ \"$at\" -eq \"$COMP_CWORD\" ] && return\n"
    "  cut=\"${cur%\"${cur##*:}\"}\"\n"
    "  COMPREPLY=(\"${COMPREPLY[@]#\"$cut\"}\")\n"
    "}\n";

std::string bash_functions(std::span<const Verb> verbs) {
  std::vector<std::string> names;
  for (const Verb& verb : verbs) names.push_back(verb.name);
  std::string text =
      "_slipway_reply() {\n"
      "  if [ \"$at\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '" +
      words_of(names) +
      " --help --version' -- \"$cur\"))\n    return\n  fi\n"
      "  case \"${COMP_WORDS[1]}\" in\n";
  for (const Verb& verb : verbs) text += bash_case_of(verb, names);
  return (text + "  esac\n}\n").append(kBashEntry);
}

std::string bash_script(std::span<const Verb> verbs) {
  return "# bash completion for slipway; load it with: source <(slipway completion bash)\n" +
         bash_functions(verbs) + "complete -o default -F _slipway slipway\n";
}

// zsh runs the bash functions in its own emulation; one table serves both shells. A file that is loaded from
// zsh's function path answers the first request itself.
std::string zsh_script(std::span<const Verb> verbs) {
  return "#compdef slipway\n"
         "# zsh completion for slipway; load it with: source <(slipway completion zsh)\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_functions(verbs) +
         "complete -o default -F _slipway slipway\n"
         "if [ \"${funcstack[1]}\" = _slipway ]; then _bash_complete -o default -F _slipway; fi\n";
}

}  // namespace

std::string completion_script(std::string_view shell, std::span<const Verb> verbs) {
  return shell == "zsh" ? zsh_script(verbs) : bash_script(verbs);
}

}  // namespace slipway::app
