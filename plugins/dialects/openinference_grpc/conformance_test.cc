// The dialect keeps the contract of all dialects. The kit knows HTTP and JSON, so a shell around the dialect
// makes messages of bodies, and statuses and fields of HTTP of those of gRPC.
#include "contracts/dialect/testing/conformance.h"

#include <array>
#include <charconv>
#include <memory>
#include <string>
#include <utility>

#include "json/writer.h"
#include "plugins/dialects/openinference_grpc/call_testing.h"
#include "protobuf/writer.h"

namespace slipway {
std::unique_ptr<dialect::Dialect> make_dialect_openinference_grpc(const dialect::Host& host);
namespace dialect::testing {
namespace {

constexpr std::string_view kGrpc = "application/grpc";
constexpr std::size_t kPadding = 64;

/// The kit's exchange as a gRPC call.
class CallExchange final : public Exchange {
 public:
  explicit CallExchange(std::unique_ptr<Exchange> http)
      : http_(std::move(http)), body_(openinference_grpc::testing::framed(as_text(http_->body()))) {
    body_.append(kPadding, '\0');
  }

  [[nodiscard]] Method method() const override { return http_->method(); }
  [[nodiscard]] std::string_view path() const override { return http_->path(); }
  [[nodiscard]] std::string_view query() const override { return http_->query(); }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view lower_name) const override {
    if (lower_name == "content-type") return kGrpc;
    return http_->header(lower_name);
  }
  [[nodiscard]] ByteView body() const override {
    return as_bytes(std::string_view(body_).substr(0, body_.size() - kPadding));
  }
  [[nodiscard]] MonoTime received() const override { return http_->received(); }
  [[nodiscard]] bool gone() const override { return http_->gone(); }
  [[nodiscard]] bool local() const override { return http_->local(); }

  void respond(int status, std::span<const Header> headers, std::string body) override {
    http_->respond(status, headers, std::move(body));
  }
  void start(int status, std::span<const Header> headers) override {
    status_ = status;
    for (const Header& header : headers) headers_.emplace_back(header.name, header.value);
  }
  void write(std::string piece) override { answer_ += piece; }
  void finish(std::span<const Header> trailers) override {
    int code = -1;
    std::string text;
    for (const Header& trailer : trailers) {
      if (trailer.name == "grpc-status")
        std::from_chars(trailer.value.data(), trailer.value.data() + trailer.value.size(), code);
      if (trailer.name == "grpc-message") text = trailer.value;
    }
    std::vector<Header> headers;
    for (const auto& [name, value] : headers_) {
      if (name != "content-type") headers.push_back({name, value});
    }
    headers.push_back({"Content-Type", code == 0 ? "application/octet-stream" : "application/json"});
    const auto canonical = static_cast<Code>(code);
    if (canonical == Code::kResourceExhausted || canonical == Code::kUnavailable)
      headers.push_back({"Retry-After", "1"});
    const int status = code == 0 ? status_ : http_status(canonical);
    http_->respond(status, headers, code == 0 ? std::move(answer_) : json_of(text));
  }

 private:
  static std::string json_of(std::string_view text) {
    std::string body;
    json::Writer out(body);
    out.begin_object();
    out.field("error", text);
    out.end_object();
    return body;
  }

  std::unique_ptr<Exchange> http_;
  std::string body_;
  int status_ = 0;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::string answer_;
};

class HttpShell final : public Dialect {
 public:
  explicit HttpShell(std::unique_ptr<Dialect> inner) : inner_(std::move(inner)) {}
  [[nodiscard]] std::string_view name() const override { return inner_->name(); }
  [[nodiscard]] std::vector<Route> routes() const override { return inner_->routes(); }
  void handle(int route_id, PathValues values, std::unique_ptr<Exchange> exchange) override {
    inner_->handle(route_id, values, std::make_unique<CallExchange>(std::move(exchange)));
  }
  void refuse(const Error& error, std::unique_ptr<Exchange> exchange) override {
    inner_->refuse(error, std::make_unique<CallExchange>(std::move(exchange)));
  }

 private:
  std::unique_ptr<Dialect> inner_;
};

std::unique_ptr<Dialect> make(const Host& host) {
  return std::make_unique<HttpShell>(make_dialect_openinference_grpc(host));
}

FakeRequest ask(const Question& question) {
  std::string message;
  protobuf::Writer out(message);
  out.text(1, question.model);
  out.text_if_any(2, question.version);
  out.message(5, [&](protobuf::Writer& input) {
    input.text(1, "x");
    input.text(2, "FP32");
    input.packed(3, std::array<std::size_t, 2>{question.values.size() / 2, 2});
  });
  out.bytes(7, std::as_bytes(question.values));
  FakeRequest request = openinference_grpc::testing::call("ModelInfer", {});
  request.body = std::move(message);
  return request;
}

INSTANTIATE_TEST_SUITE_P(OpenInferenceGrpc, DialectConformance,
                         ::testing::Values(DialectSubject{"openinference_grpc", &make, &ask, true}));

}  // namespace
}  // namespace dialect::testing
}  // namespace slipway
