// A server over sources, repositories and a backend that a test scripts.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "contracts/backend/testing/fake_backend.h"
#include "serving/server.h"

namespace slipway::serving {

class MemoryFiles final : public backend::ModelFiles {
 public:
  explicit MemoryFiles(std::string content) : content_(std::move(content)) {}
  const std::string& main() const override { return names_.front(); }
  std::span<const std::string> names() const override { return names_; }
  Result<ByteView> read(std::string_view) const override { return as_bytes(content_); }

 private:
  std::vector<std::string> names_ = {"model"};
  std::string content_;
};

/// A source whose versions a test sets: version -> content ("FAKE..." loads).
class ScriptedSource final : public ModelSource {
 public:
  using Versions = std::map<std::string, std::string>;
  explicit ScriptedSource(std::shared_ptr<Versions> versions) : versions_(std::move(versions)) {}

  Result<std::vector<Candidate>> candidates() override {
    std::vector<Candidate> all;
    for (const auto& [version, content] : *versions_) all.push_back({version, content});
    if (all.empty()) return not_found("source.empty", "nothing there");
    return all;
  }
  Result<ModelBundle> open(const Candidate& candidate) override {
    ModelBundle bundle;
    bundle.version = candidate.version;
    bundle.size_bytes = versions_->at(candidate.version).size();
    bundle.files = std::make_unique<MemoryFiles>(versions_->at(candidate.version));
    return bundle;
  }

 private:
  std::shared_ptr<Versions> versions_;
};

/// A repository whose models a test sets.
class ScriptedRepository final : public ModelRepository {
 public:
  using Models = std::map<std::string, std::shared_ptr<ScriptedSource::Versions>>;
  explicit ScriptedRepository(std::shared_ptr<Models> models) : models_(std::move(models)) {}
  Result<std::vector<std::string>> names() override {
    std::vector<std::string> names;
    for (const auto& [name, versions] : *models_) names.push_back(name);
    return names;
  }
  Result<std::unique_ptr<ModelSource>> source(std::string_view name) override {
    const auto found = models_->find(std::string(name));
    if (found == models_->end()) return not_found("model.unknown", "no such model");
    return std::unique_ptr<ModelSource>(std::make_unique<ScriptedSource>(found->second));
  }

 private:
  std::shared_ptr<Models> models_;
};

class NoMetrics final : public Metrics {
 public:
  void observe(std::string_view, const dialect::RequestRecord&) override {}
};

class TestCall final : public infer::Call {
 public:
  explicit TestCall(std::promise<Result<infer::Response>>& answer) : answer_(answer) {
    request.inputs = {{"x", {DType::kFp32, {1, 2}, std::as_bytes(std::span(values_))}}};
  }
  void done(Result<infer::Response> response) override { answer_.set_value(std::move(response)); }

 private:
  std::promise<Result<infer::Response>>& answer_;
  float values_[2] = {1.5F, -2.0F};
};

class ServerTest : public ::testing::Test {
 protected:
  void start(backend::testing::FakeOptions options = {}) {
    fake_ = std::make_unique<backend::testing::FakeBackend>(std::move(options));
    ServerOptions server_options;
    server_options.backends = {fake_.get()};
    server_options.clock = &clock_;
    server_options.logger = &logger_;
    server_options.metrics = &metrics_;
    server_options.memory_bytes = memory_bytes_;
    server_options.state = state_.get();
    server_options.measured_memory = [this](std::string_view model) {
      const auto found = measured_.find(model);
      return found == measured_.end() ? 0 : found->second;
    };
    server_ = std::make_unique<Server>(std::move(server_options));
  }

  Status deploy(const std::string& name, std::shared_ptr<ScriptedSource::Versions> versions,
                DeploymentSettings settings = {}) {
    std::promise<Status> outcome;
    server_->deploy({name, std::make_unique<ScriptedSource>(std::move(versions)), settings},
                    [&](const Status& status) { outcome.set_value(status); });
    return outcome.get_future().get();
  }
  Status label(const std::string& name, const std::string& label, const std::string& version) {
    std::promise<Status> outcome;
    server_->set_label(name, label, version, [&](const Status& status) { outcome.set_value(status); });
    return outcome.get_future().get();
  }
  Status load(const std::string& name) {
    std::promise<Status> outcome;
    server_->load(name, [&](const Status& status) { outcome.set_value(status); });
    return outcome.get_future().get();
  }
  Status refresh() {
    std::promise<Status> outcome;
    server_->refresh([&](const Status& status) { outcome.set_value(status); });
    return outcome.get_future().get();
  }
  Status unload(const std::string& name) {
    std::promise<Status> outcome;
    server_->unload(name, [&](const Status& status) { outcome.set_value(status); });
    return outcome.get_future().get();
  }
  Result<infer::Response> infer(const dialect::ModelLease& model, MonoTime deadline = MonoTime::max()) {
    std::promise<Result<infer::Response>> answer;
    auto call = std::make_unique<TestCall>(answer);
    call->request.deadline = deadline;
    server_->infer(model, std::move(call));
    return answer.get_future().get();
  }

  static std::shared_ptr<ScriptedSource::Versions> versions(ScriptedSource::Versions content) {
    return std::make_shared<ScriptedSource::Versions>(std::move(content));
  }

  std::uint64_t memory_bytes_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> measured_;
  std::unique_ptr<StateStore> state_;
  ManualClock clock_;
  NullLogger logger_;
  NoMetrics metrics_;
  std::unique_ptr<backend::testing::FakeBackend> fake_;
  std::unique_ptr<Server> server_;
};

}  // namespace slipway::serving
