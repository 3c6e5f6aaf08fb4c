#include "net/answer_fields.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "net/request_head.h"

namespace slipway::net {
namespace {

std::string_view reason(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = make_token_table();

bool is_token(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return kToken[static_cast<unsigned char>(c)]; });
}

bool ends_field(char c) { return c == '\r' || c == '\n' || c == '\0'; }

bool is_value(std::string_view value) {
  // Eight at a time while none is a control character, and nearly no value has one. Source: S. E. Anderson,
  // Bit Twiddling Hacks, "Determine if a word has a byte less than n".
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  std::uint64_t word = 0;
  while (value.size() >= sizeof(word)) {
    std::memcpy(&word, value.data(), sizeof(word));
    if (((word - kOnes * 0x20) & ~word & kOnes * 0x80) != 0) break;
    value.remove_prefix(sizeof(word));
  }
  return std::none_of(value.begin(), value.end(), ends_field);
}

bool is_transports(std::string_view name) {
  switch (name.size()) {
    case 4:
      return equals_lower(name, "date");
    case 7:
      return equals_lower(name, "upgrade");
    case 10:
      return equals_lower(name, "connection") || equals_lower(name, "keep-alive");
    case 14:
      return equals_lower(name, "content-length");
    case 17:
      return equals_lower(name, "transfer-encoding");
    default:
      return false;
  }
}

bool is_compressible(std::string_view type) {
  const std::string_view base = type.substr(0, type.find(';'));
  return base.starts_with("text/") || base == "application/json" || base == "application/javascript" ||
         base == "application/openmetrics-text" || base == "application/yaml" || base == "image/svg+xml";
}

// One growth of the text per line.
void append_line(const dialect::Header& header, std::string& out) {
  const std::size_t at = out.size();
  out.resize(at + header.name.size() + header.value.size() + 4);
  char* to = std::copy(header.name.begin(), header.name.end(), out.data() + at);
  *to++ = ':';
  *to++ = ' ';
  to = std::copy(header.value.begin(), header.value.end(), to);
  *to++ = '\r';
  *to = '\n';
}

}  // namespace

FieldFacts write_fields(std::span<const dialect::Header> headers, std::string& out) {
  FieldFacts facts;
  for (const dialect::Header& header : headers) {
    if (!is_token(header.name) || !is_value(header.value)) {
      facts.valid = false;
      return facts;
    }
    if (is_transports(header.name)) {
      if (equals_lower(header.name, "connection") && equals_lower(header.value, "close")) facts.close = true;
      continue;
    }
    if (header.name.size() == 16 && equals_lower(header.name, "content-encoding")) facts.encoded = true;
    if (header.name.size() == 12 && equals_lower(header.name, "content-type")) {
      facts.compressible = is_compressible(header.value);
    }
    append_line(header, out);
  }
  return facts;
}

void write_status_line(int status, std::string& out) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
    return;
  }
  const int shown = status < 100 || status > 999 ? 500 : status;
  out.append("HTTP/1.1 ").append(std::to_string(shown)).append(" ").append(reason(shown)).append("\r\n");
}

}  // namespace slipway::net
