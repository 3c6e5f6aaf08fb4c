#include "plugins/backends/onnxruntime/session_internal.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/text.h"
#include "graph/onnx.h"

namespace slipway::onnxruntime {
namespace {

constexpr std::array<std::pair<DType, ONNXTensorElementDataType>, kDTypeCount> kElements = {{
    {DType::kBool, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL},
    {DType::kUint8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8},
    {DType::kUint16, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16},
    {DType::kUint32, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32},
    {DType::kUint64, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64},
    {DType::kInt8, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8},
    {DType::kInt16, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16},
    {DType::kInt32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
    {DType::kInt64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},
    {DType::kFp16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16},
    {DType::kBf16, ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16},
    {DType::kFp32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT},
    {DType::kFp64, ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE},
    {DType::kBytes, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING},
}};

constexpr std::array<std::string_view, 6> kOwnDomains = {"com.microsoft",
                                                         "com.microsoft.nchwc",
                                                         "com.ms.internal.nhwc",
                                                         "com.microsoft.experimental",
                                                         "ai.onnx.preview.training",
                                                         "ai.onnx.training"};
constexpr std::uint32_t kVersionWithExternalFiles = 18;
constexpr std::uint32_t kVersionWithDeterminism = 17;

Error unsupported(std::string message) {
  return unimplemented("backend.unsupported", std::move(message)).with_reach(Reach::kModel);
}

// Errors of the graph module in the words of the contract.
Error as_load_error(const Error& error) {
  const bool external = error.id() == "graph.external_data";
  return Error(error.code(), external ? "backend.external_data" : "backend.load", error.message())
      .with_reach(Reach::kModel);
}

Status check_domains(const graph::ModelInfo& info) {
  std::vector<std::string> foreign;
  for (const std::string& domain : info.custom_domains) {
    if (std::find(kOwnDomains.begin(), kOwnDomains.end(), domain) == kOwnDomains.end())
      foreign.push_back(domain);
  }
  if (foreign.empty()) return {};
  return unsupported(
      "the model uses operators of " + join_words(foreign) +
      ", which ONNX Runtime does not have and Slipway does not load; export it with standard operators");
}

Status check_tensors(const graph::ModelInfo& info) {
  std::vector<Fault> faults;
  const auto look = [&faults](const std::vector<graph::ValueInfo>& values, const char* what) {
    for (const graph::ValueInfo& value : values) {
      const std::string where = what + (" '" + printable(value.name) + "'");
      if (!value.is_tensor)
        faults.push_back({where, "is a " + value.type + "; only tensors can be served", ""});
      else if (!value.dtype)
        faults.push_back({where, "has the " + value.type + ", which cannot be served", ""});
    }
  };
  look(info.inputs, "input");
  look(info.outputs, "output");
  for (const graph::ValueInfo& input : info.inputs) {
    if (input.is_tensor && !input.dims) {
      faults.push_back(
          {"input '" + printable(input.name) + "'", "states no shape", "export the model with its shapes"});
    }
  }
  if (faults.empty()) return {};
  return unsupported("the model's inputs or outputs cannot be served").with_faults(std::move(faults));
}

// Files named by the model, with their bytes. Borrows: the model's files.
using ExternalFiles = std::map<std::string, ByteView>;

Result<ExternalFiles> read_external(const graph::ModelInfo& info, const backend::ModelFiles& files) {
  const auto refused = [](std::string message) {
    return failed_precondition("backend.external_data", std::move(message)).with_reach(Reach::kModel);
  };
  ExternalFiles found;
  for (const graph::ExternalTensor& tensor : info.external) {
    auto it = found.find(tensor.location);
    if (it == found.end()) {
      auto bytes = files.read(tensor.location);
      if (!bytes.ok()) {
        return refused("the model keeps weights in '" + printable(tensor.location) +
                       "', which cannot be read (" + bytes.error().message() +
                       "); put that file beside the model");
      }
      it = found.emplace(tensor.location, *bytes).first;
    }
    const std::size_t size = it->second.size();
    if (tensor.offset > size || tensor.length.value_or(0) > size - tensor.offset) {
      return refused("a weight lies past the end of '" + printable(tensor.location) +
                     "'; copy that file again");
    }
  }
  return found;
}

// Options of one session; each step's failure is kept and later steps are left out.
class OptionsBuilder {
 public:
  OptionsBuilder(const Runtime& runtime, Owned<OrtSessionOptions>& options)
      : runtime_(runtime), options_(options.get()) {}

  template <typename... Parameters, typename... Arguments>
  void call(OrtStatus* (*function)(OrtSessionOptions*, Parameters...)NO_EXCEPTION, Arguments... arguments) {
    if (status_.ok()) status_ = check(function(options_, arguments...));
  }
  void set(const char* key, const std::string& value) {
    call(runtime_.api().AddSessionConfigEntry, key, value.c_str());
  }
  Status status() && { return std::move(status_); }

 private:
  Status check(OrtStatus* status) {
    return runtime_.check(status, "backend.load", "ONNX Runtime refuses a setting");
  }
  const Runtime& runtime_;
  OrtSessionOptions* options_;
  Status status_;
};

// The runtime counts processors from 1, and the caller's thread is not its own.
std::string affinity_text(int threads, const std::vector<int>& cores) {
  std::string every;
  for (const int core : cores) every += (every.empty() ? "" : ",") + std::to_string(core + 1);
  std::string text;
  for (int i = 1; i < threads; ++i) {
    const auto at = static_cast<std::size_t>(i);
    text += (i > 1 ? ";" : "") + (at < cores.size() ? std::to_string(cores[at] + 1) : every);
  }
  return text;
}

Status set_threads(OptionsBuilder& builder, const OrtApi& api, const backend::LoadOptions& options) {
  if (options.threads < 0 || options.threads > 4096) {
    return invalid_argument("backend.load",
                            "threads is " + std::to_string(options.threads) + "; it goes from 0 to 4096");
  }
  for (const int core : options.affinity) {
    if (core < 0 || core > 65535)
      return invalid_argument("backend.load", "there is no core " + std::to_string(core));
  }
  const bool counted = options.threads == 0 && !options.affinity.empty();
  const int threads = counted ? static_cast<int>(options.affinity.size()) : options.threads;
  builder.call(api.SetIntraOpNumThreads, threads);
  builder.call(api.SetInterOpNumThreads, 1);
  builder.call(api.SetSessionExecutionMode, ORT_SEQUENTIAL);
  // Threads that spin take the processor from those that read requests.
  builder.set("session.intra_op.allow_spinning", "0");
  builder.set("session.inter_op.allow_spinning", "0");
  if (!options.affinity.empty() && threads > 1) {
    builder.set("session.intra_op_thread_affinities", affinity_text(threads, options.affinity));
  }
  return {};
}

Result<Owned<OrtSessionOptions>> make_options(const Runtime& runtime, const backend::LoadOptions& load,
                                              const ExternalFiles& external) {
  const OrtApi& api = runtime.api();
  OrtSessionOptions* raw = nullptr;
  SLIPWAY_TRY(runtime.check(api.CreateSessionOptions(&raw), "backend.load", "ONNX Runtime has no memory"));
  Owned<OrtSessionOptions> options = own(raw, api.ReleaseSessionOptions);
  OptionsBuilder builder(runtime, options);
  builder.call(api.SetSessionGraphOptimizationLevel, ORT_ENABLE_ALL);
  SLIPWAY_TRY(set_threads(builder, api, load));
  // A pattern is kept per input shape seen, without bound.
  builder.call(api.DisableMemPattern);
  const std::uint32_t version = runtime.library().api_version;
  if (version >= kVersionWithDeterminism) {
    builder.call(api.SetDeterministicCompute, true);
    builder.call(api.SetUserLoggingFunction, &Runtime::log, static_cast<void*>(runtime.logger()));
  }
  if (!external.empty()) {
    if (version < kVersionWithExternalFiles) {
      return unsupported(
          "the model keeps weights outside its file, which needs ONNX Runtime 1.18 or later; this is " +
          runtime.library().version);
    }
    std::vector<const char*> names;
    std::vector<char*> buffers;
    std::vector<std::size_t> lengths;
    for (const auto& [name, bytes] : external) {
      names.push_back(name.c_str());
      // The interface lacks a const; the bytes are only read.
      buffers.push_back(const_cast<char*>(as_text(bytes).data()));
      lengths.push_back(bytes.size());
    }
    builder.call(api.AddExternalInitializersFromFilesInMemory, names.data(), buffers.data(), lengths.data(),
                 names.size());
  }
  SLIPWAY_TRY(std::move(builder).status());
  return options;
}

struct Side {
  OrtStatus* (*count)(const OrtSession*, std::size_t*)NO_EXCEPTION;
  OrtStatus* (*name)(const OrtSession*, std::size_t, OrtAllocator*, char**)NO_EXCEPTION;
  OrtStatus* (*type)(const OrtSession*, std::size_t, OrtTypeInfo**)NO_EXCEPTION;
};

Result<TensorSpec> read_spec(const Runtime& runtime, const OrtSession* session, const Side& side,
                             std::size_t i) {
  const OrtApi& api = runtime.api();
  const auto check = [&runtime](OrtStatus* status) {
    return runtime.check(status, "backend.load", "the model's inputs and outputs cannot be read");
  };
  OrtAllocator* allocator = nullptr;
  SLIPWAY_TRY(check(api.GetAllocatorWithDefaultOptions(&allocator)));
  char* name = nullptr;
  SLIPWAY_TRY(check(side.name(session, i, allocator, &name)));
  TensorSpec spec;
  spec.name = name;
  SLIPWAY_TRY(check(api.AllocatorFree(allocator, name)));
  OrtTypeInfo* raw_type = nullptr;
  SLIPWAY_TRY(check(side.type(session, i, &raw_type)));
  const Owned<OrtTypeInfo> type = own(raw_type, api.ReleaseTypeInfo);
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  SLIPWAY_TRY(check(api.CastTypeInfoToTensorInfo(type.get(), &tensor)));
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  if (tensor != nullptr) SLIPWAY_TRY(check(api.GetTensorElementType(tensor, &element)));
  const auto dtype = from_element(element);
  if (!dtype) return unsupported("'" + printable(spec.name) + "' is no tensor of a type that can be served");
  spec.dtype = *dtype;
  std::size_t rank = 0;
  SLIPWAY_TRY(check(api.GetDimensionsCount(tensor, &rank)));
  if (rank > Shape::kMaxRank) return unsupported("'" + printable(spec.name) + "' has too many dimensions");
  std::array<std::int64_t, Shape::kMaxRank> dims{};
  SLIPWAY_TRY(check(api.GetDimensions(tensor, dims.data(), rank)));
  SLIPWAY_ASSIGN_OR_RETURN(spec.shape, Shape::from(std::span(dims).first(rank)));
  return spec;
}

Result<std::vector<TensorSpec>> read_specs(const Runtime& runtime, const OrtSession* session,
                                           const Side& side) {
  std::size_t count = 0;
  SLIPWAY_TRY(runtime.check(side.count(session, &count), "backend.load", "the model cannot be read"));
  std::vector<TensorSpec> specs;
  for (std::size_t i = 0; i < count; ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(TensorSpec spec, read_spec(runtime, session, side, i));
    specs.push_back(std::move(spec));
  }
  return specs;
}

// What is checked before the runtime sees a byte.
Result<graph::ModelInfo> examine(ByteView model) {
  auto info = graph::inspect(model);
  if (!info.ok()) return as_load_error(info.error());
  SLIPWAY_TRY(check_domains(*info));
  SLIPWAY_TRY(check_tensors(*info));
  return info;
}

}  // namespace

ONNXTensorElementDataType to_element(DType dtype) {
  return kElements[static_cast<std::size_t>(dtype)].second;
}

std::optional<DType> from_element(ONNXTensorElementDataType element) {
  for (const auto& [dtype, known] : kElements) {
    if (known == element) return dtype;
  }
  return std::nullopt;
}

Result<Session> open_session(std::shared_ptr<Runtime> runtime, const backend::ModelFiles& files,
                             const backend::LoadOptions& options) {
  if (options.device != "cpu")
    return unsupported("this backend has the device cpu only, not '" + options.device + "'");
  SLIPWAY_ASSIGN_OR_RETURN(ByteView model, files.read(files.main()));
  auto flattened = graph::flatten_maps(model);
  if (!flattened.ok()) return as_load_error(flattened.error());
  if (flattened->has_value()) model = as_bytes((*flattened)->file);
  SLIPWAY_ASSIGN_OR_RETURN(graph::ModelInfo info, examine(model));
  SLIPWAY_ASSIGN_OR_RETURN(const ExternalFiles external, read_external(info, files));
  SLIPWAY_ASSIGN_OR_RETURN(const auto session_options, make_options(*runtime, options, external));

  const OrtApi& api = runtime->api();
  Session loaded;
  loaded.runtime = runtime;
  OrtSession* session = nullptr;
  if (Status status =
          runtime->check(api.CreateSessionFromArray(runtime->env(), model.data(), model.size(),
                                                    session_options.get(), &session),
                         "backend.load", "ONNX Runtime " + runtime->library().version + " refuses the model");
      !status.ok()) {
    return Error(Code::kInvalidArgument, "backend.load", status.error().message()).with_reach(Reach::kModel);
  }
  loaded.session = own(session, api.ReleaseSession);
  OrtMemoryInfo* memory = nullptr;
  SLIPWAY_TRY(runtime->check(api.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory),
                             "backend.load", "ONNX Runtime has no memory"));
  loaded.memory = own(memory, api.ReleaseMemoryInfo);
  SLIPWAY_ASSIGN_OR_RETURN(
      loaded.signature.inputs,
      read_specs(*runtime, session,
                 {api.SessionGetInputCount, api.SessionGetInputName, api.SessionGetInputTypeInfo}));
  SLIPWAY_ASSIGN_OR_RETURN(
      loaded.signature.outputs,
      read_specs(*runtime, session,
                 {api.SessionGetOutputCount, api.SessionGetOutputName, api.SessionGetOutputTypeInfo}));
  loaded.labels = flattened->has_value() && !(*flattened)->labels.empty() ? std::move((*flattened)->labels)
                                                                          : std::move(info.labels);
  return loaded;
}

}  // namespace slipway::onnxruntime
