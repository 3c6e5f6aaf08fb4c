// The command line: finds the verb, fills in its arguments, runs it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "app/verb.h"

namespace slipway::app {

/// Runs `slipway` with these words (without the program's name). Usage errors name the fix and give
/// Exit::kUsage.
Exit run_command_line(const std::vector<std::string>& words);

/// A completion script for "bash" or "zsh", made from the verbs. Precondition: one of the two.
std::string completion_script(std::string_view shell, std::span<const Verb> verbs);

/// Options of every verb, as arguments: --json, --quiet, --verbose, --help.
std::vector<std::string> global_option_names();

}  // namespace slipway::app
