// What the server does on the loader's thread: loading, unloading, labels, room, and what is remembered.
#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "serving/server.h"

namespace slipway::serving {

// What was decided before the last end of the server holds again.
void Server::recall(Slot& slot) {
  if (options_.state == nullptr) return;
  slot.decided = options_.state->of(slot.deployment.name);
  slot.unloaded = slot.decided.unloaded;
  for (const auto& [label, version] : slot.decided.labels) {
    slot.deployment.settings.labels.erase(label);
    if (!version.empty()) slot.labels[label] = version;
  }
}

Status Server::begin_slot(Slot& slot) {
  recall(slot);
  if (slot.unloaded || slot.deployment.settings.on_demand) return list_slot(slot);
  return load_slot(slot, Retry::kAll);
}

// Says what there is, without loading it.
Status Server::list_slot(Slot& slot) {
  const auto candidates = wanted_candidates(slot);
  std::vector<dialect::ModelStatus> statuses;
  const std::string reason = slot.unloaded ? "unloaded" : "loaded when it is asked for";
  const std::string& name = slot.deployment.name;
  if (candidates.ok()) {
    for (const Candidate& candidate : *candidates)
      statuses.push_back({name, candidate.version, dialect::ModelState::kUnloaded, reason});
  } else {
    statuses.push_back({name, "", dialect::ModelState::kFailed, candidates.error().message()});
  }
  set_awaits_demand(slot, !slot.unloaded);
  set_statuses(slot, std::move(statuses));
  return candidates.status();
}

// Of several requests that came together the first loads it; what failed is tried again only when it changed.
void Server::load_demanded(const std::string& name) {
  const auto at = slots_.find(name);
  if (at == slots_.end() || !at->second.awaits_demand) return;
  const Status loaded = load_slot(at->second, Retry::kChanged);
  if (loaded.ok() || !at->second.loaded.empty()) set_awaits_demand(at->second, false);
}

void Server::set_awaits_demand(Slot& slot, bool awaits) {
  const std::lock_guard lock(statuses_mutex_);
  slot.awaits_demand = awaits && slot.deployment.settings.on_demand;
}

// Keeps the decisions, before they take effect: what cannot be kept is not done.
Status Server::remember(Slot& slot, ModelDecisions decisions) {
  if (options_.state != nullptr) {
    if (auto kept = options_.state->put(slot.deployment.name, decisions); !kept.ok())
      return kept.error().within("the change is not made, since it cannot be kept");
  }
  slot.decided = std::move(decisions);
  return {};
}

Status Server::load_named(const std::string& name) {
  if (!slots_.contains(name)) SLIPWAY_TRY(add_from_repository(name));
  Slot& slot = slots_.at(name);
  ModelDecisions decisions = slot.decided;
  decisions.unloaded = false;
  SLIPWAY_TRY(remember(slot, std::move(decisions)));
  slot.unloaded = false;
  set_awaits_demand(slot, slot.loaded.empty());  // who asks for it meanwhile waits
  const Status loaded = load_slot(slot, Retry::kAll);
  set_awaits_demand(slot, slot.loaded.empty());
  return loaded;
}

Status Server::unload_named(const std::string& name) {
  const auto at = slots_.find(name);
  if (at == slots_.end())
    return not_found("model.unknown", "no model \"" + printable(name) + "\" is known here");
  Slot& slot = at->second;
  ModelDecisions decisions = slot.decided;
  decisions.unloaded = true;
  SLIPWAY_TRY(remember(slot, std::move(decisions)));
  slot.unloaded = true;
  set_awaits_demand(slot, false);
  clear_slot(slot, "unloaded");
  return {};
}

std::vector<Resident> Server::residents(const Slot& but) const {
  std::vector<Resident> all;
  for (const auto& [name, slot] : slots_) {
    if (&slot == &but || slot.loaded.empty()) continue;
    Resident one{.name = name, .may_leave = slot.deployment.settings.on_demand};
    for (const auto& [version, loaded] : slot.loaded) {
      one.bytes += static_cast<const Revision&>(*loaded.revision).memory_bytes();
      one.last_used =
          std::max({one.last_used, loaded.at_ms, loaded.revision->statistics().last_inference_ms});
    }
    all.push_back(std::move(one));
  }
  return all;
}

// Lets the least recently used leave, and waits for their last requests.
Status Server::make_room(const Slot& slot, std::uint64_t need) {
  if (options_.memory_bytes == 0) return {};
  // What has left already still has its memory until its last request is answered; that is waited for below.
  const auto others = residents(slot);
  std::uint64_t taken = fresh_bytes_;
  for (const Resident& one : others) taken += one.bytes;
  for (const auto& [version, loaded] : slot.loaded)
    taken += static_cast<const Revision&>(*loaded.revision).memory_bytes();
  SLIPWAY_ASSIGN_OR_RETURN(const auto leaving, who_leaves(options_.memory_bytes, taken, need, others));
  for (const std::string& name : leaving) {
    Slot& other = slots_.at(name);
    set_awaits_demand(other, true);
    clear_slot(other, "left to make room for \"" + slot.deployment.name + "\"");
  }
  std::unique_lock lock(gate_mutex_);
  const auto fits = [&] { return bytes_alive_ + need <= options_.memory_bytes; };
  gate_.wait_for(lock, options_.unload_wait, [&] { return ending_.load() || fits(); });
  if (fits()) return {};
  return resource_exhausted("model.memory", "models that were to make room still answer requests");
}

Status Server::move_label(const std::string& name, const std::string& label, const std::string& version) {
  const auto at = slots_.find(name);
  if (at == slots_.end())
    return not_found("model.unknown", "no model \"" + printable(name) + "\" is known here");
  Slot& slot = at->second;
  if (version.empty()) {
    if (!slot.labels.contains(label)) {
      return not_found("model.label_unknown",
                       "model \"" + name + "\" has no label \"" + printable(label) + "\"");
    }
  } else {
    SLIPWAY_TRY(check_label(label));
    if (slot.loaded.contains(label)) {
      return invalid_argument("model.label", "model \"" + name + "\" has a version \"" + label +
                                                 "\"; a label of that name would never be found");
    }
    if (!slot.loaded.contains(version)) {
      return not_found("model.version_unknown", "model \"" + name + "\" has no version \"" +
                                                    printable(version) +
                                                    "\" ready; a label moves only to a ready one");
    }
  }
  ModelDecisions decisions = slot.decided;
  decisions.labels[label] = version;
  SLIPWAY_TRY(remember(slot, std::move(decisions)));
  slot.deployment.settings.labels.erase(label);
  if (version.empty()) {
    slot.labels.erase(label);
  } else {
    slot.labels[label] = version;
  }
  set_statuses(slot, slot.statuses);
  publish();
  options_.logger->info("model.label", version.empty() ? "label taken away" : "label moved",
                        {{"model", std::string_view(name)},
                         {"label", std::string_view(label)},
                         {"version", std::string_view(version)}});
  return {};
}

// A label of the settings takes effect once, when its version is ready; from then on it moves by calls only.
void Server::settle_labels(Slot& slot) {
  auto& wanted = slot.deployment.settings.labels;
  std::erase_if(wanted, [&](const auto& label) {
    if (!slot.loaded.contains(label.second)) return false;
    slot.labels[label.first] = label.second;
    return true;
  });
  for (const auto& [label, version] : wanted) {
    options_.logger->warning("model.label_waits", "a label waits for its version to be ready",
                             {{"model", std::string_view(slot.deployment.name)},
                              {"label", std::string_view(label)},
                              {"version", std::string_view(version)}});
  }
}

Server::Slot& Server::add_slot(const std::string& name, std::unique_ptr<ModelSource> source,
                               const DeploymentSettings& settings) {
  Slot* slot = nullptr;
  {
    const std::lock_guard lock(statuses_mutex_);
    slot = &slots_[name];
    slot->deployment = Deployment{name, std::move(source), settings};
  }
  recall(*slot);
  return *slot;
}

Status Server::add_from_repository(const std::string& name) {
  SLIPWAY_TRY(check_name("model", name));
  for (const Repository& repository : repositories_) {
    auto source = repository.models->source(name);
    if (!source.ok() && source.code() == Code::kNotFound) continue;
    if (!source.ok()) return source.error();
    add_slot(name, std::move(*source), repository.settings);
    return {};
  }
  return not_found("model.unknown",
                   "no model \"" + printable(name) + "\" is known to this server's repositories");
}

void Server::refresh(std::function<void(Status)> done) {
  on_loader([this, done = std::move(done)] {
    Status outcome;
    const auto keep_first = [&](const Status& status) {
      if (outcome.ok() && !status.ok()) outcome = status;
    };
    for (const Repository& repository : repositories_) keep_first(add_new_names(repository));
    for (auto& [name, slot] : slots_) keep_first(refresh_slot(slot));
    done(outcome);
  });
}

Status Server::add_new_names(const Repository& repository) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto names, repository.models->names());
  for (const std::string& name : names) {
    if (slots_.contains(name)) continue;
    SLIPWAY_ASSIGN_OR_RETURN(auto source, repository.models->source(name));
    Slot& slot = add_slot(name, std::move(source), repository.settings);
    // Its failure is told by the look at it that follows.
    if (slot.unloaded || repository.settings.on_demand) SLIPWAY_TRY(list_slot(slot));
  }
  return {};
}

