#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "function/function.h"
#include "function/function_testing.h"

namespace slipway::function {
namespace {

using testing::before;
using ::testing::ElementsAre;
using testing::faults_text;
using testing::field;
using ::testing::HasSubstr;
using testing::number;

Function make(Spec spec, const Signature& signature) {
  auto function = Function::create(std::move(spec), signature);
  EXPECT_TRUE(function.ok()) << (function.ok() ? "" : function.error().to_string());
  return std::move(function).value();
}

Function make_identity(const Signature& signature) { return Function::identity(signature).value(); }

// Three number columns of one FP32 input.
Function three_columns() {
  return make({{number("a"), number("b"), number("c")}, {}},
              {{{"x", DType::kFp32, {-1, 3}}}, {{"y", DType::kFp32, {-1, 1}}}});
}

template <typename T>
std::vector<T> values(Batch& batch, std::size_t input = 0) {
  const auto span = batch.inputs[input].tensor.values<T>();
  return {span.begin(), span.end()};
}

std::vector<std::string> texts(const Batch& batch, std::size_t input = 0) {
  std::vector<std::string> out;
  BytesReader reader(batch.inputs[input].tensor.view().data);
  std::string_view element;
  while (reader.next(element)) out.emplace_back(element);
  EXPECT_TRUE(reader.ok());
  return out;
}

TEST(Encode, FieldsBecomeColumnsWhateverTheirOrder) {
  auto batch = before(three_columns(), R"([{"a":1,"b":2.5,"c":-3},{"c":6,"a":4,"b":5},{"c":9,"a":7,"b":8}])");
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->rows, 3u);
  ASSERT_EQ(batch->inputs.size(), 1u);
  EXPECT_EQ(batch->inputs[0].name, "x");
  EXPECT_EQ(batch->inputs[0].tensor.shape, (Shape{3, 3}));
  EXPECT_THAT(values<float>(*batch), ElementsAre(1, 2.5F, -3, 4, 5, 6, 7, 8, 9));
}

// Records in the order of the fields go another way than the rest; the bits may not tell.
TEST(Encode, TheOrderOfARecordDoesNotChangeItsNumbers) {
  const std::array<std::string, 8> numbers = {
      "0", "-0.0", "16777217", "9007199254740993", "18446744073709551615", "1e-46", "0.1", "3.4028235e38"};
  for (const std::string& x : numbers) {
    for (const std::string& y : numbers) {
      auto batch = before(three_columns(), R"([{"a":)" + x + R"(,"b":)" + y + R"(,"c":1},{"c":1,"b":)" + y +
                                               R"(,"a":)" + x + "}]");
      ASSERT_TRUE(batch.ok());
      const auto got = values<float>(*batch);
      EXPECT_EQ(std::memcmp(got.data(), got.data() + 3, 3 * sizeof(float)), 0) << x << " " << y;
    }
  }
  EXPECT_EQ(before(three_columns(), R"([{"a":1,"b":1e39,"c":1}])").error().faults().size(), 1u);
}

TEST(Encode, AllFaultsOfARequestAreReportedAtOnce) {
  auto batch = before(three_columns(),
                      R"([{"a":1,"b":2,"c":3},{"a":"x","bb":1,"c":null},7,{"a":1,"b":1e39,"c":1,"a":2}])");
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().id(), "record.invalid");
  EXPECT_EQ(batch.code(), Code::kInvalidArgument);
  EXPECT_EQ(faults_text(batch.error()),
            "records[1].a: found \"x\", wanted a number\n"
            "records[1].bb: is no field of this model (did you mean \"b\"?)\n"
            "records[1].c: found null, wanted a number\n"
            "records[1].b: is missing, wanted a number\n"
            "records[2]: found 7, wanted an object\n"
            "records[3].b: found 1e+39, which the model's FP32 cannot hold\n"
            "records[3].a: is given twice\n");
}

TEST(Encode, FaultsStopAtTheCap) {
  std::string text = "[";
  for (int i = 0; i < 100; ++i) text += (i == 0 ? "{}" : ",{}");
  auto batch = before(three_columns(), text + "]");
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().faults().size(), Function::kMaxFaults);
  EXPECT_THAT(batch.error().message(), HasSubstr("at least 20 fields"));
}

TEST(Encode, RecordsMustBeANonEmptyArray) {
  EXPECT_EQ(before(three_columns(), "[]").error().id(), "record.none");
  EXPECT_EQ(before(three_columns(), R"({"a":1})").error().id(), "record.invalid");
}

