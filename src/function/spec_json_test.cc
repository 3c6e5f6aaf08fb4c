#include "function/spec_json.h"

#include <gtest/gtest.h>

#include "function/function_testing.h"

namespace slipway::function {
namespace {

std::string write(const Spec& spec) {
  std::string text;
  json::Writer out(text);
  write_spec(spec, out);
  return text;
}

Result<Spec> read(std::string_view text) {
  json::Parser parser;
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value value, parser.parse(text));
  return read_spec(value);
}

TEST(SpecJson, WhatIsWrittenReadsBackToTheSameBytes) {
  for (
      const char* text : {
          R"({"inputs":[],"outputs":[]})",
          R"({"inputs":[{"name":"a","type":"number","input":"x","description":"d\"","required":false,"default":12.5},)"
          R"({"name":"b","type":"string","required":false,"default":""},)"
          R"({"name":"c","type":"boolean","required":false,"default":false},)"
          R"({"name":"d","type":"integer","required":false,"default":-9223372036854775808},{"name":"e","type":"array"}],)"
          R"("outputs":[{"name":"l","kind":"label","output":"y","labels":["p","q"],"classes":[1,-2],"description":"w"},)"
          R"({"name":"v","kind":"value"},{"name":"s","kind":"score"},{"name":"t","kind":"scores"}]})",
      }) {
    auto spec = read(text);
    ASSERT_TRUE(spec.ok()) << spec.error().to_string();
    EXPECT_EQ(write(*spec), text);
  }
}

TEST(SpecJson, AbsentKeysTakeTheirDefaults) {
  auto spec = read(R"({"inputs":[{"name":"a"}],"outputs":[{"name":"b"}]})");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->inputs[0].type, FieldType::kNumber);
  EXPECT_TRUE(spec->inputs[0].required);
  EXPECT_EQ(spec->outputs[0].kind, OutputField::Kind::kValue);
  EXPECT_TRUE(read("{}").ok());
}

TEST(SpecJson, EveryFaultIsNamed) {
  auto spec =
      read(R"({"input":[],"inputs":[7,{"type":"int","nam":"a"},{"name":"b","required":1,"default":[]},)"
           R"({"name":"c","name":"d"}],"outputs":[{"name":"l","kind":null,"labels":[1],"classes":[1.5]}]})");
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().id(), "function.spec");
  EXPECT_EQ(testing::faults_text(spec.error()),
            "function: has the unknown key \"input\" (did you mean \"inputs\"?)\n"
            "function.inputs[0]: is an integer, wanted an object\n"
            "function.inputs[0]: has no name\n"
            "function.inputs[1].type: is \"int\" (use one of number, integer, string, boolean and array)\n"
            "function.inputs[1]: has the unknown key \"nam\" (did you mean \"name\"?)\n"
            "function.inputs[1]: has no name\n"
            "function.inputs[2].required: is an integer, wanted true or false\n"
            "function.inputs[2].default: is an array, wanted a number, a string, true or false\n"
            "function.inputs[3]: has the key \"name\" twice\n"
            "function.inputs[3]: has no name\n"
            "function.outputs[0].kind: is null, wanted a string\n"
            "function.outputs[0].labels[0]: is an integer, wanted a string\n"
            "function.outputs[0].classes[0]: is a number, wanted a whole number\n");
  EXPECT_FALSE(read("[]").ok());
  EXPECT_FALSE(read(R"({"inputs":{}})").ok());
}

}  // namespace
}  // namespace slipway::function
