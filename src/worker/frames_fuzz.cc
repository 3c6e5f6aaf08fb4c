// Any bytes as any frame, as a block, and as an answer that a worker left in shared memory: nothing is read
// outside, and a frame that was read says the same when written and read again. The first byte chooses.
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "worker/line_internal.h"
#include "worker/wire/block.h"
#include "worker/wire/frames.h"

namespace {

using namespace slipway;
using namespace slipway::worker;

template <typename Decode>
void again(ByteView bytes, const Decode& decode) {
  const auto frame = decode(bytes);
  if (!frame.ok()) return;
  const std::string written = encode(*frame);
  const auto second = decode(as_bytes(written));
  SLIPWAY_CHECK(second.ok() && encode(*second) == written);
}

void block(ByteView bytes) {
  const auto head = read_block(bytes);
  if (!head.ok()) return;
  for (const BlockTensor& tensor : head->tensors) {
    const TensorView view{tensor.dtype, tensor.shape, bytes.subspan(tensor.offset, tensor.bytes)};
    SLIPWAY_CHECK(view.validate().ok() || tensor.dtype == DType::kBytes);
  }
}

/// A channel's memory, with a writable view of the half that is the worker's.
struct Memory {
  Layout layout = Layout::make(4, 1 << 16, 1).value();
  std::shared_ptr<SharedMemory> requests = std::make_shared<SharedMemory>(
      SharedMemory::create("r", layout.total_bytes, SharedMemory::Access::kReadWrite).value());
  std::shared_ptr<Line> line = Line::create(layout, requests).value();
  SharedMemory answers = SharedMemory::adopt(net::Fd(::dup(line->answers.fd())), layout.total_bytes,
                                             SharedMemory::Access::kReadWrite)
                             .value();
};

void answer(ByteView bytes) {
  static const Memory memory;
  static const Signature signature{
      {}, {{"y", DType::kFp32, {-1, 2}}, {"z", DType::kBytes, {-1}}, {"b", DType::kBool, {-1}}}};
  AnswerFrame frame;
  if (bytes.size() < sizeof(frame)) return;
  std::memcpy(&frame, bytes.data(), sizeof(frame));
  const ByteView content = bytes.subspan(sizeof(frame));
  // Where the frame says if that is inside, so that most contents are looked at.
  frame.offset = frame.offset % 2 == 0 ? memory.layout.small_of(frame.slot % 4) : memory.layout.heap;
  const std::size_t size = std::min<std::size_t>(content.size(), 1 << 16);
  std::memcpy(memory.answers.data() + frame.offset, content.data(),
              frame.offset == memory.layout.heap ? size : std::min(size, kSmallBytes));
  std::optional<Result<infer::Response>> response;
  const Status status = read_answer(memory.line, frame, signature, {}, 1 << 20, response);
  SLIPWAY_CHECK(status.ok() == response.has_value());
  if (!status.ok() || !response->ok()) return;
  SLIPWAY_CHECK((*response)->outputs.size() == 3);
  for (const auto& output : (*response)->outputs) SLIPWAY_CHECK(output.tensor.validate().ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes = std::as_bytes(std::span(data + 1, size - 1));
  switch (data[0] % 12) {
    case 0:
      again(bytes, decode_setup);
      break;
    case 1:
      again(bytes, decode_ready);
      break;
    case 2:
      again(bytes, decode_load);
      break;
    case 3:
      again(bytes, decode_file_wanted);
      break;
    case 4:
      again(bytes, decode_file);
      break;
    case 5:
      again(bytes, decode_loaded);
      break;
    case 6:
      again(bytes, decode_failed);
      break;
    case 7:
      again(bytes, decode_log_line);
      break;
    case 8:
      again(bytes, decode_unload);
      break;
    case 9:
      block(bytes);
      break;
    default:
      answer(bytes);
  }
  return 0;
}
