#include "tensor/shape.h"

#include <algorithm>

#include "base/checked.h"

namespace slipway {

Shape::Shape(std::initializer_list<std::int64_t> dims) {
  for (const std::int64_t dim : dims) push_back(dim);
}

Result<Shape> Shape::from(std::span<const std::int64_t> dims) {
  if (dims.size() > kMaxRank) {
    return invalid_argument("tensor.rank", "a shape has " + std::to_string(dims.size()) +
                                               " dimensions; at most " + std::to_string(kMaxRank) +
                                               " are supported");
  }
  Shape shape;
  for (const std::int64_t dim : dims) {
    if (dim < -1)
      return invalid_argument("tensor.dimension", "a shape has the dimension " + std::to_string(dim));
    shape.push_back(dim);
  }
  return shape;
}

void Shape::push_back(std::int64_t dim) {
  SLIPWAY_CHECK(rank_ < kMaxRank);
  dims_[rank_++] = dim;
}

bool Shape::is_fixed() const {
  return std::none_of(dims_, dims_ + rank_, [](std::int64_t dim) { return dim < 0; });
}

std::optional<std::int64_t> Shape::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t dim : dims()) {
    if (dim < 0) return std::nullopt;
    const auto next = checked_mul(product, dim);
    if (!next) return std::nullopt;
    product = *next;
  }
  return product;
}

bool Shape::accepts(const Shape& actual) const {
  if (rank_ != actual.rank_) return false;
  for (std::size_t i = 0; i < rank_; ++i) {
    if (dims_[i] >= 0 && dims_[i] != actual.dims_[i]) return false;
  }
  return true;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (std::size_t i = 0; i < rank_; ++i) {
    if (i > 0) text += ',';
    text += std::to_string(dims_[i]);
  }
  return text + "]";
}

bool operator==(const Shape& a, const Shape& b) {
  return a.rank_ == b.rank_ && std::equal(a.dims_, a.dims_ + a.rank_, b.dims_);
}

}  // namespace slipway