Status Server::refresh_slot(Slot& slot) {
  if (slot.unloaded) return {};
  if (slot.deployment.settings.on_demand && slot.loaded.empty()) return list_slot(slot);
  const Status loaded = load_slot(slot, Retry::kChanged);
  const bool gone = !loaded.ok() && loaded.code() == Code::kNotFound;
  if (gone && !slot.loaded.empty()) clear_slot(slot, loaded.error().message());
  return loaded;
}

void Server::clear_slot(Slot& slot, std::string_view reason) {
  std::vector<dialect::ModelStatus> statuses = slot.statuses;
  for (auto& status : statuses) {
    status.state = dialect::ModelState::kUnloaded;
    status.reason = reason;
  }
  set_statuses(slot, std::move(statuses));
  slot.loaded.clear();
  slot.order.clear();
  publish();
  options_.logger->info("model.unloaded", "model unloaded",
                        {{"model", std::string_view(slot.deployment.name)}, {"reason", reason}});
}

void Server::set_statuses(Slot& slot, std::vector<dialect::ModelStatus> statuses) {
  for (dialect::ModelStatus& status : statuses) {
    status.labels.clear();
    for (const auto& [label, version] : slot.labels) {
      if (version == status.version) status.labels.push_back(label);
    }
  }
  {
    const std::lock_guard lock(statuses_mutex_);
    slot.statuses = std::move(statuses);
  }
  subscribers_.notify();
}

