#include "serving/revision.h"

#include <algorithm>
#include <array>
#include <future>
#include <utility>

#include "json/json.h"
#include "serving/binding.h"

namespace slipway::serving {
namespace {

constexpr int kWarmupRuns = 5;

Result<backend::Backend*> pick_backend(const ModelBundle& bundle,
                                       std::span<backend::Backend* const> backends) {
  SLIPWAY_ASSIGN_OR_RETURN(const ByteView main, bundle.files->read(bundle.files->main()));
  for (backend::Backend* candidate : backends) {
    const bool named = !bundle.backend.empty();
    if (named ? candidate->name() == bundle.backend : candidate->probe(main)) return candidate;
  }
  return invalid_argument("serving.unknown_format",
                          "no backend knows the content of " + bundle.files->main() +
                              "; export the model to ONNX (docs/your-own-model.md shows how)");
}

// Zeros in the shape of the input, with 1 for its free first dimension. Other free dimensions have no honest
// guess.
std::optional<std::vector<Tensor>> blank_inputs(const Signature& signature) {
  std::vector<Tensor> tensors;
  for (const TensorSpec& spec : signature.inputs) {
    Shape shape = spec.shape;
    if (shape.rank() > 0 && shape[0] < 0) shape.set(0, 1);
    const auto elements = shape.elements();
    if (!elements || *elements > (std::int64_t{1} << 26)) return std::nullopt;
    if (spec.dtype == DType::kBytes) {
      const std::vector<std::string> empty(static_cast<std::size_t>(*elements));
      tensors.push_back(Tensor::of_strings(shape, empty));
      continue;
    }
    auto tensor = make_tensor(spec.dtype, shape, std::size_t{1} << 30U);
    if (!tensor.ok()) return std::nullopt;
    const MutableByteView bytes = tensor->data.bytes();
    std::fill(bytes.begin(), bytes.end(), std::byte{0});
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

std::optional<std::vector<Tensor>> example_inputs(const function::Function& function,
                                                  const std::string& record) {
  if (record.empty()) return std::nullopt;
  json::Parser parser;
  auto records = parser.parse("[" + record + "]");
  if (!records.ok()) return std::nullopt;
  auto batch = function.before(*records);
  if (!batch.ok()) return std::nullopt;
  std::vector<Tensor> tensors;
  for (NamedTensor& input : batch->inputs) tensors.push_back(std::move(input.tensor));
  return tensors;
}

}  // namespace

/// One request between infer() and its answer.
class Revision::Job final : public Work {
 public:
  Job(dialect::ModelLease lease, const Revision& revision, Binding binding, std::unique_ptr<infer::Call> call)
      : lease_(std::move(lease)), revision_(revision), binding_(std::move(binding)), call_(std::move(call)) {
    created_ = revision_.clock_->now();
  }

  // On a queue's thread: the client may have given up meanwhile.
  void run(std::unique_ptr<Work> self) override {
    if (revision_.clock_->now() >= call_->request.deadline) {
      refuse(
          deadline_exceeded("infer.deadline", "the deadline passed while the request waited in the queue"));
      return;
    }
    start(std::move(self));
  }

  // Precondition: `work` is a Job. The completion owns it from here on.
  static void start(std::unique_ptr<Work> work) {
    Job* raw = static_cast<Job*>(work.release());
    raw->started_ = raw->revision_.clock_->now();
    raw->revision_.instance_->submit(raw->binding_.inputs, raw->binding_.outputs,
                                     [raw](Result<infer::Response> response) {
                                       const std::unique_ptr<Job> owned(raw);
                                       owned->finish(std::move(response));
                                     });
  }

  void refuse(Error error) { call_->done(std::move(error)); }

 private:
  void finish(Result<infer::Response> response) {
    const MonoTime now = revision_.clock_->now();
    if (response.ok()) {
      response->timings.queue = started_ - created_;
      response->timings.compute = now - started_;
      revision_.note_run(binding_.input_bytes, now - started_);
    }
    call_->done(std::move(response));
  }

  dialect::ModelLease lease_;
  const Revision& revision_;
  Binding binding_;
  std::unique_ptr<infer::Call> call_;
  MonoTime created_{};
  MonoTime started_{};
};

Result<std::unique_ptr<Revision>> Revision::load(ModelBundle bundle, const DeploymentSettings& settings,
                                                 std::span<backend::Backend* const> backends,
                                                 const Clock& clock) {
  SLIPWAY_ASSIGN_OR_RETURN(backend::Backend * backend, pick_backend(bundle, backends));
  std::unique_ptr<Revision> revision(new Revision());
  const backend::LoadOptions options{.threads = settings.threads,
                                     .affinity = settings.affinity,
                                     .device = settings.device,
                                     .max_output_bytes = settings.max_output_bytes,
                                     .executor = nullptr};
  SLIPWAY_ASSIGN_OR_RETURN(revision->instance_, backend->load(*bundle.files, options));
  const Signature& signature = revision->instance_->signature();
  auto function = bundle.function ? function::Function::create(std::move(*bundle.function), signature)
                                  : function::Function::identity(signature);
  if (!function.ok()) return function.error();
  revision->function_ = std::move(*function);
  revision->name_ = std::move(bundle.name);
  revision->version_ = std::move(bundle.version);
  revision->digest_ = std::move(bundle.digest);
  revision->description_ = std::move(bundle.description);
  revision->example_record_ = std::move(bundle.example_record);
  revision->platform_ = std::string(backend->name());
  revision->settings_ = settings;
  revision->clock_ = &clock;
  revision->queue_ = std::make_unique<WorkQueue>(WorkQueueOptions{
      .max_threads = settings.instances, .max_items = settings.queue_items, .name = revision->name_});
  revision->measure(*revision->function_);
  return revision;
}

void Revision::measure(const function::Function& function) {
  auto tensors = example_inputs(function, example_record_);
  if (!tensors) tensors = blank_inputs(signature());
  if (!tensors) return;
  std::vector<TensorView> views;
  std::size_t bytes = 0;
  for (const Tensor& tensor : *tensors) {
    views.push_back(tensor.view());
    bytes += tensor.data.size();
  }
  std::array<Duration, kWarmupRuns> took{};
  for (Duration& run : took) {
    std::promise<bool> answered;
    const MonoTime start = clock_->now();
    instance_->submit(views, {},
                      [&](Result<infer::Response> response) { answered.set_value(response.ok()); });
    if (!answered.get_future().get()) return;  // a model that refuses zeros is simply not measured
    run = clock_->now() - start;
  }
  std::sort(took.begin(), took.end());
  run_bytes_ = std::max<std::size_t>(bytes, 1);
  run_ns_.store(std::max<std::int64_t>(took[kWarmupRuns / 2].count(), 1), std::memory_order_relaxed);
}

std::optional<Duration> Revision::measured_run() const {
  const std::int64_t ns = run_ns_.load(std::memory_order_relaxed);
  return ns == 0 ? std::nullopt : std::optional(Duration(ns));
}

bool Revision::runs_in_place(std::size_t input_bytes) const {
  const std::int64_t ns = run_ns_.load(std::memory_order_relaxed);
  if (ns == 0) return false;
  const double scale = std::max(1.0, static_cast<double>(input_bytes) / static_cast<double>(run_bytes_));
  return static_cast<double>(ns) * scale < static_cast<double>(settings_.run_in_place.count());
}

// A slow average (1/16 per run) follows a model whose cost depends on its data; single outliers do not move
// it far.
void Revision::note_run(std::size_t input_bytes, Duration took) const {
  const std::int64_t old = run_ns_.load(std::memory_order_relaxed);
  if (old == 0) return;
  const double scale = std::max(1.0, static_cast<double>(input_bytes) / static_cast<double>(run_bytes_));
  const auto seen = static_cast<std::int64_t>(static_cast<double>(took.count()) / scale);
  run_ns_.store(std::max<std::int64_t>(1, old + (seen - old) / 16), std::memory_order_relaxed);
}

void Revision::infer(dialect::ModelLease self, std::unique_ptr<infer::Call> call) const {
  auto binding = bind(call->request, signature());
  if (!binding.ok()) {
    call->done(binding.error());
    return;
  }
  const std::size_t bytes = binding->input_bytes;
  auto job = std::make_unique<Job>(std::move(self), *this, std::move(*binding), std::move(call));
  if (runs_in_place(bytes)) {
    Job::start(std::move(job));
    return;
  }
  Job* raw = job.get();
  std::unique_ptr<Work> work = std::move(job);
  if (!queue_->try_push(work)) {
    raw->refuse(resource_exhausted("infer.overloaded", "model \"" + name_ + "\" has " +
                                                           std::to_string(settings_.queue_items) +
                                                           " requests waiting; try again later"));
  }
}

}  // namespace slipway::serving
