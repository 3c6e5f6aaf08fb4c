#include "io/filesystem.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "io/file_helpers.h"
#include "io/testing/faulty_filesystem.h"
#include "io/testing/temp_dir.h"

namespace slipway::io {
namespace {

using testing::FaultyFileSystem;
using testing::Persistence;
using testing::TempDir;

class FileSystemTest : public ::testing::Test {
 protected:
  void put(const std::string& path, std::string_view content) {
    auto file = fs_->create(path, CreateMode::kTruncate).value();
    ASSERT_TRUE(file->write(as_bytes(content)).ok());
    ASSERT_TRUE(file->close().ok());
  }
  std::string get(const std::string& path) {
    auto content = read_all(*fs_, path, 1 << 20);
    return content.ok() ? *content : content.error().id();
  }

  TempDir dir_;
  std::unique_ptr<FileSystem> fs_ = make_os_filesystem();
};

TEST_F(FileSystemTest, ReadsAtAnyOffsetAndSaysWhereTheFileEnds) {
  put(dir_ / "a", "0123456789");
  auto file = fs_->open_read(dir_ / "a").value();
  EXPECT_EQ(file->size_bytes(), 10U);
  std::byte out[6];
  EXPECT_EQ(file->read_at(2, out).value(), 6U);
  EXPECT_EQ(as_text(out), "234567");
  EXPECT_EQ(file->read_at(8, out).value(), 2U);
  EXPECT_EQ(file->read_at(10, out).value(), 0U);
  EXPECT_EQ(file->read_at(std::uint64_t{1} << 40U, out).value(), 0U);
}

TEST_F(FileSystemTest, CreatesExclusivelyTruncatingOrAppending) {
  put(dir_ / "a", "old");
  EXPECT_EQ(fs_->create(dir_ / "a", CreateMode::kExclusive).error().id(), "io.exists");
  ASSERT_TRUE(fs_->create(dir_ / "a", CreateMode::kAppend).value()->write(as_bytes("+new")).ok());
  EXPECT_EQ(get(dir_ / "a"), "old+new");
  ASSERT_TRUE(fs_->create(dir_ / "a", CreateMode::kTruncate).value()->write(as_bytes("x")).ok());
  EXPECT_EQ(get(dir_ / "a"), "x");
}

TEST_F(FileSystemTest, RefusesWhatIsNoRegularFile) {
  ASSERT_TRUE(fs_->make_dirs(dir_ / "folder/deep").ok());
  ASSERT_EQ(::mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(fs_->open_read(dir_ / "folder").error().id(), "io.kind");
  EXPECT_EQ(fs_->open_read(dir_ / "pipe").error().id(), "io.kind");
  EXPECT_EQ(fs_->map(dir_ / "pipe").error().id(), "io.kind");
  EXPECT_EQ(fs_->open_read(dir_ / "none").error().id(), "io.not_found");
  EXPECT_EQ(fs_->create(dir_ / "folder", CreateMode::kTruncate).error().id(), "io.kind");
  put(dir_ / "a", "x");
  EXPECT_EQ(fs_->open_read(dir_ / "a/b").error().id(), "io.kind");
  EXPECT_EQ(fs_->make_dirs(dir_ / "a/b").error().id(), "io.kind");
  EXPECT_EQ(fs_->remove(dir_ / "folder").error().id(), "io.exists");
}

TEST_F(FileSystemTest, MapsFilesThatOutliveTheirName) {
  put(dir_ / "a", "content");
  put(dir_ / "empty", "");
  auto map = fs_->map(dir_ / "a").value();
  ASSERT_TRUE(fs_->remove(dir_ / "a").ok());
  EXPECT_EQ(as_text(map->bytes()), "content");
  EXPECT_TRUE(fs_->map(dir_ / "empty").value()->bytes().empty());
}

TEST_F(FileSystemTest, RenamesWithAndWithoutReplacing) {
  put(dir_ / "a", "a");
  put(dir_ / "b", "b");
  EXPECT_EQ(fs_->rename_no_replace(dir_ / "a", dir_ / "b").error().id(), "io.exists");
  EXPECT_EQ(get(dir_ / "b"), "b");
  ASSERT_TRUE(fs_->rename(dir_ / "a", dir_ / "b").ok());
  EXPECT_EQ(get(dir_ / "b"), "a");
  ASSERT_TRUE(fs_->rename_no_replace(dir_ / "b", dir_ / "c").ok());
  EXPECT_EQ(get(dir_ / "c"), "a");
}

TEST_F(FileSystemTest, ListsByNameAndTellsLinks) {
  put(dir_ / "b", "12");
  ASSERT_TRUE(fs_->make_dirs(dir_ / "a").ok());
  ASSERT_EQ(::symlink("b", (dir_ / "c").c_str()), 0);
  const auto entries = fs_->list(dir_.path()).value();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].kind, FileKind::kFolder);
  EXPECT_EQ(entries[1].name, "b");
  EXPECT_EQ(entries[2].kind, FileKind::kLink);
  const auto info = fs_->stat(dir_ / "b").value();
  EXPECT_EQ(info.size_bytes, 2U);
  EXPECT_EQ(info.links, 1U);
  EXPECT_FALSE(info.executable);
  ASSERT_TRUE(fs_->set_executable(dir_ / "b").ok());
  EXPECT_TRUE(fs_->stat(dir_ / "b").value().executable);
  EXPECT_GT(fs_->disk_free(dir_.path()).value(), 0U);
}

TEST_F(FileSystemTest, LocksExcludeEachOtherUntilReleased) {
  auto held = fs_->lock(dir_ / "lock", LockMode::kTry).value();
  EXPECT_EQ(fs_->lock(dir_ / "lock", LockMode::kTry).error().id(), "io.locked");
  held.reset();
  EXPECT_TRUE(fs_->lock(dir_ / "lock", LockMode::kWait).ok());
}

TEST_F(FileSystemTest, NeverLeavesTheRoot) {
  ASSERT_TRUE(fs_->make_dirs(dir_ / "root/in").ok());
  ASSERT_TRUE(fs_->make_dirs(dir_ / "out").ok());
  put(dir_ / "out/secret", "secret");
  put(dir_ / "root/in/file", "fine");
  ASSERT_EQ(::symlink("../out", (dir_ / "root/link").c_str()), 0);
  ASSERT_EQ(::symlink("in/file", (dir_ / "root/inner").c_str()), 0);
  const std::string root = dir_ / "root";
  EXPECT_TRUE(fs_->open_beneath(root, "in/file").ok());
  struct Row {
    const char* path;
    const char* id;
  };
  const Row rows[] = {{"../out/secret", "io.path"},
                      {"/etc/passwd", "io.path"},
                      {"in/../in/file", "io.path"},
                      {"in//file", "io.path"},
                      {"", "io.path"},
                      {"in/", "io.path"},
                      {"a\\b", "io.path"},
                      {"a\nb", "io.path"},
                      {"\xff", "io.path"},
                      {"link/secret", "io.link"},
                      {"inner", "io.link"},
                      {"in/none", "io.not_found"}};
  for (const Row& row : rows) {
    const auto file = fs_->open_beneath(root, row.path);
    ASSERT_FALSE(file.ok()) << row.path;
    EXPECT_EQ(file.error().id(), row.id) << row.path;
  }
  EXPECT_TRUE(fs_->create_beneath(root, "new/deep/file").ok());
  EXPECT_EQ(fs_->create_beneath(root, "new/deep/file").error().id(), "io.exists");
  EXPECT_EQ(fs_->create_beneath(root, "link/planted").error().id(), "io.link");
  EXPECT_EQ(fs_->create_beneath(root, "inner").error().id(), "io.exists");
  EXPECT_EQ(get(dir_ / "out/planted"), "io.not_found");
}

TEST_F(FileSystemTest, ErrorsNameTheFileAndTheFix) {
  const Error full = error_from_errno(ENOSPC, "write", "/data/x");
  EXPECT_EQ(full.id(), "io.disk_full");
  EXPECT_EQ(full.code(), Code::kResourceExhausted);
  EXPECT_EQ(full.message(),
            "cannot write /data/x: the disk is full; free some space or choose another folder");
  struct Row {
    int cause;
    const char* id;
    Code code;
  };
  const Row rows[] = {{EDQUOT, "io.disk_full", Code::kResourceExhausted},
                      {EACCES, "io.permission", Code::kPermissionDenied},
                      {EROFS, "io.permission", Code::kPermissionDenied},
                      {EMFILE, "io.open_files", Code::kResourceExhausted},
                      {EFBIG, "io.too_large", Code::kResourceExhausted},
                      {ENAMETOOLONG, "io.path", Code::kInvalidArgument},
                      {EIO, "io.failed", Code::kDataLoss}};
  for (const Row& row : rows) {
    EXPECT_EQ(error_from_errno(row.cause, "write", "f").id(), row.id) << row.cause;
    EXPECT_EQ(error_from_errno(row.cause, "write", "f").code(), row.code) << row.cause;
  }
}

TEST_F(FileSystemTest, ADeviceWithoutSpaceSaysSo) {
  auto full = fs_->create("/dev/full", CreateMode::kAppend);
  if (!full.ok()) GTEST_SKIP() << "no /dev/full here";
  EXPECT_EQ((*full)->write(as_bytes("x")).error().id(), "io.disk_full");
}

TEST_F(FileSystemTest, ReadAllKeepsItsCap) {
  put(dir_ / "a", "12345");
  EXPECT_EQ(read_all(*fs_, dir_ / "a", 5).value(), "12345");
  EXPECT_EQ(read_all(*fs_, dir_ / "a", 4).error().id(), "io.too_large");
}

TEST_F(FileSystemTest, ReadStreamHandsOverEverythingFromTheOffset) {
  const std::string content(3'000'000, 'z');
  put(dir_ / "a", content);
  std::string got;
  auto file = fs_->open_read(dir_ / "a").value();
  EXPECT_EQ(read_stream(*file, 10, [&got](ByteView part) { return got += as_text(part), Status(); }).value(),
            2'999'990U);
  EXPECT_EQ(got, content.substr(10));
}

// The n-th operation fails, once or from then on: the old content stands or the new does, and nothing else is
// left.
TEST_F(FileSystemTest, WriteAtomicallyIsAllOrNothing) {
  FaultyFileSystem faulty(*fs_);
  for (const Persistence persistence : {Persistence::kOnce, Persistence::kFromThenOn}) {
    bool succeeded = false;
    for (std::uint64_t n = 1; !succeeded; ++n) {
      put(dir_ / "a", "old");
      faulty.fail_at(n, persistence, ENOSPC);
      const Status status = write_atomically(faulty, dir_ / "a", as_bytes("new content"));
      succeeded = status.ok();
      if (!succeeded) {
        EXPECT_EQ(status.error().id(), "io.disk_full");
      }
      EXPECT_EQ(faulty.open_files(), 0);
      const std::string content = get(dir_ / "a");
      EXPECT_TRUE(content == "old" || content == "new content") << n << content;
      if (persistence == Persistence::kOnce) {
        EXPECT_EQ(fs_->list(dir_.path()).value().size(), 1U) << n;
      }
    }
    EXPECT_EQ(get(dir_ / "a"), "new content");
  }
}

TEST_F(FileSystemTest, ListTreeGivesFilesInOrderAndRefusesLinks) {
  ASSERT_TRUE(fs_->make_dirs(dir_ / "b/c").ok());
  ASSERT_TRUE(fs_->make_dirs(dir_ / "empty").ok());
  put(dir_ / "b/c/x", "");
  put(dir_ / "b.txt", "");
  put(dir_ / "b/y", "");
  EXPECT_EQ(list_tree(*fs_, dir_.path()).value(), (std::vector<std::string>{"b.txt", "b/c/x", "b/y"}));
  EXPECT_EQ(list_tree(*fs_, dir_.path(), {.max_files = 2}).error().id(), "io.too_large");
  EXPECT_EQ(list_tree(*fs_, dir_.path(), {.max_depth = 1}).error().id(), "io.too_large");
  ASSERT_EQ(::symlink("/etc/passwd", (dir_ / "b/link").c_str()), 0);
  EXPECT_EQ(list_tree(*fs_, dir_.path()).error().id(), "io.link");
  ASSERT_TRUE(remove_tree(*fs_, dir_ / "b").ok());
  EXPECT_FALSE(exists(*fs_, dir_ / "b").value());
  EXPECT_TRUE(exists(*fs_, "/etc/passwd").value());
  EXPECT_TRUE(remove_tree(*fs_, dir_ / "b").ok());
}

/// A file that says it is larger than any memory.
class EndlessFile final : public ReadableFile {
 public:
  [[nodiscard]] std::uint64_t size_bytes() const override { return std::uint64_t{1} << 62U; }
  Result<std::size_t> read_at(std::uint64_t, MutableByteView out) override { return out.size(); }
};

TEST(ReadAll, AFileThatIsTooLargeForMemoryIsAnError) {
  EndlessFile file;
  EXPECT_EQ(read_all(file, "a", 1 << 20).error().id(), "io.too_large");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they end the process here
  EXPECT_EQ(read_all(file, "a", std::uint64_t{1} << 63U).error().id(), "io.memory");
#endif
}

}  // namespace
}  // namespace slipway::io
