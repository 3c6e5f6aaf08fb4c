#include <algorithm>
#include <set>

#include "base/text.h"
#include "config/type_internal.h"

namespace slipway::config::internal {
namespace {

constexpr std::size_t kFlowColumns = 96;

// Says so for every key that was given before, and gives the members that count.
std::vector<const Node::Member*> without_duplicates(const Node& node, Report& report) {
  std::map<std::string_view, const Node::Member*> seen;
  std::vector<const Node::Member*> members;
  for (const Node::Member& member : node.members) {
    const auto [it, is_new] = seen.emplace(member.key, &member);
    if (is_new) {
      members.push_back(&member);
    } else {
      report.fault(member.mark,
                   "\"" + printable(member.key) + "\" is given twice, first in line " +
                       std::to_string(it->second->mark.line),
                   "keep one of them");
    }
  }
  return members;
}

// Joins "key:" with what stands behind or below it.
void append_keyed(YamlLines& lines, const std::string& key, const AnyType& type, const void* value,
                  bool comments, bool commented_out) {
  YamlLines below = type.block(value, comments);
  std::string flow = below.empty() ? type.flow(value) : "";
  lines.push_back({0, key + ":" + (flow.empty() ? "" : " " + flow), commented_out});
  for (YamlLine& line : below)
    lines.push_back({line.indent + 2, std::move(line.text), line.comment || commented_out});
}

class ListType final : public AnyType {
 public:
  ListType(TypePtr element, ListRule rule, ListAccess access)
      : element_(std::move(element)), rule_(rule), access_(access) {}

  void decode(const Node& node, void* value, Report& report) const override {
    if (node.kind != Node::Kind::kList && rule_.or_one) {
      access_.clear(value);
      return element_->decode(node, access_.add(value), report);
    }
    if (node.kind != Node::Kind::kList) {
      return report.fault(node.mark, "a list is wanted, not " + found(node),
                          "write one \"- \" line for each element");
    }
    if (node.items.size() < rule_.min_items || node.items.size() > rule_.max_items) {
      return report.fault(node.mark, "the list has " + std::to_string(node.items.size()) + " elements; " +
                                         std::to_string(rule_.min_items) + " to " +
                                         std::to_string(rule_.max_items) + " are allowed");
    }
    access_.clear(value);
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      report.enter(i, node.items[i].mark);
      element_->decode(node.items[i], access_.add(value), report);
      report.leave();
    }
  }
  [[nodiscard]] std::string takes() const override {
    return rule_.or_one ? element_->takes() + ", or a list of such"
                        : "a list; each element: " + element_->takes();
  }
  [[nodiscard]] bool may_be_null() const override { return rule_.min_items == 0; }
  void schema(json::Writer& out) const override {
    if (!rule_.or_one) return list_schema(out);
    out.key("anyOf");
    out.begin_array();
    out.begin_object();
    element_->schema(out);
    out.end_object();
    out.begin_object();
    list_schema(out);
    out.end_object();
    out.end_array();
  }
  [[nodiscard]] std::string flow(const void* value) const override {
    if (rule_.or_one && access_.size(value) == 1) return element_->flow(access_.at(value, 0));
    std::string text = "[";
    for (std::size_t i = 0; i < access_.size(value); ++i) {
      text += (i > 0 ? ", " : "") + element_->flow(access_.at(value, i));
    }
    return text + "]";
  }
  [[nodiscard]] YamlLines block(const void* value, bool) const override {
    const bool plain = element_->defaults() == nullptr;
    if (access_.size(value) == 0 || (plain && flow(value).size() <= kFlowColumns)) return {};
    YamlLines lines;
    for (std::size_t i = 0; i < access_.size(value); ++i) {
      const void* element = access_.at(value, i);
      YamlLines below = element_->block(element, false);
      std::string one_line = element_->flow(element);
      if (below.empty() || one_line.size() <= kFlowColumns) {
        lines.push_back({0, "- " + std::move(one_line)});
        continue;
      }
      for (std::size_t j = 0; j < below.size(); ++j) {
        lines.push_back(j == 0 ? YamlLine{0, "- " + std::move(below[j].text)}
                               : YamlLine{below[j].indent + 2, std::move(below[j].text)});
      }
    }
    return lines;
  }
  void reference(const std::string& prefix, std::vector<ReferenceRow>& rows) const override {
    element_->reference(prefix + "[]", rows);
  }

 private:
  void list_schema(json::Writer& out) const {
    out.key("type");
    out.raw(may_be_null() ? R"(["array","null"])" : R"("array")");
    if (rule_.min_items > 0) out.field("minItems", static_cast<std::uint64_t>(rule_.min_items));
    out.key("items");
    out.begin_object();
    element_->schema(out);
    out.end_object();
  }

