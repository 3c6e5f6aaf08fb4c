#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "net/loop/fd.h"
#include "worker/sandbox_internal.h"

namespace slipway::worker {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the numbers of system calls are known for x86-64 and aarch64"
#endif

Error failed(const std::string& what) {
  return failed_precondition("worker.sandbox",
                             what + ": " + std::strerror(errno) +
                                 "; worker.sandbox: off runs the model without, if it can be trusted");
}

// What running a model takes: memory, threads, time, and the descriptors that are open. The kernel answers
// for a call that is here from a table, so their order does not matter.
constexpr int kAllowed[] = {
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_close,
    SYS_fstat,
    SYS_newfstatat,
    SYS_lseek,
    SYS_fallocate,
    SYS_ppoll,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_madvise,
    SYS_mlock,
    SYS_munlock,
    SYS_membarrier,
    SYS_brk,
    SYS_futex,
    SYS_set_robust_list,
    SYS_set_tid_address,
    SYS_rseq,
    SYS_exit,
    SYS_exit_group,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sched_setaffinity,
    SYS_getpid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getcpu,
    SYS_getrandom,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_sysinfo,
    SYS_uname,
    SYS_getrusage,
    SYS_prlimit64,
    SYS_eventfd2,
    SYS_pipe2,
#if defined(__x86_64__)
    SYS_poll,
    SYS_arch_prctl,
    SYS_pipe,
    SYS_time,
    SYS_getrlimit,
#endif
};

// Looking for and opening files; Landlock says which. Only where there is Landlock.
constexpr int kFiles[] = {
    SYS_openat, SYS_readlinkat, SYS_getdents64, SYS_faccessat, SYS_faccessat2,
    SYS_statx,  SYS_getcwd,     SYS_statfs,     SYS_fstatfs,
#if defined(__x86_64__)
    SYS_open,   SYS_readlink,   SYS_access,     SYS_stat,      SYS_lstat,
#endif
};

// What the start of a program takes, and an interpreter that looks at what it was given.
constexpr int kForeign[] = {
    SYS_execve,
    SYS_ioctl,
    SYS_getsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_sendto,
    SYS_recvfrom,
    SYS_dup,
    SYS_getppid,
    SYS_fadvise64,
    SYS_ftruncate,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_get_mempolicy,
#if defined(__x86_64__)
    SYS_dup2,
#endif
};

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;

/// A program for the kernel, which it runs at each system call. Thread: external lock.
class Filter {
 public:
  Filter() {
    load(offsetof(seccomp_data, arch));
    unless(kArchitecture, 1);
    answer(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
    // The other numbering of the same calls.
    program_.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000U, 0, 1));
    answer(kRefuse);
#endif
  }
  void allow(std::span<const int> calls) {
    for (const int call : calls) give(call, kAllow);
  }
  void give(int call, std::uint32_t what) {
    program_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1));
    answer(what);
  }
  /// Allows a call whose argument is one of the values.
  void allow_if(int call, int argument, std::initializer_list<std::uint32_t> values) {
    const auto skip = static_cast<std::uint8_t>(2 + 2 * values.size());
    program_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, skip));
    load_argument(argument);
    for (const std::uint32_t value : values) {
      program_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
      answer(kAllow);
    }
    answer(kRefuse);
  }
  /// Allows a call whose argument has that bit.
  void allow_with_bit(int call, int argument, std::uint32_t bit) {
    program_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 4));
    load_argument(argument);
    program_.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bit, 0, 1));
    answer(kAllow);
    answer(kRefuse);
  }
  Status install() {
    answer(kRefuse);
    sock_fprog program{static_cast<unsigned short>(program_.size()), program_.data()};
    // Every thread of the process, or none.
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0) return {};
    return failed("system calls cannot be filtered");
  }

 private:
  void load(std::size_t offset) {
    program_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
  }
  // The low half; both architectures are little-endian.
  void load_argument(int argument) {
    load(offsetof(seccomp_data, args) + static_cast<std::size_t>(argument) * sizeof(std::uint64_t));
  }
  void answer(std::uint32_t what) { program_.push_back(BPF_STMT(BPF_RET | BPF_K, what)); }
  void unless(std::uint32_t value, std::uint8_t skip) {
    program_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, skip, 0));
  }

  std::vector<sock_filter> program_;
};

