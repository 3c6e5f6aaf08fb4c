#include "contracts/dialect/server_timing.h"

#include <algorithm>
#include <charconv>

namespace slipway::dialect {

infer::Timings timings_of_refused(const Exchange& exchange) {
  return {.receive = exchange.received() - exchange.begun(), .batch_rows = 0};
}

ServerTiming::ServerTiming(const infer::Timings& timings) {
  append_phase("receive", timings.receive);
  append_phase(", parse", timings.parse);
  append_phase(", queue", timings.queue);
  append(", batch;desc=");
  append_number(timings.batch_rows, 1);
  append_phase(", compute", timings.compute);
  append_phase(", encode", timings.encode);
}

void ServerTiming::append(std::string_view text) {
  std::copy(text.begin(), text.end(), text_.data() + size_);
  size_ += text.size();
}

void ServerTiming::append_number(std::uint64_t value, std::size_t min_digits) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  const auto count = static_cast<std::size_t>(end.ptr - digits.data());
  for (std::size_t i = count; i < min_digits; ++i) append("0");
  append({digits.data(), count});
}

void ServerTiming::append_phase(std::string_view name, Duration took) {
  const auto micros = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)) / 1000;
  append(name);
  append(";dur=");
  append_number(micros / 1000, 1);
  append(".");
  append_number(micros % 1000, 3);
}

}  // namespace slipway::dialect
