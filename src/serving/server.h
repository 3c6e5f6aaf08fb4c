// The server of models: loads what deployments name, keeps the table of what is ready, answers requests.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "contracts/backend/backend.h"
#include "contracts/dialect/dialect.h"
#include "serving/memory_budget.h"
#include "serving/metrics.h"
#include "serving/model_table.h"
#include "serving/revision.h"
#include "serving/source.h"
#include "serving/state_store.h"
#include "serving/subscribers.h"
#include "serving/work_queue.h"

namespace slipway::serving {

struct Deployment {
  std::string name;  ///< what clients call it
  std::unique_ptr<ModelSource> source;
  DeploymentSettings settings;
};

struct ServerOptions {
  std::vector<backend::Backend*> backends;  ///< Borrows; the first that knows a model's content loads it
  std::vector<backend::Backend*> isolated_backends;  ///< the same, each loading into workers; may be empty
  const Clock* clock = nullptr;                      ///< Borrows
  Logger* logger = nullptr;                          ///< Borrows
  Metrics* metrics = nullptr;                        ///< Borrows
  std::uint64_t memory_bytes = 0;                    ///< that all models together may have; 0 = no limit
  StateStore* state = nullptr;  ///< Borrows: what calls change is kept in it; null = forgotten at the end
  /// What a model loaded as "NAME VERSION" has for itself, where that can be seen; 0 = it cannot.
  std::function<std::uint64_t(std::string_view)> measured_memory;
  Duration unload_wait = std::chrono::seconds(30);  ///< for the last requests of what makes room
};

/// One revision that is loaded, for those who watch.
struct LoadedModel {
  dialect::ModelLease revision;
  bool in_worker = false;
  bool on_demand = false;
  std::uint64_t memory_bytes = 0;
  std::optional<Duration> run;
  QueueState queue;
};

/// Life: create, deploy() each deployment, start() once; begin_drain() when the end is near; destroyed when
/// the transport has no request left. One bad model never stops the others. Thread: safe.
class Server final : public dialect::ModelServer {
 public:
  explicit Server(ServerOptions options);
  /// Loads nothing more, tells every waiter, and waits until every lease was given back and every model is
  /// gone. The loops that asked for models must run meanwhile.
  ~Server() override;

  /// Loads it in the background, in the order of the calls; `done` gets the outcome, on the loader's thread:
  /// an Error when no version of it could be loaded.
  void deploy(Deployment deployment, std::function<void(Status)> done);
  /// A place where load() finds names that no deployment has, and refresh() finds new ones.
  void add_repository(std::unique_ptr<ModelRepository> repository, DeploymentSettings settings);
  /// Looks at every source and repository again: new names and versions are loaded, those that are gone
  /// leave; what was unloaded by a call stays unloaded, and what failed is tried again only when it changed.
  /// `done` gets the first failure, on the loader's thread.
  void refresh(std::function<void(Status)> done);
  /// ready() turns true once everything deployed before this call is loaded or has failed; then `done` is
  /// called, on the loader's thread. May be empty.
  void start(std::function<void()> done = {});
  /// ready() turns false; requests are still answered.
  void begin_drain();

  /// What is ready, by name, then version. For watching: a lease lets nothing unload while it is held.
  [[nodiscard]] std::vector<LoadedModel> loaded() const;
  /// Bytes that models have now, those included that are leaving.
  [[nodiscard]] std::uint64_t memory_taken() const;

  // dialect::ModelServer
  [[nodiscard]] Result<dialect::ModelLease> find(std::string_view name,
                                                 std::string_view version) const override;
  [[nodiscard]] Result<std::vector<std::string>> versions(std::string_view name) const override;
  [[nodiscard]] std::vector<dialect::ModelStatus> index() const override;
  [[nodiscard]] bool ready() const override { return started_.load() && !draining_.load(); }
  [[nodiscard]] std::shared_ptr<void> subscribe(std::function<void()> changed) override;
  void infer(const dialect::ModelLease& model, std::unique_ptr<infer::Call> call) override;
  void load(std::string name, std::function<void(Status)> done) override;
  void unload(std::string name, std::function<void(Status)> done) override;
  [[nodiscard]] bool demand(std::string_view name, std::unique_ptr<dialect::Waiter>& waiter) override;
  /// A label is a name that starts with a letter. What is set here is kept when the model is loaded again,
  /// and goes before DeploymentSettings::labels.
  void set_label(std::string name, std::string label, std::string version,
                 std::function<void(Status)> done) override;
  void observe(std::string_view dialect, const dialect::RequestRecord& record) override;

