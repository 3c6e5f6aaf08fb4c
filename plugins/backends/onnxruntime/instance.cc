#include "plugins/backends/onnxruntime/instance_internal.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/checked.h"
#include "base/text.h"
#include "contracts/backend/run_on.h"
#include "plugins/backends/onnxruntime/inline_array_internal.h"
#include "plugins/backends/onnxruntime/prepared_internal.h"

namespace slipway::onnxruntime {
namespace {

// Inputs and outputs of most models; more cost an allocation.
constexpr std::size_t kFew = 16;
// Slower runs gain nothing from being prepared, and are not run twice to learn how.
constexpr Duration kShortRun = std::chrono::milliseconds(1);

Error bad_input(const TensorSpec& spec, const std::string& what) {
  return invalid_argument("backend.input", "the input '" + printable(spec.name) + "' " + what);
}

// The outputs of one run. The runtime behind `api` outlives them: its library is never closed.
class RunOutputs final : public infer::OutputMemory {
 public:
  RunOutputs(const OrtApi& api, std::size_t count) : api_(api), values_(count) {}
  ~RunOutputs() override {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (values_[i] != nullptr) api_.ReleaseValue(values_[i]);
    }
  }
  OrtValue** data() { return values_.data(); }
  OrtValue* operator[](std::size_t i) { return values_[i]; }
  /// Keeps BYTES elements, which are no part of a value in our layout.
  ByteView keep(Buffer buffer) { return buffers_.emplace_back(std::move(buffer)).bytes(); }

  std::shared_ptr<Runtime> runtime;  ///< keeps the allocator behind the values

 private:
  const OrtApi& api_;
  InlineArray<OrtValue*, 4> values_;
  std::vector<Buffer> buffers_;
};

// The input values of one run, and the aligned copies that some of them point into.
class RunInputs {
 public:
  RunInputs(const OrtApi& api, std::size_t count) : api_(api), values_(count) {}
  ~RunInputs() {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (values_[i] != nullptr) api_.ReleaseValue(values_[i]);
    }
  }
  RunInputs(const RunInputs&) = delete;
  RunInputs& operator=(const RunInputs&) = delete;
  OrtValue** data() { return values_.data(); }
  OrtValue*& operator[](std::size_t i) { return values_[i]; }
  std::byte* keep(Buffer buffer) { return copies_.emplace_back(std::move(buffer)).bytes().data(); }

 private:
  const OrtApi& api_;
  InlineArray<OrtValue*, kFew> values_;
  std::vector<Buffer> copies_;
};

class OnnxInstance final : public backend::Instance {
 public:
  OnnxInstance(Session session, const backend::LoadOptions& options, const Clock& clock)
      : session_(std::move(session)),
        api_(session_.runtime->api()),
        clock_(clock),
        prepared_(std::make_shared<PreparedRuns>(session_.runtime)),
        executor_(options.executor),
        max_output_bytes_(options.max_output_bytes) {
    for (const TensorSpec& spec : session_.signature.inputs) input_names_.push_back(spec.name.c_str());
    for (const TensorSpec& spec : session_.signature.outputs) output_names_.push_back(spec.name.c_str());
  }

  const Signature& signature() const override { return session_.signature; }
  std::span<const std::string> labels() const override { return session_.labels; }

  void submit(std::span<const TensorView> inputs, std::span<const std::size_t> outputs,
              backend::Completion done) override {
    backend::run_on(
        executor_, [this, inputs, outputs] { return run(inputs, outputs); }, std::move(done));
  }

 private:
  Result<infer::Response> run(std::span<const TensorView> inputs, std::span<const std::size_t> wanted);
  Result<infer::Response> run_ordinarily(std::span<const TensorView> inputs,
                                         std::span<const std::size_t> wanted);
  Result<infer::Response> run_prepared(std::unique_ptr<PreparedRun> run, std::span<const TensorView> inputs,
                                       std::span<const std::size_t> wanted);
  Status run_values(const OrtValue* const* inputs, std::span<const std::size_t> wanted, OrtValue** outputs);
  Status check_input(std::size_t i, const TensorView& view) const;
  Status make_input(std::size_t i, const TensorView& view, RunInputs& inputs) const;
  Status make_strings(std::size_t i, const TensorView& view, RunInputs& inputs) const;
  Result<TensorView> read_output(std::size_t i, std::size_t slot, std::size_t& budget,
                                 RunOutputs& outputs) const;
  Result<ByteView> read_strings(std::size_t elements, std::size_t slot, std::size_t& budget,
                                RunOutputs& outputs) const;

