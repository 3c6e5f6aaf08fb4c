#include "serving/server.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "base/text.h"

namespace slipway::serving {
namespace {

class Task final : public Work {
 public:
  explicit Task(std::function<void()> body) : body_(std::move(body)) {}
  void run(std::unique_ptr<Work>) override { body_(); }

 private:
  std::function<void()> body_;
};

std::unique_ptr<WorkQueue> control_queue(std::string name) {
  return std::make_unique<WorkQueue>(WorkQueueOptions{
      .max_threads = 1, .max_items = std::numeric_limits<std::size_t>::max(), .name = std::move(name)});
}

void push(WorkQueue& queue, std::function<void()> body) {
  std::unique_ptr<Work> work = std::make_unique<Task>(std::move(body));
  SLIPWAY_CHECK(queue.try_push(work));
}

}  // namespace

Server::Server(ServerOptions options)
    : options_(std::move(options)), reaper_(control_queue("unloader")), loader_(control_queue("loader")) {}

Server::~Server() {
  begin_drain();
  loader_.reset();  // finishes what it is loading
  table_.publish(std::make_shared<TableSnapshot>());
  {
    const std::lock_guard lock(statuses_mutex_);
    slots_.clear();
  }
  std::unique_lock lock(gate_mutex_);
  gate_.wait(lock, [this] { return revisions_alive_ == 0; });
}

void Server::on_loader(std::function<void()> task) { push(*loader_, std::move(task)); }

void Server::deploy(Deployment deployment, std::function<void(Status)> done) {
  auto shared = std::make_shared<Deployment>(std::move(deployment));
  on_loader([this, shared, done = std::move(done)] {
    const std::string name = shared->name;
    {
      const std::lock_guard lock(statuses_mutex_);
      const auto [at, fresh] = slots_.try_emplace(name);
      if (fresh) at->second.deployment = std::move(*shared);
      if (!fresh) {
        done(already_exists("serving.name_taken", "two deployments are named \"" + name + "\""));
        return;
      }
    }
    done(load_slot(slots_.at(name), Retry::kAll));
  });
}

void Server::start(std::function<void()> done) {
  on_loader([this, done = std::move(done)] {
    started_.store(true);
    subscribers_.notify();
    if (done) done();
  });
}

void Server::begin_drain() {
  draining_.store(true);
  subscribers_.notify();
}

std::shared_ptr<void> Server::subscribe(std::function<void()> changed) {
  return subscribers_.add(std::move(changed));
}

Result<dialect::ModelLease> Server::find(std::string_view name, std::string_view version) const {
  auto found = table_.find(name, version);
  if (found.ok()) return found;
  // Rare path: a model that is known but not ready is told apart from one that is not known.
  const std::lock_guard lock(statuses_mutex_);
  const auto slot = slots_.find(std::string(name));
  if (slot == slots_.end()) return found;
  for (const dialect::ModelStatus& status : slot->second.statuses) {
    const auto& labels = status.labels;
    if (!version.empty() && status.version != version &&
        std::find(labels.begin(), labels.end(), version) == labels.end())
      continue;
    if (status.state == dialect::ModelState::kUnloaded) continue;
    return unavailable("model.not_ready", "model \"" + slot->first + "\"" +
                                              (status.version.empty() ? "" : " version " + status.version) +
                                              " is " + std::string(dialect::state_name(status.state)) +
                                              (status.reason.empty() ? "" : ": " + status.reason));
  }
  return found;
}

Result<std::vector<std::string>> Server::versions(std::string_view name) const {
  const auto snapshot = table_.snapshot();
  const auto found = snapshot->models.find(name);
  if (found == snapshot->models.end()) return find(name, "").error();
  std::vector<std::string> versions;
  for (const auto& revision : found->second.revisions) versions.push_back(revision->version());
  return versions;
}

std::vector<dialect::ModelStatus> Server::index() const {
  std::vector<dialect::ModelStatus> all;
  const std::lock_guard lock(statuses_mutex_);
  for (const auto& [name, slot] : slots_) all.insert(all.end(), slot.statuses.begin(), slot.statuses.end());
  return all;
}

void Server::infer(const dialect::ModelLease& model, std::unique_ptr<infer::Call> call) {
  static_cast<const Revision&>(*model).infer(model, std::move(call));
}

void Server::load(std::string name, std::function<void(Status)> done) {
  on_loader([this, name = std::move(name), done = std::move(done)] {
    if (!slots_.contains(name)) {
      if (auto added = add_from_repository(name); !added.ok()) {
        done(added);
        return;
      }
    }
    slots_.at(name).unloaded = false;
    done(load_slot(slots_.at(name), Retry::kAll));
  });
}

void Server::unload(std::string name, std::function<void(Status)> done) {
  on_loader([this, name = std::move(name), done = std::move(done)] {
    const auto at = slots_.find(name);
    if (at == slots_.end()) {
      done(not_found("model.unknown", "no model \"" + printable(name) + "\" is known here"));
      return;
    }
    Slot& slot = at->second;
    slot.unloaded = true;
    clear_slot(slot, "unloaded");
    done({});
  });
}

void Server::set_label(std::string name, std::string label, std::string version,
                       std::function<void(Status)> done) {
  on_loader([this, name = std::move(name), label = std::move(label), version = std::move(version),
             done = std::move(done)] { done(move_label(name, label, version)); });
}

Status Server::move_label(const std::string& name, const std::string& label, const std::string& version) {
  const auto at = slots_.find(name);
  if (at == slots_.end())
    return not_found("model.unknown", "no model \"" + printable(name) + "\" is known here");
  Slot& slot = at->second;
  if (version.empty()) {
    if (slot.labels.erase(label) == 0) {
      return not_found("model.label_unknown",
                       "model \"" + name + "\" has no label \"" + printable(label) + "\"");
    }
    slot.deployment.settings.labels.erase(label);
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
    slot.labels[label] = version;
    slot.deployment.settings.labels.erase(label);
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

void Server::observe(std::string_view dialect, const dialect::RequestRecord& record) {
  options_.metrics->observe(dialect, record);
}

void Server::add_repository(std::unique_ptr<ModelRepository> repository, DeploymentSettings settings) {
  auto shared = std::make_shared<Repository>(Repository{std::move(repository), std::move(settings)});
  on_loader([this, shared] { repositories_.push_back(std::move(*shared)); });
}

Status Server::add_from_repository(const std::string& name) {
  SLIPWAY_TRY(check_name("model", name));
  for (const Repository& repository : repositories_) {
    auto source = repository.models->source(name);
    if (!source.ok() && source.code() == Code::kNotFound) continue;
    if (!source.ok()) return source.error();
    const std::lock_guard lock(statuses_mutex_);
    slots_[name].deployment = Deployment{name, std::move(*source), repository.settings};
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
    const std::lock_guard lock(statuses_mutex_);
    slots_[name].deployment = Deployment{name, std::move(source), repository.settings};
  }
  return {};
}

Status Server::refresh_slot(Slot& slot) {
  if (slot.unloaded) return {};
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
  auto load = [&]() -> Result<std::unique_ptr<Revision>> {
    SLIPWAY_ASSIGN_OR_RETURN(ModelBundle bundle, slot.deployment.source->open(candidate));
    bundle.name = name;
    const DeploymentSettings& settings = slot.deployment.settings;
    const bool isolated = settings.isolation == Isolation::kWorker;
    return Revision::load(std::move(bundle), settings,
                          isolated ? options_.isolated_backends : options_.backends, *options_.clock);
  };
  auto revision = load();
  if (!revision.ok()) {
    options_.logger->error("model.load_failed", revision.error().message(),
                           {{"model", std::string_view(name)},
                            {"version", std::string_view(candidate.version)},
                            {"id", std::string_view(revision.error().id())}});
    return revision.error();
  }
  const double ms = std::chrono::duration<double, std::milli>(options_.clock->now() - start).count();
  options_.logger->info("model.ready", "model ready",
                        {{"model", std::string_view(name)},
                         {"version", std::string_view(candidate.version)},
                         {"digest", std::string_view((*revision)->digest())},
                         {"load_ms", ms}});
  return Loaded{lease(std::move(*revision)), candidate.fingerprint};
}

dialect::ModelLease Server::lease(std::unique_ptr<Revision> revision) {
  {
    const std::lock_guard lock(gate_mutex_);
    ++revisions_alive_;
  }
  // The last user of a revision may be an event loop or the revision's own thread; neither may destroy it.
  return dialect::ModelLease(revision.release(), [this](const dialect::ServedModel* last) {
    push(*reaper_, [this, last] {
      delete static_cast<const Revision*>(last);
      const std::lock_guard lock(gate_mutex_);
      --revisions_alive_;
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
