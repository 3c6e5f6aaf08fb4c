// Tensors in shared memory, and the routes to register it, against a server that answers its inputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "contracts/dialect/testing/fake_exchange.h"
#include "contracts/dialect/testing/fake_server.h"
#include "shared_memory/regions_testing.h"

namespace slipway {
std::unique_ptr<dialect::Dialect> make_dialect_openinference(const dialect::Host& host);
namespace openinference {
namespace {

using dialect::Method;
using dialect::testing::Answer;
using dialect::testing::FakeModel;
using dialect::testing::FakeRequest;
using dialect::testing::FakeServer;
using ::testing::HasSubstr;
using namespace std::string_literals;

std::string bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

class SharedMemoryTest : public ::testing::Test {
 protected:
  SharedMemoryTest() {
    FakeModel model;
    model.name_text = "echo";
    for (const auto& [name, dtype] : {std::pair{"x", DType::kFp32}, std::pair{"t", DType::kBytes}}) {
      model.signature_value.inputs.push_back({name, dtype, {-1}});
      model.signature_value.outputs.push_back({name, dtype, {-1}});
    }
    server_.add(std::move(model));
    server_.run = [](const dialect::ServedModel&, const infer::Request& request) {
      std::vector<NamedTensor> outputs;
      for (const infer::Input& input : request.inputs)
        outputs.push_back({std::string(input.name), Tensor::copy_of(input.tensor)});
      return Result<infer::Response>(dialect::testing::make_response(std::move(outputs)));
    };
    host_.server = &server_;
    host_.clock = &clock_;
    host_.logger = &logger_;
    host_.limits.max_tensor_bytes = 64;
    host_.shared_memory = memory_.get();
    objects_.put("in", bytes_of({1, 2, 3, 4}) + "\1\0\0\0a\0\0\0\0"s + std::string(100, '\0'));
    objects_.put("out", std::string(64, '.'));
    EXPECT_TRUE(memory_->add({"in", "/in", 0, 100}).ok());
    EXPECT_TRUE(memory_->add({"out", "/out", 16, 32}).ok());
    dialect_ = make_dialect_openinference(host_);
  }

  std::shared_ptr<const Answer> ask(Method method, std::string path, std::string body = "") {
    return dialect::testing::send(*dialect_,
                                  {.method = method, .path = std::move(path), .body = std::move(body)});
  }
  static FakeRequest infer_request(const std::string& input, const std::string& output) {
    return {.method = Method::kPost,
            .path = "/v2/models/echo/infer",
            .body = R"({"inputs":[{"name":"x","shape":[2],"datatype":"FP32",)" + input + "}]" +
                    (output.empty() ? "" : R"(,"outputs":[{"name":"x","parameters":{)" + output + "}}]") +
                    "}"};
  }
  std::shared_ptr<const Answer> infer(const std::string& input, const std::string& output = "") {
    return dialect::testing::send(*dialect_, infer_request(input, output));
  }
  static std::string place(const std::string& region, std::int64_t size, std::int64_t offset = 0) {
    return R"("shared_memory_region":")" + region + R"(","shared_memory_byte_size":)" + std::to_string(size) +
           (offset == 0 ? "" : R"(,"shared_memory_offset":)" + std::to_string(offset));
  }
  static std::string in(const std::string& region, std::int64_t size, std::int64_t offset = 0) {
    return R"("parameters":{)" + place(region, size, offset) + "}";
  }

