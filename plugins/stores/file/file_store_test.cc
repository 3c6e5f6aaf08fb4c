#include "plugins/stores/file/file_store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "contracts/store/testing/conformance.h"
#include "io/file_helpers.h"
#include "io/testing/temp_dir.h"
#include "package/layout.h"
#include "package/testing/sample_package.h"

namespace slipway::store {
namespace {

class FileSubject final : public testing::ConformanceSubject {
 public:
  std::unique_ptr<Store> open() override {
    // The layout's own two files stay out of the kit's way in a folder that has only the lock's place.
    auto store = factory_->open(dir_ / "store", OpenMode::kCreate).value();
    if (!emptied_) {
      emptied_ = true;
      EXPECT_TRUE(store->remove("index.json").ok());
      EXPECT_TRUE(store->remove("oci-layout").ok());
    } else {
      EXPECT_TRUE(fs_->remove(dir_ / "store/index.json").ok());
      EXPECT_TRUE(fs_->remove(dir_ / "store/oci-layout").ok());
    }
    return store;
  }

 private:
  io::testing::TempDir dir_;
  std::unique_ptr<io::FileSystem> fs_ = io::make_os_filesystem();
  std::unique_ptr<StoreFactory> factory_ = make_store_file({nullptr, nullptr, fs_.get()});
  bool emptied_ = false;
};

std::unique_ptr<testing::ConformanceSubject> make_subject() { return std::make_unique<FileSubject>(); }

}  // namespace

namespace testing {
INSTANTIATE_TEST_SUITE_P(File, StoreConformance, ::testing::Values(StoreSubject{"file", &make_subject}));
}  // namespace testing

namespace {

class FileStoreTest : public ::testing::Test {
 protected:
  std::string open_error(const std::string& address, OpenMode mode) {
    const auto store = factory_->open(address, mode);
    return store.ok() ? "OK" : store.error().id();
  }

  io::testing::TempDir dir_;
  std::unique_ptr<io::FileSystem> fs_ = io::make_os_filesystem();
  ManualClock clock_;
  std::unique_ptr<StoreFactory> factory_ = make_store_file({nullptr, nullptr, fs_.get()});
};

TEST_F(FileStoreTest, OpensPathsAndFileAddresses) {
  EXPECT_EQ(open_error(dir_ / "store", OpenMode::kRead), "store.not_found");
  EXPECT_EQ(open_error("file://" + dir_.path() + "/store/", OpenMode::kCreate), "OK");
  EXPECT_EQ(open_error(dir_ / "store", OpenMode::kRead), "OK");
  EXPECT_EQ(open_error("s3://bucket/x", OpenMode::kRead), "store.address");
  EXPECT_EQ(open_error("file://host/x", OpenMode::kRead), "store.address");
  EXPECT_EQ(open_error("", OpenMode::kCreate), "store.address");
}

TEST_F(FileStoreTest, DoesNotFollowLinks) {
  auto store = factory_->open(dir_ / "store", OpenMode::kCreate).value();
  ASSERT_TRUE(fs_->create(dir_ / "secret", io::CreateMode::kExclusive).ok());
  ASSERT_EQ(::symlink("../secret", (dir_ / "store/link").c_str()), 0);
  ASSERT_EQ(::symlink("..", (dir_ / "store/up").c_str()), 0);
  EXPECT_EQ(store->stat("link").error().id(), "io.link");
  EXPECT_EQ(store->stat("up/secret").error().id(), "io.link");
  EXPECT_EQ(store->remove("up/secret").error().id(), "io.link");
  EXPECT_EQ(store->list("l").value().size(), 0U);
}

TEST_F(FileStoreTest, RefusesAnIndexThatNamesWhatIsNotThere) {
  auto store = factory_->open(dir_ / "store", OpenMode::kCreate).value();
  ASSERT_TRUE(package::testing::pack_sample(*fs_, clock_, dir_ / "other").ok());
  const std::string index = io::read_all(*fs_, dir_ / "other/index.json", 1 << 20).value();
  EXPECT_EQ(put_all(*store, "index.json", as_bytes(index)).error().id(), "store.incomplete");
  EXPECT_EQ(put_all(*store, "index.json", as_bytes("{")).error().id(), "json.syntax");
  EXPECT_TRUE(package::read_index(*fs_, dir_ / "store").value().empty());
}

}  // namespace
}  // namespace slipway::store
