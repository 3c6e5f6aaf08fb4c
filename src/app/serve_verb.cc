// `slipway serve`: a running server; says where it listens and prints a request to paste.
#include <sys/resource.h>

#include <csignal>
#include <future>
#include <optional>
#include <set>

#include "app/assembly.h"
#include "app/models.h"
#include "app/verbs.h"
#include "app/version.gen.h"
#include "base/text.h"
#include "config/units.h"
#include "io/file_helpers.h"

namespace slipway::app {
namespace {

struct Options {
  std::vector<std::string> targets, listen;
  std::string config, admin, name, log_level, log_format, isolation;
  std::int64_t port = -1;
  std::int64_t loops = -1;
  std::int64_t threads = -1;
  std::int64_t instances = -1;
  bool access_log = false;
  bool watch = false;
};

constexpr Duration kWatchEvery = std::chrono::seconds(2);  // of --watch, where no file says

bool is_settings_file(const std::string& target) {
  return target.ends_with(".yaml") || target.ends_with(".yml");
}

Result<Environment> read_environment(Context& context, const std::string& file) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 20U;
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, io::read_all(context.files(), file, kMaxBytes));
  return config::decode(environment_schema(), text, file);
}

// What the command line says goes before what the file says.
Result<Environment> environment_of(Context& context, Options& options) {
  std::erase_if(options.targets, [&](const std::string& target) {
    if (!options.config.empty() || !is_settings_file(target)) return false;
    options.config = target;
    return true;
  });
  Environment environment;
  if (!options.config.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(environment, read_environment(context, options.config));
  }
  if (!options.listen.empty()) environment.listen = options.listen;
  if (!options.admin.empty()) environment.admin = options.admin;
  if (options.port >= 0) {
    std::string& listen = environment.listen.front();
    const std::size_t colon = listen.rfind(':');
    if (environment.listen.size() > 1 || colon == std::string::npos || listen.starts_with("unix:")) {
      return invalid_argument("app.port",
                              "--port needs one listener with a port, not " + join_words(environment.listen));
    }
    listen = listen.substr(0, colon + 1) + std::to_string(options.port);
  }
  if (options.loops >= 0) environment.loops = options.loops;
  if (!options.log_level.empty()) environment.log.level = options.log_level;
  if (!options.log_format.empty()) environment.log.format = options.log_format;
  environment.log.access = environment.log.access || options.access_log;
  if (options.watch && environment.watch == Duration{}) environment.watch = kWatchEvery;
  return environment;
}

LogOptions log_options(const Context& context, const LogEntry& entry) {
  LogOptions options;
  const std::vector<std::string> levels = {"debug", "info", "warning", "error", "off"};
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (entry.level == levels[i]) options.level = static_cast<LogLevel>(i);
  }
  if (context.options().quiet && options.level < LogLevel::kWarning) options.level = LogLevel::kWarning;
  if (context.options().verbose) options.level = LogLevel::kDebug;
  options.format = entry.format == "json" ? LogFormat::kJson : LogFormat::kText;
  options.file = entry.file;
  return options;
}

serving::QueueSettings queue_settings_of(const DeploymentEntry& entry) {
  serving::QueueSettings queue;
  queue.items = static_cast<std::size_t>(entry.queue);
  queue.bytes = static_cast<std::size_t>(entry.queue_size.bytes);
  queue.max_wait = entry.queue_wait;
  queue.priority_levels = static_cast<std::size_t>(entry.priority.levels);
  queue.default_priority = static_cast<std::size_t>(entry.priority.usual);
  queue.max_batch_rows = static_cast<std::size_t>(entry.batch.max_rows);
  for (const std::int64_t rows : entry.batch.sizes)
    queue.batch_sizes.push_back(static_cast<std::size_t>(rows));
  if (!queue.batch_sizes.empty()) queue.max_batch_rows = queue.batch_sizes.back();
  queue.batch_delay = entry.batch.delay;
  return queue;
}

