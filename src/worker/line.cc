#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "worker/line_internal.h"
#include "worker/wire/block.h"
#include "worker/wire/frames.h"

namespace slipway::worker {
namespace {

// Up to here a copy costs less than keeping track of who still reads.
constexpr std::uint64_t kCopyBytes = std::uint64_t{16} << 10U;
constexpr std::uint64_t kMaxErrorBytes = std::uint64_t{1} << 20U;

/// Says that the front let go of a large answer, when destroyed.
class Mark {
 public:
  Mark(std::shared_ptr<Line> line, const AnswerFrame& frame)
      : line_(std::move(line)), mark_(frame.mark), sequence_(frame.sequence) {}
  ~Mark() {
    if (line_ == nullptr || mark_ == AnswerFrame::kNoMark) return;
    internal::store(line_->requests->data() + line_->layout.marks + mark_ * sizeof(sequence_), sequence_,
                    __ATOMIC_RELEASE);
  }
  Mark(Mark&& other) noexcept
      : line_(std::move(other.line_)), mark_(other.mark_), sequence_(other.sequence_) {}
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;

 private:
  std::shared_ptr<Line> line_;
  std::uint32_t mark_;
  std::uint64_t sequence_;
};

class CopiedAnswer final : public infer::OutputMemory {
 public:
  explicit CopiedAnswer(Buffer bytes) : buffer(std::move(bytes)) {}
  Buffer buffer;
};

class SharedAnswer final : public infer::OutputMemory {
 public:
  explicit SharedAnswer(Mark mark) : mark_(std::move(mark)) {}

 private:
  Mark mark_;
};

Error not_declared(const std::string& what) {
  return internal_error("backend.run", "the model gave " + what);
}

// Numbers are what they are, whoever writes them. Lengths of texts and truth values must hold still while
// they are checked and used.
bool must_hold_still(const BlockHead& head) {
  for (const BlockTensor& tensor : head.tensors) {
    if (tensor.dtype == DType::kBytes || tensor.dtype == DType::kBool) return true;
  }
  return false;
}

Result<infer::Response> make_response(const BlockHead& head, ByteView block, const Signature& signature,
                                      std::span<const std::size_t> wanted) {
  const std::size_t count = wanted.empty() ? signature.outputs.size() : wanted.size();
  if (head.tensors.size() != count) {
    return not_declared(std::to_string(head.tensors.size()) + " outputs where " + std::to_string(count) +
                        " are due");
  }
  infer::Response response;
  response.outputs.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const TensorSpec& spec = signature.outputs[wanted.empty() ? i : wanted[i]];
    const BlockTensor& tensor = head.tensors[i];
    if (tensor.dtype != spec.dtype) {
      return not_declared("an output '" + spec.name + "' of another type than it declares");
    }
    const TensorView view{tensor.dtype, tensor.shape, block.subspan(tensor.offset, tensor.bytes)};
    if (!view.validate().ok()) {
      return not_declared("an output '" + spec.name + "' whose data do not fit its shape");
    }
    if (tensor.dtype == DType::kBool) {
      for (const std::byte value : view.data) {
        if (value > std::byte{1})
          return not_declared("a BOOL that is neither 0 nor 1 in '" + spec.name + "'");
      }
    }
    response.outputs.push_back({spec.name, view});
  }
  return response;
}

Error read_error(ByteView block) {
  const Buffer copy = Buffer::copy_of(block);
  if (auto error = decode_error(copy.bytes())) return *std::move(error);
  return internal_error("backend.run", "the model failed, and its worker could not say how");
}

}  // namespace

Result<std::shared_ptr<Line>> Line::create(const Layout& layout,
                                           const std::shared_ptr<SharedMemory>& requests) {
  auto line = std::make_shared<Line>();
  line->layout = layout;
  line->requests = requests;
  SLIPWAY_ASSIGN_OR_RETURN(line->answers, SharedMemory::create("slipway-answers", layout.total_bytes,
                                                               SharedMemory::Access::kRead));
  line->worker_bell_fd = net::Fd(::eventfd(0, EFD_CLOEXEC));
  if (!line->worker_bell_fd.valid()) {
    return resource_exhausted("worker.memory",
                              std::string("no descriptor is left for a worker: ") + std::strerror(errno));
  }
  const std::byte* answers = line->answers.data();
  line->writer = RingWriter<RequestFrame>(requests->data(), answers, RingPlace::requests(), layout.slots);
  line->worker_bell = Bell(answers + Layout::kSleep, line->worker_bell_fd.get());
  return line;
}

Status read_answer(const std::shared_ptr<Line>& line, const AnswerFrame& frame, const Signature& signature,
                   std::span<const std::size_t> wanted, std::uint64_t max_output_bytes,
                   std::optional<Result<infer::Response>>& response) {
  const bool marked = frame.mark != AnswerFrame::kNoMark;
  if (!line->layout.holds(frame.offset, frame.bytes, frame.slot) || (marked && frame.mark >= kLargeAnswers) ||
      marked != (frame.offset >= line->layout.heap)) {
    return protocol_error("an answer lies where none may be");
  }
  Mark mark(line, frame);
  const ByteView shared(line->answers.data() + frame.offset, frame.bytes);
  if (frame.failed != 0) {
    if (frame.bytes > kMaxErrorBytes) return protocol_error("an error is longer than any that is sent");
    response = read_error(shared);
    return {};
  }
  if (frame.bytes > max_output_bytes + kSmallBytes * kMaxBlockTensors) {
    response =
        resource_exhausted("backend.output_size", "the answer is larger than the " +
                                                      std::to_string(max_output_bytes) + " bytes allowed");
    return {};
  }
  if (frame.bytes <= kCopyBytes) {
    Buffer copy = Buffer::copy_of(shared);
    SLIPWAY_ASSIGN_OR_RETURN(const BlockHead head, read_block(copy.bytes()));
    response = make_response(head, copy.bytes(), signature, wanted);
    if (response->ok()) (*response)->memory = std::make_unique<CopiedAnswer>(std::move(copy));
    return {};
  }
  SLIPWAY_ASSIGN_OR_RETURN(BlockHead head, read_block(shared));
  if (!must_hold_still(head)) {
    response = make_response(head, shared, signature, wanted);
    if (response->ok()) (*response)->memory = std::make_unique<SharedAnswer>(std::move(mark));
    return {};
  }
  Buffer copy = Buffer::copy_of(shared);
  SLIPWAY_ASSIGN_OR_RETURN(head, read_block(copy.bytes()));
  response = make_response(head, copy.bytes(), signature, wanted);
  if (response->ok()) (*response)->memory = std::make_unique<CopiedAnswer>(std::move(copy));
  return {};
}

}  // namespace slipway::worker
