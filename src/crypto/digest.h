// SHA-256 digests: of streams, as names.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace slipway::crypto {

/// A SHA-256 value. Default: all zeros, the digest of nothing that exists. Thread: a value.
class Digest {
 public:
  static constexpr std::size_t kBytes = 32;

  Digest() = default;
  explicit Digest(const std::array<std::uint8_t, kBytes>& bytes) : bytes_(bytes) {}

  /// "sha256:" and 64 lower-case hexadecimal digits. Source: OCI image specification, "Digests".
  /// Errors: crypto.digest_syntax.
  static Result<Digest> parse(std::string_view text);
  /// The 64 digits alone. Errors: crypto.digest_syntax.
  static Result<Digest> parse_hex(std::string_view hex);

  [[nodiscard]] std::string to_string() const { return "sha256:" + hex(); }
  [[nodiscard]] std::string hex() const;
  [[nodiscard]] const std::array<std::uint8_t, kBytes>& bytes() const { return bytes_; }

  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  std::array<std::uint8_t, kBytes> bytes_{};
};

/// Hashes a stream. Move-only. Source: FIPS 180-4. Thread: external lock.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(ByteView bytes);
  /// The digest of everything so far; the stream may go on.
  [[nodiscard]] Digest digest() const;

  static Digest of(ByteView bytes);
  static Digest of(std::string_view text) { return of(as_bytes(text)); }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Compares secrets: the time depends on the lengths only.
[[nodiscard]] bool equal_constant_time(ByteView a, ByteView b);

}  // namespace slipway::crypto

template <>
struct std::hash<slipway::crypto::Digest> {
  std::size_t operator()(const slipway::crypto::Digest& digest) const noexcept {
    std::size_t value = 0;
    std::memcpy(&value, digest.bytes().data(), sizeof(value));
    return value;
  }
};
