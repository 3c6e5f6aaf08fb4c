#include "serving/model_table.h"

#include <atomic>

#include "base/text.h"

namespace slipway::serving {
namespace {

std::size_t thread_number() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t number = next.fetch_add(1, std::memory_order_relaxed);
  return number;
}

std::string versions_of(const ReadyModel& model) {
  std::vector<std::string> names;
  for (const auto& revision : model.revisions) names.push_back(revision->version());
  for (const auto& [label, revision] : model.labels) names.push_back(label);
  return join_words(names);
}

}  // namespace

Status check_label(std::string_view label) {
  if (auto name = check_name("label", label); !name.ok())
    return invalid_argument("model.label", name.error().message());
  const char first = label.front();
  if ((first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z')) return {};
  return invalid_argument(
      "model.label",
      "the label \"" + std::string(label) + "\" is to start with a letter, since versions start with digits");
}

ModelTable::ModelTable() { publish(std::make_shared<TableSnapshot>()); }

const ModelTable::Slot& ModelTable::own_slot() const { return slots_[thread_number() % slots_.size()]; }

void ModelTable::publish(std::shared_ptr<const TableSnapshot> snapshot) {
  for (Slot& slot : slots_) {
    std::shared_ptr<const TableSnapshot> old = snapshot;
    const std::lock_guard lock(slot.mutex);
    old.swap(slot.snapshot);
  }
}

std::shared_ptr<const TableSnapshot> ModelTable::snapshot() const {
  const Slot& slot = own_slot();
  const std::lock_guard lock(slot.mutex);
  return slot.snapshot;
}

Result<dialect::ModelLease> ModelTable::find(std::string_view name, std::string_view version) const {
  const Slot& slot = own_slot();
  const std::lock_guard lock(slot.mutex);
  const auto& models = slot.snapshot->models;
  const auto found = models.find(name);
  if (found == models.end()) {
    std::vector<std::string> names;
    for (const auto& [known, revisions] : models) names.push_back(known);
    const std::string near = nearest(name, names);
    return not_found("model.unknown", "no model \"" + printable(name) + "\" is ready here" +
                                          (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
  }
  const ReadyModel& model = found->second;
  if (version.empty()) return model.revisions.back();
  for (const auto& revision : model.revisions) {
    if (revision->version() == version) return revision;
  }
  const auto label = model.labels.find(version);
  if (label != model.labels.end()) return label->second;
  return not_found("model.version_unknown", "model \"" + found->first + "\" has no version or label \"" +
                                                printable(version) +
                                                "\" ready; ready: " + versions_of(model));
}

}  // namespace slipway::serving
