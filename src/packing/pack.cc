#include "packing/pack.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "io/file_helpers.h"
#include "json/writer.h"
#include "package/golden.h"
#include "packing/join_steps.h"
#include "packing/probe.h"
#include "packing/readme_internal.h"

namespace slipway::packing {
namespace {

constexpr std::uint64_t kMaxSampleBytes = std::uint64_t{1} << 30U;
constexpr std::uint64_t kMaxDocumentBytes = std::uint64_t{256} << 20U;
constexpr std::string_view kSamplePath = "slipway/sample.jsonl";

std::string base_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

class Packer {
 public:
  Packer(io::FileSystem& fs, std::span<backend::Backend* const> backends, const Clock& clock,
         const PackRequest& request)
      : fs_(fs), backends_(backends), clock_(clock), request_(request) {}

  Result<Packed> run() {
    SLIPWAY_TRY(find_source());
    SLIPWAY_TRY(apply_request());
    SLIPWAY_ASSIGN_OR_RETURN(packed_.model, FolderModelFiles::open(fs_, folder_, settings_.model));
    ProbeOptions options;
    SLIPWAY_ASSIGN_OR_RETURN(options.shapes, to_shapes(settings_));
    for (const auto& [input, shape] : request_.shapes) options.shapes.insert_or_assign(input, shape);
    options.tolerances = to_tolerances(settings_);
    SLIPWAY_ASSIGN_OR_RETURN(options.function, to_spec(settings_));
    SLIPWAY_TRY(read_sample(options));
    if (const Status joined = join(options); !joined.ok()) return with_places(joined.error());
    auto probed = probe(*packed_.model, backends_, clock_, options);
    if (!probed.ok()) return with_places(probed.error());
    SLIPWAY_TRY(collect_files(*probed));
    fill_manifest(*probed);
    fill_report(*probed);
    return std::move(packed_);
  }

 private:
  Status find_source() {
    SLIPWAY_ASSIGN_OR_RETURN(const io::FileInfo info, fs_.stat(request_.path));
    if (info.kind == io::FileKind::kFolder) {
      folder_ = request_.path;
      SLIPWAY_ASSIGN_OR_RETURN(const bool declared, io::exists(fs_, io::join_path(folder_, kSettingsFile)));
      return declared ? read_declared() : find_only_model();
    }
    folder_ = io::folder_of(request_.path);
    const std::string file = base_name(request_.path);
    if (file.ends_with(".yaml") || file.ends_with(".yml")) {
      settings_path_ = request_.path;
      return read_declared();
    }
    settings_.model = file;
    settings_.name = name_from(request_.path);
    if (!request_.name) notes_.push_back("name: '" + settings_.name + "', from the file's name");
    if (!request_.version) notes_.push_back("version: '" + settings_.version + "', since none was given");
    return {};
  }

  Status read_declared() {
    if (settings_path_.empty()) settings_path_ = io::join_path(folder_, kSettingsFile);
    SLIPWAY_ASSIGN_OR_RETURN(settings_text_, io::read_all(fs_, settings_path_, kMaxSettingsBytes));
    SLIPWAY_ASSIGN_OR_RETURN(settings_, read_settings(settings_text_, settings_path_, &places_));
    return {};
  }

  Status find_only_model() {
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> models, find_models(fs_, backends_, folder_));
    if (models.empty()) {
      return not_found("packing.no_model", "the folder '" + printable(folder_) + "' has neither " +
                                               std::string(kSettingsFile) +
                                               " nor a model; name the model file");
    }
    if (models.size() > 1) {
      return invalid_argument("packing.several_models", "the folder '" + printable(folder_) +
                                                            "' has several models (" + join_words(models) +
                                                            "); name one of them");
    }
    settings_.model = models.front();
    settings_.name = name_from(folder_);
    if (settings_.name.empty()) settings_.name = name_from(settings_.model);
    if (!request_.name) notes_.push_back("name: '" + settings_.name + "', from the folder's name");
    if (!request_.version) notes_.push_back("version: '" + settings_.version + "', since none was given");
    return {};
  }

