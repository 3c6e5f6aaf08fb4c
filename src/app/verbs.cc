#include "app/verbs.h"

namespace slipway::app {

std::vector<Argument> trust_arguments(net::TlsTrust& trust) {
  return {{.names = "--ca",
           .help = "https: certificates in PEM of those who vouch for the server (default: the system's)",
           .target = &trust.ca,
           .value_name = "FILE",
           .completes = Completes::kFile},
          {.names = "--cert",
           .help = "https: the certificate to show, in PEM",
           .target = &trust.certificate,
           .value_name = "FILE",
           .completes = Completes::kFile},
          {.names = "--key",
           .help = "https: its key, in PEM without a password (default: in the file of --cert)",
           .target = &trust.key,
           .value_name = "FILE",
           .completes = Completes::kFile}};
}

std::vector<Verb> all_verbs() {
  std::vector<Verb> verbs;
  for (const auto& make :
       {init_verb, pack_verb, inspect_verb, list_verb, verify_verb, unpack_verb, remove_verb, copy_verb,
        serve_verb, predict_verb, golden_verb, bench_verb, check_verb, doctor_verb, completion_verb}) {
    verbs.push_back(make());
  }
  return verbs;
}

}  // namespace slipway::app
