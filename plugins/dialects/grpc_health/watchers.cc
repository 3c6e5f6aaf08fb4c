#include "plugins/dialects/grpc_health/watchers.h"

#include <utility>
#include <vector>

#include "protobuf/writer.h"

namespace slipway::grpc_health {

void write_status(Serving status, std::string& out) {
  protobuf::Writer(out).varint_if_any(1, static_cast<std::uint64_t>(status));
}

void Watchers::add(std::shared_ptr<grpc::StreamCall> call, std::string service) {
  auto watcher = std::make_shared<Watcher>();
  watcher->call = std::move(call);
  watcher->service = std::move(service);
  {
    const std::lock_guard lock(mutex_);
    watchers_.push_back(watcher);
  }
  // The call holds who watches, who holds the call, until either end ends it.
  watcher->call->on_gone([all = weak_from_this(), watcher] {
    if (const auto self = all.lock()) self->remove(watcher.get());
  });
  if (!tell_one(*watcher)) remove(watcher.get());
}

void Watchers::remove(const Watcher* watcher) {
  std::shared_ptr<Watcher> last;  // whose end may call on
  const std::lock_guard lock(mutex_);
  for (auto at = watchers_.begin(); at != watchers_.end(); ++at) {
    if (at->get() != watcher) continue;
    last = std::move(*at);
    watchers_.erase(at);
    return;
  }
}

bool Watchers::tell_one(Watcher& watcher) const {
  const std::lock_guard lock(watcher.mutex);
  const Serving now = statuses_.of(watcher.service);
  if (watcher.last != now) {
    watcher.last = now;
    grpc::OutMessage message;
    write_status(now, message.text());
    watcher.call->write(std::move(message));
  }
  if (!statuses_.draining()) return true;
  watcher.call->finish(unavailable("health.draining", "the server is about to end"));
  return false;
}

void Watchers::tell() {
  statuses_.note_change();
  std::vector<std::shared_ptr<Watcher>> all;
  {
    const std::lock_guard lock(mutex_);
    all.assign(watchers_.begin(), watchers_.end());
  }
  for (const auto& watcher : all) {
    if (!tell_one(*watcher)) remove(watcher.get());
  }
}

}  // namespace slipway::grpc_health
