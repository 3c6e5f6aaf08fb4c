#include "plugins/backends/onnxruntime/runtime_internal.h"

#include <mutex>
#include <string>

#include "base/text.h"

namespace slipway::onnxruntime {
namespace {

constexpr std::size_t kMaxMessageBytes = 600;

// ONNX Runtime has one environment per process, which keeps the log function that it was first made with. So
// that function's target must live as long as the process; it points at the newest runtime's logger.
struct EnvironmentLog {
  std::mutex mutex;
  Logger* logger = nullptr;
};
constinit EnvironmentLog environment_log;

void ORT_API_CALL log_environment(void*, OrtLoggingLevel severity, const char* category, const char* logid,
                                  const char* location, const char* message) {
  const std::lock_guard lock(environment_log.mutex);
  if (environment_log.logger == nullptr) return;
  Runtime::log(environment_log.logger, severity, category, logid, location, message);
}

// Leaves out the source position and function that the library puts before what went wrong.
std::string without_source(std::string message) {
  const std::size_t path = message.find("/onnxruntime_src/");
  if (path == std::string::npos) return message;
  const std::size_t end = message.find(") ", path);
  if (end == std::string::npos) return message;
  return message.erase(path, end + 2 - path);
}

Code code_of(OrtErrorCode code) {
  switch (code) {
    case ORT_INVALID_ARGUMENT:
    case ORT_INVALID_PROTOBUF:
    case ORT_INVALID_GRAPH:
      return Code::kInvalidArgument;
    case ORT_NOT_IMPLEMENTED:
      return Code::kUnimplemented;
    default:
      return Code::kInternal;
  }
}

}  // namespace

Runtime::Runtime(Library library, Logger* logger) : library_(std::move(library)), logger_(logger) {}

Runtime::~Runtime() {
  env_.reset();
  const std::lock_guard lock(environment_log.mutex);
  if (environment_log.logger == logger_) environment_log.logger = nullptr;
}

Result<std::shared_ptr<Runtime>> Runtime::create(Library library, Logger* logger) {
  std::shared_ptr<Runtime> runtime(new Runtime(std::move(library), logger));
  {
    const std::lock_guard lock(environment_log.mutex);
    environment_log.logger = logger;
  }
  const OrtApi& api = runtime->api();
  const bool verbose = logger != nullptr && logger->enabled(LogLevel::kDebug);
  OrtEnv* env = nullptr;
  SLIPWAY_TRY(runtime->check(
      api.CreateEnvWithCustomLogger(&log_environment, nullptr,
                                    verbose ? ORT_LOGGING_LEVEL_INFO : ORT_LOGGING_LEVEL_WARNING, "slipway",
                                    &env),
      "backend.unavailable", "ONNX Runtime cannot start"));
  runtime->env_ = own(env, api.ReleaseEnv);
  return runtime;
}

Status Runtime::check(OrtStatus* status, std::string_view id, std::string_view what) const {
  if (status == nullptr) [[likely]]
    return {};
  const Owned<OrtStatus> owned = own(status, api().ReleaseStatus);
  const std::string message = printable(without_source(api().GetErrorMessage(status)), kMaxMessageBytes);
  return Error(code_of(api().GetErrorCode(status)), id, std::string(what) + ": " + message);
}

void ORT_API_CALL Runtime::log(void* param, OrtLoggingLevel severity, const char* category, const char*,
                               const char*, const char* message) {
  auto* logger = static_cast<Logger*>(param);
  if (logger == nullptr) return;
  LogLevel level = LogLevel::kDebug;
  if (severity == ORT_LOGGING_LEVEL_WARNING) level = LogLevel::kWarning;
  if (severity >= ORT_LOGGING_LEVEL_ERROR) level = LogLevel::kError;
  if (!logger->enabled(level)) return;
  logger->write(level, "backend.onnxruntime",
                printable(without_source(message != nullptr ? message : ""), 1000),
                {{"category", std::string_view(category != nullptr ? category : "")}});
}

}  // namespace slipway::onnxruntime
