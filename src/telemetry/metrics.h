// Counters, gauges and histograms, and their page in Prometheus' text format.
//
// A handle is obtained once, where the program is put together; using it costs a few relaxed atomic
// additions. A family (one name) holds one series per set of label values, up to a cap; what comes later
// shares one series whose label values are "overflow", so that a hostile client cannot grow the page.
//
// Names, help and label names are constants of the program: a bad one, or one name used in two ways, is a
// broken invariant and stops the process. Label values may come from outside: broken UTF-8 is escaped, and
// what is longer than kMaxLabelBytes is cut.
//
// Source: Prometheus exposition format 0.0.4; naming after Prometheus' practices (base units, _total, _seconds).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace slipway::telemetry {

namespace internal {
inline constexpr std::size_t kShards = 8;
/// The calling thread's shard: threads write to different cache lines. Range: [0, kShards).
std::size_t shard();

struct alignas(64) Cell {
  std::atomic<std::uint64_t> value{0};
};
struct Family;
}  // namespace internal

/// Only ever grows. Thread: safe.
class Counter {
 public:
  void add(std::uint64_t by = 1) { cells_[internal::shard()].value.fetch_add(by, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const;

 private:
  std::array<internal::Cell, internal::kShards> cells_;
};

/// Goes up and down. Thread: safe.
class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t by) { value_.fetch_add(by, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Whole numbers, counted in buckets. Thread: safe.
class SizeHistogram {
 public:
  /// Range: bounds are positive and strictly ascend; at least one. Each bucket includes its bound.
  explicit SizeHistogram(std::vector<std::uint64_t> bounds);
  void observe(std::uint64_t value);

  struct Snapshot {
    std::vector<std::uint64_t> counts;  ///< one per bound and one for the rest; not cumulative
    std::uint64_t sum = 0;
  };
  [[nodiscard]] Snapshot snapshot() const;
  [[nodiscard]] const std::vector<std::uint64_t>& bounds() const { return bounds_; }

 private:
  std::vector<std::uint64_t> bounds_;
  std::size_t stride_;  // cells of one shard: the counts, then the sum
  std::vector<std::atomic<std::uint64_t>> cells_;
};

/// Durations, counted in buckets; shown in seconds. Thread: safe.
class Histogram {
 public:
  /// Range: as those of SizeHistogram.
  explicit Histogram(std::span<const Duration> bounds);
  /// A negative duration counts as zero.
  void observe(Duration value) { nanoseconds_.observe(value.count() > 0 ? value.count() : 0); }
  [[nodiscard]] const SizeHistogram& nanoseconds() const { return nanoseconds_; }

 private:
  SizeHistogram nanoseconds_;
};

/// From 1 us to 10 s in steps of 1, 2.5 and 5: what a request and its parts take.
std::span<const Duration> request_bounds();
/// From 1 to 65536 in powers of two: rows that are run together.
std::span<const std::uint64_t> rows_bounds();

/// Names and values, in the order of the page; a value may hold anything.
using Labels = std::vector<std::pair<std::string, std::string>>;
inline constexpr std::size_t kMaxLabelBytes = 128;

/// One series of a family that is read by a callback.
struct Sample {
  Labels labels;
  double value = 0;
};

/// Owns every series. Thread: safe; getting a handle takes a lock, using it does not.
class Registry {
 public:
  static constexpr std::size_t kMaxSeries = 1000;  ///< per family

  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// The series of that name and those labels, made when it is new. References live as long as the registry.
  /// Names: [A-Za-z_][A-Za-z0-9_]*; those of counters, and no others, end in "_total", those of histograms in
  /// "_seconds" or "_rows". One name has one kind, one help and one list of label names.
  /// Cost: a lock and a look-up; keep the reference.
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::span<const Duration> bounds,
                       const Labels& labels = {});
  SizeHistogram& size_histogram(std::string_view name, std::string_view help,
                                std::span<const std::uint64_t> bounds, const Labels& labels = {});
  /// Figures that are asked for when the page is made; the callback makes up the whole family. It is called
  /// under the registry's lock, from any thread, one at a time: it must be quick and must not call the
  /// registry. What it borrows must outlive the registry.
  void counter_callback(std::string_view name, std::string_view help, std::function<double()> read);
  void gauge_callback(std::string_view name, std::string_view help, std::function<double()> read);
  /// All series as of now. Of two with the same labels the first is shown, and of too many the first
  /// kMaxSeries.
  void counter_callback(std::string_view name, std::string_view help,
                        std::function<std::vector<Sample>()> read);
  void gauge_callback(std::string_view name, std::string_view help,
                      std::function<std::vector<Sample>()> read);

  /// The page: content type "text/plain; version=0.0.4; charset=utf-8".
  [[nodiscard]] std::string render() const;

 private:
  internal::Family& family(std::string_view name, std::string_view help, std::string_view type);
  internal::Family& callback_family(std::string_view name, std::string_view help, std::string_view type);
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<internal::Family>> families_;
};

}  // namespace slipway::telemetry
