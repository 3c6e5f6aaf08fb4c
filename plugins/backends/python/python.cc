// Models that are Python code, which run in a worker of that language.
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "contracts/backend/backend.h"

namespace slipway {
namespace {

constexpr std::string_view kFirstLine = "# slipway: python";

// What an interpreter reads: that of the system is in the libraries' folders, one elsewhere in its own, and a
// virtual environment is both. Links are followed, since rules are for what is opened in the end.
void add_places(const std::filesystem::path& interpreter, backend::ForeignProgram& program) {
  const std::filesystem::path prefix = interpreter.parent_path().parent_path();
  if (prefix.empty() || prefix == "/" || prefix == "/usr" || prefix == "/usr/local") return;
  program.readable.push_back(prefix.string());
}

class PythonBackend final : public backend::Backend {
 public:
  explicit PythonBackend(const backend::Host& host) : library_dirs_(host.library_dirs) {}

  std::string_view name() const override { return "python"; }
  bool probe(ByteView model) const override {
    const std::string_view text = as_text(model);
    return text.starts_with(kFirstLine) && text.size() > kFirstLine.size() &&
           (text[kFirstLine.size()] == '\n' || text[kFirstLine.size()] == '\r');
  }
  Result<std::unique_ptr<backend::Instance>> load(const backend::ModelFiles&,
                                                  const backend::LoadOptions&) override {
    return unimplemented(
        "backend.unavailable",
        "a model that is Python code runs in a worker alone: serve it with isolation: worker and "
        "worker.python");
  }
  backend::BackendInfo info() override {
    const std::string module = find_module();
    return {
        "python", "", module,
        module.empty() ? "the folder slipway/python of the installed tree is missing; install it whole" : ""};
  }
  Result<std::optional<backend::ForeignProgram>> foreign_program(
      const backend::LoadOptions& options) override {
    if (options.process.python.empty()) {
      return failed_precondition(
          "backend.code",
          "the model is Python code, which runs only where its deployment names an interpreter, such as "
          "worker: {python: /usr/bin/python3}");
    }
    const std::filesystem::path interpreter = options.process.python;
    std::error_code error;
    const std::filesystem::path real = std::filesystem::canonical(interpreter, error);
    if (!interpreter.is_absolute() || error) {
      return not_found("backend.unavailable", "there is no Python interpreter " + interpreter.string() +
                                                  "; worker.python is the whole path of one");
    }
    const std::string module = find_module();
    if (module.empty()) return not_found("backend.unavailable", info().problem);
    backend::ForeignProgram program;
    program.path = interpreter.string();
    // A virtual environment is found by the path with which it is called. Nothing is written beside what it
    // reads, and a user's own packages are not looked for.
    program.words = {program.path, "-B", "-s", "-m", "slipway_worker"};
    const std::string threads = std::to_string(options.threads > 0 ? options.threads : 1);
    program.environment = {"PYTHONPATH=" + module, "OMP_NUM_THREADS=" + threads,
                           "OPENBLAS_NUM_THREADS=" + threads};
    program.readable = {module};
    add_places(interpreter, program);
    add_places(real, program);
    program.executable = {real.string(), "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"};
    return std::optional(std::move(program));
  }

 private:
  // The folder of the package slipway_worker; empty when it is nowhere.
  [[nodiscard]] std::string find_module() const {
    for (const std::string& folder : library_dirs_) {
      std::error_code error;
      const auto found = std::filesystem::canonical(std::filesystem::path(folder) / "python", error);
      if (!error && std::filesystem::exists(found / "slipway_worker" / "__main__.py", error)) {
        return found.string();
      }
    }
    return "";
  }

  const std::vector<std::string> library_dirs_;
};

}  // namespace

std::unique_ptr<backend::Backend> make_backend_python(const backend::Host& host) {
  return std::make_unique<PythonBackend>(host);
}

}  // namespace slipway
