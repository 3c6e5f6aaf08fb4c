#include "grpc/call.h"

#include <array>
#include <utility>
#include <vector>

#include "base/check.h"
#include "contracts/dialect/dialect.h"
#include "grpc/answer_internal.h"
#include "grpc/status.h"
#include "json/writer.h"

namespace slipway::grpc {
namespace {

constexpr std::string_view kGzip = "gzip";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool lists_gzip(std::string_view list) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (trimmed(list.substr(0, comma)) == kGzip) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

void respond_json(int status, std::string_view message, dialect::Exchange& exchange) {
  static constexpr std::array<dialect::Header, 1> kJson{{{"content-type", "application/json"}}};
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  writer.field("error", message);
  writer.end_object();
  exchange.respond(status, kJson, std::move(body));
}

}  // namespace

Result<CallHead> read_head(const dialect::Exchange& exchange) {
  CallHead head;
  if (const auto encoding = exchange.header("grpc-encoding"); encoding && *encoding != "identity") {
    if (*encoding != kGzip) {
      return unimplemented("grpc.encoding", "messages may be sent as they are or compressed with gzip");
    }
    head.sent = Encoding::kGzip;
    if (lists_gzip(exchange.header("grpc-accept-encoding").value_or(""))) head.answer = Encoding::kGzip;
  }
  if (const auto timeout = exchange.header("grpc-timeout")) {
    const std::optional<Duration> duration = parse_timeout(*timeout);
    if (!duration) return invalid_argument("grpc.timeout", "grpc-timeout is not 1 to 8 digits and a unit");
    if (*duration < MonoTime::max() - exchange.received()) head.deadline = exchange.received() + *duration;
  }
  return head;
}

bool is_protobuf_call(const dialect::Exchange& exchange) {
  constexpr std::string_view kPlain = "application/grpc";
  constexpr std::string_view kProto = "application/grpc+proto";
  const std::string_view type = exchange.header("content-type").value_or("");
  const std::string_view bare = trimmed(type.substr(0, type.find(';')));
  return bare == kPlain || bare == kProto;
}

void refuse(const Error& error, dialect::Exchange& exchange, std::span<const dialect::Header> metadata) {
  const StatusFields status(error);
  std::vector<dialect::Header> head{kContentType, kAcceptEncoding};
  head.insert(head.end(), metadata.begin(), metadata.end());
  exchange.respond_with_trailers(200, head, {}, status.fields());
}

void refuse_content_type(dialect::Exchange& exchange) {
  respond_json(415, "this path takes gRPC calls: content-type application/grpc or application/grpc+proto",
               exchange);
}

void refuse_plainly(const Error& error, dialect::Exchange& exchange) {
  respond_json(dialect::http_status(error.code()), error.message(), exchange);
}

std::optional<UnaryCall> UnaryCall::begin(std::unique_ptr<dialect::Exchange> exchange, const Limits& limits) {
  if (!is_protobuf_call(*exchange)) {
    refuse_content_type(*exchange);
    return std::nullopt;
  }
  const Result<CallHead> head = read_head(*exchange);
  if (!head.ok()) {
    refuse(head.error(), *exchange);
    return std::nullopt;
  }
  return UnaryCall(std::move(exchange), *head, limits);
}

UnaryCall::~UnaryCall() {
  if (exchange_ != nullptr) fail(internal_error("grpc.given_up", "the call was given up without an answer"));
}

Result<ByteView> UnaryCall::message() {
  return only_message(exchange_->body(), head_.sent, *limits_, unpacked_);
}

void UnaryCall::answer(OutMessage message, std::span<const dialect::Header> metadata) {
  static const StatusFields kWell;
  SLIPWAY_DCHECK(exchange_ != nullptr);
  std::span<const dialect::Header> fields = answer_head(head_.answer);
  std::vector<dialect::Header> all;
  if (!metadata.empty()) {
    all.assign(fields.begin(), fields.end());
    all.insert(all.end(), metadata.begin(), metadata.end());
    fields = all;
  }
  exchange_->respond_with_trailers(200, fields, std::move(message).framed(head_.answer, *limits_),
                                   kWell.fields());
  exchange_.reset();
}

void UnaryCall::fail(const Error& error, std::span<const dialect::Header> metadata) {
  SLIPWAY_DCHECK(exchange_ != nullptr);
  refuse(error, *exchange_, metadata);
  exchange_.reset();
}

}  // namespace slipway::grpc
