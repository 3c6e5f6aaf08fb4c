// The fakes keep the contract that tests of dialects rely on.
#include <gtest/gtest.h>

#include "contracts/dialect/testing/fake_exchange.h"
#include "contracts/dialect/testing/fake_server.h"

namespace slipway::dialect {
namespace {

using testing::Answer;
using testing::FakeExchange;
using testing::FakeModel;
using testing::FakeServer;

class EchoDialect final : public Dialect {
 public:
  [[nodiscard]] std::string_view name() const override { return "echo"; }
  [[nodiscard]] std::vector<Route> routes() const override {
    return {{Method::kPost, "/a/{x}/b/{y}", Reach::kInference, 7},
            {Method::kGet, "/a", Reach::kInference, 8}};
  }
  void handle(int id, PathValues values, std::unique_ptr<Exchange> exchange) override {
    if (id == 8) return;  // forgets to answer
    std::string text = std::to_string(id);
    for (const std::string_view value : values) text += " " + std::string(value);
    const Header headers[] = {{"Content-Type", "text/plain"}};
    exchange->respond(200, headers, text + " " + std::string(as_text(exchange->body())));
  }
  void refuse(const Error&, std::unique_ptr<Exchange>) override {}
};

TEST(Fakes, ARequestReachesTheRouteItMatches) {
  EchoDialect dialect;
  const auto answer =
      testing::send(dialect, {.method = Method::kPost, .path = "/a/one/b/two", .body = "hello"});
  EXPECT_EQ(answer->body, "7 one two hello");
  EXPECT_EQ(answer->header("content-type"), "text/plain");
  EXPECT_TRUE(answer->finished);
  EXPECT_FALSE(answer->dropped);
  for (const char* path : {"/a/one/b/", "/a/one/b", "/a//b/two", "/a/one/b/two/", "/x/one/b/two"}) {
    EXPECT_EQ(testing::send(dialect, {.method = Method::kPost, .path = path})->body, "no route") << path;
  }
  EXPECT_TRUE(testing::send(dialect, {.path = "/a"})->dropped);
}

TEST(Fakes, TheServerFindsTheLatestOrTheNamedVersion) {
  FakeServer server;
  server.add({});
  FakeModel second;
  second.version_text = "2";
  server.add(std::move(second));
  server.add_unready({"late", "1", ModelState::kLoading, "loading"});
  EXPECT_EQ((*server.find("wine", ""))->version(), "2");
  EXPECT_EQ((*server.find("wine", "1"))->version(), "1");
  EXPECT_EQ(server.find("wine", "3").error().id(), "model.version_unknown");
  EXPECT_EQ(server.find("beer", "").error().id(), "model.unknown");
  EXPECT_EQ(server.find("late", "").code(), Code::kUnavailable);
  EXPECT_EQ(server.index().size(), 3u);
}

}  // namespace
}  // namespace slipway::dialect
