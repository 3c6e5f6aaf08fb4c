#include "serving/queue/binding.h"

#include <gtest/gtest.h>

namespace slipway::serving {
namespace {

const Signature kModel{{{"x", DType::kFp32, {-1, 2}}, {"n", DType::kInt64, {1}}},
                       {{"y", DType::kFp32, {-1}}, {"z", DType::kFp32, {-1}}}};

class BindTest : public ::testing::Test {
 protected:
  infer::Input x(Shape shape = {2, 2}, DType dtype = DType::kFp32) {
    return {"x", {dtype, shape, std::as_bytes(std::span(floats_))}};
  }
  infer::Input n() { return {"n", {DType::kInt64, {1}, std::as_bytes(std::span(ints_))}}; }
  static std::string id_of(infer::Request request) {
    auto bound = bind(request, kModel);
    return bound.ok() ? "ok" : bound.error().id();
  }
  infer::Request request(std::vector<infer::Input> inputs) {
    infer::Request request;
    request.inputs = std::move(inputs);
    return request;
  }

 private:
  float floats_[4] = {1, 2, 3, 4};
  std::int64_t ints_[1] = {5};
};

TEST_F(BindTest, PutsInputsIntoTheModelsOrder) {
  infer::Request swapped = request({n(), x()});
  swapped.requested_outputs = {"z"};
  auto bound = bind(swapped, kModel);
  ASSERT_TRUE(bound.ok());
  EXPECT_EQ(bound->inputs[0].dtype, DType::kFp32);
  EXPECT_EQ(bound->inputs[1].dtype, DType::kInt64);
  EXPECT_EQ(bound->outputs, std::vector<std::size_t>{1});
  EXPECT_EQ(bound->input_bytes, 24U);
  EXPECT_EQ(bound->rows, 2U);
}

TEST_F(BindTest, RefusesWhatDoesNotFitTheSignature) {
  EXPECT_EQ(id_of(request({x()})), "infer.input_missing");
  EXPECT_EQ(id_of(request({x(), n(), x()})), "infer.input_twice");
  infer::Input other = x();
  other.name = "w";
  EXPECT_EQ(id_of(request({other, n()})), "infer.input_unknown");
  EXPECT_EQ(id_of(request({x({2, 2}, DType::kInt32), n()})), "infer.input_type");
  EXPECT_EQ(id_of(request({x({4}), n()})), "infer.input_shape");
  EXPECT_EQ(id_of(request({x({4, 1}), n()})), "infer.input_shape");
  EXPECT_EQ(id_of(request({x({3, 2}), n()})), "tensor.size");
  EXPECT_EQ(id_of(request({x({-1, 2}), n()})), "tensor.size");
  infer::Request outputs = request({x(), n()});
  outputs.requested_outputs = {"w"};
  EXPECT_EQ(id_of(outputs), "infer.output_unknown");
}

TEST_F(BindTest, NamesWhatTheModelTakes) {
  EXPECT_EQ(bind(request({x()}), kModel).error().message(),
            "input \"n\" is missing; the model takes \"x\" and \"n\"");
}

}  // namespace
}  // namespace slipway::serving