  Status apply_request() {
    if (request_.name) settings_.name = *request_.name;
    if (request_.version) settings_.version = *request_.version;
    SLIPWAY_TRY(check_name("name", settings_.name));
    return check_name("version", settings_.version);
  }

  Status read_sample(ProbeOptions& options) {
    const bool own_path = request_.sample.has_value();
    const std::string name = own_path ? *request_.sample : settings_.sample;
    if (name.empty()) return {};
    options.sample_name = name;
    Result<std::string> text = std::string();
    if (own_path) {
      text = io::read_all(fs_, name, kMaxSampleBytes);
    } else {
      auto file = fs_.open_beneath(folder_, name);
      text = file.ok() ? io::read_all(**file, name, kMaxSampleBytes) : Result<std::string>(file.error());
    }
    if (!text.ok() && text.code() == Code::kNotFound) {
      return not_found("packing.sample_missing",
                       "the sample '" + printable(name) + "' is not there; " +
                           (own_path ? "give the path of a file with records"
                                     : "put it beside slipway.yaml or remove the setting"));
    }
    SLIPWAY_ASSIGN_OR_RETURN(options.sample, std::move(text));
    return {};
  }

  // With steps, what is probed and packed is the model that holds them.
  Status join(ProbeOptions& options) {
    if (!settings_.function || !steps::has_steps(*settings_.function)) return {};
    SLIPWAY_TRY(read_label_files(fs_, folder_, *settings_.function));
    SLIPWAY_ASSIGN_OR_RETURN(const ByteView model, packed_.model->read(packed_.model->main()));
    SLIPWAY_ASSIGN_OR_RETURN(steps::Joined joined, join_steps(*settings_.function, model, options.sample,
                                                              printable(options.sample_name)));
    packed_.model->replace_main(std::move(joined.file));
    options.function = std::move(joined.spec);
    function_text_ = config::to_yaml(function::function_schema(), joined.settings);
    notes_.push_back("steps: " + std::to_string(settings_.function->before.size()) + " before and " +
                     std::to_string(settings_.function->after.size()) +
                     " after the model are operators of it now; what was learnt is in " +
                     std::string(kStepsPath));
    return {};
  }

  // Puts the place in slipway.yaml before what was found wrong with the function.
  Error with_places(const Error& error) const {
    if (settings_path_.empty()) return error;
    std::vector<Fault> faults = error.faults();
    for (Fault& fault : faults) {
      if (!fault.where.starts_with("function.") && !fault.where.starts_with("shapes.")) continue;
      fault.where = places_.where(fault.where) + ", " + fault.where;
    }
    return error.with_faults(std::move(faults));
  }

  void add_file(std::string path, ByteView content, bool is_document) {
    const auto same = [&path](const PackFile& file) { return file.path == path; };
    if (std::any_of(packed_.files.begin(), packed_.files.end(), same)) return;
    packed_.files.push_back({std::move(path), content, is_document});
  }

  void add_text(std::string path, std::string text, bool is_document) {
    packed_.texts.push_back(std::make_unique<std::string>(std::move(text)));
    add_file(std::move(path), as_bytes(*packed_.texts.back()), is_document);
  }

