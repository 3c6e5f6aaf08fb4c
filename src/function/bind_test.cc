#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "function/function.h"
#include "function/function_testing.h"

namespace slipway::function {
namespace {

using testing::answer;
using ::testing::ElementsAre;
using testing::faults_text;
using testing::field;
using ::testing::HasSubstr;
using testing::number;
using Kind = OutputField::Kind;

Signature classifier() {
  return {{{"x", DType::kFp32, {-1, 2}}},
          {{"label", DType::kInt64, {-1}},
           {"probabilities", DType::kFp32, {-1, 3}},
           {"text", DType::kBytes, {-1}}}};
}

std::string faults(Spec spec, const Signature& signature = classifier()) {
  auto function = Function::create(std::move(spec), signature);
  if (function.ok()) return "";
  EXPECT_EQ(function.error().id(), "function.invalid");
  return faults_text(function.error());
}

Spec two(std::vector<OutputField> outputs = {}) { return {{number("a"), number("b")}, std::move(outputs)}; }

TEST(Bind, FillsInWhatIsImplied) {
  auto function = Function::create(two(), classifier());
  ASSERT_TRUE(function.ok());
  EXPECT_EQ(function->spec().inputs[1].input, "x");
  EXPECT_EQ(function->spec().outputs[1].name, "probabilities");
  EXPECT_TRUE(function->takes_rows());
  EXPECT_FALSE(function->is_identity());
  EXPECT_THAT(function->needed_outputs(), ElementsAre("label", "probabilities", "text"));
  EXPECT_EQ(function->example(), R"({"a":0.5,"b":0.5})");
}

TEST(Bind, AsksOnlyForTheOutputsItNeeds) {
  auto function = Function::create(two({answer("score", Kind::kScore, "probabilities"),
                                        answer("scores", Kind::kScores, "probabilities", {"p", "q", "r"})}),
                                   classifier());
  ASSERT_TRUE(function.ok());
  EXPECT_THAT(function->needed_outputs(), ElementsAre("probabilities"));
}

TEST(Bind, NamesEveryFaultAtOnce) {
  EXPECT_EQ(faults({{number("a", "y"), number("b", "xx"), number("b", "x")},
                    {answer("l", Kind::kLabel, "labels"), answer("l", Kind::kScore, "text")}}),
            "function.inputs[0]: the model has no input \"y\" (did you mean \"x\"?)\n"
            "function.inputs[1]: the model has no input \"xx\" (did you mean \"x\"?)\n"
            "function.inputs[2]: the field \"b\" is declared twice (give each field its own name)\n"
            "function.inputs: the input \"x\" takes 2 columns per record, but 1 field is declared for it "
            "(declare one field "
            "per column, in the model's order)\n"
            "function.outputs[0]: the model has no output \"labels\" (did you mean \"label\"?)\n"
            "function.outputs[1]: the field \"l\" is declared twice (give each field its own name)\n"
            "function.outputs[1]: \"l\" is a score of the output \"text\", whose datatype is BYTES (scores "
            "are numbers)\n");
}

// Each of these specs is refused, with a message that holds the text.
TEST(Bind, RefusesWhatCannotWork) {
  const auto optional = [](InputField made, std::optional<Scalar> value) {
    made.required = false;
    made.default_value = std::move(value);
    return made;
  };
  const Signature mixed{{{"n", DType::kInt64, {-1}}, {"t", DType::kBytes, {-1}}, {"b", DType::kBool, {-1}}},
                        {}};
  const auto with = [&](InputField n, InputField t, InputField b) { return Spec{{n, t, b}, {}}; };
  const InputField n = field("n", FieldType::kInteger, "n");
  const InputField t = field("t", FieldType::kString, "t");
  const InputField b = field("b", FieldType::kBoolean, "b");
  ASSERT_EQ(faults(with(n, t, b), mixed), "");
  EXPECT_THAT(faults(with(field("n", FieldType::kString, "n"), t, b), mixed),
              HasSubstr("write type: integer"));
  EXPECT_THAT(faults(with(n, field("t", FieldType::kNumber, "t"), b), mixed),
              HasSubstr("write type: string"));
  EXPECT_THAT(faults(with(n, t, field("b", FieldType::kInteger, "b")), mixed),
              HasSubstr("write type: boolean"));
  EXPECT_THAT(faults(with(optional(n, {}), t, b), mixed), HasSubstr("add a default"));
  EXPECT_THAT(faults(with(optional(n, 1.5), t, b), mixed), HasSubstr("the default of \"n\" is no integer"));
  EXPECT_THAT(faults(with(optional(n, "1"), t, b), mixed), HasSubstr("is no integer"));
  EXPECT_THAT(faults(with(n, optional(t, std::int64_t{1}), b), mixed), HasSubstr("is no string"));
  EXPECT_THAT(faults(with(n, t, optional(b, std::int64_t{1})), mixed), HasSubstr("is no boolean"));
  EXPECT_EQ(faults(with(optional(n, std::int64_t{1}), optional(t, ""), optional(b, true)), mixed), "");
  EXPECT_THAT(faults(with(n, t, number("b", "")), mixed), HasSubstr("add input: one of n, t and b"));
  EXPECT_THAT(faults({{n, t}, {}}, mixed), HasSubstr("the input \"b\" of the model gets no field"));
  EXPECT_THAT(faults({{n, t, b, field("all", FieldType::kArray, "n")}, {}}, mixed),
              HasSubstr("an array must be its only field"));
  InputField contradiction = number("a");
  contradiction.default_value = 1.0;
  EXPECT_THAT(faults({{contradiction, number("b")}, {}}), HasSubstr("is required and has a default"));
  EXPECT_THAT(faults({{number(""), number("b")}, {}}), HasSubstr("has no name"));
  EXPECT_THAT(faults({{number("\xff"), number("b")}, {}}), HasSubstr("not UTF-8"));
}

TEST(Bind, RefusesLabelsThatCannotBeUsed) {
  const auto labels = [](OutputField made) { return faults(two({std::move(made)})); };
  EXPECT_EQ(labels(answer("l", Kind::kLabel, "label", {"p", "q"})), "");
  EXPECT_EQ(labels(answer("l", Kind::kLabel, "probabilities", {"p", "q", "r"})), "");
  EXPECT_THAT(labels(answer("l", Kind::kLabel, "probabilities", {"p", "q"})),
              HasSubstr("2 labels, but the output"));
  EXPECT_THAT(labels(answer("l", Kind::kScores, "probabilities", {"p", "q", "q"})),
              HasSubstr("a label twice"));
  EXPECT_THAT(labels(answer("l", Kind::kScore, "probabilities", {"p", "q", "r"})),
              HasSubstr("takes no labels"));
  EXPECT_THAT(labels(answer("l", Kind::kLabel, "text", {"p"})), HasSubstr("as text already"));
  OutputField classes = answer("l", Kind::kLabel, "label", {"p", "q"});
  classes.classes = {1, 2};
  EXPECT_EQ(labels(classes), "");
  classes.classes = {1, 1};
  EXPECT_THAT(labels(classes), HasSubstr("a class twice"));
  classes.classes = {1};
  EXPECT_THAT(labels(classes), HasSubstr("1 classes and 2 labels"));
  classes.labels.clear();
  EXPECT_THAT(labels(classes), HasSubstr("classes but no labels"));
}

TEST(Bind, FreeColumnsAreAsManyAsTheFields) {
  auto function = Function::create(two(), {{{"x", DType::kFp32, {-1, -1}}}, {}});
  ASSERT_TRUE(function.ok());
  EXPECT_THAT(faults(two(), {{{"x", DType::kFp32, {-1, -1, -1}}}, {}}),
              HasSubstr("write one field of type: array"));
}

TEST(Bind, WithoutInputsTheModelsOwnAreTheFields) {
  auto function = Function::create({{}, {answer("score", Kind::kScore, "probabilities")}}, classifier());
  ASSERT_TRUE(function.ok());
  EXPECT_EQ(function->spec().inputs[0].name, "x");
  EXPECT_EQ(function->spec().inputs[0].type, FieldType::kArray);
}

TEST(Bind, IdentityDescribesScalarsAndArrays) {
  auto function = Function::identity({{{"age", DType::kInt64, {-1, 1}}, {"image", DType::kFp16, {-1, 3, -1}}},
                                      {{"y", DType::kFp32, {-1, 1}}, {"box", DType::kFp32, {-1, 4}}}});
  ASSERT_TRUE(function.ok());
  EXPECT_TRUE(function->is_identity());
  EXPECT_EQ(function->fields()[0].type, FieldType::kInteger);
  EXPECT_EQ(function->fields()[1].type, FieldType::kArray);
  EXPECT_EQ(function->fields()[1].element, FieldType::kNumber);
  EXPECT_EQ(function->fields()[1].shape, (Shape{3, -1}));
  EXPECT_EQ(function->answers()[0].type, FieldType::kNumber);
  EXPECT_EQ(function->answers()[1].type, FieldType::kArray);
  EXPECT_EQ(function->answers()[1].shape, (Shape{4}));
  EXPECT_EQ(function->example(), R"({"age":0,"image":[[0.5],[0.5],[0.5]]})");
}

TEST(Bind, NoExampleIsMadeForHugeTensors) {
  auto function = Function::identity({{{"image", DType::kFp32, {-1, 3, 224, 224}}}, {}});
  ASSERT_TRUE(function.ok());
  EXPECT_EQ(function->example(), "");
}

TEST(Names, OfTypesAndKindsAreReadBack) {
  for (int i = 0; i <= static_cast<int>(FieldType::kArray); ++i) {
    const auto type = static_cast<FieldType>(i);
    EXPECT_EQ(field_type_from_name(field_type_name(type)), type);
  }
  for (int i = 0; i <= static_cast<int>(Kind::kScores); ++i) {
    const auto kind = static_cast<Kind>(i);
    EXPECT_EQ(output_kind_from_name(output_kind_name(kind)), kind);
  }
  EXPECT_FALSE(field_type_from_name("float").has_value());
  EXPECT_FALSE(output_kind_from_name("").has_value());
}

}  // namespace
}  // namespace slipway::function
