#include "crypto/digest.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <unordered_set>

namespace slipway::crypto {
namespace {

static_assert(std::is_nothrow_move_constructible_v<Sha256>);

// Source: FIPS 180-4 example values (NIST, "Secure Hash Standard" test vectors).
TEST(Sha256, GivesTheValuesOfTheStandard) {
  struct Row {
    std::string text;
    std::string hex;
  };
  const Row rows[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const Row& row : rows) EXPECT_EQ(Sha256::of(row.text).hex(), row.hex) << row.text.size();
}

TEST(Sha256, DoesNotDependOnHowTheStreamIsCut) {
  const std::string text(1000, 'x');
  Sha256 hash;
  for (std::size_t i = 0, step = 1; i < text.size(); i += step, step = step * 3 % 101 + 1) {
    hash.update(as_bytes(std::string_view(text).substr(i, step)));
  }
  EXPECT_EQ(hash.digest(), Sha256::of(text));
}

TEST(Sha256, GoesOnAfterADigestWasTaken) {
  Sha256 hash;
  hash.update(as_bytes("a"));
  EXPECT_EQ(hash.digest(), Sha256::of("a"));
  hash.update(as_bytes("bc"));
  EXPECT_EQ(hash.digest(), Sha256::of("abc"));
}

TEST(Digest, ReadsBackWhatItPrints) {
  const Digest digest = Sha256::of("abc");
  EXPECT_EQ(digest.to_string(), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Digest::parse(digest.to_string()).value(), digest);
  EXPECT_EQ(Digest::parse_hex(digest.hex()).value(), digest);
  EXPECT_LT(Digest(), digest);
  EXPECT_EQ(std::unordered_set<Digest>({digest, digest, Digest()}).size(), 2U);
}

TEST(Digest, RefusesEveryOtherSpelling) {
  const std::string hex = Sha256::of("abc").hex();
  std::string upper = hex;
  upper[0] = 'B';
  const std::string rows[] = {"",
                              hex,
                              "sha256:",
                              "sha256:" + hex + "0",
                              "sha256:" + hex.substr(1),
                              "sha512:" + hex,
                              "SHA256:" + hex,
                              "sha256:" + upper,
                              " sha256:" + hex};
  for (const std::string& row : rows) {
    const auto digest = Digest::parse(row);
    ASSERT_FALSE(digest.ok()) << row;
    EXPECT_EQ(digest.error().id(), "crypto.digest_syntax");
  }
}

TEST(EqualConstantTime, ComparesContentAndLength) {
  EXPECT_TRUE(equal_constant_time(as_bytes("secret"), as_bytes("secret")));
  EXPECT_FALSE(equal_constant_time(as_bytes("secret"), as_bytes("secreT")));
  EXPECT_FALSE(equal_constant_time(as_bytes("secret"), as_bytes("secrets")));
  EXPECT_TRUE(equal_constant_time({}, {}));
}

}  // namespace
}  // namespace slipway::crypto
