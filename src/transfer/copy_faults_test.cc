// The n-th file operation of the target fails, once or from then on: no leak, no half package, old data
// intact.

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "io/file_helpers.h"
#include "io/testing/faulty_filesystem.h"
#include "io/testing/temp_dir.h"
#include "package/local_store.h"
#include "package/testing/sample_package.h"
#include "plugins/stores/file/file_store.h"
#include "transfer/copy.h"

namespace slipway::transfer {
namespace {

using io::testing::Persistence;
using package::testing::pack_sample;

class CopyFaultsTest : public ::testing::TestWithParam<Persistence> {};

TEST_P(CopyFaultsTest, ACopyIsWholeOrNotThere) {
  const io::testing::TempDir dir;
  const auto fs = io::make_os_filesystem();
  const ManualClock clock;
  io::testing::FaultyFileSystem faulty(*fs);
  ASSERT_TRUE(pack_sample(*fs, clock, dir / "from", "2.0.0", "x").ok());
  const auto healthy = make_store_file({nullptr, nullptr, fs.get()});
  const auto failing = make_store_file({nullptr, nullptr, &faulty});
  const auto from = healthy->open(dir / "from", store::OpenMode::kRead).value();
  bool succeeded = false;
  for (std::uint64_t n = 1; !succeeded; ++n) {
    SCOPED_TRACE(n);
    const std::string root = dir / ("to-" + std::to_string(n));
    const auto old = pack_sample(*fs, clock, root, "1.0.0").value();
    faulty.fail_at(n, GetParam(), ENOSPC);
    {
      const auto to = failing->open(root, store::OpenMode::kRead);
      const auto report = to.ok() ? copy(*from, {"wine", "", {}}, **to) : Result<CopyReport>(to.error());
      succeeded = report.ok() && !faulty.fired();
      if (!report.ok()) {
        EXPECT_EQ(report.error().code(), Code::kResourceExhausted) << report.error().to_string();
      }
    }
    EXPECT_EQ(faulty.open_files(), 0);
    faulty.heal();
    const package::LocalStore store(*fs, clock, root);
    const auto packages = store.list().value();
    ASSERT_FALSE(packages.empty());
    EXPECT_EQ(packages.front().digest, old.digest);
    for (const auto& each : packages) {
      EXPECT_TRUE(package::Package::open(*fs, root, each.digest).value()->verify().ok()) << each.to_string();
    }
    // What is left does not stand in the way.
    const auto to = healthy->open(root, store::OpenMode::kRead).value();
    ASSERT_TRUE(copy(*from, {"wine", "", {}}, *to).ok());
    EXPECT_TRUE(store.open({"wine", "2.0.0", {}}).value()->verify().ok());
    ASSERT_TRUE(io::remove_tree(*fs, root).ok());
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, CopyFaultsTest,
                         ::testing::Values(Persistence::kOnce, Persistence::kFromThenOn));

}  // namespace
}  // namespace slipway::transfer
