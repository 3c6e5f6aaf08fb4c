#include "contracts/dialect/server_timing.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace slipway::dialect {

infer::Timings timings_of_refused(const Exchange& exchange) {
  return {.receive = exchange.received() - exchange.begun(), .batch_rows = 0};
}

ServerTiming::ServerTiming(const infer::Timings& timings) {
  append("receive;dur=");
  append_millis(timings.receive);
  append(", parse;dur=");
  append_millis(timings.parse);
  append(", queue;dur=");
  append_millis(timings.queue);
  append(", batch;desc=");
  append_number(timings.batch_rows);
  append(", compute;dur=");
  append_millis(timings.compute);
  append(", encode;dur=");
  append_millis(timings.encode);
}

// The lengths are known where this is compiled: a few moves each.
template <std::size_t N>
void ServerTiming::append(const char (&text)[N]) {
  std::memcpy(text_.data() + size_, text, N - 1);
  size_ += N - 1;
}

void ServerTiming::append_number(std::uint64_t value) {
  if (value < 10) {
    text_[size_++] = static_cast<char>('0' + value);
    return;
  }
  const auto end = std::to_chars(text_.data() + size_, text_.data() + text_.size(), value);
  size_ = static_cast<std::size_t>(end.ptr - text_.data());
}

void ServerTiming::append_millis(Duration took) {
  const auto micros = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)) / 1000;
  append_number(micros / 1000);
  const auto rest = static_cast<unsigned>(micros % 1000);
  text_[size_++] = '.';
  text_[size_++] = static_cast<char>('0' + rest / 100);
  text_[size_++] = static_cast<char>('0' + rest / 10 % 10);
  text_[size_++] = static_cast<char>('0' + rest % 10);
}

}  // namespace slipway::dialect
