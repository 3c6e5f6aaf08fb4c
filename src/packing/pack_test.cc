// Packing by the real ONNX backend, on the example and on the backend's own test models.
#include "packing/pack.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "packing/golden_replay.h"
#include "plugins/backends/onnxruntime/onnxruntime.h"
#include "testing/paths.gen.h"

namespace slipway::packing {
namespace {

namespace fs = std::filesystem;

const std::string kModels = testing::source_dir() + "/plugins/backends/onnxruntime/testdata/";
const std::string kWine = testing::source_dir() + "/examples/wine/";

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

class PackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = ::testing::TempDir() + "/pack_" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }

  Result<Packed> pack_path(const std::string& path, PackRequest request = {}) {
    request.path = path;
    return pack(*files_, backends_, clock_, request);
  }
  void write(const std::string& name, const std::string& text) { std::ofstream(dir_ + "/" + name) << text; }
  void take(const std::string& from, const std::string& as) { fs::copy_file(from, dir_ + "/" + as); }

  std::string dir_;
  SystemClock clock_;
  NullLogger logger_;
  std::unique_ptr<io::FileSystem> files_ = io::make_os_filesystem();
  std::unique_ptr<backend::Backend> backend_ = make_backend_onnxruntime({&clock_, &logger_, {}});
  std::vector<backend::Backend*> backends_ = {backend_.get()};
};

