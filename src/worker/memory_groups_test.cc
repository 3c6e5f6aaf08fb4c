// Against a tree that follows the kernel's rules: files come with their folder, a group that limits what is
// below has no processes itself, and one that is not empty may not go.
#include "worker/memory_groups.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <mutex>
#include <set>

#include "worker/workers_testing.h"

namespace slipway::worker {
namespace {

constexpr pid_t kSelf = 4711;
const std::string kOwn = "/sys/fs/cgroup/system.slice/slipway.service";

class FakeTree final : public GroupTree {
 public:
  FakeTree() { add_folder(kOwn); }

  Result<std::string> read(const std::string& file) override {
    const std::lock_guard lock(mutex);
    const auto found = files.find(file);
    if (found == files.end()) return refuse(file + ": No such file or directory");
    return found->second;
  }
  Status write(const std::string& file, std::string_view text) override {
    const std::lock_guard lock(mutex);
    if (refused.contains(file) || !files.contains(file)) return refuse(file + ": refused");
    const std::string folder = file.substr(0, file.rfind('/'));
    if (file.ends_with("/cgroup.procs")) {
      if (files[folder + "/cgroup.subtree_control"] == "+memory") return refuse(file + ": it limits others");
      for (auto& [name, processes] : members) processes.erase(std::string(text));
      members[folder].insert(std::string(text));
    } else if (file.ends_with("/cgroup.subtree_control") && !members[folder].empty()) {
      return refuse(file + ": Device or resource busy");
    }
    files[file] = text;
    return {};
  }
  Status make(const std::string& folder) override {
    const std::lock_guard lock(mutex);
    if (!may_make) return refuse(folder + ": Permission denied");
    add_folder(folder);
    return {};
  }
  Status remove(const std::string& folder) override {
    const std::lock_guard lock(mutex);
    if (!leavers_stay && !members[folder].empty()) return refuse(folder + ": busy");
    members.erase(folder);
    std::erase_if(files, [&](const auto& file) { return file.first.starts_with(folder + "/"); });
    return {};
  }
  bool is_delegated(const std::string&) override { return delegated; }

  std::mutex mutex;
  std::map<std::string, std::string> files = {
      {"/proc/self/cgroup", "0::/system.slice/slipway.service\n"},
      {"/proc/self/mountinfo",
       "25 1 0:22 / /proc rw - proc proc rw\n"
       "36 25 0:31 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"}};
  std::map<std::string, std::set<std::string>> members = {{kOwn, {std::to_string(kSelf)}}};
  std::set<std::string> refused;
  bool may_make = true, delegated = true;
  bool leavers_stay = false;  ///< this tree does not see processes end

