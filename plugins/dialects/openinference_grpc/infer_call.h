// One inference on its way through the server, for both ways to ask.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "contracts/dialect/dialect.h"
#include "grpc/message.h"
#include "infer/infer.h"
#include "plugins/dialects/openinference_grpc/decode.h"
#include "plugins/dialects/openinference_grpc/encode.h"

namespace slipway::openinference_grpc {

/// The name under which the server counts this dialect's requests.
inline constexpr std::string_view kDialectName = "openinference_grpc";

/// From a message to the message that answers it. Derived classes own the message, and send what comes of it.
class InferCall : public infer::Call {
 public:
  /// Borrows: host, for the call's life.
  explicit InferCall(const dialect::Host& host) : host_(host) {}
  /// From the call's head to the last byte of the message.
  [[nodiscard]] virtual Duration receive_time() const { return {}; }
  /// Null where the client showed no certificate.
  [[nodiscard]] virtual const dialect::PeerIdentity* peer() const = 0;
  /// The client is on this machine, as dialect::Exchange::local().
  [[nodiscard]] virtual bool local() const = 0;

  /// Reads the message and hands the call to the server; what cannot be read is refused at once. The request
  /// is observed once in any case. `received` is when the message came, `deadline` when nobody waits for the
  /// answer any more. Borrows: message, which lives as long as the call.
  static void run(std::unique_ptr<InferCall> call, ByteView message, MonoTime received, MonoTime deadline);

  /// What is left to do for a message that could not even be taken off the wire.
  static void run_refused(std::unique_ptr<InferCall> call, const Error& error);

  void done(Result<infer::Response> response) final;

 protected:
  /// Appends the answer as a message.
  virtual Status write(const Answer& answer, std::string& out) = 0;
  // One of these is called, once, as the last thing. The message is no longer read then.
  virtual void send(grpc::OutMessage message, const infer::Timings& timings) = 0;
  virtual void refuse(const Error& error, const infer::Timings& timings) = 0;

  /// Of the request, as far as it could be read.
  [[nodiscard]] std::string_view id() const { return decoded_.id; }

 private:
  Status read(ByteView message, MonoTime received, MonoTime deadline);
  Status encode(infer::Response& response, grpc::OutMessage& out);
  [[nodiscard]] dialect::RequestRecord begin_record() const;
  void fail(const Error& error, dialect::RequestRecord& record);

  const dialect::Host& host_;
  dialect::ModelLease model_;
  Decoded decoded_;
  Duration parse_{};
};

}  // namespace slipway::openinference_grpc
