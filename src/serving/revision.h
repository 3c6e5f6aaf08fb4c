// A revision: one version of a model, loaded and able to answer.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "contracts/backend/backend.h"
#include "contracts/dialect/dialect.h"
#include "function/function.h"
#include "infer/infer.h"
#include "serving/golden_gate.h"
#include "serving/queue/scheduler.h"
#include "serving/queue/statistics.h"
#include "tensor/signature.h"

namespace slipway::serving {

enum class Isolation : std::uint8_t {
  kInline,  ///< in this process: for trusted models; a crash takes everything down
  kWorker,  ///< in a process of its own
};

/// How requests that wait are run together, and which of them go first.
struct QueueSettings {
  std::size_t items = 1024;                     ///< requests that may wait; more are refused at once
  std::size_t bytes = std::size_t{256} << 20U;  ///< their inputs together
  Duration max_wait{};  ///< a request that would wait longer is refused at once; 0 = only by its deadline
  std::size_t priority_levels = 1;
  std::size_t default_priority = 1;
  std::size_t max_batch_rows = 0;  ///< rows of one run: 0 = as many as pay, measured; 1 = every request alone
  std::vector<std::size_t> batch_sizes;  ///< rows that a run may have, ascending; empty = any
  Duration batch_delay{};                ///< how long a request may wait for company
};

/// How a deployment's revisions run.
struct DeploymentSettings {
  int threads = 1;            ///< inside one run
  std::vector<int> affinity;  ///< cores for those threads
  std::string device = "cpu";
  std::size_t instances = 1;  ///< runs at the same time, off the event loops
  QueueSettings queue;
  std::size_t latest_versions = 0;            ///< only so many, the newest; 0 = all
  std::vector<std::string> only_versions;     ///< only these; empty = all
  std::map<std::string, std::string> labels;  ///< versions that they stand for as soon as those are ready
  Duration run_in_place =
      std::chrono::microseconds(100);  ///< a run expected to be shorter than this stays on the event loop
  bool on_demand = false;              ///< loaded when it is asked for, and may leave when memory is short
  Duration golden_time = std::chrono::seconds(2);  ///< how long golden requests are asked; 0 = not at all
  std::size_t max_output_bytes = std::size_t{1} << 30U;
  Isolation isolation = Isolation::kInline;
  backend::ProcessLimits process;  ///< of workers; runs_at_once is set by `instances`
};

/// What a source hands over to be loaded.
struct ModelBundle {
  std::string name;
  std::string version;
  std::string digest;  ///< of the package; empty for bare files
  std::string description;
  std::string backend;  ///< the backend's name; empty = the first that knows the content
  std::unique_ptr<backend::ModelFiles> files;  ///< needed while loading only
  std::optional<function::Spec> function;
  bool batchable = false;  ///< proved: rows together are answered as each of them alone
  std::uint64_t size_bytes =
      0;          ///< of the model's files: what it takes in memory, as far as can be known before
  Golden golden;  ///< what it must answer before it gets requests
  std::string example_record;  ///< a record that the model answers, as a JSON object; may be empty
};

/// Owns the instance. Created by load(), which may take long; used through a lease; destroyed away from event
/// loops. Thread: safe.
class Revision final : public dialect::ServedModel {
 public:
  /// Loads, binds the prediction function and runs the model once or more to learn what a run costs.
  /// Errors: the backend's, the function's; model.golden_different and model.golden_failed;
  /// serving.unknown_format when no backend knows the content.
  static Result<std::unique_ptr<Revision>> load(ModelBundle bundle, const DeploymentSettings& settings,
                                                std::span<backend::Backend* const> backends,
                                                const Clock& clock);

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::string& version() const override { return version_; }
  [[nodiscard]] const std::string& digest() const override { return digest_; }
  [[nodiscard]] const std::string& platform() const override { return platform_; }
  [[nodiscard]] const Signature& signature() const override { return instance_->signature(); }
  [[nodiscard]] const function::Function& function() const override { return *function_; }
  [[nodiscard]] const std::string& description() const override { return description_; }
  [[nodiscard]] const std::string& example_record() const override { return example_record_; }

  /// Checks the call against the signature and runs it here or on the queue. `self` is the lease that keeps
  /// this alive.
  void infer(dialect::ModelLease self, std::unique_ptr<infer::Call> call) const;

  /// What a run of the measured size is expected to take; nothing when the model could not be tried.
  [[nodiscard]] std::optional<Duration> measured_run() const;
  /// Rows of one run, at most.
  [[nodiscard]] std::size_t max_batch_rows() const override { return max_batch_rows_; }
  /// What it takes in memory: the size of its files, or what was measured.
  [[nodiscard]] std::uint64_t memory_bytes() const { return memory_bytes_; }
  void set_memory_bytes(std::uint64_t bytes) { memory_bytes_ = bytes; }  ///< before it is shared
  [[nodiscard]] const DeploymentSettings& settings() const { return settings_; }
  [[nodiscard]] QueueState queue_state() const { return scheduler_->state(); }
  [[nodiscard]] dialect::ModelStatistics statistics() const override { return statistics_.snapshot(); }

 private:
  class Job;
  Revision() = default;
  using RunTimes = std::vector<std::pair<std::size_t, Duration>>;  // rows, and what a run of so many took
  RunTimes measure_cost(bool batchable);
  void make_scheduler(RunTimes measured);
  [[nodiscard]] bool runs_in_place(std::size_t input_bytes) const;
  void note_run(const Binding& binding, const infer::Timings& timings) const;

  std::string name_, version_, digest_, platform_, description_, example_record_;
  std::unique_ptr<backend::Instance> instance_;
  std::optional<function::Function> function_;
  DeploymentSettings settings_;
  const Clock* clock_ = nullptr;
  std::uint64_t memory_bytes_ = 0;
  // The expected cost of a run: `run_ns_` for `run_bytes_` of input, growing in proportion beyond that. 0 =
  // unknown.
  std::size_t run_bytes_ = 0;
  mutable std::atomic<std::int64_t> run_ns_{0};
  mutable Statistics statistics_;
  std::size_t max_batch_rows_ = 1;
  bool may_stack_ = false;
  bool in_place_ = true;  // runs may stay on the event loop at all
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace slipway::serving
