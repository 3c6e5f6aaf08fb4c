#include "transfer/copy.h"

#include <gtest/gtest.h>

#include <string>

#include "io/file_helpers.h"
#include "io/testing/temp_dir.h"
#include "package/local_store.h"
#include "package/testing/sample_package.h"
#include "plugins/stores/file/file_store.h"

namespace slipway::transfer {
namespace {

using package::testing::pack_sample;

class CopyTest : public ::testing::Test {
 protected:
  CopyTest() { clock_.set_wall(WallTime(std::chrono::hours(490'000))); }
  std::unique_ptr<store::Store> open(const std::string& name) {
    return factory_->open(dir_ / name, store::OpenMode::kCreate).value();
  }
  package::LocalStore local(const std::string& name) { return {*fs_, clock_, dir_ / name}; }
  void flip_last_byte(const std::string& path) {
    std::string content = io::read_all(*fs_, path, 1 << 24).value();
    content.back() = static_cast<char>(content.back() ^ 1);
    ASSERT_TRUE(io::write_atomically(*fs_, path, as_bytes(content)).ok());
  }

  io::testing::TempDir dir_;
  std::unique_ptr<io::FileSystem> fs_ = io::make_os_filesystem();
  ManualClock clock_;
  std::unique_ptr<store::StoreFactory> factory_ = make_store_file({nullptr, nullptr, fs_.get()});
};

TEST_F(CopyTest, MovesEverythingOnceAndNothingTwice) {
  const auto packed = pack_sample(*fs_, clock_, dir_ / "a").value();
  const auto from = open("a");
  const auto to = open("b");
  const auto first = copy(*from, {"wine", "", {}}, *to).value();
  EXPECT_EQ(first.package.digest, packed.digest);
  EXPECT_EQ(first.package.packed, packed.packed);
  EXPECT_EQ(first.moved_blobs, 7U);
  EXPECT_EQ(first.moved_bytes, *packed.size_bytes);
  auto opened = local("b").open({"wine", "1.2.0", packed.digest}).value();
  EXPECT_TRUE(opened->verify().ok());
  EXPECT_EQ(list(*to).value().front().packed, packed.packed);

  const auto again = copy(*from, {"wine", "", {}}, *to).value();
  EXPECT_EQ(again.moved_blobs, 0U);
  EXPECT_EQ(again.skipped_bytes, *packed.size_bytes);

  ASSERT_TRUE(pack_sample(*fs_, clock_, dir_ / "a", "2.0.0", "x").ok());
  const auto next = copy(*from, {"wine", "2.0.0", {}}, *to).value();
  EXPECT_EQ(next.moved_blobs, 4U);  // manifest, config, package.json, model
  EXPECT_EQ(list(*to).value().size(), 2U);
}

TEST_F(CopyTest, TellsItsProgressAndGoesOnWhereItWasStopped) {
  const auto packed = pack_sample(*fs_, clock_, dir_ / "a").value();
  const auto from = open("a");
  const auto to = open("b");
  CopyOptions options;
  options.on_progress = [](const Progress& progress) -> Status {
    if (progress.done_bytes > 1 << 20) return cancelled("test.stop", "stop");
    return {};
  };
  EXPECT_EQ(copy(*from, {"wine", "", {}}, *to, options).error().id(), "test.stop");
  EXPECT_TRUE(list(*to).value().empty());
  std::uint64_t done = 0;
  options.on_progress = [&done](const Progress& progress) -> Status {
    EXPECT_GE(progress.done_bytes, done);
    done = progress.done_bytes;
    return {};
  };
  const auto report = copy(*from, {"wine", "", {}}, *to, options).value();
  EXPECT_GE(report.resumed_bytes, 1U << 20U);
  EXPECT_EQ(report.moved_bytes + report.resumed_bytes + report.skipped_bytes, *packed.size_bytes);
  EXPECT_EQ(done, *packed.size_bytes);
  EXPECT_TRUE(local("b").open({"wine", "", {}}).value()->verify().ok());
}

TEST_F(CopyTest, AWrongPartThatWasKeptIsThrownAway) {
  ASSERT_TRUE(pack_sample(*fs_, clock_, dir_ / "a").ok());
  const auto big = crypto::Sha256::of(std::string((1 << 20) + 5, 'w')).hex();
  const auto to = open("b");
  ASSERT_TRUE(to->begin_put("blobs/sha256/" + big, {store::PutOptions::Condition::kNone, "", big})
                  .value()
                  ->write(as_bytes("wrong"))
                  .ok());
  ASSERT_TRUE(copy(*open("a"), {"wine", "", {}}, *to).ok());
  EXPECT_TRUE(local("b").open({"wine", "", {}}).value()->verify().ok());
}

TEST_F(CopyTest, DamagedSourcesAreRefusedBlobByBlob) {
  const auto packed = pack_sample(*fs_, clock_, dir_ / "a").value();
  const auto blobs = fs_->list(dir_ / "a/blobs/sha256").value();
  for (const auto& blob : blobs) {
    const std::string path = dir_ / ("a/blobs/sha256/" + blob.name);
    flip_last_byte(path);
    const auto to = open("to-" + blob.name);
    const auto report = copy(*open("a"), {"wine", "", {}}, *to);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().id(), "transfer.digest_mismatch") << report.error().to_string();
    EXPECT_NE(report.error().message().find(blob.name), std::string::npos);
    EXPECT_TRUE(list(*to).value().empty());
    EXPECT_EQ(to->stat("blobs/sha256/" + blob.name).error().id(), "store.not_found");
    flip_last_byte(path);
  }
}

TEST_F(CopyTest, OneWriterOfANameWins) {
  ASSERT_TRUE(pack_sample(*fs_, clock_, dir_ / "a").ok());
  ASSERT_TRUE(pack_sample(*fs_, clock_, dir_ / "b", "1.2.0", "x").ok());
  const auto to = open("to");
  ASSERT_TRUE(copy(*open("a"), {"wine", "", {}}, *to).ok());
  EXPECT_EQ(copy(*open("b"), {"wine", "", {}}, *to).error().id(), "package.version_taken");
  const auto replaced = copy(*open("b"), {"wine", "", {}}, *to, {package::IfTaken::kReplace, {}}).value();
  EXPECT_EQ(resolve(*to, {"wine", "", {}}).value().digest, replaced.package.digest);
}

TEST_F(CopyTest, LooksAgainWhenABlobWentAwayMeanwhile) {
  ASSERT_TRUE(pack_sample(*fs_, clock_, dir_ / "a", "1.0.0").ok());
  ASSERT_TRUE(pack_sample(*fs_, clock_, dir_ / "a", "2.0.0", "x").ok());
  const auto from = open("a");
  const auto to = open("b");
  ASSERT_TRUE(copy(*from, {"wine", "1.0.0", {}}, *to).ok());
  CopyOptions options;
  bool removed = false;
  options.on_progress = [&](const Progress& progress) -> Status {
    if (removed || progress.done_bytes < progress.total_bytes) return {};
    removed = true;  // everything was sent or skipped; the name is not there yet
    return local("b").remove({"wine", "1.0.0", {}}).status();
  };
  ASSERT_TRUE(copy(*from, {"wine", "2.0.0", {}}, *to, options).ok());
  EXPECT_TRUE(removed);
  EXPECT_TRUE(local("b").open({"wine", "2.0.0", {}}).value()->verify().ok());
}

TEST_F(CopyTest, SaysWhatIsMissing) {
  EXPECT_EQ(copy(*open("a"), {"wine", "", {}}, *open("b")).error().id(), "package.not_found");
}

}  // namespace
}  // namespace slipway::transfer
