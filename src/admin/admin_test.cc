#include "admin/admin.h"

#include <gtest/gtest.h>

#include "contracts/dialect/testing/conformance.h"
#include "contracts/dialect/testing/fake_exchange.h"
#include "contracts/dialect/testing/fake_server.h"
#include "json/json.h"

namespace slipway::admin {
namespace {

using dialect::Method;
using dialect::testing::FakeServer;
using dialect::testing::send;

class AdminTest : public ::testing::Test {
 protected:
  dialect::testing::Answer ask(Method method, const std::string& path, std::string body = "") {
    dialect::testing::FakeRequest request;
    request.method = method;
    request.path = path;
    request.body = std::move(body);
    return *send(*admin_, request);
  }

  FakeServer server_;
  std::unique_ptr<dialect::Dialect> admin_ =
      make_admin({.server = &server_,
                  .render_metrics = [] { return std::string("up 1\n"); },
                  .server_version = "9.9.9"});
};

TEST_F(AdminTest, GivesMetricsAsPrometheusTextAndHealthAsJson) {
  const auto metrics = ask(Method::kGet, "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_EQ(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(metrics.body, "up 1\n");
  EXPECT_EQ(ask(Method::kGet, "/health/live").body, "{\"live\":true}");
  EXPECT_EQ(ask(Method::kGet, "/health/ready").status, 200);
  server_.is_ready = false;
  EXPECT_EQ(ask(Method::kGet, "/health/ready").status, 503);
  EXPECT_EQ(ask(Method::kGet, "/health/live").status, 200);
}

TEST_F(AdminTest, ListsModelsWithTheReasonOfAFailure) {
  server_.add_unready({"vine", "2", dialect::ModelState::kFailed, "bad \"file\""});
  const auto answer = ask(Method::kGet, "/control/v1/models");
  json::Parser parser;
  auto document = parser.parse(answer.body);
  ASSERT_TRUE(document.ok()) << answer.body;
  EXPECT_EQ(document->find("server")->as_string(), "9.9.9");
  const json::Value first = *document->find("models")->array().begin();
  EXPECT_EQ(first.find("name")->as_string(), "vine");
  EXPECT_EQ(first.find("state")->as_string(), "UNAVAILABLE");
  EXPECT_EQ(first.find("reason")->as_string(), "bad \"file\"");
}

TEST_F(AdminTest, LoadsAndUnloadsAndPassesOnFailures) {
  EXPECT_EQ(ask(Method::kPost, "/control/v1/models/wine/load").status, 200);
  EXPECT_EQ(ask(Method::kPost, "/control/v1/models/wine/unload").status, 200);
  EXPECT_EQ(server_.loaded, std::vector<std::string>{"wine"});
  EXPECT_EQ(server_.unloaded, std::vector<std::string>{"wine"});
  server_.load_result = not_found("model.unknown", "no such model");
  const auto failed = ask(Method::kPost, "/control/v1/models/vine/load");
  EXPECT_EQ(failed.status, 404);
  EXPECT_EQ(failed.body,
            "{\"error\":{\"code\":\"NOT_FOUND\",\"id\":\"model.unknown\",\"message\":\"no such model\"}}");
}

TEST_F(AdminTest, MovesAndTakesAwayLabels) {
  EXPECT_EQ(ask(Method::kPut, "/control/v1/models/wine/labels/stable", R"({"version": "2"})").status, 200);
  EXPECT_EQ(ask(Method::kDelete, "/control/v1/models/wine/labels/stable").status, 200);
  EXPECT_EQ(server_.labelled, (std::vector<std::string>{"wine stable=2", "wine stable="}));
  for (const char* body : {"", "{}", "[]", R"({"version": 2})", R"({"version": ""})", R"({"version": "1)",
                           R"({"version": "1", "version": "2"})"}) {
    EXPECT_EQ(ask(Method::kPut, "/control/v1/models/wine/labels/stable", body).status, 400) << body;
  }
  EXPECT_EQ(server_.labelled.size(), 2U);
}

std::unique_ptr<dialect::Dialect> make_for_kit(const dialect::Host& host) {
  return make_admin({.server = host.server,
                     .render_metrics = [] { return std::string("up 1\n"); },
                     .server_version = host.server_version});
}

using dialect::testing::DialectConformance;
using dialect::testing::DialectSubject;
INSTANTIATE_TEST_SUITE_P(Admin, DialectConformance,
                         ::testing::Values(DialectSubject{"admin", &make_for_kit, nullptr}));

}  // namespace
}  // namespace slipway::admin
