// Scores of rows by a forest, fast: nodes are laid out for the processor, rows are taken in blocks, trees are
// walked without branches. The answers do not depend on how many rows are asked at once, nor on the
// processor.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "forest/forest.h"

namespace slipway::forest {

/// Thread: safe; a run keeps its state on the stack of its thread.
class Evaluator {
 public:
  virtual ~Evaluator() = default;

  /// The answers of `rows` rows, before classes are made of them: outputs() numbers each, after the link.
  /// `features` holds the rows one after the other, each of Forest::features values, and may lie anywhere;
  /// it is of float or double, as is the forest's precision. `answers` is of
  /// what Forest::sums says. `classes` is null, or gets the class of each row: which of Forest::classes it
  /// is, the first of equals; 0 where the task has none. Shapes: features [rows, features], answers [rows,
  /// outputs], classes [rows].
  virtual void run(const void* features, std::size_t rows, void* answers, std::uint32_t* classes) const = 0;
};

/// Instructions of the processor.
enum class Isa : std::uint8_t { kPlain, kAvx2, kAvx512 };

/// The best that this processor has.
Isa best_isa();

/// Precondition: check(forest), and the processor has `isa`. Keeps no reference to the forest. Errors:
/// forest.unsupported, where the trees are too many to be laid out.
Result<std::unique_ptr<Evaluator>> make_evaluator(const Forest& forest, Isa isa = best_isa());

}  // namespace slipway::forest
