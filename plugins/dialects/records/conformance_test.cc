// The dialect keeps the contract of all dialects.
#include "contracts/dialect/testing/conformance.h"

namespace slipway {
std::unique_ptr<dialect::Dialect> make_dialect_records(const dialect::Host& host);
namespace dialect::testing {
namespace {

FakeRequest ask(const Question& question) {
  FakeRequest request{.method = Method::kPost, .path = "/predict/" + std::string(question.model)};
  if (!question.version.empty()) request.path += "/versions/" + std::string(question.version);
  request.headers = {{"content-type", "application/json"}};
  for (std::size_t i = 0; i + 1 < question.values.size(); i += 2) {
    request.body += (i == 0 ? R"({"x":[)" : R"(,{"x":[)") + std::to_string(question.values[i]) + "," +
                    std::to_string(question.values[i + 1]) + "]}";
  }
  request.body = R"({"records":[)" + request.body + "]}";
  return request;
}

INSTANTIATE_TEST_SUITE_P(Records, DialectConformance,
                         ::testing::Values(DialectSubject{"records", &make_dialect_records, &ask}));

}  // namespace
}  // namespace dialect::testing
}  // namespace slipway
