#include "function/spec_json.h"

#include <algorithm>
#include <functional>

#include "base/text.h"

namespace slipway::function {
namespace {

void write_scalar(const Scalar& value, json::Writer& out) {
  if (const auto* truth = std::get_if<bool>(&value)) return out.boolean(*truth);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return out.number(*integer);
  if (const auto* number = std::get_if<double>(&value)) return out.number(*number);
  out.string(std::get<std::string>(value));
}

void write_input(const InputField& field, json::Writer& out) {
  out.begin_object();
  out.field("name", std::string_view(field.name));
  out.field("type", field_type_name(field.type));
  if (!field.input.empty()) out.field("input", std::string_view(field.input));
  if (!field.description.empty()) out.field("description", std::string_view(field.description));
  if (!field.required) out.field("required", false);
  if (field.default_value) {
    out.key("default");
    write_scalar(*field.default_value, out);
  }
  out.end_object();
}

void write_output(const OutputField& field, json::Writer& out) {
  out.begin_object();
  out.field("name", std::string_view(field.name));
  out.field("kind", output_kind_name(field.kind));
  if (!field.output.empty()) out.field("output", std::string_view(field.output));
  if (!field.labels.empty()) {
    out.key("labels");
    out.begin_array();
    for (const std::string& label : field.labels) out.string(label);
    out.end_array();
  }
  if (!field.classes.empty()) {
    out.key("classes");
    out.begin_array();
    for (const std::int64_t number : field.classes) out.number(number);
    out.end_array();
  }
  if (!field.description.empty()) out.field("description", std::string_view(field.description));
  out.end_object();
}

class Reader {
 public:
  Result<Spec> run(const json::Value& value) {
    Spec spec;
    each_member(value, "function", {"inputs", "outputs"}, [&](std::string_view key, const json::Value& list) {
      const std::string where = "function." + std::string(key);
      each_item(list, where, [&](const json::Value& item, const std::string& at) {
        if (key == "inputs") spec.inputs.push_back(read_input(item, at));
        if (key == "outputs") spec.outputs.push_back(read_output(item, at));
      });
    });
    if (faults_.empty()) return spec;
    return invalid_argument("function.spec",
                            "this is no prediction function: " + faults_[0].where + " " + faults_[0].message)
        .with_faults(std::move(faults_));
  }

 private:
  using Visit = std::function<void(std::string_view key, const json::Value& value)>;
  using VisitItem = std::function<void(const json::Value& value, const std::string& where)>;

  void fault(const std::string& where, std::string message, std::string fix = {}) {
    if (faults_.size() < Function::kMaxFaults) faults_.push_back({where, std::move(message), std::move(fix)});
  }

  void wrong_type(const std::string& where, const json::Value& value, std::string_view wanted) {
    fault(where, "is " + std::string(json::type_name(value.type())) + ", wanted " + std::string(wanted));
  }

  void each_member(const json::Value& value, const std::string& where, const std::vector<std::string>& known,
                   const Visit& visit) {
    if (!value.is_object()) return wrong_type(where, value, "an object");
    if (const auto twice = value.object().duplicate_key()) {
      return fault(where, "has the key \"" + printable(*twice) + "\" twice");
    }
    for (const json::Member member : value.object()) {
      if (std::find(known.begin(), known.end(), member.key) != known.end()) {
        visit(member.key, member.value);
        continue;
      }
      const std::string near = nearest(member.key, known);
      fault(where, "has the unknown key \"" + printable(member.key) + "\"",
            near.empty() ? "the keys are " + join_words(known) : "did you mean \"" + near + "\"?");
    }
  }

  void each_item(const json::Value& value, const std::string& where, const VisitItem& visit) {
    if (!value.is_array()) return wrong_type(where, value, "an array");
    if (value.array().size() > kMaxFields) {
      return fault(where, "has more than " + std::to_string(kMaxFields) + " elements");
    }
    std::size_t index = 0;
    for (const json::Value item : value.array()) visit(item, where + "[" + std::to_string(index++) + "]");
  }

