// A backend loads and runs one kind of model. One folder under plugins/backends/ implements this contract;
// nothing else in the program knows its name.
//
// Life of a model: probe (is this ours?) -> load (an Instance, or an Error and nothing left behind) ->
// submit, many times
// -> destroyed after its last completion.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "infer/infer.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::backend {

/// The files of one model. A backend reads these and no others: whatever a model file refers to is looked up
/// here by its exact name. Thread: safe.
class ModelFiles {
 public:
  virtual ~ModelFiles() = default;
  /// The file to load, one of names().
  [[nodiscard]] virtual const std::string& main() const = 0;
  [[nodiscard]] virtual std::span<const std::string> names() const = 0;
  /// The whole file, mapped or in memory. Borrows: valid while this object lives.
  /// Errors: model.file_missing.
  [[nodiscard]] virtual Result<ByteView> read(std::string_view name) const = 0;
};

/// Runs tasks for an instance; serving decides where. `execute` either runs the task before it returns (a
/// model of microseconds on the caller's own thread) or queues it and returns at once. Thread: safe.
class Executor {
 public:
  class Task {
   public:
    virtual ~Task() = default;
    virtual void run() = 0;
  };
  virtual ~Executor() = default;
  virtual void execute(std::unique_ptr<Task> task) = 0;
};

/// The worker process that hosts an instance, and what it may take. An instance in this process has no such
/// limits.
struct ProcessLimits {
  std::string group = {};        ///< models of one name share a process; empty = its own
  std::size_t memory_bytes = 0;  ///< private memory; 0 = no limit
  int niceness = 0;              ///< 0 to 19: how readily it gives way to other processes
  std::size_t runs_at_once = 1;  ///< threads that run requests
  std::string python = {};       ///< the interpreter that may run a model's code; empty = none
  bool sandbox = true;           ///< no network, no files, no other program or process
  Duration run_floor = std::chrono::seconds(10);  ///< no run is taken for hung before this
};

struct LoadOptions {
  int threads = 1;             ///< threads inside one run; 0 = as many as there are cores
  std::vector<int> affinity;   ///< cores for those threads; empty = any
  std::string device = "cpu";  ///< "cpu", or what a backend documents
  std::size_t max_output_bytes = std::size_t{1} << 30U;  ///< larger answers are an Error
  Executor* executor = nullptr;  ///< Borrows: outlives the instance; null = runs on the caller's thread
  std::string model = {};        ///< "wine 1.0.0": what logs and metrics call it; may be empty
  ProcessLimits process = {};
};

/// Called exactly once per submit, on any thread, possibly before submit returns.
using Completion = std::function<void(Result<infer::Response>)>;

/// One loaded model. Thread: submit is safe from any thread.
class Instance {
 public:
  virtual ~Instance() = default;

  /// Inputs and outputs as the model declares them, after flattening what is no tensor (scikit-learn's maps).
  [[nodiscard]] virtual const Signature& signature() const = 0;

  /// Class labels found inside the model (a ZipMap's, a classifier's), in the order of the scores; empty when
  /// none.
  [[nodiscard]] virtual std::span<const std::string> labels() const = 0;

  /// Runs the model on `inputs`, one per signature().inputs and in that order, giving the outputs whose
  /// positions are in `outputs` (empty = all, in order). Never blocks for the length of a run unless the
  /// executor runs tasks in place. Borrows: inputs and outputs, until the completion was called. Errors
  /// (through `done`): backend.input (a tensor that the model refuses), backend.run, backend.output_size. A
  /// failed run gives no data.
  virtual void submit(std::span<const TensorView> inputs, std::span<const std::size_t> outputs,
                      Completion done) = 0;
};

/// Facts about a backend on this machine, for `slipway doctor` and --version.
struct BackendInfo {
  std::string name;     ///< "onnxruntime"
  std::string version;  ///< of the library found; empty when there is none
  std::string where;    ///< its file; empty when there is none
  std::string problem;  ///< why it cannot be used here, with the fix; empty when it can
};

/// A program that keeps the contract of a worker (worker/wire) and is not this one.
struct ForeignProgram {
  std::string path;
  std::vector<std::string> words;        ///< the first is its name for ps
  std::vector<std::string> environment;  ///< "NAME=value", beside what every worker gets
  std::vector<std::string> readable;     ///< files and folders that it may read, beside libraries
  std::vector<std::string> executable;   ///< files, which the start itself takes: the program, its loader
};

class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Looks at the content, never at the suffix, and loads nothing. True = this is my kind of file, sound or
  /// not.
  [[nodiscard]] virtual bool probe(ByteView model) const = 0;
  /// Borrows: files, until it returns. Cost: may take long (reads the weights, optimises); never call it on a
  /// loop. Errors: backend.unavailable (its library is missing), backend.load (the model is damaged, hostile
  /// or of an unknown version), backend.unsupported (types or structure that cannot be served),
  /// backend.external_data.
  [[nodiscard]] virtual Result<std::unique_ptr<Instance>> load(const ModelFiles& files,
                                                               const LoadOptions& options) = 0;
  [[nodiscard]] virtual BackendInfo info() = 0;
  /// Opens what load() and runs need besides a model's files, such as a library, so that from then on they
  /// open no other file. Errors: backend.unavailable.
  virtual Status prepare() { return {}; }
  /// What serves a model of this backend in a worker, when it is not this program. Errors:
  /// backend.unavailable, backend.code (the options do not let it run).
  virtual Result<std::optional<ForeignProgram>> foreign_program(const LoadOptions&) {
    return std::optional<ForeignProgram>();
  }
};

/// What the program gives each backend. Borrows: all of it, for the backend's life.
struct Host {
  const Clock* clock = nullptr;
  Logger* logger = nullptr;
  std::vector<std::string>
      library_dirs;  ///< where runtime libraries are looked for before the loader's own places
};

}  // namespace slipway::backend
