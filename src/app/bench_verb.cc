// `slipway bench`: a load test of a server, in a closed or an open loop.
#include <unistd.h>

#include <atomic>
#include <csignal>

#include "app/bench_report.h"
#include "app/context.h"
#include "app/verbs.h"
#include "base/text.h"
#include "config/units.h"
#include "remote/load_requests.h"

namespace slipway::app {
namespace {

struct Options {
  remote::LoadTarget target;
  net::TlsTrust trust;
  std::int64_t concurrency = 1;
  std::int64_t connections = 0;
  double rate = 0;
  std::string arrivals = "poisson";
  std::string duration = "2s";
  std::string warm_up = "200ms";
  bool plot = false;
};

std::atomic<bool> interrupted{false};  // set by Ctrl-C: the run ends and reports what it has

// How requests in flight are spread over connections.
Status spread(const Options& options, net::LoadOptions& load) {
  constexpr std::int64_t kMost = 10000;
  if (options.concurrency < 1 || options.concurrency > kMost) {
    return invalid_argument("app.concurrency", "--concurrency is 1 to 10000");
  }
  const bool http1 = load.protocol == net::LoadProtocol::kHttp1;
  if (options.connections < 0 || options.connections > options.concurrency) {
    return invalid_argument("app.concurrency", "--connections is 1 to --concurrency");
  }
  if (http1 && options.connections != 0 && options.connections != options.concurrency) {
    return invalid_argument("app.concurrency",
                            "with HTTP/1.1 each request in flight has a connection of its own: leave out "
                            "--connections, or add --http2");
  }
  const std::int64_t connections =
      http1 ? options.concurrency : std::max<std::int64_t>(options.connections, 1);
  if (options.concurrency % connections != 0) {
    return invalid_argument("app.concurrency", "--concurrency must be a multiple of --connections");
  }
  load.connections = static_cast<std::size_t>(connections);
  load.streams = static_cast<std::size_t>(options.concurrency / connections);
  return {};
}

Status fill_times(const Options& options, net::LoadOptions& load) {
  auto duration = config::parse_duration(options.duration);
  if (!duration.ok()) return duration.error().within("--duration");
  auto warm_up = config::parse_duration(options.warm_up);
  if (!warm_up.ok()) return warm_up.error().within("--warm-up");
  load.duration = *duration;
  load.warm_up = *warm_up;
  if (options.rate < 0 || options.rate > 1e7) {
    return invalid_argument("app.rate", "--rate is requests per second, up to 10000000");
  }
  load.rate = options.rate;
  load.even = options.arrivals == "even";
  return {};
}

Exit bench(Context& context, const Options& options) {
  net::LoadOptions load;
  BenchSettings settings;
  if (const Status times = fill_times(options, load); !times.ok()) return context.fail(times.error());
  if (const Status filled =
          remote::fill_requests(context.remote_host(options.trust), options.target, load, settings.protocol);
      !filled.ok()) {
    return context.fail(filled.error());
  }
  if (const Status spreaded = spread(options, load); !spreaded.ok()) return context.fail(spreaded.error());
  settings.connections = load.connections;
  settings.concurrency = load.connections * load.streams;
  settings.rate = load.rate;
  settings.plot = options.plot || (isatty(STDOUT_FILENO) != 0 && !context.json());
  std::signal(SIGINT, [](int) { interrupted.store(true); });
  context.progress("measuring for " + options.duration + " ...");
  const auto report = net::run_load(load, context.clock(), interrupted);
  context.progress("");
  if (!report.ok()) return context.fail(report.error());
  if (context.json()) {
    print_bench_json(context, settings, *report);
  } else {
    print_bench_text(context, settings, *report);
  }
  return all_fine(*report) ? Exit::kDone : Exit::kFailed;
}

std::vector<Argument> load_arguments(Options& options) {
  return {
      {.names = "-c,--concurrency",
       .help = "Requests in flight at once",
       .target = &options.concurrency,
       .value_name = "N"},
      {.names = "--connections",
       .help = "Connections they share, with HTTP/2 and gRPC (default 1)",
       .target = &options.connections,
       .value_name = "N"},
      {.names = "--rate",
       .help = "Open loop: requests per second, due whatever the server does; --concurrency is then the most "
               "in flight",
       .target = &options.rate,
       .value_name = "N"},
      {.names = "--arrivals",
       .help = "Open loop: at random, as independent users come (poisson), or at even distances",
       .target = &options.arrivals,
       .value_name = "HOW",
       .choices = {"poisson", "even"},
       .completes = Completes::kChoice},
      {.names = "-d,--duration",
       .help = "How long to measure",
       .target = &options.duration,
       .value_name = "TIME"},
      {.names = "--warm-up",
       .help = "How long to run before that",
       .target = &options.warm_up,
       .value_name = "TIME"},
      {.names = "--plot", .help = "Show latencies as bars (on a terminal always)", .target = &options.plot}};
}

std::vector<Argument> target_arguments(remote::LoadTarget& target) {
  return {
      {.names = "TARGET",
       .help = "An address: http://127.0.0.1:8080/predict/wine, a server with one model, or any path with "
               "--body",
       .target = &target.address,
       .value_name = "URL",
       .required = true},
      {.names = "--protocol",
       .help = "What to speak (default: by the address); http sends --body as it is",
       .target = &target.protocol,
       .value_name = "NAME",
       .choices = remote::load_protocols(),
       .completes = Completes::kChoice},
      {.names = "--http2", .help = "HTTP/2 instead of HTTP/1.1", .target = &target.http2},
      {.names = "--records",
       .help = "Records to send in turn: CSV, JSON or JSON Lines (default: the model's example)",
       .target = &target.records,
       .value_name = "FILE",
       .completes = Completes::kFile},
      {.names = "--body",
       .help = "A file with the body of each request, or the message of each call, sent as it is",
       .target = &target.body,
       .value_name = "FILE",
       .completes = Completes::kFile}};
}

}  // namespace

Verb bench_verb() {
  auto options = std::make_shared<Options>();
  Verb verb;
  verb.name = "bench";
  verb.group = "Ask and measure";
  verb.summary = "Measures a server under load, closed loop or at a rate";
  verb.arguments = target_arguments(options->target);
  for (Argument& argument : load_arguments(*options)) verb.arguments.push_back(std::move(argument));
  for (Argument& argument : trust_arguments(options->trust)) verb.arguments.push_back(std::move(argument));
  verb.examples = {
      {"slipway bench http://127.0.0.1:8080/predict/wine", "one request at a time, two seconds"},
      {"slipway bench http://127.0.0.1:8080/predict/wine -c 64 --rate 20000 -d 10s",
       "an open loop: 20,000 requests a second, latency from when each was due"},
      {"slipway bench http://127.0.0.1:8080/predict/wine --protocol grpc -c 64",
       "64 streams on one connection"},
      {"slipway bench http://127.0.0.1:8080/v2/models/wine/infer --body request.json -c 64 -d 10s", ""}};
  verb.run = [options](Context& context) { return bench(context, *options); };
  verb.options = options;
  return verb;
}

}  // namespace slipway::app