  void read_text(const json::Value& value, const std::string& where, std::string& to) {
    const auto text = value.as_string();
    if (!text) return wrong_type(where, value, "a string");
    to = *text;
  }

  /// One of a closed set of words.
  template <typename Enum>
  void read_word(const json::Value& value, const std::string& where,
                 std::optional<Enum> (*from)(std::string_view), const std::vector<std::string>& words,
                 Enum& to) {
    std::string word;
    if (!value.is_string()) return wrong_type(where, value, "a string");
    read_text(value, where, word);
    const auto known = from(word);
    if (known) {
      to = *known;
    } else {
      fault(where, "is \"" + printable(word) + "\"", "use one of " + join_words(words));
    }
  }

  void read_default(const json::Value& value, const std::string& where, InputField& field) {
    if (const auto truth = value.as_bool()) {
      field.default_value = *truth;
    } else if (const auto integer = value.as_int64()) {
      field.default_value = *integer;
    } else if (const auto number = value.as_double()) {
      field.default_value = *number;
    } else if (const auto text = value.as_string()) {
      field.default_value = std::string(*text);
    } else {
      wrong_type(where, value, "a number, a string, true or false");
    }
  }

  InputField read_input(const json::Value& value, const std::string& where) {
    static constexpr auto kFrom = &field_type_from_name;
    InputField field;
    each_member(value, where, {"name", "type", "input", "description", "required", "default"},
                [&](std::string_view key, const json::Value& given) {
                  const std::string at = where + "." + std::string(key);
                  if (key == "name") read_text(given, at, field.name);
                  if (key == "type") {
                    read_word<FieldType>(given, at, kFrom,
                                         {"number", "integer", "string", "boolean", "array"}, field.type);
                  }
                  if (key == "input") read_text(given, at, field.input);
                  if (key == "description") read_text(given, at, field.description);
                  if (key == "default") read_default(given, at, field);
                  if (key != "required") return;
                  const auto truth = given.as_bool();
                  if (!truth) return wrong_type(at, given, "true or false");
                  field.required = *truth;
                });
    if (field.name.empty()) fault(where, "has no name");
    return field;
  }

  OutputField read_output(const json::Value& value, const std::string& where) {
    static constexpr auto kFrom = &output_kind_from_name;
    OutputField field;
    each_member(
        value, where, {"name", "kind", "output", "labels", "classes", "description"},
        [&](std::string_view key, const json::Value& given) {
          const std::string at = where + "." + std::string(key);
          if (key == "name") read_text(given, at, field.name);
          if (key == "kind") {
            read_word<OutputField::Kind>(given, at, kFrom, {"value", "label", "score", "scores"}, field.kind);
          }
          if (key == "output") read_text(given, at, field.output);
          if (key == "description") read_text(given, at, field.description);
          if (key == "labels") read_labels(given, at, field);
          if (key == "classes") read_classes(given, at, field);
        });
    if (field.name.empty()) fault(where, "has no name");
    return field;
  }

  void read_labels(const json::Value& value, const std::string& where, OutputField& field) {
    each_item(value, where, [&](const json::Value& item, const std::string& at) {
      read_text(item, at, field.labels.emplace_back());
    });
  }

  void read_classes(const json::Value& value, const std::string& where, OutputField& field) {
    each_item(value, where, [&](const json::Value& item, const std::string& at) {
      const auto number = item.as_int64();
      if (!number) return wrong_type(at, item, "a whole number");
      field.classes.push_back(*number);
    });
  }

  std::vector<Fault> faults_;
};

}  // namespace

void write_spec(const Spec& spec, json::Writer& out) {
  out.begin_object();
  out.key("inputs");
  out.begin_array();
  for (const InputField& field : spec.inputs) write_input(field, out);
  out.end_array();
  out.key("outputs");
  out.begin_array();
  for (const OutputField& field : spec.outputs) write_output(field, out);
  out.end_array();
  out.end_object();
}

Result<Spec> read_spec(const json::Value& value) { return Reader().run(value); }

}  // namespace slipway::function
