// Any body, cut into pieces in any way (the first bytes say how): a stream's messages are the same however it
// is cut, a body of one message gives the same message at once, nothing is larger than the limits say, and
// what is read can be sent again.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "grpc/message.h"

namespace {

using namespace slipway;
using namespace slipway::grpc;

constexpr Limits kLimits{.max_message_bytes = 4096, .max_inflate_ratio = 10, .compress_from_bytes = 16};

struct Read {
  std::vector<std::string> messages;
  std::string error;  ///< its id
  bool whole = false;
};

// Pieces of `cut` bytes, the last may be shorter.
Read read_all(std::string_view body, Encoding encoding, std::size_t cut) {
  Read out;
  MessageReader reader(encoding, kLimits);
  while (!body.empty()) {
    const std::size_t size = std::min(cut, body.size());
    reader.add(std::string(body.substr(0, size)));
    body.remove_prefix(size);
    for (;;) {
      auto next = reader.next();
      if (!next.ok()) {
        out.error = next.error().id();
        return out;
      }
      if (!next->has_value()) break;
      SLIPWAY_CHECK((*next)->bytes().size() <= kLimits.max_message_bytes);
      out.messages.emplace_back(as_text((*next)->bytes()));
    }
  }
  out.whole = reader.between_messages();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Encoding encoding = (data[0] & 1U) == 0 ? Encoding::kIdentity : Encoding::kGzip;
  const std::string body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Read whole = read_all(body, encoding, body.size() + 1);
  const Read pieces = read_all(body, encoding, 1 + data[1]);
  SLIPWAY_CHECK(whole.messages == pieces.messages);
  SLIPWAY_CHECK(whole.error == pieces.error);
  SLIPWAY_CHECK(whole.whole == pieces.whole);

  std::string unpacked;
  const auto only = only_message(as_bytes(body), encoding, kLimits, unpacked);
  if (only.ok()) {
    SLIPWAY_CHECK(whole.whole && whole.messages.size() == 1 && whole.messages[0] == as_text(*only));
  } else {
    SLIPWAY_CHECK(!whole.whole || whole.messages.size() != 1);
  }

  std::string again;
  for (const std::string& message : whole.messages) {
    OutMessage out;
    out.text() += message;
    again += std::move(out).framed(Encoding::kIdentity, kLimits);
  }
  const Read repeated = read_all(again, Encoding::kIdentity, 7);
  SLIPWAY_CHECK(repeated.whole && repeated.messages == whole.messages);
  return 0;
}
