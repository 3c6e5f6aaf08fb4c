#include "contracts/dialect/refusal.h"

#include "contracts/dialect/wishes.h"

namespace slipway::dialect {

RefusalFields::RefusalFields(const Error& error)
    : fields_{{{"Content-Type", "application/json"}, {"X-Content-Type-Options", "nosniff"}}}, count_(2) {
  if (error.code() != Code::kResourceExhausted && error.code() != Code::kUnavailable) return;
  wait_ = retry_after(error);
  fields_[count_++] = {"Retry-After", wait_};
}

RefusalFields::RefusalFields(const Error& error, const infer::Timings& timings) : RefusalFields(error) {
  fields_[count_++] = {ServerTiming::kHeader, timing_.emplace(timings).text()};
}

void note_refused(const Error& error, Duration parse, const Exchange& exchange, RequestRecord& record) {
  record.code = error.code();
  record.client = exchange.peer();
  record.timings = timings_of_refused(exchange);
  record.timings.parse = parse;
}

}  // namespace slipway::dialect