  FakeServer server_;
  ManualClock clock_;
  NullLogger logger_;
  dialect::Host host_;
  shared_memory::testing::ObjectFolder objects_;
  std::unique_ptr<dialect::SharedMemory> memory_ = objects_.regions();
  std::unique_ptr<dialect::Dialect> dialect_;
};

TEST_F(SharedMemoryTest, InputsAreReadThereAndOutputsWrittenThere) {
  const auto answer = infer(in("in", 8, 4), place("out", 12, 4));
  ASSERT_EQ(answer->status, 200) << answer->body;
  EXPECT_THAT(answer->body,
              HasSubstr(R"("parameters":{"shared_memory_region":"out","shared_memory_byte_size":8,)"
                        R"("shared_memory_offset":4})"));
  EXPECT_THAT(answer->body, Not(HasSubstr("\"data\"")));
  EXPECT_EQ(objects_.content("out"), std::string(20, '.') + bytes_of({2, 3}) + std::string(36, '.'));
}

TEST_F(SharedMemoryTest, GoesTogetherWithJsonAndBinaryData) {
  EXPECT_THAT(infer(in("in", 8))->body, HasSubstr(R"("data":[1.0,2.0])"));
  const auto binary = infer(in("in", 8), R"("binary_data":true)");
  EXPECT_THAT(binary->body, ::testing::EndsWith(bytes_of({1, 2})));
  EXPECT_EQ(infer(R"("data":[5,6])", R"("binary_data":true,)" + place("out", 8))->status, 200);
  EXPECT_EQ(objects_.content("out").substr(16, 8), bytes_of({5, 6}));
}

TEST_F(SharedMemoryTest, HoldsTexts) {
  const auto answer = ask(Method::kPost, "/v2/models/echo/infer",
                          R"({"inputs":[{"name":"t","shape":[2],"datatype":"BYTES",)" + in("in", 9, 16) +
                              R"(}],"outputs":[{"name":"t","parameters":{)" + place("out", 32) + "}}]}");
  ASSERT_EQ(answer->status, 200) << answer->body;
  EXPECT_THAT(answer->body, HasSubstr(R"("shared_memory_byte_size":9})"));
  EXPECT_EQ(objects_.content("out").substr(16, 9), "\1\0\0\0a\0\0\0\0"s);
}

TEST_F(SharedMemoryTest, RefusesWhatDoesNotFit) {
  struct Row {
    const char* title;
    std::string input;
    std::string output;
    const char* text;
  };
  const std::string good = R"("data":[1,2])";
  const Row rows[] = {
      {"an unknown region", in("other", 8), "", "unable to find shared memory region \\\"other\\\""},
      {"an unknown region for an output", good, place("other", 8), "unable to find shared memory region"},
      {"beyond the region", in("in", 8, 93), "", "not within the 100 bytes"},
      {"an offset that overflows",
       R"("parameters":{"shared_memory_region":"in","shared_memory_byte_size":8,)"
       R"("shared_memory_offset":18446744073709551615})",
       "", "not within the 100 bytes"},
      {"a negative offset", in("in", 8, -1), "", "whole number"},
      {"too few bytes for the shape", in("in", 4), "", "input \\\"x\\\""},
      {"too many bytes for the shape", in("in", 12), "", "input \\\"x\\\""},
      {"more than a request may have", in("in", 65), "", "no more than 64"},
      {"data as well", good + "," + in("in", 8), "", "as well"},
      {"binary data as well", R"("parameters":{"binary_data_size":8,)" + place("in", 8) + "}", "", "as well"},
      {"no size", R"("parameters":{"shared_memory_region":"in"})", "", "wanted together"},
      {"no region", R"("parameters":{"shared_memory_byte_size":8})", "", "wanted together"},
      {"a region that is a number", R"("parameters":{"shared_memory_region":1,"shared_memory_byte_size":8})",
       "", "is to be a string"},
      {"an output beyond the region", good, place("out", 33), "not within the 32 bytes"},
      {"an output larger than its place", good, place("out", 7), "output \\\"x\\\" has 8 bytes"},
      {"classes", good, R"("classification":1,)" + place("out", 8), "do not go together"},
  };
  for (const Row& row : rows) {
    const auto answer = infer(row.input, row.output);
    EXPECT_EQ(answer->status, 400) << row.title << answer->body;
    EXPECT_THAT(answer->body, HasSubstr(row.text)) << row.title;
  }
  EXPECT_EQ(objects_.content("out"), std::string(64, '.'));
}

TEST_F(SharedMemoryTest, CountsAllInputsOfARequestTogether) {
  const auto answer = ask(Method::kPost, "/v2/models/echo/infer",
                          R"({"inputs":[{"name":"x","shape":[10],"datatype":"FP32",)" + in("in", 40) +
                              R"(},{"name":"y","shape":[10],"datatype":"FP32",)" + in("in", 40) + "}]}");
  EXPECT_EQ(answer->status, 400);
  EXPECT_THAT(answer->body, HasSubstr("no more than 24"));
}

TEST_F(SharedMemoryTest, IsNotForOtherMachines) {
  FakeRequest request = infer_request(in("in", 8), "");
  request.local = false;
  EXPECT_EQ(dialect::testing::send(*dialect_, std::move(request))->status, 501);
  for (const dialect::Route& route : dialect_->routes()) {
    if (route.pattern.find("sharedmemory") != std::string::npos) {
      EXPECT_EQ(route.reach, dialect::Reach::kControl) << route.pattern;
    }
  }
}

TEST_F(SharedMemoryTest, IsRegisteredToldAndUnregistered) {
  EXPECT_EQ(ask(Method::kPost, "/v2/systemsharedmemory/region/r/register",
                R"({"key":"/in","offset":4,"byte_size":10})")
                ->status,
            200);
  EXPECT_EQ(ask(Method::kGet, "/v2/systemsharedmemory/region/r/status")->body,
            R"([{"name":"r","key":"/in","offset":4,"byte_size":10}])");
  EXPECT_EQ(ask(Method::kGet, "/v2/systemsharedmemory/status")->body,
            R"([{"name":"in","key":"/in","offset":0,"byte_size":100},)"
            R"({"name":"out","key":"/out","offset":16,"byte_size":32},)"
            R"({"name":"r","key":"/in","offset":4,"byte_size":10}])");
  EXPECT_EQ(ask(Method::kPost, "/v2/systemsharedmemory/region/r/register", R"({"key":"/in","byte_size":1})")
                ->status,
            400);
  EXPECT_EQ(ask(Method::kPost, "/v2/systemsharedmemory/region/r/unregister")->status, 200);
  EXPECT_EQ(ask(Method::kGet, "/v2/systemsharedmemory/region/r/status")->status, 404);
  EXPECT_EQ(ask(Method::kPost, "/v2/systemsharedmemory/unregister")->status, 200);
  EXPECT_EQ(ask(Method::kGet, "/v2/systemsharedmemory/status")->body, "[]");
  EXPECT_EQ(infer(in("in", 8))->status, 400);
}

TEST_F(SharedMemoryTest, RefusesBadRegistrations) {
  const char* bodies[] = {"",
                          "[]",
                          "{}",
                          R"({"key":"in"})",
                          R"({"byte_size":1})",
                          R"({"key":1,"byte_size":1})",
                          R"({"key":"in","byte_size":-1})",
                          R"({"key":"in","byte_size":0})",
                          R"({"key":"in","byte_size":"1"})",
                          R"({"key":"in","byte_size":1,"offset":-1})",
                          R"({"key":"in","byte_size":1,"offset":18446744073709551615})",
                          R"({"key":"../in","byte_size":1})",
                          R"({"key":"absent","byte_size":1})"};
  for (const char* body : bodies) {
    const auto answer = ask(Method::kPost, "/v2/systemsharedmemory/region/r/register", body);
    EXPECT_EQ(answer->status, 400) << body << answer->body;
  }
  EXPECT_EQ(memory_->list("")->size(), 2U);
}

TEST_F(SharedMemoryTest, IsAnnouncedOnlyWhereItIs) {
  EXPECT_THAT(ask(Method::kGet, "/v2")->body, HasSubstr("\"system_shared_memory\""));
  host_.shared_memory = nullptr;
  dialect_ = make_dialect_openinference(host_);
  EXPECT_THAT(ask(Method::kGet, "/v2")->body, Not(HasSubstr("shared_memory")));
  EXPECT_EQ(ask(Method::kGet, "/v2/systemsharedmemory/status")->status, 501);
  EXPECT_EQ(ask(Method::kPost, "/v2/systemsharedmemory/unregister")->status, 501);
  EXPECT_EQ(ask(Method::kPost, "/v2/systemsharedmemory/region/r/register", "{}")->status, 501);
  EXPECT_EQ(infer(in("in", 8))->status, 501);
}

}  // namespace
}  // namespace openinference
}  // namespace slipway
