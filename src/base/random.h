// Randomness is injected and seeded, so that a run can be repeated.
#pragma once

#include <cstdint>

namespace slipway {

/// SplitMix64: small, fast, equally distributed; not for secrets.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
/// Thread: external lock.
class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }
  /// Range: [0, bound), bound > 0; the tiny bias of the remainder does not matter where this is used.
  constexpr std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  /// Range: [0, 1).
  constexpr double uniform() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace slipway
