#include "package/manifest.h"

#include <algorithm>

#include "base/text.h"
#include "function/spec_json.h"
#include "io/filesystem.h"
#include "json/json.h"
#include "json/strict.h"
#include "json/writer.h"
#include "package/path_set.h"

namespace slipway::package {
namespace {

constexpr std::size_t kMaxTensors = 10'000;
constexpr std::size_t kMaxDescriptionBytes = 100'000;
constexpr std::size_t kMaxShortBytes = 1000;

using json::Need;
using json::ObjectReader;

void write_specs(json::Writer& out, std::string_view key, const std::vector<TensorSpec>& specs) {
  out.key(key);
  out.begin_array();
  for (const TensorSpec& spec : specs) {
    out.begin_object();
    out.field("name", std::string_view(spec.name));
    out.field("type", dtype_name(spec.dtype));
    out.key("shape");
    out.begin_array();
    for (const std::int64_t dim : spec.shape.dims()) out.number(dim);
    out.end_array();
    out.end_object();
  }
  out.end_array();
}

void write_golden(json::Writer& out, const GoldenIndex& golden) {
  out.key("golden");
  out.begin_object();
  out.field("file", std::string_view(golden.file));
  out.field("count", golden.count);
  out.field("synthetic", golden.synthetic);
  out.key("tolerances");
  out.begin_array();
  for (const OutputTolerance& entry : golden.tolerances) {
    out.begin_object();
    out.field("output", std::string_view(entry.output));
    out.field("relative", entry.tolerance.relative);
    out.field("absolute", entry.tolerance.absolute);
    out.end_object();
  }
  out.end_array();
  out.end_object();
}

void write_files(json::Writer& out, const std::vector<FileEntry>& files) {
  out.key("files");
  out.begin_array();
  for (const FileEntry& file : files) {
    out.begin_object();
    out.field("path", std::string_view(file.path));
    out.field("layer", std::string_view(file.layer.to_string()));
    out.field("size", file.size_bytes);
    out.field("sha256", std::string_view(file.digest.hex()));
    if (file.executable) out.field("executable", true);
    out.end_object();
  }
  out.end_array();
}

std::string element(std::string_view where, std::size_t index) {
  return std::string(where) + "[" + std::to_string(index) + "]";
}

std::vector<TensorSpec> read_specs(ObjectReader& in, std::string_view key, json::Faults& faults) {
  std::vector<TensorSpec> specs;
  for (const json::Value& value : in.array(key, kMaxTensors)) {
    ObjectReader item(value, element(in.at(key), specs.size()), faults);
    TensorSpec spec;
    spec.name = item.text("name");
    const std::string type = item.text("type");
    if (const auto dtype = dtype_from_name(type)) {
      spec.dtype = *dtype;
    } else if (!type.empty()) {
      item.fault("type", "'" + printable(type) + "' is no tensor type");
    }
    std::vector<std::int64_t> dims;
    for (const json::Value& dim : item.array("shape", Shape::kMaxRank)) {
      const auto number = dim.as_int64();
      if (!number || *number < -1) item.fault("shape", "dimensions are whole numbers from -1");
      dims.push_back(std::max<std::int64_t>(number.value_or(0), -1));
    }
    auto shape = Shape::from(dims);
    if (shape.ok()) spec.shape = *shape;
    item.finish();
    specs.push_back(std::move(spec));
  }
  return specs;
}

GoldenIndex read_golden(const json::Value& value, std::string where, json::Faults& faults) {
  ObjectReader in(value, std::move(where), faults);
  GoldenIndex golden;
  golden.file = in.text("file");
  golden.count = in.uint64("count");
  golden.synthetic = in.boolean("synthetic");
  for (const json::Value& item_value : in.array("tolerances", kMaxTensors)) {
    ObjectReader item(item_value, element(in.at("tolerances"), golden.tolerances.size()), faults);
    OutputTolerance entry;
    entry.output = item.text("output");
    entry.tolerance.relative = item.number("relative");
    entry.tolerance.absolute = item.number("absolute");
    if (entry.tolerance.relative < 0 || entry.tolerance.absolute < 0) {
      item.fault("relative", "tolerances are numbers from 0");
    }
    item.finish();
    golden.tolerances.push_back(std::move(entry));
  }
  in.finish();
  return golden;
}

crypto::Digest read_digest(ObjectReader& in, std::string_view key, bool hex) {
  const std::string text = in.text(key);
  const auto digest = hex ? crypto::Digest::parse_hex(text) : crypto::Digest::parse(text);
  if (digest.ok()) return *digest;
  if (!text.empty()) in.fault(key, digest.error().message());
  return {};
}

std::vector<FileEntry> read_files(ObjectReader& in, json::Faults& faults) {
  std::vector<FileEntry> files;
  for (const json::Value& value : in.array("files", kMaxFiles)) {
    ObjectReader item(value, element(in.at("files"), files.size()), faults);
    FileEntry file;
    file.path = item.text("path");
    file.layer = read_digest(item, "layer", false);
    file.size_bytes = item.uint64("size");
    file.digest = read_digest(item, "sha256", true);
    file.executable = item.boolean("executable", Need::kOptional);
    item.finish();
    files.push_back(std::move(file));
  }
  return files;
}

Manifest read_manifest(ObjectReader& in, json::Faults& faults) {
  Manifest manifest;
  manifest.name = in.text("name");
  manifest.version = in.text("version");
  manifest.description = in.text("description", Need::kOptional);
  manifest.licence = in.text("licence", Need::kOptional);
  manifest.backend = in.text("backend");
  manifest.model = in.text("model");
  if (const auto value = in.value("signature")) {
    ObjectReader signature(*value, in.at("signature"), faults);
    manifest.signature.inputs = read_specs(signature, "inputs", faults);
    manifest.signature.outputs = read_specs(signature, "outputs", faults);
    signature.finish();
  }
  if (const auto value = in.value("function", Need::kOptional)) {
    auto spec = function::read_spec(*value);
    if (spec.ok()) {
      manifest.function = std::move(*spec);
    } else {
      for (const Fault& fault : spec.error().faults())
        faults.add(in.at("function") + "." + fault.where, fault.message, fault.fix);
    }
  }
  manifest.batchable = in.boolean("batchable");
  manifest.deterministic = in.boolean("deterministic");
  if (const auto value = in.value("golden", Need::kOptional)) {
    manifest.golden = read_golden(*value, in.at("golden"), faults);
  }
  manifest.files = read_files(in, faults);
  manifest.set = read_digest(in, "set", false);
  return manifest;
}

void check_text(std::string_view key, std::string_view text, std::size_t max_bytes, json::Faults& faults) {
  const std::string where = std::string(kManifestPath) + "." + std::string(key);
  if (text.size() > max_bytes) faults.add(where, "is longer than " + std::to_string(max_bytes) + " bytes");
  if (!is_utf8(text)) faults.add(where, "is no UTF-8");
}

void check_names(const Manifest& manifest, json::Faults& faults) {
  const std::string root = std::string(kManifestPath) + ".";
  for (const auto& [key, text] : {std::pair{"name", &manifest.name}, std::pair{"version", &manifest.version},
                                  std::pair{"backend", &manifest.backend}}) {
    const Status status = check_name(key, *text);
    if (!status.ok()) faults.add(root + key, status.error().message());
  }
  check_text("description", manifest.description, kMaxDescriptionBytes, faults);
  check_text("licence", manifest.licence, kMaxShortBytes, faults);
  for (const auto* specs : {&manifest.signature.inputs, &manifest.signature.outputs}) {
    for (const TensorSpec& spec : *specs) check_text("signature", spec.name, kMaxShortBytes, faults);
  }
}

void check_files(const Manifest& manifest, json::Faults& faults) {
  const std::string root = std::string(kManifestPath) + ".";
  PathSet paths;
  for (std::size_t i = 0; i < manifest.files.size(); ++i) {
    const std::string& path = manifest.files[i].path;
    const Status status = paths.add(path);
    if (!status.ok()) faults.add(element(root + "files", i) + ".path", status.error().message());
    if (i > 0 && manifest.files[i - 1].path >= path)
      faults.add(element(root + "files", i), "is not in order of paths");
    if (path == kManifestPath) faults.add(element(root + "files", i), "cannot list itself");
  }
  if (!paths.has(manifest.model))
    faults.add(root + "model", "'" + printable(manifest.model) + "' is no file of it");
  if (manifest.golden && !paths.has(manifest.golden->file)) {
    faults.add(root + "golden.file", "'" + printable(manifest.golden->file) + "' is no file of it");
  }
  if (manifest.set != set_digest(manifest.files))
    faults.add(root + "set", "is not the digest of the files listed");
}

Error not_valid(json::Faults& faults) {
  return invalid_argument("package.manifest", std::string(kManifestPath) + " is not valid")
      .with_faults(faults.take());
}

}  // namespace

Tolerance default_tolerance(DType dtype) {
  switch (dtype) {
    case DType::kFp16:
      return {1e-3, 1e-4};
    case DType::kBf16:
      return {1e-2, 1e-3};
    case DType::kFp32:
      return {1e-5, 1e-6};
    case DType::kFp64:
      return {1e-9, 1e-9};
    default:
      return {0, 0};
  }
}

crypto::Digest set_digest(const std::vector<FileEntry>& files) {
  std::vector<std::string> lines;
  lines.reserve(files.size());
  for (const FileEntry& file : files) lines.push_back(file.digest.hex() + "  " + file.path + "\n");
  std::sort(lines.begin(), lines.end());
  crypto::Sha256 hash;
  for (const std::string& line : lines) hash.update(as_bytes(line));
  return hash.digest();
}

std::string encode_manifest(const Manifest& manifest) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.field("format", kFormat);
  out.field("name", std::string_view(manifest.name));
  out.field("version", std::string_view(manifest.version));
  if (!manifest.description.empty()) out.field("description", std::string_view(manifest.description));
  if (!manifest.licence.empty()) out.field("licence", std::string_view(manifest.licence));
  out.field("backend", std::string_view(manifest.backend));
  out.field("model", std::string_view(manifest.model));
  out.key("signature");
  out.begin_object();
  write_specs(out, "inputs", manifest.signature.inputs);
  write_specs(out, "outputs", manifest.signature.outputs);
  out.end_object();
  if (manifest.function) {
    out.key("function");
    function::write_spec(*manifest.function, out);
  }
  out.field("batchable", manifest.batchable);
  out.field("deterministic", manifest.deterministic);
  if (manifest.golden) write_golden(out, *manifest.golden);
  write_files(out, manifest.files);
  out.field("set", std::string_view(manifest.set.to_string()));
  out.end_object();
  text += '\n';
  return text;
}

Status validate(const Manifest& manifest) {
  json::Faults faults;
  check_names(manifest, faults);
  check_files(manifest, faults);
  if (!faults.empty()) return not_valid(faults);
  return {};
}

Result<Manifest> decode_manifest(std::string_view text) {
  json::Parser parser;
  auto document = parser.parse(text);
  if (!document.ok()) return document.error().within(kManifestPath);
  json::Faults faults;
  ObjectReader in(*document, std::string(kManifestPath), faults);
  const std::uint64_t format = in.uint64("format");
  if (faults.empty() && format != kFormat) {
    return unimplemented("package.format", "the package has format " + std::to_string(format) +
                                               "; this program reads format 1: use a newer slipway");
  }
  Manifest manifest = read_manifest(in, faults);
  in.finish();
  if (!faults.empty()) return not_valid(faults);
  SLIPWAY_TRY(validate(manifest));
  return manifest;
}

}  // namespace slipway::package
