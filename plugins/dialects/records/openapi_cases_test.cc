// The OpenAPI document of a server with every kind of field, byte for byte as in cases/openapi.json, which
// openapi-spec-validator found valid (see README.md). SLIPWAY_WRITE_CASES=1 writes it anew; then validate it
// again.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "contracts/dialect/testing/fake_server.h"
#include "function/function_testing.h"
#include "json/writer.h"
#include "plugins/dialects/records/describe.h"
#include "testing/paths.gen.h"

namespace slipway::records {
namespace {

using dialect::testing::FakeModel;
using dialect::testing::FakeServer;
using function::FieldType;
using function::OutputField;
using function::testing::answer;
using function::testing::field;

/// A deployment with every type of field and every kind of answer.
FakeModel everything() {
  FakeModel model;
  model.name_text = "every+thing_1.0";
  model.description_text = "Names and texts are data: </script> \"quoted\"";
  model.signature_value = {
      {{"n", DType::kFp32, {-1, 2}},
       {"i", DType::kInt64, {-1}},
       {"t", DType::kBytes, {-1, 1}},
       {"b", DType::kBool, {-1}},
       {"image", DType::kFp32, {-1, 3, -1}}},
      {{"class", DType::kInt64, {-1}}, {"p", DType::kFp32, {-1, 2}}, {"boxes", DType::kFp32, {-1, -1, 4}}}};
  function::Spec spec{
      {field("n1", FieldType::kNumber, "n"), field("n2", FieldType::kNumber, "n"),
       field("i", FieldType::kInteger, "i"), field("t", FieldType::kString, "t"),
       field("b", FieldType::kBoolean, "b"), field("image", FieldType::kArray, "image")},
      {answer("label", OutputField::Kind::kLabel, "class", {"yes", "no"}),
       answer("number", OutputField::Kind::kLabel, "class"), answer("score", OutputField::Kind::kScore, "p"),
       answer("scores", OutputField::Kind::kScores, "p", {"yes", "no"}),
       answer("bare", OutputField::Kind::kScores, "p"), answer("boxes", OutputField::Kind::kValue, "boxes")}};
  spec.inputs[1].required = false;
  spec.inputs[2].required = false;
  spec.inputs[2].default_value = std::int64_t{7};
  spec.inputs[3].description = "free text";
  model.function_value = function::Function::create(spec, model.signature_value).value();
  return model;
}

TEST(OpenApi, TheDocumentIsTheOneThatWasValidated) {
  FakeServer server;
  server.add({});
  server.add(everything());
  FakeModel one;
  one.name_text = "one-record";
  one.signature_value = {{{"x", DType::kFp32, {1, 2}}}, {{"y", DType::kFp32, {1, 1}}}};
  server.add(std::move(one));
  const std::string text = json::pretty(openapi(server, "1.2.3")) + "\n";
  const std::string path = testing::source_dir() + "/plugins/dialects/records/cases/openapi.json";
  if (std::getenv("SLIPWAY_WRITE_CASES") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  const std::string wanted((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(text, wanted);
}

}  // namespace
}  // namespace slipway::records
