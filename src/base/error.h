// Errors are values. An Error says what went wrong in a canonical code (the gRPC set), which failure it is (a
// stable id such as "package.digest_mismatch"), and one sentence for a person: what, where, and what to do
// about it.
//
// Shape of Status and Result: after std::expected (C++23), so that the standard type can replace them.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"

namespace slipway {

/// The canonical codes, with gRPC's numbers. Source: grpc/grpc doc/statuscodes.md.
enum class Code : std::uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

/// The code's name as gRPC writes it, such as "INVALID_ARGUMENT".
std::string_view code_name(Code code);

/// How much a failure takes with it: the request it happened in, the model that ran it, or the whole process.
enum class Reach : std::uint8_t { kRequest, kModel, kProcess };

/// One fault in detail; a validation reports all of its faults at once.
struct Fault {
  std::string where;    ///< "slipway.yaml:12:3", "record 4, column alcohol", "inputs[0].shape"
  std::string message;  ///< what was found and what was wanted
  std::string fix;      ///< what to do; may be empty
};

/// A failure. Cheap to move (one pointer); copies share the immutable detail.
/// Thread: a value.
class Error {
 public:
  Error(Code code, std::string_view id, std::string message);

  [[nodiscard]] Code code() const { return detail_->code; }
  [[nodiscard]] const std::string& id() const { return detail_->id; }
  [[nodiscard]] const std::string& message() const { return detail_->message; }
  [[nodiscard]] Reach reach() const { return detail_->reach; }
  [[nodiscard]] const std::vector<Fault>& faults() const { return detail_->faults; }
  /// How long to wait before another try; 0 = nothing is known.
  [[nodiscard]] std::chrono::nanoseconds retry_after() const { return detail_->retry_after; }

  /// These give a changed copy: `return Error(...).with_reach(Reach::kModel);`
  [[nodiscard]] Error with_reach(Reach reach) const;
  [[nodiscard]] Error with_fault(Fault fault) const;
  [[nodiscard]] Error with_faults(std::vector<Fault> faults) const;
  [[nodiscard]] Error with_retry_after(std::chrono::nanoseconds wait) const;
  /// Puts words before the message: "reading wine.csv: ...".
  [[nodiscard]] Error within(std::string_view context) const;

  /// "message" and one line per fault, for a terminal or a log.
  [[nodiscard]] std::string to_string() const;

 private:
  struct Detail {
    Code code;
    Reach reach = Reach::kRequest;
    std::string id;
    std::string message;
    std::vector<Fault> faults;
    std::chrono::nanoseconds retry_after{};
  };
  std::shared_ptr<const Detail> detail_;
};

// Short ways to name the common failures: invalid_argument("json.syntax", "...").
Error cancelled(std::string_view id, std::string message);
Error invalid_argument(std::string_view id, std::string message);
Error deadline_exceeded(std::string_view id, std::string message);
Error not_found(std::string_view id, std::string message);
Error already_exists(std::string_view id, std::string message);
Error permission_denied(std::string_view id, std::string message);
Error resource_exhausted(std::string_view id, std::string message);
Error failed_precondition(std::string_view id, std::string message);
Error aborted(std::string_view id, std::string message);
Error unimplemented(std::string_view id, std::string message);
Error internal_error(std::string_view id, std::string message);
Error unavailable(std::string_view id, std::string message);
Error data_loss(std::string_view id, std::string message);

/// Done, or an Error.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error)  // NOLINT(google-explicit-constructor): `return error;` reads best
      : error_(std::move(error)) {}

  [[nodiscard]] bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] const Error& error() const {
    SLIPWAY_CHECK(error_.has_value());
    return *error_;
  }
  [[nodiscard]] Code code() const { return ok() ? Code::kOk : error_->code(); }
  [[nodiscard]] std::string to_string() const { return ok() ? "OK" : error_->to_string(); }

 private:
  std::optional<Error> error_;
};

/// A T, or the Error that says why there is none. Reading the absent side is a broken invariant and stops the
/// process.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value)  // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error)  // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] T& value() & {
    SLIPWAY_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  [[nodiscard]] const T& value() const& {
    SLIPWAY_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  [[nodiscard]] T&& value() && {
    SLIPWAY_CHECK(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  [[nodiscard]] const Error& error() const {
    SLIPWAY_CHECK(!ok());
    return *std::get_if<1>(&state_);
  }
  [[nodiscard]] Status status() const { return ok() ? Status() : Status(error()); }
  [[nodiscard]] Code code() const { return ok() ? Code::kOk : error().code(); }

 private:
  std::variant<T, Error> state_;
};

namespace internal {
inline Error take_error(const Status& status) { return status.error(); }
template <typename T>
Error take_error(const Result<T>& result) {
  return result.error();
}
}  // namespace internal

}  // namespace slipway

#define SLIPWAY_CONCAT_INNER(a, b) a##b
#define SLIPWAY_CONCAT(a, b) SLIPWAY_CONCAT_INNER(a, b)

/// Leaves the function with the error of `expr` (a Status or Result) if it failed.
#define SLIPWAY_TRY(expr)                                              \
  do {                                                                 \
    if (auto slipway_tried = (expr); !slipway_tried.ok()) [[unlikely]] \
      return ::slipway::internal::take_error(slipway_tried);           \
  } while (false)

/// `SLIPWAY_ASSIGN_OR_RETURN(auto file, fs.open(path));`
#define SLIPWAY_ASSIGN_OR_RETURN(lhs, expr) \
  SLIPWAY_ASSIGN_INNER(SLIPWAY_CONCAT(slipway_result_, __LINE__), lhs, expr)
#define SLIPWAY_ASSIGN_INNER(tmp, lhs, expr)     \
  auto tmp = (expr);                             \
  if (!tmp.ok()) [[unlikely]]                    \
    return ::slipway::internal::take_error(tmp); \
  lhs = std::move(tmp).value()