TEST(Encode, TheBudgetIsCheckedBeforeMemoryIsTaken) {
  const Function function = three_columns();
  EXPECT_TRUE(before(function, R"([{"a":1,"b":2,"c":3}])", 12).ok());
  EXPECT_EQ(before(function, R"([{"a":1,"b":2,"c":3}])", 11).error().id(), "record.too_large");
  const Function text = make_identity({{{"s", DType::kBytes, {-1}}}, {}});
  EXPECT_TRUE(before(text, R"([{"s":"abc"}])", 7).ok());
  EXPECT_EQ(before(text, R"([{"s":"abcd"}])", 7).error().id(), "record.too_large");
  EXPECT_EQ(before(text, R"([{"s":""},{"s":""}])", 7).error().id(), "record.too_large");
}

// Every integer type takes its whole range and refuses the numbers just outside.
struct IntegerRow {
  DType dtype;
  const char* least;
  const char* most;
  const char* below;
  const char* above;
};

TEST(Encode, IntegersKeepTheirRange) {
  const IntegerRow rows[] = {
      {DType::kInt8, "-128", "127", "-129", "128"},
      {DType::kInt16, "-32768", "32767", "-32769", "32768"},
      {DType::kInt32, "-2147483648", "2147483647", "-2147483649", "2147483648"},
      {DType::kInt64, "-9223372036854775808", "9223372036854775807", "-1e19", "9223372036854775808"},
      {DType::kUint8, "0", "255", "-1", "256"},
      {DType::kUint16, "0", "65535", "-1", "65536"},
      {DType::kUint32, "0", "4294967295", "-1", "4294967296"},
      {DType::kUint64, "0", "18446744073709551615", "-1", "1e20"},
  };
  for (const IntegerRow& row : rows) {
    SCOPED_TRACE(dtype_name(row.dtype));
    const Function function = make_identity({{{"n", row.dtype, {-1}}}, {}});
    const auto accepts = [&](const char* text) {
      return before(function, std::string(R"([{"n":)") + text + "}]").ok();
    };
    EXPECT_TRUE(accepts(row.least));
    EXPECT_TRUE(accepts(row.most));
    EXPECT_FALSE(accepts(row.below));
    EXPECT_FALSE(accepts(row.above));
    EXPECT_TRUE(accepts("3.0"));  // JSON Schema: a number without a fraction is an integer
    EXPECT_FALSE(accepts("3.5"));
    EXPECT_FALSE(accepts("\"3\""));
    EXPECT_FALSE(accepts("true"));
  }
}

TEST(Encode, WholeNumbersArriveExactly) {
  auto batch = before(make_identity({{{"n", DType::kInt64, {-1}}, {"u", DType::kUint64, {-1, 1}}}, {}}),
                      R"([{"n":9007199254740993,"u":18446744073709551615},{"n":-1e3,"u":9007199254740993}])");
  ASSERT_TRUE(batch.ok());
  EXPECT_THAT(values<std::int64_t>(*batch, 0), ElementsAre(9007199254740993, -1000));
  EXPECT_THAT(values<std::uint64_t>(*batch, 1), ElementsAre(18446744073709551615U, 9007199254740993U));
  EXPECT_EQ(batch->inputs[1].tensor.shape, (Shape{2, 1}));
}

TEST(Encode, AnIntegerFieldOfAFloatInputMustBeWhole) {
  const Function function =
      make({{field("n", FieldType::kInteger)}, {}}, {{{"x", DType::kFp32, {-1, 1}}}, {}});
  EXPECT_TRUE(before(function, R"([{"n":3}])").ok());
  EXPECT_EQ(faults_text(before(function, R"([{"n":3.5}])").error()),
            "records[0].n: found 3.5, wanted a whole number\n");
}

TEST(Encode, HalvesAreRoundedAndBounded) {
  const Function function = make_identity({{{"h", DType::kFp16, {-1}}, {"b", DType::kBf16, {-1}}}, {}});
  auto batch = before(function, R"([{"h":0.1,"b":0.1},{"h":65504,"b":-1e38}])");
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(values<std::uint16_t>(*batch, 0)[0], 0x2E66);  // numpy.float16(0.1).view('u2')
  EXPECT_EQ(values<std::uint16_t>(*batch, 0)[1], 0x7BFF);
  EXPECT_EQ(values<std::uint16_t>(*batch, 1)[0], 0x3DCD);
  EXPECT_FALSE(before(function, R"([{"h":65520,"b":0}])").ok());
  EXPECT_FALSE(before(function, R"([{"h":0,"b":3.4e38}])").ok());
}

