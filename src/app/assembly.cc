#include "app/assembly.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <utility>

#include "admin/admin.h"
#include "app/plugin_table.gen.h"
#include "app/request_metrics.h"
#include "app/version.gen.h"
#include "app/worker_metrics.h"
#include "io/filesystem.h"
#include "net/loop/loop.h"
#include "net/loop/timer_wheel.h"
#include "net/server.h"
#include "net/tls/keeper.h"
#include "serving/router.h"
#include "shared_memory/regions.h"
#include "telemetry/process.h"
#include "worker/poison_list.h"
#include "worker/supervisor.h"

namespace slipway::app {
namespace {

/// Hands what the transport received to the router; what it refused is answered in the words of the path's
/// owner.
class RoutedHandler final : public net::Handler {
 public:
  explicit RoutedHandler(serving::Router::Listener listener) : router(listener) {}
  void handle(std::unique_ptr<dialect::Exchange> exchange) override { router.route(std::move(exchange)); }
  void refuse(const Error& error, std::unique_ptr<dialect::Exchange> exchange) override {
    router.refuse(error, std::move(exchange));
  }
  [[nodiscard]] bool streams(dialect::Method method, std::string_view path) const override {
    return router.streams(method, path);
  }

  serving::Router router;
};

net::ServerOptions server_options(const Environment& environment, std::size_t loops) {
  net::ServerOptions options;
  options.loops = loops;
  options.limits.max_body_bytes = static_cast<std::size_t>(environment.limits.body.bytes);
  options.limits.max_head_bytes = static_cast<std::size_t>(environment.limits.head.bytes);
  options.limits.max_connections = static_cast<std::size_t>(environment.limits.connections);
  options.limits.max_connections_per_client =
      static_cast<std::size_t>(environment.limits.connections_per_client);
  options.limits.head_timeout = environment.limits.head_time;
  options.limits.idle_timeout = environment.limits.idle_time;
  return options;
}

// Null when there is none.
Result<std::shared_ptr<net::TlsKeeper>> tls_of(const TlsEntry& entry, const Context& context) {
  if (entry.certificate.empty() && entry.key.empty() && entry.client_ca.empty() && !entry.require_client) {
    return std::shared_ptr<net::TlsKeeper>();
  }
  if (entry.certificate.empty() || entry.key.empty()) {
    return invalid_argument("app.tls", "tls needs both the certificate and the key");
  }
  if (entry.require_client && entry.client_ca.empty()) {
    return invalid_argument("app.tls", "tls.require_client needs tls.client_ca, which says whom to trust");
  }
  SLIPWAY_ASSIGN_OR_RETURN(auto keeper,
                           net::TlsKeeper::create({.certificate = entry.certificate,
                                                   .key = entry.key,
                                                   .client_ca = entry.client_ca,
                                                   .require_client = entry.require_client},
                                                  context.files(), context.clock(), context.logger()));
  return std::shared_ptr<net::TlsKeeper>(std::move(keeper));
}

Error not_loopback(std::string_view setting, const std::string& text, std::string_view why) {
  return permission_denied(
      "app.not_loopback",
      std::string(setting) + " is " + text + ", which other machines can reach, and " + std::string(why));
}

// Whoever reaches a port could read what is asked there, so other machines must speak TLS. Nothing is opened
// where one of them is not sound.
Result<std::vector<net::Endpoint>> safe_inference(const Environment& environment) {
  std::vector<net::Endpoint> all;
  for (const std::string& text : environment.listen) {
    SLIPWAY_ASSIGN_OR_RETURN(net::Endpoint endpoint, net::parse_endpoint(text));
    if (!endpoint.is_local() && environment.tls.certificate.empty()) {
      return not_loopback(
          "listen", text,
          "there is no TLS; set tls in an environment file, or listen on 127.0.0.1 and put a proxy "
          "with TLS and access control in front");
    }
    const bool any_port = !endpoint.is_unix() && endpoint.port == 0;
    if (!any_port && std::find(all.begin(), all.end(), endpoint) != all.end()) {
      return invalid_argument("app.listen_twice", "listen names " + text + " twice; keep one of them");
    }
    all.push_back(std::move(endpoint));
  }
  return all;
}

// Whoever reaches this one could load and unload.
Result<net::Endpoint> safe_admin(const Environment& environment) {
  SLIPWAY_ASSIGN_OR_RETURN(net::Endpoint endpoint, net::parse_endpoint(environment.admin));
  if (endpoint.is_local() || environment.tls.require_client) return endpoint;
  return not_loopback(
      "admin", environment.admin,
      "nothing keeps them out; set tls with require_client, so that they speak TLS and show a "
      "certificate, or listen on 127.0.0.1");
}

/// Refreshes the models every so often, on the admin server's loop; the next wait begins when a refresh has
/// ended. Thread: confined to the loop, except its making.
class WatchTimer final : public net::Timer {
 public:
  WatchTimer(serving::Server& models, net::Loop& loop, Duration every)
      : models_(models), loop_(loop), every_(every) {}
  void on_timer() override {
    models_.refresh([this](const Status&) { loop_.post([this] { arm(); }); });
  }
  void arm() { loop_.arm(*this, loop_.clock().now() + every_); }

