// Memory of workers, limited by the kernel: each limited worker in a control group (cgroup v2) of its own.
//
//   our own group, delegated to us     cgroup.subtree_control: +memory
//     slipway-front                    this process, since a group with limits inside has no processes itself
//     slipway-worker-PID-1 ...         memory.max, memory.swap.max 0
//
// Where that is not permitted, a worker is kept to its memory by what it may reserve and by being looked at.
// Source: kernel.org, Control Group v2 (no internal processes, delegation); systemd, Control Group APIs and
// Delegation (the attributes user.delegate and trusted.delegate).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace slipway::worker {

/// The few calls on the kernel's tree, so that tests can have another. Thread: external lock.
class GroupTree {
 public:
  virtual ~GroupTree() = default;
  /// Errors: worker.cgroup, with the file's name.
  virtual Result<std::string> read(const std::string& file) = 0;
  virtual Status write(const std::string& file, std::string_view text) = 0;
  virtual Status make(const std::string& folder) = 0;
  virtual Status remove(const std::string& folder) = 0;
  /// True when whoever manages the tree leaves what is below to us.
  virtual bool is_delegated(const std::string& folder) = 0;
};

std::unique_ptr<GroupTree> system_group_tree();

/// Thread: external lock.
class MemoryGroups {
 public:
  /// Moves this process into a group below its own and turns limits on; nothing stays changed on an error.
  /// Borrows: tree. Errors: worker.cgroup, with why there can be no limits.
  static Result<std::unique_ptr<MemoryGroups>> create(GroupTree& tree, pid_t self);

  /// A group with a limit, and the process in it. Gives its folder. Errors: worker.cgroup.
  Result<std::string> add(pid_t process, std::uint64_t max_bytes);
  /// True when the kernel ended a process of the group for its memory.
  [[nodiscard]] bool ran_out(const std::string& folder);
  /// Precondition: its process is gone.
  void remove(const std::string& folder);

 private:
  MemoryGroups(GroupTree& tree, std::string prefix) : tree_(tree), prefix_(std::move(prefix)) {}

  GroupTree& tree_;
  const std::string prefix_;  // of groups' folders; this process is in it, since others may have left theirs
  std::uint64_t last_ = 0;
};

}  // namespace slipway::worker
