// The worked example of docs/package-format.md, packed again.

#include <gtest/gtest.h>

#include <string>

#include "io/file_helpers.h"
#include "io/testing/temp_dir.h"
#include "package/layout.h"
#include "package/local_store.h"
#include "package/package_writer.h"
#include "testing/paths.gen.h"

namespace slipway::package {
namespace {

Manifest example_manifest() {
  Manifest manifest;
  manifest.name = "wine";
  manifest.version = "1.2.0";
  manifest.backend = "onnxruntime";
  manifest.model = "model.onnx";
  manifest.signature.inputs = {{"X", DType::kFp32, Shape({-1, 1})}};
  manifest.signature.outputs = {{"label", DType::kInt64, Shape({-1})}};
  function::Spec spec;
  spec.inputs.emplace_back().name = "alcohol";
  function::OutputField& output = spec.outputs.emplace_back();
  output.name = "cultivar";
  output.kind = function::OutputField::Kind::kLabel;
  output.labels = {"barolo", "grignolino"};
  manifest.function = spec;
  manifest.batchable = true;
  manifest.deterministic = true;
  manifest.golden = GoldenIndex{std::string(kGoldenPath), 1, false, {}};
  return manifest;
}

TEST(PackageFormatDocument, ShowsTheRealBytes) {
  const io::testing::TempDir dir;
  const auto fs = io::make_os_filesystem();
  ManualClock clock;
  clock.set_wall(WallTime(std::chrono::seconds(1'795'508'100)));
  const std::string root = dir / "store";
  const auto writer = PackageWriter::create(*fs, clock, root).value();
  ASSERT_TRUE(writer->add_bytes("README.md", as_bytes("# Wine\n")).ok());
  ASSERT_TRUE(writer->add_bytes("model.onnx", as_bytes("not really a model\n")).ok());
  ASSERT_TRUE(
      writer
          ->add_bytes(std::string(kGoldenPath),
                      as_bytes("{\"record\":{\"alcohol\":13.2},\"answer\":{\"cultivar\":\"barolo\"}}\n"))
          .ok());
  const auto packed = writer->finish(example_manifest()).value();
  const std::string document =
      io::read_all(*fs, slipway::testing::source_dir() + "/docs/package-format.md", 1 << 20).value();
  const auto shows = [&document](const std::string& text) {
    return document.find(text) != std::string::npos;
  };
  EXPECT_TRUE(shows(packed.digest.hex()));
  auto package = Package::open(*fs, root, packed.digest).value();
  EXPECT_TRUE(shows("\n" + encode_oci_manifest(package->oci_manifest()) + "\n"));
  EXPECT_TRUE(shows("\n" + encode_manifest(package->manifest())));
  EXPECT_TRUE(shows("\n" + read_blob(*fs, root, package->oci_manifest().config, 1 << 20).value() + "\n"));
  EXPECT_TRUE(shows("\n" + io::read_all(*fs, index_path(root), 1 << 20).value() + "\n"));
}

}  // namespace
}  // namespace slipway::package
