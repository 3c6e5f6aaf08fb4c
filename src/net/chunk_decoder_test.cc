#include "net/chunk_decoder.h"

#include <gtest/gtest.h>

#include <string>

namespace slipway::net {
namespace {

TEST(ChunkDecoderTest, CutsAnywhere) {
  const std::string text = "5;x=y\r\nhello\r\n006\r\n world\r\n0\r\nA: b\r\n\r\nNEXT";
  const Limits limits;
  for (std::size_t step = 1; step < text.size(); ++step) {
    ChunkDecoder decoder;
    std::string body;
    std::string rest;
    bool done = false;
    for (std::size_t at = 0; at < text.size(); at += step) {
      std::string_view bytes = std::string_view(text).substr(at, step);
      for (bool more = !done; more;) {
        std::string_view data;
        const auto verdict = decoder.next(bytes, data, limits);
        ASSERT_NE(verdict, ChunkDecoder::Verdict::kRefused);
        if (verdict == ChunkDecoder::Verdict::kData) body += data;
        done = verdict == ChunkDecoder::Verdict::kDone;
        more = verdict == ChunkDecoder::Verdict::kData;
      }
      if (done) rest += bytes;
    }
    EXPECT_TRUE(done);
    EXPECT_EQ(body, "hello world");
    EXPECT_EQ(rest, "NEXT");
  }
}

}  // namespace
}  // namespace slipway::net
