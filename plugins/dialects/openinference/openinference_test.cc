// The dialect from request to answer, against a server whose models answer what the test tells them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>

#include "contracts/dialect/testing/fake_exchange.h"
#include "contracts/dialect/testing/fake_server.h"

namespace slipway {
std::unique_ptr<dialect::Dialect> make_dialect_openinference(const dialect::Host& host);
namespace openinference {
namespace {

using dialect::Method;
using dialect::testing::Answer;
using dialect::testing::FakeModel;
using dialect::testing::FakeRequest;
using dialect::testing::FakeServer;
using ::testing::HasSubstr;

constexpr const char* kWine = R"({"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]}])";

FakeModel wine() {
  FakeModel model;
  model.signature_value = {{{"x", DType::kFp32, {-1, 2}}},
                           {{"label", DType::kInt64, {-1}}, {"p", DType::kFp32, {-1, 2}}}};
  return model;
}

/// Every datatype in and out; answers its inputs.
FakeModel echo() {
  FakeModel model;
  model.name_text = "echo";
  for (std::size_t i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    model.signature_value.inputs.push_back({std::string(dtype_name(dtype)), dtype, {-1}});
  }
  model.signature_value.outputs = model.signature_value.inputs;
  return model;
}

Result<infer::Response> run(const dialect::ServedModel& model, const infer::Request& request) {
  std::vector<NamedTensor> outputs;
  if (model.name() == "echo") {
    for (const infer::Input& input : request.inputs)
      outputs.push_back({std::string(input.name), Tensor::copy_of(input.tensor)});
    return dialect::testing::make_response(std::move(outputs));
  }
  const auto wanted = [&](std::string_view name) {
    for (const std::string_view output : request.requested_outputs) {
      if (output == name) return true;
    }
    return request.requested_outputs.empty();
  };
  const auto rows = static_cast<std::size_t>(request.inputs[0].tensor.shape[0]);
  const auto count = static_cast<std::int64_t>(rows);
  if (wanted("label"))
    outputs.push_back({"label", Tensor::of<std::int64_t>({count}, std::vector<std::int64_t>(rows, 7))});
  if (wanted("p"))
    outputs.push_back({"p", Tensor::of<float>({count, 2}, std::vector<float>(rows * 2, 0.5F))});
  auto response = dialect::testing::make_response(std::move(outputs));
  response.timings.compute = std::chrono::milliseconds(3);
  return response;
}

class OpenInferenceTest : public ::testing::Test {
 protected:
  OpenInferenceTest() {
    server_.add(wine());
    server_.add(echo());
    server_.run = run;
    host_.server = &server_;
    host_.clock = &clock_;
    host_.logger = &logger_;
    host_.server_version = "1.2.3";
    dialect_ = make_dialect_openinference(host_);
  }

  std::shared_ptr<const Answer> get(std::string path) {
    return dialect::testing::send(*dialect_, {.path = std::move(path)});
  }
  std::shared_ptr<const Answer> post(std::string path, std::string body, std::string json_size = "") {
    FakeRequest request{.method = Method::kPost, .path = std::move(path)};
    if (!json_size.empty()) request.headers = {{"inference-header-content-length", std::move(json_size)}};
    request.body = std::move(body);
    return dialect::testing::send(*dialect_, std::move(request));
  }
  std::shared_ptr<const Answer> infer(std::string body, std::string json_size = "") {
    return post("/v2/models/wine/infer", std::move(body), std::move(json_size));
  }
  /// One input of `datatype` to the model that answers it.
  std::shared_ptr<const Answer> echo_json(const std::string& datatype, const std::string& shape,
                                          const std::string& data, const std::string& more = "") {
    return post("/v2/models/echo/infer", R"({"inputs":[{"name":")" + datatype + R"(","shape":)" + shape +
                                             R"(,"datatype":")" + datatype + R"(","data":)" + data + "}]" +
                                             more + "}");
  }
  /// JSON, then raw bytes.
  std::shared_ptr<const Answer> binary(const std::string& path, const std::string& json,
                                       const std::string& bytes) {
    return post(path, json + bytes, std::to_string(json.size()));
  }

