#include "app/verbs.h"

namespace slipway::app {

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
