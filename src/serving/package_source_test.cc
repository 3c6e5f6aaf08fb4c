// Packages of a store as models to serve.
#include "serving/package_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "crypto/digest.h"
#include "io/testing/faulty_filesystem.h"
#include "io/testing/temp_dir.h"
#include "package/layout.h"
#include "package/testing/sample_package.h"

namespace slipway::serving {
namespace {

using package::testing::pack_sample;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

template <typename T>
std::string id_of(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().id();
}

std::string text_of(const backend::ModelFiles& files, std::string_view name) {
  const auto bytes = files.read(name);
  return bytes.ok() ? std::string(as_text(*bytes)) : bytes.error().id();
}

class PackageSourceTest : public ::testing::Test {
 protected:
  PackageSourceTest() { clock_.set_wall(SystemClock().wall_now()); }

  std::unique_ptr<ModelSource> source(package::PackageName wanted) {
    return make_package_source(*fs_, clock_, root_, std::move(wanted));
  }
  std::string versions(const package::PackageName& wanted) {
    const auto candidates = source(wanted)->candidates();
    if (!candidates.ok()) return candidates.error().id();
    std::string text;
    for (const Candidate& candidate : *candidates) text += candidate.version + " ";
    return text;
  }
  /// Packs a package of its own files.
  package::StoredPackage pack(package::Manifest manifest,
                              const std::vector<std::pair<std::string, std::string>>& files) {
    const auto writer = package::PackageWriter::create(*fs_, clock_, root_).value();
    for (const auto& [path, content] : files) EXPECT_TRUE(writer->add_bytes(path, as_bytes(content)).ok());
    auto packed = writer->finish(std::move(manifest));
    EXPECT_TRUE(packed.ok()) << packed.status().to_string();
    return std::move(packed).value();
  }
  Result<ModelBundle> open_only() {
    const auto only = source({});
    SLIPWAY_ASSIGN_OR_RETURN(const auto candidates, only->candidates());
    return only->open(candidates.at(0));
  }

