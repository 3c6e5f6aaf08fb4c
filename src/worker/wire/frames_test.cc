#include "worker/wire/frames.h"

#include <gtest/gtest.h>

#include "worker/wire/wire.h"

namespace slipway::worker {
namespace {

Error some_error() {
  return Error(Code::kInvalidArgument, "backend.load", "a model that is none")
      .with_fault({"model.onnx", "is cut short", "copy it again"})
      .with_reach(Reach::kModel);
}

TEST(Frames, SayTheSameOnTheOtherSide) {
  const worker::Setup setup{64, 1 << 20, 3, 99, 1, 5, {1, 2}, 2, "onnxruntime"};
  const auto setup2 = decode_setup(as_bytes(encode(setup))).value();
  EXPECT_EQ(setup2.slots, 64U);
  EXPECT_EQ(setup2.affinity, (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(setup2.backend, "onnxruntime");
  const Load load{7, 3, "model.onnx", "cpu", {"model.onnx", "weights"}, 4, {7}, 1 << 30};
  const auto load2 = decode_load(as_bytes(encode(load))).value();
  EXPECT_EQ(load2.model, 7U);
  EXPECT_EQ(load2.runs_at_once, 3U);
  EXPECT_EQ(load2.names, load.names);
  EXPECT_EQ(load2.max_output_bytes, load.max_output_bytes);
  const Loaded loaded{
      8, {{{"x", DType::kBytes, {-1, 3}}, {"s", DType::kInt8, {}}}, {{"y", DType::kFp16, {2}}}}, {"cat", ""}};
  const auto loaded2 = decode_loaded(as_bytes(encode(loaded))).value();
  EXPECT_EQ(loaded2.signature, loaded.signature);
  EXPECT_EQ(loaded2.labels, loaded.labels);
  EXPECT_EQ(loaded2.model, 8U);
  EXPECT_EQ(decode_unload(as_bytes(encode(Unload{9}))).value().model, 9U);
  const auto file = decode_file(as_bytes(encode(File{"weights", 12, some_error()}))).value();
  EXPECT_EQ(file.error->message(), "a model that is none");
  EXPECT_EQ(file.size_bytes, 12U);
  EXPECT_EQ(decode_file_wanted(as_bytes(encode(FileWanted{"weights"}))).value().name, "weights");
  const LogLine line{LogLevel::kWarning, "event", "message", "key=value"};
  EXPECT_EQ(decode_log_line(as_bytes(encode(line))).value().detail, "key=value");
  EXPECT_EQ(decode_ready(as_bytes(encode(Ready{"seccomp"}))).value().confined_by, "seccomp");
}

TEST(Frames, KeepAnErrorWhole) {
  const auto failed = decode_failed(as_bytes(encode(Failed{5, some_error()}))).value();
  EXPECT_EQ(failed.model, 5U);
  const Error& error = failed.error;
  EXPECT_EQ(error.code(), Code::kInvalidArgument);
  EXPECT_EQ(error.id(), "backend.load");
  EXPECT_EQ(error.reach(), Reach::kModel);
  ASSERT_EQ(error.faults().size(), 1U);
  EXPECT_EQ(error.faults()[0].where, "model.onnx");
  EXPECT_EQ(error.faults()[0].fix, "copy it again");
  const auto long_error = decode_error(as_bytes(encode_error(internal_error("x", std::string(9000, 'm')))));
  EXPECT_EQ(long_error->message().size(), 4096U);
}

TEST(Frames, RefuseWhatIsCutShortOrTooLong) {
  const auto refused = [](const std::string& whole, const auto& decode) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(decode(as_bytes(whole).first(size))) << size << " of " << whole.size();
    }
    EXPECT_FALSE(decode(as_bytes(whole + "x")));
    EXPECT_TRUE(decode(as_bytes(whole)));
  };
  refused(encode(worker::Setup{64, 4096, 1, 0, 0, 0, {1}, 1, "b"}),
          [](ByteView b) { return decode_setup(b).ok(); });
  refused(encode(Load{1, 1, "m", "cpu", {"m"}, 1, {2}, 9}), [](ByteView b) { return decode_load(b).ok(); });
  refused(encode(Loaded{1, {{{"x", DType::kFp32, {-1}}}, {}}, {"l"}}),
          [](ByteView b) { return decode_loaded(b).ok(); });
  refused(encode(File{"f", 1, some_error()}), [](ByteView b) { return decode_file(b).ok(); });
  refused(encode(Failed{1, some_error()}), [](ByteView b) { return decode_failed(b).ok(); });
  refused(encode(Unload{1}), [](ByteView b) { return decode_unload(b).ok(); });
  refused(encode(LogLine{}), [](ByteView b) { return decode_log_line(b).ok(); });
  refused(encode_error(some_error()), [](ByteView b) { return decode_error(b).has_value(); });
}

TEST(Frames, RefuseNumbersThatCannotBe) {
  std::string counts = encode(Load{1, 1, "m", "cpu", {}, 1, {}, 9});
  const std::size_t names_at = 2 * 4 + 2 * 4 + 1 + 3;
  counts.replace(names_at, 4, "\xff\xff\xff\x7f");  // two thousand million names
  EXPECT_FALSE(decode_load(as_bytes(counts)).ok());
  std::string level = encode(LogLine{});
  level[0] = 9;
  EXPECT_FALSE(decode_log_line(as_bytes(level)).ok());
  std::string code = encode_error(some_error());
  code[0] = 99;
  EXPECT_FALSE(decode_error(as_bytes(code)));
  std::string rank;
  WireWriter writer(rank);
  writer.put(std::uint32_t{1});  // the model
  writer.put(std::uint32_t{1});
  writer.put_text("x");
  writer.put(DType::kFp32);
  writer.put(std::uint8_t{200});
  rank += std::string(200 * 8, '\1');
  EXPECT_FALSE(decode_loaded(as_bytes(rank)).ok());
  std::string fine = encode_error(some_error());
  fine[0] = 0;  // "OK" is no error
  EXPECT_EQ(decode_error(as_bytes(fine))->code(), Code::kInternal);
}

}  // namespace
}  // namespace slipway::worker
