#include "telemetry/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>

#include "base/check.h"
#include "base/text.h"

namespace slipway::telemetry {
namespace internal {

std::size_t shard() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % kShards;
  return mine;
}

// Colons belong to recording rules.
bool is_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// "le" is the histogram's own, and two underscores are Prometheus's.
void check_names(const Labels& labels) {
  for (auto label = labels.begin(); label != labels.end(); ++label) {
    const std::string& name = label->first;
    SLIPWAY_CHECK(is_name(name) && !name.starts_with("__") && name != "le");
    SLIPWAY_CHECK(
        std::none_of(labels.begin(), label, [&](const auto& before) { return before.first == name; }));
  }
}

bool same_names(const Labels& a, const Labels& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.first == y.first; });
}

Labels printable_values(Labels labels) {
  for (auto& [name, value] : labels) {
    if (value.size() > kMaxLabelBytes || !is_utf8(value)) value = printable(value, kMaxLabelBytes);
  }
  return labels;
}

struct Series {
  Labels labels;
  std::unique_ptr<Counter> counter;
  std::unique_ptr<Gauge> gauge;
  std::unique_ptr<Histogram> histogram;
  std::unique_ptr<SizeHistogram> sizes;
};

struct Family {
  std::string name;
  std::string help;
  std::string type;
  std::vector<std::unique_ptr<Series>> series;
  std::function<std::vector<Sample>()> read;  // then there are no series

  // The series with these labels; the one for overflow when the family is full.
  Series& find(const Labels& given) {
    SLIPWAY_CHECK(!read);
    const Labels labels = printable_values(given);
    for (const auto& one : series) {
      if (one->labels == labels) return *one;
    }
    if (series.size() < Registry::kMaxSeries) return add(labels);
    Labels overflow = labels;
    for (auto& [label, value] : overflow) value = "overflow";
    for (const auto& one : series) {
      if (one->labels == overflow) return *one;
    }
    return add(overflow);
  }

 private:
  Series& add(const Labels& labels) {
    check_names(labels);
    SLIPWAY_CHECK(series.empty() || same_names(series.front()->labels, labels));
    series.push_back(std::make_unique<Series>());
    series.back()->labels = labels;
    return *series.back();
  }
};

}  // namespace internal

namespace {

using internal::Family;
using internal::Series;

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    std::array<char, 32> text;
    out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
  }
}

// Escapes backslashes and line ends, and quotes inside label values.
void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

void append_labels(std::string& out, const Labels& labels, std::string_view bound = {}) {
  if (labels.empty() && bound.empty()) return;
  char separator = '{';
  for (const auto& [name, value] : labels) {
    out += separator;
    out += name + "=\"";
    append_escaped(out, value, true);
    out += '"';
    separator = ',';
  }
  if (!bound.empty()) {
    out += separator;
    out += "le=\"";
    out += bound;
    out += '"';
  }
  out += '}';
}

// What is counted is shown in units of so many.
void append_histogram(std::string& out, const Family& family, const Series& series,
                      const SizeHistogram& histogram, double unit) {
  const SizeHistogram::Snapshot snapshot = histogram.snapshot();
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < snapshot.counts.size(); ++i) {
    total += snapshot.counts[i];
    std::string bound;
    if (i < histogram.bounds().size()) {
      append_number(bound, static_cast<double>(histogram.bounds()[i]) / unit);
    } else {
      bound = "+Inf";
    }
    out += family.name + "_bucket";
    append_labels(out, series.labels, bound);
    out += " " + std::to_string(total) + "\n";
  }
  out += family.name + "_sum";
  append_labels(out, series.labels);
  out += ' ';
  append_number(out, static_cast<double>(snapshot.sum) / unit);
  out += "\n" + family.name + "_count";
  append_labels(out, series.labels);
  out += " " + std::to_string(total) + "\n";
}

void append_read(std::string& out, const Family& family) {
  std::map<Labels, double> shown;
  for (Sample& sample : family.read()) {
    internal::check_names(sample.labels);
    if (shown.size() == Registry::kMaxSeries) break;
    shown.try_emplace(internal::printable_values(std::move(sample.labels)), sample.value);
  }
  for (const auto& [labels, value] : shown) {
    out += family.name;
    append_labels(out, labels);
    out += ' ';
    append_number(out, value);
    out += '\n';
  }
}

void append_family(std::string& out, const Family& family) {
  out += "# HELP " + family.name + " ";
  append_escaped(out, family.help, false);
  out += "\n# TYPE " + family.name + " " + family.type + "\n";
  if (family.read) append_read(out, family);
  for (const auto& series : family.series) {
    if (series->histogram) {
      append_histogram(out, family, *series, series->histogram->nanoseconds(), 1e9);
      continue;
    }
    if (series->sizes) {
      append_histogram(out, family, *series, *series->sizes, 1);
      continue;
    }
    out += family.name;
    append_labels(out, series->labels);
    out += ' ';
    if (series->counter) {
      out += std::to_string(series->counter->value());
    } else {
      out += std::to_string(series->gauge->value());
    }
    out += '\n';
  }
}

std::vector<std::uint64_t> counts_of(std::span<const Duration> bounds) {
  std::vector<std::uint64_t> counts;
  for (const Duration bound : bounds) {
    SLIPWAY_CHECK(bound > Duration::zero());
    counts.push_back(static_cast<std::uint64_t>(bound.count()));
  }
  return counts;
}

std::function<std::vector<Sample>()> one_sample(std::function<double()> read) {
  return [read = std::move(read)] { return std::vector<Sample>{{{}, read()}}; };
}

}  // namespace

