// The dialect from request to answer, against a server whose models answer what the test tells them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "contracts/dialect/testing/fake_exchange.h"
#include "contracts/dialect/testing/fake_server.h"
#include "function/function_testing.h"
#include "json/json.h"

namespace slipway {
std::unique_ptr<dialect::Dialect> make_dialect_records(const dialect::Host& host);
namespace records {
namespace {

using dialect::Method;
using dialect::testing::Answer;
using dialect::testing::FakeModel;
using dialect::testing::FakeRequest;
using dialect::testing::FakeServer;
using function::OutputField;
using function::testing::answer;
using function::testing::number;
using ::testing::HasSubstr;
using ::testing::StartsWith;

FakeModel wine() {
  FakeModel model;
  model.version_text = "1.0.0";
  model.description_text = "Tells a <wine>";
  model.example_text = R"({"alcohol":13.2,"hue":1.04})";
  model.signature_value = {{{"x", DType::kFp32, {-1, 2}}},
                           {{"label", DType::kInt64, {-1}}, {"p", DType::kFp32, {-1, 2}}}};
  function::Spec spec{{number("alcohol"), number("hue")},
                      {answer("label", OutputField::Kind::kLabel, "label", {"barolo", "barbera"}),
                       answer("score", OutputField::Kind::kScore, "p")}};
  spec.inputs[1].required = false;
  spec.inputs[1].description = "of the colour";
  model.function_value = function::Function::create(spec, model.signature_value).value();
  return model;
}

class RecordsTest : public ::testing::Test {
 protected:
  RecordsTest() {
    server_.add(wine());
    host_.server = &server_;
    host_.clock = &clock_;
    host_.logger = &logger_;
    host_.server_version = "1.2.3";
    host_.limits.max_records = 3;
    dialect_ = make_dialect_records(host_);
    server_.run = [this](const dialect::ServedModel&,
                         const infer::Request& request) -> Result<infer::Response> {
      seen_.clear();
      for (const float value : request.inputs[0].tensor.values<float>()) seen_.push_back(value);
      const auto rows = static_cast<std::size_t>(request.inputs[0].tensor.shape[0]);
      const std::vector<std::int64_t> labels(rows, 1);
      std::vector<float> scores;
      for (std::size_t i = 0; i < rows; ++i) scores.insert(scores.end(), {0.25F, 0.75F});
      std::vector<NamedTensor> outputs;
      const auto count = static_cast<std::int64_t>(rows);
      outputs.push_back({"label", Tensor::of<std::int64_t>({count}, labels)});
      outputs.push_back({"p", Tensor::of<float>({count, 2}, scores)});
      return dialect::testing::make_response(std::move(outputs));
    };
  }

  std::shared_ptr<const Answer> post(std::string body, std::string path = "/predict/wine",
                                     std::string type = "application/json") {
    FakeRequest request{.method = Method::kPost, .path = std::move(path)};
    if (!type.empty()) request.headers = {{"content-type", std::move(type)}};
    request.body = std::move(body);
    return dialect::testing::send(*dialect_, std::move(request));
  }
  std::shared_ptr<const Answer> get(std::string path) {
    return dialect::testing::send(*dialect_, {.path = std::move(path)});
  }

  ManualClock clock_;
  NullLogger logger_;
  FakeServer server_;
  dialect::Host host_;
  std::unique_ptr<dialect::Dialect> dialect_;
  std::vector<float> seen_;
};

TEST_F(RecordsTest, RecordsComeBackAsPredictionsInTheirOrder) {
  const auto got = post(R"({"records":[{"alcohol":13.2,"hue":1},{"hue":2,"alcohol":12}]})");
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->header("content-type"), "application/json");
  EXPECT_EQ(got->body, R"({"model":"wine","version":"1.0.0","digest":"sha256:0123","predictions":[)"
                       R"({"label":"barbera","score":0.75},{"label":"barbera","score":0.75}]})");
  EXPECT_THAT(seen_, ::testing::ElementsAre(13.2F, 1, 12, 2));
  ASSERT_EQ(server_.observed.size(), 1u);
  EXPECT_EQ(server_.observed[0].first, "records");
  EXPECT_EQ(server_.observed[0].second.rows, 2u);
  EXPECT_EQ(server_.observed[0].second.code, Code::kOk);
}

TEST_F(RecordsTest, AVersionMayBeNamed) {
  FakeModel bare = wine();
  bare.version_text = "2";
  bare.digest_text.clear();
  server_.add(std::move(bare));
  EXPECT_THAT(post(R"({"records":[{"alcohol":1}]})")->body, HasSubstr(R"("version":"2","digest":null)"));
  EXPECT_THAT(post(R"({"records":[{"alcohol":1}]})", "/predict/wine/versions/1.0.0")->body,
              HasSubstr(R"("version":"1.0.0")"));
  const auto missing = post("{}", "/predict/wine/versions/9");
  EXPECT_EQ(missing->status, 404);
  EXPECT_THAT(missing->body,
              StartsWith(R"({"error":{"code":"NOT_FOUND","id":"model.version_unknown","message":)"));
}

TEST_F(RecordsTest, OneBadRecordFailsTheRequestWithEveryFault) {
  const auto got = post(R"({"records":[{"alcohol":1},{"alcool":"a","hue":"b"}]})");
  EXPECT_EQ(got->status, 400);
  EXPECT_EQ(
      got->body,
      R"({"error":{"code":"INVALID_ARGUMENT","id":"record.invalid","message":)"
      R"("3 fields do not fit: records[1].alcool: is no field of this model","details":[)"
      R"({"record":1,"field":"alcool","message":"is no field of this model; did you mean \"alcohol\"?"},)"
      R"({"record":1,"field":"hue","message":"found \"b\", wanted a number"},)"
      R"({"record":1,"field":"alcohol","message":"is missing, wanted a number"}]}})");
  ASSERT_EQ(server_.observed.size(), 1u);
  EXPECT_EQ(server_.observed[0].second.code, Code::kInvalidArgument);
}