 private:
  struct Loaded {
    dialect::ModelLease revision;
    std::string fingerprint;
    std::int64_t at_ms = 0;  // since 1970, UTC
  };
  struct Failed {
    std::string fingerprint;
    Error error;
  };
  struct Measured {
    std::string fingerprint;
    std::uint64_t bytes = 0;
  };
  struct Slot {  // one deployment's state; the loader's thread alone changes it
    Deployment deployment;
    std::map<std::string, Loaded> loaded;        // by version
    std::vector<std::string> order;              // versions, oldest first
    std::vector<dialect::ModelStatus> statuses;  // what index() tells
    std::map<std::string, Failed> failed;        // what did not load, by version
    std::map<std::string, Measured> measured;    // what they took in memory, by version
    std::map<std::string, std::string> labels;   // versions that they stand for, ready or not
    ModelDecisions decided;                      // by calls
    bool unloaded = false;                       // by a call; refresh() leaves it alone
    bool awaits_demand = false;  // guarded by statuses_mutex_: not loaded, and is when it is asked for
  };

  class Demand;
  void load_demanded(const std::string& name);
  void on_loader(std::function<void()> task);
  void on_reaper(std::function<void()> task);
  struct Repository {
    std::unique_ptr<ModelRepository> models;
    DeploymentSettings settings;
  };
  enum class Retry : std::uint8_t {
    kAll,     // also what failed before
    kChanged  // only what changed since it failed
  };

  Status load_slot(Slot& slot, Retry retry);
  Status settle_version(Slot& slot, const Candidate& candidate, Retry retry,
                        std::map<std::string, Loaded>& loaded);
  Result<std::vector<Candidate>> wanted_candidates(Slot& slot) const;
  void clear_slot(Slot& slot, std::string_view reason);
  Status refresh_slot(Slot& slot);
  Slot& add_slot(const std::string& name, std::unique_ptr<ModelSource> source,
                 const DeploymentSettings& settings);
  void recall(Slot& slot);
  Status begin_slot(Slot& slot);
  Status list_slot(Slot& slot);
  void set_awaits_demand(Slot& slot, bool awaits);
  Status make_room(const Slot& slot, std::uint64_t need);
  [[nodiscard]] std::vector<Resident> residents(const Slot& but) const;
  Status remember(Slot& slot, ModelDecisions decisions);
  Status load_named(const std::string& name);
  Status unload_named(const std::string& name);
  Status move_label(const std::string& name, const std::string& label, const std::string& version);
  void settle_labels(Slot& slot);
  Status add_new_names(const Repository& repository);
  Result<Loaded> load_version(Slot& slot, const Candidate& candidate);
  Status add_from_repository(const std::string& name);
  void set_statuses(Slot& slot, std::vector<dialect::ModelStatus> statuses);
  void publish();
  dialect::ModelLease lease(std::unique_ptr<Revision> revision);

  ServerOptions options_;
  ModelTable table_;
  std::vector<Repository> repositories_;  // the loader's thread alone
  std::uint64_t fresh_bytes_ = 0;         // the loader's thread alone: loaded, and not in its slot so far
  std::map<std::string, Slot> slots_;     // the loader's thread alone adds and removes
  mutable std::mutex statuses_mutex_;     // guards Slot::statuses, and slots_ against readers of statuses
  std::atomic<bool> started_{false};
  std::atomic<bool> draining_{false};
  Subscribers subscribers_;

  mutable std::mutex gate_mutex_;
  std::condition_variable gate_;
  std::size_t revisions_alive_ = 0;    // guarded by gate_mutex_
  std::uint64_t bytes_alive_ = 0;      // guarded by gate_mutex_
  std::size_t demands_ = 0;            // guarded by gate_mutex_: waiters that were not told so far
  std::atomic<bool> ending_{false};    // changes under gate_mutex_: nothing is loaded any more
  std::unique_ptr<WorkQueue> reaper_;  // destroys revisions, which may take long
  std::unique_ptr<WorkQueue> loader_;
};

}  // namespace slipway::serving