  Status collect_files(const Probed& probed) {
    for (const std::string& name : packed_.model->names()) {
      SLIPWAY_ASSIGN_OR_RETURN(const ByteView content, packed_.model->read(name));
      add_file(name, content, false);
    }
    if (!settings_text_.empty()) add_text(std::string(kSettingsFile), settings_text_, true);
    if (!function_text_.empty()) add_text(std::string(kStepsPath), function_text_, true);
    std::vector<std::string> documents = settings_.documents;
    SLIPWAY_ASSIGN_OR_RETURN(const bool has_readme, io::exists(fs_, io::join_path(folder_, "README.md")));
    if (has_readme && !settings_path_.empty()) documents.emplace_back("README.md");
    for (const std::string& name : documents) {
      SLIPWAY_ASSIGN_OR_RETURN(const auto file, fs_.open_beneath(folder_, name));
      SLIPWAY_ASSIGN_OR_RETURN(std::string text, io::read_all(*file, name, kMaxDocumentBytes));
      add_text(name, std::move(text), true);
    }
    add_text("README.md", make_readme(settings_, probed), true);
    std::string golden;
    for (const package::GoldenCase& one : probed.golden) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string line, package::encode_golden_case(one));
      golden += line;
    }
    add_text(std::string(package::kGoldenPath), std::move(golden), false);
    std::string sample;
    for (const std::string& record : probed.sample) sample += record + "\n";
    add_text(std::string(kSamplePath), std::move(sample), false);
    std::sort(packed_.files.begin(), packed_.files.end(),
              [](const PackFile& a, const PackFile& b) { return a.path < b.path; });
    return {};
  }

  void fill_manifest(const Probed& probed) {
    package::Manifest& manifest = packed_.manifest;
    manifest.name = settings_.name;
    manifest.version = settings_.version;
    manifest.description = settings_.description;
    manifest.licence = settings_.licence;
    manifest.backend = probed.backend;
    manifest.model = settings_.model;
    manifest.signature = probed.signature;
    manifest.function = probed.spec;
    manifest.batchable = probed.batchable;
    manifest.deterministic = probed.deterministic;
    package::GoldenIndex golden;
    golden.count = probed.golden.size();
    golden.synthetic = probed.synthetic;
    golden.tolerances = to_tolerances(settings_);
    manifest.golden = std::move(golden);
  }

  void fill_report(const Probed& probed) {
    Report& report = packed_.report;
    report = make_report(probed);
    report.name = settings_.name;
    report.version = settings_.version;
    report.model = settings_.model;
    report.notes.insert(report.notes.begin(), notes_.begin(), notes_.end());
    for (const PackFile& file : packed_.files) report.size_bytes += file.content.size();
  }

  io::FileSystem& fs_;
  std::span<backend::Backend* const> backends_;
  const Clock& clock_;
  const PackRequest& request_;
  std::string folder_;
  std::string settings_path_;
  std::string settings_text_;
  std::string function_text_;
  ModelSettings settings_;
  config::SourceMap places_;
  std::vector<std::string> notes_;
  Packed packed_;
};

}  // namespace

std::string name_from(std::string_view path) {
  std::string name = base_name(path);
  if (name == "." || name == ".." || name == "/") return "";
  const std::size_t dot = name.rfind('.');
  if (dot != std::string::npos && dot > 0) name.resize(dot);
  std::string made;
  for (const char c : name) {
    const auto u = static_cast<unsigned char>(c);
    const bool plain = u < 0x80 && std::isalnum(u) != 0;
    if (plain) {
      made += c;
    } else if (!made.empty() && (c == '.' || c == '_' || c == '+')) {
      made += c;
    } else if (!made.empty() && !made.ends_with('-')) {
      made += '-';
    }
  }
  while (made.ends_with('-')) made.pop_back();
  made.resize(std::min<std::size_t>(made.size(), 128));
  return made;
}

Result<std::vector<std::string>> find_models(io::FileSystem& fs, std::span<backend::Backend* const> backends,
                                             const std::string& folder) {
  constexpr std::size_t kHeadBytes = std::size_t{64} << 10U;
  std::vector<std::string> models;
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<io::FolderEntry> entries, fs.list(folder));
  for (const io::FolderEntry& entry : entries) {
    if (entry.kind != io::FileKind::kFile) continue;
    SLIPWAY_ASSIGN_OR_RETURN(const auto file, fs.open_beneath(folder, entry.name));
    Buffer head(std::min<std::size_t>(kHeadBytes, file->size_bytes()));
    SLIPWAY_ASSIGN_OR_RETURN(const std::size_t size, file->read_at(0, head.bytes()));
    const ByteView content = head.bytes().first(size);
    const auto takes = [&](backend::Backend* backend) { return backend->probe(content); };
    if (std::any_of(backends.begin(), backends.end(), takes)) models.push_back(entry.name);
  }
  return models;
}

Result<Packed> pack(io::FileSystem& fs, std::span<backend::Backend* const> backends, const Clock& clock,
                    const PackRequest& request) {
  return Packer(fs, backends, clock, request).run();
}

}  // namespace slipway::packing
