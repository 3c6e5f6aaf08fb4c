// The inner loops of evaluation, for blocks of rows, in the best instructions that the processor has.
#pragma once

#include <cstddef>
#include <cstdint>

#include "forest/evaluator.h"
#include "forest/layout_internal.h"

namespace slipway::forest::internal {

/// Rows of a block; its columns lie one after the other, each of so many values.
inline constexpr std::size_t kLanes = 16;

/// Blocks of rows, one after the other: where the first one's columns and its scores of one output lie, and
/// how far it is to the next one's.
template <typename T, typename S>
struct Blocks {
  const T* columns;
  std::size_t columns_stride;
  S* scores;
  std::size_t scores_stride;
  std::size_t count;
};

/// Adds what one tree says to the scores of all rows.
template <typename T, typename S>
struct Kernels {
  using Add = void (*)(const TreeLayout& tree, const Test<T>* tests, const S* values,
                       const Blocks<T, S>& blocks);
  Add quick;
  Add symmetric;
};

/// Precondition: the processor has `isa`.
template <typename T, typename S>
Kernels<T, S> kernels_of(Isa isa);

extern template Kernels<float, float> kernels_of(Isa isa);
extern template Kernels<float, double> kernels_of(Isa isa);
extern template Kernels<double, double> kernels_of(Isa isa);

}  // namespace slipway::forest::internal
