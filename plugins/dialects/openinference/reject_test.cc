// Every request that is refused while it is read: one row each, with the id of the error.
#include <gtest/gtest.h>

#include <string>

#include "json/json.h"
#include "openinference/words.h"
#include "plugins/dialects/openinference/decode.h"
#include "plugins/dialects/openinference/wire.h"

namespace slipway::openinference {
namespace {

struct Row {
  const char* title;
  std::string body;
  const char* id;
  const char* json_size = nullptr;  ///< Inference-Header-Content-Length; "json": where the last '}' ends
  int status = 400;
};

Signature one() { return {{{"x", DType::kFp32, {-1, 2}}}, {{"y", DType::kFp32, {-1}}}}; }

Status decode_row(const Row& row, const Signature& signature) {
  std::string body = row.body;
  std::string size = row.json_size == nullptr ? "" : row.json_size;
  if (size == "json") size = std::to_string(body.rfind('}') + 1);
  const std::size_t body_size = body.size();
  body.append(json::Parser::kPaddingBytes, '\0');
  const dialect::Limits limits{.max_tensor_bytes = 64, .max_records = 8};
  return decode(as_bytes(body).first(body_size),
                row.json_size == nullptr ? std::nullopt : std::optional<std::string_view>(size),
                {signature, limits})
      .status();
}

void expect_refused(std::span<const Row> rows, const Signature& signature) {
  for (const Row& row : rows) {
    const Status status = decode_row(row, signature);
    ASSERT_FALSE(status.ok()) << row.title;
    EXPECT_EQ(status.error().id(), row.id) << row.title << ": " << status.error().message();
    EXPECT_EQ(http_status(status.code()), row.status) << row.title;
  }
}

/// A request with one input, of which the members behind the name are given.
std::string input(const std::string& members) { return R"({"inputs":[{"name":"x",)" + members + "}]}"; }
/// A request with a good input and more.
std::string with(const std::string& members) {
  return R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}],)" + members + "}";
}

TEST(Reject, TheBody) {
  const Row rows[] = {
      {"empty", "", "json.syntax"},
      {"no JSON", "{", "json.syntax"},
      {"broken UTF-8", "{\"id\":\"\xff\"}", "json.utf8"},
      {"too deep", std::string(100, '['), "json.depth"},
      {"an array", "[]", "v2.body"},
      {"no inputs", "{}", "v2.body"},
      {"inputs no array", R"({"inputs":{}})", "v2.body"},
      {"an input no object", R"({"inputs":[1]})", "v2.body"},
      {"no name", R"({"inputs":[{}]})", "v2.body"},
      {"name no string", R"({"inputs":[{"name":1}]})", "v2.body"},
      {"inputs twice", R"({"inputs":[],"inputs":[]})", "v2.body"},
      {"a key of an input twice", input(R"("name":"y")"), "v2.body"},
      {"id no string", with(R"("id":7)"), "v2.body"},
      {"outputs no array", with(R"("outputs":{})"), "v2.body"},
      {"an output no object", with(R"("outputs":["y"])"), "v2.body"},
      {"an output without name", with(R"("outputs":[{}])"), "v2.body"},
      {"an output twice", with(R"("outputs":[{"name":"y"},{"name":"y"}])"), "v2.duplicate"},
      {"an unknown output twice", with(R"("outputs":[{"name":"z"},{"name":"z"}])"), "v2.duplicate"},
  };
  expect_refused(rows, one());
}

TEST(Reject, Parameters) {
  const Row rows[] = {
      {"no object", with(R"("parameters":[])"), "v2.body"},
      {"a key twice", with(R"("parameters":{"a":1,"a":2})"), "v2.body"},
      {"null", with(R"("parameters":{"a":null})"), "v2.parameter"},
      {"a list", with(R"("parameters":{"a":[1]})"), "v2.parameter"},
      {"an object", with(R"("parameters":{"a":{}})"), "v2.parameter"},
      {"binary_data_output no bool", with(R"("parameters":{"binary_data_output":1})"), "v2.parameter"},
      {"timeout negative", with(R"("parameters":{"timeout":-1})"), "v2.parameter"},
      {"timeout a text", with(R"("parameters":{"timeout":"1"})"), "v2.parameter"},
      {"binary_data no bool", with(R"("outputs":[{"name":"y","parameters":{"binary_data":"true"}}])"),
       "v2.parameter"},
      {"of an input", input(R"("datatype":"FP32","shape":[1,2],"data":[1,2],"parameters":{"a":null})"),
       "v2.parameter"},
      {"binary_data_size a text",
       input(R"("datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":"8"})"), "v2.parameter"},
      {"binary_data_size negative",
       input(R"("datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":-8})"), "v2.parameter"},
      {"shared memory in",
       input(R"("datatype":"FP32","shape":[1,2],"parameters":{"shared_memory_region":"a"})"),
       "v2.shared_memory", nullptr, 501},
      {"shared memory out", with(R"("outputs":[{"name":"y","parameters":{"shared_memory_region":"a"}}])"),
       "v2.shared_memory", nullptr, 501},
      {"classification", with(R"("outputs":[{"name":"y","parameters":{"classification":-3}}])"),
       "v2.parameter"},
  };
  expect_refused(rows, one());
}