 private:
  serving::Server& models_;
  net::Loop& loop_;
  const Duration every_;
};

class AssemblyImpl final : public Assembly {
 public:
  AssemblyImpl(Context& context, const Environment& environment)
      : context_(context),
        environment_(environment),
        metrics_(registry_, context.logger(), environment.log.access),
        worker_metrics_(registry_) {}

  ~AssemblyImpl() override {
    if (inference_server_ != nullptr) inference_server_->stop();
    if (admin_server_ != nullptr) admin_server_->stop();
    end_models();
    isolated_.clear();
    supervisor_.reset();
  }

  Status build() {
    serving::ServerOptions options;
    options.backends = context_.backends();
    options.clock = &context_.clock();
    options.logger = &context_.logger();
    options.metrics = &metrics_;
    const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    const std::size_t loops = environment_.loops > 0 ? static_cast<std::size_t>(environment_.loops) : cores;
    options.memory_bytes = environment_.memory.bytes;
    if (!environment_.state.empty()) {
      auto state = serving::StateStore::open(context_.files(), environment_.state);
      if (!state.ok()) return state.error().within("the setting state (" + environment_.state + ")");
      state_ = *std::move(state);
      options.state = state_.get();
      // In the folder that the state store has locked.
      auto poison = worker::PoisonList::open(
          context_.files(), io::join_path(environment_.state, "poison.json"), context_.clock());
      if (!poison.ok()) return poison.error().within("the setting state (" + environment_.state + ")");
      poison_ = *std::move(poison);
    }
    SLIPWAY_TRY(add_workers(options, loops));
    options.measured_memory = [this](std::string_view model) -> std::uint64_t {
      std::uint64_t bytes = 0;  // of the last of that name: another may be leaving
      for (const worker::WorkerStatus& worker : supervisor_->status()) {
        if (worker.model == model) bytes = worker.memory_bytes;
      }
      return bytes;
    };
    models_ = std::make_unique<serving::Server>(std::move(options));
    SLIPWAY_TRY(add_dialects());
    telemetry::register_process_metrics(registry_);

    SLIPWAY_ASSIGN_OR_RETURN(const auto inference, safe_inference(environment_));
    SLIPWAY_ASSIGN_OR_RETURN(const auto admin, safe_admin(environment_));
    SLIPWAY_ASSIGN_OR_RETURN(const auto tls, tls_of(environment_.tls, context_));
    SLIPWAY_ASSIGN_OR_RETURN(inference_server_, net::Server::create(server_options(environment_, loops),
                                                                    context_.clock(), context_.logger()));
    // A loop of its own, so that metrics and health answer while the inference loops are busy.
    SLIPWAY_ASSIGN_OR_RETURN(admin_server_, net::Server::create(server_options(environment_, 1),
                                                                context_.clock(), context_.logger()));
    for (const net::Endpoint& endpoint : inference) {
      SLIPWAY_ASSIGN_OR_RETURN(Listener listener,
                               open(*inference_server_, inference_handler_, endpoint,
                                    endpoint.is_unix() ? nullptr : tls, "server.listening"));
      inference_.push_back(std::move(listener));
    }
    SLIPWAY_ASSIGN_OR_RETURN(admin_, open(*admin_server_, admin_handler_, admin,
                                          admin.is_local() ? nullptr : tls, "server.admin_listening"));
    return {};
  }

  const std::vector<Listener>& inference() const override { return inference_; }
  const Listener& admin() const override { return admin_; }
  serving::Server& models() override { return *models_; }

  void start() override {
    admin_server_->start();
    inference_server_->start();
  }

  void watch() override {
    if (environment_.watch == Duration{}) return;
    net::Loop& loop = admin_server_->loop(0);
    watch_timer_ = std::make_unique<WatchTimer>(*models_, loop, environment_.watch);
    loop.post([this] { watch_timer_->arm(); });
  }

  bool drain() override {
    models_->begin_drain();
    const net::DrainReport report = drain_server(*inference_server_);
    inference_server_->stop();
    // The admin listener tells how the drain goes, so it ends last.
    drain_server(*admin_server_);
    admin_server_->stop();
    return report.complete;
  }

 private:
  Result<Listener> open(net::Server& server, RoutedHandler& handler, const net::Endpoint& endpoint,
                        const std::shared_ptr<net::TlsKeeper>& tls, std::string_view event) {
    Listener listener;
    SLIPWAY_ASSIGN_OR_RETURN(listener.endpoint,
                             server.listen({.endpoint = endpoint, .handler = &handler, .tls = tls}));
    listener.tls = tls != nullptr;
    // Standard error has the announcement too, where a person reads it.
    if (environment_.log.file.empty()) {
      context_.logger().debug(event, listener.address());
    } else {
      context_.logger().info(event, listener.address());
    }
    return listener;
  }