// The versions that the deployment's settings ask for, oldest first. One that a label stands for stays,
// however many newer ones there are.
Result<std::vector<Candidate>> Server::wanted_candidates(Slot& slot) const {
  SLIPWAY_ASSIGN_OR_RETURN(auto all, slot.deployment.source->candidates());
  const DeploymentSettings& settings = slot.deployment.settings;
  if (!settings.only_versions.empty()) {
    std::erase_if(all, [&](const Candidate& candidate) {
      return std::find(settings.only_versions.begin(), settings.only_versions.end(), candidate.version) ==
             settings.only_versions.end();
    });
    if (all.empty()) {
      return not_found("source.version_missing", "none of the versions " +
                                                     join_words(settings.only_versions) + " of \"" +
                                                     slot.deployment.name + "\" is there");
    }
  }
  if (settings.latest_versions > 0 && all.size() > settings.latest_versions) {
    std::set<std::string> kept;
    for (const auto& labels : {slot.labels, settings.labels}) {
      for (const auto& [label, version] : labels) kept.insert(version);
    }
    std::size_t older = all.size() - settings.latest_versions;
    std::erase_if(all, [&](const Candidate& candidate) {
      const bool old = older > 0;
      if (old) --older;
      return old && !kept.contains(candidate.version);
    });
  }
  return all;
}

// Puts the version into `loaded`, from what was loaded before or anew. A version that loaded before goes on
// serving when its new content does not: a bad copy never displaces a good one.
Status Server::settle_version(Slot& slot, const Candidate& candidate, Retry retry,
                              std::map<std::string, Loaded>& loaded) {
  const auto old = slot.loaded.find(candidate.version);
  if (old != slot.loaded.end()) {
    loaded.insert(*old);
    if (old->second.fingerprint == candidate.fingerprint) return {};
  }
  const auto bad = slot.failed.find(candidate.version);
  const bool known_bad = bad != slot.failed.end() && bad->second.fingerprint == candidate.fingerprint;
  if (known_bad && retry == Retry::kChanged) return bad->second.error;
  auto fresh = load_version(slot, candidate);
  if (!fresh.ok()) {
    // Room may come without a change of the model.
    if (fresh.error().id() != "model.memory" && fresh.error().id() != "model.ending")
      slot.failed.insert_or_assign(candidate.version, Failed{candidate.fingerprint, fresh.error()});
    return fresh.error();
  }
  slot.failed.erase(candidate.version);
  loaded.insert_or_assign(candidate.version, std::move(*fresh));
  return {};
}

Status Server::load_slot(Slot& slot, Retry retry) {
  const std::string& name = slot.deployment.name;
  auto candidates = wanted_candidates(slot);
  if (!candidates.ok()) {
    if (slot.loaded.empty())
      set_statuses(slot, {{name, "", dialect::ModelState::kFailed, candidates.error().message()}});
    return candidates.error();
  }
  std::vector<dialect::ModelStatus> statuses;
  for (const Candidate& candidate : *candidates) {
    const bool ready = slot.loaded.contains(candidate.version);
    statuses.push_back(
        {name, candidate.version, ready ? dialect::ModelState::kReady : dialect::ModelState::kLoading, ""});
  }
  set_statuses(slot, statuses);
  std::map<std::string, Loaded> loaded;
  std::vector<std::string> order;
  Status outcome;
  fresh_bytes_ = 0;
  for (std::size_t i = 0; i < candidates->size(); ++i) {
    const Candidate& candidate = (*candidates)[i];
    const Status settled = settle_version(slot, candidate, retry, loaded);
    if (!settled.ok()) {
      outcome = candidates->size() == 1 ? settled : settled.error().within("version " + candidate.version);
      statuses[i].reason = settled.error().message();
    }
    const bool ready = loaded.contains(candidate.version);
    statuses[i].state = ready ? dialect::ModelState::kReady : dialect::ModelState::kFailed;
    if (ready) order.push_back(candidate.version);
    set_statuses(slot, statuses);
  }
  fresh_bytes_ = 0;
  slot.loaded = std::move(loaded);
  slot.order = std::move(order);
  settle_labels(slot);
  set_statuses(slot, std::move(statuses));
  publish();
  return outcome;
}

