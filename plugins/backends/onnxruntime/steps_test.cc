// Random pipelines of steps: what the joined graph answers, run by ONNX Runtime, is what the steps give one
// by one. The model between them hands its input on.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "base/random.h"
#include "contracts/backend/testing/conformance.h"
#include "contracts/backend/testing/memory_files.h"
#include "graph/compose.h"
#include "json/writer.h"
#include "plugins/backends/onnxruntime/onnxruntime.h"
#include "protobuf/writer.h"
#include "steps/join.h"

namespace slipway::onnxruntime {
namespace {

using function::AfterStep;
using function::BeforeStep;
using function::FieldType;
using function::FunctionSettings;
using steps::Joining;
using steps::Table;

graph::Dimension open_rows() { return {.size = -1, .symbol = "rows"}; }

/// X [rows, width] -> Y [rows, width] of the same numbers, and `position` INT64 [rows], that of the largest.
std::string pass_on(DType dtype, std::int64_t width, std::int64_t ml_version) {
  std::string empty;
  protobuf::Writer out(empty);
  out.varint(1, 8);                                                        // ir_version
  out.message(7, [](protobuf::Writer& graph) { graph.text(2, "pass"); });  // graph.name
  out.message(8, [](protobuf::Writer& opset) { opset.varint(2, 13); });    // opset_import.version
  if (ml_version > 0) {
    out.message(8, [&](protobuf::Writer& opset) {
      opset.text(1, "ai.onnx.ml");
      opset.varint(2, static_cast<std::uint64_t>(ml_version));
    });
  }
  graph::Composition whole;
  const graph::Dimension columns{.size = width, .symbol = {}};
  whole.inputs = {{"X", dtype, {open_rows(), columns}}};
  whole.before = {
      {"Identity", "", {"X"}, {"Y"}, {}},
      {"ArgMax", "", {"X"}, {"position"}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}}}};
  whole.outputs = {graph::Port{"Y", dtype, {open_rows(), columns}},
                   graph::Port{"position", DType::kInt64, {open_rows()}}};
  return graph::compose(as_bytes(empty), whole).value();
}

function::InputSettings field(std::string name, FieldType type, bool required) {
  function::InputSettings field;
  field.name = std::move(name);
  field.type = type;
  if (!required) field.required = false;
  return field;
}

constexpr std::array<std::string_view, 6> kWords = {"", "red", "green", "blue", "\xC3\xA9t\xC3\xA9", "a b,c"};

class RandomPipeline {
 public:
  explicit RandomPipeline(std::uint64_t seed) : random_(seed) {
    settings_.inputs = {field("a", FieldType::kNumber, false), field("word", FieldType::kString, false),
                        field("b", FieldType::kInteger, true), field("c", FieldType::kBoolean, false),
                        field("tint", FieldType::kString, true)};
    const bool may_miss = chance();
    if (!may_miss) impute({"a", "c"});
    if (chance()) impute({"word"});
    if (chance()) scale({"b", "a"});
    if (may_miss)
      settings_.before.emplace_back().ordinal =
          function::OrdinalStep{{"word", "c"}, {"place", "yes"}, {}, -2};
    if (chance()) one_hot({"c"});
    one_hot(chance() ? std::vector<std::string>{"word", "tint"} : std::vector<std::string>{"tint", "word"});
    if (chance())
      drop("b");
    else
      add_numbers();
    add_after(may_miss);
  }

  FunctionSettings settings() { return settings_; }
  bool chance() { return random_.below(2) == 0; }
  std::uint64_t pick(std::uint64_t bound) { return random_.below(bound); }

  std::string record(bool is_sample) {
    std::string text;
    json::Writer out(text);
    out.begin_object();
    if (random_.below(3) != 0) out.field("a", std::round(random_.uniform() * 2000 - 1000) / 8);
    if (random_.below(4) != 0) word("word", is_sample, out);
    out.field("b", static_cast<std::int64_t>(random_.below(9)) - 4);
    if (random_.below(3) != 0) {
      out.field("c", chance());
    } else if (chance()) {
      out.key("c");
      out.null();
    }
    word("tint", is_sample, out);
    out.end_object();
    return text;
  }

 private:
  /// Records that come later know words that the sample lacks.
  void word(std::string_view name, bool is_sample, json::Writer& out) {
    out.field(name, kWords[random_.below(is_sample ? 4 : kWords.size())]);
  }

  void impute(std::vector<std::string> columns) {
    using With = function::ImputeStep::With;
    function::ImputeStep step;
    step.with = columns.front() == "word" ? With::kMostFrequent : static_cast<With>(random_.below(3));
    step.columns = std::move(columns);
    step.flag = chance();
    if (random_.below(4) == 0) step.values = {step.columns.front() == "word" ? "green" : "-3.25"};
    settings_.before.emplace_back().impute = step;
  }
  void scale(std::vector<std::string> columns) {
    function::ScaleStep step;
    step.columns = std::move(columns);
    step.by = static_cast<function::ScaleStep::By>(random_.below(3));
    if (chance()) step.range = {-2, 5};
    settings_.before.emplace_back().scale = step;
  }
  void one_hot(std::vector<std::string> columns) {
    function::OneHotStep step;
    step.columns = std::move(columns);
    step.min_count = static_cast<std::int64_t>(1 + random_.below(9));
    step.unknown = chance() ? function::OneHotStep::Unknown::kRare : function::OneHotStep::Unknown::kIgnore;
    settings_.before.emplace_back().one_hot = step;
  }
  void drop(std::string column) {
    settings_.before.emplace_back().drop = function::DropStep{{std::move(column)}};
  }

