// Bytes waiting to be sent: small ones gathered into one buffer, large ones taken over as they are.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/loop/block.h"

namespace slipway::net {

/// Thread: confined to one loop.
class OutQueue {
 public:
  /// Up to here a piece is copied behind the last one: cheaper than one more entry in the system call.
  static constexpr std::size_t kCopyBytes = 4096;

  OutQueue() = default;
  OutQueue(OutQueue&&) noexcept = default;
  OutQueue& operator=(OutQueue&&) noexcept = default;
  OutQueue(const OutQueue&) = delete;
  OutQueue& operator=(const OutQueue&) = delete;

  /// Buffers come from and go back to this pool. Borrows: for the queue's life.
  void use_pool(BlockPool& pool) { pool_ = &pool; }

  void append(std::string_view bytes);
  void append_owned(std::string&& bytes);
  /// A few bytes, such as a frame's header, and then a part of a text that several entries share. `size`
  /// bytes from `from` on are in it. Large parts are not copied.
  void append_shared(std::string_view head, const std::shared_ptr<const std::string>& text, std::size_t from,
                     std::size_t size);
  /// Moves all of `other` behind what is here.
  void splice(OutQueue&& other);

  [[nodiscard]] bool empty() const { return bytes_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// The first pieces, for writev; at most as many as `out` has room for. Gives the number.
  [[nodiscard]] std::size_t gather(std::span<iovec> out) const;
  /// Takes `count` sent bytes away from the front.
  void consume(std::size_t count);
  void clear();

 private:
  struct Piece {
    std::string own;
    std::shared_ptr<const std::string> shared = nullptr;  ///< in place of `own`
    std::size_t from = 0;
    std::size_t size = 0;
    [[nodiscard]] std::string_view view() const {
      return shared == nullptr ? std::string_view(own) : std::string_view(*shared).substr(from, size);
    }
  };

  std::string& open_piece(std::size_t size);
  void drop_front();

  BlockPool* pool_ = nullptr;
  std::vector<Piece> pieces_;
  std::size_t first_ = 0;   ///< index of the first piece not yet sent whole
  std::size_t offset_ = 0;  ///< bytes of it that are sent
  std::size_t bytes_ = 0;
  bool last_is_open_ = false;  ///< the last piece is a gathering buffer
};

}  // namespace slipway::net
