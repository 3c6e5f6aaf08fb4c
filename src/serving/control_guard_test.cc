#include "serving/control_guard.h"

#include <gtest/gtest.h>

#include "contracts/dialect/testing/fake_exchange.h"

namespace slipway::serving {
namespace {

using dialect::Method;

std::string verdict(Method method, std::vector<std::pair<std::string, std::string>> headers) {
  dialect::testing::FakeRequest request;
  request.method = method;
  request.headers = std::move(headers);
  dialect::testing::FakeExchange exchange(request);
  const Status status = check_control(exchange);
  exchange.respond(200, {}, "");
  return status.ok() ? "ok" : status.error().id();
}

TEST(ControlGuard, TakesProgramsAndItsOwnPagesAndNobodyElse) {
  struct Row {
    Method method;
    std::vector<std::pair<std::string, std::string>> headers;
    const char* verdict;
  };
  const Row rows[] = {
      {Method::kPost, {{"host", "127.0.0.1"}}, "ok"},
      {Method::kPost, {{"host", "localhost"}}, "ok"},
      {Method::kPost, {{"host", "[::1]:8081"}}, "ok"},
      {Method::kPost, {}, "ok"},
      {Method::kPost, {{"host", "127.0.0.1"}, {"origin", "http://127.0.0.1"}}, "ok"},
      {Method::kPost, {{"host", "127.0.0.1"}, {"origin", "http://127.0.0.2"}}, "http.origin"},
      {Method::kPost, {{"host", "127.0.0.1"}, {"origin", "http://evil.example"}}, "http.origin"},
      {Method::kPost, {{"host", "127.0.0.1"}, {"origin", "null"}}, "http.origin"},
      {Method::kPost, {{"host", "127.0.0.1"}, {"origin", ""}}, "http.origin"},
      {Method::kPost, {{"host", "evil.example"}}, "http.host"},
      {Method::kPost, {{"host", "evil.example"}, {"origin", "http://evil.example"}}, "http.host"},
      {Method::kDelete, {{"host", "127.0.0.1.evil.example"}}, "http.host"},
      {Method::kPost, {{"host", "localhost.evil.example:80"}}, "http.host"},
      {Method::kGet, {{"host", "evil.example"}, {"origin", "http://evil.example"}}, "ok"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(verdict(row.method, row.headers), row.verdict)
        << (row.headers.empty() ? std::string("no headers") : row.headers.back().second);
  }
}

}  // namespace
}  // namespace slipway::serving
