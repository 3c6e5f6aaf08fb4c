// Short ways for tests to make signatures, records and answers.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "function/function.h"

namespace slipway::function::testing {

inline InputField number(std::string name, std::string input = {}) {
  InputField field;
  field.name = std::move(name);
  field.input = std::move(input);
  return field;
}

inline InputField field(std::string name, FieldType type, std::string input = {}) {
  InputField made = number(std::move(name), std::move(input));
  made.type = type;
  return made;
}

inline OutputField answer(std::string name, OutputField::Kind kind, std::string output,
                          std::vector<std::string> labels = {}) {
  OutputField made;
  made.name = std::move(name);
  made.kind = kind;
  made.output = std::move(output);
  made.labels = std::move(labels);
  return made;
}

/// Function::before on JSON text.
inline Result<Batch> before(const Function& function, std::string_view text,
                            std::size_t max_bytes = Function::kMaxBatchBytes) {
  json::Parser parser;
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value records, parser.parse(text));
  return function.before(records, max_bytes);
}

/// Function::after as the text of the array.
inline Result<std::string> after(const Function& function, const std::vector<NamedTensor>& outputs,
                                 std::size_t rows) {
  std::vector<NamedTensorView> views;
  for (const NamedTensor& output : outputs) views.push_back({output.name, output.tensor.view()});
  std::string text;
  json::Writer out(text);
  out.begin_array();
  SLIPWAY_TRY(function.after(views, rows, out));
  out.end_array();
  return text;
}

/// The faults of an error, one per line: "where: message (fix)".
inline std::string faults_text(const Error& error) {
  std::string text;
  for (const Fault& fault : error.faults()) {
    text += fault.where + ": " + fault.message + (fault.fix.empty() ? "" : " (" + fault.fix + ")") + "\n";
  }
  return text;
}

}  // namespace slipway::function::testing