const PackFile* find(const Packed& packed, std::string_view path) {
  for (const PackFile& file : packed.files) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

// Golden answers of the wine example against scikit-learn's own.
TEST_F(PackTest, The_wine_example_answers_as_scikit_learn_does) {
  const auto packed = pack_path(kWine);
  ASSERT_TRUE(packed.ok()) << packed.status().to_string();
  EXPECT_EQ(packed->manifest.name, "wine");
  EXPECT_EQ(packed->manifest.backend, "onnxruntime");
  EXPECT_TRUE(packed->manifest.batchable) << packed->report.batchable_why;
  EXPECT_TRUE(packed->manifest.deterministic);
  EXPECT_FALSE(packed->manifest.golden->synthetic);
  EXPECT_EQ(packed->manifest.signature.outputs[1].shape, (Shape{-1, 3}));

  json::Parser expected_parser;
  const auto expected = expected_parser.parse(read_text(kWine + "expected.json")).value();
  const auto sample = read_records(read_text(kWine + "sample.csv"), "sample.csv", {}).value();
  const auto golden = package::decode_golden(as_text(find(*packed, package::kGoldenPath)->content)).value();
  EXPECT_EQ(golden.size(), packed->manifest.golden->count);
  std::set<std::string> labels;
  for (const package::GoldenCase& one : golden) {
    const auto at = std::find(sample.texts.begin(), sample.texts.end(), one.record);
    ASSERT_NE(at, sample.texts.end()) << one.record;
    json::Parser answer_parser;
    const auto answer = answer_parser.parse(one.answer).value();
    std::size_t i = 0;
    for (const json::Value& want : expected.find("predictions")->array()) {
      if (i++ != static_cast<std::size_t>(at - sample.texts.begin())) continue;
      EXPECT_EQ(answer.find("cultivar")->as_string(), want.find("label")->as_string());
      EXPECT_NEAR(*answer.find("score")->as_double(), *want.find("score")->as_double(), 1e-5);
    }
    labels.emplace(*answer.find("cultivar")->as_string());
  }
  EXPECT_EQ(labels, (std::set<std::string>{"barolo", "grignolino", "barbera"}));
  for (const char* path :
       {"README.md", "model.onnx", "slipway.yaml", "slipway/golden.jsonl", "slipway/sample.jsonl"}) {
    EXPECT_NE(find(*packed, path), nullptr) << path;
  }
}

TEST_F(PackTest, Packing_twice_gives_the_same_content) {
  const auto first = pack_path(kWine);
  const auto second = pack_path(kWine);
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_EQ(first->files.size(), second->files.size());
  for (std::size_t i = 0; i < first->files.size(); ++i) {
    EXPECT_EQ(first->files[i].path, second->files[i].path);
    EXPECT_EQ(as_text(first->files[i].content), as_text(second->files[i].content)) << first->files[i].path;
  }
}

TEST_F(PackTest, A_bare_classifier_answers_in_its_own_labels) {
  const auto packed = pack_path(kModels + "zipmap_string.onnx");
  ASSERT_TRUE(packed.ok()) << packed.status().to_string();
  EXPECT_EQ(packed->manifest.name, "zipmap_string");
  EXPECT_TRUE(packed->manifest.golden->synthetic);
  ASSERT_TRUE(packed->manifest.function.has_value());
  EXPECT_EQ(packed->manifest.function->outputs[2].labels[0], "red");
  const std::string text = to_text(packed->report);
  EXPECT_NE(text.find("labels       red"), std::string::npos) << text;
  EXPECT_NE(text.find("made-up"), std::string::npos) << text;
  std::string machine;
  json::Writer out(machine);
  write_json(packed->report, out);
  json::Parser parser;
  EXPECT_EQ(parser.parse(machine)->find("backend")->as_string(), "onnxruntime");
  EXPECT_EQ(find(*packed, "slipway.yaml"), nullptr);
}

TEST_F(PackTest, Weights_beside_the_model_are_packed_with_it) {
  take(kModels + "external.onnx", "m.onnx");
  take(kModels + "weights.bin", "weights.bin");
  const auto packed = pack_path(dir_ + "/m.onnx");
  ASSERT_TRUE(packed.ok()) << packed.status().to_string();
  EXPECT_NE(find(*packed, "weights.bin"), nullptr);
  fs::remove(dir_ + "/weights.bin");
  EXPECT_EQ(pack_path(dir_ + "/m.onnx").status().error().id(), "backend.external_data");
}

TEST_F(PackTest, Open_sizes_are_asked_for_in_the_models_own_words) {
  const auto packed = pack_path(kModels + "lengths.onnx");
  ASSERT_FALSE(packed.ok());
  EXPECT_EQ(packed.error().id(), "packing.shape_ambiguous");
  EXPECT_NE(packed.error().to_string().find("[batch, length, 4]"), std::string::npos)
      << packed.error().to_string();
  PackRequest request;
  request.shapes = {{"x", {1, 3, 4}}};
  EXPECT_TRUE(pack_path(kModels + "lengths.onnx", request).ok());
}

TEST_F(PackTest, A_pickle_and_a_damaged_model_are_refused) {
  write("m.onnx", "\x80\x04\x95garbage that claims to be a pickle.");
  EXPECT_EQ(pack_path(dir_ + "/m.onnx").status().error().id(), "packing.pickle");
  write("m.onnx", read_text(kWine + "model.onnx").substr(0, 5000));
  EXPECT_EQ(pack_path(dir_ + "/m.onnx").status().error().id(), "backend.load");
  write("m.onnx", "");
  EXPECT_EQ(pack_path(dir_ + "/m.onnx").status().error().id(), "packing.unknown_model");
  EXPECT_EQ(pack_path(dir_ + "/none.onnx").status().error().code(), Code::kNotFound);
}

TEST_F(PackTest, Faults_of_the_settings_name_their_line) {
  take(kWine + "model.onnx", "model.onnx");
  write("slipway.yaml",
        "name: wine\nmodel: model.onnx\nfunction:\n  inputs:\n    - {name: a}\n  outputs:\n"
        "    - {name: label, kind: label, output: outputlabel}\n");
  const auto packed = pack_path(dir_);
  ASSERT_FALSE(packed.ok());
  EXPECT_EQ(packed.error().id(), "function.invalid");
  EXPECT_NE(packed.error().to_string().find("slipway.yaml:7"), std::string::npos)
      << packed.error().to_string();
  EXPECT_NE(packed.error().to_string().find("did you mean \"output_label\""), std::string::npos);
  write("slipway.yaml", "name: wine\nmodel: model.onnx\nsample: gone.csv\n");
  EXPECT_EQ(pack_path(dir_).status().error().id(), "packing.sample_missing");
  write("slipway.yaml", "name: wine\nmodel: ../model.onnx\nsmaple: x\n");
  const auto wrong = pack_path(dir_);
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().id(), "config.invalid");
  EXPECT_EQ(wrong.error().faults().size(), 2U) << wrong.error().to_string();
}

