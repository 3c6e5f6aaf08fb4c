#include "serving/server_testing.h"

namespace slipway::serving {
namespace {

class LabelsTest : public ServerTest {
 protected:
  [[nodiscard]] std::string version_of(const std::string& label) const {
    const auto found = server_->find("wine", label);
    return found.ok() ? (*found)->version() : found.error().id();
  }
};

TEST_F(LabelsTest, StandForAVersionWhereverOneIsNamed) {
  start();
  ASSERT_TRUE(deploy("wine", versions({{"1", "FAKE"}, {"2", "FAKE"}})).ok());
  EXPECT_EQ(version_of("stable"), "model.version_unknown");
  ASSERT_TRUE(label("wine", "stable", "1").ok());
  EXPECT_EQ(version_of("stable"), "1");
  EXPECT_EQ(version_of(""), "2");
  EXPECT_EQ(server_->index()[0].labels, std::vector<std::string>{"stable"});
  ASSERT_TRUE(label("wine", "stable", "2").ok());
  EXPECT_EQ(version_of("stable"), "2");
  ASSERT_TRUE(label("wine", "stable", "").ok());
  EXPECT_EQ(version_of("stable"), "model.version_unknown");
  EXPECT_EQ(label("wine", "stable", "").error().id(), "model.label_unknown");
}

TEST_F(LabelsTest, MoveOnlyToAVersionThatIsReady) {
  start();
  ASSERT_FALSE(deploy("wine", versions({{"1", "FAKE"}, {"2", "junk"}})).ok());
  ASSERT_TRUE(label("wine", "stable", "1").ok());
  EXPECT_EQ(label("wine", "stable", "2").error().id(), "model.version_unknown");
  EXPECT_EQ(label("wine", "stable", "9").error().id(), "model.version_unknown");
  EXPECT_EQ(label("vine", "stable", "1").error().id(), "model.unknown");
  EXPECT_EQ(version_of("stable"), "1");
}

TEST_F(LabelsTest, HaveNamesThatNoVersionHas) {
  start();
  ASSERT_TRUE(deploy("wine", versions({{"1", "FAKE"}, {"b2", "FAKE"}})).ok());
  for (const char* name : {"", "1", "2", "9lives", "-x", "a b", "a/b", "b2"})
    EXPECT_EQ(label("wine", name, "1").error().id(), "model.label") << name;
}

TEST_F(LabelsTest, OfTheSettingsTakeEffectOnceTheirVersionIsReady) {
  start();
  DeploymentSettings settings;
  settings.labels = {{"stable", "1"}, {"canary", "2"}};
  auto content = versions({{"1", "FAKE"}});
  ASSERT_TRUE(deploy("wine", content, settings).ok());
  EXPECT_EQ(version_of("stable"), "1");
  EXPECT_EQ(version_of("canary"), "model.version_unknown");
  (*content)["2"] = "FAKE";
  ASSERT_TRUE(refresh().ok());
  EXPECT_EQ(version_of("canary"), "2");
  // From then on they move by calls, and a look at the source does not move them back.
  ASSERT_TRUE(label("wine", "stable", "2").ok());
  ASSERT_TRUE(refresh().ok());
  EXPECT_EQ(version_of("stable"), "2");
}

TEST_F(LabelsTest, AreKeptWhileTheirVersionIsAway) {
  start();
  ASSERT_TRUE(deploy("wine", versions({{"1", "FAKE"}, {"2", "FAKE"}})).ok());
  ASSERT_TRUE(label("wine", "stable", "1").ok());
  ASSERT_TRUE(unload("wine").ok());
  EXPECT_EQ(version_of("stable"), "model.unknown");
  ASSERT_TRUE(load("wine").ok());
  EXPECT_EQ(version_of("stable"), "1");
}

TEST_F(LabelsTest, KeepTheirVersionWhenNewerOnesCome) {
  start();
  DeploymentSettings latest;
  latest.latest_versions = 1;
  auto content = versions({{"1", "FAKE"}});
  ASSERT_TRUE(deploy("wine", content, latest).ok());
  ASSERT_TRUE(label("wine", "stable", "1").ok());
  (*content)["2"] = "FAKE";
  (*content)["3"] = "FAKE";
  ASSERT_TRUE(refresh().ok());
  EXPECT_EQ(*server_->versions("wine"), (std::vector<std::string>{"1", "3"}));
  ASSERT_TRUE(label("wine", "stable", "3").ok());
  ASSERT_TRUE(refresh().ok());
  EXPECT_EQ(*server_->versions("wine"), std::vector<std::string>{"3"});
}

}  // namespace
}  // namespace slipway::serving
