#include "net/client/answer_scanner.h"

#include <algorithm>
#include <charconv>

#include "net/request_head.h"

namespace slipway::net {
namespace {

constexpr std::size_t kMaxHeadBytes = std::size_t{64} << 10U;

template <typename T>
bool parse_number(std::string_view text, T& out, int base = 10) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return code == std::errc() && end == text.data() + text.size();
}

}  // namespace

bool AnswerScanner::read_head(std::string_view head) {
  if (!head.starts_with("HTTP/1.") || head.size() < 14 || !parse_number(head.substr(9, 3), status_))
    return false;
  bool counted = false;
  bool chunked = false;
  std::size_t at = head.find("\r\n") + 2;
  while (at < head.size()) {
    const std::size_t end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, end - at);
    at = end + 2;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value =
        line.substr(std::min(line.find_first_not_of(" \t", colon + 1), line.size()));
    if (colon == 14 && equals_lower(name, "content-length")) {
      if (!parse_number(value, left_)) return false;
      counted = true;
    } else if (colon == 17 && equals_lower(name, "transfer-encoding")) {
      chunked = equals_lower(value, "chunked");
    } else if (colon == 10 && equals_lower(name, "connection")) {
      closes_ = equals_lower(value, "close");
    }
  }
  const bool bodyless = status_ == 204 || status_ == 304;
  if (!counted && !chunked && !bodyless) return false;
  state_ = chunked ? State::kChunkSize : State::kCounted;
  return true;
}

AnswerScanner::Verdict AnswerScanner::scan(std::string_view bytes, std::size_t& used) {
  used = 0;
  if (state_ == State::kHead) {
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return bytes.size() > kMaxHeadBytes ? Verdict::kBad : Verdict::kMore;
    head_size_ = end + 4;
    if (!read_head(bytes.substr(0, end + 2))) return Verdict::kBad;
    used = head_size_;
  }
  if (state_ != State::kCounted) return scan_chunks(bytes, used);
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - used));
  used += count;
  left_ -= count;
  return left_ == 0 ? Verdict::kWhole : Verdict::kMore;
}

AnswerScanner::Verdict AnswerScanner::scan_chunks(std::string_view bytes, std::size_t& used) {
  for (;;) {
    if (state_ == State::kChunkData) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - used));
      used += count;
      left_ -= count;
      if (left_ > 0) return Verdict::kMore;
      state_ = State::kChunkSize;
      continue;
    }
    const std::size_t end = bytes.find("\r\n", used);
    if (end == std::string_view::npos)
      return bytes.size() - used > kMaxHeadBytes ? Verdict::kBad : Verdict::kMore;
    const std::string_view line = bytes.substr(used, end - used);
    used = end + 2;
    if (state_ == State::kTrailers) {
      if (line.empty()) return Verdict::kWhole;
      continue;
    }
    if (!parse_number(line.substr(0, line.find(';')), left_, 16)) return Verdict::kBad;
    state_ = left_ == 0 ? State::kTrailers : State::kChunkData;
    left_ += left_ == 0 ? 0 : 2;  // the line end behind the data
  }
}

}  // namespace slipway::net