  /// Steps on b and on what is made of it; nothing here makes a number that is none.
  void add_numbers() {
    function::CombineStep sum{{"b", "b2"}, {"sum"}, static_cast<function::CombineStep::By>(random_.below(3))};
    settings_.before.emplace_back().clip =
        function::ClipStep{{"b"}, {"b2"}, chance() ? std::optional(-1.5) : std::nullopt, 2.25};
    settings_.before.emplace_back().combine = sum;
    if (chance()) {
      settings_.before.emplace_back().clip = function::ClipStep{{"sum"}, {}, 0.125, {}};
      settings_.before.emplace_back().log = function::LogStep{{"sum"}, {}, random_.uniform()};
    }
    function::BucketiseStep buckets;
    buckets.columns = {"b2"};
    buckets.as = {"part"};
    if (chance())
      buckets.edges["b2"] = {-1, 0, 2.25};
    else
      buckets.by = function::BucketiseStep::By::kUniform;
    settings_.before.emplace_back().bucketise = buckets;
    if (chance())
      settings_.before.emplace_back().rename = function::PlainStep{{"part", "sum"}, {"sum", "part"}};
    if (chance()) {
      settings_.before.emplace_back().bucketise = function::BucketiseStep{{"b"}, {}, {}, {}, 3};
    } else {
      function::OrdinalStep ordinal;
      ordinal.columns = {"b"};
      ordinal.categories["b"] = {"3", "-1", "0"};
      ordinal.unknown = 7;
      settings_.before.emplace_back().ordinal = ordinal;
    }
  }

  void add_scores() {
    if (chance()) settings_.after.emplace_back().unscale = function::UnscaleStep{{"Y"}, {"raw"}, -1.5, 0.25};
    if (chance()) settings_.after.emplace_back().round = function::RoundStep{{"Y"}, {"near"}, 1};
    settings_.after.emplace_back().threshold = function::ThresholdStep{{"Y"}, {"high"}, {0.5}};
    function::CalibrateStep calibrate;
    calibrate.columns = {"Y"};
    calibrate.as = {"calibrated"};
    calibrate.by = static_cast<function::CalibrateStep::By>(random_.below(3));
    calibrate.a = -0.75;
    calibrate.b = 0.5;
    calibrate.temperature = 2.5;
    calibrate.x = {-2, 0.5};
    if (chance()) calibrate.x.push_back(3);
    for (std::size_t i = 0; i < calibrate.x.size(); ++i) calibrate.y.push_back(random_.uniform());
    settings_.after.emplace_back().calibrate = calibrate;
    if (chance()) settings_.after.emplace_back().rename = function::PlainStep{{"high"}, {"decision"}};
    if (chance()) settings_.after.emplace_back().clip = function::ClipStep{{"Y"}, {}, {}, 1};
  }

  /// Of numbers that are none, none is the largest.
  void add_after(bool may_miss) {
    if (chance()) settings_.after.emplace_back().sigmoid = function::PlainStep{{"Y"}, {}};
    if (chance()) add_scores();
    if (may_miss) return;
    if (chance()) settings_.after.emplace_back().softmax = function::PlainStep{{"Y"}, {"shares"}};
    if (chance()) settings_.after.emplace_back().argmax = function::PlainStep{{"Y"}, {"best"}};
    if (chance()) {
      settings_.after.emplace_back().top_k = function::TopKStep{{"Y"}, {"first", "scores"}, 2};
      if (chance()) settings_.after.emplace_back().take = function::TakeStep{{"scores", "first"}, {}, {1}};
      function::LabelsStep names{{"first"}, {}, {"zero", "one", "two", "three"}, {}, {}};
      settings_.after.emplace_back().labels = names;
    }
    function::LabelsStep labels;
    labels.columns = {"position"};
    if (chance()) labels.as = {"name"};
    labels.labels = {"zero", "one", "two"};
    if (chance()) labels.classes = {2, 0, 1};
    settings_.after.emplace_back().labels = labels;
  }

  Random random_;
  FunctionSettings settings_;
};

class StepsGraph : public ::testing::Test {
 protected:
  static Table table_of(const Joining& joining, const std::vector<std::string>& records) {
    Table table = joining.columns();
    json::Parser parser;
    for (const std::string& record : records) {
      const auto value = parser.parse("[" + record + "]");
      const auto batch = joining.records().before(value.value());
      EXPECT_TRUE(batch.ok()) << batch.status().to_string();
      joining.add(batch.value(), table);
    }
    return table;
  }

