#include <gtest/gtest.h>

#include <filesystem>

#include "base/clock.h"
#include "base/log.h"
#include "contracts/backend/backend.h"
#include "contracts/backend/testing/memory_files.h"

namespace slipway {
std::unique_ptr<backend::Backend> make_backend_python(const backend::Host& host);

namespace {

std::unique_ptr<backend::Backend> backend_with(std::vector<std::string> library_dirs = {}) {
  backend::Host host;
  host.library_dirs = std::move(library_dirs);
  return make_backend_python(host);
}

TEST(Python, KnowsItsFilesByTheirFirstLine) {
  const auto backend = backend_with();
  const std::pair<std::string, bool> rows[] = {
      {"# slipway: python\ninputs = []\n", true},
      {"# slipway: python\r\ninputs = []\n", true},
      {"# slipway: python", false},
      {"# slipway: pythonic\n", false},
      {"import os\n# slipway: python\n", false},
      {"", false},
  };
  for (const auto& [text, is] : rows) EXPECT_EQ(backend->probe(as_bytes(text)), is) << text;
}

TEST(Python, RunsNoCodeInTheServer) {
  const backend::testing::MemoryModelFiles files("# slipway: python\n");
  EXPECT_EQ(backend_with()->load(files, {}).error().id(), "backend.unavailable");
}

TEST(Python, RunsCodeOnlyWhereAnInterpreterIsNamed) {
  const auto backend = backend_with({"/nonexistent"});
  backend::LoadOptions options;
  EXPECT_EQ(backend->foreign_program(options).error().id(), "backend.code");
  for (const std::string wrong : {"/nonexistent/python3", "python3"}) {
    options.process.python = wrong;
    EXPECT_EQ(backend->foreign_program(options).error().id(), "backend.unavailable") << wrong;
  }
  options.process.python = "/bin/sh";  // any file that is there
  EXPECT_EQ(backend->foreign_program(options).error().id(), "backend.unavailable") << "without the package";
}

TEST(Python, NamesWhatTheInterpreterNeeds) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("slipway-python-" + std::to_string(::getpid()));
  fs::create_directories(folder / "lib/python/slipway_worker");
  fs::create_directories(folder / "venv/bin");
  fs::copy_file("/proc/self/exe", folder / "venv/bin/python3", fs::copy_options::overwrite_existing);
  fs::copy_file("/proc/self/exe", folder / "lib/python/slipway_worker/__main__.py",
                fs::copy_options::overwrite_existing);
  backend::LoadOptions options;
  options.process.python = (folder / "venv/bin/python3").string();
  options.threads = 3;
  const auto program = backend_with({(folder / "lib").string()})->foreign_program(options).value().value();
  fs::remove_all(folder);
  EXPECT_EQ(program.path, options.process.python);
  EXPECT_EQ(program.environment.at(0), "PYTHONPATH=" + (folder / "lib/python").string());
  EXPECT_EQ(program.environment.at(1), "OMP_NUM_THREADS=3");
  EXPECT_EQ(program.readable.at(1), (folder / "venv").string());
}

}  // namespace
}  // namespace slipway