TEST_F(PackTest, A_sample_of_other_columns_is_told_with_names) {
  take(kWine + "model.onnx", "model.onnx");
  take(kWine + "slipway.yaml", "slipway.yaml");
  std::string sample = read_text(kWine + "sample.csv");
  write("sample.csv", sample.replace(sample.find("alcohol"), 7, "alcohl"));
  const auto packed = pack_path(dir_);
  ASSERT_FALSE(packed.ok());
  EXPECT_EQ(packed.error().id(), "record.invalid");
  EXPECT_NE(packed.error().to_string().find("alcohol"), std::string::npos) << packed.error().to_string();
}

TEST_F(PackTest, Init_writes_settings_that_pack) {
  take(kWine + "model.onnx", "model.onnx");
  take(kWine + "sample.csv", "sample.csv");
  const auto settings = init_settings(*files_, backends_, clock_, dir_);
  ASSERT_TRUE(settings.ok()) << settings.status().to_string();
  EXPECT_NE(settings->find("alcohol"), std::string::npos) << *settings;
  write("slipway.yaml", *settings);
  const auto packed = pack_path(dir_);
  ASSERT_TRUE(packed.ok()) << packed.status().to_string() << *settings;
  EXPECT_EQ(packed->manifest.function->inputs.size(), 13U);
  EXPECT_EQ(packed->manifest.function->inputs[0].name, "alcohol");
}

TEST_F(PackTest, Init_asks_where_it_cannot_tell) {
  EXPECT_EQ(init_settings(*files_, backends_, clock_, dir_).status().error().id(), "packing.no_model");
  take(kModels + "lengths.onnx", "a.onnx");
  const auto open = init_settings(*files_, backends_, clock_, dir_);
  ASSERT_TRUE(open.ok()) << open.status().to_string();
  EXPECT_NE(open->find("could not be run yet"), std::string::npos) << *open;
  EXPECT_TRUE(read_settings(*open, "slipway.yaml", nullptr).ok()) << *open;
  take(kModels + "lookup.onnx", "b.onnx");
  EXPECT_EQ(init_settings(*files_, backends_, clock_, dir_).status().error().id(), "packing.several_models");
  EXPECT_EQ(pack_path(dir_).status().error().id(), "packing.several_models");
}

TEST_F(PackTest, Init_refuses_a_damaged_model_by_name) {
  std::ifstream in(kWine + "model.onnx", std::ios::binary);
  std::string half(1000, '\0');
  in.read(half.data(), static_cast<std::streamsize>(half.size()));
  write("model.onnx", half);
  const auto settings = init_settings(*files_, backends_, clock_, dir_);
  ASSERT_FALSE(settings.ok());
  EXPECT_EQ(settings.status().error().id(), "backend.load");
  EXPECT_NE(settings.status().error().message().find("model.onnx"), std::string::npos);
}

TEST(NameFrom, Files_and_folders_give_sound_names) {
  const std::pair<std::string_view, std::string_view> rows[] = {{"/a/wine/", "wine"},
                                                                {"m.onnx", "m"},
                                                                {"My Model (2).onnx", "My-Model-2"},
                                                                {".", ""},
                                                                {"..", ""},
                                                                {"gr\u00fcn.onnx", "gr-n"},
                                                                {"_x.onnx", "x"},
                                                                {"a.b.onnx", "a.b"}};
  for (const auto& [path, name] : rows) EXPECT_EQ(name_from(path), name) << path;
}

}  // namespace
}  // namespace slipway::packing