 private:
  static Error refuse(const std::string& what) { return failed_precondition("worker.cgroup", what); }
  void add_folder(const std::string& folder) {
    files[folder + "/cgroup.controllers"] = "cpuset cpu io memory pids\n";
    for (const char* name : {"/cgroup.procs", "/cgroup.subtree_control", "/memory.max", "/memory.swap.max"}) {
      files[folder + name] = "";
    }
    files[folder + "/memory.events"] = "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n";
  }
};

TEST(MemoryGroups, LimitAProcessInAGroupOfItsOwn) {
  FakeTree tree;
  const auto groups = MemoryGroups::create(tree, kSelf).value();
  EXPECT_EQ(tree.files[kOwn + "/cgroup.subtree_control"], "+memory");
  EXPECT_EQ(tree.members[kOwn + "/slipway-front"], std::set<std::string>{"4711"});
  const std::string folder = groups->add(99, 1 << 20).value();
  EXPECT_EQ(tree.files[folder + "/memory.max"], "1048576");
  EXPECT_EQ(tree.files[folder + "/memory.swap.max"], "0");
  EXPECT_EQ(tree.members[folder], std::set<std::string>{"99"});
  EXPECT_NE(groups->add(100, 1).value(), folder);
  EXPECT_FALSE(groups->ran_out(folder));
  tree.files[folder + "/memory.events"] = "low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\n";
  EXPECT_TRUE(groups->ran_out(folder));
  tree.members[folder].clear();
  groups->remove(folder);
  EXPECT_FALSE(tree.files.contains(folder + "/memory.max"));
  EXPECT_FALSE(groups->ran_out(folder)) << "gone";
}

TEST(MemoryGroups, AreFoundWhereAContainerSeesAPartOfTheTree) {
  FakeTree tree;
  tree.files["/proc/self/cgroup"] = "1:name=systemd:/x\n0::/pod/slipway.service\n";
  tree.files["/proc/self/mountinfo"] =
      "36 25 0:31 /pod /sys/fs/cgroup/system.slice rw - cgroup2 cgroup2 rw\n";
  EXPECT_TRUE(MemoryGroups::create(tree, kSelf).ok());
}

TEST(MemoryGroups, SayWhyThereAreNoneAndLeaveAllAsItWas) {
  struct Row {
    std::string why;
    std::function<void(FakeTree&)> damage;
  };
  const Row rows[] = {
      {"no control group", [](FakeTree& tree) { tree.files["/proc/self/cgroup"] = "9:memory:/a\n"; }},
      {"no control group",
       [](FakeTree& tree) { tree.files["/proc/self/mountinfo"] = "25 1 0:2 / /proc\n-\n"; }},
      {"not limited", [](FakeTree& tree) { tree.files[kOwn + "/cgroup.controllers"] = "cpu memory2\n"; }},
      {"not delegated", [](FakeTree& tree) { tree.delegated = false; }},
      {"Permission denied", [](FakeTree& tree) { tree.may_make = false; }},
      {"busy", [](FakeTree& tree) { tree.members[kOwn].insert("5"); }},  // not ours alone
      {"refused", [](FakeTree& tree) { tree.refused.insert(kOwn + "/cgroup.subtree_control"); }},
      {"No such file", [](FakeTree& tree) { tree.files.erase(kOwn + "/cgroup.controllers"); }},
  };
  for (const Row& row : rows) {
    FakeTree tree;
    row.damage(tree);
    const auto before = tree.members[kOwn];
    const auto groups = MemoryGroups::create(tree, kSelf);
    ASSERT_FALSE(groups.ok()) << row.why;
    EXPECT_NE(groups.error().message().find(row.why), std::string::npos) << groups.error().message();
    EXPECT_EQ(tree.members[kOwn], before);
    EXPECT_FALSE(tree.files.contains(kOwn + "/slipway-front/cgroup.procs"));
  }
}

TEST(MemoryGroups, KeepNoGroupWithoutItsProcess) {
  FakeTree tree;
  const auto groups = MemoryGroups::create(tree, kSelf).value();
  tree.refused.insert(kOwn + "/slipway-worker-4711-1/cgroup.procs");
  EXPECT_FALSE(groups->add(99, 1).ok());
  EXPECT_FALSE(tree.files.contains(kOwn + "/slipway-worker-4711-1/memory.max"));
}

class LimitedWorkers : public testing::Workers {};

TEST_F(LimitedWorkers, SayWhenTheKernelEndedThemForTheirMemory) {
  FakeTree tree;
  tree.members[kOwn].clear();  // this process is no member of that tree
  tree.leavers_stay = true;
  groups_ = &tree;
  start(clock_);
  backend::LoadOptions options;
  options.process.memory_bytes = std::size_t{1} << 46U;  // beyond what sanitizers reserve
  auto instance = load("BAD ok\n", options);
  const std::string prefix = kOwn + "/slipway-worker-" + std::to_string(::getpid()) + "-";
  const std::string first = prefix + "1";
  const int pid = look().at(0).pid;
  {
    const std::lock_guard lock(tree.mutex);
    EXPECT_EQ(tree.members[first], std::set<std::string>{std::to_string(pid)});
    EXPECT_EQ(tree.files[first + "/memory.max"], std::to_string((std::size_t{1} << 46U) + (64U << 20U)));
    tree.files[first + "/memory.events"] = "oom 1\noom_kill 1\n";
  }
  ::kill(pid, SIGKILL);  // as the kernel does
  witness_.wait_for_ready(2);
  EXPECT_EQ(witness_.kinds(), std::vector<std::string>{"memory"});
  instance.reset();  // before the tree, as what started it
  backend_.reset();
  supervisor_.reset();
  EXPECT_FALSE(tree.files.contains(first + "/memory.max"));
  EXPECT_FALSE(tree.files.contains(prefix + "2/memory.max"));
  EXPECT_TRUE(tree.files.contains(kOwn + "/slipway-front/cgroup.procs"));
}

}  // namespace
}  // namespace slipway::worker
