#include "grpc/status.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "protobuf/writer.h"

namespace slipway::grpc {
namespace {

constexpr std::size_t kMaxMessageBytes = 1024;
constexpr std::size_t kMaxDetailsBytes = 2048;
constexpr std::string_view kTypes = "type.googleapis.com/google.rpc.";

void write_any(protobuf::Writer& out, std::string_view type, std::string_view message) {
  out.message(3, [&](protobuf::Writer& any) {
    any.text(1, std::string(kTypes).append(type));
    any.text(2, message);
  });
}

// At most `size` bytes, without half a character at the end.
std::string_view cut(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80U) --size;
  return text.substr(0, size);
}

}  // namespace

std::string encode_message(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && c != '%') {
      out.push_back(c);
    } else {
      out.append({'%', kHex[byte >> 4U], kHex[byte & 15U]});
    }
  }
  return out;
}

std::string encode_binary(std::string_view bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned held = 0;
  unsigned bits = 0;
  for (const char c : bytes) {
    held = held << 8U | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6; bits -= 6) out.push_back(kDigits[held >> (bits - 6) & 63U]);
    held &= (1U << bits) - 1;
  }
  if (bits > 0) out.push_back(kDigits[held << (6 - bits) & 63U]);
  return out;
}

std::string encode_details(const Error& error) {
  std::string status;
  protobuf::Writer out(status);
  out.varint(1, static_cast<std::uint64_t>(error.code()));
  out.text(2, cut(error.message(), kMaxMessageBytes));
  std::string info;
  protobuf::Writer(info).text(1, error.id());
  protobuf::Writer(info).text(2, "slipway");
  write_any(out, "ErrorInfo", info);
  std::string request;
  for (const Fault& fault : error.faults()) {
    std::string violation;
    protobuf::Writer(violation).text(1, fault.where);
    protobuf::Writer(violation).text(2, fault.fix.empty() ? fault.message : fault.message + "; " + fault.fix);
    if (status.size() + request.size() + violation.size() > kMaxDetailsBytes) break;
    protobuf::Writer(request).text(1, violation);
  }
  if (!request.empty()) write_any(out, "BadRequest", request);
  return status;
}

StatusFields::StatusFields() : code_("0") { fields_[count_++] = {"grpc-status", code_}; }

StatusFields::StatusFields(const Error& error)
    : code_(std::to_string(static_cast<int>(error.code()))),
      message_(encode_message(cut(error.message(), kMaxMessageBytes))),
      details_(encode_binary(encode_details(error))) {
  fields_[count_++] = {"grpc-status", code_};
  fields_[count_++] = {"grpc-message", message_};
  fields_[count_++] = {"grpc-status-details-bin", details_};
}

std::optional<Duration> parse_timeout(std::string_view text) {
  constexpr std::size_t kMaxDigits = 8;
  if (text.size() < 2 || text.size() > kMaxDigits + 1) return std::nullopt;
  std::int64_t number = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  // 99,999,999 hours are more nanoseconds than there are; nobody waits longer than the clock runs.
  constexpr std::int64_t kMostHours =
      std::chrono::duration_cast<std::chrono::hours>(Duration::max()).count() / 4;
  switch (text.back()) {
    case 'H':
      return std::chrono::hours(std::min(number, kMostHours));
    case 'M':
      return std::chrono::minutes(std::min(number, kMostHours * 60));
    case 'S':
      return std::chrono::seconds(number);
    case 'm':
      return std::chrono::milliseconds(number);
    case 'u':
      return std::chrono::microseconds(number);
    case 'n':
      return std::chrono::nanoseconds(number);
    default:
      return std::nullopt;
  }
}

}  // namespace slipway::grpc
