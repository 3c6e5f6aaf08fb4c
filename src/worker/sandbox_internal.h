// What a worker is kept from: everything that a model's run does not need. Applied by the worker to itself
// once its libraries are open and before it sees a byte of a model, and never taken back.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace slipway::worker {

struct SandboxOptions {
  /// Folders and files that may still be read, where the kernel can keep a process to some (Landlock). Where
  /// it cannot, no file is opened at all.
  std::vector<std::string> readable;
  /// A program of another language is about to take this process's place: what it calls besides, and the
  /// files that its start executes. Needs Landlock, since such a program opens files of its own.
  bool foreign = false;
  std::vector<std::string> executable;
};

struct Sandbox {
  std::string kept_by;  ///< for people: "seccomp, Landlock 7"
  std::string missing;  ///< what this kernel does not have; empty when all is there
};

/// No new privileges; no file but `readable`; system calls of an allow list, for every thread of the process:
/// no network, no other program, no other process. What is refused fails with EPERM or EACCES.
/// Errors: worker.sandbox (the kernel has the means and refuses them, or has no filter of system calls).
Result<Sandbox> enter_sandbox(const SandboxOptions& options);

}  // namespace slipway::worker