TEST_F(RecordsTest, BodiesThatAreNoRequestAreRefused) {
  struct Row {
    const char* body;
    const char* id;
  };
  const std::string deep =
      R"({"records":[{"alcohol":)" + std::string(200, '[') + std::string(200, ']') + "}]}";
  const Row rows[] = {
      {"", "json.syntax"},
      {"{", "json.syntax"},
      {R"({"records":[{"alcohol":NaN}]})", "json.syntax"},
      {R"({"records":[{"alcohol":Infinity}]})", "json.syntax"},
      {"{\"records\":[{\"alcohol\xff\":1}]}", "json.utf8"},
      {deep.c_str(), "json.depth"},
      {"[]", "predict.body"},
      {"{}", "predict.body"},
      {R"({"record":{"alcohol":1}})", "predict.body"},
      {R"({"records":{"alcohol":1}})", "predict.body"},
      {R"({"records":[],"id":1})", "predict.body"},
      {R"({"records":[],"records":[]})", "predict.body"},
      {R"({"records":[]})", "record.none"},
      {R"({"records":[7]})", "record.invalid"},
      {R"({"records":[{"alcohol":1e39}]})", "record.invalid"},
      {R"({"records":[{},{},{},{}]})", "predict.too_many_records"},
  };
  for (const Row& row : rows) {
    const auto got = post(row.body);
    EXPECT_EQ(got->status, 400) << row.body;
    EXPECT_THAT(got->body, HasSubstr(R"("id":")" + std::string(row.id) + "\"")) << row.body;
  }
}

TEST_F(RecordsTest, OnlyJsonIsRead) {
  const std::string body = R"({"records":[{"alcohol":1}]})";
  for (const char* type :
       {"application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\"", "",
        "application/x-www-form-urlencoded", "text/plain; charset=utf-8"}) {
    EXPECT_EQ(post(body, "/predict/wine", type)->status, 200) << type;
  }
  for (const char* type : {"text/csv", "multipart/form-data; boundary=x", "application/json; charset=latin1",
                           "text/plain; charset=latin1", "application/jsonp", "application"}) {
    const auto got = post(body, "/predict/wine", type);
    EXPECT_EQ(got->status, 400) << type;
    EXPECT_THAT(got->body, HasSubstr("predict.content_type")) << type;
  }
}

// Browsers send these types for a page of any origin without asking the server first; they ask before JSON.
TEST_F(RecordsTest, PagesMustSayThatTheySendJson) {
  const auto status = [&](const char* type) {
    FakeRequest request{.method = Method::kPost, .path = "/predict/wine"};
    request.headers = {{"origin", "http://elsewhere.example"}};
    if (*type != '\0') request.headers.emplace_back("content-type", type);
    request.body = R"({"records":[{"alcohol":1}]})";
    return dialect::testing::send(*dialect_, std::move(request))->status;
  };
  EXPECT_EQ(status("application/json"), 200);
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded"})
    EXPECT_EQ(status(type), 400) << type;
}

