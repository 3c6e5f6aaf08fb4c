// Messages as protobuf's own Python writes them: cases/make_cases.py made the requests and what must come
// back, byte for byte, with the messages of Triton's client.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <string>

#include "contracts/dialect/testing/fake_server.h"
#include "plugins/dialects/openinference_grpc/call_testing.h"
#include "testing/paths.gen.h"

namespace slipway {
std::unique_ptr<dialect::Dialect> make_dialect_openinference_grpc(const dialect::Host& host);
namespace openinference_grpc {
namespace {

using dialect::testing::FakeModel;
using dialect::testing::FakeServer;

const std::string kFolder = "/plugins/dialects/openinference_grpc/cases/";

/// Takes and gives one tensor of every datatype, whichever are sent.
FakeModel echo() {
  FakeModel model;
  model.name_text = "echo";
  for (std::size_t i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    model.signature_value.inputs.push_back({std::string(dtype_name(dtype)), dtype, {}});
  }
  model.signature_value.outputs = model.signature_value.inputs;
  return model;
}

/// Its inputs as outputs, in the order in which they are asked for.
Result<infer::Response> run(const dialect::ServedModel&, const infer::Request& request) {
  std::vector<std::string_view> wanted = request.requested_outputs;
  if (wanted.empty()) {
    for (const infer::Input& input : request.inputs) wanted.push_back(input.name);
  }
  std::vector<NamedTensor> outputs;
  for (const std::string_view name : wanted) {
    for (const infer::Input& input : request.inputs) {
      if (input.name == name) outputs.push_back({std::string(name), Tensor::copy_of(input.tensor)});
    }
  }
  return dialect::testing::make_response(std::move(outputs));
}

class ProtobufCases : public ::testing::Test {
 protected:
  ProtobufCases() {
    server_.run = run;
    host_.server = &server_;
    host_.clock = &clock_;
    host_.logger = &logger_;
    host_.server_version = "1.2.3";
    dialect_ = make_dialect_openinference_grpc(host_);
  }

  ManualClock clock_;
  NullLogger logger_;
  FakeServer server_;
  dialect::Host host_;
  std::unique_ptr<dialect::Dialect> dialect_;
};

TEST_F(ProtobufCases, RequestsAreAnsweredAsPythonWritesTheAnswers) {
  server_.add(echo());
  std::ifstream file(slipway::testing::source_dir() + kFolder + "infer.tsv");
  std::string title;
  std::string request;
  std::string answer;
  int count = 0;
  while (std::getline(file, title, '\t') && std::getline(file, request, '\t') && std::getline(file, answer)) {
    SCOPED_TRACE(title);
    const testing::Reply reply = testing::ask(*dialect_, "ModelInfer", testing::from_hex(request));
    EXPECT_EQ(reply.code, 0) << reply.text;
    EXPECT_EQ(reply.message, testing::from_hex(answer));
    ++count;
  }
  EXPECT_GT(count, 60);
}

TEST_F(ProtobufCases, WhatThereIsIsToldAsPythonWritesIt) {
  FakeModel wine;
  wine.signature_value = {{{"x", DType::kFp32, {-1, 2}}},
                          {{"label", DType::kInt64, {-1}}, {"t", DType::kBytes, {}}}};
  server_.add(std::move(wine));
  server_.add_unready({"beer", "2", dialect::ModelState::kFailed, "no hops"});
  const std::string name = "\x0a\x04wine";
  const std::map<std::string, std::pair<std::string, std::string>> calls = {
      {"ServerLiveResponse", {"ServerLive", ""}},
      {"ServerReadyResponse", {"ServerReady", ""}},
      {"ServerMetadataResponse", {"ServerMetadata", ""}},
      {"ModelReadyResponse", {"ModelReady", name}},
      {"ModelMetadataResponse", {"ModelMetadata", name}},
      {"ModelConfigResponse", {"ModelConfig", name}},
      {"ModelStatisticsResponse", {"ModelStatistics", name}},
      {"RepositoryIndexResponse", {"RepositoryIndex", ""}}};
  std::ifstream file(slipway::testing::source_dir() + kFolder + "facts.tsv");
  std::string title;
  std::string wanted;
  std::size_t count = 0;
  while (std::getline(file, title, '\t') && std::getline(file, wanted)) {
    SCOPED_TRACE(title);
    const auto& [method, message] = calls.at(title);
    const testing::Reply reply = testing::ask(*dialect_, method, message);
    EXPECT_EQ(reply.code, 0) << reply.text;
    EXPECT_EQ(reply.message, testing::from_hex(wanted));
    ++count;
  }
  EXPECT_EQ(count, calls.size());
}

}  // namespace
}  // namespace openinference_grpc
}  // namespace slipway
