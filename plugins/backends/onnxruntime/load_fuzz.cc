// Any bytes as a model file: an instance or an Error, and what loads can be asked for its signature.

#include <cstdint>
#include <string>

#include "contracts/backend/testing/memory_files.h"
#include "plugins/backends/onnxruntime/onnxruntime.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static slipway::SystemClock clock;
  static slipway::NullLogger logger;
  static const auto backend = slipway::make_backend_onnxruntime({&clock, &logger, {}});
  const slipway::backend::testing::MemoryModelFiles files(
      std::string(reinterpret_cast<const char*>(data), size));
  const auto instance = backend->load(files, {});
  if (instance.ok()) (void)(*instance)->signature().inputs.size();
  return 0;
}
