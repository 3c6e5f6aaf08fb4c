#include "contracts/dialect/wishes.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "config/units.h"

namespace slipway::dialect {
namespace {

Error no_timeout(std::string_view text) {
  return invalid_argument("http.timeout", "the header Slipway-Timeout is \"" + printable(text) +
                                              "\", but is to be a time above zero with its unit, such as "
                                              "250ms or 2s");
}

}  // namespace

void Wishes::put_into(infer::Request& request) const {
  request.priority = priority;
  if (timeout && request.received < MonoTime::max() - *timeout)
    request.deadline = request.received + *timeout;
}

Result<Wishes> read_wishes(const Exchange& exchange) {
  Wishes wishes;
  if (const auto text = exchange.header("slipway-timeout")) {
    const auto timeout = config::parse_duration(*text);
    if (!timeout.ok() || *timeout <= Duration::zero()) return no_timeout(*text);
    wishes.timeout = *timeout;
  }
  if (const auto text = exchange.header("slipway-priority")) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), wishes.priority);
    if (error != std::errc() || end != text->data() + text->size()) {
      return invalid_argument("http.priority", "the header Slipway-Priority is \"" + printable(*text) +
                                                   "\", but is to be a whole number from 0 on");
    }
  }
  return wishes;
}

std::string retry_after(const Error& error) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(error.retry_after()).count();
  return std::to_string(std::clamp<std::int64_t>(seconds, 1, 3600));
}

}  // namespace slipway::dialect
