// `slipway bench`: a closed-loop load test of a server.
#include <atomic>
#include <csignal>

#include "app/context.h"
#include "app/remote.h"
#include "app/verbs.h"
#include "base/text.h"
#include "config/units.h"
#include "io/file_helpers.h"
#include "net/client/client.h"
#include "net/client/load.h"

namespace slipway::app {
namespace {

struct Options {
  std::string target, body_file, records;
  std::int64_t concurrency = 1;
  std::string duration = "2s";
  std::string warm_up = "200ms";
};

std::atomic<bool> interrupted{false};  // set by Ctrl-C: the run ends and reports what it has

Result<std::vector<std::string>> bodies_of(Context& context, const Options& options, const net::Url& url) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{64} << 20U;
  if (!options.body_file.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(std::string body, io::read_all(context.files(), options.body_file, kMaxBytes));
    return std::vector<std::string>{std::move(body)};
  }
  if (!url.target.starts_with("/predict/")) {
    return invalid_argument("app.bench_body",
                            "give the body to send with --body FILE, or a /predict/NAME address");
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> records,
                           records_for(context, options.target, options.records));
  std::vector<std::string> bodies;
  for (const std::string& record : records) bodies.push_back("{\"records\":[" + record + "]}");
  return bodies;
}

double micros(Duration duration) { return std::chrono::duration<double, std::micro>(duration).count(); }

void print_json(Context& context, const net::LoadReport& report) {
  std::string text;
  json::Writer writer(text);
  writer.begin_object();
  writer.field("requests_total", report.answers);
  writer.field("requests_per_second", report.answers_per_second());
  writer.field("seconds", std::chrono::duration<double>(report.elapsed).count());
  writer.key("latency_us");
  writer.begin_object();
  writer.field("mean", micros(report.latency.mean()));
  writer.field("p50", micros(report.latency.quantile(0.5)));
  writer.field("p90", micros(report.latency.quantile(0.9)));
  writer.field("p99", micros(report.latency.quantile(0.99)));
  writer.field("p999", micros(report.latency.quantile(0.999)));
  writer.field("max", micros(report.latency.max()));
  writer.end_object();
  writer.key("by_status");
  writer.begin_object();
  for (const auto& [status, count] : report.by_status) writer.field(std::to_string(status), count);
  writer.end_object();
  writer.field("failed_connections", report.failed_connections);
  writer.field("bytes_received", report.bytes_received);
  writer.field("ended_early", report.ended_early);
  writer.end_object();
  context.print(text);
}

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

void print_text(Context& context, const Options& options, const net::LoadReport& report) {
  context.print(fixed(report.answers_per_second(), 0) + " requests/s with " +
                std::to_string(options.concurrency) + " connection" + (options.concurrency == 1 ? "" : "s") +
                " (" + std::to_string(report.answers) + " in " +
                fixed(std::chrono::duration<double>(report.elapsed).count(), 2) + " s)");
  context.print("  p50 " + fixed(micros(report.latency.quantile(0.5)), 0) + " us   p90 " +
                fixed(micros(report.latency.quantile(0.9)), 0) + " us   p99 " +
                fixed(micros(report.latency.quantile(0.99)), 0) + " us   p99.9 " +
                fixed(micros(report.latency.quantile(0.999)), 0) + " us   max " +
                fixed(micros(report.latency.max()), 0) + " us");
  for (const auto& [status, count] : report.by_status) {
    if (status >= 400)
      context.print("  " + std::to_string(count) + " answers were " + std::to_string(status));
  }
  if (report.failed_connections > 0) {
    context.print("  " + std::to_string(report.failed_connections) + " connections failed");
  }
  if (!report.ended_early.empty()) context.print("  ended early: " + report.ended_early);
  if (!report.first_error.empty()) context.print("  first error: " + printable(report.first_error, 300));
}

Exit bench(Context& context, const Options& options) {
  const auto url = net::parse_url(options.target);
  if (!url.ok()) return context.fail(url.error());
  const auto duration = config::parse_duration(options.duration);
  if (!duration.ok()) return context.fail(duration.error().within("--duration"));
  const auto warm_up = config::parse_duration(options.warm_up);
  if (!warm_up.ok()) return context.fail(warm_up.error().within("--warm-up"));
  if (options.concurrency < 1 || options.concurrency > 10000) {
    return context.fail(invalid_argument("app.concurrency", "--concurrency is 1 to 10000"));
  }
  const auto bodies = bodies_of(context, options, *url);
  if (!bodies.ok()) return context.fail(bodies.error());
  net::LoadOptions load;
  load.endpoint = url->endpoint;
  load.connections = static_cast<std::size_t>(options.concurrency);
  load.duration = *duration;
  load.warm_up = *warm_up;
  const dialect::Header type{"Content-Type", "application/json"};
  for (const std::string& body : *bodies) {
    auto request = net::render_request(url->endpoint, "POST", url->target, {&type, 1}, body);
    if (!request.ok()) return context.fail(request.error());
    load.requests.push_back(std::move(*request));
  }
  std::signal(SIGINT, [](int) { interrupted.store(true); });
  context.progress("measuring for " + options.duration + " ...");
  const auto report = net::run_load(load, context.clock(), interrupted);
  context.progress("");
  if (!report.ok()) return context.fail(report.error());
  if (context.json()) {
    print_json(context, *report);
  } else {
    print_text(context, options, *report);
  }
  const bool all_fine = report->failed_connections == 0 && report->ended_early.empty() &&
                        std::none_of(report->by_status.begin(), report->by_status.end(),
                                     [](const auto& entry) { return entry.first >= 400; });
  return all_fine && report->answers > 0 ? Exit::kDone : Exit::kFailed;
}

}  // namespace

Verb bench_verb() {
  auto options = std::make_shared<Options>();
  Verb verb;
  verb.name = "bench";
  verb.group = "Ask and measure";
  verb.summary = "Measures a server: each connection sends its next request when the last is answered";
  verb.arguments = {
      {.names = "TARGET",
       .help = "An address: http://127.0.0.1:8080/predict/wine, or any path with --body",
       .target = &options->target,
       .value_name = "URL",
       .required = true},
      {.names = "-c,--concurrency",
       .help = "Connections",
       .target = &options->concurrency,
       .value_name = "N"},
      {.names = "-d,--duration",
       .help = "How long to measure",
       .target = &options->duration,
       .value_name = "TIME"},
      {.names = "--warm-up",
       .help = "How long to run before that",
       .target = &options->warm_up,
       .value_name = "TIME"},
      {.names = "--records",
       .help = "Records to send in turn: CSV, JSON or JSON Lines (default: the model's example)",
       .target = &options->records,
       .value_name = "FILE",
       .completes = Completes::kFile},
      {.names = "--body",
       .help = "A file with the body of each request, sent as it is",
       .target = &options->body_file,
       .value_name = "FILE",
       .completes = Completes::kFile},
  };
  verb.examples = {
      {"slipway bench http://127.0.0.1:8080/predict/wine", "one connection, two seconds"},
      {"slipway bench http://127.0.0.1:8080/v2/models/wine/infer --body request.json -c 64 -d 10s", ""}};
  verb.run = [options](Context& context) { return bench(context, *options); };
  verb.options = options;
  return verb;
}

}  // namespace slipway::app
