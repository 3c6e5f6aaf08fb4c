#include "graph/compose.h"

#include <gtest/gtest.h>
#include <onnx/onnx.pb.h>

namespace slipway::graph {
namespace {

// x FP32 [batch,3] -> y by one operator, with the domains given.
onnx::ModelProto model(bool imports_operators) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.set_producer_name("test");
  auto* opset = model.add_opset_import();
  opset->set_domain(imports_operators ? "" : "ai.onnx.ml");
  opset->set_version(imports_operators ? 17 : 1);
  auto* graph = model.mutable_graph();
  graph->set_name("g");
  for (auto* value : {graph->add_input(), graph->add_output()}) {
    auto* tensor = value->mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(onnx::TensorProto::FLOAT);
    tensor->mutable_shape()->add_dim()->set_dim_param("batch");
    tensor->mutable_shape()->add_dim()->set_dim_value(3);
  }
  graph->mutable_input(0)->set_name("x");
  graph->mutable_output(0)->set_name("y");
  auto* node = graph->add_node();
  node->set_op_type("Identity");
  node->add_input("x");
  node->add_output("y");
  return model;
}

Composition around() {
  Composition whole;
  whole.inputs = {{"raw", DType::kFp64, {{.size = -1, .symbol = "batch"}, {.size = 3, .symbol = {}}}}};
  whole.before = {{"Cast", "", {"raw"}, {"x"}, {{"to", std::int64_t{element_number(DType::kFp32)}}}}};
  whole.fed = {"x"};
  whole.after = {
      {"LabelEncoder",
       "ai.onnx.ml",
       {"k"},
       {"names"},
       {{"keys_int64s", std::vector<std::int64_t>{1}}, {"values_strings", std::vector<std::string>{"one"}}}}};
  whole.outputs = {std::string("y"), Port{"names", DType::kBytes, {{.size = -1, .symbol = "batch"}}}};
  return whole;
}

TEST(Compose, Lays_operators_in_front_of_a_model_and_behind_it) {
  const std::string file = model(true).SerializeAsString();
  const auto composed = compose(as_bytes(file), around());
  ASSERT_TRUE(composed.ok()) << composed.status().to_string();
  onnx::ModelProto read;
  ASSERT_TRUE(read.ParseFromString(*composed));
  EXPECT_EQ(read.producer_name(), "test");
  ASSERT_EQ(read.graph().node_size(), 3);
  EXPECT_EQ(read.graph().node(0).op_type(), "Cast");
  EXPECT_EQ(read.graph().node(1).op_type(), "Identity");
  EXPECT_EQ(read.graph().node(2).op_type(), "LabelEncoder");
  ASSERT_EQ(read.graph().input_size(), 1);
  EXPECT_EQ(read.graph().input(0).name(), "raw");
  ASSERT_EQ(read.graph().output_size(), 2);
  EXPECT_EQ(read.graph().output(0).name(), "y");
  EXPECT_EQ(read.graph().output(1).name(), "names");
  const auto info = inspect(as_bytes(*composed));
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(opset_versions(*info).onnx, 17);
  EXPECT_EQ(opset_versions(*info).ml, kAddedOpsets.ml);
}

TEST(Compose, Imports_what_a_model_does_not) {
  const std::string file = model(false).SerializeAsString();
  const auto composed = compose(as_bytes(file), around());
  ASSERT_TRUE(composed.ok());
  const auto info = inspect(as_bytes(*composed));
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(opset_versions(*info).onnx, kAddedOpsets.onnx);
  EXPECT_EQ(opset_versions(*info).ml, 1);
}

TEST(Compose, Knows_every_name_of_a_value) {
  onnx::ModelProto with_weight = model(true);
  with_weight.mutable_graph()->add_initializer()->set_name("w");
  const std::string file = with_weight.SerializeAsString();
  EXPECT_EQ(value_names(as_bytes(file)).value(), (std::set<std::string>{"w", "x", "y"}));
}

TEST(Compose, Refuses_what_is_no_model) {
  const std::string sound = model(true).SerializeAsString();
  EXPECT_EQ(compose(as_bytes(std::string_view("not a model")), around()).error().id(), "graph.damaged");
  for (std::size_t cut = 0; cut < sound.size(); ++cut) {
    (void)compose(as_bytes(std::string_view(sound).substr(0, cut)), Composition());
    (void)value_names(as_bytes(std::string_view(sound).substr(0, cut)));
  }
}

}  // namespace
}  // namespace slipway::graph
