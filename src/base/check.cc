#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace slipway::internal {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "slipway: broken invariant: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace slipway::internal
