#include "serving/server_testing.h"

namespace slipway::serving {
namespace {

using dialect::ModelState;

TEST_F(ServerTest, AnswersWithTheLatestVersionWhenNoneIsNamed) {
  start();
  ASSERT_TRUE(deploy("wine", versions({{"1", "FAKE"}, {"2", "FAKE"}})).ok());
  EXPECT_EQ((*server_->find("wine", ""))->version(), "2");
  EXPECT_EQ((*server_->find("wine", "1"))->version(), "1");
  EXPECT_EQ(server_->find("wine", "3").error().id(), "model.version_unknown");
  EXPECT_EQ(server_->find("vine", "").error().message(),
            "no model \"vine\" is ready here; did you mean \"wine\"?");
  EXPECT_EQ(*server_->versions("wine"), (std::vector<std::string>{"1", "2"}));
  auto response = infer(*server_->find("wine", ""));
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->outputs[0].name, "y");
  EXPECT_EQ(response->outputs[0].tensor.values<float>()[1], -2.0F);
}

TEST_F(ServerTest, IsReadyOnceEverythingDeployedBeforeStartWasTried) {
  start();
  EXPECT_FALSE(server_->ready());
  ASSERT_TRUE(deploy("good", versions({{"1", "FAKE"}})).ok());
  EXPECT_EQ(deploy("bad", versions({{"1", "junk"}})).error().id(), "serving.unknown_format");
  EXPECT_FALSE(server_->ready());
  server_->start();
  ASSERT_TRUE(load("good").ok());  // the loader works in order, so start() has happened
  EXPECT_TRUE(server_->ready());
  server_->begin_drain();
  EXPECT_FALSE(server_->ready());
}

TEST_F(ServerTest, TellsWhoAskedThatSomethingHasChanged) {
  start();
  std::mutex mutex;
  std::vector<std::string> seen;  // what index() and ready() said at each change, without repetitions
  auto handle = server_->subscribe([&] {
    std::string now(server_->ready() ? "ready" : "not ready");
    for (const dialect::ModelStatus& status : server_->index())
      now.append(" ").append(state_name(status.state));
    const std::lock_guard lock(mutex);
    if (seen.empty() || seen.back() != now) seen.push_back(now);
  });
  ASSERT_TRUE(deploy("wine", versions({{"1", "FAKE"}})).ok());
  server_->start();
  ASSERT_TRUE(unload("wine").ok());
  server_->begin_drain();
  EXPECT_EQ(seen, (std::vector<std::string>{"not ready LOADING", "not ready READY", "ready READY",
                                            "ready UNAVAILABLE", "not ready UNAVAILABLE"}));
  handle.reset();
  seen.clear();
  ASSERT_TRUE(load("wine").ok());
  EXPECT_TRUE(seen.empty());
}

TEST_F(ServerTest, OneBadModelLeavesTheOthersAlone) {
  start();
  EXPECT_FALSE(deploy("bad", versions({{"1", "junk"}})).ok());
  ASSERT_TRUE(deploy("good", versions({{"1", "FAKE"}})).ok());
  EXPECT_TRUE(server_->find("good", "").ok());
  EXPECT_EQ(server_->find("bad", "").error().id(), "model.not_ready");
  const auto index = server_->index();
  ASSERT_EQ(index.size(), 2U);
  EXPECT_EQ(index[0].state, ModelState::kFailed);
  EXPECT_NE(index[0].reason, "");
  EXPECT_EQ(index[1].state, ModelState::kReady);
}

TEST_F(ServerTest, ABadCopyOfAVersionLeavesTheGoodOneInPlace) {
  start();
  auto content = versions({{"1", "FAKE"}});
  ASSERT_TRUE(deploy("wine", content).ok());
  (*content)["1"] = "junk";
  EXPECT_FALSE(load("wine").ok());
  EXPECT_TRUE(infer(*server_->find("wine", "1")).ok());
  EXPECT_EQ(server_->index()[0].state, ModelState::kReady);
  EXPECT_NE(server_->index()[0].reason, "");
}

TEST_F(ServerTest, LoadsOnlyWhatIsNewAndDropsWhatIsGone) {
  start();
  auto content = versions({{"1", "FAKE"}, {"2", "FAKE"}});
  ASSERT_TRUE(deploy("wine", content).ok());
  EXPECT_EQ(fake_->loads(), 2U);
  content->erase("1");
  (*content)["3"] = "FAKE3";
  ASSERT_TRUE(load("wine").ok());
  EXPECT_EQ(fake_->loads(), 3U);
  EXPECT_EQ(*server_->versions("wine"), (std::vector<std::string>{"2", "3"}));
}

TEST_F(ServerTest, ALeaseKeepsAnUnloadedModelUntilItIsGivenBack) {
  start();
  ASSERT_TRUE(deploy("wine", versions({{"1", "FAKE"}})).ok());
  dialect::ModelLease lease = *server_->find("wine", "");
  ASSERT_TRUE(unload("wine").ok());
  EXPECT_EQ(server_->find("wine", "").error().id(), "model.unknown");
  EXPECT_EQ(fake_->unloads(), 0U);
  EXPECT_TRUE(infer(lease).ok());
  lease.reset();
  server_.reset();  // waits for the unloader
  EXPECT_EQ(fake_->unloads(), 1U);
}

TEST_F(ServerTest, UnloadedModelsComeBackByLoad) {
  start();
  ASSERT_TRUE(deploy("wine", versions({{"1", "FAKE"}})).ok());
  ASSERT_TRUE(unload("wine").ok());
  ASSERT_TRUE(load("wine").ok());
  EXPECT_TRUE(server_->find("wine", "").ok());
  EXPECT_EQ(unload("vine").error().id(), "model.unknown");
  EXPECT_EQ(load("vine").error().id(), "model.unknown");
}

// The fake takes 1 ms per run on the test's clock, above the 100 us that run in place: the call goes to the
// queue, where its deadline is looked at again.
TEST_F(ServerTest, ASlowModelQueuesAndItsDeadlineIsCheckedThere) {
  backend::testing::FakeOptions slow;
  slow.clock = &clock_;
  slow.run_time = std::chrono::milliseconds(1);
  start(slow);
  ASSERT_TRUE(deploy("slow", versions({{"1", "FAKE"}})).ok());
  const auto model = *server_->find("slow", "");
  const auto response = infer(model);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->timings.compute, std::chrono::milliseconds(1));
  EXPECT_EQ(infer(model, clock_.now()).error().id(), "infer.deadline");
}

