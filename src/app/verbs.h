// The verbs, one function each; each is defined in a file of its own.
#pragma once

#include "app/verb.h"

namespace slipway::app {

Verb init_verb();
Verb pack_verb();
Verb inspect_verb();
Verb list_verb();
Verb remove_verb();
Verb verify_verb();
Verb unpack_verb();
Verb copy_verb();
Verb serve_verb();
Verb predict_verb();
Verb golden_verb();
Verb bench_verb();
Verb check_verb();
Verb doctor_verb();
Verb completion_verb();

/// The word "worker", which no help shows: a process that a server started for one of its models.
inline constexpr const char* kWorkerWord = "worker";
/// `words`: the whole command line.
Exit run_worker_word(const std::vector<std::string>& words);

}  // namespace slipway::app
