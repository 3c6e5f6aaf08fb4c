#include "serving/server.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "net/loop/loop.h"

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

/// A waiter on its way: to the loader, and back to the loop that asked, where its request is worked on as any
/// other's. The loader's thread has other models to load.
class Server::Demand final : public Work, public net::Task {
 public:
  Demand(Server& server, std::string_view name, std::unique_ptr<dialect::Waiter> waiter)
      : server_(server), name_(name), waiter_(std::move(waiter)), inbox_(net::inbox_of_this_thread()) {}

  void run(std::unique_ptr<Work> self) override {
    if (!waiter_->gone()) server_.load_demanded(name_);
    waiter_->look();
    self.release();
    // Once it is posted, this may be gone.
    const std::shared_ptr<net::Inbox> inbox = inbox_;
    inbox != nullptr ? inbox->post(*this) : run();
  }
  void run() override {
    const std::unique_ptr<Demand> self(this);
    waiter_->go_on();
    waiter_.reset();
    const std::lock_guard lock(server_.gate_mutex_);
    --server_.demands_;
    server_.gate_.notify_all();
  }
  void discard() override { run(); }

 private:
  Server& server_;
  const std::string name_;
  std::unique_ptr<dialect::Waiter> waiter_;
  const std::shared_ptr<net::Inbox> inbox_;
};

Server::~Server() {
  begin_drain();
  {
    const std::lock_guard lock(gate_mutex_);
    ending_.store(true);
    gate_.notify_all();
  }
  loader_.reset();  // finishes what it is loading
  table_.publish(std::make_shared<TableSnapshot>());
  {
    const std::lock_guard lock(statuses_mutex_);
    slots_.clear();
  }
  std::unique_lock lock(gate_mutex_);
  gate_.wait(lock, [this] { return revisions_alive_ == 0 && demands_ == 0; });
}

void Server::on_loader(std::function<void()> task) { push(*loader_, std::move(task)); }

void Server::on_reaper(std::function<void()> task) { push(*reaper_, std::move(task)); }

void Server::deploy(Deployment deployment, std::function<void(Status)> done) {
  auto shared = std::make_shared<Deployment>(std::move(deployment));
  on_loader([this, shared, done = std::move(done)] {
    const std::string name = shared->name;
    if (slots_.contains(name))
      return done(already_exists("serving.name_taken", "two deployments are named \"" + name + "\""));
    {
      const std::lock_guard lock(statuses_mutex_);
      slots_[name].deployment = std::move(*shared);
    }
    done(begin_slot(slots_.at(name)));
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
    const bool unloaded = status.state == dialect::ModelState::kUnloaded;
    if (slot->second.awaits_demand && (unloaded || status.state == dialect::ModelState::kLoading)) {
      return unavailable(std::string(dialect::kOnDemand),
                         "model \"" + slot->first + "\" is loaded when it is asked for");
    }
    if (unloaded) continue;
    return unavailable("model.not_ready", "model \"" + slot->first + "\"" +
                                              (status.version.empty() ? "" : " version " + status.version) +
                                              " is " + std::string(dialect::state_name(status.state)) +
                                              (status.reason.empty() ? "" : ": " + status.reason));
  }
  return found;
}

Result<std::vector<std::string>> Server::versions(std::string_view name) const {
  while (true) {
    const auto snapshot = table_.snapshot();
    const auto found = snapshot->models.find(name);
    if (found != snapshot->models.end()) {
      std::vector<std::string> versions;
      for (const auto& revision : found->second.revisions) versions.push_back(revision->version());
      return versions;
    }
    // Ready after all: it was loaded since the look at the table.
    if (auto model = find(name, ""); !model.ok()) return model.error();
  }
}

std::vector<dialect::ModelStatus> Server::index() const {
  std::vector<dialect::ModelStatus> all;
  const std::lock_guard lock(statuses_mutex_);
  for (const auto& [name, slot] : slots_) {
    for (const dialect::ModelStatus& status : slot.statuses) {
      all.push_back(status);
      all.back().on_demand = slot.awaits_demand;
    }
  }
  return all;
}

void Server::infer(const dialect::ModelLease& model, std::unique_ptr<infer::Call> call) {
  static_cast<const Revision&>(*model).infer(model, std::move(call));
}

void Server::load(std::string name, std::function<void(Status)> done) {
  on_loader([this, name = std::move(name), done = std::move(done)] { done(load_named(name)); });
}

void Server::unload(std::string name, std::function<void(Status)> done) {
  on_loader([this, name = std::move(name), done = std::move(done)] { done(unload_named(name)); });
}

bool Server::demand(std::string_view name, std::unique_ptr<dialect::Waiter>& waiter) {
  constexpr std::size_t kMostDemands = 1024;
  {
    const std::lock_guard lock(statuses_mutex_);
    const auto slot = slots_.find(std::string(name));
    if (slot == slots_.end() || !slot->second.awaits_demand) return false;
  }
  {
    const std::lock_guard lock(gate_mutex_);
    if (demands_ >= kMostDemands) return false;
    ++demands_;
  }
  std::unique_ptr<Work> work = std::make_unique<Demand>(*this, name, std::move(waiter));
  SLIPWAY_CHECK(loader_->try_push(work));
  return true;
}

std::vector<LoadedModel> Server::loaded() const {
  std::vector<LoadedModel> all;
  const auto snapshot = table_.snapshot();
  for (const auto& [name, model] : snapshot->models) {
    for (const dialect::ModelLease& lease : model.revisions) {
      const auto& revision = static_cast<const Revision&>(*lease);
      const DeploymentSettings& settings = revision.settings();
      all.push_back({lease, settings.isolation == Isolation::kWorker, settings.on_demand,
                     revision.memory_bytes(), revision.measured_run(), revision.queue_state()});
    }
  }
  return all;
}

std::uint64_t Server::memory_taken() const {
  const std::lock_guard lock(gate_mutex_);
  return bytes_alive_;
}

void Server::set_label(std::string name, std::string label, std::string version,
                       std::function<void(Status)> done) {
  on_loader([this, name = std::move(name), label = std::move(label), version = std::move(version),
             done = std::move(done)] { done(move_label(name, label, version)); });
}

void Server::observe(std::string_view dialect, const dialect::RequestRecord& record) {
  options_.metrics->observe(dialect, record);
}

void Server::add_repository(std::unique_ptr<ModelRepository> repository, DeploymentSettings settings) {
  auto shared = std::make_shared<Repository>(Repository{std::move(repository), std::move(settings)});
  on_loader([this, shared] { repositories_.push_back(std::move(*shared)); });
}

}  // namespace slipway::serving