TEST(Encode, NamedColumnsOfAPipelineEachFeedTheirInput) {
  const Signature signature{{{"age", DType::kInt64, {-1, 1}},
                             {"pay", DType::kFp32, {-1, 1}},
                             {"job", DType::kBytes, {-1, 1}},
                             {"new", DType::kBool, {-1, 1}}},
                            {}};
  auto batch = before(
      make_identity(signature),
      R"([{"age":39,"pay":1.5,"job":"K\u00f6\u0000ch","new":true},{"age":40,"pay":2,"job":"","new":false}])");
  ASSERT_TRUE(batch.ok());
  EXPECT_THAT(values<std::int64_t>(*batch, 0), ElementsAre(39, 40));
  EXPECT_THAT(values<float>(*batch, 1), ElementsAre(1.5F, 2));
  EXPECT_THAT(texts(*batch, 2), ElementsAre(std::string("K\xC3\xB6\0ch", 6), ""));
  EXPECT_THAT(values<bool>(*batch, 3), ElementsAre(true, false));
  EXPECT_EQ(batch->inputs[2].tensor.shape, (Shape{2, 1}));
}

TEST(Encode, TextColumnsKeepTheirPlaces) {
  const Function function = make({{field("a", FieldType::kString), field("b", FieldType::kString)}, {}},
                                 {{{"x", DType::kBytes, {-1, 2}}}, {}});
  auto batch = before(function, R"([{"b":"2","a":"1"},{"a":"3","b":"4"}])");
  ASSERT_TRUE(batch.ok());
  EXPECT_THAT(texts(*batch), ElementsAre("1", "2", "3", "4"));
}

TEST(Encode, BooleansBecomeOneAndZeroInNumericInputs) {
  const Function function =
      make({{field("a", FieldType::kBoolean), number("b")}, {}}, {{{"x", DType::kFp32, {-1, 2}}}, {}});
  auto batch = before(function, R"([{"a":true,"b":5},{"a":false,"b":6}])");
  ASSERT_TRUE(batch.ok());
  EXPECT_THAT(values<float>(*batch), ElementsAre(1, 5, 0, 6));
  EXPECT_FALSE(before(function, R"([{"a":1,"b":5}])").ok());
}

TEST(Encode, FieldsThatMayBeLeftOutTakeTheirDefaultOrNaN) {
  InputField rate = number("rate", "x");
  rate.required = false;
  rate.default_value = 0.25;
  InputField size = number("size", "x");
  size.required = false;
  InputField kind = field("kind", FieldType::kString, "t");
  kind.required = false;
  kind.default_value = "none";
  const Function function =
      make({{rate, size, kind}, {}}, {{{"x", DType::kFp32, {-1, 2}}, {"t", DType::kBytes, {-1}}}, {}});
  auto batch = before(function, R"([{},{"rate":1,"size":2,"kind":"a"},{"rate":null,"kind":null}])");
  ASSERT_TRUE(batch.ok());
  const auto numbers = values<float>(*batch);
  EXPECT_EQ(numbers[0], 0.25F);
  EXPECT_TRUE(std::isnan(numbers[1]));
  EXPECT_EQ(numbers[2], 1);
  EXPECT_EQ(numbers[3], 2);
  EXPECT_EQ(numbers[4], 0.25F);
  EXPECT_TRUE(std::isnan(numbers[5]));
  EXPECT_THAT(texts(*batch, 1), ElementsAre("none", "a", "none"));
}

TEST(Encode, NestedArraysAreStacked) {
  auto batch = before(make_identity({{{"x", DType::kInt32, {-1, 2, 3}}}, {}}),
                      R"([{"x":[[1,2,3],[4,5,6]]},{"x":[[7,8,9],[10,11,12]]}])");
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->inputs[0].tensor.shape, (Shape{2, 2, 3}));
  EXPECT_THAT(values<std::int32_t>(*batch), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
}

TEST(Encode, FreeDimensionsTakeTheSizeOfTheFirstRecord) {
  const Function function = make_identity({{{"x", DType::kFp32, {-1, -1, 2}}}, {}});
  auto batch = before(function, R"([{"x":[[1,2],[3,4]]}])");
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->inputs[0].tensor.shape, (Shape{1, 2, 2}));
  auto empty = before(function, R"([{"x":[]}])");
  ASSERT_TRUE(empty.ok());
  EXPECT_EQ(empty->inputs[0].tensor.shape, (Shape{1, 0, 2}));
  EXPECT_EQ(faults_text(before(function, R"([{"x":[[1,2]]},{"x":[[1,2],[3,4]]}])").error()),
            "records[1].x: found an array of 2 where an array of 1 is wanted: the shape is [1,2], the same "
            "for all records of "
            "a request\n");
}