serving::DeploymentSettings settings_of(const DeploymentEntry& entry) {
  serving::DeploymentSettings settings;
  settings.threads = static_cast<int>(entry.threads);
  settings.affinity = entry.affinity;
  settings.instances = entry.instances > 0 ? static_cast<std::size_t>(entry.instances)
                                           : std::max(1U, std::thread::hardware_concurrency());
  settings.queue = queue_settings_of(entry);
  settings.latest_versions = static_cast<std::size_t>(entry.versions.latest);
  settings.only_versions = entry.versions.only;
  settings.labels = entry.labels;
  settings.on_demand = entry.load == "on_demand";
  settings.golden_time = entry.golden_time;
  settings.run_in_place = entry.run_in_place;
  settings.isolation =
      entry.isolation == "worker" ? serving::Isolation::kWorker : serving::Isolation::kInline;
  settings.process.group = entry.worker.group;
  settings.process.memory_bytes = static_cast<std::size_t>(entry.worker.memory.bytes);
  settings.process.niceness = static_cast<int>(entry.worker.niceness);
  settings.process.run_floor = entry.worker.watchdog;
  settings.process.python = entry.worker.python;
  settings.process.sandbox = entry.worker.sandbox != "off";
  return settings;
}

Status check_names(const std::vector<Servable>& all) {
  std::set<std::string> names;
  for (const Servable& one : all) {
    for (const auto& deployment : one.deployments) {
      SLIPWAY_TRY(check_name("deployment", deployment.name));
      if (names.insert(deployment.name).second) continue;
      return invalid_argument("app.name_twice",
                              "two models would be served as \"" + deployment.name +
                                  "\"; give deployments names of their own in an environment file");
    }
  }
  return {};
}

// What is served without an environment file.
DeploymentEntry entry_of(const Options& options) {
  DeploymentEntry entry;
  if (options.threads >= 0) entry.threads = options.threads;
  if (options.instances >= 0) entry.instances = options.instances;
  if (!options.isolation.empty()) entry.isolation = options.isolation;
  return entry;
}

Result<std::vector<Servable>> what_to_serve(Context& context, const Options& options,
                                            const Environment& environment) {
  const std::string store = environment.store.empty() ? local_store(context) : environment.store;
  std::vector<Servable> all;
  const DeploymentEntry from_flags = entry_of(options);
  for (const std::string& target : options.targets) {
    SLIPWAY_ASSIGN_OR_RETURN(auto found, servable(context, target, store, settings_of(from_flags)));
    if (!options.name.empty() && found.deployments.size() == 1 && options.targets.size() == 1)
      found.deployments.front().name = options.name;
    all.push_back(std::move(found));
  }
  for (const auto& [name, entry] : environment.deployments) {
    if (!entry.worker.group.empty()) SLIPWAY_TRY(check_name("group", entry.worker.group));
    SLIPWAY_ASSIGN_OR_RETURN(auto found, servable(context, entry.package, store, settings_of(entry)));
    if (found.deployments.size() != 1) {
      return invalid_argument("app.several_models", "deployment \"" + name + "\" names " + entry.package +
                                                        ", which holds several models; name one of them");
    }
    found.deployments.front().name = name;
    found.repository.reset();
    all.push_back(std::move(found));
  }
  SLIPWAY_TRY(check_names(all));
  return all;
}

struct Outcome {
  std::string name;
  Status status;
};

// `usual`: for what comes to a repository that is empty now.
std::vector<Outcome> load_all(serving::Server& server, std::vector<Servable> wanted,
                              const serving::DeploymentSettings& usual) {
  std::vector<Outcome> outcomes;
  std::vector<std::future<Status>> waiting;
  for (Servable& one : wanted) {
    const serving::DeploymentSettings settings =
        one.deployments.empty() ? usual : one.deployments.front().settings;
    for (serving::Deployment& deployment : one.deployments) {
      outcomes.push_back({deployment.name, {}});
      auto promise = std::make_shared<std::promise<Status>>();
      waiting.push_back(promise->get_future());
      server.deploy(std::move(deployment), [promise](const Status& status) { promise->set_value(status); });
    }
    if (one.repository != nullptr) server.add_repository(std::move(one.repository), settings);
  }
  // What is announced as serving is ready, so that is waited for.
  const auto started = std::make_shared<std::promise<void>>();
  server.start([started] { started->set_value(); });
  started->get_future().wait();
  for (std::size_t i = 0; i < outcomes.size(); ++i) outcomes[i].status = waiting[i].get();
  return outcomes;
}

std::vector<std::string> inference_addresses(const Assembly& assembly) {
  std::vector<std::string> all;
  for (const Listener& listener : assembly.inference()) all.push_back(listener.address());
  return all;
}

