#include "contracts/dialect/exchange.h"

#include <utility>

namespace slipway::dialect {

std::string_view method_name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kDelete:
      return "DELETE";
    case Method::kOptions:
      return "OPTIONS";
    case Method::kPatch:
      return "PATCH";
    case Method::kOther:
      return "OTHER";
  }
  return "OTHER";
}

bool is_grpc(std::string_view content_type) {
  constexpr std::string_view kType = "application/grpc";
  if (!content_type.starts_with(kType)) return false;
  content_type.remove_prefix(kType.size());
  return content_type.empty() || content_type.front() == '+' || content_type.front() == ';';
}

void Exchange::respond_with_trailers(int status, std::span<const Header> headers, std::string body,
                                     std::span<const Header> trailers) {
  start(status, headers);
  if (!body.empty()) write(std::move(body));
  finish(trailers);
}

void Exchange::on_gone(std::function<void()> callback) {
  if (callback && gone()) callback();
}

void Exchange::on_room(std::function<void()> callback) {
  if (callback) callback();
}

void Exchange::read(std::function<bool(BodyPiece)> callback) {
  callback({.bytes = std::string(as_text(body())), .last = true});
}

}  // namespace slipway::dialect
