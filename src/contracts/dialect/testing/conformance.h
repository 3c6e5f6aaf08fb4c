// What every dialect must do, as tests. A dialect instantiates the kit in a line:
//
//   INSTANTIATE_TEST_SUITE_P(Records, DialectConformance,
//                            ::testing::Values(DialectSubject{"records", &make_dialect_records, &request}));
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "contracts/dialect/dialect.h"
#include "contracts/dialect/testing/fake_exchange.h"
#include "contracts/dialect/testing/fake_server.h"

namespace slipway::dialect::testing {

/// One question to the kit's model "echo": x FP32 [-1,2] -> y FP32 [-1,2], the same values.
struct Question {
  std::string_view model = "echo";
  std::string_view version;       ///< empty = the latest
  std::span<const float> values;  ///< two for each row
};

struct DialectSubject {
  std::string name;
  std::unique_ptr<Dialect> (*make)(const Host& host);
  FakeRequest (*ask)(const Question& question);  ///< null where the dialect answers no inferences
  bool model_in_body = false;                    ///< then a body that cannot be read is one for no model
};
void PrintTo(const DialectSubject& subject, std::ostream* out);

/// A clock on which every look takes a microsecond. Thread: safe.
class TickingClock final : public Clock {
 public:
  [[nodiscard]] MonoTime now() const override { return MonoTime(std::chrono::microseconds(++ticks_)); }
  [[nodiscard]] WallTime wall_now() const override { return {}; }

 private:
  mutable std::atomic<std::int64_t> ticks_ = 0;
};

class DialectConformance : public ::testing::TestWithParam<DialectSubject> {
 protected:
  using Answered = std::shared_ptr<const Answer>;

  void SetUp() override;

  [[nodiscard]] bool infers() const { return GetParam().ask != nullptr; }
  [[nodiscard]] static FakeRequest request(std::string_view model = "echo", std::string_view version = "");
  [[nodiscard]] Answered ask() { return send(*dialect_, request()); }
  /// Sends a request for an inference that must fail, and checks the answer and what was observed: `code`, on
  /// a model or on none, once. Without a word about the model it may be either.
  void expect_refused(FakeRequest request, Code code, std::optional<bool> on_model);
  /// Sends a request for an inference that may succeed or fail; one sound answer, observed once and truly.
  void expect_one_sound_answer(FakeRequest request);
  /// A request to the route, with `value` for each of its names.
  [[nodiscard]] static FakeRequest request_to(const Route& route, std::string_view value,
                                              std::string body = "");

  TickingClock clock_;
  NullLogger logger_;
  FakeServer server_;
  std::atomic<int> runs_ = 0;  ///< requests that reached the model
  Host host_;
  std::unique_ptr<Dialect> dialect_;
};

}  // namespace slipway::dialect::testing
