// What makes answers of scores, as the libraries compute it: XGBoost in float, the others in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "forest/forest.h"

namespace slipway::forest::internal {

// XGBoost: exp is not let overflow, and a denominator never vanishes.
inline float sigmoid(float score) {
  constexpr float kLargest = 88.7F;
  return 1.0F / (std::exp(std::min(-score, kLargest)) + 1.0F + 1e-16F);
}
inline double sigmoid(double score) { return 1.0 / (1.0 + std::exp(-score)); }

template <typename T>
void softmax(std::span<T> scores) {
  T largest = scores[0];
  for (const T score : scores) largest = std::max(largest, score);
  double sum = 0;
  for (T& score : scores) {
    score = std::exp(score - largest);
    sum += static_cast<double>(score);
  }
  for (T& score : scores) score /= static_cast<T>(sum);
}

/// Turns the scores of one row into its answers.
template <typename T>
void apply_link(Link link, double parameter, std::span<T> scores) {
  switch (link) {
    case Link::kIdentity:
      return;
    case Link::kSigmoid:
      for (T& score : scores) score = sigmoid(static_cast<T>(parameter) * score);
      return;
    case Link::kSoftmax:
      return softmax(scores);
    case Link::kExp:
      for (T& score : scores) score = std::exp(score);
      return;
    case Link::kHinge:
      for (T& score : scores) score = score > 0 ? T(1) : T(0);
      return;
    case Link::kLog1pExp:
      for (T& score : scores) score = std::log1p(std::exp(score));
      return;
    case Link::kSignedSquare:
      for (T& score : scores) score = std::copysign(score * score, score);
      return;
    case Link::kNormalisedSigmoid: {
      T sum = 0;
      for (T& score : scores) sum += score = sigmoid(static_cast<T>(parameter) * score);
      for (T& score : scores) score /= sum;
      return;
    }
  }
}

/// The class of one row by its scores or its answers: of two, the second above `border`; of several, the
/// first of the largest; 0 where the task has none.
template <typename T>
std::uint32_t choose(Task task, std::span<const T> numbers, T border) {
  if (task == Task::kBinary) return numbers[0] > border ? 1 : 0;
  if (task != Task::kMulticlass) return 0;
  return static_cast<std::uint32_t>(std::max_element(numbers.begin(), numbers.end()) - numbers.begin());
}

}  // namespace slipway::forest::internal
