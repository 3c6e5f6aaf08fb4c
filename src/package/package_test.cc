#include "package/package.h"

#include <gtest/gtest.h>

#include <string>

#include "io/file_helpers.h"
#include "io/testing/temp_dir.h"
#include "package/layout.h"
#include "package/local_store.h"
#include "package/media_types.h"
#include "package/package_writer.h"
#include "package/testing/sample_package.h"

namespace slipway::package {
namespace {

using testing::pack_sample;

class PackageTest : public ::testing::Test {
 protected:
  PackageTest() { clock_.set_wall(WallTime(std::chrono::hours(500'000))); }
  std::string error_of(const Status& status) { return status.ok() ? "OK" : status.error().id(); }
  void overwrite(const std::string& path, std::string_view content) {
    auto file = fs_->create(path, io::CreateMode::kTruncate).value();
    ASSERT_TRUE(file->write(as_bytes(content)).ok());
  }

  io::testing::TempDir dir_;
  std::unique_ptr<io::FileSystem> fs_ = io::make_os_filesystem();
  ManualClock clock_;
  std::string root_ = dir_ / "store";
  LocalStore store_{*fs_, clock_, root_};
};

TEST_F(PackageTest, GivesBackWhatWasPacked) {
  const auto stored = pack_sample(*fs_, clock_, root_).value();
  auto package = store_.open({"wine", "", {}}).value();
  EXPECT_EQ(package->digest(), stored.digest);
  EXPECT_EQ(package->size_bytes(), *stored.size_bytes);
  EXPECT_EQ(as_text(package->view("model.onnx").value()), "the model");
  EXPECT_EQ(as_text(package->view("README.md").value()), "# Wine\n");
  EXPECT_EQ(as_text(package->view("labels.txt").value()), "barolo\n");
  EXPECT_EQ(package->view("weights/big.bin").value().size(), (1U << 20U) + 5);
  EXPECT_EQ(package->view("labels.tx").error().id(), "package.file_missing");
  EXPECT_NE(package->view("labels.tx").error().message().find("did you mean labels.txt?"), std::string::npos);
  const Manifest& manifest = package->manifest();
  EXPECT_EQ(manifest.signature.inputs[0].shape, Shape({-1, 13}));
  EXPECT_EQ(manifest.golden->tolerances[0].output, "score");
  EXPECT_EQ(encode_manifest(decode_manifest(encode_manifest(manifest)).value()), encode_manifest(manifest));
  const auto report = package->verify().value();
  EXPECT_EQ(report.files, 7U);
  EXPECT_EQ(report.blobs, 7U);  // manifest, config, package.json, model, big file, two tars
}

TEST_F(PackageTest, IsTheSameToTheByteWhateverTheOrderAndTime) {
  const auto first = pack_sample(*fs_, clock_, root_).value();
  clock_.advance(std::chrono::hours(1000));
  auto writer = PackageWriter::create(*fs_, clock_, dir_ / "other").value();
  for (const auto& [path, text] :
       {std::pair<std::string, std::string>("labels.txt", "barolo\n"),
        {"LICENSE", "free\n"},
        {"slipway/golden.jsonl", "{\"record\":{\"a\":1},\"answer\":{\"label\":1}}\n"},
        {"README.md", "# Wine\n"},
        {"model.onnx", "the model"},
        {"weights/big.bin", std::string((1 << 20) + 5, 'w')}}) {
    ASSERT_TRUE(writer->add_bytes(path, as_bytes(text)).ok());
  }
  EXPECT_EQ(writer->finish(testing::sample_manifest()).value().digest, first.digest);
  EXPECT_NE(pack_sample(*fs_, clock_, root_, "1.2.1", "x").value().digest, first.digest);
}

// sha256sum README.md LICENSE ... | sort | sha256sum
TEST_F(PackageTest, HasTheSetDigestThatCoreutilsGive) {
  std::vector<FileEntry> files(2);
  files[0].path = "b";
  files[0].digest = crypto::Sha256::of("hello\n");
  files[1].path = "a/c";
  files[1].digest = crypto::Sha256::of("");
  EXPECT_EQ(set_digest(files).hex(), "38e3edb0005c7e2846c272a030724fcd23ff98b8df54acdd691153834d04ed1a");
}

TEST_F(PackageTest, UsesTheTypesOfModelPack) {
  ASSERT_TRUE(pack_sample(*fs_, clock_, root_).ok());
  auto package = store_.open({"wine", "1.2.0", {}}).value();
  const auto& layers = package->oci_manifest().layers;
  ASSERT_EQ(layers.size(), 5U);
  EXPECT_EQ(layers[0].media_type, kWeightConfigRawType);
  EXPECT_EQ(layers[0].annotation(kFilePathAnnotation), "slipway/package.json");
  EXPECT_EQ(layers[1].media_type, kWeightRawType);
  EXPECT_EQ(layers[1].annotation(kFilePathAnnotation), "model.onnx");
  EXPECT_EQ(layers[2].annotation(kFilePathAnnotation), "weights/big.bin");
  EXPECT_EQ(layers[3].media_type, kDocTarType);
  EXPECT_EQ(layers[4].media_type, kWeightTarType);
}

TEST_F(PackageTest, FindsOneFlippedByteInEveryBlobAndNamesIt) {
  const auto stored = pack_sample(*fs_, clock_, root_).value();
  const auto blobs = fs_->list(root_ + "/blobs/sha256").value();
  for (const auto& entry : blobs) {
    const std::string path = root_ + "/blobs/sha256/" + entry.name;
    const std::string content = io::read_all(*fs_, path, 1 << 22).value();
    for (const std::size_t at : {std::size_t{0}, content.size() / 2, content.size() - 1}) {
      std::string damaged = content;
      damaged[at] = static_cast<char>(damaged[at] ^ 1);
      overwrite(path, damaged);
      auto package = Package::open(*fs_, root_, stored.digest);
      const Error error = package.ok() ? (*package)->verify().error() : package.error();
      EXPECT_TRUE(error.id() == "package.damaged" || error.id() == "package.digest_mismatch")
          << error.to_string();
      EXPECT_NE(error.to_string().find("sha256:" + entry.name), std::string::npos) << error.to_string();
      if (package.ok()) {
        // What is read is checked as it is read: a wrong byte is never given.
        for (const FileEntry& file : (*package)->manifest().files) {
          const auto view = (*package)->view(file.path);
          EXPECT_TRUE(view.ok() ? crypto::Sha256::of(*view) == file.digest
                                : view.error().id() == "package.digest_mismatch");
        }
      }
    }
    overwrite(path, content);
  }
  auto package = Package::open(*fs_, root_, stored.digest).value();
  ASSERT_TRUE(package->verify().ok());
  ASSERT_TRUE(fs_->remove(blob_path(root_, package->oci_manifest().config.digest)).ok());
  EXPECT_NE(package->verify().error().to_string().find("(model config)"), std::string::npos);
  ASSERT_TRUE(fs_->remove(blob_path(root_, stored.digest)).ok());
  EXPECT_EQ(Package::open(*fs_, root_, stored.digest).error().id(), "package.blob_missing");
}

TEST_F(PackageTest, UnpacksAllAtOnceIntoANewOrEmptyFolder) {
  ASSERT_TRUE(pack_sample(*fs_, clock_, root_).ok());
  auto package = store_.open({"wine", "", {}}).value();
  ASSERT_TRUE(package->unpack(dir_ / "out/here/").ok());
  EXPECT_EQ(io::list_tree(*fs_, dir_ / "out").value(),
            (std::vector<std::string>{"here/LICENSE", "here/README.md", "here/labels.txt", "here/model.onnx",
                                      "here/slipway/golden.jsonl", "here/slipway/package.json",
                                      "here/weights/big.bin"}));
  EXPECT_EQ(error_of(package->unpack(dir_ / "out/here")), "io.exists");
  ASSERT_TRUE(fs_->make_dir(dir_ / "empty").ok());
  EXPECT_TRUE(package->unpack(dir_ / "empty").ok());
  EXPECT_EQ(fs_->list(dir_ / "out").value().size(), 1U);
}

TEST_F(PackageTest, RefusesPathsThatCollide) {
  auto writer = PackageWriter::create(*fs_, clock_, root_).value();
  ASSERT_TRUE(writer->add_bytes("a/b", {}).ok());
  EXPECT_EQ(error_of(writer->add_bytes("a/b", {})), "package.path_twice");
  EXPECT_EQ(error_of(writer->add_bytes("a", {})), "package.path_twice");
  EXPECT_EQ(error_of(writer->add_bytes("a/b/c", {})), "package.path_twice");
  EXPECT_EQ(error_of(writer->add_bytes("slipway/package.json", {})), "package.path_twice");
  EXPECT_EQ(error_of(writer->add_bytes("../x", {})), "io.path");
  EXPECT_EQ(writer->finish(testing::sample_manifest()).error().id(), "package.manifest");
  EXPECT_TRUE(store_.list().value().empty());
}

TEST_F(PackageTest, ManifestIsReadStrictlyAndSaysEveryFault) {
  ASSERT_TRUE(pack_sample(*fs_, clock_, root_).ok());
  const std::string good = encode_manifest(store_.open({"wine", "", {}}).value()->manifest());
  const auto changed = [&good](std::string_view from, std::string_view to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  struct Row {
    std::string text;
    const char* id;
    const char* message;
  };
  const Row rows[] = {
      {good, "OK", ""},
      {"{}", "package.manifest", "slipway/package.json.name: is missing"},
      {"[]", "package.manifest", "an object is wanted"},
      {"", "json.syntax", ""},
      {changed("\"format\":1", "\"format\":2"), "package.format", "use a newer slipway"},
      {changed("\"batchable\"", "\"batchabel\""), "package.manifest", "did you mean batchable?"},
      {changed("\"name\":\"wine\"", "\"name\":\"../wine\""), "package.manifest", "is not a name"},
      {changed("\"FP32\"", "\"FLOAT\""), "package.manifest", "'FLOAT' is no tensor type"},
      {changed("[-1,13]", "[-2,13]"), "package.manifest", "whole numbers from -1"},
      {changed("\"model\":\"model.onnx\"", "\"model\":\"other.onnx\""), "package.manifest",
       "is no file of it"},
      {changed("\"path\":\"LICENSE\"", "\"path\":\"../LICENSE\""), "package.manifest",
       "no safe relative path"},
      {changed("\"path\":\"README.md\"", "\"path\":\"LICENSE\""), "package.manifest", "comes twice"},
      {changed("\"set\":\"sha256:", "\"set\":\"sha512:"), "package.manifest", "is no digest"},
      {changed("\"size\":5", "\"size\":-5"), "package.manifest", "a whole number from 0"},
      {changed("\"version\":", "\"version\":\"1\",\"version\":"), "package.manifest", "is given twice"},
  };
  for (const Row& row : rows) {
    const auto manifest = decode_manifest(row.text);
    EXPECT_EQ(manifest.ok() ? "OK" : manifest.error().id(), row.id) << row.text;
    if (manifest.ok()) continue;
    EXPECT_NE(manifest.error().to_string().find(row.message), std::string::npos)
        << manifest.error().to_string();
  }
}

}  // namespace
}  // namespace slipway::package
