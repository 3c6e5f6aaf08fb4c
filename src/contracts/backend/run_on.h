// Where a backend's run happens: on the caller's thread, or on an executor.
#pragma once

#include <memory>
#include <utility>

#include "contracts/backend/backend.h"

namespace slipway::backend {

/// Gives `done` what `run()` gives: now where `executor` is null, else when the executor comes to it. What
/// `run` borrows lives until then. `run` is called once and gives Result<infer::Response>.
template <typename Run>
void run_on(Executor* executor, Run run, Completion done) {
  class RunTask final : public Executor::Task {
   public:
    RunTask(Run run, Completion done) : run_(std::move(run)), done_(std::move(done)) {}
    void run() override { done_(run_()); }

   private:
    Run run_;
    Completion done_;
  };
  if (executor == nullptr) {
    done(run());
  } else {
    executor->execute(std::make_unique<RunTask>(std::move(run), std::move(done)));
  }
}

}  // namespace slipway::backend
