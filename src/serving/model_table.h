// What is loaded, for the request path: an immutable table that is replaced as a whole.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "contracts/dialect/dialect.h"

namespace slipway::serving {

/// A label is a name, as check_name has it, that starts with a letter. Errors: model.label.
Status check_label(std::string_view label);

/// What is ready of one model.
struct ReadyModel {
  std::vector<dialect::ModelLease> revisions;                      ///< oldest version first; never none
  std::map<std::string, dialect::ModelLease, std::less<>> labels;  ///< names that stand for one of them
};

/// By name.
struct TableSnapshot {
  std::map<std::string, ReadyModel, std::less<>> models;
};

/// Readers take a reference to the current snapshot. Each thread has a copy of the pointer behind a lock of
/// its own, which only a publisher ever contends for, so that loops do not share a cache line;
/// std::atomic<std::shared_ptr> would put all readers on one spin lock, and a thread-local cache would keep
/// unloaded models alive in idle threads. Thread: safe.
class ModelTable {
 public:
  ModelTable();
  void publish(std::shared_ptr<const TableSnapshot> snapshot);
  [[nodiscard]] std::shared_ptr<const TableSnapshot> snapshot() const;
  /// As dialect::ModelServer::find. `empty` version = the last of the list; a version goes before a
  /// label of the same name.
  [[nodiscard]] Result<dialect::ModelLease> find(std::string_view name, std::string_view version) const;

 private:
  struct alignas(64) Slot {
    mutable std::mutex mutex;
    std::shared_ptr<const TableSnapshot> snapshot;
  };
  [[nodiscard]] const Slot& own_slot() const;
  std::array<Slot, 16> slots_;
};

}  // namespace slipway::serving
