// The kit's checks find what they are for: one row per fault.
#include "contracts/dialect/testing/answer_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::dialect::testing {
namespace {

using ::testing::HasSubstr;

Answer good() {
  Answer answer;
  answer.status = 200;
  answer.headers = {{"Content-Type", "application/json"}};
  answer.body = "{}";
  answer.finished = true;
  answer.let_go = true;
  answer.answers = 1;
  return answer;
}

TEST(AnswerChecks, FindWhatIsWrongWithAnAnswer) {
  EXPECT_EQ(answer_faults(good()), "");
  struct Row {
    const char* fault;
    void (*spoil)(Answer&);
  };
  const Row rows[] = {
      {"0 answers, dropped",
       [](Answer& a) {
         a.answers = 0;
         a.dropped = true;
       }},
      {"2 answers", [](Answer& a) { a.answers = 2; }},
      {"not finished", [](Answer& a) { a.finished = false; }},
      {"exchange is kept", [](Answer& a) { a.let_go = false; }},
      {"100 is not final", [](Answer& a) { a.status = 100; }},
      {"600 is not final", [](Answer& a) { a.status = 600; }},
      {"is no token",
       [](Answer& a) {
         a.headers.push_back({"X Y", "1"});
       }},
      {"control characters",
       [](Answer& a) {
         a.headers.push_back({"X", "1\r\nSet-Cookie: a"});
       }},
      {"is the transport's",
       [](Answer& a) {
         a.headers.push_back({"content-LENGTH", "2"});
       }},
      {"is there twice",
       [](Answer& a) {
         a.headers.push_back({"content-type", "text/plain"});
       }},
      {"no body", [](Answer& a) { a.status = 204; }},
      {"without Content-Type", [](Answer& a) { a.headers.clear(); }},
      {"no JSON", [](Answer& a) { a.body = "{}}"; }},
      {"no JSON", [](Answer& a) { a.body.clear(); }},
      {"no JSON", [](Answer& a) { a.body = "{\"a\":NaN}"; }},
      {"no JSON",
       [](Answer& a) {
         a.headers = {{"Content-Type", "application/problem+json; charset=utf-8"}};
         a.body = "[1,]";
       }},
      {"no UTF-8",
       [](Answer& a) {
         a.headers = {{"Content-Type", "Text/HTML"}};
         a.body = "\xff";
       }},
  };
  for (const Row& row : rows) {
    Answer answer = good();
    row.spoil(answer);
    EXPECT_THAT(answer_faults(answer), HasSubstr(row.fault));
    EXPECT_THAT(error_faults(answer), HasSubstr(row.fault));
  }
}

TEST(AnswerChecks, FindWhatIsWrongWithAnError) {
  Answer answer = good();
  EXPECT_THAT(error_faults(answer), HasSubstr("200 is no error"));
  answer.status = 400;
  EXPECT_EQ(error_faults(answer), "");
  answer.body = "\"" + std::string(kMaxErrorBytes, 'x') + "\"";
  EXPECT_THAT(error_faults(answer), HasSubstr("an error of 65538 bytes"));
  answer.headers = {{"Content-Type", "text/plain"}};
  answer.body = "";
  EXPECT_EQ(error_faults(answer), "an error of the type \"text/plain\"\nan error without words\n");
}

TEST(AnswerChecks, FindWordsOfTheInside) {
  EXPECT_EQ(leak_faults(R"({"error":"no model is called \"beer\""})"), "");
  for (const char* leak : {"at src/json/json.cc:12", "slipway::Error", "std::bad_alloc", "pointer 0x7f00"})
    EXPECT_NE(leak_faults(leak), "") << leak;
}

TEST(AnswerChecks, FindWhatIsWrongWithRoutes) {
  EXPECT_EQ(route_faults({{Method::kGet, "/"},
                          {Method::kGet, "/openapi.json"},
                          {Method::kGet, "/v2/{model}/versions/{version}"},
                          {Method::kPost, "/v2/{model}/versions/{version}"},
                          {Method::kPost, "/grpc.health.v1.Health/Check"},
                          {Method::kPost, "/inference.GRPCInferenceService/ModelInfer"}}),
            "");
  EXPECT_THAT(route_faults({}), HasSubstr("no routes"));
  for (const char* pattern :
       {"",      "v2",      "/v2/",  "//",    "/v2//a",   "/{}",      "/a{b}",   "/{b}a",         "/{a}/{a}",
        "/A",    "/a b",    "/a?b",  "/..",   "/a%20",    "/{a b}",   "/{a",     "/Health/Check", "/a.B",
        "/a.B/", "/a..B/C", "/.B/C", "/a./C", "/a.B/C/D", "/a.B/C.D", "/a.B/{C}"})
    EXPECT_NE(route_faults({{Method::kGet, pattern}}), "") << pattern;
  EXPECT_THAT(route_faults({{Method::kGet, "/a/{b}"}, {Method::kGet, "/a/{c}"}}), HasSubstr("there twice"));
  for (const Method method : {Method::kHead, Method::kOptions, Method::kOther})
    EXPECT_THAT(route_faults({{method, "/a"}}), HasSubstr("is the router's"));
}

}  // namespace
}  // namespace slipway::dialect::testing
