#include "worker/memory_groups.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>
#include <vector>

#include "net/loop/fd.h"

namespace slipway::worker {
namespace {

Error failed(const std::string& path, const std::string& why) {
  return failed_precondition("worker.cgroup", path + ": " + why);
}

class SystemGroupTree final : public GroupTree {
 public:
  Result<std::string> read(const std::string& file) override {
    const net::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return failed(file, std::strerror(errno));
    std::string text;
    char part[4096];
    constexpr std::size_t kMost = std::size_t{1} << 20U;
    while (true) {
      const ssize_t got = ::read(fd.get(), part, sizeof(part));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failed(file, std::strerror(errno));
      if (got == 0 || text.size() > kMost) return text;
      text.append(part, static_cast<std::size_t>(got));
    }
  }
  Status write(const std::string& file, std::string_view text) override {
    const net::Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.valid() || ::write(fd.get(), text.data(), text.size()) < 0) {
      return failed(file, std::strerror(errno));
    }
    return {};
  }
  Status make(const std::string& folder) override {
    if (::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST) return {};
    return failed(folder, std::strerror(errno));
  }
  Status remove(const std::string& folder) override {
    if (::rmdir(folder.c_str()) == 0) return {};
    return failed(folder, std::strerror(errno));
  }
  bool is_delegated(const std::string& folder) override {
    for (const char* name : {"user.delegate", "trusted.delegate"}) {
      char value = 0;
      if (::getxattr(folder.c_str(), name, &value, 1) == 1 && value == '1') return true;
    }
    // Handed over by its owner, as container runtimes do.
    struct stat info {};
    return ::stat(folder.c_str(), &info) == 0 && info.st_uid != 0 && info.st_uid == ::geteuid();
  }
};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

bool has_word(const std::string& text, std::string_view word) {
  for (const std::string& one : words_of(text)) {
    if (one == word) return true;
  }
  return false;
}

// Where the tree is, and what of it is seen there: "36 25 0:31 ROOT MOUNT options - cgroup2 cgroup2 ...".
std::pair<std::string, std::string> find_mount(const std::string& mounts) {
  std::istringstream lines(mounts);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = words_of(line);
    for (std::size_t i = 6; i + 1 < words.size(); ++i) {
      if (words[i] == "-" && words[i + 1] == "cgroup2") return {words[3], words[4]};
    }
  }
  return {};
}

// Our own group's folder; empty when this process is in none that is seen.
std::string own_folder(const std::string& groups, const std::string& mounts) {
  const auto [root, mount] = find_mount(mounts);
  std::istringstream lines(groups);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("0::/") || mount.empty()) continue;
    std::string path = line.substr(3);
    if (root != "/") {
      if (!path.starts_with(root)) return "";
      path = path.substr(root.size());
    }
    return mount + (path == "/" ? "" : path);
  }
  return "";
}

}  // namespace

std::unique_ptr<GroupTree> system_group_tree() { return std::make_unique<SystemGroupTree>(); }

Result<std::unique_ptr<MemoryGroups>> MemoryGroups::create(GroupTree& tree, pid_t self) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string groups, tree.read("/proc/self/cgroup"));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string mounts, tree.read("/proc/self/mountinfo"));
  const std::string own = own_folder(groups, mounts);
  if (own.empty()) return failed("/proc/self/cgroup", "this process is in no control group of version 2");
  SLIPWAY_ASSIGN_OR_RETURN(const std::string controllers, tree.read(own + "/cgroup.controllers"));
  if (!has_word(controllers, "memory"))
    return failed(own, "memory is not limited by groups of version 2 here");
  if (!tree.is_delegated(own)) {
    return failed(own, "the group is not delegated to this server (Delegate=memory in a unit of systemd)");
  }
  const std::string front = own + "/slipway-front";
  const std::string us = std::to_string(self);
  SLIPWAY_TRY(tree.make(front));
  Status done = tree.write(front + "/cgroup.procs", us);
  if (done.ok()) done = tree.write(own + "/cgroup.subtree_control", "+memory");
  if (!done.ok()) {
    // Back to how it was; what of that fails was not changed before.
    [[maybe_unused]] const Status back = tree.write(own + "/cgroup.procs", us);
    [[maybe_unused]] const Status removed = tree.remove(front);
    return done.error();
  }
  return std::unique_ptr<MemoryGroups>(new MemoryGroups(tree, own + "/slipway-worker-" + us + "-"));
}

Result<std::string> MemoryGroups::add(pid_t process, std::uint64_t max_bytes) {
  const std::string folder = prefix_ + std::to_string(++last_);
  SLIPWAY_TRY(tree_.make(folder));
  Status done = tree_.write(folder + "/memory.max", std::to_string(max_bytes));
  if (done.ok()) done = tree_.write(folder + "/cgroup.procs", std::to_string(process));
  if (!done.ok()) {
    remove(folder);
    return done.error();
  }
  // A system without swap has no such file.
  [[maybe_unused]] const Status swap = tree_.write(folder + "/memory.swap.max", "0");
  return folder;
}

bool MemoryGroups::ran_out(const std::string& folder) {
  const auto events = tree_.read(folder + "/memory.events");
  if (!events.ok()) return false;
  const std::vector<std::string> words = words_of(*events);
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    if (words[i] == "oom_kill") return words[i + 1] != "0";
  }
  return false;
}

void MemoryGroups::remove(const std::string& folder) {
  // An empty group costs little, and one that is not empty may not go.
  [[maybe_unused]] const Status removed = tree_.remove(folder);
}

}  // namespace slipway::worker
