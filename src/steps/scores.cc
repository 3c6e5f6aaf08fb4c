#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.h"
#include "steps/numbers_internal.h"
#include "steps/rule_internal.h"

namespace slipway::steps {
namespace {

using function::LabelsStep;
using function::PlainStep;

/// What a step that computes gives for numbers of `dtype`.
DType computed(DType dtype) { return dtype == DType::kFp32 ? DType::kFp32 : DType::kFp64; }

void softmax(double* scores, std::size_t count) {
  const double largest = *std::max_element(scores, scores + count);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += scores[i] = std::exp(scores[i] - largest);
  for (std::size_t i = 0; i < count; ++i) scores[i] /= sum;
}

enum class Plain : std::uint8_t { kSoftmax, kSigmoid, kArgmax };

class PlainRule final : public Rule {
 public:
  PlainRule(Plain kind, PlainStep& step) : kind_(kind), step_(step) {}

  void check(const Table& table, Report& report) const override {
    check_columns(table, step_.columns, Takes::kNumbers, report);
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      const Column* column = table.find(step_.columns[i]);
      if (column == nullptr || column->is_unknown || column->width != 1 || kind_ == Plain::kSigmoid) continue;
      report.add("columns[" + std::to_string(i) + "]",
                 "\"" + printable(column->name) + "\" holds one number per record, but several are wanted",
                 kind_ == Plain::kSoftmax ? "write sigmoid for one" : "use threshold for one");
    }
  }

  void apply(Table& table) const override {
    std::vector<Column> made;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      const Column& from = *table.find(step_.columns[i]);
      Column& column = made.emplace_back(from);
      column.name = makes()[i];
      column.dtype = kind_ == Plain::kArgmax ? DType::kInt64 : computed(from.dtype);
      if (kind_ == Plain::kArgmax) {
        column.width = 1;
        column.numbers.clear();
      }
      for (std::size_t row = 0; row < table.rows; ++row) apply_row(from, row, column);
      for (double& number : column.numbers) number = rounded(number, column.dtype);
    }
    table.put_all(std::move(made));
  }

  void lower(Lowering& lowering) const override {
    std::vector<std::pair<std::string, Place>> made;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      const Place from = lowering.at(step_.columns[i]);
      const std::string numbers = lowering.matrix({step_.columns[i]});
      if (kind_ == Plain::kArgmax) {
        const std::string best =
            lowering.add("ArgMax", {numbers}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{1}}});
        made.emplace_back(makes()[i], Place{best, 0, 1, 1, DType::kInt64});
        continue;
      }
      std::string value = kind_ == Plain::kSigmoid
                              ? lowering.logistic(lowering.add("Neg", {numbers}))
                              : lowering.add("Softmax", {numbers}, {{"axis", std::int64_t{1}}});
      if (computed(from.dtype) == DType::kFp32) value = lowering.cast(value, DType::kFp32);
      made.emplace_back(makes()[i], Place{value, 0, from.width, from.width, computed(from.dtype)});
    }
    for (auto& [name, place] : made) lowering.put(name, std::move(place));
  }

  [[nodiscard]] const std::vector<std::string>& takes() const override { return step_.columns; }
  [[nodiscard]] std::vector<std::string> makes() const override { return names_of(step_.columns, step_.as); }

 private:
  void apply_row(const Column& from, std::size_t row, Column& column) const {
    const std::size_t width = from.width;
    double* numbers = column.numbers.data() + row * width;
    if (kind_ == Plain::kSoftmax) softmax(numbers, width);
    if (kind_ == Plain::kSigmoid) {
      for (std::size_t i = 0; i < width; ++i) numbers[i] = 1 / (1 + std::exp(-numbers[i]));
    }
    if (kind_ == Plain::kArgmax) {
      const auto begin = from.numbers.begin() + static_cast<std::ptrdiff_t>(row * width);
      const auto best = std::max_element(begin, begin + static_cast<std::ptrdiff_t>(width));
      column.numbers.push_back(static_cast<double>(best - begin));
    }
  }

  Plain kind_;
  PlainStep& step_;
};

