#include "app/environment.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "testing/paths.gen.h"

namespace slipway::app {
namespace {

TEST(Environment, ReadsEverythingItDeclares) {
  const auto environment = config::decode(environment_schema(), R"(
listen: unix:/run/slipway.sock
admin: 127.0.0.1:0
loops: 3
store: /srv/store
limits: {body: 1MiB, head: 8KiB, connections: 10, head_time: 2s, idle_time: 1m}
drain: {grace: 250ms, deadline: 5s}
log: {level: debug, format: json, file: /var/log/slipway.log, access: true}
deployments:
  wine: {package: "wine:1.10", instances: 2, threads: 4, affinity: [0, 1], queue: 7, run_in_place: 50us}
)",
                                          "env.yaml");
  ASSERT_TRUE(environment.ok()) << environment.error().to_string();
  EXPECT_EQ(environment->listen, std::vector<std::string>{"unix:/run/slipway.sock"});
  EXPECT_EQ(environment->loops, 3);
  EXPECT_EQ(environment->limits.body.bytes, std::uint64_t{1} << 20U);
  EXPECT_EQ(environment->limits.idle_time, std::chrono::minutes(1));
  EXPECT_EQ(environment->drain.grace, std::chrono::milliseconds(250));
  EXPECT_TRUE(environment->log.access);
  const DeploymentEntry& wine = environment->deployments.at("wine");
  EXPECT_EQ(wine.package, "wine:1.10");
  EXPECT_EQ(wine.affinity, (std::vector<int>{0, 1}));
  EXPECT_EQ(wine.run_in_place, std::chrono::microseconds(50));
}

TEST(Environment, RefusesWhatItDoesNotKnowWithEveryFaultAtOnce) {
  const auto environment = config::decode(environment_schema(), R"(lisen: 127.0.0.1:0
limits:
  body: 5
deployments:
  ../wine: {package: wine}
  beer: {instances: 2}
  ale: {package: ale, queue: 0}
)",
                                          "env.yaml");
  ASSERT_FALSE(environment.ok());
  const std::string text = environment.error().to_string();
  for (const char* part :
       {"env.yaml:1:1: unknown key \"lisen\"", "did you mean \"listen\"?", "env.yaml:3:9", "has no unit",
        "env.yaml:5:3", "is not a name", "env.yaml:6:", "package", "env.yaml:7:"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(Environment, IsServableWithoutASetting) {
  const auto environment = config::decode(environment_schema(), "{}", "env.yaml");
  ASSERT_TRUE(environment.ok()) << environment.error().to_string();
  ASSERT_EQ(environment->listen.size(), 1U);
  EXPECT_TRUE(environment->listen[0].starts_with("127.0.0.1:")) << environment->listen[0];
  EXPECT_TRUE(environment->admin.starts_with("127.0.0.1:")) << environment->admin;
  EXPECT_NE(environment->listen[0], environment->admin);
}

TEST(Environment, ListensInSeveralPlaces) {
  const auto environment = config::decode(
      environment_schema(), "listen: [127.0.0.1:0, \"[::1]:0\", unix:/run/slipway.sock]\n", "env.yaml");
  ASSERT_TRUE(environment.ok()) << environment.error().to_string();
  EXPECT_EQ(environment->listen,
            (std::vector<std::string>{"127.0.0.1:0", "[::1]:0", "unix:/run/slipway.sock"}));
  EXPECT_FALSE(config::decode(environment_schema(), "listen: []\n", "env.yaml").ok());
}

// docs/serve.md is the manual of these settings; its table is this text.
TEST(Environment, IsDescribedInTheDocuments) {
  std::ifstream file(testing::source_dir() + "/docs/serve.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const std::string table =
      "<!-- settings -->\n" + config::reference(environment_schema()) + "<!-- /settings -->";
  EXPECT_NE(page.find(table), std::string::npos) << table;
}

}  // namespace
}  // namespace slipway::app
