#include <sched.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "worker/confine_internal.h"

namespace slipway::worker {
namespace {

// The front watches the memory in use; this is the wall behind it, for what grows faster than it looks. It
// counts what is reserved, such as the stacks of threads, so it stands further out.
constexpr std::uint64_t kReservedBytes = std::uint64_t{512} << 20U;

Error failed(const std::string& what) {
  return invalid_argument("worker.limits", "a worker cannot " + what + ": " + std::strerror(errno));
}

}  // namespace

Status apply_limits(const Setup& setup) {
  if (setup.memory_bytes > 0) {
    const std::uint64_t bytes = setup.memory_bytes + setup.memory_bytes / 2 + kReservedBytes;
    const rlimit limit{bytes, bytes};
    if (::setrlimit(RLIMIT_DATA, &limit) != 0) return failed("be kept to its memory");
  }
  if (setup.niceness != 0 && ::setpriority(PRIO_PROCESS, 0, setup.niceness) != 0) {
    return failed("run with niceness " + std::to_string(setup.niceness));
  }
  if (!setup.affinity.empty()) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    for (const std::int32_t core : setup.affinity) {
      if (core >= 0 && core < CPU_SETSIZE) CPU_SET(static_cast<std::size_t>(core), &cores);
    }
    if (::sched_setaffinity(0, sizeof(cores), &cores) != 0) {
      return failed("be kept on its processors, which this machine or container may not have");
    }
  }
  return {};
}

}  // namespace slipway::worker
