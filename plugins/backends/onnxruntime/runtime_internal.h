// An opened library with its environment: what sessions need.
#pragma once

#include <onnxruntime_c_api.h>

#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "plugins/backends/onnxruntime/library_internal.h"

namespace slipway::onnxruntime {

/// Releases any of the API's objects by the function of that name.
template <typename T>
struct Release {
  void (*release)(T*) = nullptr;
  void operator()(T* object) const { release(object); }
};
template <typename T>
using Owned = std::unique_ptr<T, Release<T>>;
template <typename T>
Owned<T> own(T* object, void (*release)(T*)) {
  return Owned<T>(object, Release<T>{release});
}

/// Shared by the sessions made in it, so that the environment goes last. Borrows: the logger. Thread: safe.
class Runtime {
 public:
  /// Errors: backend.unavailable.
  static Result<std::shared_ptr<Runtime>> create(Library library, Logger* logger);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  [[nodiscard]] const OrtApi& api() const { return *library_.api; }
  [[nodiscard]] const Library& library() const { return library_; }
  [[nodiscard]] OrtEnv* env() const { return env_.get(); }
  [[nodiscard]] Logger* logger() const { return logger_; }

  /// The Error of a failed call, or OK. Takes over `status`.
  [[nodiscard]] Status check(OrtStatus* status, std::string_view id, std::string_view what) const;

  /// Sends a message of the library to the Logger that is `param`.
  static void ORT_API_CALL log(void* param, OrtLoggingLevel severity, const char* category, const char* logid,
                               const char* location, const char* message);

 private:
  Runtime(Library library, Logger* logger);
  Library library_;
  Logger* logger_;
  Owned<OrtEnv> env_;
};

}  // namespace slipway::onnxruntime
