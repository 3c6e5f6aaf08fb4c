// JSON Schema, commented YAML and the reference page, from a declaration.
#include <algorithm>
#include <array>

#include "config/type_internal.h"

namespace slipway::config::internal {
namespace {

// Words that some YAML reader takes for something else than text. Source: YAML 1.1 types bool and null.
constexpr std::array<std::string_view, 12> kWords = {"true", "false", "null", "yes", "no",   "on",
                                                     "off",  "y",     "n",    "~",   "none", ".nan"};

bool is_plain_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_./-+@=%^():").find(c) != std::string_view::npos;
}

std::string markdown(std::string text) {
  for (std::size_t i = 0; (i = text.find('|', i)) != std::string::npos; i += 2) text.insert(i, 1, '\\');
  return text;
}

}  // namespace

std::string yaml_text(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  const bool letter_first =
      !text.empty() && ((lower[0] >= 'a' && lower[0] <= 'z') || lower[0] == '/' || lower[0] == '_');
  const bool plain = letter_first && text.back() != ':' &&
                     std::all_of(text.begin(), text.end(), is_plain_char) &&
                     std::find(kWords.begin(), kWords.end(), lower) == kWords.end();
  if (plain) return std::string(text);
  std::string quoted;
  json::append_quoted(quoted, text);
  return quoted;
}

std::string render(const YamlLines& lines) {
  std::string text;
  // Lines that are commented out keep their mark at the outermost of them, so that it is easily taken off.
  std::size_t comment_indent = 0;
  bool in_comment = false;
  for (const YamlLine& line : lines) {
    if (!line.comment) {
      text += std::string(line.indent, ' ') + line.text + "\n";
      in_comment = false;
      continue;
    }
    if (!in_comment || line.indent < comment_indent) comment_indent = line.indent;
    in_comment = true;
    text += std::string(comment_indent, ' ') + "# " + std::string(line.indent - comment_indent, ' ') +
            line.text + "\n";
  }
  return text;
}

std::string json_schema(const AnyType& type) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.field("$schema", "https://json-schema.org/draft/2020-12/schema");
  type.schema(out);
  out.end_object();
  return json::pretty(text) + "\n";
}

std::string to_yaml(const AnyType& type, const void* value) {
  std::string text;
  YamlLines part;
  for (YamlLine& line : type.block(value, true)) {
    const bool starts_setting = line.indent == 0 && !line.comment && line.text.starts_with("# ");
    if (starts_setting && !part.empty()) {
      text += render(part) + "\n";
      part.clear();
    }
    part.push_back(std::move(line));
  }
  return text + render(part);
}

std::string reference(const AnyType& type) {
  std::vector<ReferenceRow> rows;
  type.reference("", rows);
  std::string text = "| setting | takes | default | what it does |\n|---|---|---|---|\n";
  for (const ReferenceRow& row : rows) {
    text += "| `" + row.name + "` | " + markdown(row.takes) + " | " +
            (row.fallback.empty() ? "" : "`" + markdown(row.fallback) + "`") + " | " + markdown(row.text) +
            " |\n";
  }
  return text;
}

}  // namespace slipway::config::internal