TEST_F(ServerTest, AFailedRunGivesTheBackendsErrorAndNoData) {
  start();
  ASSERT_TRUE(deploy("wine", versions({{"1", "FAKE"}})).ok());
  fake_->set_run_failure(internal_error("backend.run", "boom"));
  EXPECT_EQ(infer(*server_->find("wine", "")).error().id(), "backend.run");
}

TEST_F(ServerTest, TwoDeploymentsCannotShareAName) {
  start();
  ASSERT_TRUE(deploy("wine", versions({{"1", "FAKE"}})).ok());
  EXPECT_EQ(deploy("wine", versions({{"2", "FAKE"}})).error().id(), "serving.name_taken");
}

TEST_F(ServerTest, ARefreshLoadsWhatIsNewAndDropsWhatIsGone) {
  start();
  auto wine = versions({{"1", "FAKE"}});
  auto models = std::make_shared<ScriptedRepository::Models>(ScriptedRepository::Models{{"wine", wine}});
  server_->add_repository(std::make_unique<ScriptedRepository>(models), {});
  ASSERT_TRUE(refresh().ok());
  EXPECT_TRUE(server_->find("wine", "1").ok());
  (*wine)["2"] = "FAKE";
  (*models)["beer"] = versions({{"1", "FAKE"}});
  ASSERT_TRUE(refresh().ok());
  EXPECT_EQ((*server_->find("wine", ""))->version(), "2");
  EXPECT_TRUE(server_->find("beer", "").ok());
  wine->clear();
  EXPECT_EQ(refresh().error().id(), "source.empty");
  EXPECT_FALSE(server_->find("wine", "").ok());
  EXPECT_TRUE(server_->find("beer", "").ok());
  (*wine)["3"] = "FAKE";
  ASSERT_TRUE(refresh().ok());
  EXPECT_EQ((*server_->find("wine", ""))->version(), "3");
}

TEST_F(ServerTest, ARefreshLeavesAloneWhatWasUnloadedByACall) {
  start();
  ASSERT_TRUE(deploy("wine", versions({{"1", "FAKE"}})).ok());
  ASSERT_TRUE(unload("wine").ok());
  ASSERT_TRUE(refresh().ok());
  EXPECT_FALSE(server_->find("wine", "").ok());
  ASSERT_TRUE(load("wine").ok());
  EXPECT_TRUE(server_->find("wine", "").ok());
}

TEST_F(ServerTest, ARefreshTriesWhatFailedOnlyWhenItChanged) {
  start();
  auto content = versions({{"1", "FAKE"}});
  ASSERT_TRUE(deploy("wine", content).ok());
  fake_->set_load_failure(internal_error("backend.load", "boom"));
  (*content)["1"] = "FAKE2";
  EXPECT_EQ(refresh().error().id(), "backend.load");
  fake_->set_load_failure(std::nullopt);
  EXPECT_EQ(refresh().error().id(), "backend.load");  // the same content is not tried again
  EXPECT_EQ(fake_->loads(), 1U);
  EXPECT_TRUE(infer(*server_->find("wine", "1")).ok());
  (*content)["1"] = "FAKE3";
  ASSERT_TRUE(refresh().ok());
  EXPECT_EQ(fake_->loads(), 2U);
  EXPECT_EQ(server_->index()[0].reason, "");
}

TEST_F(ServerTest, SettingsSayWhichVersionsAreReady) {
  start();
  DeploymentSettings latest;
  latest.latest_versions = 2;
  ASSERT_TRUE(deploy("wine", versions({{"1", "FAKE"}, {"2", "FAKE"}, {"3", "FAKE"}}), latest).ok());
  EXPECT_EQ(*server_->versions("wine"), (std::vector<std::string>{"2", "3"}));
  DeploymentSettings only;
  only.only_versions = {"1", "9"};
  ASSERT_TRUE(deploy("beer", versions({{"1", "FAKE"}, {"2", "FAKE"}}), only).ok());
  EXPECT_EQ(*server_->versions("beer"), std::vector<std::string>{"1"});
  only.only_versions = {"9"};
  EXPECT_EQ(deploy("ale", versions({{"1", "FAKE"}}), only).error().id(), "source.version_missing");
}

}  // namespace
}  // namespace slipway::serving