  ManualClock clock_;
  NullLogger logger_;
  FakeServer server_;
  dialect::Host host_;
  std::unique_ptr<dialect::Dialect> dialect_;
};

std::string bytes_of(std::span<const float> values) { return std::string(as_text(std::as_bytes(values))); }

TEST_F(OpenInferenceTest, AClassificationComesAsTexts) {
  const auto got =
      infer(R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}],"outputs":[)"
            R"({"name":"label"},{"name":"p","parameters":{"classification":1}}]})");
  EXPECT_EQ(got->status, 200) << got->body;
  EXPECT_EQ(got->body, R"({"model_name":"wine","model_version":"1","outputs":[)"
                       R"({"name":"label","datatype":"INT64","shape":[1],"data":[7]},)"
                       R"({"name":"p","datatype":"BYTES","shape":[1,1],"data":["0.500000:0"]}]})");
}

TEST_F(OpenInferenceTest, TheServerTellsItsNameAndExtensions) {
  const auto got = get("/v2");
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->header("content-type"), "application/json");
  EXPECT_EQ(got->body,
            R"({"name":"slipway","version":"1.2.3","extensions":)"
            R"(["binary_tensor_data","classification","parameters","model_repository","statistics",)"
            R"("model_configuration","logging"]})");
}

TEST_F(OpenInferenceTest, TheLogsLevelIsReadAndChanged) {
  EXPECT_EQ(get("/v2/logging")->status, 501);
  EXPECT_EQ(post("/v2/logging", R"({"log_info":false})")->status, 501);
  LogLevel level = LogLevel::kInfo;
  host_.log_level = [&] { return level; };
  host_.set_log_level = [&](LogLevel wanted) { level = wanted; };
  dialect_ = make_dialect_openinference(host_);
  EXPECT_EQ(get("/v2/logging")->body,
            R"({"log_info":true,"log_warning":true,"log_error":true,"log_verbose_level":0})");
  const std::string debug = R"({"log_info":true,"log_warning":true,"log_error":true,"log_verbose_level":1})";
  EXPECT_EQ(post("/v2/logging", R"({"log_verbose_level":1})")->body, debug);
  EXPECT_EQ(level, LogLevel::kDebug);
  // All or nothing.
  for (const char* body :
       {"", "[]", "{", "7", R"({"log_verbose_level":0,"log_file":"/tmp/x"})",
        R"({"log_verbose_level":0,"log_format":"ISO8601"})", R"({"log_verbose_level":0,"log_error":"no"})",
        R"({"log_verbose_level":0,"log_error":false})", R"({"log_verbose_level":2})",
        R"({"log_verbose_level":-1})", R"({"log_verbose_level":0.5})", R"({"log_verbose_level":null})",
        R"({"log_info":true,"log_info":false})", R"({"nonsense":1})"}) {
    const auto got = post("/v2/logging", body);
    EXPECT_EQ(got->status, 400) << body << got->body;
    EXPECT_EQ(level, LogLevel::kDebug) << body;
  }
  EXPECT_EQ(post("/v2/logging", "{}")->body, debug);
  EXPECT_EQ(post("/v2/logging", R"({"log_verbose_level":0,"log_info":false})")->status, 200);
  EXPECT_EQ(level, LogLevel::kWarning);
}

TEST_F(OpenInferenceTest, HealthIsJsonAndNotReadyIs400) {
  EXPECT_EQ(get("/v2/health/live")->body, R"({"live":true})");
  EXPECT_EQ(get("/v2/health/ready")->body, R"({"ready":true})");
  EXPECT_EQ(get("/v2/health/ready")->status, 200);
  server_.is_ready = false;
  EXPECT_EQ(get("/v2/health/live")->status, 200);
  EXPECT_EQ(get("/v2/health/ready")->status, 400);
  EXPECT_EQ(get("/v2/health/ready")->body, R"({"ready":false})");
}

TEST_F(OpenInferenceTest, ModelsAreListedOnceAndOnlyWhereReady) {
  server_.add_unready({"zz", "1", dialect::ModelState::kFailed, "broken"});
  EXPECT_EQ(get("/v2/models")->body, R"({"models":["wine","echo"]})");
}

