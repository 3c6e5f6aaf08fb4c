#include "packing/join_steps.h"

#include "base/text.h"
#include "io/file_helpers.h"
#include "json/json.h"
#include "packing/records.h"

namespace slipway::packing {
namespace {

constexpr std::uint64_t kMaxLabelBytes = std::uint64_t{16} << 20U;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// Every record as columns.
Result<steps::Table> read_columns(const steps::Joining& joining, std::string_view text,
                                  std::string_view name) {
  SLIPWAY_ASSIGN_OR_RETURN(const Records records, read_records(text, name, joining.records().fields()));
  steps::Table table = joining.columns();
  std::vector<Fault> faults;
  json::Parser parser;
  for (std::size_t i = 0; i < records.texts.size(); ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value value, parser.parse(to_array(records.texts[i])));
    const auto batch = joining.records().before(value);
    if (batch.ok()) {
      joining.add(*batch, table);
      continue;
    }
    if (batch.error().id() != "record.invalid") return batch.error();
    for (Fault fault : batch.error().faults()) {
      const auto place = function::record_place(fault.where);
      if (place) fault.where = function::record_where(i, place->field);
      faults.push_back(std::move(fault));
    }
    if (faults.size() >= function::Function::kMaxFaults) break;
  }
  if (faults.empty()) return table;
  const std::string message = std::to_string(faults.size()) + " of the sample's fields do not fit";
  return in_words_of(records, invalid_argument("record.invalid", message).with_faults(std::move(faults)));
}

}  // namespace

Status read_label_files(io::FileSystem& fs, const std::string& folder, function::FunctionSettings& settings) {
  std::vector<Fault> faults;
  for (std::size_t i = 0; i < settings.after.size(); ++i) {
    auto& labels = settings.after[i].labels;
    if (!labels || labels->file.empty()) continue;
    const std::string where = "function.after[" + std::to_string(i) + "].labels.file";
    const auto file = fs.open_beneath(folder, labels->file);
    const auto text =
        file.ok() ? io::read_all(**file, labels->file, kMaxLabelBytes) : Result<std::string>(file.error());
    if (!text.ok()) {
      faults.push_back({where, text.error().message(), "put it beside slipway.yaml"});
    } else if (!is_utf8(*text) || text->empty()) {
      faults.push_back({where, "\"" + printable(labels->file) + "\" is no text with a label per line", ""});
    } else {
      labels->labels = lines_of(*text);
      labels->file.clear();
    }
  }
  if (faults.empty()) return {};
  return invalid_argument("function.invalid", "labels cannot be read").with_faults(std::move(faults));
}

Result<steps::Joined> join_steps(function::FunctionSettings settings, ByteView model,
                                 const std::optional<std::string>& sample, std::string_view sample_name) {
  SLIPWAY_ASSIGN_OR_RETURN(steps::Joining joining, steps::Joining::create(std::move(settings), model));
  steps::Table table = joining.columns();
  if (sample && joining.wants_sample()) {
    SLIPWAY_ASSIGN_OR_RETURN(table, read_columns(joining, *sample, sample_name));
  }
  SLIPWAY_TRY(joining.learn(std::move(table)));
  return joining.join();
}

}  // namespace slipway::packing
