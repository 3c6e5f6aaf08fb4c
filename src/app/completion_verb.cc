#include "app/cli.h"
#include "app/context.h"
#include "app/verbs.h"

namespace slipway::app {

Verb completion_verb() {
  struct Options {
    std::string shell;
  };
  auto options = std::make_shared<Options>();
  Verb verb;
  verb.name = "completion";
  verb.group = "This machine";
  verb.summary = "Prints a completion script for bash or zsh";
  verb.arguments = {{.names = "SHELL",
                     .help = "bash or zsh",
                     .target = &options->shell,
                     .required = true,
                     .choices = {"bash", "zsh"},
                     .completes = Completes::kChoice}};
  verb.examples = {
      {"source <(slipway completion bash)", "completes verbs, options and packages in this shell"}};
  verb.run = [options](Context& context) {
    const std::vector<Verb> verbs = all_verbs();
    context.print_raw(completion_script(options->shell, verbs));
    return Exit::kDone;
  };
  verb.options = options;
  return verb;
}

}  // namespace slipway::app
