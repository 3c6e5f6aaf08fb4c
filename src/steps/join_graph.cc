// Joining, once everything is learnt: the graph, and the same step by step.
#include <algorithm>
#include <cmath>

#include "steps/join_internal.h"

namespace slipway::steps {
namespace {

using graph::Dimension;

class GraphWriter {
 public:
  GraphWriter(const Joining::Impl& plan, function::FunctionSettings& settings)
      : plan_(plan),
        settings_(settings),
        lowering_(names_of(plan), graph::opset_versions(with_added(plan.info))) {}

  graph::Composition run() {
    graph::Composition composition;
    if (plan_.has_before()) write_before(composition);
    composition.before = lowering_.take_nodes();
    write_after(composition);
    composition.after = lowering_.take_nodes();
    return composition;
  }

  /// The name in the joined graph of each output, by the name that steps know it by.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& outputs() const { return outputs_; }

 private:
  static std::set<std::string> names_of(const Joining::Impl& plan) {
    std::set<std::string> names = plan.names;
    names.insert(plan.numbers);
    names.insert(plan.texts);
    return names;
  }
  static graph::ModelInfo with_added(graph::ModelInfo info) {
    if (graph::opset_versions(info).ml == 0) info.opsets.push_back({"ai.onnx.ml", graph::kAddedOpsets.ml});
    return info;
  }

  void write_before(graph::Composition& composition) {
    for (const TensorSpec& input : plan_.records_inputs()) {
      composition.inputs.push_back(
          {input.name, input.dtype, {plan_.rows, Dimension{.size = input.shape[1], .symbol = {}}}});
    }
    place_columns();
    std::size_t next_feed = 0;
    const auto feed_until = [&](std::size_t step) {
      while (next_feed < plan_.fed.size() && plan_.fed[next_feed].after_step <= step)
        write_feed(plan_.fed[next_feed++]);
    };
    for (std::size_t i = 0; i < settings_.before.size(); ++i) {
      feed_until(i);
      if (const auto rule = make_rule(settings_.before[i])) rule->lower(lowering_);
    }
    feed_until(settings_.before.size());
    for (const Fed& fed : plan_.fed) composition.fed.insert(fed.input);
  }

  void place_columns() {
    std::vector<std::string> numbers;
    std::vector<std::string> texts;
    for (const function::InputSettings& field : settings_.inputs) {
      if (!plan_.is_column(field)) continue;
      (field.type == function::FieldType::kString ? texts : numbers).push_back(field.name);
    }
    lowering_.split(numbers, std::vector<std::size_t>(numbers.size(), 1), plan_.numbers);
    lowering_.split(texts, std::vector<std::size_t>(texts.size(), 1), plan_.texts, DType::kBytes);
  }

  void write_feed(const Fed& fed) {
    const graph::ValueInfo& input = *plan_.input(fed.input);
    std::string value = lowering_.matrix(fed.columns);
    if (*input.dtype != DType::kFp64 && *input.dtype != DType::kBytes)
      value = lowering_.cast(value, *input.dtype);
    if (input.dims->size() != 2) {
      std::vector<std::int64_t> shape = {-1};
      for (std::size_t i = 1; i < input.dims->size(); ++i) shape.push_back((*input.dims)[i].size);
      // One free dimension besides the rows can be told from the number of columns.
      const auto rank = static_cast<std::int64_t>(shape.size());
      if (std::count(shape.begin(), shape.end(), -1) > 1) shape.front() = 0;
      value = lowering_.add("Reshape", {value, lowering_.constant({{rank}, std::move(shape)})});
    }
    lowering_.add_node({"Identity", "", {value}, {fed.input}, {}});
  }

  void write_after(graph::Composition& composition) {
    std::set<std::string> taken;
    for (function::AfterStep& step : settings_.after) {
      const std::vector<std::string>& columns = make_rule(step)->takes();
      taken.insert(columns.begin(), columns.end());
    }
    std::vector<std::string> order;
    std::map<std::string, std::string> begun;
    for (const graph::ValueInfo& output : plan_.info.outputs) {
      order.push_back(output.name);
      const auto column = output_column(output);
      if (!column) continue;
      begun[output.name] = taken.contains(output.name) ? begin_output(output, *column) : output.name;
      lowering_.put(output.name, {begun[output.name], 0, column->width, column->width, column->dtype});
    }
    std::set<std::string> dropped;
    for (function::AfterStep& step : settings_.after) {
      const auto rule = make_rule(step);
      if (step.drop) {
        dropped.insert(step.drop->columns.begin(), step.drop->columns.end());
        continue;
      }
      rule->lower(lowering_);
      if (step.rename) {
        rename(order, *step.rename);
        continue;
      }
      for (const std::string& name : rule->makes()) {
        dropped.erase(name);
        if (std::find(order.begin(), order.end(), name) == order.end()) order.push_back(name);
      }
    }
    for (const std::string& name : order) {
      if (!dropped.contains(name)) write_output(composition, name, begun);
    }
  }

  static void rename(std::vector<std::string>& order, const function::PlainStep& step) {
    for (std::string& name : order) {
      const auto found = std::find(step.columns.begin(), step.columns.end(), name);
      if (found != step.columns.end()) name = step.as[static_cast<std::size_t>(found - step.columns.begin())];
    }
  }