  Status check(OrtStatus* status, std::string_view id, std::string_view what) const {
    if (status == nullptr) [[likely]]
      return {};
    return session_.runtime->check(status, id, what);
  }

  Session session_;
  const OrtApi& api_;
  const Clock& clock_;
  std::shared_ptr<PreparedRuns> prepared_;
  backend::Executor* executor_;
  std::size_t max_output_bytes_;
  std::vector<const char*> input_names_;
  std::vector<const char*> output_names_;
};

Status OnnxInstance::check_input(std::size_t i, const TensorView& view) const {
  const TensorSpec& spec = session_.signature.inputs[i];
  if (view.dtype != spec.dtype) {
    return bad_input(spec, "has the datatype " + std::string(dtype_name(view.dtype)) + "; the model wants " +
                               std::string(dtype_name(spec.dtype)));
  }
  if (!spec.shape.accepts(view.shape)) {
    return bad_input(
        spec, "has the shape " + view.shape.to_string() + "; the model wants " + spec.shape.to_string());
  }
  const auto elements = view.shape.elements();
  if (!elements) return bad_input(spec, "has the impossible shape " + view.shape.to_string());
  if (view.dtype == DType::kBytes) return {};
  const auto size = checked_mul(static_cast<std::size_t>(*elements), dtype_size(view.dtype));
  if (!size || *size != view.data.size()) return bad_input(spec, view.validate().error().message());
  if (view.dtype == DType::kBool &&
      std::any_of(view.data.begin(), view.data.end(), [](std::byte b) { return b > std::byte{1}; })) {
    return bad_input(spec, "has a BOOL that is neither 0 nor 1");
  }
  return {};
}

Status OnnxInstance::make_input(std::size_t i, const TensorView& view, RunInputs& inputs) const {
  if (view.dtype == DType::kBytes) return make_strings(i, view, inputs);
  // Not written to: the interface lacks a const.
  auto* data = const_cast<std::byte*>(view.data.data());
  alignas(8) static std::byte nothing[8];
  if (view.data.empty()) {
    data = nothing;
  } else if (reinterpret_cast<std::uintptr_t>(data) % dtype_size(view.dtype) != 0) {
    data = inputs.keep(Buffer::copy_of(view.data));
  }
  return check(api_.CreateTensorWithDataAsOrtValue(session_.memory.get(), data, view.data.size(),
                                                   view.shape.dims().data(), view.shape.rank(),
                                                   to_element(view.dtype), &inputs[i]),
               "backend.input", "ONNX Runtime refuses an input");
}

Status OnnxInstance::make_strings(std::size_t i, const TensorView& view, RunInputs& inputs) const {
  const TensorSpec& spec = session_.signature.inputs[i];
  // Every element takes at least its length, which bounds what is allocated here by what was received.
  const auto count = static_cast<std::size_t>(*view.shape.elements());
  if (count > view.data.size() / sizeof(std::uint32_t)) {
    return bad_input(spec, "holds fewer elements than its shape " + view.shape.to_string() + " says");
  }
  OrtAllocator* allocator = nullptr;
  SLIPWAY_TRY(
      check(api_.GetAllocatorWithDefaultOptions(&allocator), "backend.run", "ONNX Runtime has no memory"));
  SLIPWAY_TRY(check(api_.CreateTensorAsOrtValue(allocator, view.shape.dims().data(), view.shape.rank(),
                                                ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, &inputs[i]),
                    "backend.input", "ONNX Runtime refuses an input"));
  BytesReader reader(view.data);
  std::string_view element;
  std::size_t index = 0;
  for (; index < count && reader.next(element); ++index) {
    char* place = nullptr;
    SLIPWAY_TRY(check(api_.GetResizedStringTensorElementBuffer(inputs[i], index, element.size(), &place),
                      "backend.input", "ONNX Runtime refuses a string"));
    if (!element.empty()) std::memcpy(place, element.data(), element.size());
  }
  if (index != count || !reader.ok()) {
    return bad_input(spec,
                     "does not hold exactly the elements that its shape " + view.shape.to_string() + " says");
  }
  return {};
}

