// How long runs of a model take, learned from those that were made, and with that how long what waits will
// wait.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace slipway::serving {

/// Runs are told apart by their rows, in powers of two; each size has a slow average and a slow mean
/// deviation (weight 1/16, so that a change shows within some tens of runs). Thread: external lock.
class Pace {
 public:
  /// `instances`: runs that go on at the same time.
  explicit Pace(std::size_t instances) : instances_(instances) {}

  /// A run of so many rows took so long.
  void learn(std::size_t rows, Duration took);
  /// What a run of so many rows is expected to take; zero while nothing is known. A size that was never run
  /// is taken from the next smaller one in proportion, else from the next larger one.
  [[nodiscard]] Duration expect(std::size_t rows) const;
  /// How much longer than expected a run may take that comes after work of `before`, so that few take longer:
  /// three mean deviations, growing with the root of the runs, as the deviation of a sum does.
  [[nodiscard]] Duration margin(std::size_t rows, Duration before) const;

  using RunId = std::uint64_t;
  RunId begin(std::size_t rows, MonoTime now);
  void end(RunId run);
  [[nodiscard]] std::size_t in_flight() const { return runs_.size(); }

  /// How long until work that would take one instance `work` is begun and done by all of them, after what
  /// runs now.
  [[nodiscard]] Duration drain_time(Duration work, MonoTime now) const;

 private:
  struct Size {
    bool known = false;
    double mean_ns = 0;
    double deviation_ns = 0;
  };
  struct Run {
    RunId id = 0;
    MonoTime start{};
    Duration expected{};
  };
  /// Of the size, and what its average is to be multiplied with.
  [[nodiscard]] std::pair<const Size*, double> nearest(std::size_t rows) const;

  std::size_t instances_;
  std::array<Size, 32> sizes_{};
  std::vector<Run> runs_;
  RunId next_ = 0;
};

}  // namespace slipway::serving