std::uint64_t Counter::value() const {
  std::uint64_t total = 0;
  for (const internal::Cell& cell : cells_) total += cell.value.load(std::memory_order_relaxed);
  return total;
}

SizeHistogram::SizeHistogram(std::vector<std::uint64_t> bounds)
    : bounds_(std::move(bounds)),
      stride_((bounds_.size() + 2 + 7) / 8 * 8),
      cells_(stride_ * internal::kShards) {
  SLIPWAY_CHECK(!bounds_.empty() && bounds_.front() > 0);
  SLIPWAY_CHECK(std::adjacent_find(bounds_.begin(), bounds_.end(), std::greater_equal<>()) == bounds_.end());
}

void SizeHistogram::observe(std::uint64_t value) {
  const auto bucket =
      static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  std::atomic<std::uint64_t>* cells = cells_.data() + internal::shard() * stride_;
  cells[bucket].fetch_add(1, std::memory_order_relaxed);
  cells[bounds_.size() + 1].fetch_add(value, std::memory_order_relaxed);
}

SizeHistogram::Snapshot SizeHistogram::snapshot() const {
  Snapshot snapshot;
  snapshot.counts.resize(bounds_.size() + 1);
  for (std::size_t shard = 0; shard < internal::kShards; ++shard) {
    const std::atomic<std::uint64_t>* cells = cells_.data() + shard * stride_;
    for (std::size_t i = 0; i < snapshot.counts.size(); ++i) {
      snapshot.counts[i] += cells[i].load(std::memory_order_relaxed);
    }
    snapshot.sum += cells[bounds_.size() + 1].load(std::memory_order_relaxed);
  }
  return snapshot;
}

Histogram::Histogram(std::span<const Duration> bounds) : nanoseconds_(counts_of(bounds)) {}

std::span<const Duration> request_bounds() {
  using std::chrono::microseconds;
  static constexpr std::array<Duration, 22> kBounds = {
      microseconds(1),         microseconds(2),         microseconds(5),         microseconds(10),
      microseconds(25),        microseconds(50),        microseconds(100),       microseconds(250),
      microseconds(500),       microseconds(1'000),     microseconds(2'500),     microseconds(5'000),
      microseconds(10'000),    microseconds(25'000),    microseconds(50'000),    microseconds(100'000),
      microseconds(250'000),   microseconds(500'000),   microseconds(1'000'000), microseconds(2'500'000),
      microseconds(5'000'000), microseconds(10'000'000)};
  return kBounds;
}

std::span<const std::uint64_t> rows_bounds() {
  static constexpr std::array<std::uint64_t, 17> kBounds = {
      1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};
  return kBounds;
}

Registry::Registry() = default;
Registry::~Registry() = default;

internal::Family& Registry::family(std::string_view name, std::string_view help, std::string_view type) {
  for (const auto& family : families_) {
    if (family->name != name) continue;
    SLIPWAY_CHECK(family->type == type && family->help == help);
    return *family;
  }
  SLIPWAY_CHECK(internal::is_name(name) && !help.empty());
  SLIPWAY_CHECK(name.ends_with("_total") == (type == "counter"));
  SLIPWAY_CHECK(type != "histogram" || name.ends_with("_seconds") || name.ends_with("_rows"));
  families_.push_back(std::make_unique<Family>());
  families_.back()->name = name;
  families_.back()->help = help;
  families_.back()->type = type;
  return *families_.back();
}

Counter& Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  Series& series = family(name, help, "counter").find(labels);
  if (!series.counter) series.counter = std::make_unique<Counter>();
  return *series.counter;
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  Series& series = family(name, help, "gauge").find(labels);
  if (!series.gauge) series.gauge = std::make_unique<Gauge>();
  return *series.gauge;
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, std::span<const Duration> bounds,
                               const Labels& labels) {
  const std::lock_guard lock(mutex_);
  Series& series = family(name, help, "histogram").find(labels);
  if (!series.histogram) series.histogram = std::make_unique<Histogram>(bounds);
  return *series.histogram;
}

SizeHistogram& Registry::size_histogram(std::string_view name, std::string_view help,
                                        std::span<const std::uint64_t> bounds, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  Series& series = family(name, help, "histogram").find(labels);
  if (!series.sizes) {
    series.sizes = std::make_unique<SizeHistogram>(std::vector<std::uint64_t>(bounds.begin(), bounds.end()));
  }
  return *series.sizes;
}

internal::Family& Registry::callback_family(std::string_view name, std::string_view help,
                                            std::string_view type) {
  Family& home = family(name, help, type);
  SLIPWAY_CHECK(home.series.empty() && !home.read);
  return home;
}

void Registry::counter_callback(std::string_view name, std::string_view help, std::function<double()> read) {
  counter_callback(name, help, one_sample(std::move(read)));
}

void Registry::gauge_callback(std::string_view name, std::string_view help, std::function<double()> read) {
  gauge_callback(name, help, one_sample(std::move(read)));
}

void Registry::counter_callback(std::string_view name, std::string_view help,
                                std::function<std::vector<Sample>()> read) {
  const std::lock_guard lock(mutex_);
  callback_family(name, help, "counter").read = std::move(read);
}

void Registry::gauge_callback(std::string_view name, std::string_view help,
                              std::function<std::vector<Sample>()> read) {
  const std::lock_guard lock(mutex_);
  callback_family(name, help, "gauge").read = std::move(read);
}

std::string Registry::render() const {
  const std::lock_guard lock(mutex_);
  std::string page;
  for (const auto& family : families_) append_family(page, *family);
  return page;
}

}  // namespace slipway::telemetry
