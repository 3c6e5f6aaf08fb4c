// The parts of Joining.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "graph/compose.h"
#include "steps/join.h"
#include "steps/rule_internal.h"

namespace slipway::steps {

/// An input of the model that steps make.
struct Fed {
  std::string input;
  std::vector<std::string> columns;
  std::size_t after_step = 0;  ///< how many steps come before it
};

struct Joining::Impl {
  function::FunctionSettings settings;
  ByteView model;
  std::string flattened;  ///< the model without maps, where it had any; `model` points there
  graph::ModelInfo info;
  std::set<std::string> names;  ///< of all values inside the model
  std::string numbers;          ///< the joined model's input for numbers
  std::string texts;
  graph::Dimension rows;  ///< the first dimension of everything
  std::optional<function::Function> records;
  function::Spec spec;   ///< of `records`
  std::vector<Fed> fed;  ///< known after learn()
  bool is_learnt = false;

  [[nodiscard]] bool has_before() const { return !settings.before.empty(); }
  /// A field that the steps take, not one that goes to an input as it is.
  [[nodiscard]] bool is_column(const function::InputSettings& field) const {
    return has_before() && field.input.empty() && field.type != function::FieldType::kArray;
  }
  [[nodiscard]] const graph::ValueInfo* input(std::string_view name) const;
  /// Inputs that no field goes to as it is.
  [[nodiscard]] std::vector<std::string> inputs_to_feed() const;

  /// The joined model's own inputs: numbers and texts, where there are fields for them.
  [[nodiscard]] std::vector<TensorSpec> records_inputs() const;

  Status bind_records();
  void learn_before(Table& table, std::vector<Fault>& faults);
  void learn_after(std::vector<Fault>& faults);
  void feed(Fed feed, const std::string& where, const Table& table, std::vector<Fault>& faults);
  void feed_rest(const Table& table, std::vector<Fault>& faults);
};

/// The model's output as a column, or nothing where steps cannot take it.
std::optional<Column> output_column(const graph::ValueInfo& output);

}  // namespace slipway::steps
