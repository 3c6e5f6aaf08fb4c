// The tests of this module start workers, which are this very program again.
#include <gtest/gtest.h>

#include "worker/misbehaving_testing.h"

int main(int argc, char** argv) {
  int code = 0;
  if (slipway::worker::testing::run_as_worker(argc, argv, code)) return code;
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
