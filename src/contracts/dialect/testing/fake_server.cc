#include "contracts/dialect/testing/fake_server.h"

#include "base/text.h"

namespace slipway::dialect::testing {
namespace {

class OwnedOutputs final : public infer::OutputMemory {
 public:
  explicit OwnedOutputs(std::vector<NamedTensor> outputs) : outputs_(std::move(outputs)) {}
  [[nodiscard]] const std::vector<NamedTensor>& outputs() const { return outputs_; }

 private:
  std::vector<NamedTensor> outputs_;
};

}  // namespace

infer::Response make_response(std::vector<NamedTensor> outputs) {
  auto memory = std::make_unique<OwnedOutputs>(std::move(outputs));
  infer::Response response;
  for (const NamedTensor& output : memory->outputs())
    response.outputs.push_back({output.name, output.tensor.view()});
  response.memory = std::move(memory);
  return response;
}

std::shared_ptr<void> FakeServer::subscribe(std::function<void()> changed) {
  auto handle = std::make_shared<std::function<void()>>(std::move(changed));
  subscriber_ = handle;
  return handle;
}

void FakeServer::tell_change() const {
  if (const auto changed = subscriber_.lock()) (*changed)();
}

void FakeServer::add(FakeModel model) {
  if (!model.function_value)
    model.function_value = function::Function::identity(model.signature_value).value();
  models.push_back(std::make_shared<const FakeModel>(std::move(model)));
}

Result<ModelLease> FakeServer::find(std::string_view name, std::string_view version) const {
  bool known = false;
  for (auto model = models.rbegin(); model != models.rend(); ++model) {
    if ((*model)->name() != name) continue;
    known = true;
    if (version.empty() || (*model)->version() == version) return ModelLease(*model);
  }
  if (known)
    return not_found("model.version_unknown", "no version \"" + printable(version) + "\" of this model");
  for (const ModelStatus& status : unready) {
    if (status.name == name)
      return unavailable("model.not_ready", "the model is not ready: " + status.reason);
  }
  return not_found("model.unknown", "no model is called \"" + printable(name) + "\"");
}

Result<std::vector<std::string>> FakeServer::versions(std::string_view name) const {
  std::vector<std::string> found;
  for (const auto& model : models) {
    if (model->name() == name) found.push_back(model->version());
  }
  if (found.empty()) return not_found("model.unknown", "no model is called \"" + printable(name) + "\"");
  return found;
}

std::vector<ModelStatus> FakeServer::index() const {
  std::vector<ModelStatus> all;
  for (const auto& model : models) all.push_back({model->name(), model->version(), ModelState::kReady, ""});
  all.insert(all.end(), unready.begin(), unready.end());
  return all;
}

void FakeServer::answer(const ModelLease& model, infer::Call& call) const {
  if (run) {
    call.done(run(*model, call.request));
  } else {
    call.done(internal_error("fake.no_run", "the test gave no answer"));
  }
}

void FakeServer::infer(const ModelLease& model, std::unique_ptr<infer::Call> call) {
  if (!hold) return answer(model, *call);
  const std::lock_guard lock(mutex_);
  held_.emplace_back(model, std::move(call));
}

void FakeServer::finish(std::function<void(Status)> done) {
  if (!hold) return done(load_result);
  const std::lock_guard lock(mutex_);
  held_changes_.push_back(std::move(done));
}

void FakeServer::release() {
  std::unique_lock lock(mutex_);
  auto calls = std::exchange(held_, {});
  auto changes = std::exchange(held_changes_, {});
  lock.unlock();
  for (auto& [model, call] : calls) answer(model, *call);
  for (const auto& done : changes) done(load_result);
}

void FakeServer::load(std::string name, std::function<void(Status)> done) {
  {
    const std::lock_guard lock(mutex_);
    loaded.push_back(std::move(name));
  }
  finish(std::move(done));
}

void FakeServer::unload(std::string name, std::function<void(Status)> done) {
  {
    const std::lock_guard lock(mutex_);
    unloaded.push_back(std::move(name));
  }
  finish(std::move(done));
}

void FakeServer::set_label(std::string name, std::string label, std::string version,
                           std::function<void(Status)> done) {
  {
    const std::lock_guard lock(mutex_);
    labelled.push_back(name + " " + label + "=" + version);
  }
  finish(std::move(done));
}

void FakeServer::observe(std::string_view dialect, const RequestRecord& record) {
  const std::lock_guard lock(mutex_);
  observed.emplace_back(dialect, record);
}

}  // namespace slipway::dialect::testing
