#include "grpc/testing/stream_exchange.h"

#include "base/check.h"

namespace slipway::grpc::testing {
namespace {

StreamClient::Fields copied(std::span<const dialect::Header> headers) {
  StreamClient::Fields out;
  for (const dialect::Header& header : headers) out.emplace_back(header.name, header.value);
  return out;
}

}  // namespace

void StreamClient::send(std::string bytes, bool last) {
  body_ += bytes;
  last_ = last;
  give();
}

void StreamClient::give() {
  while (reader_ && (!body_.empty() || last_ || gone_)) {
    asks = false;
    auto reader = std::exchange(reader_, nullptr);
    const bool ends = last_ || gone_;
    const bool more = reader(gone_ ? dialect::BodyPiece{.gone = true}
                                   : dialect::BodyPiece{.bytes = std::exchange(body_, {}), .last = last_});
    if (!more || ends) return;
    reader_ = std::move(reader);
    asks = true;
  }
}

void StreamClient::leave() {
  gone_ = true;
  if (const auto callback = std::exchange(on_gone_, nullptr)) callback();
  give();
  if (const auto callback = std::exchange(on_room_, nullptr)) callback();
}

void StreamClient::take_all() {
  unsent = 0;
  if (const auto callback = std::exchange(on_room_, nullptr)) callback();
}

StreamExchange::~StreamExchange() {
  client_->on_gone_ = nullptr;
  client_->on_room_ = nullptr;
  client_->reader_ = nullptr;
  client_->asks = false;
  client_->answer.dropped = !client_->answer.finished;
  client_->answer.let_go = true;
}

std::optional<std::string_view> StreamExchange::header(std::string_view lower_name) const {
  for (const auto& [name, value] : client_->fields) {
    if (name == lower_name) return value;
  }
  return std::nullopt;
}

void StreamExchange::respond(int status, std::span<const dialect::Header> headers, std::string body) {
  start(status, headers);
  client_->answer.body = std::move(body);
  client_->answer.finished = true;
}

void StreamExchange::start(int status, std::span<const dialect::Header> headers) {
  SLIPWAY_CHECK(client_->answer.status == 0);
  ++client_->answer.answers;
  client_->answer.status = status;
  client_->answer.headers = copied(headers);
}

void StreamExchange::write(std::string piece) {
  SLIPWAY_CHECK(client_->answer.status != 0 && !client_->answer.finished);
  client_->unsent += piece.size();
  client_->answer.body += piece;
}

void StreamExchange::finish(std::span<const dialect::Header> trailers) {
  SLIPWAY_CHECK(client_->answer.status != 0 && !client_->answer.finished);
  client_->answer.trailers = copied(trailers);
  client_->answer.finished = true;
}

void StreamExchange::on_gone(std::function<void()> callback) {
  if (!client_->gone_) {
    client_->on_gone_ = std::move(callback);
  } else if (callback) {
    callback();
  }
}

void StreamExchange::on_room(std::function<void()> callback) {
  if (!client_->gone_ && client_->unsent > kRoomBytes) {
    client_->on_room_ = std::move(callback);
  } else if (callback) {
    callback();
  }
}

// The transport gives pieces on its loop and never inside read(); what was sent before waits for the next
// send().
void StreamExchange::read(std::function<bool(dialect::BodyPiece)> callback) {
  client_->reader_ = std::move(callback);
  client_->asks = true;
  if (client_->gone_) client_->give();
}

}  // namespace slipway::grpc::testing