Result<infer::Response> OnnxInstance::run(std::span<const TensorView> inputs,
                                          std::span<const std::size_t> wanted) {
  if (inputs.size() != input_names_.size()) {
    return invalid_argument("backend.input", "the model takes " + std::to_string(input_names_.size()) +
                                                 " inputs, but " + std::to_string(inputs.size()) +
                                                 " are given");
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) SLIPWAY_TRY(check_input(i, inputs[i]));
  if (auto prepared = prepared_->take(inputs, wanted))
    return run_prepared(std::move(prepared), inputs, wanted);
  const MonoTime start = clock_.now();
  auto response = run_ordinarily(inputs, wanted);
  if (response.ok() && clock_.now() - start < kShortRun) {
    prepared_->learn(*session_.memory, inputs, wanted, *response,
                     [&](PreparedRun& run) { return run_values(run.inputs(), wanted, run.outputs()); });
  }
  return response;
}

// Runs into memory that is there. Where that does not work the ordinary way says what is wrong; if nothing
// is, the shapes of this model's outputs depend on more than its inputs' shapes.
Result<infer::Response> OnnxInstance::run_prepared(std::unique_ptr<PreparedRun> run,
                                                   std::span<const TensorView> inputs,
                                                   std::span<const std::size_t> wanted) {
  run->fill(inputs);
  if (!run_values(run->inputs(), wanted, run->outputs()).ok()) {
    auto response = run_ordinarily(inputs, wanted);
    prepared_->give(std::move(run), !response.ok());
    return response;
  }
  infer::Response response;
  const std::span<const TensorView> views = run->views();
  response.outputs.reserve(views.size());
  for (std::size_t slot = 0; slot < views.size(); ++slot) {
    const std::size_t position = wanted.empty() ? slot : wanted[slot];
    response.outputs.push_back({session_.signature.outputs[position].name, views[slot]});
  }
  response.memory = prepared_->lend(std::move(run));
  return response;
}

Status OnnxInstance::run_values(const OrtValue* const* inputs, std::span<const std::size_t> wanted,
                                OrtValue** outputs) {
  const std::size_t count = wanted.empty() ? output_names_.size() : wanted.size();
  InlineArray<const char*, kFew> names(count);
  for (std::size_t slot = 0; slot < count; ++slot) {
    const std::size_t position = wanted.empty() ? slot : wanted[slot];
    if (position >= output_names_.size()) {
      return invalid_argument("backend.input", "there is no output number " + std::to_string(position));
    }
    names[slot] = output_names_[position];
  }
  return check(api_.Run(session_.session.get(), nullptr, input_names_.data(), inputs, input_names_.size(),
                        names.data(), count, outputs),
               "backend.run", "the model failed");
}

Result<infer::Response> OnnxInstance::run_ordinarily(std::span<const TensorView> inputs,
                                                     std::span<const std::size_t> wanted) {
  RunInputs in(api_, inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) SLIPWAY_TRY(make_input(i, inputs[i], in));
  const std::size_t count = wanted.empty() ? output_names_.size() : wanted.size();
  auto out = std::make_unique<RunOutputs>(api_, count);
  out->runtime = session_.runtime;
  SLIPWAY_TRY(run_values(in.data(), wanted, out->data()));
  infer::Response response;
  response.outputs.reserve(count);
  std::size_t budget = max_output_bytes_;
  for (std::size_t slot = 0; slot < count; ++slot) {
    const std::size_t position = wanted.empty() ? slot : wanted[slot];
    SLIPWAY_ASSIGN_OR_RETURN(const TensorView view, read_output(position, slot, budget, *out));
    response.outputs.push_back({session_.signature.outputs[position].name, view});
  }
  response.memory = std::move(out);
  return response;
}