  TypePtr element_;
  ListRule rule_;
  ListAccess access_;
};

class MapType final : public AnyType {
 public:
  MapType(TypePtr element, MapRule rule, MapAccess access)
      : element_(std::move(element)), rule_(std::move(rule)), access_(access) {}

  void decode(const Node& node, void* value, Report& report) const override {
    if (node.kind != Node::Kind::kMap) {
      return report.fault(node.mark, "keys and values are wanted, not " + found(node),
                          "write \"" + rule_.key + ": ...\"");
    }
    if (node.members.size() > rule_.max_entries) {
      return report.fault(node.mark, "more than " + std::to_string(rule_.max_entries) + " entries");
    }
    access_.clear(value);
    for (const Node::Member* member : without_duplicates(node, report)) {
      report.enter(member->key, member->value.mark);
      const Status key_ok = rule_.check_key ? rule_.check_key(member->key) : Status();
      if (!key_ok.ok()) report.fault(member->mark, key_ok.error().message());
      element_->decode(null_as_map(member->value), access_.add(value, member->key), report);
      report.leave();
    }
  }
  [[nodiscard]] std::string takes() const override {
    return "for each " + rule_.key + ": " + element_->takes();
  }
  [[nodiscard]] bool may_be_null() const override { return true; }
  void schema(json::Writer& out) const override {
    out.key("type");
    out.raw(R"(["object","null"])");
    out.key("additionalProperties");
    out.begin_object();
    element_->schema(out);
    out.end_object();
  }
  [[nodiscard]] std::string flow(const void* value) const override {
    std::string text = "{";
    access_.visit(value, [&](const std::string& key, const void* element) {
      text += (text.size() > 1 ? ", " : "") + yaml_text(key) + ": " + element_->flow(element);
    });
    return text + "}";
  }
  [[nodiscard]] YamlLines block(const void* value, bool) const override {
    YamlLines lines;
    access_.visit(value, [&](const std::string& key, const void* element) {
      append_keyed(lines, yaml_text(key), *element_, element, false, false);
    });
    return lines;
  }
  void reference(const std::string& prefix, std::vector<ReferenceRow>& rows) const override {
    element_->reference(prefix + "." + rule_.key, rows);
  }

 private:
  // "wine:" alone is an entry with every setting at its default.
  [[nodiscard]] Node null_as_map(const Node& node) const {
    Node copy = node;
    if (copy.kind == Node::Kind::kNull && element_->may_be_null()) copy.kind = Node::Kind::kMap;
    return copy;
  }
  TypePtr element_;
  MapRule rule_;
  MapAccess access_;
};

class OptionalType final : public AnyType {
 public:
  OptionalType(TypePtr inner, void* (*emplace)(void*), const void* (*get)(const void*))
      : inner_(std::move(inner)), emplace_(emplace), get_(get) {}

  void decode(const Node& node, void* value, Report& report) const override {
    inner_->decode(node, emplace_(value), report);
  }
  [[nodiscard]] std::string takes() const override { return inner_->takes(); }
  [[nodiscard]] bool may_be_null() const override { return inner_->may_be_null(); }
  void schema(json::Writer& out) const override { inner_->schema(out); }
  [[nodiscard]] std::string flow(const void* value) const override {
    const void* held = get_(value);
    return held == nullptr ? "" : inner_->flow(held);
  }
  [[nodiscard]] YamlLines block(const void* value, bool comments) const override {
    const void* held = get_(value);
    return held == nullptr ? YamlLines{} : inner_->block(held, comments);
  }
  void reference(const std::string& prefix, std::vector<ReferenceRow>& rows) const override {
    inner_->reference(prefix, rows);
  }
  [[nodiscard]] const void* defaults() const override { return inner_->defaults(); }

 private:
  TypePtr inner_;
  void* (*emplace_)(void*);
  const void* (*get_)(const void*);
};

class ObjectType final : public AnyType {
 public:
  explicit ObjectType(ObjectSpec spec) : spec_(std::move(spec)) {
    for (const FieldSpec& field : spec_.fields) names_.push_back(field.name);
  }

  void decode(const Node& node, void* value, Report& report) const override {
    if (node.kind != Node::Kind::kMap) {
      return report.fault(node.mark, "keys and values are wanted, not " + found(node),
                          "known here: " + join_words(names_));
    }
    const std::size_t faults_before = report.fault_count();
    std::set<std::string_view> given;
    for (const Node::Member* member : without_duplicates(node, report)) {
      given.insert(member->key);
      decode_member(*member, value, report);
    }
    for (const FieldSpec& field : spec_.fields) {
      if (!field.setting.required || given.contains(field.name)) continue;
      report.fault(node.mark, "\"" + field.name + "\" is missing: " + field.setting.text,
                   "add \"" + field.name + ": " + field.setting.example + "\", " + field.type->takes());
    }
    if (report.fault_count() != faults_before) return;
    Problems problems(node, report);
    for (const auto& check : spec_.checks) check(value, problems);
  }
  [[nodiscard]] std::string takes() const override { return "the keys " + join_words(names_); }
  [[nodiscard]] bool may_be_null() const override { return true; }
  void schema(json::Writer& out) const override;
  [[nodiscard]] std::string flow(const void* value) const override {
    std::string text = "{";
    for (const FieldSpec& field : spec_.fields) {
      if (is_default(field, value)) continue;
      text += (text.size() > 1 ? ", " : "") + field.name + ": " + field.type->flow(get(field, value));
    }
    return text + "}";
  }
  [[nodiscard]] YamlLines block(const void* value, bool comments) const override;
  void reference(const std::string& prefix, std::vector<ReferenceRow>& rows) const override;
  [[nodiscard]] const void* defaults() const override { return spec_.defaults.get(); }

