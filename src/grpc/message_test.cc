// Truth: the layout in PROTOCOL-HTTP2.md, written out by hand, and gzip streams that Python's gzip module
// made.
#include "grpc/message.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "grpc/gzip.h"

namespace slipway::grpc {
namespace {

using namespace std::string_literals;

std::string framed(std::string_view text, Encoding encoding = Encoding::kIdentity) {
  OutMessage message;
  message.text() += text;
  return std::move(message).framed(encoding, {});
}

// gzip.compress(b"hello hello hello hello", mtime=0)
const std::string kHello =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\x01\xe3\x51\x3d\x8d\x17\x00\x00\x00"s;

std::string packed(std::string_view bytes) {
  std::string out = "\1\0\0\0"s;
  out.push_back(static_cast<char>(bytes.size()));
  return out.append(bytes);
}

TEST(Message, IsItsLengthInFourBytesBigEndianAndItself) {
  EXPECT_EQ(framed(""), "\0\0\0\0\0"s);
  EXPECT_EQ(framed("abc"), "\0\0\0\0\3abc"s);
  const std::string large = framed(std::string(0x012345, 'x'));
  EXPECT_EQ(large.substr(0, 5), "\0\0\x01\x23\x45"s);
  EXPECT_EQ(large.size(), 0x012345U + 5);
}

TEST(Message, SmallOnesAreSentAsTheyAreWhateverTheEncoding) {
  EXPECT_EQ(framed("abc", Encoding::kGzip), "\0\0\0\0\3abc"s);
}

TEST(Message, LargeOnesAreCompressedAndComeBack) {
  const std::string text(100'000, 'x');
  const std::string wire = framed(text, Encoding::kGzip);
  EXPECT_LT(wire.size(), 1000U);
  EXPECT_EQ(wire[0], '\1');
  EXPECT_EQ(wire.substr(kPrefixBytes, 3), "\x1f\x8b\x08");  // RFC 1952: a gzip member, deflate
  std::string unpacked;
  const auto message = only_message(as_bytes(wire), Encoding::kGzip, {.max_inflate_ratio = 1000}, unpacked);
  ASSERT_TRUE(message.ok()) << message.error().to_string();
  EXPECT_EQ(as_text(*message), text);
}

TEST(Message, OfAWholeBodyIsNotCopied) {
  const std::string wire = framed("abc");
  std::string unpacked;
  const auto message = only_message(as_bytes(wire), Encoding::kIdentity, {}, unpacked);
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(reinterpret_cast<const char*>(message->data()), wire.data() + kPrefixBytes);
  EXPECT_EQ(as_text(*message), "abc");
}

TEST(Message, OfPythonsGzipIsUnfolded) {
  std::string unpacked;
  const std::string wire = packed(kHello);
  const auto message = only_message(as_bytes(wire), Encoding::kGzip, {}, unpacked);
  ASSERT_TRUE(message.ok()) << message.error().to_string();
  EXPECT_EQ(as_text(*message), "hello hello hello hello");
}

struct BadBody {
  const char* what;
  std::string body;
  Encoding encoding;
  Code code;
  const char* id;
};

std::vector<BadBody> bad_bodies() {
  std::string damaged = kHello;
  damaged[22] = static_cast<char>(damaged[22] ^ 1);
  return {
      {"none", "", Encoding::kIdentity, Code::kUnimplemented, "grpc.cardinality"},
      {"half a prefix", "\0\0\0\0"s, Encoding::kIdentity, Code::kInvalidArgument, "grpc.message_cut"},
      {"too short", "\0\0\0\0\4abc"s, Encoding::kIdentity, Code::kInvalidArgument, "grpc.message_cut"},
      {"two", "\0\0\0\0\0\0\0\0\0\0"s, Encoding::kIdentity, Code::kUnimplemented, "grpc.cardinality"},
      {"bytes behind", "\0\0\0\0\1ab"s, Encoding::kIdentity, Code::kUnimplemented, "grpc.cardinality"},
      {"flag", "\2\0\0\0\1a"s, Encoding::kIdentity, Code::kInvalidArgument, "grpc.message_flag"},
      {"unannounced", packed(kHello), Encoding::kIdentity, Code::kInternal, "grpc.message_encoding"},
      {"length", "\0\xff\xff\xff\xff"s, Encoding::kIdentity, Code::kResourceExhausted,
       "grpc.message_too_large"},
      {"no gzip", packed("hello"), Encoding::kGzip, Code::kInvalidArgument, "grpc.message_compression"},
      {"empty", packed(""), Encoding::kGzip, Code::kInvalidArgument, "grpc.message_compression"},
      {"cut", packed(kHello.substr(0, 20)), Encoding::kGzip, Code::kInvalidArgument,
       "grpc.message_compression"},
      {"behind", packed(kHello + "x"), Encoding::kGzip, Code::kInvalidArgument, "grpc.message_compression"},
      {"damaged", packed(damaged), Encoding::kGzip, Code::kInvalidArgument, "grpc.message_compression"},
  };
}

TEST(Message, ThatIsWrongIsRefusedWholeAndInPieces) {
  for (const BadBody& row : bad_bodies()) {
    std::string unpacked;
    const auto message = only_message(as_bytes(row.body), row.encoding, {}, unpacked);
    ASSERT_FALSE(message.ok()) << row.what;
    EXPECT_EQ(message.code(), row.code) << row.what;
    EXPECT_EQ(message.error().id(), row.id) << row.what;

    if (row.code == Code::kUnimplemented) continue;  // a stream may have any number of them
    MessageReader reader(row.encoding, {});
    reader.add(row.body);
    const auto next = reader.next();
    if (next.ok()) {
      EXPECT_FALSE(next->has_value()) << row.what;
      EXPECT_FALSE(reader.between_messages()) << row.what;
      EXPECT_STREQ(row.id, "grpc.message_cut") << row.what;
    } else {
      EXPECT_EQ(next.error().id(), row.id) << row.what;
    }
  }
}

TEST(Message, UnfoldsToItsLimitsAndNotBeyond) {
  const auto code = [](std::size_t size, const Limits& limits) {
    std::string text(size, 'x');
    std::string wire(1, '\1');
    std::string gz;
    gzip(text, gz);
    for (unsigned shift : {24U, 16U, 8U, 0U}) wire.push_back(static_cast<char>(gz.size() >> shift & 0xffU));
    wire += gz;
    std::string unpacked;
    return only_message(as_bytes(wire), Encoding::kGzip, limits, unpacked).code();
  };
  EXPECT_EQ(code(1000, {.max_message_bytes = 1000}), Code::kOk);
  EXPECT_EQ(code(1001, {.max_message_bytes = 1000}), Code::kResourceExhausted);
  EXPECT_EQ(code(64 << 10, {.max_inflate_ratio = 1}), Code::kOk);
  EXPECT_EQ(code((64 << 10) + 1, {.max_inflate_ratio = 1}), Code::kResourceExhausted);
  EXPECT_EQ(code(10 << 20, {}), Code::kResourceExhausted);  // a thousandth of it was sent
}

// However the bytes are cut into pieces, the messages are the same.
TEST(MessageReader, GivesTheSameMessagesForAllCuts) {
  Random random(5);
  const std::vector<std::string> messages = {"", "a", std::string(3000, 'b'), "", "cd", std::string(70, 'e')};
  std::string body;
  for (const std::string& message : messages) body += framed(message, Encoding::kGzip);
  for (int round = 0; round < 300; ++round) {
    const std::size_t most = std::size_t{1} << random.below(13);
    MessageReader reader(Encoding::kGzip, {});
    std::vector<std::string> got;
    for (std::size_t at = 0; at < body.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random.below(most), body.size() - at);
      reader.add(body.substr(at, size));
      at += size;
      if (random.below(3) == 0 && at < body.size()) continue;
      for (;;) {
        auto next = reader.next();
        ASSERT_TRUE(next.ok()) << next.error().to_string();
        if (!next->has_value()) break;
        const ByteView bytes = (*next)->bytes();
        for (std::size_t i = 0; i < kPaddingBytes; ++i)
          ASSERT_EQ(bytes.data()[bytes.size() + i], std::byte{0});
        got.emplace_back(as_text(bytes));
      }
    }
    EXPECT_TRUE(reader.between_messages());
    EXPECT_EQ(got, messages);
  }
}

TEST(MessageReader, KnowsWhetherTheLastMessageIsWhole) {
  MessageReader reader(Encoding::kIdentity, {});
  EXPECT_TRUE(reader.between_messages());
  reader.add("\0\0"s);
  EXPECT_FALSE(reader.next()->has_value());
  EXPECT_FALSE(reader.between_messages());
  reader.add("\0\0\1a"s);
  EXPECT_TRUE(reader.next()->has_value());
  EXPECT_TRUE(reader.between_messages());
}

}  // namespace
}  // namespace slipway::grpc
