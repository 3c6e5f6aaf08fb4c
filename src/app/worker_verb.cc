// `slipway worker`: what `slipway serve` starts for each model that is kept apart. Not for people, so it is
// in no help.
#include <sys/socket.h>

#include "app/context.h"
#include "app/verbs.h"
#include "worker/process.h"
#include "worker/worker.h"

namespace slipway::app {
namespace {

bool has_channel() {
  int type = 0;
  socklen_t size = sizeof(type);
  return ::getsockopt(worker::kChannelDescriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
         type == SOCK_SEQPACKET;
}

}  // namespace

Exit run_worker_word(const std::vector<std::string>& words) {
  Context context({});
  if (!has_channel()) {
    return context.fail(failed_precondition(
        "app.worker", "a worker is started by slipway serve, for a deployment with isolation: worker"));
  }
  const worker::WorkerOptions options{
      .channel = worker::kChannelDescriptor,
      .clock = &context.clock(),
      .make_backends = [&context](Logger& logger) { return context.make_backends(logger); }};
  return worker::run_worker(options, {words.begin() + 1, words.end()}) == 0 ? Exit::kDone : Exit::kFailed;
}

}  // namespace slipway::app