Result<TensorView> OnnxInstance::read_output(std::size_t i, std::size_t slot, std::size_t& budget,
                                             RunOutputs& outputs) const {
  const TensorSpec& spec = session_.signature.outputs[i];
  const auto read = [this](OrtStatus* status) {
    return check(status, "backend.run", "an output cannot be read");
  };
  OrtTensorTypeAndShapeInfo* raw = nullptr;
  SLIPWAY_TRY(read(api_.GetTensorTypeAndShape(outputs[slot], &raw)));
  const Owned<OrtTensorTypeAndShapeInfo> info = own(raw, api_.ReleaseTensorTypeAndShapeInfo);
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  SLIPWAY_TRY(read(api_.GetTensorElementType(raw, &element)));
  std::size_t rank = 0;
  SLIPWAY_TRY(read(api_.GetDimensionsCount(raw, &rank)));
  if (element != to_element(spec.dtype) || rank > Shape::kMaxRank) {
    return internal_error("backend.run",
                          "the output '" + printable(spec.name) + "' is not what the model declares");
  }
  std::int64_t dims[Shape::kMaxRank];
  SLIPWAY_TRY(read(api_.GetDimensions(raw, dims, rank)));
  TensorView view;
  view.dtype = spec.dtype;
  SLIPWAY_ASSIGN_OR_RETURN(view.shape, Shape::from({dims, rank}));
  const auto elements = view.shape.elements();
  if (!elements)
    return internal_error("backend.run", "the output '" + printable(spec.name) + "' has no sound shape");
  if (spec.dtype == DType::kBytes) {
    SLIPWAY_ASSIGN_OR_RETURN(view.data,
                             read_strings(static_cast<std::size_t>(*elements), slot, budget, outputs));
    return view;
  }
  const auto size = checked_mul(static_cast<std::size_t>(*elements), dtype_size(spec.dtype));
  if (!size || *size > budget) {
    return resource_exhausted(
        "backend.output_size",
        "the answer is larger than the " + std::to_string(max_output_bytes_) + " bytes allowed");
  }
  budget -= *size;
  void* data = nullptr;
  SLIPWAY_TRY(read(api_.GetTensorMutableData(outputs[slot], &data)));
  view.data = {static_cast<const std::byte*>(data), *size};
  return view;
}

Result<ByteView> OnnxInstance::read_strings(std::size_t elements, std::size_t slot, std::size_t& budget,
                                            RunOutputs& outputs) const {
  const auto read = [this](OrtStatus* status) {
    return check(status, "backend.run", "an output cannot be read");
  };
  if (elements == 0) return ByteView();
  std::size_t text_bytes = 0;
  SLIPWAY_TRY(read(api_.GetStringTensorDataLength(outputs[slot], &text_bytes)));
  const auto lengths = checked_mul(elements, sizeof(std::uint32_t));
  const auto total = lengths ? checked_add(*lengths, text_bytes) : std::nullopt;
  if (!total || *total > budget || text_bytes > std::numeric_limits<std::uint32_t>::max()) {
    return resource_exhausted(
        "backend.output_size",
        "the answer is larger than the " + std::to_string(max_output_bytes_) + " bytes allowed");
  }
  budget -= *total;
  std::string text(text_bytes, '\0');
  std::vector<std::size_t> offsets(elements);
  SLIPWAY_TRY(
      read(api_.GetStringTensorContent(outputs[slot], text.data(), text.size(), offsets.data(), elements)));
  Buffer buffer(*total);
  std::byte* place = buffer.bytes().data();
  for (std::size_t i = 0; i < elements; ++i) {
    const std::size_t end = i + 1 < elements ? offsets[i + 1] : text_bytes;
    const auto length = static_cast<std::uint32_t>(end - offsets[i]);
    std::memcpy(place, &length, sizeof(length));
    std::memcpy(place + sizeof(length), text.data() + offsets[i], length);
    place += sizeof(length) + length;
  }
  return outputs.keep(std::move(buffer));
}

}  // namespace

std::unique_ptr<backend::Instance> make_instance(Session session, const backend::LoadOptions& options,
                                                 const Clock& clock) {
  return std::make_unique<OnnxInstance>(std::move(session), options, clock);
}

}  // namespace slipway::onnxruntime
