// Requests as Triton's own client writes them (cases/requests.tsv), answered byte for byte as in
// cases/answers.tsv, which that client read back to the values it had sent: cases/make_cases.py --check.
// SLIPWAY_WRITE_CASES=1 writes the answers anew; then check them again.
#include <gtest/gtest.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>

#include "contracts/dialect/testing/fake_exchange.h"
#include "contracts/dialect/testing/fake_server.h"
#include "testing/paths.gen.h"

namespace slipway {
std::unique_ptr<dialect::Dialect> make_dialect_openinference(const dialect::Host& host);
namespace openinference {
namespace {

using dialect::testing::Answer;
using dialect::testing::FakeModel;
using dialect::testing::FakeServer;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 15U];
  }
  return hex;
}

/// Takes and gives one tensor of every datatype that the client knows, whichever are sent.
FakeModel echo() {
  FakeModel model;
  model.name_text = "echo";
  for (std::size_t i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    model.signature_value.inputs.push_back({std::string(dtype_name(dtype)), dtype, {-1}});
  }
  model.signature_value.outputs = model.signature_value.inputs;
  return model;
}

std::shared_ptr<const Answer> send(dialect::Dialect& dialect, const std::string& size, std::string body) {
  dialect::testing::FakeRequest request{.method = dialect::Method::kPost, .path = "/v2/models/echo/infer"};
  if (size != "-") request.headers = {{"inference-header-content-length", size}};
  request.body = std::move(body);
  return dialect::testing::send(dialect, std::move(request));
}

TEST(TritonClient, RequestsAreAnsweredAsTheClientReadThem) {
  FakeServer server;
  server.add(echo());
  server.run = [](const dialect::ServedModel&, const infer::Request& request) -> Result<infer::Response> {
    std::vector<NamedTensor> outputs;
    for (const infer::Input& input : request.inputs)
      outputs.push_back({std::string(input.name), Tensor::copy_of(input.tensor)});
    return dialect::testing::make_response(std::move(outputs));
  };
  const ManualClock clock;
  NullLogger logger;
  dialect::Host host;
  host.server = &server;
  host.clock = &clock;
  host.logger = &logger;
  const auto dialect = make_dialect_openinference(host);

  const std::string folder = testing::source_dir() + "/plugins/dialects/openinference/cases/";
  std::ifstream requests(folder + "requests.tsv");
  std::string answers;
  std::string title;
  std::string size;
  std::string body;
  while (std::getline(requests, title, '\t') && std::getline(requests, size, '\t') &&
         std::getline(requests, body)) {
    const auto answer = send(*dialect, size, from_hex(body));
    ASSERT_EQ(answer->status, 200) << title << ": " << answer->body;
    const std::string length = answer->header("inference-header-content-length");
    answers += title + "\t" + (length.empty() ? "-" : length) + "\t" + to_hex(answer->body) + "\n";
  }
  ASSERT_FALSE(answers.empty());
  if (std::getenv("SLIPWAY_WRITE_CASES") != nullptr) std::ofstream(folder + "answers.tsv") << answers;
  std::ifstream file(folder + "answers.tsv");
  const std::string wanted((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(answers, wanted);
}

}  // namespace
}  // namespace openinference
}  // namespace slipway
