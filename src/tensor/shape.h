// Shapes: the sizes of a tensor's dimensions, outermost first; row-major throughout.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"

namespace slipway {

/// Up to kMaxRank dimensions, held in place: no allocation. A dimension of -1 is free (known only per
/// request); a shape of real data has none. Thread: a value.
class Shape {
 public:
  static constexpr std::size_t kMaxRank = 16;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims);
  /// Errors: tensor.rank, tensor.dimension (below -1).
  static Result<Shape> from(std::span<const std::int64_t> dims);

  [[nodiscard]] std::size_t rank() const { return rank_; }
  [[nodiscard]] std::int64_t operator[](std::size_t i) const { return dims_[i]; }
  void set(std::size_t i, std::int64_t dim) { dims_[i] = dim; }
  /// Appends a dimension. Precondition: rank() < kMaxRank.
  void push_back(std::int64_t dim);
  [[nodiscard]] std::span<const std::int64_t> dims() const { return {dims_, rank_}; }
  [[nodiscard]] bool is_fixed() const;

  /// The product of the dimensions (1 for a scalar); nothing when a dimension is free or the product
  /// overflows.
  [[nodiscard]] std::optional<std::int64_t> elements() const;

  /// True when `actual` (real data) fits this declared shape: same rank, equal or free dimensions.
  [[nodiscard]] bool accepts(const Shape& actual) const;

  /// "[2,-1,13]".
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Shape& a, const Shape& b);

 private:
  std::size_t rank_ = 0;
  std::int64_t dims_[kMaxRank] = {};
};

}  // namespace slipway
