#include "plugins/dialects/grpc_health/statuses.h"

#include <algorithm>
#include <map>

#include "grpc/descriptors.h"

namespace slipway::grpc_health {

const Statuses::Names& Statuses::services() const {
  std::call_once(looked_, [this] {
    if (!host_.descriptors) return;
    const auto index = grpc::Descriptors::create(host_.descriptors());
    if (index.ok()) {
      services_ = index->services();
    } else {
      host_.logger->error("health.descriptors", index.error().message());
    }
  });
  return services_;
}

bool Statuses::draining() const {
  const bool ready = host_.server->ready();
  if (ready) was_ready_.store(true);
  return !ready && was_ready_.load();
}

Serving Statuses::server_status() const {
  return !draining() && host_.server->ready() ? Serving::kServing : Serving::kNotServing;
}

Serving Statuses::of(std::string_view name) const {
  if (name.empty() || services().contains(name)) return server_status();
  const auto model = host_.server->find(name, {});
  if (model.ok() || model.error().id() == dialect::kOnDemand)
    return draining() ? Serving::kNotServing : Serving::kServing;
  const auto index = host_.server->index();
  const bool known = std::any_of(index.begin(), index.end(),
                                 [&](const dialect::ModelStatus& status) { return status.name == name; });
  return known ? Serving::kNotServing : Serving::kServiceUnknown;
}

std::vector<std::pair<std::string, Serving>> Statuses::all() const {
  std::map<std::string, Serving> found;
  const bool ending = draining();
  for (const dialect::ModelStatus& model : host_.server->index()) {
    const bool comes = model.on_demand && model.state != dialect::ModelState::kFailed;
    const bool serves = !ending && (comes || model.state == dialect::ModelState::kReady);
    Serving& known = found.try_emplace(model.name, Serving::kNotServing).first->second;
    if (serves) known = Serving::kServing;
  }
  const Serving whole = server_status();
  for (const std::string& service : services()) found[service] = whole;
  found[""] = whole;
  return {found.begin(), found.end()};
}

}  // namespace slipway::grpc_health
