#include "graph/onnx.h"

#include <gtest/gtest.h>
#include <onnx/onnx.pb.h>

#include <fstream>
#include <functional>
#include <iterator>

#include "testing/paths.gen.h"

namespace slipway::graph {
namespace {

// x FP32 [batch,3] -> y FP32 [batch,3] by one operator.
onnx::ModelProto small_model() {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.set_producer_name("test");
  auto* opset = model.add_opset_import();
  opset->set_domain("");
  opset->set_version(13);
  auto* graph = model.mutable_graph();
  graph->set_name("g");
  const auto declare = [](onnx::ValueInfoProto* value, const char* name) {
    value->set_name(name);
    auto* tensor = value->mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(onnx::TensorProto::FLOAT);
    tensor->mutable_shape()->add_dim()->set_dim_param("batch");
    tensor->mutable_shape()->add_dim()->set_dim_value(3);
  };
  declare(graph->add_input(), "x");
  declare(graph->add_output(), "y");
  auto* node = graph->add_node();
  node->set_op_type("Identity");
  node->add_input("x");
  node->add_output("y");
  return model;
}

void add_classifier(onnx::ModelProto& model, const std::string& op_type, const std::string& output,
                    const std::string& attribute, const std::vector<std::int64_t>& labels) {
  auto* node = model.mutable_graph()->add_node();
  node->set_op_type(op_type);
  node->set_domain("ai.onnx.ml");
  node->add_input("x");
  node->add_output(output);
  auto* list = node->add_attribute();
  list->set_name(attribute);
  list->set_type(onnx::AttributeProto::INTS);
  for (const std::int64_t label : labels) list->add_ints(label);
}

// Turns the output y into a sequence of maps made by a ZipMap.
void zip_output(onnx::ModelProto& model, const std::vector<std::int64_t>& labels) {
  model.mutable_graph()->clear_node();
  add_classifier(model, "ZipMap", "y", "classlabels_int64s", labels);
  auto* map = model.mutable_graph()
                  ->mutable_output(0)
                  ->mutable_type()
                  ->mutable_sequence_type()
                  ->mutable_elem_type()
                  ->mutable_map_type();
  map->set_key_type(onnx::TensorProto::INT64);
  map->mutable_value_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
}

void keep_outside(onnx::TensorProto& tensor, const std::string& location) {
  tensor.set_name("w");
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  auto* entry = tensor.add_external_data();
  entry->set_key("location");
  entry->set_value(location);
}

Result<ModelInfo> inspect_proto(const onnx::ModelProto& model) {
  return inspect(as_bytes(model.SerializeAsString()));
}

std::string fault_of(const onnx::ModelProto& model) {
  const auto info = inspect_proto(model);
  return info.ok() ? "sound" : info.error().id();
}

TEST(Inspect, Tells_what_a_model_says_of_itself) {
  onnx::ModelProto model = small_model();
  model.set_producer_version("1.2");
  model.set_model_version(7);
  model.set_doc_string("two\nlines");
  auto* entry = model.add_metadata_props();
  entry->set_key("author");
  entry->set_value("Ada");
  const auto info = inspect_proto(model);
  ASSERT_TRUE(info.ok()) << info.status().to_string();
  EXPECT_EQ(info->ir_version, 8);
  EXPECT_EQ(info->model_version, 7);
  EXPECT_EQ(info->producer_name, "test");
  EXPECT_EQ(info->producer_version, "1.2");
  ASSERT_EQ(info->opsets.size(), 1U);
  EXPECT_EQ(info->opsets[0].version, 13);
  EXPECT_EQ(info->metadata.at(0), (std::pair<std::string, std::string>{"author", "Ada"}));
  EXPECT_EQ(info->nodes, 1U);
  ASSERT_EQ(info->inputs.size(), 1U);
  EXPECT_EQ(info->inputs[0].name, "x");
  EXPECT_EQ(info->inputs[0].type, "FP32");
  EXPECT_EQ(info->inputs[0].dtype, DType::kFp32);
  ASSERT_TRUE(info->inputs[0].dims.has_value());
  EXPECT_EQ(info->inputs[0].dims->at(0).size, -1);
  EXPECT_EQ(info->inputs[0].dims->at(0).symbol, "batch");
  EXPECT_EQ(info->inputs[0].dims->at(1).size, 3);
}

TEST(Inspect, Weights_listed_as_inputs_are_no_inputs) {
  onnx::ModelProto model = small_model();
  *model.mutable_graph()->add_input() = model.graph().input(0);
  model.mutable_graph()->mutable_input(1)->set_name("w");
  auto* weight = model.mutable_graph()->add_initializer();
  weight->set_name("w");
  weight->set_data_type(onnx::TensorProto::FLOAT);
  const auto info = inspect_proto(model);
  ASSERT_TRUE(info.ok());
  ASSERT_EQ(info->inputs.size(), 1U);
  EXPECT_EQ(info->inputs[0].name, "x");
}

TEST(Inspect, Types_that_are_no_tensors_are_named) {
  onnx::ModelProto model = small_model();
  zip_output(model, {1, 2});
  const auto info = inspect_proto(model);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->outputs[0].type, "sequence(map(INT64,FP32))");
  EXPECT_FALSE(info->outputs[0].is_tensor);
  model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->set_elem_type(17);
  const auto float8 = inspect_proto(model);
  EXPECT_EQ(float8->outputs[0].type, "ONNX element type 17");
  EXPECT_TRUE(float8->outputs[0].is_tensor);
  EXPECT_FALSE(float8->outputs[0].dtype.has_value());
  EXPECT_FALSE(float8->outputs[0].dims.has_value());
}

TEST(Inspect, Foreign_operators_are_found_wherever_they_stand) {
  onnx::ModelProto model = small_model();
  model.mutable_graph()->mutable_node(0)->set_domain("com.outer");
  auto* inner = model.mutable_graph()->mutable_node(0)->add_attribute();
  inner->set_name("then_branch");
  inner->mutable_g()->add_node()->set_domain("com.inner");
  auto* function = model.add_functions();
  function->set_domain("own.functions");
  function->add_node()->set_domain("com.function");
  model.mutable_graph()->add_node()->set_domain("own.functions");
  model.mutable_graph()->add_node()->set_domain("ai.onnx.ml");
  const auto info = inspect_proto(model);
  ASSERT_TRUE(info.ok()) << info.status().to_string();
  EXPECT_EQ(info->custom_domains, (std::vector<std::string>{"com.function", "com.inner", "com.outer"}));
  EXPECT_EQ(info->nodes, 5U);
}

TEST(Inspect, Labels_come_from_zipmaps_then_from_classifiers_that_agree) {
  onnx::ModelProto model = small_model();
  add_classifier(model, "TreeEnsembleClassifier", "a", "classlabels_int64s", {5, 6});
  EXPECT_EQ(inspect_proto(model)->labels, (std::vector<std::string>{"5", "6"}));
  add_classifier(model, "LinearClassifier", "b", "classlabels_ints", {5, 6});
  EXPECT_EQ(inspect_proto(model)->labels, (std::vector<std::string>{"5", "6"}));
  add_classifier(model, "SVMClassifier", "c", "classlabels_ints", {9});
  EXPECT_TRUE(inspect_proto(model)->labels.empty());
  add_classifier(model, "ZipMap", "d", "classlabels_int64s", {-1, 1});
  EXPECT_EQ(inspect_proto(model)->labels, (std::vector<std::string>{"-1", "1"}));
}

TEST(Inspect, Weights_outside_are_listed_or_refused) {
  onnx::ModelProto model = small_model();
  keep_outside(*model.mutable_graph()->add_initializer(), "sub/weights.bin");
  auto* offset = model.mutable_graph()->mutable_initializer(0)->add_external_data();
  offset->set_key("offset");
  offset->set_value("4096");
  const auto info = inspect_proto(model);
  ASSERT_TRUE(info.ok()) << info.status().to_string();
  ASSERT_EQ(info->external.size(), 1U);
  EXPECT_EQ(info->external[0].location, "sub/weights.bin");
  EXPECT_EQ(info->external[0].offset, 4096U);
  EXPECT_FALSE(info->external[0].length.has_value());
  offset->set_value("-1");
  EXPECT_EQ(fault_of(model), "graph.damaged");
  offset->set_value("18446744073709551615");
  EXPECT_EQ(fault_of(model), "graph.damaged");

  for (const std::string location : {"", "/w", "../w", "a/../w", "a//w", "./w", "w/", "..", "C:w", "a\\w",
                                     "*/_ORT_MEM_ADDR_/*", "a\nb", "\xff"}) {
    onnx::ModelProto bad = small_model();
    keep_outside(*bad.mutable_graph()->add_initializer(), location);
    EXPECT_EQ(fault_of(bad), "graph.external_data") << location;
  }
}

TEST(Inspect, Weights_of_operators_and_subgraphs_may_not_lie_outside) {
  using Place = std::function<onnx::TensorProto*(onnx::ModelProto&)>;
  const auto attribute = [](onnx::ModelProto& model) {
    return model.mutable_graph()->mutable_node(0)->add_attribute();
  };
  const Place places[] = {
      [&](auto& model) { return attribute(model)->mutable_t(); },
      [&](auto& model) { return attribute(model)->add_tensors(); },
      [&](auto& model) { return attribute(model)->mutable_sparse_tensor()->mutable_values(); },
      [&](auto& model) { return attribute(model)->mutable_g()->add_initializer(); },
      [&](auto& model) { return attribute(model)->add_graphs()->add_initializer(); },
      [](auto& model) { return model.mutable_graph()->add_sparse_initializer()->mutable_values(); },
      [](auto& model) { return model.add_functions()->add_node()->add_attribute()->mutable_t(); },
      [](auto& model) { return model.add_training_info()->mutable_algorithm()->add_initializer(); },
  };
  for (const Place& place : places) {
    onnx::ModelProto model = small_model();
    keep_outside(*place(model), "weights.bin");
    EXPECT_EQ(fault_of(model), "graph.external_data");
  }
}

TEST(Inspect, Deep_subgraphs_are_refused) {
  onnx::ModelProto model = small_model();
  onnx::NodeProto* node = model.mutable_graph()->mutable_node(0);
  for (int i = 0; i < 40; ++i) {
    auto* attribute = node->add_attribute();
    attribute->set_name("body");
    node = attribute->mutable_g()->add_node();
    node->set_op_type("Loop");
  }
  EXPECT_EQ(fault_of(model), "graph.limit");
}

TEST(Inspect, Faulty_models_are_refused) {
  using Change = void (*)(onnx::ModelProto&);
  const std::pair<Change, std::string> rows[] = {
      {[](auto& model) { model.clear_graph(); }, "graph.damaged"},
      {[](auto& model) { model.mutable_graph()->clear_output(); }, "graph.damaged"},
      {[](auto& model) { model.mutable_graph()->mutable_input(0)->set_name("\xff"); }, "graph.damaged"},
      {[](auto& model) { model.mutable_graph()->mutable_input(0)->set_name(std::string("a\0b", 3)); },
       "graph.damaged"},
      {[](auto& model) { *model.mutable_graph()->add_input() = model.graph().input(0); }, "graph.damaged"},
      {[](auto& model) {
         auto* tensor = model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type();
         tensor->mutable_shape()->mutable_dim(0)->set_dim_value(-5);
       },
       "graph.damaged"},
      {[](auto& model) {
         auto* tensor = model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type();
         for (int i = 0; i < 16; ++i) tensor->mutable_shape()->add_dim();
       },
       "graph.limit"},
  };
  for (const auto& [change, id] : rows) {
    onnx::ModelProto model = small_model();
    change(model);
    EXPECT_EQ(fault_of(model), id);
  }
  const std::string twice = small_model().SerializeAsString() + small_model().SerializeAsString();
  EXPECT_EQ(inspect(as_bytes(twice)).status().error().id(), "graph.damaged");
}

TEST(Inspect, No_prefix_of_a_model_is_a_sound_model) {
  onnx::ModelProto model = small_model();
  zip_output(model, {1, 2, 3});
  const std::string sound = model.SerializeAsString();
  ASSERT_TRUE(inspect(as_bytes(sound)).ok());
  // The operator sets come after the graph: from there on, only the runtime can tell that some are missing.
  model.clear_opset_import();
  const std::size_t graph_end = model.SerializeAsString().size();
  for (std::size_t cut = 0; cut < sound.size(); ++cut) {
    if (cut == graph_end) continue;
    EXPECT_FALSE(inspect(as_bytes(sound.substr(0, cut))).ok()) << cut;
  }
}

TEST(LooksLikeOnnx, Knows_its_own_and_no_others) {
  const std::string model = small_model().SerializeAsString();
  EXPECT_TRUE(looks_like_onnx(as_bytes(model)));
  EXPECT_TRUE(looks_like_onnx(as_bytes(model.substr(0, model.size() / 2))));
  // The starts of a TensorFlow SavedModel, a Core ML model, a pickle, a zip, JSON, HTML and ORT's own format.
  using namespace std::string_view_literals;
  for (const std::string_view other :
       {""sv, "\x08\x01\x12\x9d\x0a\x0a\x05serve\x2a\x01\x06"sv,
        "\x08\x01\x12\x2a\x0a\x07\x0a\x01\x78\x12\x02\x2a"sv, "\x80\x04\x95\x10"sv, "PK\x03\x04\x14\x00"sv,
        "{\"a\":1}"sv, "<html></html>"sv, ":colon"sv, "\x24\x00\x00\x00ORTM"sv, "\x00\x00\x00\x00"sv}) {
    EXPECT_FALSE(looks_like_onnx(as_bytes(other))) << other;
  }
}

TEST(FlattenMaps, A_zipmap_makes_way_for_its_scores) {
  onnx::ModelProto model = small_model();
  zip_output(model, {3, -1});
  const auto edited = flatten_maps(as_bytes(model.SerializeAsString()));
  ASSERT_TRUE(edited.ok()) << edited.status().to_string();
  ASSERT_TRUE(edited->has_value());
  EXPECT_EQ((*edited)->labels, (std::vector<std::string>{"3", "-1"}));
  // Read back by protobuf itself: everything else is as it was.
  onnx::ModelProto changed;
  ASSERT_TRUE(changed.ParseFromString((*edited)->file));
  ASSERT_EQ(changed.graph().node_size(), 1);
  EXPECT_EQ(changed.graph().node(0).op_type(), "Identity");
  EXPECT_EQ(changed.graph().node(0).input(0), "x");
  EXPECT_EQ(changed.graph().node(0).output(0), "y");
  const auto& output = changed.graph().output(0);
  EXPECT_EQ(output.name(), "y");
  EXPECT_EQ(output.type().tensor_type().elem_type(), onnx::TensorProto::FLOAT);
  EXPECT_EQ(output.type().tensor_type().shape().dim(1).dim_value(), 2);
  EXPECT_EQ(changed.graph().input(0).SerializeAsString(), model.graph().input(0).SerializeAsString());
  EXPECT_EQ(changed.opset_import_size(), 1);
}

TEST(FlattenMaps, A_model_without_maps_is_left_alone) {
  const auto edited = flatten_maps(as_bytes(small_model().SerializeAsString()));
  ASSERT_TRUE(edited.ok());
  EXPECT_FALSE(edited->has_value());
}

TEST(FlattenMaps, An_operator_set_is_imported_where_there_was_none) {
  onnx::ModelProto model = small_model();
  zip_output(model, {0, 1});
  model.mutable_opset_import(0)->set_domain("ai.onnx.ml");
  onnx::ModelProto changed;
  const auto edited = flatten_maps(as_bytes(model.SerializeAsString()));
  ASSERT_TRUE(changed.ParseFromString((*edited)->file));
  ASSERT_EQ(changed.opset_import_size(), 2);
  EXPECT_EQ(changed.opset_import(1).domain(), "");
}

TEST(FlattenMaps, Damaged_models_are_refused) {
  onnx::ModelProto model = small_model();
  zip_output(model, {});
  EXPECT_EQ(flatten_maps(as_bytes(model.SerializeAsString())).status().error().id(), "graph.damaged");
  EXPECT_EQ(flatten_maps(as_bytes("")).status().error().id(), "graph.damaged");
}

// The example comes from scikit-learn's converter.
TEST(FlattenMaps, The_wine_example_gets_scores_of_three_classes) {
  std::ifstream in(testing::source_dir() + "/examples/wine/model.onnx", std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto edited = flatten_maps(as_bytes(file));
  ASSERT_TRUE(edited.ok()) << edited.status().to_string();
  ASSERT_TRUE(edited->has_value());
  EXPECT_EQ((*edited)->labels, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(inspect(as_bytes((*edited)->file))->outputs[1].type, "FP32");
}

}  // namespace
}  // namespace slipway::graph
