#include "package/local_store.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "io/file_helpers.h"
#include "io/testing/temp_dir.h"
#include "package/layout.h"
#include "package/testing/sample_package.h"

namespace slipway::package {
namespace {

using testing::pack_sample;

class LocalStoreTest : public ::testing::Test {
 protected:
  LocalStoreTest() { clock_.set_wall(SystemClock().wall_now()); }
  std::size_t blobs() { return fs_->list(root_ + "/blobs/sha256").value().size(); }
  std::string resolved(const PackageName& name) {
    const auto package = store_.resolve(name);
    return package.ok() ? package->to_string() : package.error().id();
  }

  io::testing::TempDir dir_;
  std::unique_ptr<io::FileSystem> fs_ = io::make_os_filesystem();
  ManualClock clock_;
  std::string root_ = dir_ / "store";
  LocalStore store_{*fs_, clock_, root_};
};

TEST_F(LocalStoreTest, AFolderThatDoesNotExistIsEmpty) {
  EXPECT_TRUE(store_.list().value().empty());
  EXPECT_EQ(resolved({"wine", "", {}}), "package.not_found");
  EXPECT_EQ(store_.collect().value().blobs, 0U);
  EXPECT_FALSE(io::exists(*fs_, root_).value());
}

TEST_F(LocalStoreTest, FindsTheNewestVersionAndSaysWhatIsThere) {
  for (const char* version : {"1.10.0", "1.9.0", "1.10.0-rc.1"}) {
    ASSERT_TRUE(pack_sample(*fs_, clock_, root_, version, version).ok());
  }
  const auto list = store_.list().value();
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].version, "1.9.0");
  EXPECT_EQ(list[2].version, "1.10.0");
  EXPECT_GT(*list[2].size_bytes, 1U << 20U);
  EXPECT_EQ(resolved({"wine", "", {}}), "wine:1.10.0");
  EXPECT_EQ(resolved({"", "", {}}), "wine:1.10.0");
  EXPECT_EQ(resolved({"wine", "1.9.0", {}}), "wine:1.9.0");
  EXPECT_EQ(resolved({"wine", "", list[0].digest}), "wine:1.9.0");
  EXPECT_EQ(resolved({"wine", "1.10.0", list[0].digest}), "package.digest_not_found");
  EXPECT_EQ(resolved({"wine", "2", {}}), "package.version_not_found");
  EXPECT_NE(store_.resolve({"wines", "", {}}).error().message().find("did you mean wine?"),
            std::string::npos);
}

TEST_F(LocalStoreTest, RefusesOrReplacesAVersionThatIsTaken) {
  const auto first = pack_sample(*fs_, clock_, root_).value();
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(pack_sample(*fs_, clock_, root_).value().packed,
            first.packed);  // the same bytes: nothing changes
  EXPECT_EQ(pack_sample(*fs_, clock_, root_, "1.2.0", "x").error().id(), "package.version_taken");
  EXPECT_EQ(store_.resolve({"wine", "", {}}).value().digest, first.digest);
  const auto second = pack_sample(*fs_, clock_, root_, "1.2.0", "x", IfTaken::kReplace).value();
  EXPECT_EQ(store_.resolve({"wine", "", {}}).value().digest, second.digest);
  EXPECT_EQ(store_.list().value().size(), 1U);
}

TEST_F(LocalStoreTest, RemovesNamesAndTheBlobsThatNobodyElseNeeds) {
  const auto one = pack_sample(*fs_, clock_, root_, "1.0.0").value();
  const std::size_t alone = blobs();
  ASSERT_TRUE(pack_sample(*fs_, clock_, root_, "2.0.0", "x").ok());
  auto open = store_.open({"wine", "2.0.0", {}}).value();
  const auto model = open->view("model.onnx").value();
  EXPECT_EQ(store_.remove({"wine", "3", {}}).error().id(), "package.version_not_found");
  const auto report = store_.remove({"wine", "2.0.0", {}}).value();
  EXPECT_EQ(report.packages.size(), 1U);
  EXPECT_EQ(report.blobs, 4U);  // manifest, config, package.json, model; the rest is shared
  EXPECT_EQ(blobs(), alone);
  EXPECT_EQ(as_text(model), "the modelx");  // who has it open keeps reading
  EXPECT_TRUE(Package::open(*fs_, root_, one.digest).value()->verify().ok());
  EXPECT_EQ(store_.remove({"wine", "", {}}).value().packages.size(), 1U);
  EXPECT_EQ(blobs(), 0U);
}

TEST_F(LocalStoreTest, CollectsOrphansWhenTheyAreOldAndKeepsEntriesOfOthers) {
  ASSERT_TRUE(pack_sample(*fs_, clock_, root_).ok());
  const std::string orphan = blob_path(root_, crypto::Sha256::of("orphan"));
  ASSERT_TRUE(fs_->create(orphan, io::CreateMode::kExclusive).value()->write(as_bytes("orphan")).ok());
  ASSERT_TRUE(fs_->make_dirs(root_ + "/.slipway/work/7").ok());
  EXPECT_EQ(store_.collect().value().blobs, 0U);
  EXPECT_FALSE(io::exists(*fs_, root_ + "/.slipway/work/7").value());
  clock_.advance(std::chrono::hours(25));
  EXPECT_EQ(store_.collect().value().blobs, 1U);
  EXPECT_TRUE(store_.open({"wine", "", {}}).value()->verify().ok());

  auto entries = read_index(*fs_, root_).value();
  entries.push_back({Descriptor{"", {}, 0, {}}, R"({"mediaType":"x","digest":"sha256:)" +
                                                    std::string(64, '0') +
                                                    R"(","size":1,"platform":{"os":"linux"}})"});
  ASSERT_TRUE(replace_index(*fs_, root_, entries).ok());
  ASSERT_TRUE(pack_sample(*fs_, clock_, root_, "2.0.0", "x").ok());
  EXPECT_NE(io::read_all(*fs_, index_path(root_), 1 << 20).value().find("\"platform\":{\"os\":\"linux\"}"),
            std::string::npos);
  EXPECT_EQ(store_.collect().error().id(),
            "package.damaged");  // of the foreign manifest nobody knows what it needs
}

TEST_F(LocalStoreTest, ADamagedIndexIsAnErrorAndNotAnEmptyStore) {
  ASSERT_TRUE(pack_sample(*fs_, clock_, root_).ok());
  ASSERT_TRUE(
      io::write_atomically(*fs_, index_path(root_), as_bytes(R"({"schemaVersion":2,"manifests":[{}]})"))
          .ok());
  EXPECT_EQ(store_.list().error().id(), "package.index");
  EXPECT_EQ(pack_sample(*fs_, clock_, root_, "2.0.0").error().id(), "package.index");
}

TEST_F(LocalStoreTest, SeveralWritersMayPackAtOnce) {
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([this, i] {
      for (int n = 0; n < 3; ++n) {
        const std::string version = std::to_string(i) + "." + std::to_string(n) + ".0";
        EXPECT_TRUE(pack_sample(*fs_, clock_, root_, version, version).ok());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const auto packages = store_.list().value();
  ASSERT_EQ(packages.size(), 12U);
  for (const StoredPackage& package : packages) {
    EXPECT_TRUE(Package::open(*fs_, root_, package.digest).value()->verify().ok());
  }
}

}  // namespace
}  // namespace slipway::package
