// The dialect keeps the contract of all dialects.
#include "contracts/dialect/testing/conformance.h"

namespace slipway {
std::unique_ptr<dialect::Dialect> make_dialect_openinference(const dialect::Host& host);
namespace dialect::testing {
namespace {

FakeRequest ask(const Question& question) {
  FakeRequest request{.method = Method::kPost, .path = "/v2/models/" + std::string(question.model)};
  if (!question.version.empty()) request.path += "/versions/" + std::string(question.version);
  request.path += "/infer";
  std::string data;
  for (const float value : question.values) data += (data.empty() ? "" : ",") + std::to_string(value);
  request.body = R"({"id":"7","inputs":[{"name":"x","datatype":"FP32","shape":[)" +
                 std::to_string(question.values.size() / 2) + R"(,2],"data":[)" + data + "]}]}";
  return request;
}

INSTANTIATE_TEST_SUITE_P(OpenInference, DialectConformance,
                         ::testing::Values(DialectSubject{"openinference", &make_dialect_openinference,
                                                          &ask}));

}  // namespace
}  // namespace dialect::testing
}  // namespace slipway
