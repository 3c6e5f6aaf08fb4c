#include "plugins/dialects/openinference_grpc/call_testing.h"

#include <charconv>
#include <utility>

#include "base/check.h"
#include "grpc/message.h"

namespace slipway::openinference_grpc::testing {

using dialect::testing::Answer;
using dialect::testing::FakeRequest;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::string framed(std::string_view message) {
  std::string body(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8)
    body += static_cast<char>(message.size() >> static_cast<unsigned>(shift));
  return body.append(message);
}

FakeRequest call(std::string_view method, std::string_view message) {
  FakeRequest request{.method = dialect::Method::kPost,
                      .path = "/inference.GRPCInferenceService/" + std::string(method)};
  request.headers = {{"content-type", "application/grpc"}, {"te", "trailers"}};
  request.body = framed(message);
  return request;
}

int code_of(const Answer& answer) {
  int code = -1;
  for (const auto& [name, value] : answer.trailers) {
    if (name == "grpc-status") std::from_chars(value.data(), value.data() + value.size(), code);
  }
  return code;
}

Reply reply_of(const Answer& answer) {
  Reply reply;
  reply.code = code_of(answer);
  for (const auto& [name, value] : answer.trailers) {
    if (name == "grpc-message") reply.text = value;
  }
  if (answer.body.size() >= grpc::kPrefixBytes) reply.message = answer.body.substr(grpc::kPrefixBytes);
  if (!answer.body.empty()) SLIPWAY_CHECK(answer.body == framed(reply.message));
  return reply;
}

Reply ask(dialect::Dialect& dialect, std::string_view method, std::string_view message) {
  return reply_of(*dialect::testing::send(dialect, call(method, message)));
}

}  // namespace slipway::openinference_grpc::testing
