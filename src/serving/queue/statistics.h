// What a revision has done since it was loaded, in the counts that the v2 protocol's statistics extension
// gives.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "contracts/dialect/dialect.h"
#include "infer/infer.h"

namespace slipway::serving {

/// Thread: safe. Cost of a success: about ten relaxed atomic additions.
class Statistics {
 public:
  /// A request of `rows` rows was answered; `now` in civil time.
  void succeeded(std::size_t rows, const infer::Timings& timings, WallTime now);
  void failed(Duration took);
  [[nodiscard]] dialect::ModelStatistics snapshot() const;

 private:
  static constexpr std::size_t kBatchSizes = 129;  // runs of more rows are counted, not listed
  struct Sum {
    std::atomic<std::uint64_t> count{0};
    std::atomic<std::uint64_t> ns{0};
    void add(Duration took) {
      count.fetch_add(1, std::memory_order_relaxed);
      ns.fetch_add(static_cast<std::uint64_t>(took.count() < 0 ? 0 : took.count()),
                   std::memory_order_relaxed);
    }
    [[nodiscard]] dialect::CountAndTime read() const {
      return {count.load(std::memory_order_relaxed),
              Duration(static_cast<std::int64_t>(ns.load(std::memory_order_relaxed)))};
    }
  };

  Sum success_, fail_, queue_, compute_;
  std::atomic<std::uint64_t> rows_{0}, runs_{0};
  std::atomic<std::int64_t> last_ms_{0};
  std::array<Sum, kBatchSizes> by_batch_;
};

}  // namespace slipway::serving
