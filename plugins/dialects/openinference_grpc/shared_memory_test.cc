// Tensors in shared memory, and the calls to register it, against a server that answers its inputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "contracts/dialect/testing/fake_server.h"
#include "plugins/dialects/openinference_grpc/call_testing.h"
#include "protobuf/reader.h"
#include "protobuf/writer.h"
#include "shared_memory/regions_testing.h"

namespace slipway {
std::unique_ptr<dialect::Dialect> make_dialect_openinference_grpc(const dialect::Host& host);
namespace openinference_grpc {
namespace {

using dialect::testing::FakeModel;
using dialect::testing::FakeServer;
using protobuf::Writer;
using ::testing::HasSubstr;
using testing::Reply;

constexpr int kOk = 0;
constexpr int kInvalidArgument = 3;
constexpr int kNotFound = 5;
constexpr int kAlreadyExists = 6;
constexpr int kUnimplemented = 12;

struct Place {
  const char* region = "";
  std::int64_t size = 0;
  std::int64_t offset = 0;
};

void write_parameter(Writer& out, int map, std::string_view key, const std::function<void(Writer&)>& value) {
  out.message(map, [&](Writer& entry) {
    entry.text(1, key);
    entry.message(2, value);
  });
}

void write_place(Writer& out, int map, const Place& place) {
  const auto number = [](std::int64_t value) {
    return [=](Writer& out) { out.varint(2, static_cast<std::uint64_t>(value)); };
  };
  write_parameter(out, map, "shared_memory_region", [&](Writer& value) { value.text(3, place.region); });
  write_parameter(out, map, "shared_memory_byte_size", number(place.size));
  if (place.offset != 0) write_parameter(out, map, "shared_memory_offset", number(place.offset));
}

struct Input {
  std::string name;
  std::vector<Place> place = {};  ///< none or one
  std::string contents = {};
};

std::string infer_request(const std::vector<Input>& inputs, const std::vector<std::string>& raw,
                          const std::vector<Place>& output = {}) {
  std::string text;
  Writer out(text);
  out.text(1, "echo");
  for (const Input& input : inputs) {
    out.message(5, [&](Writer& tensor) {
      tensor.text(1, input.name);
      tensor.text(2, "UINT8");
      tensor.packed(3, std::vector<int>{4});
      for (const Place& place : input.place) write_place(tensor, 4, place);
      if (!input.contents.empty()) tensor.message(5, [&](Writer& lists) { lists.text(4, input.contents); });
    });
  }
  for (const Place& place : output) {
    out.message(6, [&](Writer& tensor) {
      tensor.text(1, "x");
      write_place(tensor, 2, place);
    });
  }
  for (const std::string& bytes : raw) out.text(7, bytes);
  return text;
}

/// The raw contents of a ModelInferResponse, each in brackets.
std::string raw_of(const std::string& response) {
  std::string all;
  protobuf::Reader fields(as_bytes(response));
  protobuf::Field field;
  while (fields.next(field)) {
    if (field.is_bytes(6)) all += "[" + std::string(field.text()) + "]";
  }
  EXPECT_TRUE(fields.ok());
  return all;
}

std::string region_request(std::string_view name, std::string_view key = "", std::uint64_t offset = 0,
                           std::uint64_t size = 0) {
  std::string text;
  Writer out(text);
  out.text_if_any(1, name);
  out.text_if_any(2, key);
  out.varint_if_any(3, offset);
  out.varint_if_any(4, size);
  return text;
}

class GrpcSharedMemoryTest : public ::testing::Test {
 protected:
  GrpcSharedMemoryTest() {
    FakeModel model;
    model.name_text = "echo";
    for (const char* name : {"x", "y", "z"}) {
      model.signature_value.inputs.push_back({name, DType::kUint8, {-1}});
      model.signature_value.outputs.push_back({name, DType::kUint8, {-1}});
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
    host_.shared_memory = memory_.get();
    objects_.put("in", "0123456789");
    objects_.put("out", std::string(16, '.'));
    EXPECT_TRUE(memory_->add({"in", "/in", 0, 10}).ok());
    EXPECT_TRUE(memory_->add({"out", "/out", 2, 8}).ok());
    dialect_ = make_dialect_openinference_grpc(host_);
  }

  Reply ask(std::string_view method, std::string_view message) {
    return testing::ask(*dialect_, method, message);
  }

  FakeServer server_;
  ManualClock clock_;
  NullLogger logger_;
  dialect::Host host_;
  shared_memory::testing::ObjectFolder objects_;
  std::unique_ptr<dialect::SharedMemory> memory_ = objects_.regions();
  std::unique_ptr<dialect::Dialect> dialect_;
};

TEST_F(GrpcSharedMemoryTest, OutputsThereHaveAnEmptyEntryInTheAnswer) {
  const Reply reply = ask("ModelInfer", infer_request({{"x", {{"in", 4, 3}}}}, {}, {{"out", 6, 1}}));
  ASSERT_EQ(reply.code, kOk) << reply.text;
  EXPECT_EQ(raw_of(reply.message), "[]");
  EXPECT_THAT(reply.message, HasSubstr("shared_memory_region"));
  EXPECT_EQ(objects_.content("out"), "...3456.........");
}

TEST_F(GrpcSharedMemoryTest, RawContentsAreThoseOfTheOtherInputs) {
  const std::vector<Place> shared = {{"in", 4, 6}};
  const Reply first = ask("ModelInfer", infer_request({{"x", shared}, {"y"}, {"z"}}, {"abcd", "efgh"}));
  EXPECT_EQ(raw_of(first.message), "[6789][abcd][efgh]") << first.text;
  const Reply middle = ask("ModelInfer", infer_request({{"x"}, {"y", shared}, {"z"}}, {"abcd", "efgh"}));
  EXPECT_EQ(raw_of(middle.message), "[abcd][6789][efgh]") << middle.text;
  const Reply last = ask("ModelInfer", infer_request({{"x"}, {"y"}, {"z", shared}}, {"abcd", "efgh"}));
  EXPECT_EQ(raw_of(last.message), "[abcd][efgh][6789]") << last.text;
  const Reply contents = ask("ModelInfer", infer_request({{"x", shared}, {"y", {}, "abcd"}}, {}));
  EXPECT_EQ(raw_of(contents.message), "[6789][abcd]") << contents.text;
}

TEST_F(GrpcSharedMemoryTest, RefusesWhatDoesNotFit) {
  struct Row {
    const char* title;
    std::string request;
    const char* text;
  };
  const Input good = {"x", {}, "abcd"};
  const Row rows[] = {
      {"an unknown region", infer_request({{"x", {{"other", 4}}}}, {}),
       "unable to find shared memory region"},
      {"an unknown region for an output", infer_request({good}, {}, {{"other", 4}}), "unable to find"},
      {"beyond the region", infer_request({{"x", {{"in", 4, 7}}}}, {}), "not within the 10 bytes"},
      {"a negative offset", infer_request({{"x", {{"in", 4, -1}}}}, {}), "whole number"},
      {"a negative size", infer_request({{"x", {{"in", -4}}}}, {}), "whole number"},
      {"too few bytes", infer_request({{"x", {{"in", 3}}}}, {}), "x"},
      {"a raw entry too many", infer_request({{"x", {{"in", 4}}}}, {"abcd"}), "for 0 inputs"},
      {"a raw entry too few", infer_request({{"x", {{"in", 4}}}, {"y"}, {"z"}}, {"abcd"}), "for 2 inputs"},
      {"contents as well", infer_request({{"x", {{"in", 4}}, "abcd"}}, {}), "as well"},
      {"an output larger than its place", infer_request({good}, {}, {{"out", 3}}), "has 4 bytes"},
      {"an output beyond the region", infer_request({good}, {}, {{"out", 9}}), "not within the 8 bytes"},
  };
  for (const Row& row : rows) {
    const Reply reply = ask("ModelInfer", row.request);
    EXPECT_EQ(reply.code, kInvalidArgument) << row.title;
    EXPECT_THAT(reply.text, HasSubstr(row.text)) << row.title;
  }
  EXPECT_EQ(objects_.content("out"), std::string(16, '.'));
}

TEST_F(GrpcSharedMemoryTest, IsRegisteredToldAndUnregistered) {
  EXPECT_EQ(ask("SystemSharedMemoryRegister", region_request("r", "/in", 3, 5)).code, kOk);
  EXPECT_EQ(ask("SystemSharedMemoryRegister", region_request("r", "/in", 3, 5)).code, kAlreadyExists);
  EXPECT_EQ(ask("SystemSharedMemoryRegister", region_request("s", "/in", 3, 8)).code, kInvalidArgument);
  EXPECT_EQ(ask("SystemSharedMemoryRegister", region_request("s", "/../in", 0, 1)).code, kInvalidArgument);
  std::string entry;
  Writer(entry).message(1, [](Writer& out) {
    out.text(1, "r");
    out.text(2, region_request("r", "/in", 3, 5));  // the messages have the same fields
  });
  EXPECT_EQ(ask("SystemSharedMemoryStatus", region_request("r")).message, entry);
  EXPECT_THAT(ask("SystemSharedMemoryStatus", "").message, HasSubstr("out"));
  EXPECT_EQ(ask("SystemSharedMemoryUnregister", region_request("r")).code, kOk);
  EXPECT_EQ(ask("SystemSharedMemoryStatus", region_request("r")).code, kNotFound);
  EXPECT_EQ(ask("SystemSharedMemoryUnregister", "").code, kOk);
  EXPECT_EQ(ask("SystemSharedMemoryStatus", "").message, "");
  EXPECT_EQ(ask("SystemSharedMemoryRegister", "\x0a\x05x").code, kInvalidArgument);
}

TEST_F(GrpcSharedMemoryTest, IsNotForOtherMachinesNorWhereItIsNotAllowed) {
  const std::string request = infer_request({{"x", {{"in", 4}}}}, {});
  auto remote = testing::call("ModelInfer", request);
  remote.local = false;
  EXPECT_EQ(testing::code_of(*dialect::testing::send(*dialect_, remote)), kUnimplemented);
  EXPECT_THAT(ask("ServerMetadata", "").message, HasSubstr("system_shared_memory"));
  host_.shared_memory = nullptr;
  dialect_ = make_dialect_openinference_grpc(host_);
  EXPECT_THAT(ask("ServerMetadata", "").message, Not(HasSubstr("shared_memory")));
  EXPECT_EQ(ask("ModelInfer", request).code, kUnimplemented);
  for (const char* method :
       {"SystemSharedMemoryStatus", "SystemSharedMemoryRegister", "SystemSharedMemoryUnregister"})
    EXPECT_EQ(ask(method, "").code, kUnimplemented) << method;
}

}  // namespace
}  // namespace openinference_grpc
}  // namespace slipway
