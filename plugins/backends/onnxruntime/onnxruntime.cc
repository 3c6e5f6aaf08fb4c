#include "plugins/backends/onnxruntime/onnxruntime.h"

#include <cstdlib>
#include <mutex>

#include "graph/onnx.h"
#include "plugins/backends/onnxruntime/instance_internal.h"
#include "plugins/backends/onnxruntime/library_internal.h"
#include "plugins/backends/onnxruntime/runtime_internal.h"
#include "plugins/backends/onnxruntime/session_internal.h"

namespace slipway {
namespace onnxruntime {
namespace {

class OnnxBackend final : public backend::Backend {
 public:
  explicit OnnxBackend(const backend::Host& host) : host_(host) {}

  std::string_view name() const override { return "onnxruntime"; }

  bool probe(ByteView model) const override { return graph::looks_like_onnx(model); }

  Result<std::unique_ptr<backend::Instance>> load(const backend::ModelFiles& files,
                                                  const backend::LoadOptions& options) override {
    SLIPWAY_ASSIGN_OR_RETURN(auto runtime, runtime_of_process());
    SLIPWAY_ASSIGN_OR_RETURN(Session session, open_session(std::move(runtime), files, options));
    return make_instance(std::move(session), options, *host_.clock);
  }

  backend::BackendInfo info() override {
    backend::BackendInfo info;
    info.name = name();
    const std::lock_guard lock(mutex_);
    const auto library = runtime_ ? Result<Library>(runtime_->library()) : open_library(host_.library_dirs);
    if (library.ok()) {
      info.version = library->version;
      info.where = library->where;
    } else {
      info.problem = library.error().to_string();
    }
    return info;
  }
  Status prepare() override { return runtime_of_process().status(); }

 private:
  // A failure is not kept: the library may be installed while the program runs.
  Result<std::shared_ptr<Runtime>> runtime_of_process() {
    const std::lock_guard lock(mutex_);
    if (!runtime_) {
      SLIPWAY_ASSIGN_OR_RETURN(Library library, open_library(host_.library_dirs));
      SLIPWAY_ASSIGN_OR_RETURN(runtime_, Runtime::create(std::move(library), host_.logger));
    }
    return runtime_;
  }

  backend::Host host_;
  std::mutex mutex_;
  std::shared_ptr<Runtime> runtime_;
};

// Microsoft's builds for Linux report to Microsoft from 1.29 on: models, runs and an identity of the machine,
// by a thread, a database under the home folder and the network. This variable alone keeps all of it from
// starting; it is read when the environment is made. Whoever sets it to 0 asks for the reports.
// Source: microsoft/onnxruntime, pull request 27379.
void keep_library_quiet() {
  static constexpr const char* kVariable = "ORT_DISABLE_TELEMETRY";
  const char* asked = std::getenv(kVariable);
  if (asked == nullptr || std::string_view(asked) != "0") ::setenv(kVariable, "1", 1);
}

}  // namespace
}  // namespace onnxruntime

std::unique_ptr<backend::Backend> make_backend_onnxruntime(const backend::Host& host) {
  onnxruntime::keep_library_quiet();
  return std::make_unique<onnxruntime::OnnxBackend>(host);
}

}  // namespace slipway
