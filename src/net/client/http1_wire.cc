#include <algorithm>
#include <utility>
#include <vector>

#include "net/client/answer_scanner.h"
#include "net/client/wire_internal.h"

namespace slipway::net {
namespace {

class Http1Wire final : public Wire {
 public:
  Http1Wire(const std::vector<std::string>& requests, const std::string& server)
      : requests_(requests), server_(server) {}

  void begin(std::string&) override {}
  [[nodiscard]] std::size_t room() const override { return waiting_ || closes_ ? 0 : 1; }
  [[nodiscard]] std::size_t in_flight() const override { return waiting_ ? 1 : 0; }
  [[nodiscard]] bool closes() const override { return closes_; }
  void send(std::size_t request, const SendTimes& times, std::string& out) override {
    out.append(requests_[request]);
    times_ = times;
    waiting_ = true;
  }
  Status receive(std::string_view bytes, std::string& out, AnswerSink& sink) override;

 private:
  Status answered(std::string_view answer, AnswerSink& sink);

  const std::vector<std::string>& requests_;
  const std::string& server_;
  AnswerScanner scanner_;
  std::string received_;  // of an answer that is not whole
  SendTimes times_;
  bool waiting_ = false;
  bool closes_ = false;
};

Status Http1Wire::receive(std::string_view bytes, std::string&, AnswerSink& sink) {
  if (!received_.empty()) {
    received_.append(bytes);
    bytes = received_;
  }
  std::size_t used = 0;
  switch (scanner_.scan(bytes, used)) {
    case AnswerScanner::Verdict::kWhole:
      // One answer is under way at a time, so nothing may follow it.
      if (used != bytes.size() || !waiting_) {
        return data_loss("net.load", "the server sent more than one answer to a request");
      }
      return answered(bytes, sink);
    case AnswerScanner::Verdict::kMore:
      received_ = std::string(bytes.substr(used));
      return {};
    case AnswerScanner::Verdict::kBad:
      break;
  }
  return data_loss("net.load", server_ + " sent an answer without Content-Length and not chunked");
}

Status Http1Wire::answered(std::string_view answer, AnswerSink& sink) {
  const int status = scanner_.status();
  const std::size_t head = std::min(scanner_.head_size(), answer.size());
  closes_ = scanner_.closes();
  waiting_ = false;
  sink.answered(times_, std::to_string(status), status >= 400, answer.substr(head, kShownErrorBytes));
  scanner_.reset();
  received_.clear();
  return {};
}

class Http1Wires final : public WireFactory {
 public:
  Http1Wires(std::vector<std::string> requests, std::string server)
      : requests_(std::move(requests)), server_(std::move(server)) {}
  std::unique_ptr<Wire> make() override { return std::make_unique<Http1Wire>(requests_, server_); }

 private:
  const std::vector<std::string> requests_;
  const std::string server_;
};

}  // namespace

Result<std::unique_ptr<WireFactory>> http1_wires(const LoadOptions& options) {
  std::vector<std::string> requests;
  for (const LoadRequest& request : options.requests) {
    std::vector<dialect::Header> headers;
    for (const auto& [name, value] : request.headers) headers.push_back({name, value});
    SLIPWAY_ASSIGN_OR_RETURN(std::string text, render_request(options.endpoint, options.method,
                                                              options.target, headers, request.body));
    requests.push_back(std::move(text));
  }
  return std::unique_ptr<WireFactory>(
      std::make_unique<Http1Wires>(std::move(requests), options.endpoint.to_string()));
}

}  // namespace slipway::net