std::string request_to_paste(const Assembly& assembly, const dialect::ServedModel& model) {
  const std::string record =
      model.example_record().empty() ? model.function().example() : model.example_record();
  std::string curl = "curl ";
  const Listener& listener = assembly.inference().front();
  if (listener.endpoint.is_unix()) {
    curl += "--unix-socket " + listener.endpoint.path + " http://localhost";
  } else {
    curl += listener.address();
  }
  return curl + "/predict/" + model.name() + " -H 'Content-Type: application/json' -d '{\"records\": [" +
         record + "]}'";
}

void announce(Context& context, Assembly& assembly, const std::vector<Outcome>& outcomes) {
  if (context.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    writer.field("inference", assembly.inference().front().address());
    writer.field("admin", assembly.admin().address());
    writer.key("listeners");
    writer.begin_array();
    for (const std::string& address : inference_addresses(assembly)) writer.string(address);
    writer.end_array();
    writer.key("models");
    writer.begin_array();
    for (const auto& status : assembly.models().index()) {
      writer.begin_object();
      writer.field("name", status.name);
      writer.field("version", status.version);
      writer.field("state", dialect::state_name(status.state));
      writer.field("reason", status.reason);
      writer.end_object();
    }
    writer.end_array();
    writer.end_object();
    context.print(text);
    return;
  }
  context.print("serving on " + join_words(inference_addresses(assembly)) + ", admin on " +
                assembly.admin().address());
  std::optional<std::string> paste;
  for (const Outcome& outcome : outcomes) {
    const auto model = assembly.models().find(outcome.name, "");
    if (!model.ok()) {
      // A client may have unloaded it meanwhile: it was ready, and is not any more.
      const Error& why = outcome.status.ok() ? model.error() : outcome.status.error();
      const bool later = why.id() == dialect::kOnDemand || why.id() == "model.unknown";
      context.print("  " + outcome.name + (later ? ": " : ": not ready: ") + why.message());
      continue;
    }
    const auto versions = assembly.models().versions(outcome.name);
    std::string line =
        "  " + outcome.name + " " + (versions.ok() ? join_words(*versions) : (*model)->version());
    if (const auto run = static_cast<const serving::Revision&>(**model).measured_run()) {
      line += ", " + config::format_duration(std::chrono::round<std::chrono::microseconds>(*run)) + " a call";
      const std::size_t rows = static_cast<const serving::Revision&>(**model).max_batch_rows();
      if (rows > 1) line += ", up to " + std::to_string(rows) + " rows a run";
    }
    context.print(line);
    if (!outcome.status.ok()) context.print("    " + outcome.status.error().message());
    if (!paste) paste = request_to_paste(assembly, **model);
  }
  if (paste) context.print("ask it:\n  " + *paste);
}

// Why no model could be loaded. A lone file that no backend takes is looked at more closely.
Error why_none(Context& context, const Options& options, const std::vector<Outcome>& outcomes) {
  const Error& error = outcomes.front().status.error();
  if (error.id() != "serving.unknown_format" || options.targets.size() != 1) return error;
  const Status file = check_model_file(context, options.targets.front());
  return file.ok() || file.error().id().starts_with("io.") ? error : file.error();
}

