// Model repositories and bare files as people and other servers keep them.
#include "serving/folder_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <thread>

#include "io/file_helpers.h"
#include "io/testing/faulty_filesystem.h"
#include "io/testing/forwarding_filesystem.h"
#include "io/testing/temp_dir.h"

namespace slipway::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
std::string id_of(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().id();
}

std::vector<std::string> versions_of(const Result<std::vector<Candidate>>& candidates) {
  std::vector<std::string> versions;
  for (const Candidate& candidate : candidates.ok() ? *candidates : std::vector<Candidate>())
    versions.push_back(candidate.version);
  return versions;
}

std::string text_of(const backend::ModelFiles& files, std::string_view name) {
  const auto bytes = files.read(name);
  return bytes.ok() ? std::string(as_text(*bytes)) : bytes.error().id();
}

class FolderSourceTest : public ::testing::Test {
 protected:
  void put(const std::string& path, std::string_view content) {
    const std::string whole = dir_ / path;
    ASSERT_TRUE(fs_->make_dirs(io::folder_of(whole)).ok());
    auto file = fs_->create(whole, io::CreateMode::kTruncate).value();
    ASSERT_TRUE(file->write(as_bytes(content)).ok());
    ASSERT_TRUE(file->close().ok());
  }
  std::unique_ptr<ModelSource> folder(const std::string& name) {
    return make_folder_source(*fs_, dir_ / name);
  }

  io::testing::TempDir dir_;
  std::unique_ptr<io::FileSystem> fs_ = io::make_os_filesystem();
};

TEST_F(FolderSourceTest, EachFolderWithAModelIsAVersionOldestFirst) {
  put("wine/config.pbtxt", "name: \"wine\"");
  put("wine/9/model.onnx", "nine");
  put("wine/10/model.onnx", "ten");
  put("wine/2/model.onnx", "two");
  put("wine/.hidden/model.onnx", "no");
  put("wine/a b/model.onnx", "no");
  put("wine/empty/deeper/model.onnx", "no");
  EXPECT_THAT(versions_of(folder("wine")->candidates()), ElementsAre("2", "9", "10"));
}

TEST_F(FolderSourceTest, TheModelIsModelOnnxElseTheOnlyModelElseTheOnlyFile) {
  struct Row {
    std::vector<std::string> files;
    const char* main;
  };
  const std::vector<Row> rows = {{{"model.onnx", "model.data", "other.onnx"}, "model.onnx"},
                                 {{"model.pt", "weights.bin"}, "model.pt"},
                                 {{"net.onnx"}, "net.onnx"},
                                 {{"model.pt", "model.onnx.bak"}, nullptr},
                                 {{"a.onnx", "b.onnx"}, nullptr}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string name = "m" + std::to_string(i);
    for (const std::string& file : rows[i].files) put(name + "/1/" + file, file);
    const auto source = folder(name);
    const auto candidates = source->candidates();
    if (rows[i].main == nullptr) {
      EXPECT_EQ(id_of(candidates), "source.empty") << name;
      EXPECT_EQ(id_of(source->open({"1", ""})), "source.empty") << name;
      continue;
    }
    const auto bundle = source->open(candidates.value().at(0));
    ASSERT_TRUE(bundle.ok()) << bundle.error().message();
    EXPECT_EQ(bundle->version, "1");
    EXPECT_EQ(bundle->digest, "");
    EXPECT_EQ(bundle->files->main(), rows[i].main);
    EXPECT_EQ(text_of(*bundle->files, rows[i].main), rows[i].main);
  }
}

TEST_F(FolderSourceTest, FilesAreReadByTheirPlainNamesAndNoOthers) {
  put("wine/1/model.onnx", "model");
  put("wine/1/weights.bin", "weights");
  put("wine/1/sub/deep.bin", "deep");
  put("wine/secret", "secret");
  const auto bundle = folder("wine")->open({"1", ""}).value();
  EXPECT_THAT(bundle.files->names(), ElementsAre("model.onnx", "weights.bin"));
  EXPECT_EQ(text_of(*bundle.files, "weights.bin"), "weights");
  for (const char* name :
       {"", ".", "none", "../secret", "sub/deep.bin", "sub", "/etc/passwd", "weights.bin/"})
    EXPECT_EQ(text_of(*bundle.files, name), "model.file_missing") << name;
}

TEST_F(FolderSourceTest, WhatWasReadStaysWhateverHappensToTheFile) {
  put("wine/1/model.onnx", "before");
  put("wine/1/weights.bin", "weights");
  const auto bundle = folder("wine")->open({"1", ""}).value();
  const ByteView read = bundle.files->read("model.onnx").value();
  put("wine/1/model.onnx", "after!");
  EXPECT_EQ(as_text(read), "before");
  EXPECT_EQ(text_of(*bundle.files, "model.onnx"), "before");
  ASSERT_TRUE(fs_->remove(dir_ / "wine/1/weights.bin").ok());
  EXPECT_EQ(text_of(*bundle.files, "weights.bin"), "io.not_found");
}

