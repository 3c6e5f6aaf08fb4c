#include <string>
#include <vector>

#include "app/cli.h"

// Read by jemalloc when it starts; other allocators have no such name. Address space that is not used goes
// back to the system, since a worker's limit counts it; large tensors are kept for the next request as small
// ones are.
extern "C" {
__attribute__((visibility("default"))) const char* malloc_conf = "retain:false,oversize_threshold:0";
}

int main(int argc, char** argv) {
  return static_cast<int>(slipway::app::run_command_line(std::vector<std::string>(argv + 1, argv + argc)));
}
