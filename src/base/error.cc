#include "base/error.h"

#include <array>

namespace slipway {

std::string_view code_name(Code code) {
  static constexpr std::array<std::string_view, 17> kNames = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "UNKNOWN";
}

Error::Error(Code code, std::string_view id, std::string message) {
  SLIPWAY_CHECK(code != Code::kOk);
  auto detail = std::make_shared<Detail>();
  detail->code = code;
  detail->id = id;
  detail->message = std::move(message);
  detail_ = std::move(detail);
}

Error Error::with_reach(Reach reach) const {
  auto detail = std::make_shared<Detail>(*detail_);
  detail->reach = reach;
  Error copy = *this;
  copy.detail_ = std::move(detail);
  return copy;
}

Error Error::with_fault(Fault fault) const {
  auto detail = std::make_shared<Detail>(*detail_);
  detail->faults.push_back(std::move(fault));
  Error copy = *this;
  copy.detail_ = std::move(detail);
  return copy;
}

Error Error::with_faults(std::vector<Fault> faults) const {
  auto detail = std::make_shared<Detail>(*detail_);
  detail->faults = std::move(faults);
  Error copy = *this;
  copy.detail_ = std::move(detail);
  return copy;
}

Error Error::with_retry_after(std::chrono::nanoseconds wait) const {
  auto detail = std::make_shared<Detail>(*detail_);
  detail->retry_after = wait;
  Error copy = *this;
  copy.detail_ = std::move(detail);
  return copy;
}

Error Error::within(std::string_view context) const {
  auto detail = std::make_shared<Detail>(*detail_);
  detail->message = std::string(context) + ": " + detail_->message;
  Error copy = *this;
  copy.detail_ = std::move(detail);
  return copy;
}

std::string Error::to_string() const {
  std::string text = message();
  for (const Fault& fault : faults()) {
    text += "\n  ";
    if (!fault.where.empty()) text += fault.where + ": ";
    text += fault.message;
    if (!fault.fix.empty()) text += "\n    fix: " + fault.fix;
  }
  return text;
}

#define SLIPWAY_DEFINE_ERROR(name, code) \
  Error name(std::string_view id, std::string message) { return {Code::code, id, std::move(message)}; }
SLIPWAY_DEFINE_ERROR(cancelled, kCancelled)
SLIPWAY_DEFINE_ERROR(invalid_argument, kInvalidArgument)
SLIPWAY_DEFINE_ERROR(deadline_exceeded, kDeadlineExceeded)
SLIPWAY_DEFINE_ERROR(not_found, kNotFound)
SLIPWAY_DEFINE_ERROR(already_exists, kAlreadyExists)
SLIPWAY_DEFINE_ERROR(permission_denied, kPermissionDenied)
SLIPWAY_DEFINE_ERROR(resource_exhausted, kResourceExhausted)
SLIPWAY_DEFINE_ERROR(failed_precondition, kFailedPrecondition)
SLIPWAY_DEFINE_ERROR(aborted, kAborted)
SLIPWAY_DEFINE_ERROR(unimplemented, kUnimplemented)
SLIPWAY_DEFINE_ERROR(internal_error, kInternal)
SLIPWAY_DEFINE_ERROR(unavailable, kUnavailable)
SLIPWAY_DEFINE_ERROR(data_loss, kDataLoss)
#undef SLIPWAY_DEFINE_ERROR

}  // namespace slipway
