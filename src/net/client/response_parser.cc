#include "net/client/response_parser.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <optional>
#include <string>
#include <utility>

namespace slipway::net {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kMaxHeadBytes = 64U << 10U;

class Parser final : public http::basic_parser<false> {
 public:
  explicit Parser(bool to_head) {
    header_limit(kMaxHeadBytes);
    body_limit(boost::none);
    eager(true);
    skip(to_head);
  }

  ClientResponse response;

 private:
  using error_code = boost::beast::error_code;
  using text_view = boost::beast::string_view;

  void on_response_impl(int status, text_view, int, error_code&) override { response.status = status; }
  void on_field_impl(http::field, text_view name, text_view value, error_code&) override {
    if (!in_trailers_) response.headers.emplace_back(std::string(name), std::string(value));
  }
  void on_header_impl(error_code&) override { in_trailers_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(text_view body, error_code&) override {
    response.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, text_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, text_view body, error_code&) override {
    response.body.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(error_code&) override {}
  void on_request_impl(http::verb, text_view, text_view, int, error_code&) override {}

  bool in_trailers_ = false;
};

Error bad_response(std::string what) {
  return data_loss("net.bad_response",
                   "the answer is not usable: " + std::move(what) + "; is that an HTTP server?");
}

}  // namespace

struct ResponseParser::State {
  bool to_head;
  std::size_t max_bytes;
  std::size_t received = 0;
  std::string pending;
  std::optional<Parser> parser;
};

ResponseParser::ResponseParser(bool to_head, std::size_t max_bytes)
    : state_(std::make_unique<State>(State{to_head, max_bytes, 0, {}, {}})) {
  state_->parser.emplace(to_head);
}

ResponseParser::~ResponseParser() = default;

Status ResponseParser::feed(std::string_view bytes) {
  State& state = *state_;
  state.received += bytes.size();
  if (state.received > state.max_bytes) {
    return bad_response("it is larger than " + std::to_string(state.max_bytes) + " bytes");
  }
  state.pending.append(bytes);
  std::size_t used = 0;
  while (used < state.pending.size() && !done()) {
    boost::beast::error_code error;
    used += state.parser->put(
        boost::asio::const_buffer(state.pending.data() + used, state.pending.size() - used), error);
    if (error == http::error::need_more) break;
    if (error) return bad_response(error.message());
    // "100 Continue" and the like come before the answer itself. Source: RFC 9110 section 15.2.
    const int status = state.parser->response.status;
    if (state.parser->is_done() && status >= 100 && status < 200) state.parser.emplace(state.to_head);
  }
  state.pending.erase(0, used);
  return {};
}

Status ResponseParser::end_of_input() {
  boost::beast::error_code error;
  if (!done() && state_->parser->got_some()) state_->parser->put_eof(error);
  if (done()) return {};
  return unavailable("net.closed", state_->received == 0
                                       ? "the server closed the connection without an answer"
                                       : "the server closed the connection in the middle of its answer");
}

bool ResponseParser::done() const { return state_->parser->is_done(); }
bool ResponseParser::started() const { return state_->received > 0; }
bool ResponseParser::keep_alive() const { return state_->parser->keep_alive(); }
ClientResponse ResponseParser::take() { return std::move(state_->parser->response); }

}  // namespace slipway::net
