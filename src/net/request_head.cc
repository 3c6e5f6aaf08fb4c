#include "net/request_head.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <cstring>
#include <optional>

namespace slipway::net {
namespace {

namespace http = boost::beast::http;
using dialect::Method;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr std::array<bool, 256> make_host_table() {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view("-._~!$&'()*+,=:[]%")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kHostBytes = make_host_table();

// Calls `item` with each element of a comma-separated list, without the space around it.
template <typename F>
void for_each_item(std::string_view list, F item) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view one = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
    while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
    item(one);
  }
}

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::kGet;
    case http::verb::head:
      return Method::kHead;
    case http::verb::post:
      return Method::kPost;
    case http::verb::put:
      return Method::kPut;
    case http::verb::delete_:
      return Method::kDelete;
    case http::verb::options:
      return Method::kOptions;
    case http::verb::patch:
      return Method::kPatch;
    default:
      return Method::kOther;
  }
}

// Beast checks the grammar and reports the parts; what the parts mean together is decided here.
class HeadParser final : public http::basic_parser<true> {
 public:
  HeadParser(std::string_view text, RequestHead& out) : text_(text), out_(out) {
    header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(text.size() + 1, UINT32_MAX)));
    body_limit(boost::none);
  }

  const Refusal* parse() {
    boost::beast::error_code error;
    const std::size_t used = put(boost::asio::const_buffer(text_.data(), text_.size()), error);
    if (refusal_ != nullptr) return refusal_;
    if (error) return refusal_of(error);
    if (used != text_.size()) return &refusals::kSyntax;
    return check();
  }

 private:
  using error_code = boost::beast::error_code;
  using text_view = boost::beast::string_view;

  static const Refusal* refusal_of(const error_code& error) {
    if (error == http::error::bad_version) return &refusals::kVersion;
    if (error == http::error::bad_content_length || error == http::error::multiple_content_length ||
        error == http::error::bad_transfer_encoding) {
      return &refusals::kFraming;
    }
    return &refusals::kSyntax;
  }

  [[nodiscard]] std::uint32_t place(text_view part) const {
    return static_cast<std::uint32_t>(part.data() - text_.data());
  }

  void stop(const Refusal& refusal, error_code& error) {
    if (refusal_ == nullptr) refusal_ = &refusal;
    error = http::error::bad_field;
  }

  void on_request_impl(http::verb verb, text_view, text_view target, int version, error_code&) override {
    out_.method = method_of(verb);
    out_.target_at = place(target);
    out_.target_size = static_cast<std::uint32_t>(target.size());
    out_.http11 = version == 11;
    out_.keep_alive = out_.http11;
  }

  void on_field_impl(http::field field, text_view name, text_view text_value, error_code& error) override {
    const std::string_view value(text_value.data(), text_value.size());
    if (value.data() < text_.data() || value.data() > text_.data() + text_.size()) {
      stop(refusals::kFolded, error);  // Beast joined a folded value in memory of its own
      return;
    }
    out_.fields.add({place(name), static_cast<std::uint32_t>(name.size()), place(text_value),
                     static_cast<std::uint32_t>(value.size())});
    switch (field) {
      case http::field::host:
        if (++hosts_ > 1 || !is_host(value)) stop(refusals::kHost, error);
        break;
      case http::field::content_length:
        if (const auto length = net::content_length(value); length && ++lengths_ == 1) {
          out_.content_length = *length;
        } else {
          stop(refusals::kFraming, error);
        }
        break;
      case http::field::transfer_encoding:
        ++transfer_codings_;
        if (!equals_lower(value, "chunked")) stop(refusals::kTransferCoding, error);
        break;
      case http::field::connection:
        for_each_item(value, [&](std::string_view item) {
          close_ = close_ || equals_lower(item, "close");
          if (!out_.http11 && equals_lower(item, "keep-alive")) out_.keep_alive = true;
        });
        break;
      case http::field::expect:
        if (!equals_lower(value, "100-continue")) stop(refusals::kExpect, error);
        out_.expect_continue = out_.http11;
        break;
      case http::field::content_encoding:
        out_.coding = ++codings_ == 1 ? content_coding(value) : Coding::kUnknown;
        break;
      case http::field::accept_encoding:
        out_.accepts_gzip = out_.accepts_gzip || accepts_gzip(value);
        break;
      default:
        break;
    }
  }

  const Refusal* check() {
    if (close_) out_.keep_alive = false;
    if (out_.http11 && hosts_ != 1) return &refusals::kHost;
    if (transfer_codings_ > 0) {
      // HTTP/1.0 has no chunks, so whoever sent this does not frame as we would. Source: RFC 9112
      // section 6.1.
      if (lengths_ > 0 || transfer_codings_ > 1 || !out_.http11) return &refusals::kFraming;
      out_.framing = Framing::kChunked;
    } else if (out_.content_length > 0) {
      out_.framing = Framing::kLength;
    }
    return nullptr;
  }

  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(text_view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, text_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, text_view, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}
  void on_response_impl(int, text_view, int, error_code&) override {}

  std::string_view text_;
  RequestHead& out_;
  const Refusal* refusal_ = nullptr;
  int hosts_ = 0;
  int lengths_ = 0;
  int transfer_codings_ = 0;
  int codings_ = 0;
  bool close_ = false;
};

constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n";
constexpr char kTlsHandshake = 0x16;
constexpr std::size_t kRequestLineOverhead = 32;  // method, version and spaces

}  // namespace

bool equals_lower(std::string_view text, std::string_view lower_text) {
  return text.size() == lower_text.size() && std::equal(text.begin(), text.end(), lower_text.begin(),
                                                        [](char a, char b) { return lower(a) == b; });
}

HeadScanner::Verdict HeadScanner::scan(std::string_view bytes, const Limits& limits) {
  for (;;) {
    const void* found = std::memchr(bytes.data() + search_at_, '\n', bytes.size() - search_at_);
    if (found == nullptr) {
      search_at_ = bytes.size();
      return check_partial(bytes, limits);
    }
    const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    if (lines_ == 0 && bytes[0] == kTlsHandshake) return refuse(refusals::kTls);
    if (end == line_at_ || bytes[end - 1] != '\r') return refuse(refusals::kBareLf);
    const std::string_view line = bytes.substr(line_at_, end - 1 - line_at_);
    if (lines_ == 0) {
      if (bytes.substr(0, end + 1) == kHttp2Preface) return refuse(refusals::kHttp2);
      if (line.size() > limits.max_target_bytes + kRequestLineOverhead)
        return refuse(refusals::kTargetTooLong);
    } else if (!line.empty() && (line.front() == ' ' || line.front() == '\t')) {
      return refuse(refusals::kFolded);
    }
    if (end + 1 > limits.max_head_bytes) return refuse(refusals::kHeadTooLarge);
    line_at_ = end + 1;
    search_at_ = line_at_;
    if (line.empty()) return lines_ == 0 ? refuse(refusals::kSyntax) : Verdict::kWhole;
    if (++lines_ > limits.max_fields + 1) return refuse(refusals::kTooManyFields);
  }
}

HeadScanner::Verdict HeadScanner::check_partial(std::string_view bytes, const Limits& limits) {
  if (lines_ == 0 && !bytes.empty()) {
    if (bytes[0] == kTlsHandshake) return refuse(refusals::kTls);
    if (bytes.size() > limits.max_target_bytes + kRequestLineOverhead)
      return refuse(refusals::kTargetTooLong);
  }
  return bytes.size() > limits.max_head_bytes ? refuse(refusals::kHeadTooLarge) : Verdict::kMore;
}

bool accepts_gzip(std::string_view value) {
  bool yes = false;
  for_each_item(value, [&](std::string_view item) {
    const std::string_view name = item.substr(0, std::min(item.find(';'), item.size()));
    if (!equals_lower(name.substr(0, name.find_last_not_of(" \t") + 1), "gzip")) return;
    const std::size_t q = item.find("q=");
    yes = q == std::string_view::npos || item.find_first_of("123456789", q) != std::string_view::npos;
  });
  return yes;
}

Coding content_coding(std::string_view value) {
  if (equals_lower(value, "gzip") || equals_lower(value, "x-gzip")) return Coding::kGzip;
  if (equals_lower(value, "deflate")) return Coding::kDeflate;
  if (value.empty() || equals_lower(value, "identity")) return Coding::kIdentity;
  return Coding::kUnknown;
}

bool is_host(std::string_view value) {
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return kHostBytes[static_cast<unsigned char>(c)]; });
}

std::optional<std::uint64_t> content_length(std::string_view value) {
  if (value.empty() || value.size() > 18) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

const Refusal* parse_head(std::string_view text, RequestHead& out) { return HeadParser(text, out).parse(); }

}  // namespace slipway::net
