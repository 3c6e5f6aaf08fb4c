#include "serving/queue/stacking.h"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>

#include "base/random.h"

namespace slipway::serving {
namespace {

class Memory final : public infer::OutputMemory {
 public:
  std::vector<Tensor> tensors;
};

Binding bound(const std::vector<Tensor>& inputs, std::size_t rows) {
  Binding binding;
  for (const Tensor& input : inputs) binding.inputs.push_back(input.view());
  binding.rows = rows;
  return binding;
}

std::vector<Tensor> request(Random& random, std::size_t rows) {
  std::vector<float> floats;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < rows * 3; ++i) floats.push_back(static_cast<float>(random.uniform()));
  for (std::size_t i = 0; i < rows; ++i) words.emplace_back(random.below(20), 'a');
  std::vector<Tensor> inputs;
  inputs.push_back(Tensor::of<float>({static_cast<std::int64_t>(rows), 3}, floats));
  inputs.push_back(Tensor::of_strings({static_cast<std::int64_t>(rows), 1}, words));
  return inputs;
}

bool same(const TensorView& a, const TensorView& b) {
  return a.dtype == b.dtype && a.shape == b.shape &&
         std::equal(a.data.begin(), a.data.end(), b.data.begin(), b.data.end());
}

// What a model answers that gives back its inputs.
infer::Response echo(std::span<const TensorView> inputs) {
  auto memory = std::make_unique<Memory>();
  infer::Response whole;
  for (const TensorView& input : inputs) {
    EXPECT_TRUE(input.validate().ok());
    memory->tensors.push_back(Tensor::copy_of(input));
  }
  for (const Tensor& tensor : memory->tensors) whole.outputs.push_back({"y", tensor.view()});
  whole.memory = std::move(memory);
  return whole;
}

// A model that gives back its inputs must give each request its own rows again, whatever sizes meet.
TEST(Stacking, WhatIsStackedComesApartAsItWas) {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::vector<Tensor>> requests;
    std::vector<Binding> bindings;
    std::vector<std::size_t> rows;
    const std::size_t count = 1 + random.below(6);
    for (std::size_t i = 0; i < count; ++i) {
      rows.push_back(1 + random.below(5));
      requests.push_back(request(random, rows.back()));
    }
    std::vector<RowRange> parts;
    for (std::size_t i = 0; i < count; ++i) bindings.push_back(bound(requests[i], rows[i]));
    for (const Binding& binding : bindings) {
      EXPECT_TRUE(can_stack(bindings.front(), binding));
      parts.push_back({&binding, 0, binding.rows});
    }
    const std::size_t sum = std::accumulate(rows.begin(), rows.end(), std::size_t{0});
    const std::size_t run_rows = sum + random.below(4);
    const Stacked stacked = stack(parts, run_rows);
    EXPECT_EQ(stacked.rows, run_rows);
    auto apart = cut(echo(stacked.inputs), rows, run_rows);
    ASSERT_TRUE(apart.ok());
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t k = 0; k < 2; ++k) {
        EXPECT_TRUE(same((*apart)[i].outputs[k].tensor, requests[i][k].view())) << round << " " << i;
      }
    }
  }
}

TEST(Stacking, ARequestInPiecesIsJoinedAsItWas) {
  Random random(8);
  for (int round = 0; round < 200; ++round) {
    const std::size_t rows = 1 + random.below(20);
    const auto tensors = request(random, rows);
    const Binding binding = bound(tensors, rows);
    std::vector<infer::Response> answers;
    for (std::size_t first = 0; first < rows;) {
      const std::size_t count = 1 + random.below(rows - first);
      const RowRange piece{&binding, first, count};
      const std::size_t run_rows = count + random.below(3);
      auto apart = cut(echo(stack({&piece, 1}, run_rows).inputs), {&count, 1}, run_rows);
      ASSERT_TRUE(apart.ok());
      EXPECT_TRUE(same(apart->front().outputs[0].tensor, rows_of(piece)[0]));
      answers.push_back(std::move(apart->front()));
      first += count;
    }
    const auto whole = join(std::move(answers));
    ASSERT_TRUE(whole.ok());
    for (std::size_t k = 0; k < 2; ++k) EXPECT_TRUE(same(whole->outputs[k].tensor, tensors[k].view()));
  }
}

TEST(Stacking, PiecesWhoseOutputsDoNotFitTogetherAreAnError) {
  const auto narrow = std::vector<float>{1, 2};
  std::vector<infer::Response> answers;
  for (const Shape& shape : {Shape{1, 2}, Shape{2, 1}}) {
    const Tensor tensor = Tensor::of<float>(shape, narrow);
    const TensorView view = tensor.view();
    answers.push_back(echo({&view, 1}));
  }
  EXPECT_EQ(join(std::move(answers)).error().id(), "serving.batch_shape");
}

TEST(Stacking, OnlyLikeRequestsAreStacked) {
  Random random(1);
  const auto base = request(random, 2);
  const Binding binding = bound(base, 2);
  std::vector<Tensor> wider;
  wider.push_back(Tensor::of<float>({1, 4}, std::vector<float>(4)));
  wider.push_back(Tensor::of_strings({1, 1}, std::vector<std::string>{"a"}));
  EXPECT_FALSE(can_stack(binding, bound(wider, 1)));
  Binding other_outputs = bound(base, 2);
  other_outputs.outputs = {0};
  EXPECT_FALSE(can_stack(binding, other_outputs));
  std::vector<Tensor> uneven;
  uneven.push_back(Tensor::of<float>({2, 3}, std::vector<float>(6)));
  uneven.push_back(Tensor::of_strings({1, 1}, std::vector<std::string>{"a"}));
  EXPECT_FALSE(can_stack(binding, bound(uneven, 2)));
  const auto none = request(random, 0);
  EXPECT_FALSE(can_stack(binding, bound(none, 0)));
  EXPECT_FALSE(can_stack(bound(none, 0), bound(none, 0)));
}

TEST(Stacking, AnOutputWithOtherRowsIsAnErrorAndNoGuess) {
  auto memory = std::make_unique<Memory>();
  memory->tensors.push_back(Tensor::of<float>({1, 2}, std::vector<float>{1, 2}));
  infer::Response whole;
  whole.outputs.push_back({"y", memory->tensors.front().view()});
  whole.memory = std::move(memory);
  const std::size_t rows[] = {1, 1};
  EXPECT_EQ(cut(std::move(whole), rows, 2).error().id(), "serving.batch_shape");
}

TEST(Stacking, RowsNeedAFreeFirstDimensionEverywhere) {
  EXPECT_TRUE(takes_rows({{{"x", DType::kFp32, {-1, 2}}, {"w", DType::kBytes, {-1}}}, {}}));
  EXPECT_FALSE(takes_rows({{{"x", DType::kFp32, {-1, 2}}, {"k", DType::kFp32, {1}}}, {}}));
  EXPECT_FALSE(takes_rows({{{"x", DType::kFp32, {}}}, {}}));
  EXPECT_FALSE(takes_rows({{}, {}}));
}

}  // namespace
}  // namespace slipway::serving
