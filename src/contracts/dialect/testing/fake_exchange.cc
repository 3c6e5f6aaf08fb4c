#include "contracts/dialect/testing/fake_exchange.h"

#include <algorithm>
#include <cctype>

#include "base/check.h"

namespace slipway::dialect::testing {
namespace {

// The contract promises this many readable bytes behind a body.
constexpr std::size_t kPadding = 64;

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

std::vector<std::pair<std::string, std::string>> copied(std::span<const Header> headers) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Header& header : headers) out.emplace_back(header.name, header.value);
  return out;
}

std::string_view next_segment(std::string_view& rest) {
  const std::size_t slash = rest.find('/', 1);
  const std::string_view segment = rest.substr(0, slash);
  rest.remove_prefix(segment.size());
  return segment;
}

/// The values of a pattern's names, or nothing when the path is another one.
std::optional<std::vector<std::string_view>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string_view> values;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = next_segment(pattern);
    const std::string_view given = next_segment(path);
    if (wanted.starts_with("/{") && given.size() > 1) {
      values.push_back(given.substr(1));
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return values;
}

}  // namespace

std::string Answer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return {};
}

FakeExchange::FakeExchange(FakeRequest request)
    : request_(std::move(request)), body_size_(request_.body.size()) {
  request_.body.append(kPadding, '\0');
}

FakeExchange::~FakeExchange() {
  answer_->dropped = answer_->status == 0;
  answer_->let_go = true;
}

std::optional<std::string_view> FakeExchange::header(std::string_view lower_name) const {
  for (const auto& [name, value] : request_.headers) {
    if (name == lower_name) return value;
  }
  return std::nullopt;
}

ByteView FakeExchange::body() const {
  return as_bytes(std::string_view(request_.body).substr(0, body_size_));
}

void FakeExchange::respond(int status, std::span<const Header> headers, std::string body) {
  start(status, headers);
  answer_->body = std::move(body);
  answer_->finished = true;
}

void FakeExchange::start(int status, std::span<const Header> headers) {
  ++answer_->answers;
  answer_->status = status;
  answer_->headers = copied(headers);
}

void FakeExchange::write(std::string piece) {
  SLIPWAY_CHECK(answer_->status != 0 && !answer_->finished);
  answer_->body += piece;
}

void FakeExchange::finish(std::span<const Header> trailers) {
  SLIPWAY_CHECK(answer_->status != 0 && !answer_->finished);
  answer_->trailers = copied(trailers);
  answer_->finished = true;
}

std::shared_ptr<const Answer> send(Dialect& dialect, FakeRequest request) {
  const std::string path = request.path;
  const Method method = request.method == Method::kHead ? Method::kGet : request.method;
  auto exchange = std::make_unique<FakeExchange>(std::move(request));
  auto answer = exchange->answer();
  for (const Route& route : dialect.routes()) {
    if (route.method != method) continue;
    const auto values = match(route.pattern, path);
    if (!values) continue;
    dialect.handle(route.id, *values, std::move(exchange));
    return answer;
  }
  exchange->respond(404, {}, "no route");
  return answer;
}

}  // namespace slipway::dialect::testing
