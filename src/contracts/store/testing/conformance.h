// What every store must do, as tests. A store instantiates the kit in a line:
//
//   INSTANTIATE_TEST_SUITE_P(File, StoreConformance, ::testing::Values(StoreSubject{"file", &make_subject}));
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>

#include "contracts/store/store.h"

namespace slipway::store::testing {

/// An empty store to try. Each call of open() gives another handle on the same one.
class ConformanceSubject {
 public:
  virtual ~ConformanceSubject() = default;
  virtual std::unique_ptr<Store> open() = 0;
};

struct StoreSubject {
  std::string name;
  std::unique_ptr<ConformanceSubject> (*make)();
};
void PrintTo(const StoreSubject& subject, std::ostream* out);

class StoreConformance : public ::testing::TestWithParam<StoreSubject> {
 protected:
  void SetUp() override;
  std::string get(std::string_view key, std::uint64_t offset = 0, std::uint64_t length = kWhole);
  std::string keys(std::string_view prefix);

  std::unique_ptr<ConformanceSubject> subject_;
  std::unique_ptr<Store> store_;
};

}  // namespace slipway::store::testing
