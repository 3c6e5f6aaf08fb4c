#include "function/function.h"

#include <array>
#include <charconv>

#include "function/plan_internal.h"

namespace slipway::function {
namespace {

constexpr std::array<std::string_view, 5> kFieldTypes = {"number", "integer", "string", "boolean", "array"};
constexpr std::array<std::string_view, 4> kOutputKinds = {"value", "label", "score", "scores"};

template <typename Enum, std::size_t N>
std::optional<Enum> position_of(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

void write_made_up(FieldType type, json::Writer& out) {
  switch (type) {
    case FieldType::kNumber:
      out.number(0.5);
      return;
    case FieldType::kInteger:
      out.number(std::int64_t{0});
      return;
    case FieldType::kString:
      out.string("text");
      return;
    case FieldType::kBoolean:
      out.boolean(false);
      return;
    case FieldType::kArray:
      break;
  }
  out.null();
}

/// Large tensors are no example; more than this many elements are left to the reader.
constexpr std::int64_t kMaxExampleElements = 4096;

void write_array(const FieldInfo& field, std::size_t dim, json::Writer& out) {
  if (dim == field.shape.rank()) return write_made_up(field.element, out);
  out.begin_array();
  const std::int64_t size = field.shape[dim] < 0 ? 1 : field.shape[dim];
  for (std::int64_t i = 0; i < size; ++i) write_array(field, dim + 1, out);
  out.end_array();
}

bool is_small(const Shape& shape) {
  std::int64_t elements = 1;
  for (const std::int64_t dim : shape.dims()) {
    if (dim > kMaxExampleElements) return false;
    elements *= dim < 0 ? 1 : dim;
    if (elements > kMaxExampleElements) return false;
  }
  return true;
}

}  // namespace

std::string_view field_type_name(FieldType type) { return kFieldTypes[static_cast<std::size_t>(type)]; }
std::optional<FieldType> field_type_from_name(std::string_view name) {
  return position_of<FieldType>(kFieldTypes, name);
}
std::string_view output_kind_name(OutputField::Kind kind) {
  return kOutputKinds[static_cast<std::size_t>(kind)];
}
std::optional<OutputField::Kind> output_kind_from_name(std::string_view name) {
  return position_of<OutputField::Kind>(kOutputKinds, name);
}

const Spec& Function::spec() const { return impl_->spec; }
bool Function::is_identity() const { return impl_->is_identity; }
bool Function::takes_rows() const { return impl_->takes_rows; }
std::span<const FieldInfo> Function::fields() const { return impl_->field_infos; }
std::span<const AnswerInfo> Function::answers() const { return impl_->answer_infos; }
std::span<const std::string_view> Function::needed_outputs() const { return impl_->needed; }

std::string Function::example() const {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  for (const FieldInfo& field : impl_->field_infos) {
    if (!field.required) continue;
    if (!is_small(field.shape)) return {};
    out.key(field.name);
    write_array(field, 0, out);
  }
  out.end_object();
  return text;
}

Result<Batch> Function::before(const json::Value& records, std::size_t max_bytes) const {
  return encode_records(*impl_, records, max_bytes);
}

Status Function::after(std::span<const NamedTensorView> outputs, std::size_t rows, json::Writer& out) const {
  return write_answers(*impl_, outputs, rows, out);
}

std::string record_where(std::size_t record, std::string_view field) {
  std::string text = "records[" + std::to_string(record) + "]";
  if (!field.empty()) text.append(".").append(field);
  return text;
}

std::optional<RecordPlace> record_place(std::string_view where) {
  static constexpr std::string_view kStart = "records[";
  if (!where.starts_with(kStart)) return std::nullopt;
  where.remove_prefix(kStart.size());
  RecordPlace place;
  const auto [end, error] = std::from_chars(where.data(), where.data() + where.size(), place.record);
  if (error != std::errc()) return std::nullopt;
  where.remove_prefix(static_cast<std::size_t>(end - where.data()));
  if (where == "]") return place;
  if (!where.starts_with("].")) return std::nullopt;
  place.field = where.substr(2);
  return place;
}

}  // namespace slipway::function
