#include "serving/revision.h"

#include <algorithm>
#include <utility>

#include "serving/queue/binding.h"
#include "serving/queue/measure.h"
#include "serving/queue/stacking.h"

namespace slipway::serving {
namespace {

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

}  // namespace

/// One request between infer() and its answer.
class Revision::Job final : public Pending {
 public:
  Job(dialect::ModelLease lease, const Revision& revision, Binding bound, std::unique_ptr<infer::Call> call)
      : lease_(std::move(lease)), revision_(revision), call_(std::move(call)) {
    binding = std::move(bound);
    created = revision_.clock_->now();
    deadline = call_->request.deadline;
    priority = call_->request.priority;
  }
  [[nodiscard]] bool gone() const override { return call_->gone(); }

  // On the caller's thread, where a run takes microseconds. The completion owns the job.
  static void run_in_place(std::unique_ptr<Job> job) {
    Job* raw = job.release();
    raw->revision_.instance_->submit(
        raw->binding.inputs, raw->binding.outputs, [raw](Result<infer::Response> response) {
          const std::unique_ptr<Job> owned(raw);
          if (response.ok()) {
            set_times(response->timings, owned->created, owned->created, owned->revision_.clock_->now());
            response->timings.batch_rows = owned->binding.rows;
          } else {
            owned->failed_run = {.compute = owned->revision_.clock_->now() - owned->created,
                                 .batch_rows = owned->binding.rows};
          }
          owned->answer(std::move(response));
        });
  }

  void answer(Result<infer::Response> response) override {
    if (response.ok()) {
      revision_.note_run(binding, response->timings);
      revision_.statistics_.succeeded(binding.rows, response->timings, revision_.clock_->wall_now());
    } else {
      const Duration took = revision_.clock_->now() - created;
      revision_.statistics_.failed(took);
      call_->spent = failed_run;
      call_->spent.queue = std::max(took - failed_run.compute, Duration::zero());
    }
    call_->done(std::move(response));
  }

