// Runs whose values are made once and used again. For a model of some microseconds, making and releasing the
// runtime's values and asking them for their shapes costs as much as a part of the model; here inputs are
// copied into memory that the values already stand for, and outputs are written where their views already
// point.
#pragma once

#include <onnxruntime_c_api.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "infer/infer.h"
#include "plugins/backends/onnxruntime/session_internal.h"
#include "tensor/tensor.h"

namespace slipway::onnxruntime {

/// One set of values, used by one run at a time.
class PreparedRun {
 public:
  /// Values for inputs and outputs of these types and shapes, all of fixed size. Errors: backend.run.
  static Result<std::unique_ptr<PreparedRun>> make(Runtime& runtime, const OrtMemoryInfo& memory,
                                                   std::span<const TensorView> inputs,
                                                   std::span<const infer::Output> outputs);
  ~PreparedRun();
  PreparedRun(const PreparedRun&) = delete;
  PreparedRun& operator=(const PreparedRun&) = delete;

  /// Copies the inputs to where the values are. Precondition: of the types and shapes it was made for.
  void fill(std::span<const TensorView> inputs);
  [[nodiscard]] const OrtValue* const* inputs() const { return inputs_.data(); }
  [[nodiscard]] OrtValue** outputs() { return outputs_.data(); }
  /// What the outputs are after a run, in their order. Borrows: this.
  [[nodiscard]] std::span<const TensorView> views() const { return views_; }

 private:
  friend class PreparedRuns;
  explicit PreparedRun(const OrtApi& api) : api_(api) {}
  const OrtApi& api_;
  Buffer memory_;  // inputs, then outputs
  std::vector<std::byte*> places_;
  std::vector<OrtValue*> inputs_;
  std::vector<OrtValue*> outputs_;
  std::vector<TensorView> views_;
  std::size_t pattern_ = 0;  // its place among PreparedRuns::patterns_
};

/// The prepared runs of one session, by the shapes of the inputs and the outputs asked for. Shapes of outputs
/// are learned from a run, and believed only once a prepared run on the same inputs gave the same bytes: a
/// model whose answers differ from run to run, or one that does not write where it is told, is run the
/// ordinary way. Where shapes depend on values, the runtime refuses such a run, and the caller runs it again.
/// Thread: safe. Owned by a shared pointer, which answers under way hold.
class PreparedRuns : public std::enable_shared_from_this<PreparedRuns> {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{32} << 10U;  ///< inputs and outputs of one run
  static constexpr std::size_t kMostShapes = 8;                      ///< the first that come are kept
  static constexpr std::size_t kMostAtOnce = 4;                      ///< runs of one shape

  explicit PreparedRuns(std::shared_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {}

  /// A free run for such inputs and outputs; null where there is none. Cost: a lock, and the comparison of
  /// shapes.
  std::unique_ptr<PreparedRun> take(std::span<const TensorView> inputs, std::span<const std::size_t> wanted);
  /// Gives a run back. `good`: it gave an answer.
  void give(std::unique_ptr<PreparedRun> run, bool good);
  /// An answer's memory: gives the run back when the answer is done with.
  std::unique_ptr<infer::OutputMemory> lend(std::unique_ptr<PreparedRun> run);

  /// Called after an ordinary run: prepares one like it, where it is worth it and right. `run` runs a
  /// prepared one.
  template <typename Run>
  void learn(const OrtMemoryInfo& memory, std::span<const TensorView> inputs,
             std::span<const std::size_t> wanted, const infer::Response& response, Run&& run) {
    if (!begin_learning(inputs, wanted, response)) return;
    auto made = PreparedRun::make(*runtime_, memory, inputs, response.outputs);
    bool same = made.ok();
    if (same) {
      (*made)->fill(inputs);
      same = run(**made).ok() && equal(**made, response);
    }
    end_learning(inputs, wanted, same ? std::move(*made) : nullptr);
  }

 private:
  struct Pattern {
    std::vector<Shape> inputs;
    std::vector<std::size_t> wanted;
    std::vector<std::unique_ptr<PreparedRun>> free;
    std::size_t made = 0;
    bool refused = false;
  };

  Pattern* find(std::span<const TensorView> inputs, std::span<const std::size_t> wanted);
  bool begin_learning(std::span<const TensorView> inputs, std::span<const std::size_t> wanted,
                      const infer::Response& response);
  void end_learning(std::span<const TensorView> inputs, std::span<const std::size_t> wanted,
                    std::unique_ptr<PreparedRun> run);
  static bool equal(const PreparedRun& run, const infer::Response& response);

  const std::shared_ptr<Runtime> runtime_;
  std::mutex mutex_;
  std::vector<Pattern> patterns_;  // guarded by mutex_; grows only
};

}  // namespace slipway::onnxruntime