TEST_F(OpenInferenceTest, AModelTellsItsTensors) {
  EXPECT_EQ(get("/v2/models/wine")->body, R"({"name":"wine","versions":["1"],"platform":"onnxruntime",)"
                                          R"("inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],)"
                                          R"("outputs":[{"name":"label","datatype":"INT64","shape":[-1]},)"
                                          R"({"name":"p","datatype":"FP32","shape":[-1,2]}]})");
  EXPECT_EQ(get("/v2/models/wine/versions/1")->status, 200);
  EXPECT_EQ(get("/v2/models/wine/versions/2")->status, 404);
  EXPECT_EQ(get("/v2/models/beer")->status, 404);
  EXPECT_EQ(get("/v2/models/beer")->body, R"({"error":"no model is called \"beer\""})");
}

TEST_F(OpenInferenceTest, AModelTellsWhetherItIsReady) {
  server_.add_unready({"slow", "1", dialect::ModelState::kLoading, "still loading"});
  EXPECT_EQ(get("/v2/models/wine/ready")->status, 200);
  EXPECT_EQ(get("/v2/models/wine/ready")->body, R"({"name":"wine","ready":true})");
  EXPECT_EQ(get("/v2/models/wine/versions/1/ready")->status, 200);
  EXPECT_EQ(get("/v2/models/slow/ready")->status, 400);
  EXPECT_EQ(get("/v2/models/slow/ready")->body, R"({"name":"slow","ready":false})");
  EXPECT_EQ(get("/v2/models/beer/ready")->status, 404);
  EXPECT_EQ(get("/v2/models/wine/versions/2/ready")->status, 404);
  EXPECT_EQ(post("/v2/models/slow/infer", "{}")->status, 503);
}

TEST_F(OpenInferenceTest, JsonInJsonOut) {
  clock_.advance(std::chrono::milliseconds(1));
  const auto got = infer(std::string(kWine) + R"(,"id":"a \"1\""})");
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->header("content-type"), "application/json");
  EXPECT_EQ(got->header("inference-header-content-length"), "");
  EXPECT_EQ(got->body, R"({"model_name":"wine","model_version":"1","id":"a \"1\"","outputs":[)"
                       R"({"name":"label","datatype":"INT64","shape":[2],"data":[7,7]},)"
                       R"({"name":"p","datatype":"FP32","shape":[2,2],"data":[0.5,0.5,0.5,0.5]}]})");
  ASSERT_EQ(server_.observed.size(), 1u);
  EXPECT_EQ(server_.observed[0].first, "openinference");
  EXPECT_EQ(server_.observed[0].second.rows, 2u);
  EXPECT_EQ(server_.observed[0].second.code, Code::kOk);
  EXPECT_EQ(server_.observed[0].second.timings.compute, std::chrono::milliseconds(3));
}

TEST_F(OpenInferenceTest, DataMayBeNestedAndUnknownKeysAndParametersAreLeftAlone) {
  const auto got = infer(
      R"({"model_name":"x","parameters":{"priority":1,"a":"b","c":true,"d":1.5},"inputs":[{"name":"x",)"
      R"("parameters":{"content_type":"np"},"extra":null,"shape":[2,2],"datatype":"FP32","data":[[1,2],[3,4]]}],)"
      R"("outputs":[{"name":"label","parameters":{"classification":0,"content_type":"np"}}]})");
  EXPECT_EQ(got->status, 200) << got->body;
  EXPECT_EQ(got->body, R"({"model_name":"wine","model_version":"1","outputs":[)"
                       R"({"name":"label","datatype":"INT64","shape":[2],"data":[7,7]}]})");
}

TEST_F(OpenInferenceTest, AVersionMayBeNamed) {
  EXPECT_EQ(post("/v2/models/wine/versions/1/infer", std::string(kWine) + "}")->status, 200);
  EXPECT_EQ(post("/v2/models/wine/versions/2/infer", std::string(kWine) + "}")->status, 404);
  EXPECT_EQ(post("/v2/models/beer/infer", std::string(kWine) + "}")->status, 404);
  EXPECT_EQ(server_.observed.back().second.code, Code::kNotFound);
}

