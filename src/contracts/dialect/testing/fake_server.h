// A server without instances: tests say which models it has and what they answer.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "contracts/dialect/dialect.h"

namespace slipway::dialect::testing {

/// Every fact is a public member; `function` is made by FakeServer::add when it is absent.
class FakeModel final : public ServedModel {
 public:
  std::string name_text = "wine";
  std::string version_text = "1";
  std::string digest_text = "sha256:0123";
  std::string platform_text = "onnxruntime";
  std::string description_text;
  std::string example_text;
  Signature signature_value;
  std::optional<function::Function> function_value;

  [[nodiscard]] const std::string& name() const override { return name_text; }
  [[nodiscard]] const std::string& version() const override { return version_text; }
  [[nodiscard]] const std::string& digest() const override { return digest_text; }
  [[nodiscard]] const std::string& platform() const override { return platform_text; }
  [[nodiscard]] const Signature& signature() const override { return signature_value; }
  [[nodiscard]] const function::Function& function() const override { return *function_value; }
  [[nodiscard]] const std::string& description() const override { return description_text; }
  [[nodiscard]] const std::string& example_record() const override { return example_text; }
};

/// A response that owns its tensors.
infer::Response make_response(std::vector<NamedTensor> outputs);

/// Thread: a test sets it up and reads what was asked for while no call runs; the calls themselves are safe.
class FakeServer final : public ModelServer {
 public:
  using Run = std::function<Result<infer::Response>(const ServedModel& model, const infer::Request& request)>;

  /// Models are listed in the order of adding; the last of a name is its latest.
  void add(FakeModel model);
  /// A model that is known but not ready.
  void add_unready(ModelStatus status) { unready.push_back(std::move(status)); }
  /// Answers what waits, in order, on the caller's thread.
  void release();
  /// Tells who subscribed last, if it still does, that something has changed.
  void tell_change() const;

  Run run;            ///< what a model answers; without it: an internal error "fake.no_run"
  bool hold = false;  ///< inferences, loads and unloads wait for release()
  bool is_ready = true;
  Status load_result;  ///< what load and unload answer
  std::vector<std::shared_ptr<const FakeModel>> models;
  std::vector<ModelStatus> unready;
  // What was asked for.
  std::vector<std::pair<std::string, RequestRecord>> observed;
  std::vector<std::string> loaded;
  std::vector<std::string> unloaded;
  std::vector<std::string> labelled;  ///< "wine stable=2"

  [[nodiscard]] Result<ModelLease> find(std::string_view name, std::string_view version) const override;
  [[nodiscard]] Result<std::vector<std::string>> versions(std::string_view name) const override;
  [[nodiscard]] std::vector<ModelStatus> index() const override;
  [[nodiscard]] bool ready() const override { return is_ready; }
  [[nodiscard]] std::shared_ptr<void> subscribe(std::function<void()> changed) override;
  void infer(const ModelLease& model, std::unique_ptr<infer::Call> call) override;
  void load(std::string name, std::function<void(Status)> done) override;
  void unload(std::string name, std::function<void(Status)> done) override;
  void set_label(std::string name, std::string label, std::string version,
                 std::function<void(Status)> done) override;
  void observe(std::string_view dialect, const RequestRecord& record) override;

 private:
  void answer(const ModelLease& model, infer::Call& call) const;
  void finish(std::function<void(Status)> done);

  std::weak_ptr<std::function<void()>> subscriber_;
  std::mutex mutex_;  // guards what was asked for, and what waits
  std::vector<std::pair<ModelLease, std::unique_ptr<infer::Call>>> held_;
  std::vector<std::function<void(Status)>> held_changes_;
};

}  // namespace slipway::dialect::testing