TEST(Encode, WrongNestingIsNamed) {
  const Function function = make_identity({{{"x", DType::kFp32, {-1, 2, 2}}}, {}});
  const auto faults = [&](const char* text) { return faults_text(before(function, text).error()); };
  EXPECT_EQ(faults(R"([{"x":5}])"),
            "records[0].x: found 5 where an array of 2 is wanted: the shape is [2,2]\n");
  EXPECT_EQ(faults(R"([{"x":[1,2,3,4]}])"),
            "records[0].x: found an array of 4 where an array of 2 is wanted: the shape is [2,2]\n");
  EXPECT_EQ(faults(R"([{"x":[[1,2],[3,"4"]]}])"), "records[0].x: element 3: found \"4\", wanted a number\n");
  EXPECT_EQ(faults(R"([{"x":[[1,2],[3,[4]]]}])"),
            "records[0].x: element 3: found an array, wanted a number\n");
  const Function free = make_identity({{{"x", DType::kFp32, {-1, -1, 2}}}, {}});
  EXPECT_EQ(faults_text(before(free, R"([{"x":[1,2]}])").error()),
            "records[0].x: found an array, wanted nested arrays of shape [-1,2] (-1 is any size)\n");
  EXPECT_EQ(
      faults_text(before(free, R"([{"x":[[1,2,3]]}])").error()),
      "records[0].x: found an array of shape [1,3], wanted nested arrays of shape [-1,2] (-1 is any size)\n");
}

TEST(Encode, AModelWithAFixedFirstDimensionTakesOneRecord) {
  const Signature one{{{"x", DType::kFp32, {1, 3}}}, {}};
  const Function function = make({{number("a"), number("b"), number("c")}, {}}, one);
  EXPECT_FALSE(function.takes_rows());
  auto batch = before(function, R"([{"a":1,"b":2,"c":3}])");
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->inputs[0].tensor.shape, (Shape{1, 3}));
  EXPECT_EQ(before(function, R"([{"a":1,"b":2,"c":3},{"a":1,"b":2,"c":3}])").error().id(),
            "function.not_batchable");
  auto nested = before(make_identity(one), R"([{"x":[1,2,3]}])");
  ASSERT_TRUE(nested.ok());
  EXPECT_EQ(nested->inputs[0].tensor.shape, (Shape{1, 3}));
}

TEST(Encode, AModelWhoseInputsShareNoRowsTakesWholeTensors) {
  const Function function = make_identity(
      {{{"state", DType::kFp32, {2, -1, 2}}, {"audio", DType::kFp32, {-1, -1}}, {"rate", DType::kInt64, {}}},
       {}});
  auto batch = before(function, R"([{"state":[[[1,2]],[[3,4]]],"audio":[[0.5,0.25]],"rate":16000}])");
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->inputs[0].tensor.shape, (Shape{2, 1, 2}));
  EXPECT_EQ(batch->inputs[1].tensor.shape, (Shape{1, 2}));
  EXPECT_EQ(batch->inputs[2].tensor.shape, (Shape{}));
}

TEST(Encode, ManyFieldsAreTrackedOneByOne) {
  Spec spec;
  std::string text = "[{";
  for (int i = 0; i < 300; ++i) {
    spec.inputs.push_back(number("f" + std::to_string(i)));
    if (i != 299) text += (i == 0 ? "\"f" : ",\"f") + std::to_string(i) + "\":" + std::to_string(i);
  }
  const Function function = make(spec, {{{"x", DType::kFp64, {-1, 300}}}, {}});
  EXPECT_EQ(faults_text(before(function, text + "}]").error()),
            "records[0].f299: is missing, wanted a number\n");
  auto batch = before(function, text + ",\"f299\":1}]");
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(values<double>(*batch)[298], 298);
}

TEST(RecordPlace, IsReadBackFromItsText) {
  const std::string where = record_where(3, "a].b[");
  EXPECT_EQ(where, "records[3].a].b[");
  const auto place = record_place(where);
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->record, 3u);
  EXPECT_EQ(place->field, "a].b[");
  EXPECT_EQ(record_place("records[7]")->field, "");
  for (const char* other :
       {"", "records", "records[]", "records[x]", "records[1", "records[1]x", "slipway.yaml:3:1"}) {
    EXPECT_FALSE(record_place(other).has_value()) << other;
  }
}

}  // namespace
}  // namespace slipway::function