TEST(Reject, Tensors) {
  const Row rows[] = {
      {"an input twice",
       R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]},{"name":"x","datatype":"FP32"}]})",
       "v2.duplicate"},
      {"no datatype", input(R"("shape":[1],"data":[1])"), "v2.body"},
      {"datatype no string", input(R"("datatype":1,"shape":[1],"data":[1])"), "v2.body"},
      {"unknown datatype", input(R"("datatype":"FP8","shape":[1],"data":[1])"), "v2.datatype"},
      {"datatype in lower case", input(R"("datatype":"fp32","shape":[1],"data":[1])"), "v2.datatype"},
      {"no shape", input(R"("datatype":"FP32","data":[1])"), "v2.body"},
      {"shape no array", input(R"("datatype":"FP32","shape":1,"data":[1])"), "v2.body"},
      {"a free dimension", input(R"("datatype":"FP32","shape":[-1],"data":[1])"), "v2.shape"},
      {"a fraction", input(R"("datatype":"FP32","shape":[1.5],"data":[1])"), "v2.shape"},
      {"beyond int64", input(R"("datatype":"FP32","shape":[9223372036854775808],"data":[1])"), "v2.shape"},
      {"overflow", input(R"("datatype":"FP32","shape":[4294967296,4294967296],"data":[1])"), "v2.shape"},
      {"overflow in bytes", input(R"("datatype":"FP64","shape":[4611686018427387904],"data":[1])"),
       "tensor.size"},
      {"too many dimensions",
       input(R"("datatype":"FP32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data":[1])"), "tensor.rank"},
      {"no data", input(R"("datatype":"FP32","shape":[1])"), "v2.data"},
      {"data of both kinds",
       input(R"("datatype":"FP32","shape":[1],"data":[1],"parameters":{"binary_data_size":4})"), "v2.data"},
      {"data no array", input(R"("datatype":"FP32","shape":[1],"data":1)"), "json.type"},
      {"data null", input(R"("datatype":"FP32","shape":[1],"data":null)"), "json.type"},
      {"too few", input(R"("datatype":"FP32","shape":[2],"data":[1])"), "json.count"},
      {"too many", input(R"("datatype":"FP32","shape":[2],"data":[1,2,3])"), "json.count"},
      {"a text for a number", input(R"("datatype":"FP32","shape":[1],"data":["1"])"), "json.type"},
      {"a number for a text", input(R"("datatype":"BYTES","shape":[1],"data":[1])"), "json.type"},
      {"a number for a bool", input(R"("datatype":"BOOL","shape":[1],"data":[1])"), "json.type"},
      {"out of range", input(R"("datatype":"INT8","shape":[1],"data":[128])"), "json.range"},
      {"a fraction for an integer", input(R"("datatype":"INT32","shape":[1],"data":[1.5])"), "json.range"},
      {"FP16 as JSON", input(R"("datatype":"FP16","shape":[1],"data":[1])"), "v2.json_dtype"},
      {"BF16 as JSON", input(R"("datatype":"BF16","shape":[1],"data":[1])"), "v2.json_dtype"},
      {"above the limit", input(R"("datatype":"FP32","shape":[17],"data":[1])"), "tensor.size"},
      {"texts above the limit",
       input(R"("datatype":"BYTES","shape":[1],"data":[")" + std::string(61, 'a') + R"("])"), "tensor.size"},
  };
  expect_refused(rows, one());
}

TEST(Reject, MoreTensorsThanAnyModelHas) {
  std::string many;
  for (std::size_t i = 0; i <= kMaxTensors; ++i) many += (i == 0 ? "" : ",") + std::string("{}");
  const Row rows[] = {{"inputs", R"({"inputs":[)" + many + "]}", "v2.too_many"},
                      {"outputs", with(R"("outputs":[)" + many + "]"), "v2.too_many"}};
  expect_refused(rows, one());
}