  // Ends the loader too, and with it the last refresh that knows the timer. A model ends after its last
  // answer, which comes by the loop that asked for it, although nobody waits for it there any more.
  void end_models() {
    std::atomic<bool> ended = false;
    std::thread loops([&] {
      while (inference_server_ != nullptr && !ended) {
        for (std::size_t i = 0; i < inference_server_->loops(); ++i) {
          inference_server_->loop(i).run_once(std::chrono::milliseconds(1));
        }
      }
    });
    models_.reset();
    ended = true;
    loops.join();
  }

  // Costs a thread that sleeps while no deployment wants a worker.
  Status add_workers(serving::ServerOptions& options, std::size_t loops) {
    worker::SupervisorOptions workers;
    workers.program.environment = context_.worker_environment();
    workers.clock = &context_.clock();
    workers.logger = &context_.logger();
    workers.observer = &worker_metrics_;
    workers.poison = poison_.get();
    workers.loops = static_cast<std::uint32_t>(loops);
    SLIPWAY_ASSIGN_OR_RETURN(supervisor_, worker::Supervisor::create(workers));
    for (backend::Backend* backend : context_.backends()) {
      isolated_.push_back(supervisor_->isolated(*backend));
      options.isolated_backends.push_back(isolated_.back().get());
    }
    worker_metrics_.watch(registry_, *supervisor_);
    return {};
  }

  Status add_dialects() {
    const SharedMemoryEntry& shared = environment_.shared_memory;
    if (shared.unsafe_by_name) {
      context_.logger().warning("server.shared_memory",
                                "shared_memory.unsafe_by_name is set: clients on this machine can read and "
                                "overwrite any memory object that this process may open");
      shared_memory_ = shared_memory::make_regions({.unsafe_by_name = true,
                                                    .max_regions = static_cast<std::size_t>(shared.regions),
                                                    .max_bytes = shared.size.bytes});
    }
    const auto max_body_bytes = static_cast<std::size_t>(environment_.limits.body.bytes);
    dialect::Host host{.server = models_.get(),
                       .clock = &context_.clock(),
                       .logger = &context_.logger(),
                       .limits = {.max_tensor_bytes = max_body_bytes},
                       .server_version = std::string(program_version()),
                       .descriptors = [this] { return descriptors(); },
                       .shared_memory = shared_memory_.get()};
    if (LeveledLogger* const logger = context_.leveled_logger(); logger != nullptr) {
      host.log_level = [logger] { return logger->level(); };
      host.set_log_level = [logger](LogLevel level) { logger->set_level(level); };
    }
    for (const auto& plugin : dialect_plugins()) {
      dialects_.push_back(plugin.make(host));
      SLIPWAY_TRY(inference_handler_.router.add(*dialects_.back()));
      SLIPWAY_TRY(admin_handler_.router.add(*dialects_.back()));
    }
    dialects_.push_back(admin::make_admin({.server = models_.get(),
                                           .render_metrics = [this] { return registry_.render(); },
                                           .server_version = std::string(program_version())}));
    return admin_handler_.router.add(*dialects_.back());
  }

  [[nodiscard]] std::vector<std::string> descriptors() const {
    std::vector<std::string> all;
    for (const auto& dialect : dialects_) {
      for (std::string& file : dialect->descriptors()) all.push_back(std::move(file));
    }
    return all;
  }

  net::DrainReport drain_server(net::Server& server) const {
    std::promise<net::DrainReport> drained;
    server.drain(environment_.drain.grace, environment_.drain.deadline,
                 [&](const net::DrainReport& report) { drained.set_value(report); });
    return drained.get_future().get();
  }

  Context& context_;
  const Environment environment_;
  telemetry::Registry registry_;
  RequestMetrics metrics_;
  WorkerMetrics worker_metrics_;
  std::unique_ptr<serving::StateStore> state_;
  std::unique_ptr<worker::PoisonList> poison_;  // null where no state is kept
  std::unique_ptr<worker::Supervisor> supervisor_;
  std::vector<std::unique_ptr<backend::Backend>> isolated_;
  std::unique_ptr<serving::Server> models_;
  std::unique_ptr<dialect::SharedMemory> shared_memory_;  // null where none is allowed
  std::vector<std::unique_ptr<dialect::Dialect>> dialects_;
  RoutedHandler inference_handler_{serving::Router::Listener::kInference};
  RoutedHandler admin_handler_{serving::Router::Listener::kAdmin};
  std::unique_ptr<net::Server> inference_server_;
  std::unique_ptr<net::Server> admin_server_;
  std::vector<Listener> inference_;
  Listener admin_;
  std::unique_ptr<WatchTimer> watch_timer_;
};

}  // namespace

std::string Listener::address() const {
  return endpoint.is_unix() ? endpoint.to_string() : (tls ? "https://" : "http://") + endpoint.to_string();
}

Result<std::unique_ptr<Assembly>> Assembly::create(Context& context, const Environment& environment) {
  auto assembly = std::make_unique<AssemblyImpl>(context, environment);
  SLIPWAY_TRY(assembly->build());
  return std::unique_ptr<Assembly>(std::move(assembly));
}

}  // namespace slipway::app