class LabelsRule final : public Rule {
 public:
  explicit LabelsRule(LabelsStep& step) : step_(step) {}

  void check(const Table& table, Report& report) const override {
    check_columns(table, step_.columns, Takes::kNumbers, report);
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      const Column* column = table.find(step_.columns[i]);
      if (column == nullptr || column->is_unknown || column->is_text() || column->dtype == DType::kInt64)
        continue;
      report.add("columns[" + std::to_string(i) + "]",
                 "\"" + printable(column->name) + "\" holds numbers of datatype " +
                     std::string(dtype_name(column->dtype)) + ", but class numbers are wanted",
                 "write argmax before it");
    }
    if (!step_.classes.empty() && step_.classes.size() != step_.labels.size()) {
      report.add("classes",
                 std::to_string(step_.classes.size()) + " classes and " +
                     std::to_string(step_.labels.size()) + " labels are given",
                 "give one class per label");
    }
  }

  void apply(Table& table) const override {
    std::vector<Column> made;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      Column column = *table.find(step_.columns[i]);
      column.name = makes()[i];
      column.dtype = DType::kBytes;
      column.may_miss = true;
      for (const double number : column.numbers) column.texts.push_back(label_of(number));
      column.numbers.clear();
      made.push_back(std::move(column));
    }
    table.put_all(std::move(made));
  }

  void lower(Lowering& lowering) const override {
    std::vector<std::pair<std::string, Place>> made;
    for (std::size_t i = 0; i < step_.columns.size(); ++i) {
      const Place from = lowering.at(step_.columns[i]);
      const std::string numbers = lowering.integers(step_.columns[i]);
      made.emplace_back(makes()[i], Place{lowering.texts(numbers, step_.classes, step_.labels), 0, from.width,
                                          from.width, DType::kBytes});
    }
    for (auto& [name, place] : made) lowering.put(name, std::move(place));
  }

  [[nodiscard]] const std::vector<std::string>& takes() const override { return step_.columns; }
  [[nodiscard]] std::vector<std::string> makes() const override { return names_of(step_.columns, step_.as); }

 private:
  [[nodiscard]] std::string label_of(double number) const {
    for (std::size_t i = 0; i < step_.labels.size(); ++i) {
      const auto known = step_.classes.empty() ? static_cast<std::int64_t>(i) : step_.classes[i];
      if (static_cast<double>(known) == number) return step_.labels[i];
    }
    return std::string(function::kMissingText);
  }

  LabelsStep& step_;
};

class DropRule final : public Rule {
 public:
  explicit DropRule(function::DropStep& step) : step_(step) {}
  void check(const Table& table, Report& report) const override {
    check_columns(table, step_.columns, Takes::kAny, report);
  }
  void apply(Table& table) const override {
    for (const std::string& column : step_.columns) table.drop(column);
  }
  void lower(Lowering& lowering) const override {
    for (const std::string& column : step_.columns) lowering.drop(column);
  }
  [[nodiscard]] const std::vector<std::string>& takes() const override { return step_.columns; }
  [[nodiscard]] std::vector<std::string> makes() const override { return {}; }

 private:
  function::DropStep& step_;
};

}  // namespace

std::unique_ptr<Rule> softmax_rule(PlainStep& step) {
  return std::make_unique<PlainRule>(Plain::kSoftmax, step);
}
std::unique_ptr<Rule> sigmoid_rule(PlainStep& step) {
  return std::make_unique<PlainRule>(Plain::kSigmoid, step);
}
std::unique_ptr<Rule> argmax_rule(PlainStep& step) {
  return std::make_unique<PlainRule>(Plain::kArgmax, step);
}
std::unique_ptr<Rule> labels_rule(LabelsStep& step) { return std::make_unique<LabelsRule>(step); }
std::unique_ptr<Rule> drop_rule(function::DropStep& step) { return std::make_unique<DropRule>(step); }

}  // namespace slipway::steps
