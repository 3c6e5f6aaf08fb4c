#include "serving/router.h"

#include <gtest/gtest.h>

#include "contracts/dialect/testing/fake_exchange.h"

namespace slipway::serving {
namespace {

using dialect::Method;
using dialect::Reach;
using dialect::testing::Answer;
using dialect::testing::FakeExchange;
using dialect::testing::FakeRequest;

/// Answers with "<name> <route id> <value> <value>"; refuses with "<name> refuses <id>".
class EchoDialect final : public dialect::Dialect {
 public:
  EchoDialect(std::string name, std::vector<dialect::Route> routes)
      : name_(std::move(name)), routes_(std::move(routes)) {}
  std::string_view name() const override { return name_; }
  std::vector<dialect::Route> routes() const override { return routes_; }
  void handle(int route_id, dialect::PathValues values,
              std::unique_ptr<dialect::Exchange> exchange) override {
    std::string body = name_ + " " + std::to_string(route_id);
    for (const std::string_view value : values) body += " " + std::string(value);
    exchange->respond(200, {}, body);
  }
  void refuse(const Error& error, std::unique_ptr<dialect::Exchange> exchange) override {
    exchange->respond(dialect::http_status(error.code()), {}, name_ + " refuses " + error.id());
  }

 private:
  std::string name_;
  std::vector<dialect::Route> routes_;
};

class RouterTest : public ::testing::Test {
 protected:
  static Answer send(const Router& router, Method method, std::string path, bool local = true) {
    FakeRequest request;
    request.method = method;
    request.path = std::move(path);
    request.local = local;
    auto exchange = std::make_unique<FakeExchange>(request);
    const auto answer = exchange->answer();
    router.route(std::move(exchange));
    return *answer;
  }

  EchoDialect v2_{"v2",
                  {{Method::kGet, "/v2", Reach::kInference, 1},
                   {Method::kGet, "/v2/models/{model}", Reach::kInference, 2},
                   {Method::kPost, "/v2/models/{model}/versions/{version}/infer", Reach::kInference, 3},
                   {Method::kGet, "/v2/models/stats", Reach::kInference, 4},
                   {Method::kPost, "/v2/repository/models/{model}/load", Reach::kControl, 5}}};
  EchoDialect page_{"page", {{Method::kGet, "/", Reach::kInference, 6}}};
};

TEST_F(RouterTest, KnowsWhichRoutesWantTheirBodiesInPieces) {
  EchoDialect grpc("grpc", {{Method::kPost, "/a/Stream", Reach::kInference, 1, true},
                            {Method::kPost, "/a/Unary", Reach::kInference, 2}});
  Router router(Router::Listener::kInference);
  ASSERT_TRUE(router.add(grpc).ok());
  EXPECT_TRUE(router.streams(Method::kPost, "/a/Stream"));
  EXPECT_FALSE(router.streams(Method::kGet, "/a/Stream"));
  EXPECT_FALSE(router.streams(Method::kPost, "/a/Unary"));
  EXPECT_FALSE(router.streams(Method::kPost, "/b"));
}

TEST_F(RouterTest, FindsTheRouteAndItsValues) {
  Router router(Router::Listener::kInference);
  ASSERT_TRUE(router.add(v2_).ok());
  ASSERT_TRUE(router.add(page_).ok());
  struct Row {
    Method method;
    const char* path;
    int status;
    const char* body;
  };
  const Row rows[] = {
      {Method::kGet, "/v2", 200, "v2 1"},
      {Method::kGet, "/v2/models/wine", 200, "v2 2 wine"},
      {Method::kHead, "/v2/models/wine", 200, "v2 2 wine"},
      {Method::kGet, "/v2/models/stats", 200, "v2 4"},
      {Method::kPost, "/v2/models/wine/versions/1.0/infer", 200, "v2 3 wine 1.0"},
      {Method::kGet, "/", 200, "page 6"},
      {Method::kGet, "/v2/", 404, "v2 refuses http.no_route"},
      {Method::kGet, "/v2/models//", 404, "v2 refuses http.no_route"},
      {Method::kGet, "/v2/models/wine/", 404, "v2 refuses http.no_route"},
      {Method::kGet, "/v2/models", 404, "v2 refuses http.no_route"},
      {Method::kGet, "//v2", 404, "page refuses http.no_route"},
      {Method::kGet, "/nothing", 404, "{\"error\":\"there is nothing at /nothing\"}"},
      {Method::kGet, "", 404, "page refuses http.no_route"},
      {Method::kOptions, "*", 404, "page refuses http.no_route"},
  };
  for (const Row& row : rows) {
    const Answer answer = send(router, row.method, row.path);
    EXPECT_EQ(answer.status, row.status) << row.path;
    EXPECT_EQ(answer.body, row.body) << row.path;
    EXPECT_EQ(answer.answers, 1) << row.path;
  }
}

TEST_F(RouterTest, SaysWhichMethodsAPathAnswers) {
  Router router(Router::Listener::kInference);
  ASSERT_TRUE(router.add(v2_).ok());
  const Answer wrong = send(router, Method::kDelete, "/v2/models/wine");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("allow"), "OPTIONS, GET, HEAD");
  const Answer options = send(router, Method::kOptions, "/v2/models/wine");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("allow"), "OPTIONS, GET, HEAD");
}