/// JSON with one binary input, then `bytes`.
std::string binary(const std::string& datatype, const std::string& shape, int size,
                   const std::string& bytes) {
  return input(R"("datatype":")" + datatype + R"(","shape":)" + shape +
               R"(,"parameters":{"binary_data_size":)" + std::to_string(size) + "}") +
         bytes;
}

TEST(Reject, BinaryData) {
  const std::string four(4, 'a');
  const Row rows[] = {
      {"header no number", "{}", "v2.header", "two"},
      {"header empty", "{}", "v2.header", ""},
      {"header with a sign", "{}", "v2.header", "+2"},
      {"header with a tail", "{}", "v2.header", "2 "},
      {"header negative", "{}", "v2.header", "-1"},
      {"header beyond 64 bits", "{}", "v2.header", "18446744073709551616"},
      {"header beyond the body", "{}", "v2.header", "3"},
      {"JSON cut", "{}", "json.syntax", "1"},
      {"too few bytes", binary("FP32", "[1]", 4, "aaa"), "v2.binary_size", "json"},
      {"left over bytes", binary("FP32", "[1]", 4, "aaaaa"), "v2.binary_size", "json"},
      {"left over without inputs", R"({"inputs":[]})" + four, "v2.binary_size", "json"},
      {"no header", binary("FP32", "[1]", 4, ""), "v2.binary_size"},
      {"size against shape", binary("FP32", "[2]", 4, four), "tensor.size", "json"},
      {"size against a zero shape", binary("FP32", "[0]", 4, four), "tensor.size", "json"},
      {"size overflows", binary("FP64", "[4611686018427387904]", 4, four), "tensor.size", "json"},
      {"BYTES cut in a length", binary("BYTES", "[1]", 3, "aaa"), "tensor.bytes", "json"},
      {"BYTES cut in an element", binary("BYTES", "[1]", 5, std::string("\2\0\0\0a", 5)), "tensor.bytes",
       "json"},
      {"BYTES with fewer elements", binary("BYTES", "[2]", 4, std::string(4, '\0')), "tensor.size", "json"},
      {"BYTES with more elements", binary("BYTES", "[1]", 8, std::string(8, '\0')), "tensor.size", "json"},
  };
  expect_refused(rows, one());
}

TEST(Reject, RawBodies) {
  const Row eight[] = {{"short", "aaaa", "v2.raw", "0"},
                       {"two records", std::string(16, 'a'), "v2.raw", "0"},
                       {"empty", "", "v2.raw", "0"}};
  expect_refused(eight, one());
  const Row any[] = {{"any", "aaaaaaaa", "v2.raw", "0"}};
  Signature two = one();
  two.inputs.push_back(two.inputs[0]);
  expect_refused(any, two);
  expect_refused(any, {{{"x", DType::kFp32, {-1, -1, -1}}}, {}});
  expect_refused(any, {{{"x", DType::kBytes, {2}}}, {}});
  expect_refused(any, {{{"x", DType::kFp32, {-1, 3, -1}}}, {}});
  expect_refused(any, {{{"x", DType::kFp32, {-1, 0}}}, {}});
}

struct RawRow {
  DType dtype;
  Shape declared;
  std::size_t body;
  Shape wanted;
};

TEST(Raw, TheShapeFollowsFromTheBody) {
  const dialect::Limits limits;
  for (const RawRow& row :
       {RawRow{DType::kFp32, {-1, 2}, 8, {1, 2}}, RawRow{DType::kFp32, {-1}, 12, {3}},
        RawRow{DType::kInt8, {-1, -1}, 5, {1, 5}}, RawRow{DType::kFp16, {2, -1}, 8, {2, 2}},
        RawRow{DType::kFp64, {}, 8, {}}, RawRow{DType::kUint8, {-1, 0}, 0, {1, 0}},
        RawRow{DType::kFp32, {-1}, 0, {0}}, RawRow{DType::kBytes, {-1, 1}, 3, {1, 1}}}) {
    const Signature signature{{{"x", row.dtype, row.declared}}, {}};
    const std::string body(row.body, 'a');
    const auto got = decode(as_bytes(body), "0", {signature, limits});
    ASSERT_TRUE(got.ok()) << row.declared.to_string() << got.error().message();
    EXPECT_EQ(got->inputs[0].tensor.shape, row.wanted);
    EXPECT_TRUE(got->inputs[0].tensor.validate().ok());
    EXPECT_TRUE(got->binary_output);
  }
}

}  // namespace
}  // namespace slipway::openinference