TEST_F(OpenInferenceTest, TheTimeoutParameterIsTheDeadline) {
  MonoTime deadline{};
  server_.run = [&](const dialect::ServedModel&, const infer::Request& request) -> Result<infer::Response> {
    deadline = request.deadline;
    return deadline_exceeded("infer.deadline", "too late");
  };
  const auto got = infer(std::string(kWine) + R"(,"parameters":{"timeout":1500}})");
  EXPECT_EQ(got->status, 503);
  EXPECT_EQ(deadline, MonoTime{} + std::chrono::microseconds(1500));
  infer(std::string(kWine) + R"(,"parameters":{"timeout":0}})");
  EXPECT_EQ(deadline, MonoTime::max());
  infer(std::string(kWine) + R"(,"parameters":{"timeout":18446744073709551615}})");
  EXPECT_GT(deadline, MonoTime{} + std::chrono::hours(24));
}

TEST_F(OpenInferenceTest, EveryDatatypeGoesThroughJson) {
  struct Row {
    const char* datatype;
    const char* data;
  };
  for (const Row& row :
       {Row{"BOOL", "[true,false]"}, Row{"UINT8", "[0,255]"}, Row{"UINT16", "[0,65535]"},
        Row{"UINT32", "[0,4294967295]"}, Row{"UINT64", "[0,18446744073709551615]"}, Row{"INT8", "[-128,127]"},
        Row{"INT16", "[-32768,32767]"}, Row{"INT32", "[-2147483648,2147483647]"},
        Row{"INT64", "[-9223372036854775808,9223372036854775807]"}, Row{"FP32", "[0.1,-2.5]"},
        Row{"FP64", "[0.1,-2.5]"}, Row{"BYTES", R"(["","\u00e4\n"])"}}) {
    const auto got = echo_json(row.datatype, "[2]", row.data);
    EXPECT_EQ(got->status, 200) << row.datatype << got->body;
    const std::string data = row.datatype == std::string("BYTES") ? "[\"\",\"\xc3\xa4\\n\"]" : row.data;
    EXPECT_THAT(got->body, HasSubstr("\"data\":" + data + "}")) << row.datatype;
    const auto nothing = echo_json(row.datatype, "[0]", "[]");
    EXPECT_THAT(nothing->body, HasSubstr(R"("shape":[0],"data":[]})")) << row.datatype;
  }
}

TEST_F(OpenInferenceTest, NumbersThatJsonLacksAreNull) {
  const std::vector<float> values = {std::numeric_limits<float>::quiet_NaN(), 1};
  const std::string json = R"({"inputs":[{"name":"FP32","shape":[2],"datatype":"FP32",)"
                           R"("parameters":{"binary_data_size":8}}]})";
  EXPECT_THAT(binary("/v2/models/echo/infer", json, bytes_of(values))->body,
              HasSubstr(R"("data":[null,1.0])"));
}

TEST_F(OpenInferenceTest, BinaryAndJsonInputsMix) {
  const std::string json =
      R"({"inputs":[)"
      R"({"name":"FP16","shape":[3],"datatype":"FP16","parameters":{"binary_data_size":6}},)"
      R"({"name":"INT8","shape":[1],"datatype":"INT8","data":[-5]},)"
      R"({"name":"BYTES","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":9}},)"
      R"({"name":"BF16","shape":[0],"datatype":"BF16","parameters":{"binary_data_size":0}}],)"
      R"("parameters":{"binary_data_output":true},)"
      R"("outputs":[{"name":"FP16"},{"name":"INT8","parameters":{"binary_data":false}},)"
      R"({"name":"BYTES"},{"name":"BF16"}]})";
  const std::string bytes("abcdef\0\0\0\0\1\0\0\0\xff", 15);
  const auto got = binary("/v2/models/echo/infer", json, bytes);
  EXPECT_EQ(got->status, 200) << got->body;
  const std::string head =
      R"({"model_name":"echo","model_version":"1","outputs":[)"
      R"({"name":"FP16","datatype":"FP16","shape":[3],"parameters":{"binary_data_size":6}},)"
      R"({"name":"INT8","datatype":"INT8","shape":[1],"data":[-5]},)"
      R"({"name":"BYTES","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":9}},)"
      R"({"name":"BF16","datatype":"BF16","shape":[0],"parameters":{"binary_data_size":0}}]})";
  EXPECT_EQ(got->body, head + bytes);
  EXPECT_EQ(got->header("content-type"), "application/octet-stream");
  EXPECT_EQ(got->header("Inference-Header-Content-Length"), std::to_string(head.size()));
}

