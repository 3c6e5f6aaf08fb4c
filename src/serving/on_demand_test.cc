// Models that are loaded when they are asked for, and leave when memory is short.
#include "serving/server_testing.h"

#include "net/loop/loop.h"

namespace slipway::serving {
namespace {

class Told final : public dialect::Waiter {
 public:
  explicit Told(std::function<void()> told, bool gone = false, std::function<void()> look = {})
      : told_(std::move(told)), look_(std::move(look)), gone_(gone) {}
  [[nodiscard]] bool gone() const override { return gone_; }
  void look() override {
    if (look_) look_();
  }
  void go_on() override { told_(); }

 private:
  std::function<void()> told_, look_;
  bool gone_;
};

class OnDemandTest : public ServerTest {
 protected:
  void SetUp() override { memory_bytes_ = 100; }
  /// A model of so many bytes.
  Status offer(const std::string& name, std::size_t bytes, bool on_demand = true) {
    DeploymentSettings settings;
    settings.on_demand = on_demand;
    std::string content = "FAKE";
    content.resize(bytes, '.');
    return deploy(name, versions({{"1", content}}), settings);
  }
  bool demand(const std::string& name, std::function<void()> told, bool gone = false,
              std::function<void()> look = {}) {
    std::unique_ptr<dialect::Waiter> waiter = std::make_unique<Told>(std::move(told), gone, std::move(look));
    return server_->demand(name, waiter);
  }
  /// Asks for it as a dialect does. Gives "" or the id of the error.
  std::string use(const std::string& name) {
    clock_.advance(std::chrono::seconds(1));
    auto model = server_->find(name, "");
    if (!model.ok()) {
      std::promise<void> loaded;
      if (demand(name, [&] { loaded.set_value(); })) loaded.get_future().wait();
      model = server_->find(name, "");
    }
    if (!model.ok()) return model.error().id();
    const auto answer = infer(*model);
    return answer.ok() ? "" : answer.error().id();
  }
  [[nodiscard]] std::vector<std::string> ready() const {
    std::vector<std::string> names;
    for (const LoadedModel& model : server_->loaded()) names.push_back(model.revision->name());
    return names;
  }
  using Names = std::vector<std::string>;
};

TEST_F(OnDemandTest, AModelIsLoadedByTheFirstRequestForIt) {
  start();
  ASSERT_TRUE(offer("wine", 10).ok());
  EXPECT_EQ(fake_->loads(), 0U);
  EXPECT_EQ(server_->find("wine", "").error().id(), "model.on_demand");
  EXPECT_EQ(server_->find("wine", "7").error().id(), "model.unknown");
  EXPECT_EQ(server_->index()[0].state, dialect::ModelState::kUnloaded);
  EXPECT_EQ(use("wine"), "");
  EXPECT_EQ(use("wine"), "");
  EXPECT_EQ(fake_->loads(), 1U);
  EXPECT_EQ(server_->index()[0].state, dialect::ModelState::kReady);
  EXPECT_EQ(server_->memory_taken(), 10U);
}

TEST_F(OnDemandTest, TheLeastRecentlyUsedLeavesAndComesBack) {
  start();
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(offer(name, 40).ok());
  EXPECT_EQ(use("a"), "");
  EXPECT_EQ(use("b"), "");
  EXPECT_EQ(use("a"), "");
  EXPECT_EQ(use("c"), "");
  EXPECT_EQ(ready(), (Names{"a", "c"}));
  EXPECT_NE(server_->index()[1].reason.find("make room for \"c\""), std::string::npos);
  EXPECT_EQ(use("b"), "");
  EXPECT_EQ(ready(), (Names{"b", "c"}));
  EXPECT_EQ(server_->memory_taken(), 80U);
}

TEST_F(OnDemandTest, RoomIsMadeForEachOfSeveralVersions) {
  start();
  DeploymentSettings settings;
  settings.on_demand = true;
  const std::string content = "FAKE" + std::string(36, '.');
  ASSERT_TRUE(offer("old", 40).ok());
  ASSERT_TRUE(deploy("two", versions({{"1", content}, {"2", content}}), settings).ok());
  EXPECT_EQ(use("old"), "");
  EXPECT_EQ(use("two"), "");  // the first version had room, the second had not
  EXPECT_EQ(ready(), (Names{"two", "two"}));
}

TEST_F(OnDemandTest, WhatStaysLoadedIsNotPushedOut) {
  start();
  ASSERT_TRUE(offer("stays", 70, false).ok());
  ASSERT_TRUE(offer("large", 40).ok());
  EXPECT_EQ(use("large"), "model.not_ready");  // and the reason says why
  const auto refused = load("large");
  EXPECT_EQ(refused.error().id(), "model.memory");
  ASSERT_TRUE(unload("stays").ok());
  EXPECT_EQ(use("large"), "");  // the same content is tried again: room may come without a change
}

TEST_F(OnDemandTest, AModelThatCannotFitSaysSo) {
  start();
  EXPECT_EQ(offer("huge", 101, false).error().id(), "model.memory_never");
  EXPECT_NE(server_->index()[0].reason.find("raise the setting memory"), std::string::npos);
  EXPECT_EQ(server_->memory_taken(), 0U);
}

TEST_F(OnDemandTest, AModelThatFailsToLoadIsNotTriedForEveryRequest) {
  start();
  ASSERT_TRUE(offer("wine", 10).ok());
  fake_->set_load_failure(internal_error("backend.load", "boom"));
  EXPECT_EQ(use("wine"), "model.not_ready");
  fake_->set_load_failure(std::nullopt);
  EXPECT_EQ(use("wine"), "model.not_ready");
  ASSERT_TRUE(load("wine").ok());
  EXPECT_EQ(use("wine"), "");
}

TEST_F(OnDemandTest, AModelUnloadedByACallIsNotLoadedByARequest) {
  start();
  ASSERT_TRUE(offer("wine", 10).ok());
  EXPECT_EQ(use("wine"), "");
  ASSERT_TRUE(unload("wine").ok());
  EXPECT_EQ(use("wine"), "model.unknown");
  ASSERT_TRUE(refresh().ok());
  EXPECT_EQ(use("wine"), "model.unknown");
  ASSERT_TRUE(load("wine").ok());
  EXPECT_EQ(use("wine"), "");
}

TEST_F(OnDemandTest, MemoryIsWaitedForUntilTheLastRequestLetsGo) {
  start();
  ASSERT_TRUE(offer("a", 60).ok());
  ASSERT_TRUE(offer("b", 60).ok());
  EXPECT_EQ(use("a"), "");
  auto lease = *server_->find("a", "");
  std::promise<void> loaded;
  ASSERT_TRUE(demand("b", [&] { loaded.set_value(); }));
  while (server_->find("a", "").ok()) std::this_thread::yield();  // it left, and still has its memory
  EXPECT_EQ(server_->memory_taken(), 60U);
  EXPECT_TRUE(infer(lease).ok());
  lease.reset();
  loaded.get_future().wait();
  EXPECT_TRUE(server_->find("b", "").ok());
}

TEST_F(OnDemandTest, ManyRequestsAtOnceLoadItOnce) {
  start();
  ASSERT_TRUE(offer("wine", 10).ok());
  std::vector<std::promise<void>> loaded(20);
  for (auto& one : loaded) {
    if (!demand("wine", [&] { one.set_value(); })) one.set_value();
  }
  for (auto& one : loaded) one.get_future().wait();
  EXPECT_EQ(fake_->loads(), 1U);
}

TEST_F(OnDemandTest, ARequestOfALoopGoesOnThere) {
  start();
  ASSERT_TRUE(offer("wine", 10).ok());
  const auto loop = std::move(net::Loop::create(clock_)).value();
  std::thread::id where;
  loop->post([&] {
    ASSERT_TRUE(demand("wine", [&] {
      where = std::this_thread::get_id();
      loop->stop();
    }));
  });
  loop->run();
  EXPECT_EQ(where, std::this_thread::get_id());
  EXPECT_TRUE(server_->find("wine", "").ok());
}

TEST_F(OnDemandTest, ARequestOfALoopThatHasEndedIsToldNevertheless) {
  start();
  ASSERT_TRUE(offer("wine", 10).ok());
  std::promise<void> told;
  std::promise<void> go;
  server_->refresh([&](const Status&) { go.get_future().wait(); });
  auto loop = std::move(net::Loop::create(clock_)).value();
  loop->post([&] { ASSERT_TRUE(demand("wine", [&] { told.set_value(); })); });
  loop->run_once(Duration::zero());
  loop.reset();
  go.set_value();
  told.get_future().wait();
}

TEST_F(OnDemandTest, AModelIsFoundBeforeTheNextMakesItLeave) {
  start();
  ASSERT_TRUE(offer("a", 60).ok());
  ASSERT_TRUE(offer("b", 60).ok());
  const auto loop = std::move(net::Loop::create(clock_)).value();
  std::map<std::string, Result<dialect::ModelLease>> found;  // one at a time: the other waits for the memory
  int told = 0;
  std::promise<void> asked;
  server_->refresh([&](const Status&) { asked.get_future().wait(); });
  loop->post([&] {
    for (const std::string name : {"a", "b", "a"}) {
      const auto tell = [&, name] {
        auto model = std::move(found.at(name));
        found.erase(name);
        ASSERT_TRUE(model.ok());
        EXPECT_TRUE(infer(*model).ok());
        if (++told == 3) loop->stop();
      };
      EXPECT_TRUE(demand(name, tell, false, [&, name] { found.emplace(name, server_->find(name, "")); }));
    }
    asked.set_value();
  });
  loop->run();
  EXPECT_EQ(told, 3);
}

TEST_F(OnDemandTest, NothingIsLoadedForThoseWhoLeft) {
  start();
  ASSERT_TRUE(offer("wine", 10).ok());
  std::promise<void> told;
  ASSERT_TRUE(demand(
      "wine", [&] { told.set_value(); }, true));
  told.get_future().wait();
  EXPECT_EQ(fake_->loads(), 0U);
  EXPECT_EQ(use("wine"), "");
}

TEST_F(OnDemandTest, TheEndTellsEveryWaiterAndLoadsNothingMore) {
  start();
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(offer(name, 60).ok());
  EXPECT_EQ(use("a"), "");
  auto lease = *server_->find("a", "");
  std::atomic<int> told = 0;
  ASSERT_TRUE(demand("b", [&] { ++told; }));
  ASSERT_TRUE(demand("c", [&] { ++told; }));
  while (server_->find("a", "").ok()) std::this_thread::yield();  // b waits for the memory of a
  std::thread last([&] {
    while (told < 2) std::this_thread::yield();
    lease.reset();
  });
  server_.reset();  // long before the time for the last requests of a has passed
  last.join();
  EXPECT_EQ(fake_->loads(), 1U);
}

TEST_F(OnDemandTest, WhatAModelIsMeasuredToTakeNeedsRoomToo) {
  measured_ = {{"a 1", 50}, {"b 1", 60}, {"huge 1", 200}};
  start();
  for (const char* name : {"a", "b", "huge"}) ASSERT_TRUE(offer(name, 10).ok());
  EXPECT_EQ(use("a"), "");
  EXPECT_EQ(server_->memory_taken(), 50U);
  EXPECT_EQ(use("b"), "");
  EXPECT_EQ(ready(), Names{"b"});
  EXPECT_EQ(server_->memory_taken(), 60U);
  EXPECT_EQ(use("huge"), "model.not_ready");
  EXPECT_NE(server_->index()[2].reason.find("raise the setting memory"), std::string::npos);
  const std::size_t loads = fake_->loads();
  EXPECT_EQ(use("huge"), "model.not_ready");
  EXPECT_EQ(fake_->loads(), loads);
  EXPECT_EQ(use("b"), "");
}

TEST_F(OnDemandTest, TheIndexTellsWhatARequestWouldLoad) {
  start();
  ASSERT_TRUE(offer("wine", 10).ok());
  EXPECT_TRUE(server_->index()[0].on_demand);
  EXPECT_EQ(use("wine"), "");
  EXPECT_FALSE(server_->index()[0].on_demand);
  ASSERT_TRUE(unload("wine").ok());
  EXPECT_FALSE(server_->index()[0].on_demand);
}

}  // namespace
}  // namespace slipway::serving
