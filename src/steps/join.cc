#include "steps/join.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "steps/join_internal.h"

namespace slipway::steps {
namespace {

constexpr std::int64_t kLeastOpset = 11;

/// The number of values per record that an input takes; nothing where the model leaves it open.
std::optional<std::int64_t> width_of(const graph::ValueInfo& input) {
  std::int64_t width = 1;
  for (std::size_t i = 1; i < input.dims->size(); ++i) {
    const std::int64_t size = (*input.dims)[i].size;
    if (size < 0 || __builtin_mul_overflow(width, size, &width)) return std::nullopt;
  }
  return width;
}

bool takes_rows(const graph::ValueInfo& value) {
  if (!value.dtype || !value.dims || value.dims->empty()) return false;
  return value.dims->front().size == -1 || value.dims->front().size == 1;
}

Error invalid(std::vector<Fault> faults) {
  return invalid_argument("function.invalid", "the prediction function does not fit the model")
      .with_faults(std::move(faults));
}

/// Whether the columns are such as the input takes.
void check_feed(const Fed& feed, const graph::ValueInfo& to, const Table& table, Report& report) {
  const std::string name = "the input \"" + printable(feed.input) + "\"";
  const std::string dtype(dtype_name(*to.dtype));
  check_columns(table, feed.columns, Takes::kAny, report);
  if (report.has_fault()) return;
  std::int64_t width = 0;
  for (const Column* column : take(table, feed.columns)) {
    if (column->is_unknown) return;
    width += static_cast<std::int64_t>(column->width);
    const std::string which = "the column \"" + printable(column->name) + "\"";
    if (column->is_text() != (to.dtype == DType::kBytes)) {
      report.add(
          "columns",
          which + " holds " + (column->is_text() ? "text" : "numbers") + ", but " + name + " takes " + dtype,
          column->is_text() ? "make numbers of it with one_hot, or drop it" : "feed text");
    } else if (column->may_miss && !is_float(*to.dtype)) {
      report.add("columns",
                 which + " may be missing, for which " + name + " of datatype " + dtype + " has no value",
                 "impute it");
    }
  }
  const auto takes = width_of(to);
  if (takes && *takes != width && !report.has_fault()) {
    report.add("columns", name + " takes " + std::to_string(*takes) + " values per record, but the columns " +
                              join_words(feed.columns) + " hold " + std::to_string(width));
  }
}

bool has_unknown(const std::vector<const Column*>& columns) {
  return std::any_of(columns.begin(), columns.end(), [](const Column* column) { return column->is_unknown; });
}

std::string place(std::string_view list, std::size_t index) {
  return "function." + std::string(list) + "[" + std::to_string(index) + "]";
}

}  // namespace

bool has_steps(const function::FunctionSettings& settings) {
  return !settings.before.empty() || !settings.after.empty();
}

const graph::ValueInfo* Joining::Impl::input(std::string_view name) const {
  for (const graph::ValueInfo& one : info.inputs) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

std::vector<std::string> Joining::Impl::inputs_to_feed() const {
  std::vector<std::string> open;
  for (const graph::ValueInfo& one : info.inputs) {
    const bool taken = std::any_of(settings.inputs.begin(), settings.inputs.end(),
                                   [&](const auto& field) { return field.input == one.name; });
    if (!taken) open.push_back(one.name);
  }
  return open;
}

std::optional<Column> output_column(const graph::ValueInfo& output) {
  if (!takes_rows(output) || output.dims->size() > 2) return std::nullopt;
  Column column;
  column.name = output.name;
  if (output.dims->size() == 2) {
    const std::int64_t size = output.dims->back().size;
    column.width = size < 0 ? 0 : static_cast<std::size_t>(size);
    if (size == 0) return std::nullopt;
  }
  column.dtype = *output.dtype;
  if (is_integer(column.dtype) || column.dtype == DType::kBool) column.dtype = DType::kInt64;
  if (column.dtype == DType::kFp16 || column.dtype == DType::kBf16) column.dtype = DType::kFp32;
  return column;
}

// The fields of a record as inputs of the joined model.
Status Joining::Impl::bind_records() {
  std::vector<Fault> faults;
  spec = function::to_spec(settings);
  Signature signature;
  if (has_before() && spec.inputs.empty()) {
    faults.push_back({"function.before", "there are steps, but no fields under inputs that they could take",
                      "declare the fields of a record under inputs"});
  }
  for (std::size_t i = 0; i < spec.inputs.size(); ++i) {
    function::InputField& field = spec.inputs[i];
    if (!is_column(settings.inputs[i])) continue;
    const bool is_text = field.type == function::FieldType::kString;
    field.input = is_text ? texts : numbers;
    if (is_text && !field.required && !field.default_value) {
      field.default_value = std::string(function::kMissingText);
    }
  }
  signature.inputs = records_inputs();
  for (const graph::ValueInfo& one : info.inputs) {
    const bool as_it_is = std::any_of(spec.inputs.begin(), spec.inputs.end(),
                                      [&](const auto& field) { return field.input == one.name; });
    if ((has_before() && !as_it_is) || !one.dtype || !one.dims) continue;
    Shape shape;
    for (const graph::Dimension& dim : *one.dims) shape.push_back(dim.size);
    signature.inputs.push_back({one.name, *one.dtype, shape});
  }
  if (!faults.empty()) return invalid(std::move(faults));
  function::Spec inputs;
  inputs.inputs = spec.inputs;
  SLIPWAY_ASSIGN_OR_RETURN(auto bound, function::Function::create(std::move(inputs), signature));
  records.emplace(std::move(bound));
  return {};
}

void Joining::Impl::learn_before(Table& table, std::vector<Fault>& faults) {
  const bool has_rows = table.rows > 0;
  for (std::size_t i = 0; i < settings.before.size(); ++i) {
    function::BeforeStep& step = settings.before[i];
    const std::string where = place("before", i) + "." + std::string(kind_of(step));
    if (step.feed) {
      feed({step.feed->input, step.feed->columns, i}, where, table, faults);
      continue;
    }
    const std::unique_ptr<Rule> rule = make_rule(step);
    Report report(where, faults);
    rule->check(table, report);
    // Behind a step that is wrong there is nothing to learn from and nothing to do.
    const bool is_guessed = report.has_fault() || has_unknown(take(table, rule->takes()));
    if (!is_guessed && rule->wants_sample()) {
      if (has_rows) {
        rule->fit(table, report);
      } else {
        report.add("", "learns from a sample, but there is none", "give a sample, or the numbers themselves");
      }
    }
    if (is_guessed || report.has_fault()) {
      for (const std::string& name : rule->makes()) table.put(Column::unknown(name));
    } else {
      rule->apply(table);
    }
  }
  if (has_before()) feed_rest(table, faults);
}

void Joining::Impl::feed(Fed feed, const std::string& where, const Table& table, std::vector<Fault>& faults) {
  Report report(where, faults);
  const std::vector<std::string> open = inputs_to_feed();
  if (feed.input.empty() && open.size() == 1) feed.input = open.front();
  const graph::ValueInfo* to = input(feed.input);
  if (to == nullptr || std::find(open.begin(), open.end(), feed.input) == open.end()) {
    const std::string near = nearest(feed.input, open);
    report.add(feed.input.empty() ? "" : "input",
               feed.input.empty()
                   ? "does not say which input it feeds"
                   : "\"" + printable(feed.input) + "\" is no input of the model that steps feed",
               near.empty() ? "they are " + join_words(open) : "did you mean \"" + near + "\"?");
    return;
  }
  const auto same = [&](const Fed& one) { return one.input == feed.input; };
  if (std::any_of(fed.begin(), fed.end(), same)) {
    report.add("input", "the input \"" + printable(feed.input) + "\" is fed twice", "feed it once");
    return;
  }
  fed.push_back(feed);
  if (takes_rows(*to)) {
    check_feed(feed, *to, table, report);
  } else {
    report.add("input",
               "the input \"" + printable(feed.input) + "\" does not take one row per record, as steps need");
  }
}

// Without `feed`, what is left becomes the one input; several inputs take the columns of their names.
void Joining::Impl::feed_rest(const Table& table, std::vector<Fault>& faults) {
  std::vector<std::string> open = inputs_to_feed();
  std::erase_if(open, [this](const std::string& name) {
    return std::any_of(fed.begin(), fed.end(), [&](const Fed& one) { return one.input == name; });
  });
  const std::size_t end = settings.before.size();
  if (open.size() == 1) {
    feed({open.front(), table.names(), end}, "function.before", table, faults);
    return;
  }
  for (const std::string& name : open) {
    if (table.find(name) == nullptr) {
      faults.push_back({"function.before",
                        "the input \"" + printable(name) + "\" of the model gets no columns",
                        "add - feed: {input: " + name + ", columns: [...]}"});
    } else {
      feed({name, {name}, end}, "function.before", table, faults);
    }
  }
}

void Joining::Impl::learn_after(std::vector<Fault>& faults) {
  Table table;
  std::set<std::string> opaque;
  for (const graph::ValueInfo& output : info.outputs) {
    auto column = output_column(output);
    if (!column) opaque.insert(output.name);
    table.put(column ? std::move(*column) : Column::unknown(output.name));
  }
  for (std::size_t i = 0; i < settings.after.size(); ++i) {
    function::AfterStep& step = settings.after[i];
    const std::unique_ptr<Rule> rule = make_rule(step);
    Report report(place("after", i) + "." + std::string(kind_of(step)), faults);
    rule->check(table, report);
    bool guessed = false;
    for (const std::string& name : rule->takes()) {
      const Column* column = table.find(name);
      guessed = guessed || column == nullptr || column->is_unknown;
      if (!opaque.contains(name) || step.drop) continue;
      report.add("columns", "the output \"" + printable(name) +
                                "\" does not hold one row of values per record, as steps need");
    }
    if (!report.has_fault() && (!guessed || step.drop)) {
      rule->apply(table);
    } else {
      for (const std::string& name : rule->makes()) table.put(Column::unknown(name));
    }
    for (const std::string& name : rule->makes()) opaque.erase(name);
  }
  if (table.columns.empty())
    faults.push_back({"function.after", "nothing is left of the outputs", "drop fewer"});
}

Result<Joining> Joining::create(function::FunctionSettings settings, ByteView model) {
  if (!graph::looks_like_onnx(model)) {
    return invalid_argument(
        "function.not_onnx",
        "steps under `before` and `after` become operators of the model, which must be ONNX for "
        "that; convert it (onnxmltools does, for trees), or remove the steps");
  }
  auto impl = std::make_unique<Impl>();
  impl->settings = std::move(settings);
  impl->model = model;
  SLIPWAY_ASSIGN_OR_RETURN(auto flat, graph::flatten_maps(model));
  if (flat) {
    impl->flattened = std::move(flat->file);
    impl->model = as_bytes(impl->flattened);
  }
  SLIPWAY_ASSIGN_OR_RETURN(impl->info, graph::inspect(impl->model));
  const std::int64_t opset = graph::opset_versions(impl->info).onnx;
  if (opset != 0 && opset < kLeastOpset) {
    return invalid_argument("function.opset", "the model is of operator set " + std::to_string(opset) +
                                                  ", and steps need " + std::to_string(kLeastOpset) +
                                                  " or later: convert it with onnx.version_converter");
  }
  SLIPWAY_ASSIGN_OR_RETURN(impl->names, graph::value_names(impl->model));
  Lowering names(impl->names, {});
  impl->numbers = names.fresh("numbers");
  impl->texts = names.fresh("texts");
  for (const std::string& name : impl->inputs_to_feed()) {
    const graph::ValueInfo* input = impl->input(name);
    if (takes_rows(*input)) {
      impl->rows = input->dims->front();
      break;
    }
  }
  SLIPWAY_TRY(impl->bind_records());
  return Joining(std::move(impl));
}

Joining::Joining(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Joining::~Joining() = default;
Joining::Joining(Joining&&) noexcept = default;

bool Joining::wants_sample() const {
  return std::any_of(impl_->settings.before.begin(), impl_->settings.before.end(), [](auto& step) {
    return !step.feed && make_rule(const_cast<function::BeforeStep&>(step))->wants_sample();
  });
}

const function::Function& Joining::records() const { return *impl_->records; }

Table Joining::columns() const {
  Table table;
  for (const function::InputSettings& field : impl_->settings.inputs) {
    if (!impl_->is_column(field)) continue;
    Column column;
    column.name = field.name;
    column.dtype = field.type == function::FieldType::kString ? DType::kBytes : DType::kFp64;
    column.may_miss = field.required == false && !field.default_text;
    table.put(std::move(column));
  }
  return table;
}

void Joining::add(const function::Batch& batch, Table& table) const {
  std::size_t count_numbers = 0;
  std::vector<std::string_view> texts;
  std::span<const double> numbers;
  for (const NamedTensor& input : batch.inputs) {
    if (input.name == impl_->numbers) {
      const TensorView view = input.tensor.view();
      numbers = view.values<double>();
      count_numbers = static_cast<std::size_t>(view.shape[1]);
    } else if (input.name == impl_->texts) {
      BytesReader reader(input.tensor.view().data);
      std::string_view text;
      while (reader.next(text)) texts.push_back(text);
    }
  }
  const std::size_t count_texts = batch.rows == 0 ? 0 : texts.size() / batch.rows;
  std::size_t number = 0;
  std::size_t text = 0;
  for (Column& column : table.columns) {
    const std::size_t at = column.is_text() ? text++ : number++;
    for (std::size_t row = 0; row < batch.rows; ++row) {
      if (column.is_text()) {
        column.texts.emplace_back(texts[row * count_texts + at]);
      } else {
        column.numbers.push_back(numbers[row * count_numbers + at]);
      }
    }
  }
  table.rows += batch.rows;
}

Status Joining::learn(Table sample) {
  std::vector<Fault> faults;
  impl_->fed.clear();
  impl_->learn_before(sample, faults);
  impl_->learn_after(faults);
  if (!faults.empty()) return invalid(std::move(faults));
  impl_->is_learnt = true;
  return {};
}

}  // namespace slipway::steps
