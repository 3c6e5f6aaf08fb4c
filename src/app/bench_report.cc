#include "app/bench_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "json/writer.h"

namespace slipway::app {
namespace {

constexpr std::array<std::pair<const char*, double>, 5> kShares = {
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"p9999", 0.9999}}};

double micros(Duration duration) { return std::chrono::duration<double, std::micro>(duration).count(); }

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

// "850 us", "1.25 ms", "2.10 s".
std::string shown(Duration duration) {
  const double us = micros(duration);
  if (us < 1000) return fixed(us, us < 10 ? 1 : 0) + " us";
  if (us < 1e6) return fixed(us / 1e3, 2) + " ms";
  return fixed(us / 1e6, 2) + " s";
}

void write_latency(json::Writer& writer, std::string_view key, const net::Histogram& latency) {
  writer.key(key);
  writer.begin_object();
  writer.field("mean", micros(latency.mean()));
  for (const auto& [name, share] : kShares) writer.field(name, micros(latency.quantile(share)));
  writer.field("max", micros(latency.max()));
  writer.end_object();
}

std::string latency_line(const net::Histogram& latency) {
  return "p50 " + shown(latency.quantile(0.5)) + "   p90 " + shown(latency.quantile(0.9)) + "   p99 " +
         shown(latency.quantile(0.99)) + "   p99.9 " + shown(latency.quantile(0.999)) + "   max " +
         shown(latency.max());
}

std::string count_of(std::uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

}  // namespace

bool all_fine(const net::LoadReport& report) {
  return report.answers > 0 && report.failures == 0 && report.lost == 0 && report.unanswered == 0 &&
         report.failed_connections == 0 && report.ended_early.empty();
}

std::string latency_plot(const net::Histogram& latency) {
  constexpr int kLines = 12;
  constexpr double kBar = 40;
  if (latency.count() == 0) return "";
  // From where the first are to where nearly the last are, in equal steps of the logarithm.
  const double low = std::max(1.0, static_cast<double>(latency.quantile(0).count()));
  const double high = std::max(low * 1.1, static_cast<double>(latency.max().count()) + 1);
  const double step = std::pow(high / low, 1.0 / kLines);
  std::array<double, kLines> shares{};
  double below = 0;
  for (int i = 0; i < kLines; ++i) {
    const auto end = Duration(static_cast<std::int64_t>(low * std::pow(step, i + 1)));
    const double up_to = i + 1 == kLines ? 1.0 : latency.share_up_to(end);
    shares[static_cast<std::size_t>(i)] = up_to - below;
    below = up_to;
  }
  const double most = *std::max_element(shares.begin(), shares.end());
  std::string text;
  for (int i = 0; i < kLines; ++i) {
    const double share = shares[static_cast<std::size_t>(i)];
    const auto end = Duration(static_cast<std::int64_t>(low * std::pow(step, i + 1)));
    const auto bar = static_cast<std::size_t>(std::ceil(share / most * kBar));
    char line[128];
    std::snprintf(line, sizeof(line), "  to %10s  %-40s %6.2f %%\n", shown(end).c_str(),
                  std::string(bar, '#').c_str(), share * 100);
    text += line;
  }
  return text;
}

void print_bench_json(Context& context, const BenchSettings& settings, const net::LoadReport& report) {
  std::string text;
  json::Writer writer(text);
  writer.begin_object();
  writer.field("protocol", settings.protocol);
  writer.field("connections", static_cast<std::uint64_t>(settings.connections));
  writer.field("concurrency", static_cast<std::uint64_t>(settings.concurrency));
  if (settings.rate > 0) writer.field("rate", settings.rate);
  writer.field("requests_total", report.answers);
  writer.field("requests_per_second", report.answers_per_second());
  writer.field("seconds", std::chrono::duration<double>(report.elapsed).count());
  write_latency(writer, "latency_us", report.latency);
  if (settings.rate > 0) write_latency(writer, "service_us", report.service);
  writer.key("by_status");
  writer.begin_object();
  for (const auto& [status, count] : report.by_status) writer.field(status, count);
  writer.end_object();
  writer.field("failures", report.failures);
  writer.field("lost", report.lost);
  if (settings.rate > 0) writer.field("unanswered", report.unanswered);
  writer.field("failed_connections", report.failed_connections);
  writer.field("bytes_received", report.bytes_received);
  writer.field("first_error", printable(report.first_error, 300));
  writer.field("ended_early", report.ended_early);
  writer.end_object();
  context.print(text);
}

void print_bench_text(Context& context, const BenchSettings& settings, const net::LoadReport& report) {
  std::string head = fixed(report.answers_per_second(), 0) + " requests/s";
  if (settings.rate > 0) {
    head += " of " + fixed(settings.rate, 0) + " due";
  } else if (settings.concurrency != settings.connections) {
    head += ", " + std::to_string(settings.concurrency) + " at once";
  }
  head += settings.rate > 0 || settings.concurrency != settings.connections ? " on " : " with ";
  head += count_of(settings.connections, "connection", "connections");
  context.print(head + " (" + std::to_string(report.answers) + " in " +
                fixed(std::chrono::duration<double>(report.elapsed).count(), 2) + " s)");
  context.print("  " + latency_line(report.latency));
  if (settings.rate > 0) context.print("  without waiting to be sent: " + latency_line(report.service));
  for (const auto& [status, count] : report.by_status) {
    if (status != "200" && status != "OK")
      context.print("  " + count_of(count, "answer was ", "answers were ") + status);
  }
  if (report.unanswered > 0) {
    context.print("  " + count_of(report.unanswered, "request was", "requests were") +
                  " not answered by the end: the server cannot keep up with the rate");
  }
  if (report.lost > 0) context.print("  " + count_of(report.lost, "request was lost", "requests were lost"));
  if (report.failed_connections > 0) {
    context.print("  " + count_of(report.failed_connections, "connection", "connections") + " failed");
  }
  if (!report.ended_early.empty()) context.print("  ended early: " + report.ended_early);
  if (!report.first_error.empty()) context.print("  first error: " + printable(report.first_error, 300));
  if (settings.plot) context.print_raw(latency_plot(report.latency));
}

}  // namespace slipway::app