Result<Server::Loaded> Server::load_version(Slot& slot, const Candidate& candidate) {
  const MonoTime start = options_.clock->now();
  const std::string& name = slot.deployment.name;
  const auto room_for = [&](std::uint64_t bytes) -> Status {
    const Status room = make_room(slot, bytes);
    return room.ok() ? room : room.error().within("model \"" + name + "\" cannot be loaded");
  };
  auto load = [&]() -> Result<std::unique_ptr<Revision>> {
    if (ending_.load()) return unavailable("model.ending", "the server ends");
    SLIPWAY_ASSIGN_OR_RETURN(ModelBundle bundle, slot.deployment.source->open(candidate));
    bundle.name = name;
    const Measured& before = slot.measured[candidate.version];
    const std::uint64_t known = before.fingerprint == candidate.fingerprint ? before.bytes : 0;
    SLIPWAY_TRY(room_for(std::max(bundle.size_bytes, known)));
    const DeploymentSettings& settings = slot.deployment.settings;
    const bool isolated = settings.isolation == Isolation::kWorker;
    SLIPWAY_ASSIGN_OR_RETURN(
        auto revision,
        Revision::load(std::move(bundle), settings, isolated ? options_.isolated_backends : options_.backends,
                       *options_.clock));
    if (options_.memory_bytes == 0 || !options_.measured_memory) return revision;
    // It takes more than its files do, and what that is shows only now.
    const std::uint64_t seen = options_.measured_memory(name + " " + candidate.version);
    if (seen <= revision->memory_bytes()) return revision;
    slot.measured[candidate.version] = {candidate.fingerprint, seen};
    SLIPWAY_TRY(room_for(seen));
    revision->set_memory_bytes(seen);
    return revision;
  };
  auto revision = load();
  if (!revision.ok()) {
    options_.logger->error("model.load_failed", revision.error().message(),
                           {{"model", std::string_view(name)},
                            {"version", std::string_view(candidate.version)},
                            {"id", std::string_view(revision.error().id())}});
    return revision.error();
  }
  fresh_bytes_ += (*revision)->memory_bytes();
  const double ms = std::chrono::duration<double, std::milli>(options_.clock->now() - start).count();
  options_.logger->info("model.ready", "model ready",
                        {{"model", std::string_view(name)},
                         {"version", std::string_view(candidate.version)},
                         {"digest", std::string_view((*revision)->digest())},
                         {"load_ms", ms}});
  const auto now = options_.clock->wall_now().time_since_epoch();
  return Loaded{lease(std::move(*revision)), candidate.fingerprint,
                std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

dialect::ModelLease Server::lease(std::unique_ptr<Revision> revision) {
  {
    const std::lock_guard lock(gate_mutex_);
    ++revisions_alive_;
    bytes_alive_ += revision->memory_bytes();
  }
  // The last user of a revision may be an event loop or the revision's own thread; neither may destroy it.
  return dialect::ModelLease(revision.release(), [this](const dialect::ServedModel* last) {
    on_reaper([this, last] {
      const std::uint64_t bytes = static_cast<const Revision*>(last)->memory_bytes();
      delete static_cast<const Revision*>(last);
      const std::lock_guard lock(gate_mutex_);
      --revisions_alive_;
      bytes_alive_ -= bytes;
      gate_.notify_all();
    });
  });
}

void Server::publish() {
  auto snapshot = std::make_shared<TableSnapshot>();
  for (const auto& [name, slot] : slots_) {
    if (slot.order.empty()) continue;
    ReadyModel& model = snapshot->models[name];
    for (const std::string& version : slot.order) model.revisions.push_back(slot.loaded.at(version).revision);
    for (const auto& [label, version] : slot.labels) {
      const auto target = slot.loaded.find(version);
      if (target != slot.loaded.end()) model.labels.emplace(label, target->second.revision);
    }
  }
  table_.publish(std::move(snapshot));
  subscribers_.notify();
}

}  // namespace slipway::serving