TEST_F(FolderSourceTest, SeveralThreadsMayRead) {
  put("wine/1/model.onnx", "model");
  for (const char* name : {"a", "b", "c"}) put("wine/1/" + std::string(name), name);
  const auto bundle = folder("wine")->open({"1", ""}).value();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (const char* name : {"a", "b", "c"}) EXPECT_EQ(text_of(*bundle.files, name), name);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(FolderSourceTest, LinksAreNotFollowed) {
  put("outside/model.onnx", "outside");
  put("wine/1/model.onnx", "inside");
  put("wine/1/data", "data");
  std::filesystem::create_directory_symlink(dir_ / "outside", dir_ / "wine/2");
  std::filesystem::create_directories(dir_ / "wine/3");
  std::filesystem::create_symlink(dir_ / "outside/model.onnx", dir_ / "wine/3/model.onnx");
  std::filesystem::create_directory_symlink(dir_ / "wine", dir_ / "vine");
  EXPECT_THAT(versions_of(folder("wine")->candidates()), ElementsAre("1"));
  EXPECT_THAT(make_folder_repository(*fs_, dir_.path())->names().value(), ElementsAre("outside", "wine"));
  const auto bundle = folder("wine")->open({"1", ""}).value();
  std::filesystem::remove(dir_ / "wine/1/data");
  std::filesystem::create_symlink(dir_ / "outside/model.onnx", dir_ / "wine/1/data");
  EXPECT_EQ(text_of(*bundle.files, "data"), "io.link");
}

TEST_F(FolderSourceTest, TheFingerprintChangesWithAnyFileOfTheVersion) {
  put("wine/1/model.onnx", "model");
  put("wine/1/weights.bin", "weights");
  const auto source = folder("wine");
  const auto fingerprint = [&] { return source->candidates().value().at(0).fingerprint; };
  const std::string first = fingerprint();
  EXPECT_EQ(fingerprint(), first);
  put("wine/1/weights.bin", "heavier weights");
  const std::string second = fingerprint();
  EXPECT_NE(second, first);
  put("wine/1/new", "model");
  ASSERT_TRUE(fs_->rename(dir_ / "wine/1/new", dir_ / "wine/1/model.onnx").ok());  // of the same size
  const std::string third = fingerprint();
  EXPECT_NE(third, second);
  put("wine/1/more.bin", "");
  EXPECT_NE(fingerprint(), third);
}

TEST_F(FolderSourceTest, WhatIsNotThereIsSaid) {
  EXPECT_EQ(id_of(folder("none")->candidates()), "io.not_found");
  ASSERT_TRUE(fs_->make_dirs(dir_ / "wine").ok());
  const auto empty = folder("wine")->candidates();
  EXPECT_EQ(id_of(empty), "source.empty");
  EXPECT_THAT(empty.error().message(), HasSubstr("wine/1/model.onnx"));
  EXPECT_EQ(id_of(folder("wine")->open({"1", ""})), "io.not_found");
  put("wine/1/model.onnx", "model");
  const auto source = folder("wine");
  const Candidate candidate = source->candidates().value().at(0);
  ASSERT_TRUE(fs_->remove(dir_ / "wine/1/model.onnx").ok());
  EXPECT_EQ(id_of(source->open(candidate)), "source.empty");
}

TEST_F(FolderSourceTest, ARepositoryHasTheFoldersWhoseNamesAreNames) {
  put("repo/wine/1/model.onnx", "model");
  put("repo/beer/1/model.onnx", "model");
  put("repo/.git/1/model.onnx", "model");
  put("repo/a b/1/model.onnx", "model");
  put("repo/file", "no folder");
  const auto repository = make_folder_repository(*fs_, dir_ / "repo");
  EXPECT_THAT(repository->names().value(), ElementsAre("beer", "wine"));
  EXPECT_THAT(versions_of(repository->source("wine").value()->candidates()), ElementsAre("1"));
  for (const char* name : {"", "none", "file", ".git", "a b", "..", ".", "wine/1", "../repo/wine", "wine/"})
    EXPECT_EQ(id_of(repository->source(name)), "model.unknown") << name;
  EXPECT_EQ(id_of(make_folder_repository(*fs_, dir_ / "none")->names()), "io.not_found");
  EXPECT_EQ(id_of(make_folder_repository(*fs_, dir_ / "none")->source("wine")), "io.not_found");
}

TEST_F(FolderSourceTest, ABareFileIsVersionOneWithTheFilesBesideIt) {
  put("models/net.onnx", "net");
  put("models/net.data", "data");
  const auto source = make_file_source(*fs_, dir_ / "models/net.onnx");
  EXPECT_THAT(versions_of(source->candidates()), ElementsAre("1"));
  const auto bundle = source->open(source->candidates().value().at(0)).value();
  EXPECT_EQ(bundle.files->main(), "net.onnx");
  EXPECT_EQ(text_of(*bundle.files, "net.onnx"), "net");
  EXPECT_EQ(text_of(*bundle.files, "net.data"), "data");
  EXPECT_EQ(text_of(*bundle.files, "../models/net.onnx"), "model.file_missing");
  const std::string before = source->candidates().value().at(0).fingerprint;
  put("models/net.onnx", "a newer net");
  EXPECT_NE(source->candidates().value().at(0).fingerprint, before);
}

TEST_F(FolderSourceTest, ABareFileMayBeALinkButNothingBesideItMay) {
  put("real/v7.onnx", "seven");
  put("secret", "secret");
  ASSERT_TRUE(fs_->make_dirs(dir_ / "models").ok());
  std::filesystem::create_symlink(dir_ / "real/v7.onnx", dir_ / "models/net.onnx");
  std::filesystem::create_symlink(dir_ / "secret", dir_ / "models/net.data");
  const auto source = make_file_source(*fs_, dir_ / "models/net.onnx");
  const auto bundle = source->open(source->candidates().value().at(0)).value();
  EXPECT_EQ(text_of(*bundle.files, "net.onnx"), "seven");
  EXPECT_EQ(text_of(*bundle.files, "net.data"), "model.file_missing");
}

TEST_F(FolderSourceTest, ABareFileThatIsNotThereOrNoFileIsAnError) {
  EXPECT_EQ(id_of(make_file_source(*fs_, dir_ / "none.onnx")->candidates()), "io.not_found");
  ASSERT_TRUE(fs_->make_dirs(dir_ / "folder.onnx").ok());
  const auto bundle = make_file_source(*fs_, dir_ / "folder.onnx")->open({"1", ""}).value();
  EXPECT_EQ(text_of(*bundle.files, "folder.onnx"), "io.kind");
}

/// Files that say they have another size than they have.
class LyingFileSystem final : public io::testing::ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;
  Result<std::unique_ptr<io::ReadableFile>> open_beneath(const std::string& root,
                                                         std::string_view relative) override {
    SLIPWAY_ASSIGN_OR_RETURN(auto file, ForwardingFileSystem::open_beneath(root, relative));
    return std::unique_ptr<io::ReadableFile>(std::make_unique<File>(std::move(file), size_bytes));
  }
  std::uint64_t size_bytes = 0;

 private:
  class File final : public io::ReadableFile {
   public:
    File(std::unique_ptr<io::ReadableFile> base, std::uint64_t size) : base_(std::move(base)), size_(size) {}
    [[nodiscard]] std::uint64_t size_bytes() const override { return size_; }
    Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) override {
      return base_->read_at(offset, out);
    }

   private:
    std::unique_ptr<io::ReadableFile> base_;
    std::uint64_t size_;
  };
};