TEST_F(RecordsTest, FailuresOfTheServerKeepTheirCodeAndSayWhenToTryAgain) {
  struct Row {
    Error error;
    int status;
    const char* retry;
  };
  const Row rows[] = {{resource_exhausted("infer.overloaded", "busy"), 429, "1"},
                      {unavailable("model.not_ready", "loading"), 503, "1"},
                      {deadline_exceeded("infer.deadline", "late"), 504, ""},
                      {internal_error("backend.run", "broken"), 500, ""}};
  for (const Row& row : rows) {
    server_.run = [&](const dialect::ServedModel&, const infer::Request&) -> Result<infer::Response> {
      return row.error;
    };
    const auto got = post(R"({"records":[{"alcohol":1}]})");
    EXPECT_EQ(got->status, row.status);
    EXPECT_EQ(got->header("retry-after"), row.retry);
    EXPECT_THAT(got->body, HasSubstr(row.error.id()));
  }
}

TEST_F(RecordsTest, AnAnswerThatDoesNotFitIsAnErrorAndNoPrediction) {
  server_.run = [](const dialect::ServedModel&, const infer::Request&) -> Result<infer::Response> {
    std::vector<NamedTensor> outputs;
    outputs.push_back({"label", Tensor::of<std::int64_t>({1}, std::vector<std::int64_t>{7})});
    outputs.push_back({"p", Tensor::of<float>({1, 2}, std::vector<float>{1, 0})});
    return dialect::testing::make_response(std::move(outputs));
  };
  const auto got = post(R"({"records":[{"alcohol":1}]})");
  EXPECT_EQ(got->status, 500);
  EXPECT_THAT(got->body, HasSubstr("function.label_unknown"));
  EXPECT_EQ(got->body.find("predictions"), std::string::npos);
}

TEST_F(RecordsTest, TheAnswerMayComeLater) {
  server_.hold = true;
  const auto got = post(R"({"records":[{"alcohol":1}]})");
  EXPECT_EQ(got->status, 0);
  clock_.advance(std::chrono::milliseconds(5));
  server_.release();
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->answers, 1);
}

TEST_F(RecordsTest, TheTransportsRefusalsSpeakThisDialect) {
  auto exchange = std::make_unique<dialect::testing::FakeExchange>(FakeRequest{});
  const auto got = exchange->answer();
  dialect_->refuse(resource_exhausted("net.body_too_large", "too large"), std::move(exchange));
  EXPECT_THAT(got->body, HasSubstr(R"("id":"net.body_too_large")"));
}

TEST_F(RecordsTest, DeploymentsAreListedAndDescribed) {
  server_.add_unready({"late", "1", dialect::ModelState::kLoading, "loading"});
  EXPECT_EQ(
      get("/predict")->body,
      R"({"deployments":[{"name":"wine","version":"1.0.0","description":"Tells a <wine>","url":"/predict/wine"}]})");
  EXPECT_EQ(
      get("/predict/wine")->body,
      R"({"model":"wine","version":"1.0.0","digest":"sha256:0123","description":"Tells a <wine>","versions":["1.0.0"],)"
      R"("record":{"type":"object","properties":{"alcohol":{"type":"number"},)"
      R"("hue":{"type":["number","null"],"description":"of the colour"}},"required":["alcohol"],"additionalProperties":false},)"
      R"("prediction":{"type":"object","properties":{"label":{"type":"string","enum":["barbera","barolo"]},)"
      R"("score":{"type":"number"}},"required":["label","score"]},"several_records":true,)"
      R"("example":{"alcohol":13.2,"hue":1.04}})");
  EXPECT_EQ(get("/predict/late")->status, 503);
  EXPECT_EQ(get("/predict/beer")->status, 404);
}

TEST_F(RecordsTest, TheExampleOfTheOpenApiDocumentWorks) {
  json::Parser parser;
  const auto got = get("/openapi.json");
  const json::Value document = parser.parse(got->body).value();
  EXPECT_EQ(document.find("openapi")->as_string(), "3.1.0");
  const json::Value example = *document.find("paths")
                                   ->find("/predict/wine")
                                   ->find("post")
                                   ->find("requestBody")
                                   ->find("content")
                                   ->find("application/json")
                                   ->find("example");
  EXPECT_EQ(post(example.to_text())->status, 200);
}

TEST_F(RecordsTest, ThePageRunsNothingButItsOwn) {
  const auto got = get("/");
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->header("content-type"), "text/html; charset=utf-8");
  EXPECT_THAT(got->header("content-security-policy"), StartsWith("default-src 'none'; script-src 'sha256-"));
  EXPECT_EQ(got->header("content-security-policy").find("unsafe"), std::string::npos);
  EXPECT_EQ(got->body.find("http://"), std::string::npos);
  EXPECT_EQ(got->body.find("https://"), std::string::npos);
  EXPECT_EQ(got->body.find("innerHTML"), std::string::npos);
  EXPECT_LT(got->body.size(), 20000u);
}

}  // namespace
}  // namespace records
}  // namespace slipway