 private:
  dialect::ModelLease lease_;
  const Revision& revision_;
  std::unique_ptr<infer::Call> call_;
};

Result<std::unique_ptr<Revision>> Revision::load(ModelBundle bundle, const DeploymentSettings& settings,
                                                 std::span<backend::Backend* const> backends,
                                                 const Clock& clock) {
  SLIPWAY_ASSIGN_OR_RETURN(backend::Backend * backend, pick_backend(bundle, backends));
  std::unique_ptr<Revision> revision(new Revision());
  backend::LoadOptions options{.threads = settings.threads,
                               .affinity = settings.affinity,
                               .device = settings.device,
                               .max_output_bytes = settings.max_output_bytes,
                               .executor = nullptr,
                               .model = bundle.name + " " + bundle.version,
                               .process = settings.process};
  options.process.runs_at_once = settings.instances;
  SLIPWAY_ASSIGN_OR_RETURN(revision->instance_, backend->load(*bundle.files, options));
  const Signature& signature = revision->instance_->signature();
  auto function = bundle.function ? function::Function::create(std::move(*bundle.function), signature)
                                  : function::Function::identity(signature);
  if (!function.ok()) return function.error();
  revision->function_ = std::move(*function);
  if (settings.golden_time > Duration{}) {
    SLIPWAY_TRY(
        check_golden(bundle.golden, *revision->function_, *revision->instance_, settings.golden_time, clock)
            .status());
  }
  revision->memory_bytes_ = bundle.size_bytes;
  revision->name_ = std::move(bundle.name);
  revision->version_ = std::move(bundle.version);
  revision->digest_ = std::move(bundle.digest);
  revision->description_ = std::move(bundle.description);
  revision->example_record_ = std::move(bundle.example_record);
  revision->platform_ = std::string(backend->name());
  revision->settings_ = settings;
  revision->clock_ = &clock;
  revision->make_scheduler(revision->measure_cost(bundle.batchable));
  return revision;
}

void Revision::make_scheduler(RunTimes measured) {
  const QueueSettings& wanted = settings_.queue;
  SchedulerOptions options;
  options.instances = settings_.instances;
  // A worker is given one run ahead, so that it does not stand idle while its last answer travels; not when
  // runs are so long that this is nothing, since what a worker was given runs, even when nobody waits any
  // more.
  constexpr Duration kWorthRunningAhead = std::chrono::milliseconds(5);
  const auto run = measured_run();
  const bool isolated = settings_.isolation == Isolation::kWorker;
  options.ahead = isolated && run && *run < kWorthRunningAhead ? 1 : 0;
  options.measured = std::move(measured);
  options.queue.max_items = wanted.items;
  options.queue.max_bytes = wanted.bytes;
  options.queue.max_batch_rows = max_batch_rows_;
  options.queue.split = may_stack_ && wanted.max_batch_rows > 1;
  if (may_stack_) options.queue.batch_sizes = wanted.batch_sizes;
  if (max_batch_rows_ > 1) options.queue.batch_delay = wanted.batch_delay;
  if (wanted.max_wait > Duration{}) options.queue.max_wait = wanted.max_wait;
  options.queue.priority_levels = wanted.priority_levels;
  options.queue.default_priority = wanted.default_priority;
  options.queue.name = name_;
  // What a run must be like, or is to wait for, only the queue sees to.
  in_place_ = options.queue.batch_sizes.empty() && options.queue.batch_delay == Duration{};
  scheduler_ = std::make_unique<Scheduler>(std::move(options), *instance_, *clock_);
}

Revision::RunTimes Revision::measure_cost(bool batchable) {
  const std::size_t wanted = settings_.queue.max_batch_rows;
  // What was not proved to batch is stacked only when the deployment says so.
  may_stack_ = takes_rows(signature()) && (wanted > 0 || batchable);
  if (may_stack_ && wanted > 0) max_batch_rows_ = wanted;
  const auto trial = trial_inputs(*function_, example_record_, signature());
  if (!trial) return {};
  constexpr std::size_t kMostRows = 64;
  constexpr Duration kBudget = std::chrono::milliseconds(300);
  const std::size_t most = may_stack_ && wanted == 0 ? kMostRows : 1;
  auto cost = measure(*instance_, *trial, most, kBudget, *clock_);
  if (!cost) return {};
  if (most > 1) max_batch_rows_ = cost->best_rows;
  run_bytes_ = std::max<std::size_t>(cost->input_bytes, 1);
  run_ns_.store(std::max<std::int64_t>(cost->run.count(), 1), std::memory_order_relaxed);
  return std::move(cost->by_rows);
}

std::optional<Duration> Revision::measured_run() const {
  const std::int64_t ns = run_ns_.load(std::memory_order_relaxed);
  return ns == 0 ? std::nullopt : std::optional(Duration(ns));
}

bool Revision::runs_in_place(std::size_t input_bytes) const {
  const std::int64_t ns = run_ns_.load(std::memory_order_relaxed);
  if (ns == 0 || !in_place_) return false;
  const double scale = std::max(1.0, static_cast<double>(input_bytes) / static_cast<double>(run_bytes_));
  return static_cast<double>(ns) * scale < static_cast<double>(settings_.run_in_place.count());
}

// A slow average (1/16 per run) follows a model whose cost depends on its data; single outliers do not move
// it far. Runs shared with others say little about one request.
void Revision::note_run(const Binding& binding, const infer::Timings& timings) const {
  const std::int64_t old = run_ns_.load(std::memory_order_relaxed);
  if (old == 0 || timings.batch_rows != binding.rows) return;
  const double scale =
      std::max(1.0, static_cast<double>(binding.input_bytes) / static_cast<double>(run_bytes_));
  const auto seen = static_cast<std::int64_t>(static_cast<double>(timings.compute.count()) / scale);
  run_ns_.store(std::max<std::int64_t>(1, old + (seen - old) / 16), std::memory_order_relaxed);
}

void Revision::infer(dialect::ModelLease self, std::unique_ptr<infer::Call> call) const {
  auto binding = bind(call->request, signature());
  if (!binding.ok()) {
    statistics_.failed(Duration{});
    call->done(binding.error());
    return;
  }
  const std::size_t bytes = binding->input_bytes;
  auto job = std::make_unique<Job>(std::move(self), *this, std::move(*binding), std::move(call));
  if (job->deadline <= job->created) {
    job->answer(deadline_exceeded("infer.deadline", "the deadline passed before the request was run"));
  } else if (runs_in_place(bytes)) {
    Job::run_in_place(std::move(job));
  } else {
    scheduler_->push(std::move(job));
  }
}

}  // namespace slipway::serving
