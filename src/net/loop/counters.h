// What a loop counts. One writer, so that counting is a plain addition; any thread may read.
#pragma once

#include <atomic>
#include <cstdint>

namespace slipway::net {

class Counter {
 public:
  void add(std::uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct alignas(64) LoopCounters {
  Counter requests;          ///< handed to the handler
  Counter refused_requests;  ///< refused by the transport
  Counter bytes_received;
  Counter bytes_sent;
};

}  // namespace slipway::net