Status filter_calls(bool files, bool foreign) {
  Filter filter;
  filter.allow(kAllowed);
  if (files) filter.allow(kFiles);
  if (foreign) filter.allow(kForeign);
  // Threads, but no processes. The newer call keeps its flags where a filter cannot look, and who finds it
  // missing uses the older.
  filter.allow_with_bit(SYS_clone, 0, CLONE_THREAD);
  filter.give(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
  filter.allow_if(SYS_tgkill, 0, {static_cast<std::uint32_t>(::getpid())});  // abort()
  filter.allow_if(SYS_prctl, 0, {PR_SET_NAME, PR_GET_NAME});
  filter.allow_if(SYS_fcntl, 1, {F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC, F_GET_SEALS});
  return filter.install();
}

// Those of the first version of Landlock's rules, and what later versions added.
constexpr std::uint64_t kReading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kFirstRights = (std::uint64_t{LANDLOCK_ACCESS_FS_MAKE_SYM} << 1U) - 1;

std::uint64_t rights_of(long version) {
  std::uint64_t rights = kFirstRights;
  for (const auto& [since, bit] : {std::pair<long, unsigned>{2, 13}, {3, 14}, {5, 15}}) {
    if (version >= since) rights |= std::uint64_t{1} << bit;  // refer, truncate, ioctl on devices
  }
  return rights;
}

// A path that is not there needs no rule.
void allow(int rules, const std::string& path, std::uint64_t rights) {
  const net::Fd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat info {};
  if (!place.valid() || ::fstat(place.get(), &info) != 0) return;
  landlock_path_beneath_attr rule{};
  rule.parent_fd = place.get();
  rule.allowed_access = S_ISDIR(info.st_mode) ? rights : rights & ~LANDLOCK_ACCESS_FS_READ_DIR;
  // Refused at most for a path that cannot be ruled, which then stays closed.
  ::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/// As this kernel understands it; it is told the size.
struct Ruleset {
  std::uint64_t files = 0;
  std::uint64_t network = 0;  ///< since version 4
  std::uint64_t scopes = 0;   ///< since version 6
};

// The version that keeps this process in; nothing where the kernel has none.
Result<std::optional<long>> close_files(const SandboxOptions& options) {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return std::optional<long>();
  Ruleset wanted;
  wanted.files = rights_of(version);
  std::size_t size = sizeof(wanted.files);
  if (version >= 4) {
    wanted.network = 3;  // bind and connect by TCP
    size += sizeof(wanted.network);
  }
  if (version >= 6) {
    wanted.scopes = 3;  // abstract sockets and signals beyond this process
    size += sizeof(wanted.scopes);
  }
  const net::Fd rules(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &wanted, size, 0)));
  if (!rules.valid()) return failed("files cannot be closed by Landlock");
  for (const std::string& path : options.readable) allow(rules.get(), path, kReading);
  for (const std::string& path : options.executable) {
    allow(rules.get(), path, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE);
  }
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) {
    return failed("files cannot be closed by Landlock");
  }
  return std::optional<long>(version);
}

// Landlock's rules hold for the thread that makes them and those that it starts.
bool is_only_thread() {
  std::error_code error;
  const std::filesystem::directory_iterator threads("/proc/self/task", error);
  return !error && std::distance(begin(threads), end(threads)) == 1;
}

}  // namespace

Result<Sandbox> enter_sandbox(const SandboxOptions& options) {
  const bool alone = is_only_thread();
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("privileges cannot be given up");
  Sandbox sandbox;
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<long> version, close_files(options));
  if (options.foreign && !version) {
    return failed_precondition(
        "worker.sandbox",
        "this kernel has no Landlock, without which a program of another language cannot "
        "be kept from files; worker.sandbox: off runs it without, if it can be trusted");
  }
  SLIPWAY_TRY(filter_calls(version && alone, options.foreign));
  sandbox.kept_by = "seccomp";
  if (version) {
    sandbox.kept_by += ", Landlock " + std::to_string(*version);
  } else {
    sandbox.missing = "this kernel has no Landlock, so that no file is opened at all";
  }
  return sandbox;
}

}  // namespace slipway::worker
