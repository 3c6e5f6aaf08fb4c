#include "packing/readme_internal.h"

#include "base/text.h"

namespace slipway::packing {
namespace {

std::string cell(std::string_view text) {
  std::string safe;
  for (const char c : printable(text, 200)) safe += c == '|' ? std::string("\\|") : std::string(1, c);
  return safe;
}

}  // namespace

std::string make_readme(const ModelSettings& settings, const Probed& probed) {
  std::string text = "# " + settings.name + "\n";
  if (!settings.description.empty()) text += "\n" + settings.description + "\n";
  text += "\nVersion " + settings.version;
  if (!settings.licence.empty()) text += ", licence " + settings.licence;
  text += ". The model is `" + cell(settings.model) + "`, run by " + probed.backend + ".\n";
  text += "\n| field | type | |\n|---|---|---|\n";
  for (const function::FieldInfo& field : probed.function->fields()) {
    text += "| " + cell(field.name) + " | " + std::string(function::field_type_name(field.type)) + " | " +
            cell(field.description) + " |\n";
  }
  text += "\n| answer | kind | |\n|---|---|---|\n";
  for (const function::AnswerInfo& answer : probed.function->answers()) {
    text += "| " + cell(answer.name) + " | " + std::string(function::output_kind_name(answer.kind)) + " | " +
            cell(answer.description) + " |\n";
  }
  text += "\n`slipway/golden.jsonl` holds " + std::to_string(probed.golden.size()) +
          " requests with their answers" + (probed.synthetic ? ", made up because there was no sample" : "") +
          "; `slipway golden` asks them again wherever the package runs.\n";
  return text;
}

}  // namespace slipway::packing