TEST_F(FolderSourceTest, AFileOfImpossibleSizeOrOneThatShrinksIsAnError) {
  put("wine/1/model.onnx", "model");
  LyingFileSystem files(*fs_);
  const auto bundle = make_folder_source(files, dir_ / "wine")->open({"1", ""}).value();
  files.size_bytes = (std::uint64_t{1} << 37U) + 1;
  EXPECT_EQ(text_of(*bundle.files, "model.onnx"), "model.too_large");
  files.size_bytes = 6;
  EXPECT_EQ(text_of(*bundle.files, "model.onnx"), "model.file_changed");
  files.size_bytes = 5;
  EXPECT_EQ(text_of(*bundle.files, "model.onnx"), "model");
}

TEST_F(FolderSourceTest, AFailureAnywhereIsAnErrorAndNothingIsKeptOpen) {
  put("repo/wine/1/model.onnx", "one");
  put("repo/wine/2/model.onnx", "two");
  io::testing::FaultyFileSystem files(*fs_);
  const auto look = [&]() -> Result<std::string> {
    const auto repository = make_folder_repository(files, dir_ / "repo");
    SLIPWAY_ASSIGN_OR_RETURN(const auto source, repository->source("wine"));
    SLIPWAY_ASSIGN_OR_RETURN(const auto candidates, source->candidates());
    SLIPWAY_ASSIGN_OR_RETURN(const auto bundle, source->open(candidates.at(1)));
    SLIPWAY_ASSIGN_OR_RETURN(const ByteView bytes, bundle.files->read("model.onnx"));
    return std::string(as_text(bytes));
  };
  int failures = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    files.fail_at(nth, io::testing::Persistence::kOnce, EIO);
    const auto got = look();
    EXPECT_EQ(files.open_files(), 0);
    if (!files.fired()) {
      EXPECT_EQ(got.value(), "two");
      break;
    }
    ++failures;
    EXPECT_EQ(id_of(got), "io.failed") << nth;
  }
  EXPECT_GT(failures, 5);
}

}  // namespace
}  // namespace slipway::serving