TEST_F(OpenInferenceTest, BinaryInputsAreReadWhereTheyWereReceived) {
  ByteView seen;
  server_.run = [&](const dialect::ServedModel&, const infer::Request& request) -> Result<infer::Response> {
    seen = request.inputs[0].tensor.data;
    return internal_error("test", "enough");
  };
  const std::string json = R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32",)"
                           R"("parameters":{"binary_data_size":8}}]})";
  FakeRequest request{.method = Method::kPost, .path = "/v2/models/wine/infer"};
  request.headers = {{"inference-header-content-length", std::to_string(json.size())}};
  request.body = json + "12345678";
  auto exchange = std::make_unique<dialect::testing::FakeExchange>(std::move(request));
  const ByteView body = exchange->body();
  const auto answer = exchange->answer();
  int route_id = -1;
  for (const dialect::Route& route : dialect_->routes()) {
    if (route.pattern == "/v2/models/{model}/infer") route_id = route.id;
  }
  const std::string_view model = "wine";
  server_.hold = true;
  dialect_->handle(route_id, {&model, 1}, std::move(exchange));
  server_.release();
  EXPECT_EQ(seen.data(), body.data() + json.size());
  EXPECT_EQ(answer->status, 500);
}

TEST_F(OpenInferenceTest, ASingleOutputMayBeBinary) {
  const auto got = infer(std::string(kWine) +
                         R"(,"outputs":[{"name":"p","parameters":{"binary_data":true}},{"name":"label"}]})");
  const std::vector<float> p(4, 0.5F);
  EXPECT_THAT(got->body, ::testing::EndsWith("}]}" + bytes_of(p)));
  EXPECT_THAT(got->body, HasSubstr(R"("data":[7,7])"));
}

TEST_F(OpenInferenceTest, ARawBodyIsTheOneInputOfOneRecord) {
  const std::vector<float> x = {1, 2};
  const auto got = infer(bytes_of(x), "0");
  EXPECT_EQ(got->status, 200) << got->body;
  EXPECT_EQ(got->header("content-type"), "application/octet-stream");
  EXPECT_THAT(got->body, HasSubstr(R"({"name":"label","datatype":"INT64","shape":[1],)"
                                   R"("parameters":{"binary_data_size":8}})"));
}

TEST_F(OpenInferenceTest, WhatJsonCannotCarryIsRefusedWithAdvice) {
  const std::string half = R"({"inputs":[{"name":"FP16","shape":[1],"datatype":"FP16",)"
                           R"("parameters":{"binary_data_size":2}}]})";
  const auto got = binary("/v2/models/echo/infer", half, "ab");
  EXPECT_EQ(got->status, 400);
  EXPECT_EQ(got->body,
            R"({"error":"output \"FP16\": it is FP16, which has no form in JSON: ask for it with the )"
            R"(parameter \"binary_data\": true"})");
  const std::string text = R"({"inputs":[{"name":"BYTES","shape":[1],"datatype":"BYTES",)"
                           R"("parameters":{"binary_data_size":5}}]})";
  const auto latin = binary("/v2/models/echo/infer", text, std::string("\1\0\0\0\xff", 5));
  EXPECT_EQ(latin->status, 400);
  EXPECT_THAT(latin->body, HasSubstr("not UTF-8"));
  EXPECT_EQ(server_.observed.back().second.code, Code::kInvalidArgument);
}

TEST_F(OpenInferenceTest, StatusesAreTritons) {
  const std::vector<std::pair<Error, int>> rows = {
      {invalid_argument("a", "b"), 400}, {failed_precondition("a", "b"), 400},
      {already_exists("a", "b"), 400},   {permission_denied("a", "b"), 403},
      {not_found("a", "b"), 404},        {internal_error("a", "b"), 500},
      {data_loss("a", "b"), 500},        {unimplemented("a", "b"), 501},
      {unavailable("a", "b"), 503},      {resource_exhausted("a", "b"), 429},
      {deadline_exceeded("a", "b"), 503}};
  for (const auto& [error, status] : rows) {
    server_.run = [&error = error](const auto&, const auto&) -> Result<infer::Response> { return error; };
    const auto got = infer(std::string(kWine) + "}");
    EXPECT_EQ(got->status, status) << code_name(error.code());
    EXPECT_EQ(got->body, R"({"error":"b"})");
    EXPECT_EQ(server_.observed.back().second.code, error.code());
  }
}

