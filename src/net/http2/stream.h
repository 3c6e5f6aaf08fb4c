// One HTTP/2 stream: what of an answer is still to be sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/loop/out_queue.h"

namespace slipway::net::http2 {

/// The bytes of an answer that wait for the client's windows. Thread: confined to a loop.
class OutBody {
 public:
  void add(std::string&& piece);
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Bytes that stand together at the front.
  [[nodiscard]] std::size_t front_bytes() const;
  /// Moves `size` bytes of the front behind `head` in `out`; at most front_bytes().
  void move_to(OutQueue& out, std::string_view head, std::size_t size);

 private:
  struct Piece {
    std::string small;
    std::shared_ptr<const std::string> large;  ///< in place of `small`; frames are cut out of it
    [[nodiscard]] const std::string& text() const { return large != nullptr ? *large : small; }
  };

  [[nodiscard]] Piece& last() { return next_ < rest_.size() ? rest_.back() : front_; }

  Piece front_;
  std::vector<Piece> rest_;
  std::size_t next_ = 0;    ///< of `rest_`, behind the front
  std::size_t offset_ = 0;  ///< bytes of the front that are gone
  std::size_t bytes_ = 0;
};

/// Derive from it to have one's own state with each stream. Thread: confined to a loop.
class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] std::int32_t id() const { return id_; }
  /// Bytes of the answer that no frame has taken yet.
  [[nodiscard]] std::size_t unsent_bytes() const { return out_.bytes(); }
  /// The answer's head was given.
  [[nodiscard]] bool answer_started() const { return started_; }

 protected:
  ~Stream() = default;

 private:
  friend class Session;

  std::int32_t id_ = 0;
  bool started_ = false;
  bool ended_ = false;
  bool deferred_ = false;       ///< the library waits to be told that there is more
  bool request_ended_ = false;  ///< the client sends no more
  bool end_sent_ = false;
  bool reset_here_ = false;
  OutBody out_;
  std::string trailers_;
};

}  // namespace slipway::net::http2
