// Packing and removing while file operations fail, and while the process is killed: the store stays valid,
// old packages stay whole, nothing half-written is visible, nothing leaks.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/random.h"
#include "io/file_helpers.h"
#include "io/testing/faulty_filesystem.h"
#include "io/testing/temp_dir.h"
#include "package/layout.h"
#include "package/local_store.h"
#include "package/testing/sample_package.h"

namespace slipway::package {
namespace {

using io::testing::Persistence;
using testing::pack_sample;

/// Every package of the store is whole; gives how many there are.
std::size_t check_store(io::FileSystem& fs, const std::string& root) {
  const ManualClock clock;
  const auto packages = LocalStore(fs, clock, root).list().value();
  for (const StoredPackage& package : packages) {
    auto opened = Package::open(fs, root, package.digest);
    EXPECT_TRUE(opened.ok()) << opened.status().to_string();
    if (!opened.ok()) continue;
    const auto report = (*opened)->verify();
    EXPECT_TRUE(report.ok()) << report.status().to_string();
  }
  return packages.size();
}

class PackFaultsTest : public ::testing::TestWithParam<std::pair<Persistence, int>> {
 protected:
  io::testing::TempDir dir_;
  std::unique_ptr<io::FileSystem> fs_ = io::make_os_filesystem();
  io::testing::FaultyFileSystem faulty_{*fs_};
  ManualClock clock_;
  std::string root_ = dir_ / "store";
};

TEST_P(PackFaultsTest, PackingIsAllOrNothing) {
  const auto [persistence, cause] = GetParam();
  const auto old = pack_sample(*fs_, clock_, root_, "1.0.0").value();
  const std::size_t blobs = fs_->list(root_ + "/blobs/sha256").value().size();
  bool succeeded = false;
  for (std::uint64_t n = 1; !succeeded; ++n) {
    SCOPED_TRACE(n);
    faulty_.fail_at(n, persistence, cause);
    const auto packed = pack_sample(faulty_, clock_, root_, "2.0.0", "x");
    succeeded = packed.ok() && !faulty_.fired();
    EXPECT_EQ(faulty_.open_files(), 0);
    faulty_.heal();
    LocalStore store(*fs_, clock_, root_);
    const std::size_t count = check_store(*fs_, root_);
    EXPECT_EQ(store.resolve({"wine", "1.0.0", {}}).value().digest, old.digest);
    if (packed.ok()) {
      EXPECT_EQ(count, 2U);
    }
    if (count == 2) {
      ASSERT_TRUE(store.remove({"wine", "2.0.0", {}}).ok());
    } else if (persistence == Persistence::kOnce) {
      EXPECT_EQ(fs_->list(root_ + "/blobs/sha256").value().size(), blobs);
    }
    // What could not be removed then goes now.
    ManualClock later;
    later.set_wall(WallTime(std::chrono::hours(2'000'000)));
    ASSERT_TRUE(LocalStore(*fs_, later, root_).collect().ok());
    EXPECT_EQ(fs_->list(root_ + "/blobs/sha256").value().size(), blobs);
  }
}

TEST_P(PackFaultsTest, RemovingKeepsWhatOthersNeed) {
  const auto [persistence, cause] = GetParam();
  bool succeeded = false;
  for (std::uint64_t n = 1; !succeeded; ++n) {
    SCOPED_TRACE(n);
    ASSERT_TRUE(pack_sample(*fs_, clock_, root_, "1.0.0").ok());
    ASSERT_TRUE(pack_sample(*fs_, clock_, root_, "2.0.0", "x").ok());
    faulty_.fail_at(n, persistence, cause);
    const auto removed = LocalStore(faulty_, clock_, root_).remove({"wine", "2.0.0", {}});
    succeeded = removed.ok() && !faulty_.fired();
    EXPECT_EQ(faulty_.open_files(), 0);
    const std::size_t count = check_store(*fs_, root_);
    EXPECT_TRUE(count == 1 || (count == 2 && !removed.ok()));
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, PackFaultsTest,
                         ::testing::Values(std::pair(Persistence::kOnce, EIO),
                                           std::pair(Persistence::kFromThenOn, ENOSPC)));

// A child packs one version after the other and is killed at a moment that the seed decides.
TEST(KillTest, AStoreIsValidAfterAKillAtAnyMoment) {
  const io::testing::TempDir dir;
  const auto fs = io::make_os_filesystem();
  const ManualClock clock;
  const std::string root = dir / "store";
  ASSERT_TRUE(pack_sample(*fs, clock, root, "0.0.1").ok());
  Random random(4);
  std::size_t before = 1;
  for (int round = 0; round < 12; ++round) {
    // The child stops itself by the kill signal before its n-th file operation.
    const std::uint64_t n = 1 + random.below(160);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      io::testing::FaultyFileSystem counting(*fs);
      counting.kill_at(n);
      for (int i = 0; i < 50; ++i) {
        const std::string version = std::to_string(round + 1) + "." + std::to_string(i) + ".0";
        (void)pack_sample(counting, clock, root, version, version);
      }
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    const std::size_t count = check_store(*fs, root);
    EXPECT_GE(count, before);
    before = count;
    ASSERT_TRUE(pack_sample(*fs, clock, root, "0.0.1").ok());
  }
  EXPECT_GT(before, 3U);
  LocalStore store(*fs, clock, root);
  ASSERT_TRUE(store.collect(Duration::zero()).ok());
  const auto work = fs->list(root + "/.slipway/work").value();
  for (const auto& entry : work) EXPECT_EQ(entry.kind, io::FileKind::kFile) << entry.name;
}

}  // namespace
}  // namespace slipway::package
