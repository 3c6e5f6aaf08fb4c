// Truth: grpc/health/v1/health.proto and doc/health-checking.md of gRPC, with messages written out by hand.
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contracts/dialect/testing/conformance.h"
#include "contracts/dialect/testing/fake_server.h"
#include "grpc/testing/stream_exchange.h"

namespace slipway {
std::unique_ptr<dialect::Dialect> make_dialect_grpc_health(const dialect::Host& host);

namespace dialect::testing {
namespace {

INSTANTIATE_TEST_SUITE_P(GrpcHealth, DialectConformance,
                         ::testing::Values(DialectSubject{"grpc_health", &make_dialect_grpc_health,
                                                          nullptr}));

}  // namespace
}  // namespace dialect::testing

namespace grpc_health {
namespace {

using dialect::ModelState;
using dialect::testing::Answer;
using grpc::testing::StreamClient;
using grpc::testing::StreamExchange;
using namespace std::string_literals;

std::string framed(const std::string& message) {
  return "\0\0\0\0"s + static_cast<char>(message.size()) + message;
}
std::string question(const std::string& service) {
  return framed(service.empty() ? "" : "\x0a"s + static_cast<char>(service.size()) + service);
}
const std::string kServing = framed("\x08\x01");
const std::string kNotServing = framed("\x08\x02");
const std::string kServiceUnknown = framed("\x08\x03");

class HealthTest : public ::testing::Test {
 protected:
  HealthTest() {
    dialect::testing::FakeModel iris;
    iris.name_text = "iris";
    server_.add(std::move(iris));
    server_.add_unready({"wine", "1", ModelState::kFailed, "broken"});
    host_.server = &server_;
    host_.clock = &clock_;
    host_.logger = &logger_;
    host_.descriptors = [this] { return dialect_->descriptors(); };
    dialect_ = make_dialect_grpc_health(host_);
  }

  std::shared_ptr<const Answer> call(const char* method, std::string body) {
    dialect::testing::FakeRequest request{.method = dialect::Method::kPost,
                                          .path = "/grpc.health.v1.Health/"s + method,
                                          .headers = {{"content-type", "application/grpc"}},
                                          .body = std::move(body)};
    return dialect::testing::send(*dialect_, std::move(request));
  }
  // A stream lives until its client leaves.
  ~HealthTest() override {
    for (const auto& client : clients_) client->leave();
  }
  std::shared_ptr<StreamClient> watch(const std::string& service) {
    auto client = clients_.emplace_back(std::make_shared<StreamClient>());
    for (const dialect::Route& route : dialect_->routes()) {
      if (!route.pattern.ends_with("/Watch")) continue;
      dialect_->handle(route.id, {}, std::make_unique<StreamExchange>(client));
    }
    client->send(question(service), true);
    return client;
  }
  static std::string status(const Answer& answer) {
    return answer.trailers.empty() ? "none" : answer.trailers.front().second;
  }

  ManualClock clock_;
  NullLogger logger_;
  dialect::testing::FakeServer server_;
  dialect::Host host_;
  std::unique_ptr<dialect::Dialect> dialect_;
  std::vector<std::shared_ptr<StreamClient>> clients_;
};

TEST_F(HealthTest, ChecksTheServerItsServicesAndItsModels) {
  struct Row {
    const char* service;
    bool ready;
    std::string answer;
    const char* status;
  };
  for (const Row& row : {Row{"", true, kServing, "0"}, Row{"grpc.health.v1.Health", true, kServing, "0"},
                         Row{"iris", true, kServing, "0"}, Row{"wine", true, kNotServing, "0"},
                         Row{"beer", true, "", "5"}, Row{"grpc.health.v1", true, "", "5"},
                         Row{"", false, kNotServing, "0"}, Row{"iris", false, kNotServing, "0"}}) {
    server_.is_ready = row.ready;
    const auto answer = call("Check", question(row.service));
    EXPECT_EQ(answer->body, row.answer) << row.service;
    EXPECT_EQ(status(*answer), row.status) << row.service;
  }
}

TEST_F(HealthTest, BeforeItIsReadyModelsThatAreLoadedServe) {
  server_.is_ready = false;
  EXPECT_EQ(call("Check", question("iris"))->body, kServing);
  EXPECT_EQ(call("Check", question(""))->body, kNotServing);
}

TEST_F(HealthTest, ListsEverything) {
  EXPECT_EQ(call("List", framed(""))->body, framed("\x0a\x06\x0a\x00\x12\x02\x08\x01"
                                                   "\x0a\x1b\x0a\x15grpc.health.v1.Health\x12\x02\x08\x01"
                                                   "\x0a\x0a\x0a\x04iris\x12\x02\x08\x01"
                                                   "\x0a\x0a\x0a\x04wine\x12\x02\x08\x02"s));
}

TEST_F(HealthTest, RefusesMessagesThatAreDamaged) {
  for (const char* method : {"Check", "Watch"}) {
    EXPECT_EQ(status(*call(method, framed("\x0a\x05"s))), "3") << method;
    EXPECT_EQ(status(*call(method, "\0\0\0"s)), "3") << method;
    EXPECT_EQ(status(*call(method, "")), "12") << method;
  }
}

TEST_F(HealthTest, WatchTellsOfChangesAndOfNothingElse) {
  const auto iris = watch("iris");
  const auto wine = watch("wine");
  const auto beer = watch("beer");
  EXPECT_EQ(iris->answer.body, kServing);
  EXPECT_EQ(wine->answer.body, kNotServing);
  EXPECT_EQ(beer->answer.body, kServiceUnknown);
  server_.tell_change();
  EXPECT_EQ(iris->answer.body, kServing);
  dialect::testing::FakeModel model;
  model.name_text = "wine";
  server_.add(std::move(model));
  model = {};
  model.name_text = "beer";
  server_.add(std::move(model));
  server_.tell_change();
  EXPECT_EQ(iris->answer.body, kServing);
  EXPECT_EQ(wine->answer.body, kNotServing + kServing);
  EXPECT_EQ(beer->answer.body, kServiceUnknown + kServing);
  EXPECT_EQ(status(iris->answer), "none");
  iris->leave();
  server_.models.clear();
  server_.tell_change();
  EXPECT_TRUE(iris->answer.let_go || iris->answer.body == kServing);
  EXPECT_EQ(wine->answer.body, kNotServing + kServing + kNotServing);
  EXPECT_EQ(beer->answer.body, kServiceUnknown + kServing + kServiceUnknown);
}

TEST_F(HealthTest, WatchEndsWhenTheServerDrains) {
  server_.tell_change();  // it is ready
  const auto early = watch("");
  server_.is_ready = false;
  server_.tell_change();
  const auto late = watch("iris");
  EXPECT_EQ(early->answer.body, kServing + kNotServing);
  EXPECT_EQ(late->answer.body, kNotServing);
  for (const auto& client : {early, late}) {
    EXPECT_EQ(status(client->answer), "14");
    EXPECT_TRUE(client->answer.let_go);
  }
}

TEST_F(HealthTest, WatchBeforeTheServerIsReadyWaitsForIt) {
  server_.is_ready = false;
  const auto client = watch("");
  EXPECT_EQ(client->answer.body, kNotServing);
  server_.is_ready = true;
  server_.tell_change();
  EXPECT_EQ(client->answer.body, kNotServing + kServing);
  client->leave();
  EXPECT_TRUE(client->answer.let_go);
}

}  // namespace
}  // namespace grpc_health
}  // namespace slipway
