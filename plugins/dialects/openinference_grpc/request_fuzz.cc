// Any message is decoded or refused with an error of the caller's. What is decoded is whole, and is what the
// protobuf library reads with the service's own description.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/stubs/logging.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "plugins/dialects/openinference_grpc/decode.h"
#include "plugins/dialects/openinference_grpc/descriptor.h"

namespace {

using namespace slipway;  // NOLINT(google-build-using-namespace): one small program
namespace pb = google::protobuf;

constexpr std::size_t kMaxTensorBytes = 1 << 16;

/// The library's ModelInferRequest.
class Library {
 public:
  Library() {
    pb::SetLogHandler(nullptr);  // it tells of every text that is not UTF-8
    pb::FileDescriptorProto file;
    SLIPWAY_CHECK(file.ParseFromString(std::string(openinference_grpc::openinference_proto())));
    SLIPWAY_CHECK(pool_.BuildFile(file) != nullptr);
    type_ = pool_.FindMessageTypeByName("inference.ModelInferRequest");
    SLIPWAY_CHECK(type_ != nullptr);
  }

  /// Null when the library cannot read it.
  [[nodiscard]] std::unique_ptr<pb::Message> read(const std::string& message) {
    std::unique_ptr<pb::Message> out(factory_.GetPrototype(type_)->New());
    return out->ParseFromString(message) ? std::move(out) : nullptr;
  }

 private:
  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory factory_;
  const pb::Descriptor* type_ = nullptr;
};

const pb::FieldDescriptor* field(const pb::Message& message, const char* name) {
  return message.GetDescriptor()->FindFieldByName(name);
}

std::string text(const pb::Message& message, const char* name) {
  return message.GetReflection()->GetString(message, field(message, name));
}

void compare_input(const pb::Message& theirs, const NamedTensorView& ours) {
  const pb::Reflection& reflection = *theirs.GetReflection();
  SLIPWAY_CHECK(text(theirs, "name") == ours.name);
  SLIPWAY_CHECK(text(theirs, "datatype") == dtype_name(ours.tensor.dtype));
  const auto* shape = field(theirs, "shape");
  SLIPWAY_CHECK(reflection.FieldSize(theirs, shape) == static_cast<int>(ours.tensor.shape.rank()));
  for (int i = 0; i < reflection.FieldSize(theirs, shape); ++i) {
    SLIPWAY_CHECK(reflection.GetRepeatedInt64(theirs, shape, i) ==
                  ours.tensor.shape[static_cast<std::size_t>(i)]);
  }
}

/// The elements of contents, as doubles and texts, which tell them apart well enough.
void compare_contents(const pb::Message& input, const TensorView& ours) {
  const pb::Message& contents = input.GetReflection()->GetMessage(input, field(input, "contents"));
  const pb::Reflection& reflection = *contents.GetReflection();
  const auto size = [&](const char* name) { return reflection.FieldSize(contents, field(contents, name)); };
  const int elements = static_cast<int>(*ours.shape.elements());
  const auto compare = [&](const char* name, const auto& get) {
    SLIPWAY_CHECK(size(name) == elements);
    for (int i = 0; i < elements; ++i) {
      const double value = element_as_double(ours, static_cast<std::size_t>(i));
      const double wanted = static_cast<double>(get(field(contents, name), i));
      SLIPWAY_CHECK(value == wanted || (value != value && wanted != wanted));
    }
  };
  switch (ours.dtype) {
    case DType::kBool:
      return compare("bool_contents",
                     [&](auto* f, int i) { return reflection.GetRepeatedBool(contents, f, i); });
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
      return compare("int_contents",
                     [&](auto* f, int i) { return reflection.GetRepeatedInt32(contents, f, i); });
    case DType::kInt64:
      return compare("int64_contents",
                     [&](auto* f, int i) { return reflection.GetRepeatedInt64(contents, f, i); });
    case DType::kUint8:
    case DType::kUint16:
    case DType::kUint32:
      return compare("uint_contents",
                     [&](auto* f, int i) { return reflection.GetRepeatedUInt32(contents, f, i); });
    case DType::kUint64:
      return compare("uint64_contents",
                     [&](auto* f, int i) { return reflection.GetRepeatedUInt64(contents, f, i); });
    case DType::kFp32:
      return compare("fp32_contents",
                     [&](auto* f, int i) { return reflection.GetRepeatedFloat(contents, f, i); });
    case DType::kFp64:
      return compare("fp64_contents",
                     [&](auto* f, int i) { return reflection.GetRepeatedDouble(contents, f, i); });
    case DType::kBytes: {
      SLIPWAY_CHECK(size("bytes_contents") == elements);
      BytesReader reader(ours.data);
      std::string_view element;
      for (int i = 0; i < elements; ++i) {
        SLIPWAY_CHECK(reader.next(element));
        SLIPWAY_CHECK(reflection.GetRepeatedString(contents, field(contents, "bytes_contents"), i) ==
                      element);
      }
      return;
    }
    case DType::kFp16:
    case DType::kBf16:
      SLIPWAY_CHECK(elements == 0);
  }
}

void compare(const pb::Message& theirs, const openinference_grpc::Decoded& ours) {
  const pb::Reflection& reflection = *theirs.GetReflection();
  SLIPWAY_CHECK(text(theirs, "model_name") == ours.model_name);
  SLIPWAY_CHECK(text(theirs, "model_version") == ours.model_version);
  SLIPWAY_CHECK(text(theirs, "id") == ours.id);
  const auto* inputs = field(theirs, "inputs");
  const auto* outputs = field(theirs, "outputs");
  const auto* raw = field(theirs, "raw_input_contents");
  SLIPWAY_CHECK(reflection.FieldSize(theirs, inputs) == static_cast<int>(ours.inputs.size()));
  SLIPWAY_CHECK(reflection.FieldSize(theirs, outputs) == static_cast<int>(ours.outputs.size()));
  for (std::size_t i = 0; i < ours.inputs.size(); ++i) {
    const int at = static_cast<int>(i);
    const pb::Message& input = reflection.GetRepeatedMessage(theirs, inputs, at);
    compare_input(input, ours.inputs[i]);
    if (reflection.FieldSize(theirs, raw) > 0) {
      SLIPWAY_CHECK(reflection.GetRepeatedString(theirs, raw, at) == as_text(ours.inputs[i].tensor.data));
    } else {
      compare_contents(input, ours.inputs[i].tensor);
    }
  }
  for (std::size_t i = 0; i < ours.outputs.size(); ++i) {
    SLIPWAY_CHECK(text(reflection.GetRepeatedMessage(theirs, outputs, static_cast<int>(i)), "name") ==
                  ours.outputs[i].name);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Library library;
  const std::string message(reinterpret_cast<const char*>(data), size);
  openinference_grpc::Decoded decoded;
  const Status status = openinference_grpc::decode(as_bytes(message), {kMaxTensorBytes}, decoded);
  if (!status.ok()) {
    SLIPWAY_CHECK(status.code() == Code::kInvalidArgument || status.code() == Code::kUnimplemented);
    return 0;
  }
  for (const NamedTensorView& input : decoded.inputs) SLIPWAY_CHECK(input.tensor.validate().ok());
  // The library also refuses names that are not UTF-8, and groups.
  if (const auto theirs = library.read(message)) compare(*theirs, decoded);
  return 0;
}
