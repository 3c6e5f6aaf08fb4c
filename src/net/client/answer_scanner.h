// Finds the end of an HTTP/1.1 answer with little work, for the load generator. It takes what well-behaved
// servers send, and calls everything else an error; ResponseParser is the thorough one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slipway::net {

class AnswerScanner {
 public:
  enum class Verdict : std::uint8_t { kMore, kWhole, kBad };

  /// `bytes` is what was received and not yet taken away; `used` says how many of them belong to this answer
  /// (kWhole) or may be thrown away already (kMore).
  Verdict scan(std::string_view bytes, std::size_t& used);
  void reset() { *this = AnswerScanner(); }

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] bool closes() const { return closes_; }
  [[nodiscard]] bool in_body() const { return state_ != State::kHead; }
  [[nodiscard]] std::size_t head_size() const { return head_size_; }

 private:
  enum class State : std::uint8_t { kHead, kCounted, kChunkSize, kChunkData, kTrailers };

  bool read_head(std::string_view head);
  Verdict scan_chunks(std::string_view bytes, std::size_t& used);

  State state_ = State::kHead;
  int status_ = 0;
  bool closes_ = false;
  std::size_t head_size_ = 0;
  std::uint64_t left_ = 0;
};

}  // namespace slipway::net
