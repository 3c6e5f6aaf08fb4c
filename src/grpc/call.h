// gRPC calls over an Exchange: what a dialect of gRPC is written on. It knows neither sockets nor messages'
// fields.
//
//   void handle(int route, PathValues, std::unique_ptr<Exchange> exchange) {
//     std::optional<grpc::UnaryCall> call = grpc::UnaryCall::begin(std::move(exchange), limits_);
//     if (!call) return;                                   // refused, and answered so
//     Result<ByteView> message = call->message();
//     if (!message.ok()) return call->fail(message.error());
//     grpc::OutMessage out;
//     protobuf::Writer(out.text()).text(1, "...");
//     call->answer(std::move(out));
//   }
//
// A call that streams in either direction is a StreamCall (stream_call.h).
// Source: grpc/grpc doc/PROTOCOL-HTTP2.md, doc/compression.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "contracts/dialect/exchange.h"
#include "grpc/message.h"

namespace slipway::grpc {

/// What the head of a call says.
struct CallHead {
  Encoding sent = Encoding::kIdentity;    ///< of the client's messages
  Encoding answer = Encoding::kIdentity;  ///< of ours: gzip for a client that sends gzip itself and takes it
  MonoTime deadline = MonoTime::max();    ///< from grpc-timeout
};

/// Errors: grpc.encoding (unimplemented), grpc.timeout (no timeout).
Result<CallHead> read_head(const dialect::Exchange& exchange);

/// True for "application/grpc", "application/grpc+proto" and those with parameters.
[[nodiscard]] bool is_protobuf_call(const dialect::Exchange& exchange);

/// Ends a call that has not begun to answer, in one head ("trailers only").
void refuse(const Error& error, dialect::Exchange& exchange, std::span<const dialect::Header> metadata = {});

/// Refuses what is no call with protobuf messages: HTTP 415.
void refuse_content_type(dialect::Exchange& exchange);

/// Dialect::refuse() of a gRPC dialect: an error that the transport or the router found on one of its paths,
/// told to a client that does not speak gRPC: {"error": "..."}.
void refuse_plainly(const Error& error, dialect::Exchange& exchange);

/// A call with one message each way. Dropped without an answer it ends as an internal error. It can be moved.
/// Thread: one at a time, any.
class UnaryCall {
 public:
  /// Nothing when the call was refused: no gRPC, or a head that cannot be understood. Borrows: limits, for
  /// the call's life.
  static std::optional<UnaryCall> begin(std::unique_ptr<dialect::Exchange> exchange, const Limits& limits);
  UnaryCall(UnaryCall&&) = default;
  UnaryCall& operator=(UnaryCall&&) = delete;
  UnaryCall(const UnaryCall&) = delete;
  UnaryCall& operator=(const UnaryCall&) = delete;
  ~UnaryCall();

  /// The client's message: the received bytes themselves, unless they were compressed. At least kPaddingBytes
  /// behind it are readable. Borrows: from the call, wherever it moves, until it ends. Call it once.
  /// Errors: those of only_message().
  [[nodiscard]] Result<ByteView> message();

  [[nodiscard]] MonoTime received() const { return exchange_->received(); }
  /// When the client waits no longer: for infer::Request::deadline.
  [[nodiscard]] MonoTime deadline() const { return head_.deadline; }
  [[nodiscard]] bool gone() const { return exchange_->gone(); }
  /// As Exchange::on_gone().
  void on_gone(std::function<void()> callback) { exchange_->on_gone(std::move(callback)); }
  /// Metadata of the call, addresses and the like. Valid until the call ends.
  [[nodiscard]] const dialect::Exchange& exchange() const { return *exchange_; }

  /// Ends the call well, or not. `metadata` goes into the head. Call either of these once.
  void answer(OutMessage message, std::span<const dialect::Header> metadata = {});
  void fail(const Error& error, std::span<const dialect::Header> metadata = {});

 private:
  UnaryCall(std::unique_ptr<dialect::Exchange> exchange, const CallHead& head, const Limits& limits)
      : exchange_(std::move(exchange)), head_(head), limits_(&limits) {}

  std::unique_ptr<dialect::Exchange> exchange_;  ///< null when ended
  CallHead head_;
  const Limits* limits_;
  std::string unpacked_;
};

}  // namespace slipway::grpc
