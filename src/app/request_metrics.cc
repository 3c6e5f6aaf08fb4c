#include "app/request_metrics.h"

namespace slipway::app {
namespace {

constexpr std::size_t kCodes = 17;

std::int64_t micros(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

}  // namespace

/// The handles of one model, version and dialect.
struct RequestMetrics::Series {
  std::string dialect, model, version;
  std::array<std::atomic<telemetry::Counter*>, kCodes> by_code{};
  telemetry::Counter* rows = nullptr;
  telemetry::SizeHistogram* batch = nullptr;
  telemetry::Histogram* receive = nullptr;
  telemetry::Histogram* parse = nullptr;
  telemetry::Histogram* queue = nullptr;
  telemetry::Histogram* compute = nullptr;
  telemetry::Histogram* encode = nullptr;
};

RequestMetrics::RequestMetrics(telemetry::Registry& registry, Logger& logger, bool access_log)
    : registry_(registry), logger_(logger), access_log_(access_log) {}
RequestMetrics::~RequestMetrics() = default;

// A thread remembers the series it used last: nearly every request of a loop goes to the same few models, and
// a hit compares three short texts and takes no lock. Series live as long as this object, and threads end
// before it.
RequestMetrics::Series& RequestMetrics::series_of(std::string_view dialect,
                                                  const dialect::ServedModel* model) {
  const std::string_view name = model == nullptr ? std::string_view() : std::string_view(model->name());
  const std::string_view version = model == nullptr ? std::string_view() : std::string_view(model->version());
  const auto fits = [&](const Series& series) {
    return series.model == name && series.dialect == dialect && series.version == version;
  };
  struct Recent {
    const RequestMetrics* owner = nullptr;
    std::array<Series*, 8> series{};
    std::size_t next = 0;
  };
  thread_local Recent recent;
  if (recent.owner != this) recent = {.owner = this};
  for (Series* series : recent.series) {
    if (series != nullptr && fits(*series)) return *series;
  }
  Series* found = nullptr;
  const std::lock_guard lock(mutex_);
  for (const auto& series : series_) {
    if (fits(*series)) found = series.get();
  }
  if (found == nullptr) {
    auto fresh = std::make_unique<Series>();
    fresh->dialect = dialect;
    fresh->model = name;
    fresh->version = version;
    const telemetry::Labels labels = {
        {"model", fresh->model}, {"version", fresh->version}, {"dialect", fresh->dialect}};
    fresh->rows = &registry_.counter("slipway_rows_total", "Rows in answered requests.", labels);
    fresh->batch = &registry_.size_histogram("slipway_batch_rows", "Rows of a run of the model.",
                                             telemetry::rows_bounds(), labels);
    fresh->receive =
        &registry_.histogram("slipway_request_receive_seconds", "From a request's head to its last byte.",
                             telemetry::request_bounds(), labels);
    fresh->parse = &registry_.histogram("slipway_request_parse_seconds", "Reading a request into tensors.",
                                        telemetry::request_bounds(), labels);
    fresh->queue = &registry_.histogram("slipway_request_queue_seconds", "Waiting for the model.",
                                        telemetry::request_bounds(), labels);
    fresh->compute = &registry_.histogram("slipway_request_compute_seconds", "The model's run.",
                                          telemetry::request_bounds(), labels);
    fresh->encode = &registry_.histogram("slipway_request_encode_seconds", "Writing the answer.",
                                         telemetry::request_bounds(), labels);
    found = fresh.get();
    series_.push_back(std::move(fresh));
  }
  recent.series[recent.next++ % recent.series.size()] = found;
  return *found;
}

void RequestMetrics::observe(std::string_view dialect, const dialect::RequestRecord& record) {
  Series& series = series_of(dialect, record.model);
  auto& slot = series.by_code[static_cast<std::size_t>(record.code) % kCodes];
  telemetry::Counter* counter = slot.load(std::memory_order_acquire);
  if (counter == nullptr) {
    counter = &registry_.counter("slipway_requests_total", "Requests by outcome.",
                                 {{"model", series.model},
                                  {"version", series.version},
                                  {"dialect", series.dialect},
                                  {"code", std::string(code_name(record.code))}});
    slot.store(counter, std::memory_order_release);
  }
  counter->add();
  if (record.code == Code::kOk) {
    series.rows->add(record.rows);
    series.receive->observe(record.timings.receive);
    if (record.timings.leads_run) series.batch->observe(record.timings.batch_rows);
    series.parse->observe(record.timings.parse);
    series.queue->observe(record.timings.queue);
    series.compute->observe(record.timings.compute);
    series.encode->observe(record.timings.encode);
  }
  if (!access_log_) return;
  logger_.info("request", "answered",
               {{"dialect", std::string_view(series.dialect)},
                {"model", std::string_view(series.model)},
                {"version", std::string_view(series.version)},
                {"client", record.client == nullptr ? std::string_view() : record.client->subject},
                {"code", code_name(record.code)},
                {"receive_us", micros(record.timings.receive)},
                {"parse_us", micros(record.timings.parse)},
                {"queue_us", micros(record.timings.queue)},
                {"compute_us", micros(record.timings.compute)},
                {"encode_us", micros(record.timings.encode)}});
}

}  // namespace slipway::app
