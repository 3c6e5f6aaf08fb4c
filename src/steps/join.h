// A prediction function with steps, and its model, made one graph.
//
//   Joining::create(settings, model)    what can be known from both
//   learn(sample)                       runs the steps on the sample's columns, learns, checks everything
//   join()                              the model with the steps inside, and the fields that go with it
//
// The joined model takes the fields of a record as one matrix of numbers (FP64) and one of texts (BYTES).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "function/function.h"
#include "function/settings.h"
#include "graph/onnx.h"
#include "steps/table.h"

namespace slipway::steps {

struct Joined {
  std::string file;                     ///< an ONNX model
  function::Spec spec;                  ///< fits its signature
  function::FunctionSettings settings;  ///< as given, with everything that was learnt
};

/// True when there is anything to join.
[[nodiscard]] bool has_steps(const function::FunctionSettings& settings);

/// Thread: confined.
class Joining {
 public:
  /// `labels` of `labels` steps are read already. Borrows: model, until it is destroyed.
  /// Errors: function.not_onnx (steps need an ONNX model), function.opset (one of operator set 11 or later);
  /// function.invalid; graph.*.
  static Result<Joining> create(function::FunctionSettings settings, ByteView model);
  ~Joining();
  Joining(Joining&&) noexcept;
  Joining& operator=(Joining&&) = delete;

  /// Whether a step has anything to learn.
  [[nodiscard]] bool wants_sample() const;
  /// Turns records into the columns that the steps begin with.
  [[nodiscard]] const function::Function& records() const;
  /// Appends what records() made.
  void add(const function::Batch& batch, Table& table) const;
  /// The columns without rows.
  [[nodiscard]] Table columns() const;

  /// Runs and checks all steps; without rows nothing can be learnt. Errors: function.invalid with every
  /// fault.
  Status learn(Table sample);

  /// Precondition: learn() gave no error. Errors: graph.*.
  Result<Joined> join() const;

  /// The steps one by one, in place of the graph: the model's inputs, by their names, of columns()' rows.
  /// Precondition: as join().
  [[nodiscard]] Table before(Table table) const;
  /// Answers of the model's outputs. Precondition: as join(); `outputs` has the columns of outputs().
  [[nodiscard]] Table after(Table outputs) const;
  /// The model's outputs that steps can take, without rows.
  [[nodiscard]] Table outputs() const;

  struct Impl;

 private:
  explicit Joining(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::steps