// Each connection takes a descriptor and each worker about nine, and systems start programs with 1024, for
// the sake of those that still use select(). What may be had is had; a failure leaves it as it was.
void take_all_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Exit serve(Context& context, Options& options) {
  auto environment = environment_of(context, options);
  if (!environment.ok()) return context.fail(environment.error());
  if (options.targets.empty() && environment->deployments.empty()) {
    return context.fail(
        invalid_argument("app.nothing_to_serve",
                         "nothing to serve: give a model file, a package or a folder, or deployments in "
                         "an environment file; slipway serve --help has examples"));
  }
  // Signals are taken by sigwait below, so no thread may be interrupted by them: block them before any thread
  // starts.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  context.use_logger(log_options(context, environment->log));
  take_all_descriptors();
  auto wanted = what_to_serve(context, options, *environment);
  if (!wanted.ok()) return context.fail(wanted.error());
  auto assembly = Assembly::create(context, *environment);
  if (!assembly.ok()) return context.fail(assembly.error());
  (*assembly)->start();
  const auto outcomes = load_all((*assembly)->models(), std::move(*wanted), settings_of(entry_of(options)));
  const bool any_ready = std::any_of(outcomes.begin(), outcomes.end(), [&](const Outcome& outcome) {
    return outcome.status.ok() || (*assembly)->models().find(outcome.name, "").ok();
  });
  if (!any_ready) {
    (*assembly)->drain();
    return context.fail(why_none(context, options, outcomes).within("no model could be loaded"));
  }
  announce(context, **assembly, outcomes);
  (*assembly)->watch();
  int signal = 0;
  sigwait(&signals, &signal);
  // Whoever does not want to wait presses Ctrl-C once more, even where this was started with that ignored, as
  // shells start what runs in the background.
  ::signal(SIGINT, SIG_DFL);
  sigdelset(&signals, SIGTERM);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  context.logger().info("server.stopping", "finishing requests in flight");
  const bool complete = (*assembly)->drain();
  context.print(complete ? "stopped: every request was answered"
                         : "stopped: requests in flight were cut off at the deadline");
  return complete ? Exit::kDone : Exit::kFailed;
}

}  // namespace

Verb serve_verb() {
  auto options = std::make_shared<Options>();
  Verb verb;
  verb.name = "serve";
  verb.group = "Run a model";
  verb.summary = "Serves models over HTTP and prints a request to paste";
  verb.arguments = {
      {.names = "TARGET",
       .help =
           "Packages (wine, wine:1.2.0, file:///shelf/wine:1.0.0), model files, stores, model repositories "
           "(NAME/VERSION/model.onnx), or an environment file",
       .target = &options->targets,
       .completes = Completes::kReference},
      {.names = "--config",
       .help = "An environment file",
       .target = &options->config,
       .value_name = "FILE",
       .completes = Completes::kFile},
      {.names = "-p,--port",
       .help = "The port clients are answered on; 0 takes a free one",
       .target = &options->port,
       .value_name = "PORT"},
      {.names = "--listen",
       .help = "HOST:PORT, [IPv6]:PORT or unix:PATH for clients; may be repeated (default 127.0.0.1:8080)",
       .target = &options->listen,
       .value_name = "ADDRESS"},
      {.names = "--admin",
       .help = "HOST:PORT or unix:PATH for metrics and control (default 127.0.0.1:8081)",
       .target = &options->admin,
       .value_name = "ADDRESS"},
      {.names = "--name",
       .help = "What clients call the one model that is served",
       .target = &options->name,
       .value_name = "NAME"},
      {.names = "--loops",
       .help = "Event loops; 0 is one per core",
       .target = &options->loops,
       .value_name = "N"},
      {.names = "--threads",
       .help = "Threads inside one run; 0 is one per core",
       .target = &options->threads,
       .value_name = "N"},
      {.names = "--instances",
       .help = "Runs at the same time; 0 is one per core",
       .target = &options->instances,
       .value_name = "N"},
      {.names = "--isolation",
       .help = "worker (default): each model in a process of its own; inline: in the server itself",
       .target = &options->isolation,
       .value_name = "WHERE",
       .choices = {"worker", "inline"},
       .completes = Completes::kChoice},
      {.names = "--log-level",
       .help = "The least important lines that are written",
       .target = &options->log_level,
       .value_name = "LEVEL",
       .choices = {"debug", "info", "warning", "error", "off"},
       .completes = Completes::kChoice},
      {.names = "--log-format",
       .help = "Lines for people or for machines",
       .target = &options->log_format,
       .value_name = "FORMAT",
       .choices = {"text", "json"},
       .completes = Completes::kChoice},
      {.names = "--watch",
       .help =
           "Look for new, changed and removed models every two seconds, or as often as the environment says",
       .target = &options->watch},
      {.names = "--access-log", .help = "A line per request", .target = &options->access_log},
  };
  verb.examples = {{"slipway serve model.onnx", "serves a bare model file as \"model\""},
                   {"slipway serve wine:1.0.0 --port 9000", "serves a package from the local store"},
                   {"slipway serve models/", "serves a model repository: models/NAME/VERSION/model.onnx"},
                   {"slipway serve environment.yaml", "serves what the file describes"}};
  verb.run = [options](Context& context) { return serve(context, *options); };
  verb.options = options;
  return verb;
}

}  // namespace slipway::app
