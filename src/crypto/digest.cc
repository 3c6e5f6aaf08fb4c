#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "base/text.h"

namespace slipway::crypto {
namespace {

constexpr std::string_view kPrefix = "sha256:";

Error bad_digest(std::string_view text) {
  return invalid_argument(
      "crypto.digest_syntax",
      "'" + printable(text) + "' is no digest: write sha256: and 64 lower-case hexadecimal digits");
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) return bad_digest(text);
  auto digest = parse_hex(text.substr(kPrefix.size()));
  if (!digest.ok()) return bad_digest(text);
  return digest;
}

Result<Digest> Digest::parse_hex(std::string_view hex) {
  if (hex.size() != 2 * kBytes) return bad_digest(hex);
  std::array<std::uint8_t, kBytes> bytes{};
  for (std::size_t i = 0; i < kBytes; ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return bad_digest(hex);
    bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return Digest(bytes);
}

std::string Digest::hex() const {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * kBytes);
  for (const std::uint8_t byte : bytes_) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() { SLIPWAY_CHECK(context != nullptr); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  SLIPWAY_CHECK(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteView bytes) {
  SLIPWAY_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Digest Sha256::digest() const {
  State copy;
  std::array<std::uint8_t, Digest::kBytes> bytes{};
  SLIPWAY_CHECK(EVP_MD_CTX_copy_ex(copy.context, state_->context) == 1);
  SLIPWAY_CHECK(EVP_DigestFinal_ex(copy.context, bytes.data(), nullptr) == 1);
  return Digest(bytes);
}

Digest Sha256::of(ByteView bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.digest();
}

bool equal_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace slipway::crypto
