#include "plugins/dialects/openinference/wire.h"

#include <array>
#include <span>
#include <utility>

#include "contracts/dialect/refusal.h"
#include "json/writer.h"

namespace slipway::openinference {
namespace {

using dialect::Header;

constexpr Header kJson{"Content-Type", "application/json"};
constexpr Header kNoSniff{"X-Content-Type-Options", "nosniff"};

}  // namespace

int http_status(Code code) {
  switch (code) {
    case Code::kOk:
      return 200;
    case Code::kPermissionDenied:
      return 403;
    case Code::kUnauthenticated:
      return 401;
    case Code::kNotFound:
      return 404;
    case Code::kCancelled:
      return 499;
    case Code::kUnknown:
    case Code::kInternal:
    case Code::kDataLoss:
      return 500;
    case Code::kUnimplemented:
      return 501;
    case Code::kResourceExhausted:
      return 429;
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
      return 503;
    case Code::kInvalidArgument:
    case Code::kAlreadyExists:
    case Code::kFailedPrecondition:
    case Code::kAborted:
    case Code::kOutOfRange:
      return 400;
  }
  return 500;
}

std::string encode_error(const Error& error) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.field("error", std::string_view(error.to_string()));
  out.end_object();
  return body;
}

void respond_error(const Error& error, dialect::Exchange& exchange) {
  const dialect::RefusalFields fields(error);
  exchange.respond(http_status(error.code()), fields.all(), encode_error(error));
}

void respond_error(const Error& error, const infer::Timings& timings, dialect::Exchange& exchange) {
  const dialect::RefusalFields fields(error, timings);
  exchange.respond(http_status(error.code()), fields.all(), encode_error(error));
}

void respond_json(int status, std::string body, dialect::Exchange& exchange) {
  static constexpr std::array<Header, 2> kHeaders = {kJson, kNoSniff};
  exchange.respond(status, kHeaders, std::move(body));
}

void respond_timed(std::string body, const infer::Timings& timings, dialect::Exchange& exchange) {
  const dialect::ServerTiming timing(timings);
  const std::array<Header, 3> headers = {{kJson, kNoSniff, {dialect::ServerTiming::kHeader, timing.text()}}};
  exchange.respond(200, headers, std::move(body));
}

}  // namespace slipway::openinference
