#include "app/environment.h"

#include "base/text.h"
#include "serving/model_table.h"

namespace slipway::app {
namespace {

void check_batch(const BatchEntry& batch, config::Problems& problems) {
  for (std::size_t i = 1; i < batch.sizes.size(); ++i) {
    if (batch.sizes[i] <= batch.sizes[i - 1])
      problems.add("sizes", "the sizes are to ascend", "write them from the smallest to the largest");
  }
  if (!batch.sizes.empty() && batch.max_rows > 0 && batch.max_rows != batch.sizes.back())
    problems.add("max_rows", "max_rows is not the last of sizes",
                 "leave it out: the last of sizes is the most");
}

config::Schema<BatchEntry> batch_schema() {
  const config::Range<std::int64_t> rows{
      .min = 0, .max = 65536, .reason = "rows of one run share its memory"};
  config::Schema<BatchEntry> schema("batch", "How requests that wait are run together.");
  schema
      .field("max_rows", &BatchEntry::max_rows, config::integer<std::int64_t>(rows),
             {.text = "Rows of one run; 0 is as many as pay, measured when the model is loaded, 1 runs every "
                      "request alone. A request with more than is set here is run in pieces."})
      .field("sizes", &BatchEntry::sizes,
             config::list(config::integer<std::int64_t>(
                 {.min = 1, .max = 65536, .reason = "rows of one run share its memory"})),
             {.text = "Rows that a run may have, ascending; what has fewer is filled up. Empty is any."})
      .field("delay", &BatchEntry::delay,
             config::duration({.max = std::chrono::seconds(10), .reason = "every request may wait so long"}),
             {.text = "How long a request waits for others to run with; 0s is not at all."});
  schema.check(check_batch);
  return schema;
}

config::Schema<PriorityEntry> priority_schema() {
  const config::Range<std::int64_t> levels{.min = 1, .max = 16, .reason = "each is a queue"};
  config::Schema<PriorityEntry> schema("priority", "Which requests go first.");
  schema
      .field("levels", &PriorityEntry::levels, config::integer<std::int64_t>(levels),
             {.text = "How many there are; 1 goes first."})
      .field("usual", &PriorityEntry::usual, config::integer<std::int64_t>(levels),
             {.text = "That of requests which name none, or one that there is not."});
  schema.check([](const PriorityEntry& priority, config::Problems& problems) {
    if (priority.usual > priority.levels)
      problems.add("usual", "the usual priority is beyond levels", "choose one from 1 to levels");
  });
  return schema;
}

config::Schema<VersionsEntry> versions_schema() {
  config::Schema<VersionsEntry> schema("versions", "Which versions are ready side by side.");
  schema
      .field("latest", &VersionsEntry::latest,
             config::integer<std::int64_t>({.min = 0, .max = 10'000, .reason = "each is loaded"}),
             {.text = "Only so many, the newest; 0 is all."})
      .field("only", &VersionsEntry::only, {.text = "Only these; empty is all."});
  return schema;
}

config::Schema<WorkerEntry> worker_schema() {
  config::Schema<WorkerEntry> schema("worker", "What a worker may take, with isolation: worker.");
  schema
      .field(
          "group", &WorkerEntry::group,
          {.text = "Deployments of one group share a process, and its death; empty is a process of its own.",
           .example = "small"})
      .field("memory", &WorkerEntry::memory,
             {.text = "Memory of its own; beyond it the worker is replaced. 0B is no limit."})
      .field(
          "niceness", &WorkerEntry::niceness,
          config::integer<std::int64_t>(
              {.min = 0, .max = 19, .reason = "less than 0 needs a privilege that a server should not have"}),
          {.text = "How readily it gives way to other processes."})
      .field("watchdog", &WorkerEntry::watchdog,
             config::duration({.min = std::chrono::milliseconds(100), .reason = "a busy machine is no hang"}),
             {.text = "No run is taken for hung before this; then at fifty times the longest seen."})
      .field("sandbox", &WorkerEntry::sandbox, config::one_of({"on", "off"}),
             {.text = "on: no network, no files, no other program; off: for a backend that needs more, and a "
                      "model that can be trusted."})
      .field("python", &WorkerEntry::python,
             {.text = "The interpreter that may run the model where it is Python code, such as a virtual "
                      "environment's; empty is none.",
              .example = "/usr/bin/python3"});
  return schema;
}

config::Schema<DeploymentEntry> deployment_schema() {
  config::Schema<DeploymentEntry> schema("deployment", "A named, running use of packages.");
  schema
      .field("package", &DeploymentEntry::package,
             config::text({.min_bytes = 1, .what = "a package reference"}),
             {.text = "What to serve: wine, wine:1.2.0, wine@sha256:..., a path, or a store address.",
              .example = "wine:1.0.0",
              .required = true})
      .field("instances", &DeploymentEntry::instances,
             config::integer<std::int64_t>({.min = 0, .max = 1024, .reason = "each is a thread"}),
             {.text = "Runs at the same time, off the event loops; 0 is one per core."})
      .field("threads", &DeploymentEntry::threads,
             config::integer<std::int64_t>({.min = 0, .max = 1024, .reason = "more than any machine has"}),
             {.text = "Threads inside one run; 0 is one per core."})
      .field("affinity", &DeploymentEntry::affinity, {.text = "Cores for those threads; empty is any."})
      .field("queue", &DeploymentEntry::queue,
             config::integer<std::int64_t>(
                 {.min = 1, .max = 1'000'000, .reason = "every waiting request holds memory"}),
             {.text = "Requests that may wait; more are refused at once."})
      .field("queue_size", &DeploymentEntry::queue_size,
             {.text = "Their inputs together; more are refused at once."})
      .field("queue_wait", &DeploymentEntry::queue_wait,
             {.text =
                  "A request that would wait longer for its answer is refused at once; 0s is only by its own "
                  "deadline."})
      .field("priority", &DeploymentEntry::priority, priority_schema(), {.text = "Which requests go first."})
      .field("batch", &DeploymentEntry::batch, batch_schema(),
             {.text = "How requests that wait are run together."})
      .field("versions", &DeploymentEntry::versions, versions_schema(),
             {.text = "Which versions are ready side by side, where the package names none."})
      .field(
          "labels", &DeploymentEntry::labels,
          config::map(config::text({.min_bytes = 1, .what = "a version"}),
                      {.key = "LABEL",
                       .check_key = [](std::string_view label) { return serving::check_label(label); }}),
          {.text =
               "Names that stand for versions, such as stable: \"2\"; each takes effect when its version is "
               "ready, and can be moved by a call."})
      .field(
          "load", &DeploymentEntry::load, config::one_of({"at_start", "on_demand"}),
          {.text =
               "at_start; or on_demand: by the first request for it, and the least recently used leaves when "
               "memory is short."})
      .field("golden_time", &DeploymentEntry::golden_time,
             {.text =
                  "How long the package's golden requests are asked before a version gets requests; at least "
                  "one is. 0s asks none."})
      .field("run_in_place", &DeploymentEntry::run_in_place,
             config::duration(
                 {.max = std::chrono::milliseconds(10), .reason = "all connections of a loop wait for it"}),
             {.text = "A run expected to be shorter than this stays on the event loop."})
      .field("isolation", &DeploymentEntry::isolation, config::one_of({"worker", "inline"}),
             {.text = "worker: in a process of its own, which may crash, leak or hang alone; inline: in the "
                      "server itself, for a trusted model of microseconds."})
      .field("worker", &DeploymentEntry::worker, worker_schema(),
             {.text = "What a worker may take, with isolation: worker."});
  return schema;
}

config::Schema<LimitsEntry> limits_schema() {
  config::Schema<LimitsEntry> schema("limits", "What a client may cost.");
  schema
      .field("body", &LimitsEntry::body,
             {.text = "The largest request body, and gRPC message; beyond it: 413, RESOURCE_EXHAUSTED."})
      .field("head", &LimitsEntry::head, {.text = "Request line and headers together; beyond it: 431."})
      .field("connections", &LimitsEntry::connections,
             config::integer<std::int64_t>({.min = 1, .max = 1'000'000, .reason = "each takes a descriptor"}),
             {.text = "Connections in all; beyond it: 503."})
      .field("connections_per_client", &LimitsEntry::connections_per_client,
             config::integer<std::int64_t>({.min = 1, .max = 1'000'000, .reason = "each takes a descriptor"}),
             {.text = "Connections from one address of another machine; of IPv6, from one /64 network."})
      .field("head_time", &LimitsEntry::head_time, {.text = "From the first byte to the end of the headers."})
      .field("idle_time", &LimitsEntry::idle_time, {.text = "How long an idle connection is kept."});
  return schema;
}

config::Schema<TlsEntry> tls_schema() {
  config::Schema<TlsEntry> schema("tls", "TLS for clients over the network.");
  schema
      .field("certificate", &TlsEntry::certificate,
             {.text = "A file in PEM: the server's certificate, then those between it and the root."})
      .field("key", &TlsEntry::key, {.text = "A file in PEM: its key, without a password."})
      .field("client_ca", &TlsEntry::client_ca,
             {.text = "A file in PEM: who vouches for clients that show a certificate; empty asks for none."})
      .field("require_client", &TlsEntry::require_client,
             {.text = "Clients without a certificate are sent away."});
  return schema;
}

config::Schema<SharedMemoryEntry> shared_memory_schema() {
  config::Schema<SharedMemoryEntry> schema("shared_memory", "Memory that clients on this machine share.");
  schema
      .field(
          "unsafe_by_name", &SharedMemoryEntry::unsafe_by_name,
          {.text = "Clients may register any memory object under /dev/shm by its name, other programs' too, "
                   "and so read and overwrite what only the server may."})
      .field(
          "regions", &SharedMemoryEntry::regions,
          config::integer<std::int64_t>({.min = 1, .max = 65536, .reason = "each keeps a descriptor open"}),
          {.text = "Regions that may be registered at a time."})
      .field("size", &SharedMemoryEntry::size, {.text = "All regions together."});
  return schema;
}

config::Schema<DrainEntry> drain_schema() {
  config::Schema<DrainEntry> schema("drain", "How the server ends.");
  schema
      .field("grace", &DrainEntry::grace,
             {.text = "After readiness turned off, how long new requests are still taken."})
      .field("deadline", &DrainEntry::deadline, {.text = "How long requests in flight may take to finish."});
  return schema;
}

config::Schema<LogEntry> log_schema() {
  config::Schema<LogEntry> schema("log", "What is logged, and where to.");
  schema
      .field("level", &LogEntry::level, config::one_of({"debug", "info", "warning", "error", "off"}),
             {.text = "The least important lines that are written."})
      .field("format", &LogEntry::format, config::one_of({"text", "json"}),
             {.text = "Lines for people or for machines."})
      .field("file", &LogEntry::file, {.text = "Where to; empty is standard error."})
      .field("access", &LogEntry::access, {.text = "A line per request."});
  return schema;
}

}  // namespace

config::Schema<Environment> environment_schema() {
  const config::TextRule address{.min_bytes = 1, .what = "an address such as 127.0.0.1:8080"};
  config::Schema<Environment> schema("environment", "One place that serves models.");
  schema
      .field("listen", &Environment::listen,
             config::list(config::text(address), {.min_items = 1, .max_items = 64, .or_one = true}),
             {.text = "Where clients are answered: HOST:PORT, [IPv6]:PORT or unix:PATH, or several of them. "
                      "Loopback only, unless tls is set."})
      .field("admin", &Environment::admin, config::text(address),
             {.text = "Where metrics and the control API answer: HOST:PORT, or unix:PATH. Loopback "
                      "only, unless tls asks every client for a certificate."})
      .field(
          "loops", &Environment::loops,
          config::integer<std::int64_t>({.min = 0, .max = 1024, .reason = "more than any machine has cores"}),
          {.text = "Event loops; 0 is one per core."})
      .field("store", &Environment::store,
             {.text = "The folder of the package store; empty is $SLIPWAY_HOME/store."})
      .field("memory", &Environment::memory,
             {.text = "That all models together may have, by the size of their files and what is measured of "
                      "their workers; 0B is no limit. Models with load: on_demand leave to make room."})
      .field("state", &Environment::state,
             {.text = "A folder where it is kept what calls unload and label, and which requests workers "
                      "died of, for "
                      "the next start; empty is nowhere."})
      .field("watch", &Environment::watch,
             config::duration({.max = std::chrono::hours(24), .reason = "longer is as good as never"}),
             {.text = "How often the places that models come from are looked at for changes; 0s is never."})
      .field(
          "tls", &Environment::tls, tls_schema(),
          {.text =
               "TLS, for the listener of clients, and for that of control where other machines reach it. The "
               "files are read again when they change."})
      .field("limits", &Environment::limits, limits_schema(), {.text = "What a client may cost."})
      .field("shared_memory", &Environment::shared_memory, shared_memory_schema(),
             {.text = "Memory that clients on this machine share with the server, for tensors."})
      .field("drain", &Environment::drain, drain_schema(), {.text = "How the server ends."})
      .field("log", &Environment::log, log_schema(), {.text = "What is logged, and where to."})
      .field("deployments", &Environment::deployments,
             config::map(deployment_schema().type(),
                         {.key = "NAME",
                          .check_key = [](std::string_view name) { return check_name("deployment", name); }}),
             {.text = "What is served, by the name that clients use."});
  return schema;
}

}  // namespace slipway::app