  io::testing::TempDir dir_;
  std::unique_ptr<io::FileSystem> fs_ = io::make_os_filesystem();
  ManualClock clock_;
  std::string root_ = dir_ / "store";
};

TEST_F(PackageSourceTest, AllVersionsOfANameOldestFirstOrTheOneThatIsMeant) {
  for (const char* version : {"1.10.0", "1.9.0", "1.10.0-rc.1"})
    ASSERT_TRUE(pack_sample(*fs_, clock_, root_, version, version).ok());
  EXPECT_EQ(versions({"wine", "", {}}), "1.9.0 1.10.0-rc.1 1.10.0 ");
  EXPECT_EQ(versions({"", "", {}}), "1.9.0 1.10.0-rc.1 1.10.0 ");
  EXPECT_EQ(versions({"wine", "1.9.0", {}}), "1.9.0 ");
  const auto candidates = source({"wine", "", {}})->candidates().value();
  const auto digest = crypto::Digest::parse(candidates[0].fingerprint).value();
  EXPECT_EQ(versions({"wine", "", digest}), "1.9.0 ");
  EXPECT_EQ(versions({"wine", "1.9.0", digest}), "1.9.0 ");
}

TEST_F(PackageSourceTest, WhatIsNotThereIsSaidInTheStoresWords) {
  EXPECT_EQ(versions({"wine", "", {}}), "package.not_found");
  const auto stored = pack_sample(*fs_, clock_, root_).value();
  EXPECT_EQ(versions({"vine", "", {}}), "package.not_found");
  EXPECT_EQ(versions({"wine", "9", {}}), "package.version_not_found");
  EXPECT_EQ(versions({"wine", "", crypto::Sha256::of("other")}), "package.digest_not_found");
  package::Manifest beer = package::testing::sample_manifest("beer");
  beer.golden.reset();
  pack(beer, {{"model.onnx", "beer"}});
  EXPECT_EQ(versions({"", "", {}}), "package.ambiguous");
  EXPECT_EQ(versions({"wine", "", stored.digest}), "1.2.0 ");
}

TEST_F(PackageSourceTest, TheFingerprintIsTheDigestAndChangesWithTheContent) {
  const auto first = pack_sample(*fs_, clock_, root_).value();
  const auto wine = source({"wine", "", {}});
  EXPECT_EQ(wine->candidates().value().at(0).fingerprint, first.digest.to_string());
  const auto second =
      pack_sample(*fs_, clock_, root_, "1.2.0", "changed", package::IfTaken::kReplace).value();
  EXPECT_EQ(wine->candidates().value().at(0).fingerprint, second.digest.to_string());
  EXPECT_NE(first.digest, second.digest);
}

TEST_F(PackageSourceTest, ABundleHasWhatThePackageSays) {
  const auto stored = pack_sample(*fs_, clock_, root_).value();
  const auto opened = open_only();
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  EXPECT_EQ(opened->name, "wine");
  EXPECT_EQ(opened->version, "1.2.0");
  EXPECT_EQ(opened->digest, stored.digest.to_string());
  EXPECT_EQ(opened->description, "cultivars");
  EXPECT_EQ(opened->backend, "onnxruntime");
  EXPECT_TRUE(opened->batchable);
  EXPECT_EQ(opened->example_record, R"({"a":1})");
  EXPECT_EQ(opened->files->main(), "model.onnx");
  EXPECT_EQ(text_of(*opened->files, "model.onnx"), "the model");
  EXPECT_EQ(opened->files->read("weights/big.bin").value().size(), (1U << 20U) + 5);
  for (const char* name : {"", "none", "./model.onnx", "weights", "../model.onnx", "slipway/package.json"})
    EXPECT_EQ(text_of(*opened->files, name), "model.file_missing") << name;
}

TEST_F(PackageSourceTest, TheFilesOfAModelInAFolderAreThoseOfTheFolder) {
  package::Manifest manifest = package::testing::sample_manifest();
  manifest.golden.reset();
  manifest.model = "net/a/model.onnx";
  pack(manifest, {{"net/a/model.onnx", "net"},
                  {"net/a/w/1.bin", "one"},
                  {"net/ab", "neighbour"},
                  {"README.md", "read me"}});
  const auto bundle = open_only().value();
  EXPECT_EQ(bundle.example_record, "");
  EXPECT_EQ(bundle.files->main(), "model.onnx");
  EXPECT_THAT(bundle.files->names(), UnorderedElementsAre("model.onnx", "w/1.bin"));
  EXPECT_EQ(text_of(*bundle.files, "w/1.bin"), "one");
  for (const char* name : {"../ab", "b", "README.md", "../../README.md", "net/a/model.onnx"})
    EXPECT_EQ(text_of(*bundle.files, name), "model.file_missing") << name;
}

TEST_F(PackageSourceTest, GoldenRequestsWithoutARecordGiveNoExample) {
  package::Manifest manifest = package::testing::sample_manifest();
  manifest.golden->count = 0;
  const std::string golden(package::kGoldenPath);
  pack(manifest, {{"model.onnx", "model"}, {golden, ""}});
  EXPECT_EQ(open_only().value().example_record, "");
}

TEST_F(PackageSourceTest, DamageIsFoundWhenItIsRead) {
  const auto stored = pack_sample(*fs_, clock_, root_).value();
  const std::string model = package::blob_path(root_, crypto::Sha256::of("the model"));
  const auto overwrite = [&](const std::string& path, std::string_view content) {
    auto file = fs_->create(path, io::CreateMode::kTruncate).value();
    ASSERT_TRUE(file->write(as_bytes(content)).ok());
  };
  overwrite(model, "the mXdel");
  EXPECT_EQ(text_of(*open_only().value().files, "model.onnx"), "package.digest_mismatch");
  ASSERT_TRUE(fs_->remove(model).ok());
  EXPECT_EQ(text_of(*open_only().value().files, "model.onnx"), "package.blob_missing");
  overwrite(package::blob_path(root_, stored.digest), "{}");
  EXPECT_EQ(id_of(open_only()), "package.digest_mismatch");
  ASSERT_TRUE(fs_->remove(package::blob_path(root_, stored.digest)).ok());
  EXPECT_EQ(id_of(open_only()), "package.blob_missing");
  overwrite(package::index_path(root_), "{}");
  EXPECT_EQ(id_of(open_only()), "package.index");
}

TEST_F(PackageSourceTest, AnOpenPackageOutlivesItsRemoval) {
  ASSERT_TRUE(pack_sample(*fs_, clock_, root_).ok());
  const auto bundle = open_only().value();
  const ByteView read = bundle.files->read("model.onnx").value();
  ASSERT_TRUE(package::LocalStore(*fs_, clock_, root_).remove({"wine", "", {}}).ok());
  EXPECT_EQ(as_text(read), "the model");
  EXPECT_EQ(text_of(*bundle.files, "model.onnx"), "the model");
  EXPECT_EQ(id_of(open_only()), "package.not_found");
}

TEST_F(PackageSourceTest, ARepositoryHasEveryNameOnce) {
  const auto repository = make_package_repository(*fs_, clock_, root_);
  EXPECT_TRUE(repository->names().value().empty());
  ASSERT_TRUE(pack_sample(*fs_, clock_, root_, "1.0.0", "1").ok());
  ASSERT_TRUE(pack_sample(*fs_, clock_, root_, "2.0.0", "2").ok());
  package::Manifest beer = package::testing::sample_manifest("beer");
  beer.golden.reset();
  pack(beer, {{"model.onnx", "beer"}});
  EXPECT_THAT(repository->names().value(), ElementsAre("beer", "wine"));
  EXPECT_EQ(repository->source("wine").value()->candidates().value().size(), 2U);
  for (const char* name : {"vine", "..", "wine/1"})
    EXPECT_EQ(id_of(repository->source(name)), "model.unknown");
  EXPECT_THAT(repository->source("wines").error().message(), HasSubstr("did you mean wine?"));
  // No name is no model, also where a store has a single one.
  ASSERT_TRUE(package::LocalStore(*fs_, clock_, root_).remove({"beer", "", {}}).ok());
  EXPECT_EQ(id_of(repository->source("")), "model.unknown");
}

TEST_F(PackageSourceTest, AFailureAnywhereIsAnErrorAndNothingIsKeptOpen) {
  ASSERT_TRUE(pack_sample(*fs_, clock_, root_).ok());
  io::testing::FaultyFileSystem files(*fs_);
  const auto look = [&]() -> Result<std::string> {
    const auto repository = make_package_repository(files, clock_, root_);
    SLIPWAY_ASSIGN_OR_RETURN(const auto wine, repository->source("wine"));
    SLIPWAY_ASSIGN_OR_RETURN(const auto candidates, wine->candidates());
    SLIPWAY_ASSIGN_OR_RETURN(const auto bundle, wine->open(candidates.at(0)));
    SLIPWAY_ASSIGN_OR_RETURN(const ByteView bytes, bundle.files->read("model.onnx"));
    return std::string(as_text(bytes)) + bundle.example_record;
  };
  int failures = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    files.fail_at(nth, io::testing::Persistence::kFromThenOn, EIO);
    const auto got = look();
    EXPECT_EQ(files.open_files(), 0);
    if (!files.fired()) {
      EXPECT_EQ(got.value(), "the model{\"a\":1}");
      break;
    }
    ++failures;
    EXPECT_EQ(id_of(got), "io.failed") << nth;
  }
  EXPECT_GT(failures, 5);
}

}  // namespace
}  // namespace slipway::serving
