#include "package/oci.h"

#include "base/text.h"
#include "json/json.h"
#include "json/strict.h"
#include "json/writer.h"
#include "package/media_types.h"

namespace slipway::package {
namespace {

constexpr std::size_t kMaxEntries = 100'000;
constexpr std::size_t kMaxAnnotations = 1000;

using json::Need;
using json::ObjectReader;

void write_descriptor(json::Writer& out, const Descriptor& descriptor, bool artifact = false) {
  out.begin_object();
  out.field("mediaType", std::string_view(descriptor.media_type));
  if (artifact) out.field("artifactType", kModelManifestType);
  out.field("digest", std::string_view(descriptor.digest.to_string()));
  out.field("size", descriptor.size_bytes);
  if (!descriptor.annotations.empty()) {
    out.key("annotations");
    out.begin_object();
    for (const auto& [key, text] : descriptor.annotations) out.field(key, std::string_view(text));
    out.end_object();
  }
  out.end_object();
}

Descriptor read_descriptor(const json::Value& value, std::string where, json::Faults& faults) {
  ObjectReader in(value, std::move(where), faults);
  Descriptor descriptor;
  descriptor.media_type = in.text("mediaType");
  const std::string digest_text = in.text("digest");
  const auto digest = crypto::Digest::parse(digest_text);
  if (digest.ok()) {
    descriptor.digest = *digest;
  } else if (!digest_text.empty()) {
    in.fault("digest", digest.error().message());
  }
  descriptor.size_bytes = in.uint64("size");
  const auto annotations = in.value("annotations", Need::kOptional);
  if (!annotations) return descriptor;
  if (!annotations->is_object()) {
    in.fault("annotations", "an object is wanted");
    return descriptor;
  }
  for (const json::Member& member : annotations->object()) {
    const auto text = member.value.as_string();
    if (!text || descriptor.annotations.size() == kMaxAnnotations) {
      in.fault("annotations", "at most " + std::to_string(kMaxAnnotations) + " strings are wanted");
      break;
    }
    descriptor.annotations.emplace(member.key, *text);
  }
  return descriptor;
}

Error not_valid(std::string_view id, std::string_view what, json::Faults& faults) {
  return invalid_argument(id, std::string(what) + " is not valid").with_faults(faults.take());
}

void check_schema_version(ObjectReader& in) {
  if (in.uint64("schemaVersion") != 2) in.fault("schemaVersion", "2 is wanted");
}

std::string element(std::string_view where, std::size_t index) {
  return std::string(where) + "[" + std::to_string(index) + "]";
}

}  // namespace

std::string_view Descriptor::annotation(std::string_view key) const {
  const auto found = annotations.find(key);
  return found == annotations.end() ? std::string_view() : found->second;
}

std::string encode_oci_manifest(const OciManifest& manifest) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.field("schemaVersion", std::uint64_t{2});
  out.field("mediaType", kImageManifestType);
  out.field("artifactType", kModelManifestType);
  out.key("config");
  write_descriptor(out, manifest.config);
  out.key("layers");
  out.begin_array();
  for (const Descriptor& layer : manifest.layers) write_descriptor(out, layer);
  out.end_array();
  out.end_object();
  return text;
}

Result<OciManifest> decode_oci_manifest(std::string_view text) {
  json::Parser parser;
  auto document = parser.parse(text);
  if (!document.ok()) return document.error().within("manifest");
  json::Faults faults;
  ObjectReader in(*document, "manifest", faults);
  check_schema_version(in);
  const std::string artifact = in.text("artifactType", Need::kOptional);
  if (faults.empty() && artifact != kModelManifestType) {
    return failed_precondition("package.foreign", "this is no Slipway package: its artifactType is '" +
                                                      printable(artifact) + "', not " +
                                                      std::string(kModelManifestType));
  }
  OciManifest manifest;
  if (const auto config = in.value("config"))
    manifest.config = read_descriptor(*config, "manifest.config", faults);
  for (const json::Value& layer : in.array("layers", kMaxLayers)) {
    manifest.layers.push_back(
        read_descriptor(layer, element("manifest.layers", manifest.layers.size()), faults));
  }
  if (!faults.empty()) return not_valid("package.oci_manifest", "the package's manifest", faults);
  return manifest;
}

std::string encode_index(const std::vector<IndexEntry>& entries) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.field("schemaVersion", std::uint64_t{2});
  out.field("mediaType", kImageIndexType);
  out.key("manifests");
  out.begin_array();
  for (const IndexEntry& entry : entries) {
    if (entry.text.empty()) {
      write_descriptor(out, entry.manifest, true);
    } else {
      out.raw(entry.text);
    }
  }
  out.end_array();
  out.end_object();
  return text;
}

Result<std::vector<IndexEntry>> decode_index(std::string_view text) {
  json::Parser parser;
  auto document = parser.parse(text);
  if (!document.ok()) return document.error().within("index.json");
  json::Faults faults;
  ObjectReader in(*document, "index.json", faults);
  check_schema_version(in);
  std::vector<IndexEntry> entries;
  for (const json::Value& value : in.array("manifests", kMaxEntries)) {
    Descriptor descriptor = read_descriptor(value, element("index.json.manifests", entries.size()), faults);
    entries.push_back({std::move(descriptor), value.to_text()});
  }
  if (!faults.empty()) return not_valid("package.index", "the store's index.json", faults);
  return entries;
}

std::string encode_model_config(const ModelConfig& config) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.key("descriptor");
  out.begin_object();
  out.field("name", std::string_view(config.name));
  out.field("version", std::string_view(config.version));
  if (!config.description.empty()) out.field("description", std::string_view(config.description));
  if (!config.licence.empty()) {
    out.key("licenses");
    out.begin_array();
    out.string(config.licence);
    out.end_array();
  }
  out.end_object();
  out.key("config");
  out.begin_object();
  if (!config.format.empty()) out.field("format", std::string_view(config.format));
  out.end_object();
  out.key("modelfs");
  out.begin_object();
  out.field("type", "layers");
  out.key("diffIds");
  out.begin_array();
  for (const crypto::Digest& digest : config.diff_ids) out.string(digest.to_string());
  out.end_array();
  out.end_object();
  out.end_object();
  return text;
}

Result<ModelConfig> decode_model_config(std::string_view text) {
  json::Parser parser;
  auto document = parser.parse(text);
  if (!document.ok()) return document.error().within("model config");
  json::Faults faults;
  ModelConfig config;
  ObjectReader in(*document, "config", faults);
  if (const auto value = in.value("descriptor")) {
    ObjectReader descriptor(*value, "config.descriptor", faults);
    config.name = descriptor.text("name");
    config.version = descriptor.text("version");
    config.description = descriptor.text("description", Need::kOptional);
    const auto licences = descriptor.texts("licenses", 100, Need::kOptional);
    if (!licences.empty()) config.licence = licences.front();
  }
  if (const auto value = in.value("config")) {
    ObjectReader inner(*value, "config.config", faults);
    config.format = inner.text("format", Need::kOptional);
  }
  if (const auto value = in.value("modelfs")) {
    ObjectReader modelfs(*value, "config.modelfs", faults);
    for (const std::string& id : modelfs.texts("diffIds", kMaxLayers)) {
      const auto digest = crypto::Digest::parse(id);
      if (!digest.ok()) modelfs.fault("diffIds", digest.error().message());
      config.diff_ids.push_back(digest.ok() ? *digest : crypto::Digest());
    }
  }
  if (!faults.empty()) return not_valid("package.config", "the package's model config", faults);
  return config;
}

}  // namespace slipway::package