TEST_F(OpenInferenceTest, RefusalsOfTheTransportAreInTheDialectsWords) {
  auto exchange = std::make_unique<dialect::testing::FakeExchange>(FakeRequest{});
  const auto answer = exchange->answer();
  dialect_->refuse(permission_denied("http.control", "not from here"), std::move(exchange));
  EXPECT_EQ(answer->status, 403);
  EXPECT_EQ(answer->body, R"({"error":"not from here"})");
}

TEST_F(OpenInferenceTest, TheIndexListsWhatIsThere) {
  server_.add_unready({"slow", "3", dialect::ModelState::kFailed, "no such file"});
  EXPECT_EQ(post("/v2/repository/index", "")->body,
            R"([{"name":"wine","version":"1","state":"READY","reason":""},)"
            R"({"name":"echo","version":"1","state":"READY","reason":""},)"
            R"({"name":"slow","version":"3","state":"UNAVAILABLE","reason":"no such file"}])");
  EXPECT_THAT(post("/v2/repository/index", R"({"ready":true})")->body, ::testing::Not(HasSubstr("slow")));
  EXPECT_THAT(post("/v2/repository/index", R"({"ready":false})")->body, HasSubstr("slow"));
  EXPECT_EQ(post("/v2/repository/index", R"({"ready":1})")->status, 400);
  EXPECT_EQ(post("/v2/repository/index", "[]")->status, 400);
  EXPECT_EQ(post("/v2/repository/index", "{")->status, 400);
}

TEST_F(OpenInferenceTest, ModelsAreLoadedAndUnloadedByControl) {
  EXPECT_EQ(post("/v2/repository/models/beer/load", "")->status, 200);
  EXPECT_EQ(post("/v2/repository/models/beer/load", "{}")->body, R"({"name":"beer","load":true})");
  EXPECT_EQ(post("/v2/repository/models/beer/unload", R"({"parameters":{"unload_dependents":false}})")->body,
            R"({"name":"beer","unload":true})");
  EXPECT_THAT(server_.loaded, ::testing::ElementsAre("beer", "beer"));
  EXPECT_THAT(server_.unloaded, ::testing::ElementsAre("beer"));
  EXPECT_EQ(post("/v2/repository/models/beer/load", R"({"parameters":{"config":"{}"}})")->status, 501);
  EXPECT_EQ(post("/v2/repository/models/beer/load", R"({"parameters":{"file:1/a":"aa"}})")->status, 501);
  EXPECT_EQ(post("/v2/repository/models/beer/unload", R"({"parameters":1})")->status, 400);
  EXPECT_EQ(server_.loaded.size(), 2u);
  server_.load_result = not_found("model.unknown", "no beer");
  EXPECT_EQ(post("/v2/repository/models/beer/load", "")->status, 404);
  EXPECT_EQ(post("/v2/repository/models/beer/unload", "")->body, R"({"error":"no beer"})");
  for (const dialect::Route& route : dialect_->routes()) {
    const bool control = route.pattern.ends_with("load") || route.pattern.ends_with("logging") ||
                         route.pattern.starts_with("/v2/systemsharedmemory/");
    EXPECT_EQ(route.reach, control ? dialect::Reach::kControl : dialect::Reach::kInference) << route.pattern;
  }
}

TEST_F(OpenInferenceTest, RepositoriesHaveNoNames) {
  EXPECT_EQ(post("/v2/repository/other/index", "")->status, 501);
  EXPECT_EQ(post("/v2/repository/other/models/beer/load", "")->status, 501);
  EXPECT_EQ(post("/v2/repository/other/models/beer/unload", "")->status, 501);
}

}  // namespace
}  // namespace openinference
}  // namespace slipway
