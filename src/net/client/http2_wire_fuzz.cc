// What a server sends to the load generator over HTTP/2 and gRPC, however wrong: a wire takes it or says why
// not, counts what is in flight, and never answers a request twice.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "net/client/wire_internal.h"

namespace {

using namespace slipway;
using namespace slipway::net;

struct Counting final : AnswerSink {
  void answered(const SendTimes&, std::string_view status, bool, std::string_view error) override {
    SLIPWAY_CHECK(!status.empty());
    SLIPWAY_CHECK(error.size() <= kShownErrorBytes);
    ++answers;
  }
  std::size_t answers = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  LoadOptions options;
  constexpr LoadProtocol kProtocols[] = {LoadProtocol::kHttp2, LoadProtocol::kGrpc,
                                         LoadProtocol::kGrpcStream};
  options.protocol = kProtocols[data[0] % 3];
  options.streams = 3;
  options.requests = {{.body = "message"}};
  const auto factory = http2_wires(options);
  SLIPWAY_CHECK(factory.ok());
  const auto wire = (*factory)->make();
  const std::size_t piece = data[1] + std::size_t{1};
  std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::string out;
  Counting sink;
  std::size_t sent = 0;
  wire->begin(out);
  while (!rest.empty()) {
    for (; wire->room() > 0; ++sent) wire->send(0, {}, out);
    const std::string_view now = rest.substr(0, std::min(piece, rest.size()));
    rest.remove_prefix(now.size());
    if (!wire->receive(now, out, sink).ok()) break;
    SLIPWAY_CHECK(sink.answers + wire->in_flight() == sent);
  }
  return 0;
}