 private:
  void decode_member(const Node::Member& member, void* value, Report& report) const {
    const auto field = std::find_if(spec_.fields.begin(), spec_.fields.end(),
                                    [&](const FieldSpec& spec) { return spec.name == member.key; });
    if (field == spec_.fields.end()) {
      const std::string near = nearest(member.key, names_);
      return report.fault(
          member.mark, "unknown key \"" + printable(member.key) + "\"",
          near.empty() ? "known here: " + join_words(names_) : "did you mean \"" + near + "\"?");
    }
    report.enter(field->name, member.value.mark);
    const bool empty_section = member.value.kind == Node::Kind::kNull && field->type->may_be_null();
    if (!empty_section) {
      field->type->decode(member.value, field->access(value), report);
    } else if (field->setting.required) {
      report.fault(member.value.mark, "a value is wanted, not nothing");
    }
    report.leave();
  }
  static const void* get(const FieldSpec& field, const void* value) {
    return field.access(const_cast<void*>(value));
  }
  [[nodiscard]] bool is_default(const FieldSpec& field, const void* value) const {
    return field.type->flow(get(field, value)) == field.type->flow(get(field, spec_.defaults.get()));
  }

  ObjectSpec spec_;
  std::vector<std::string> names_;
};

void ObjectType::schema(json::Writer& out) const {
  if (!spec_.title.empty()) out.field("title", spec_.title);
  if (!spec_.text.empty()) out.field("description", spec_.text);
  out.key("type");
  out.raw(R"(["object","null"])");
  out.field("additionalProperties", false);
  out.key("properties");
  out.begin_object();
  for (const FieldSpec& field : spec_.fields) {
    out.key(field.name);
    out.begin_object();
    if (field.type->defaults() == nullptr) out.field("description", field.setting.text);
    field.type->schema(out);
    out.end_object();
  }
  out.end_object();
  out.key("required");
  out.begin_array();
  for (const FieldSpec& field : spec_.fields) {
    if (field.setting.required) out.string(field.name);
  }
  out.end_array();
}

YamlLines ObjectType::block(const void* value, bool comments) const {
  YamlLines lines;
  for (const FieldSpec& field : spec_.fields) {
    const bool absent = is_default(field, value);
    const bool commented_out = absent && !field.setting.required;
    if (commented_out && !comments) continue;
    if (comments) {
      const bool section = field.type->defaults() != nullptr;
      lines.push_back({0, "# " + field.setting.text + (section ? "" : " (" + field.type->takes() + ")")});
    }
    if (absent && !field.setting.example.empty()) {
      lines.push_back({0, field.name + ": " + field.setting.example, commented_out});
    } else {
      append_keyed(lines, field.name, *field.type, get(field, value), comments, commented_out);
    }
  }
  return lines;
}

void ObjectType::reference(const std::string& prefix, std::vector<ReferenceRow>& rows) const {
  for (const FieldSpec& field : spec_.fields) {
    const std::string name = prefix.empty() ? field.name : prefix + "." + field.name;
    std::vector<ReferenceRow> inner;
    field.type->reference(name, inner);
    const std::string fallback =
        field.setting.required ? "required" : field.type->flow(get(field, spec_.defaults.get()));
    rows.push_back({name, inner.empty() ? field.type->takes() : "a section", inner.empty() ? fallback : "",
                    field.setting.text});
    rows.insert(rows.end(), inner.begin(), inner.end());
  }
}

}  // namespace

TypePtr list_type(TypePtr element, ListRule rule, ListAccess access) {
  return std::make_shared<ListType>(std::move(element), rule, access);
}
TypePtr map_type(TypePtr element, MapRule rule, MapAccess access) {
  return std::make_shared<MapType>(std::move(element), std::move(rule), access);
}
TypePtr optional_type(TypePtr inner, void* (*emplace)(void*), const void* (*get)(const void*)) {
  return std::make_shared<OptionalType>(std::move(inner), emplace, get);
}
TypePtr object_type(ObjectSpec spec) { return std::make_shared<ObjectType>(std::move(spec)); }

}  // namespace slipway::config::internal
