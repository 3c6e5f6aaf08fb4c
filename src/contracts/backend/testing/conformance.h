// What every backend must do, as tests. A backend describes itself once and instantiates the kit in a line:
//
//   INSTANTIATE_TEST_SUITE_P(OnnxRuntime, BackendConformance, ::testing::Values(BackendSubject{"onnxruntime",
//   &make}));
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "contracts/backend/backend.h"

namespace slipway::backend::testing {

/// A backend and models in its own format that the kit knows the answers of.
class ConformanceSubject {
 public:
  virtual ~ConformanceSubject() = default;
  virtual std::unique_ptr<Backend> make(const Host& host) = 0;

  /// x [-1,3] -> y [-1,3], the same values. Null when the backend has no such dtype, or no such models.
  virtual std::unique_ptr<ModelFiles> identity(DType dtype) = 0;
  /// a, b FP32 [-1,2] -> sum, difference FP32 [-1,2]. Null when no model of the backend can be such a one.
  virtual std::unique_ptr<ModelFiles> two_in_two_out() = 0;
  /// index INT64 [-1] -> value FP32 [-1]: 10, 20, 30 for 0, 1, 2; any other index fails the run. Not asked of
  /// a backend that gives an example() of its own.
  virtual std::unique_ptr<ModelFiles> lookup() = 0;

  /// A model of one input, whose first dimension is free, and calls of it.
  struct Example {
    std::unique_ptr<ModelFiles> files;
    Tensor first, second;  ///< inputs whose answers differ
    std::vector<Tensor> first_answer, second_answer;
    std::vector<Tensor> refused;  ///< each an input that fails the run
  };
  /// For backends whose models can be none of the above; else made of lookup().
  virtual Example example();

  struct Damaged {
    std::string what;
    std::unique_ptr<ModelFiles> files;
  };
  /// Models that must not load.
  virtual std::vector<Damaged> damaged() = 0;
};

struct BackendSubject {
  std::string name;
  std::unique_ptr<ConformanceSubject> (*make)();
};
void PrintTo(const BackendSubject& subject, std::ostream* out);

class BackendConformance : public ::testing::TestWithParam<BackendSubject> {
 protected:
  void SetUp() override;
  std::unique_ptr<Instance> load(std::unique_ptr<ModelFiles> files, const LoadOptions& options = {});
  /// The model of example(), which becomes example_.
  std::unique_ptr<Instance> load_example(const LoadOptions& options = {});

  SystemClock clock_;
  NullLogger logger_;
  std::unique_ptr<ConformanceSubject> subject_;
  std::unique_ptr<Backend> backend_;
  ConformanceSubject::Example example_;
};

/// Submits and gives the answer; for instances that run in place.
Result<infer::Response> run(Instance& instance, std::span<const TensorView> inputs,
                            std::span<const std::size_t> outputs = {});

}  // namespace slipway::backend::testing
