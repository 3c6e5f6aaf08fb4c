// A verb of the command line, declared as data: from one declaration come parsing, --help, errors and shell
// completion.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "net/tls/connector.h"

namespace slipway::app {

class Context;

/// What the process ends with. Source: design, "The surface".
enum class Exit : int {
  kDone = 0,
  kFailed = 1,   ///< it was tried and did not work
  kUsage = 2,    ///< the words of the command do not fit
  kRefused = 3,  ///< a check said no: a digest, a golden answer, a listener that is not safe
};

/// What a shell offers for an argument's value.
enum class Completes : std::uint8_t { kNothing, kFile, kFolder, kReference, kChoice, kShell, kVerb };

/// One option ("--port") or positional argument ("REF").
struct Argument {
  std::string names;  ///< "-p,--port"; a positional has one upper-case word
  std::string help;   ///< a sentence without the full stop
  /// Where the value goes. Borrows: outlives the parse. A bool* is a flag without a value.
  std::variant<bool*, std::int64_t*, double*, std::string*, std::vector<std::string>*> target;
  std::string value_name = {};  ///< for help: "PORT"
  bool required = false;
  std::vector<std::string> choices = {};  ///< allowed values; empty = any
  Completes completes = Completes::kNothing;

  [[nodiscard]] bool is_flag() const { return std::holds_alternative<bool*>(target); }
  [[nodiscard]] bool is_positional() const { return names.front() != '-'; }
};

/// --ca, --cert and --key, for verbs that ask a server.
std::vector<Argument> trust_arguments(net::TlsTrust& trust);

struct Example {
  std::string command;
  std::string says;
};

struct Verb {
  std::string name;
  std::string group;    ///< the heading in `slipway --help`
  std::string summary;  ///< one line
  std::vector<Argument> arguments;
  std::vector<Example> examples;
  std::function<Exit(Context&)> run;
  std::shared_ptr<void> options;  ///< what the targets point into
};

/// Every verb, in the order in which help shows them.
std::vector<Verb> all_verbs();

}  // namespace slipway::app
