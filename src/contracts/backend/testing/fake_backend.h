// A backend for tests of what stands above backends: it answers at once, late, or with a failure, as told.
//
// A fake model is a file that starts with "FAKE". What it takes and gives is set in FakeOptions, not in the
// file.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "contracts/backend/backend.h"

namespace slipway::backend::testing {

/// Owns the tensors of a fake answer.
class FakeOutputs final : public infer::OutputMemory {
 public:
  std::vector<Tensor> tensors;
};

/// What a run computes: one tensor per output of the signature, or a failure.
using FakeRun = std::function<Result<std::vector<Tensor>>(std::span<const TensorView> inputs)>;

/// Output i is a copy of input i % inputs, with the output's dtype where sizes allow it: an identity model.
Result<std::vector<Tensor>> echo_inputs(const Signature& signature, std::span<const TensorView> inputs);

struct FakeOptions {
  /// Default: x FP32 [-1,2] in, y FP32 [-1,2] out.
  Signature signature{{{"x", DType::kFp32, {-1, 2}}}, {{"y", DType::kFp32, {-1, 2}}}};
  std::vector<std::string> labels;
  FakeRun run;                        ///< empty = echo_inputs
  ManualClock* clock = nullptr;       ///< Borrows: advanced by run_time in each run; null = no time passes
  Duration run_time{};                ///< how long a run takes on `clock`
  bool hold = false;                  ///< runs wait for FakeBackend::release()
  std::optional<Error> load_failure;  ///< load() gives this
  std::optional<Error> run_failure;   ///< every run gives this
};

/// Thread: safe. Counts are exact once the calls that they count have returned.
class FakeBackend final : public Backend {
 public:
  explicit FakeBackend(FakeOptions options = {});
  ~FakeBackend() override;

  [[nodiscard]] std::string_view name() const override { return "fake"; }
  [[nodiscard]] bool probe(ByteView model) const override;
  [[nodiscard]] Result<std::unique_ptr<Instance>> load(const ModelFiles& files,
                                                       const LoadOptions& options) override;
  [[nodiscard]] BackendInfo info() override;

  /// Changes what later loads and runs do, also of instances loaded before (except their signature and
  /// labels).
  void set_run_failure(std::optional<Error> failure);
  void set_load_failure(std::optional<Error> failure);

  /// Runs held so far, which have not been completed; release() completes up to `count` of them on this
  /// thread, oldest first, and gives how many.
  [[nodiscard]] std::size_t held() const;
  std::size_t release(std::size_t count = SIZE_MAX);

  [[nodiscard]] std::size_t loads() const;    ///< successful ones
  [[nodiscard]] std::size_t unloads() const;  ///< instances destroyed
  [[nodiscard]] std::size_t runs() const;     ///< completed ones, failed or not
  [[nodiscard]] LoadOptions last_load_options() const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace slipway::backend::testing
