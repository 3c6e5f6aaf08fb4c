#include "net/refusal.h"

namespace slipway::net::refusals {

constexpr Code kInvalid = Code::kInvalidArgument;
constexpr Code kExhausted = Code::kResourceExhausted;

// clang-format off
constinit const Refusal kSyntax{400, kInvalid, "net.syntax", "the request line or a header is not HTTP/1.1 (RFC 9112)"};
constinit const Refusal kTls{400, kInvalid, "net.tls", "this port speaks plain HTTP, but the client began TLS; use http:// instead of https://"};
constinit const Refusal kHttp2{505, Code::kUnimplemented, "net.http2", "this port speaks HTTP/1.1, but the client began HTTP/2 without being asked"};
constinit const Refusal kVersion{505, Code::kUnimplemented, "net.version", "the request is neither HTTP/1.1 nor HTTP/1.0"};
constinit const Refusal kBareLf{400, kInvalid, "net.line_end", "lines of a request end with CR LF"};
constinit const Refusal kFolded{400, kInvalid, "net.folded", "header lines may not be continued on a next line (RFC 9112 section 5.2)"};
constinit const Refusal kHost{400, kInvalid, "net.host", "an HTTP/1.1 request has exactly one well-formed Host header"};
constinit const Refusal kFraming{400, kInvalid, "net.framing", "the length of the body is ambiguous: give either one Content-Length in digits or Transfer-Encoding: chunked"};
constinit const Refusal kTransferCoding{501, Code::kUnimplemented, "net.transfer_coding", "the only transfer coding here is chunked"};
constinit const Refusal kChunk{400, kInvalid, "net.chunk", "the body is not well-formed chunked coding (RFC 9112 section 7.1)"};
constinit const Refusal kHeadTooLarge{431, kExhausted, "net.head_too_large", "the request line and headers are larger than this server's limit"};
constinit const Refusal kTooManyFields{431, kExhausted, "net.too_many_headers", "the request has more headers than this server's limit"};
constinit const Refusal kTargetTooLong{414, kExhausted, "net.target_too_long", "the request target is longer than this server's limit"};
constinit const Refusal kBodyTooLarge{413, kExhausted, "net.body_too_large", "the body is larger than this server's limit"};
constinit const Refusal kRatio{413, kExhausted, "net.compression_ratio", "the body unfolds to more than the allowed multiple of its compressed size"};
constinit const Refusal kTooManyChunks{413, kExhausted, "net.too_many_chunks", "the body comes in more chunks than this server's limit"};
constinit const Refusal kHeldBytes{503, Code::kUnavailable, "net.overloaded", "the server is holding as many request bodies as it may; try again shortly"};
constinit const Refusal kPath{400, kInvalid, "net.path", "the path is not acceptable: percent escapes must be valid UTF-8 when decoded once, without control characters, encoded slashes, backslashes, semicolons, further escapes or dot segments", false};
constinit const Refusal kContentCoding{415, kInvalid, "net.content_coding", "the body may be sent plain, or compressed with gzip or deflate", false};
constinit const Refusal kCompressed{400, kInvalid, "net.compressed_body", "the body is not what its Content-Encoding says: the compressed data are damaged or cut short"};
constinit const Refusal kExpect{417, kInvalid, "net.expect", "the only expectation that can be met is 100-continue"};
constinit const Refusal kHeadTimeout{408, Code::kDeadlineExceeded, "net.head_timeout", "the request line and headers did not come in time"};
constinit const Refusal kBodyTimeout{408, Code::kDeadlineExceeded, "net.body_timeout", "the body comes too slowly"};
// clang-format on

}  // namespace slipway::net::refusals
