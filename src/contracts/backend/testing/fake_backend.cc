#include "contracts/backend/testing/fake_backend.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace slipway::backend::testing {

struct FakeBackend::State {
  mutable std::mutex mutex;
  FakeOptions options;
  std::deque<std::function<void()>> held;
  LoadOptions last_load_options;
  std::size_t loads = 0;
  std::size_t unloads = 0;
  std::size_t runs = 0;
};

namespace {

class FakeInstance final : public Instance {
 public:
  FakeInstance(std::shared_ptr<FakeBackend::State> state, const LoadOptions& load)
      : state_(std::move(state)), executor_(load.executor), max_output_bytes_(load.max_output_bytes) {
    signature_ = state_->options.signature;
    labels_ = state_->options.labels;
  }
  ~FakeInstance() override {
    const std::lock_guard lock(state_->mutex);
    ++state_->unloads;
  }

  const Signature& signature() const override { return signature_; }
  std::span<const std::string> labels() const override { return labels_; }

  void submit(std::span<const TensorView> inputs, std::span<const std::size_t> outputs,
              Completion done) override {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->options.hold) {
        state_->held.push_back(
            [this, inputs, outputs, done = std::move(done)] { finish(inputs, outputs, done); });
        return;
      }
    }
    if (executor_ == nullptr) {
      finish(inputs, outputs, done);
    } else {
      executor_->execute(std::make_unique<RunTask>(*this, inputs, outputs, std::move(done)));
    }
  }

 private:
  class RunTask final : public Executor::Task {
   public:
    RunTask(FakeInstance& instance, std::span<const TensorView> inputs, std::span<const std::size_t> outputs,
            Completion done)
        : instance_(instance), inputs_(inputs), outputs_(outputs), done_(std::move(done)) {}
    void run() override { instance_.finish(inputs_, outputs_, done_); }

   private:
    FakeInstance& instance_;
    std::span<const TensorView> inputs_;
    std::span<const std::size_t> outputs_;
    Completion done_;
  };

  // The instance may be destroyed inside `done`: nothing of it is touched afterwards.
  void finish(std::span<const TensorView> inputs, std::span<const std::size_t> outputs,
              const Completion& done) {
    Result<infer::Response> response = compute(inputs, outputs);
    done(std::move(response));
  }

  Result<infer::Response> compute(std::span<const TensorView> inputs, std::span<const std::size_t> outputs) {
    FakeRun run;
    {
      const std::lock_guard lock(state_->mutex);
      ++state_->runs;
      if (state_->options.clock != nullptr) state_->options.clock->advance(state_->options.run_time);
      if (state_->options.run_failure) return *state_->options.run_failure;
      run = state_->options.run;
    }
    SLIPWAY_TRY(check_inputs(inputs));
    SLIPWAY_ASSIGN_OR_RETURN(auto tensors, run ? run(inputs) : echo_inputs(signature_, inputs));
    auto memory = std::make_unique<FakeOutputs>();
    memory->tensors = std::move(tensors);
    SLIPWAY_CHECK(memory->tensors.size() == signature_.outputs.size());
    for (const Tensor& tensor : memory->tensors) {
      if (tensor.data.size() > max_output_bytes_)
        return resource_exhausted("backend.output_size", "too large");
    }
    infer::Response response;
    const auto give = [&](std::size_t i) {
      response.outputs.push_back({signature_.outputs[i].name, memory->tensors[i].view()});
    };
    for (const std::size_t i : outputs) give(i);
    if (outputs.empty()) {
      for (std::size_t i = 0; i < signature_.outputs.size(); ++i) give(i);
    }
    response.memory = std::move(memory);
    return response;
  }

  Status check_inputs(std::span<const TensorView> inputs) const {
    if (inputs.size() != signature_.inputs.size())
      return invalid_argument("backend.input", "wrong number of inputs");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const TensorSpec& spec = signature_.inputs[i];
      if (inputs[i].dtype == spec.dtype && spec.shape.accepts(inputs[i].shape) && inputs[i].validate().ok())
        continue;
      return invalid_argument("backend.input", "the input '" + spec.name + "' does not fit");
    }
    return {};
  }

  std::shared_ptr<FakeBackend::State> state_;
  Executor* executor_;
  std::size_t max_output_bytes_;
  Signature signature_;
  std::vector<std::string> labels_;
};

}  // namespace

Result<std::vector<Tensor>> echo_inputs(const Signature& signature, std::span<const TensorView> inputs) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    const TensorView& input = inputs[i % inputs.size()];
    const TensorSpec& output = signature.outputs[i];
    if (input.dtype != output.dtype || !output.shape.accepts(input.shape)) {
      return invalid_argument("backend.input",
                              "the fake model cannot copy its input to '" + output.name + "'");
    }
    tensors.push_back(Tensor::copy_of(input));
  }
  return tensors;
}

FakeBackend::FakeBackend(FakeOptions options) : state_(std::make_shared<State>()) {
  state_->options = std::move(options);
}

// Held completions may own the instances that share this state: they are dropped here, outside the lock.
FakeBackend::~FakeBackend() {
  std::deque<std::function<void()>> held;
  {
    const std::lock_guard lock(state_->mutex);
    held.swap(state_->held);
  }
}

bool FakeBackend::probe(ByteView model) const { return as_text(model).starts_with("FAKE"); }

Result<std::unique_ptr<Instance>> FakeBackend::load(const ModelFiles& files, const LoadOptions& options) {
  SLIPWAY_ASSIGN_OR_RETURN(const ByteView content, files.read(files.main()));
  if (!probe(content)) return invalid_argument("backend.load", files.main() + " is no fake model");
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->options.load_failure) return *state_->options.load_failure;
    ++state_->loads;
    state_->last_load_options = options;
  }
  return std::unique_ptr<Instance>(std::make_unique<FakeInstance>(state_, options));
}

BackendInfo FakeBackend::info() { return {"fake", "1.0", "built in", ""}; }

void FakeBackend::set_run_failure(std::optional<Error> failure) {
  const std::lock_guard lock(state_->mutex);
  state_->options.run_failure = std::move(failure);
}

void FakeBackend::set_load_failure(std::optional<Error> failure) {
  const std::lock_guard lock(state_->mutex);
  state_->options.load_failure = std::move(failure);
}

std::size_t FakeBackend::held() const {
  const std::lock_guard lock(state_->mutex);
  return state_->held.size();
}

std::size_t FakeBackend::release(std::size_t count) {
  std::size_t released = 0;
  for (; released < count; ++released) {
    std::function<void()> finish;
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->held.empty()) break;
      finish = std::move(state_->held.front());
      state_->held.pop_front();
    }
    finish();
  }
  return released;
}

std::size_t FakeBackend::loads() const {
  const std::lock_guard lock(state_->mutex);
  return state_->loads;
}

std::size_t FakeBackend::unloads() const {
  const std::lock_guard lock(state_->mutex);
  return state_->unloads;
}

std::size_t FakeBackend::runs() const {
  const std::lock_guard lock(state_->mutex);
  return state_->runs;
}

LoadOptions FakeBackend::last_load_options() const {
  const std::lock_guard lock(state_->mutex);
  return state_->last_load_options;
}

}  // namespace slipway::backend::testing
