// Decisions while file operations fail, the disk is full, and the process is killed: after each the old state
// stands or the new one, and a call that failed has changed nothing.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "io/testing/faulty_filesystem.h"
#include "io/testing/temp_dir.h"
#include "serving/server_testing.h"

namespace slipway::serving {
namespace {

using io::testing::Persistence;

const ModelDecisions kOld{false, {{"stable", "1"}}};
const ModelDecisions kNew{true, {{"stable", "2"}}};

class StateFaultsTest : public ServerTest, public ::testing::WithParamInterface<std::pair<Persistence, int>> {
 protected:
  void prepare() {
    state_.reset();
    state_ = std::move(StateStore::open(*fs_, folder_)).value();
    ASSERT_TRUE(state_->put("wine", {}).ok());
    ASSERT_TRUE(state_->put("wine", kOld).ok());
    state_.reset();
  }
  /// As a server finds it that starts now.
  ModelDecisions found() { return (*StateStore::open(*fs_, folder_))->of("wine"); }

  io::testing::TempDir dir_;
  std::unique_ptr<io::FileSystem> fs_ = io::make_os_filesystem();
  io::testing::FaultyFileSystem faulty_{*fs_};
  std::string folder_ = dir_ / "state";
};

TEST_P(StateFaultsTest, AChangeIsKeptOrNotMade) {
  const auto [persistence, cause] = GetParam();
  bool succeeded = false;
  for (std::uint64_t n = 1; !succeeded; ++n) {
    SCOPED_TRACE(n);
    prepare();
    auto store = StateStore::open(faulty_, folder_);
    ASSERT_TRUE(store.ok());
    faulty_.fail_at(n, persistence, cause);
    const Status put = (*store)->put("wine", kNew);
    succeeded = put.ok() && !faulty_.fired();
    faulty_.heal();
    EXPECT_EQ((*store)->of("wine"), put.ok() ? kNew : kOld);
    store->reset();
    EXPECT_EQ(faulty_.open_files(), 0);
    const ModelDecisions after = found();
    EXPECT_TRUE(after == kNew || (!put.ok() && after == kOld));
  }
}

TEST_P(StateFaultsTest, ACallWhoseStateCannotBeKeptChangesNothing) {
  const auto [persistence, cause] = GetParam();
  prepare();
  state_ = std::move(StateStore::open(faulty_, folder_)).value();
  start();
  ASSERT_TRUE(deploy("wine", versions({{"1", "FAKE"}, {"2", "FAKE"}})).ok());
  faulty_.fail_at(1, persistence, cause);
  EXPECT_FALSE(unload("wine").ok());
  EXPECT_TRUE(infer(*server_->find("wine", "")).ok());
  faulty_.fail_at(1, persistence, cause);
  EXPECT_FALSE(label("wine", "stable", "2").ok());
  EXPECT_EQ((*server_->find("wine", "stable"))->version(), "1");
  faulty_.heal();
  EXPECT_TRUE(label("wine", "stable", "2").ok());
  EXPECT_TRUE(unload("wine").ok());
}

INSTANTIATE_TEST_SUITE_P(Causes, StateFaultsTest,
                         ::testing::Values(std::pair{Persistence::kOnce, ENOSPC},
                                           std::pair{Persistence::kFromThenOn, ENOSPC},
                                           std::pair{Persistence::kOnce, EIO},
                                           std::pair{Persistence::kFromThenOn, EIO}));

using StateKilledTest = StateFaultsTest;

TEST_P(StateKilledTest, AtAnyMomentLeavesTheOldStateOrTheNew) {
  bool survived = false;
  bool kept = false;
  for (std::uint64_t n = 1; !survived; ++n) {
    SCOPED_TRACE(n);
    prepare();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      io::testing::FaultyFileSystem faulty(*fs_);
      auto store = StateStore::open(faulty, folder_);
      faulty.kill_at(n);
      const bool put = store.ok() && (*store)->put("wine", kNew).ok();
      ::_exit(put ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    survived = !WIFSIGNALED(status);
    EXPECT_TRUE(!survived || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    const ModelDecisions after = found();
    EXPECT_TRUE(after == kNew || after == kOld);
    EXPECT_TRUE(!kept || after == kNew);  // what was once there does not get lost later
    kept = after == kNew;
  }
  EXPECT_TRUE(kept);
}

INSTANTIATE_TEST_SUITE_P(Kill, StateKilledTest, ::testing::Values(std::pair{Persistence::kOnce, 0}));

}  // namespace
}  // namespace slipway::serving