TEST_F(RouterTest, KeepsControlFromFarCallersOfTheInferenceListener) {
  Router inference(Router::Listener::kInference);
  Router admin(Router::Listener::kAdmin);
  ASSERT_TRUE(inference.add(v2_).ok());
  ASSERT_TRUE(admin.add(v2_).ok());
  const char* load = "/v2/repository/models/wine/load";
  EXPECT_EQ(send(inference, Method::kPost, load, true).status, 200);
  EXPECT_EQ(send(inference, Method::kPost, load, false).status, 403);
  EXPECT_EQ(send(admin, Method::kPost, load, false).status, 200);
  EXPECT_EQ(send(admin, Method::kGet, "/v2/models/wine").status, 404);
}

// A client of gRPC reads its status in the trailers of an answer that is well by HTTP's. Source:
// PROTOCOL-HTTP2.md.
TEST_F(RouterTest, EndsCallsOfGrpcByTheirStatus) {
  Router router(Router::Listener::kInference);
  ASSERT_TRUE(router.add(v2_).ok());
  const auto call = [](std::string path) {
    FakeRequest request{.method = Method::kPost, .path = std::move(path)};
    request.headers = {{"content-type", "application/grpc+proto"}};
    return std::make_unique<FakeExchange>(std::move(request));
  };
  for (const char* path : {"/inference.GRPCInferenceService/Nothing", "/v2/nothing", "/", "", "/v2"}) {
    auto exchange = call(path);
    const auto answer = exchange->answer();
    router.route(std::move(exchange));
    EXPECT_EQ(answer->status, 200) << path;
    ASSERT_FALSE(answer->trailers.empty()) << path;
    EXPECT_EQ(answer->trailers[0], std::pair(std::string("grpc-status"), std::string("12"))) << path;
  }
  auto exchange = call("/v2");
  const auto answer = exchange->answer();
  router.refuse(resource_exhausted("net.body_too_large", "too large"), std::move(exchange));
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->trailers[0].second, "8");
  EXPECT_EQ(answer->trailers[1].second, "too large");
}

TEST_F(RouterTest, RefusesRoutesThatCollide) {
  Router router(Router::Listener::kInference);
  ASSERT_TRUE(router.add(v2_).ok());
  EchoDialect again("again", {{Method::kGet, "/v2/models/{name}", Reach::kInference, 1}});
  EXPECT_EQ(router.add(again).error().id(), "router.conflict");
  EchoDialect odd("odd", {{Method::kGet, "v3", Reach::kInference, 1}});
  EXPECT_EQ(router.add(odd).error().id(), "router.pattern");
}

}  // namespace
}  // namespace slipway::serving
