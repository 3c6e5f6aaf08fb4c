// An exchange whose body comes when the test says so, and whose client reads when the test says so.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "contracts/dialect/exchange.h"
#include "contracts/dialect/testing/fake_exchange.h"

namespace slipway::grpc::testing {

/// The client's side of it, which outlives the exchange. Thread: external lock.
class StreamClient {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  /// More of the body. What nobody has asked for is kept.
  void send(std::string bytes, bool last = false);
  void leave();
  /// Takes what was written.
  void take_all();

  Fields fields{{"content-type", "application/grpc"}, {"te", "trailers"}};
  MonoTime received{};
  dialect::testing::Answer answer;
  std::size_t unsent = 0;
  bool asks = false;  ///< the handler waits for more of the body

 private:
  friend class StreamExchange;
  void give();

  std::string body_;
  bool last_ = false;
  bool gone_ = false;
  std::function<bool(dialect::BodyPiece)> reader_;
  std::function<void()> on_gone_;
  std::function<void()> on_room_;
};

class StreamExchange final : public dialect::Exchange {
 public:
  explicit StreamExchange(std::shared_ptr<StreamClient> client) : client_(std::move(client)) {}
  ~StreamExchange() override;
  StreamExchange(const StreamExchange&) = delete;
  StreamExchange& operator=(const StreamExchange&) = delete;

  [[nodiscard]] dialect::Method method() const override { return dialect::Method::kPost; }
  [[nodiscard]] std::string_view path() const override { return "/test.Service/Method"; }
  [[nodiscard]] std::string_view query() const override { return {}; }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view lower_name) const override;
  [[nodiscard]] ByteView body() const override { return {}; }
  [[nodiscard]] MonoTime received() const override { return client_->received; }
  [[nodiscard]] bool gone() const override { return client_->gone_; }
  [[nodiscard]] bool local() const override { return true; }
  [[nodiscard]] bool streaming() const override { return true; }
  [[nodiscard]] std::size_t unsent() const override { return client_->unsent; }

  void respond(int status, std::span<const dialect::Header> headers, std::string body) override;
  void start(int status, std::span<const dialect::Header> headers) override;
  void write(std::string piece) override;
  void finish(std::span<const dialect::Header> trailers) override;
  void on_gone(std::function<void()> callback) override;
  void on_room(std::function<void()> callback) override;
  void read(std::function<bool(dialect::BodyPiece)> callback) override;

 private:
  std::shared_ptr<StreamClient> client_;
};

}  // namespace slipway::grpc::testing
