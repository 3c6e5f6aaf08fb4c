// An exchange without a socket: tests make it from a request and read what was answered.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "contracts/dialect/dialect.h"
#include "contracts/dialect/exchange.h"

namespace slipway::dialect::testing {

/// What came back. Outlives the exchange.
struct Answer {
  int status = 0;  ///< 0 = not answered yet
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::vector<std::pair<std::string, std::string>> trailers;
  bool finished = false;
  bool dropped = false;  ///< the exchange was destroyed unanswered
  bool let_go = false;   ///< the exchange was destroyed
  int answers = 0;       ///< more than one is a broken promise

  /// The value of a header by its name in any case; empty when absent.
  [[nodiscard]] std::string header(std::string_view name) const;
};

struct FakeRequest {
  Method method = Method::kGet;
  std::string path{};
  std::string query{};
  std::vector<std::pair<std::string, std::string>> headers{};  ///< names in lower case
  std::string body{};
  MonoTime received{};
  bool local = true;
  bool gone = false;
  std::shared_ptr<const std::atomic<bool>> leaves{};  ///< the client goes away when this becomes true
};

/// Thread: one at a time, as the contract says.
class FakeExchange final : public Exchange {
 public:
  explicit FakeExchange(FakeRequest request);
  ~FakeExchange() override;

  /// What will be answered; take it before the exchange is handed over.
  [[nodiscard]] std::shared_ptr<const Answer> answer() const { return answer_; }

  [[nodiscard]] Method method() const override { return request_.method; }
  [[nodiscard]] std::string_view path() const override { return request_.path; }
  [[nodiscard]] std::string_view query() const override { return request_.query; }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view lower_name) const override;
  [[nodiscard]] ByteView body() const override;
  [[nodiscard]] MonoTime received() const override { return request_.received; }
  [[nodiscard]] bool gone() const override {
    return request_.gone || (request_.leaves != nullptr && *request_.leaves);
  }
  [[nodiscard]] bool local() const override { return request_.local; }

  void respond(int status, std::span<const Header> headers, std::string body) override;
  void start(int status, std::span<const Header> headers) override;
  void write(std::string piece) override;
  void finish(std::span<const Header> trailers) override;

 private:
  FakeRequest request_;
  std::size_t body_size_;
  std::shared_ptr<Answer> answer_ = std::make_shared<Answer>();
};

/// Finds the route of `dialect` that the request matches, hands the exchange over and gives the answer, which
/// may still be on its way. HEAD goes where GET goes. A request that no route matches gets an answer with
/// status 404 and the body "no route".
std::shared_ptr<const Answer> send(Dialect& dialect, FakeRequest request);

}  // namespace slipway::dialect::testing
