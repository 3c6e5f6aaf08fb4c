#include "serving/state_store.h"

#include <optional>
#include <utility>

#include "base/text.h"
#include "io/file_helpers.h"
#include "json/json.h"
#include "json/writer.h"

namespace slipway::serving {
namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::uint64_t kMaxBytes = std::uint64_t{16} << 20U;

Error damaged(const std::string& path, const std::string& what) {
  return data_loss("state.damaged",
                   path + " cannot be read: " + what + "; mend it, or remove it to forget what was decided");
}

}  // namespace

std::string encode_state(const ModelDecisionsByName& models) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.field("format", kFormat);
  out.key("models");
  out.begin_object();
  for (const auto& [name, decisions] : models) {
    out.key(name);
    out.begin_object();
    out.field("unloaded", decisions.unloaded);
    out.key("labels");
    out.begin_object();
    for (const auto& [label, version] : decisions.labels) out.field(label, std::string_view(version));
    out.end_object();
    out.end_object();
  }
  out.end_object();
  out.end_object();
  text += '\n';
  return text;
}

namespace {

// Nothing where it has not the form.
std::optional<ModelDecisions> decode_one(const json::Value& value) {
  if (!value.is_object() || value.object().duplicate_key()) return std::nullopt;
  ModelDecisions decisions;
  for (const json::Member member : value.object()) {
    if (member.key == "unloaded" && member.value.as_bool()) {
      decisions.unloaded = *member.value.as_bool();
    } else if (member.key == "labels" && member.value.is_object() && !member.value.object().duplicate_key()) {
      for (const json::Member label : member.value.object()) {
        const auto version = label.value.as_string();
        if (!version) return std::nullopt;
        decisions.labels.emplace(label.key, *version);
      }
    } else {
      return std::nullopt;
    }
  }
  return decisions;
}

}  // namespace

Result<ModelDecisionsByName> decode_state(std::string_view text, const std::string& path) {
  json::Parser parser;
  const auto document = parser.parse(text);
  if (!document.ok()) return damaged(path, document.error().message());
  const auto format = document->find("format");
  const auto models = document->find("models");
  if (!format || format->as_uint64() != kFormat)
    return damaged(path, "it is not of format " + std::to_string(kFormat));
  if (!models || !models->is_object()) return damaged(path, "it has no \"models\"");
  if (const auto twice = models->object().duplicate_key())
    return damaged(path, "it has \"" + printable(*twice) + "\" twice");
  ModelDecisionsByName all;
  for (const json::Member member : models->object()) {
    auto one = decode_one(member.value);
    if (!one) return damaged(path, "what it says of \"" + printable(member.key) + "\" has not the form");
    all.emplace(member.key, std::move(*one));
  }
  return all;
}

Result<std::unique_ptr<StateStore>> StateStore::open(io::FileSystem& files, std::string folder) {
  SLIPWAY_TRY(files.make_dirs(folder));
  std::unique_ptr<StateStore> store(new StateStore(files, io::join_path(folder, "models.json")));
  auto lock = files.lock(io::join_path(folder, "lock"), io::LockMode::kTry);
  if (!lock.ok() && lock.error().id() == "io.locked") {
    return failed_precondition(
        "state.taken", "another server keeps its state in " + folder + "; give each a folder of its own");
  }
  if (!lock.ok()) return lock.error();
  store->lock_ = std::move(*lock);
  SLIPWAY_ASSIGN_OR_RETURN(const bool there, io::exists(files, store->path_));
  if (!there) return store;
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, io::read_all(files, store->path_, kMaxBytes));
  SLIPWAY_ASSIGN_OR_RETURN(store->models_, decode_state(text, store->path_));
  return store;
}

ModelDecisions StateStore::of(std::string_view model) const {
  const auto found = models_.find(model);
  return found == models_.end() ? ModelDecisions{} : found->second;
}

Status StateStore::put(const std::string& model, ModelDecisions decisions) {
  if (of(model) == decisions) return {};
  ModelDecisionsByName changed = models_;
  if (decisions.empty()) {
    changed.erase(model);
  } else {
    changed.insert_or_assign(model, std::move(decisions));
  }
  SLIPWAY_TRY(io::write_atomically(files_, path_, as_bytes(encode_state(changed))));
  models_ = std::move(changed);
  return {};
}

}  // namespace slipway::serving