  /// The output as a matrix of a type that steps take.
  std::string begin_output(const graph::ValueInfo& output, const Column& column) {
    std::string value = output.name;
    if (*output.dtype != column.dtype) value = lowering_.cast(value, column.dtype);
    if (output.dims->size() == 1) {
      value = lowering_.add("Reshape", {value, lowering_.constant({{2}, std::vector<std::int64_t>{-1, 1}})});
    }
    return value;
  }

  void write_output(graph::Composition& composition, const std::string& name,
                    const std::map<std::string, std::string>& begun) {
    const bool is_model_output = std::any_of(plan_.info.outputs.begin(), plan_.info.outputs.end(),
                                             [&](const auto& output) { return output.name == name; });
    const auto from = begun.find(name);
    if (is_model_output && (from == begun.end() || lowering_.at(name).value == from->second)) {
      composition.outputs.emplace_back(name);
      outputs_.emplace_back(name, name);
      return;
    }
    const Place place = lowering_.at(name);
    const std::string made = lowering_.fresh(name);
    lowering_.add_node({"Identity", "", {lowering_.column(place)}, {made}, {}});
    const std::int64_t width = place.width == 0 ? -1 : static_cast<std::int64_t>(place.width);
    composition.outputs.emplace_back(
        graph::Port{made, place.dtype, {output_rows(), Dimension{.size = width, .symbol = {}}}});
    outputs_.emplace_back(name, made);
  }

  [[nodiscard]] Dimension output_rows() const {
    for (const graph::ValueInfo& output : plan_.info.outputs) {
      if (output_column(output)) return output.dims->front();
    }
    return plan_.rows;
  }

  const Joining::Impl& plan_;
  function::FunctionSettings& settings_;
  Lowering lowering_;
  std::vector<std::pair<std::string, std::string>> outputs_;
};

// Answers name outputs as steps know them; the graph may have had to call them otherwise.
void name_outputs(const std::vector<std::pair<std::string, std::string>>& names, function::Spec& spec) {
  for (function::OutputField& field : spec.outputs) {
    if (field.output.empty() && names.size() == 1) field.output = names.front().first;
    for (const auto& [known, made] : names) {
      if (field.output != known) continue;
      field.output = made;
      break;
    }
  }
  if (!spec.outputs.empty()) return;
  for (const auto& [known, made] : names) {
    function::OutputField field;
    field.name = known;
    field.output = made;
    spec.outputs.push_back(std::move(field));
  }
}

}  // namespace

std::vector<TensorSpec> Joining::Impl::records_inputs() const {
  std::vector<TensorSpec> inputs;
  for (const auto& [name, dtype] : {std::pair(numbers, DType::kFp64), std::pair(texts, DType::kBytes)}) {
    const auto count = std::count_if(spec.inputs.begin(), spec.inputs.end(),
                                     [&](const function::InputField& field) { return field.input == name; });
    if (count == 0) continue;
    Shape shape;
    shape.push_back(rows.size);
    shape.push_back(count);
    inputs.push_back({name, dtype, shape});
  }
  return inputs;
}

Result<Joined> Joining::join() const {
  Joined joined;
  joined.settings = impl_->settings;
  joined.spec = impl_->spec;
  GraphWriter writer(*impl_, joined.settings);
  const graph::Composition composition = writer.run();
  SLIPWAY_ASSIGN_OR_RETURN(joined.file, graph::compose(impl_->model, composition));
  name_outputs(writer.outputs(), joined.spec);
  return joined;
}

Table Joining::before(Table table) const {
  Table made;
  made.rows = table.rows;
  std::size_t next_feed = 0;
  const auto feed_until = [&](std::size_t step) {
    for (; next_feed < impl_->fed.size() && impl_->fed[next_feed].after_step <= step; ++next_feed) {
      const Fed& fed = impl_->fed[next_feed];
      Column column;
      column.name = fed.input;
      column.dtype = *impl_->input(fed.input)->dtype;
      column.width = 0;
      for (const Column* part : take(table, fed.columns)) column.width += part->width;
      for (std::size_t row = 0; row < table.rows; ++row) {
        for (const Column* part : take(table, fed.columns)) {
          for (std::size_t i = row * part->width; i < (row + 1) * part->width; ++i) {
            if (part->is_text()) {
              column.texts.push_back(part->texts[i]);
            } else {
              column.numbers.push_back(rounded(part->numbers[i], column.dtype));
            }
          }
        }
      }
      made.put(std::move(column));
    }
  };
  for (std::size_t i = 0; i < impl_->settings.before.size(); ++i) {
    feed_until(i);
    if (const auto rule = make_rule(impl_->settings.before[i])) rule->apply(table);
  }
  feed_until(impl_->settings.before.size());
  return made;
}

Table Joining::outputs() const {
  Table table;
  for (const graph::ValueInfo& output : impl_->info.outputs) {
    if (auto column = output_column(output)) table.put(std::move(*column));
  }
  return table;
}

Table Joining::after(Table outputs) const {
  for (function::AfterStep& step : impl_->settings.after) make_rule(step)->apply(outputs);
  return outputs;
}

}  // namespace slipway::steps
