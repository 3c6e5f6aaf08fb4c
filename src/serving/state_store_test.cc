#include "serving/state_store.h"

#include <gtest/gtest.h>

#include "io/file_helpers.h"
#include "io/testing/temp_dir.h"
#include "serving/server_testing.h"

namespace slipway::serving {
namespace {

class StateStoreTest : public ServerTest {
 protected:
  void open() {
    state_.reset();
    auto opened = StateStore::open(*fs_, folder_);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    state_ = std::move(*opened);
  }
  /// As if the server had been killed: a new one on the same folder.
  void restart() {
    server_.reset();
    open();
    start();
  }
  void write(const std::string& text) {
    ASSERT_TRUE(fs_->make_dirs(folder_).ok());
    ASSERT_TRUE(io::write_atomically(*fs_, folder_ + "/models.json", as_bytes(text)).ok());
  }

  io::testing::TempDir dir_;
  std::unique_ptr<io::FileSystem> fs_ = io::make_os_filesystem();
  std::string folder_ = dir_ / "state/deep";
};

TEST_F(StateStoreTest, KeepsDecisionsAcrossARestart) {
  open();
  EXPECT_TRUE(state_->of("wine").empty());
  const ModelDecisions decided{true, {{"stable", "2"}, {"canary", ""}}};
  ASSERT_TRUE(state_->put("wine", decided).ok());
  ASSERT_TRUE(state_->put("beer", {false, {{"stable", "1"}}}).ok());
  ASSERT_TRUE(state_->put("beer", {}).ok());
  open();
  EXPECT_EQ(state_->of("wine"), decided);
  EXPECT_TRUE(state_->of("beer").empty());
}

TEST_F(StateStoreTest, OneFolderBelongsToOneServer) {
  open();
  EXPECT_EQ(StateStore::open(*fs_, folder_).error().id(), "state.taken");
}

TEST_F(StateStoreTest, WhatCannotBeReadIsAnErrorAndNotForgotten) {
  for (const char* text :
       {"", "{", "[]", "{}", R"({"format":2,"models":{}})", R"({"format":1})", R"({"format":1,"models":[]})",
        R"({"format":1,"models":{"a":1}})", R"({"format":1,"models":{"a":{"unloaded":1}}})",
        R"({"format":1,"models":{"a":{"labels":[]}}})", R"({"format":1,"models":{"a":{"labels":{"x":1}}}})",
        R"({"format":1,"models":{"a":{"more":1}}})", R"({"format":1,"models":{"a":{},"a":{}}})",
        R"({"format":1,"models":{"a":{"labels":{"x":"1","x":"2"}}}})"}) {
    write(text);
    const auto opened = StateStore::open(*fs_, folder_);
    ASSERT_FALSE(opened.ok()) << text;
    EXPECT_EQ(opened.error().id(), "state.damaged") << text;
  }
}

TEST_F(StateStoreTest, AServerStartsAsItWasLeft) {
  open();
  start();
  const auto content = versions({{"1", "FAKE"}, {"2", "FAKE"}});
  DeploymentSettings settings;
  settings.labels = {{"stable", "1"}, {"canary", "2"}};
  ASSERT_TRUE(deploy("wine", content, settings).ok());
  ASSERT_TRUE(deploy("beer", content).ok());
  ASSERT_TRUE(label("wine", "stable", "2").ok());
  ASSERT_TRUE(label("wine", "canary", "").ok());
  ASSERT_TRUE(label("wine", "old", "1").ok());
  ASSERT_TRUE(unload("beer").ok());
  restart();
  ASSERT_TRUE(deploy("wine", content, settings).ok());
  ASSERT_TRUE(deploy("beer", content).ok());
  EXPECT_EQ((*server_->find("wine", "stable"))->version(), "2");
  EXPECT_EQ((*server_->find("wine", "old"))->version(), "1");
  EXPECT_EQ(server_->find("wine", "canary").error().id(), "model.version_unknown");
  EXPECT_EQ(server_->find("beer", "").error().id(), "model.unknown");
  EXPECT_EQ(server_->index()[0].state, dialect::ModelState::kUnloaded);
  ASSERT_TRUE(refresh().ok());
  EXPECT_FALSE(server_->find("beer", "").ok());
  ASSERT_TRUE(load("beer").ok());
  restart();
  ASSERT_TRUE(deploy("beer", content).ok());
  EXPECT_TRUE(server_->find("beer", "").ok());
}

TEST_F(StateStoreTest, AModelOfARepositoryThatWasUnloadedStaysSo) {
  auto models = std::make_shared<ScriptedRepository::Models>(
      ScriptedRepository::Models{{"wine", versions({{"1", "FAKE"}})}});
  open();
  start();
  server_->add_repository(std::make_unique<ScriptedRepository>(models), {});
  ASSERT_TRUE(refresh().ok());
  ASSERT_TRUE(unload("wine").ok());
  restart();
  server_->add_repository(std::make_unique<ScriptedRepository>(models), {});
  ASSERT_TRUE(refresh().ok());
  EXPECT_FALSE(server_->find("wine", "").ok());
  ASSERT_TRUE(load("wine").ok());
  EXPECT_TRUE(server_->find("wine", "").ok());
}

}  // namespace
}  // namespace slipway::serving