  /// Of the model between the steps.
  static Table model(const Table& fed) {
    const steps::Column& x = fed.columns.front();
    Table given;
    given.rows = fed.rows;
    steps::Column y = x;
    y.name = "Y";
    steps::Column position;
    position.name = "position";
    position.dtype = DType::kInt64;
    for (std::size_t row = 0; row < fed.rows; ++row) {
      const auto begin = x.numbers.begin() + static_cast<std::ptrdiff_t>(row * x.width);
      position.numbers.push_back(
          static_cast<double>(std::max_element(begin, begin + static_cast<std::ptrdiff_t>(x.width)) - begin));
    }
    given.put(std::move(y));
    given.put(std::move(position));
    return given;
  }

  static void expect_same(const steps::Column& wanted, const TensorView& found) {
    if (wanted.is_text()) {
      BytesReader reader(found.data);
      std::string_view text;
      for (const std::string& one : wanted.texts) {
        ASSERT_TRUE(reader.next(text));
        EXPECT_EQ(text, one);
      }
      return;
    }
    ASSERT_EQ(found.dtype, wanted.dtype);
    for (std::size_t i = 0; i < wanted.numbers.size(); ++i) {
      double number = 0;
      if (found.dtype == DType::kFp32) number = static_cast<double>(found.values<float>()[i]);
      if (found.dtype == DType::kFp64) number = found.values<double>()[i];
      if (found.dtype == DType::kInt64) number = static_cast<double>(found.values<std::int64_t>()[i]);
      if (std::isnan(wanted.numbers[i])) {
        EXPECT_TRUE(std::isnan(number)) << wanted.name << " " << i;
      } else {
        const double bound = wanted.dtype == DType::kFp32 ? 3e-7 : 1e-12;
        EXPECT_NEAR(number, wanted.numbers[i], bound * std::max(1.0, std::abs(number)))
            << wanted.name << " " << i;
      }
    }
  }

  void try_seed(std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomPipeline pipeline(seed);
    const DType dtype = pipeline.chance() ? DType::kFp32 : DType::kFp64;
    const std::string between = pass_on(dtype, -1, static_cast<std::int64_t>(pipeline.pick(4)));
    auto joining = Joining::create(pipeline.settings(), as_bytes(between));
    ASSERT_TRUE(joining.ok()) << joining.status().to_string();
    std::vector<std::string> sample;
    for (int i = 0; i < 40; ++i) sample.push_back(pipeline.record(true));
    const Status learnt = joining->learn(table_of(*joining, sample));
    ASSERT_TRUE(learnt.ok()) << learnt.to_string();
    const auto joined = joining->join();
    ASSERT_TRUE(joined.ok()) << joined.status().to_string();

    std::vector<std::string> records;
    for (int i = 0; i < 12; ++i) records.push_back(pipeline.record(false));
    const Table wanted = joining->after(model(joining->before(table_of(*joining, records))));
    const auto instance = backend_->load(backend::testing::MemoryModelFiles(joined->file), {});
    ASSERT_TRUE(instance.ok()) << instance.status().to_string();
    const auto bound = function::Function::create(joined->spec, (*instance)->signature());
    ASSERT_TRUE(bound.ok()) << bound.status().to_string();
    std::string all;
    for (const std::string& record : records) all += (all.empty() ? "[" : ",") + record;
    json::Parser parser;
    const auto batch = bound->before(parser.parse(all + "]").value());
    ASSERT_TRUE(batch.ok()) << batch.status().to_string();
    std::vector<TensorView> inputs;
    for (const NamedTensor& input : batch->inputs) inputs.push_back(input.tensor.view());
    const auto response = backend::testing::run(**instance, inputs);
    ASSERT_TRUE(response.ok()) << response.status().to_string();
    const auto& outputs = response->outputs;
    ASSERT_EQ(joined->spec.outputs.size(), wanted.columns.size());
    for (std::size_t i = 0; i < wanted.columns.size(); ++i) {
      const auto found = std::find_if(outputs.begin(), outputs.end(), [&](const infer::Output& output) {
        return output.name == joined->spec.outputs[i].output;
      });
      ASSERT_NE(found, outputs.end());
      EXPECT_EQ(joined->spec.outputs[i].name, wanted.columns[i].name);
      if (wanted.columns[i].name != "position" || wanted.columns[i].is_text())
        expect_same(wanted.columns[i], found->tensor);
    }
  }

  ManualClock clock_;
  NullLogger logger_;
  std::unique_ptr<backend::Backend> backend_ = make_backend_onnxruntime({&clock_, &logger_, {}});
};

TEST_F(StepsGraph, Answers_as_the_steps_do_one_by_one) {
  const char* const asked = std::getenv("SLIPWAY_TEST_SEEDS");
  const std::uint64_t last = asked != nullptr ? std::strtoull(asked, nullptr, 10) : 60;
  for (std::uint64_t seed = 1; seed <= last && !HasFailure(); ++seed) try_seed(seed);
}

}  // namespace
}  // namespace slipway::onnxruntime
