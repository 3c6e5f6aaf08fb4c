// Calls from beginning to end, against a server whose models answer what the test tells them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "contracts/dialect/testing/fake_server.h"
#include "grpc/testing/stream_exchange.h"
#include "plugins/dialects/openinference_grpc/call_testing.h"
#include "plugins/dialects/openinference_grpc/infer.h"
#include "protobuf/reader.h"
#include "protobuf/writer.h"

namespace slipway {
std::unique_ptr<dialect::Dialect> make_dialect_openinference_grpc(const dialect::Host& host);
namespace openinference_grpc {
namespace {

using dialect::testing::FakeModel;
using dialect::testing::FakeServer;
using grpc::testing::StreamClient;
using grpc::testing::StreamExchange;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Reply;
using namespace std::chrono_literals;

constexpr int kOk = 0;

std::string request(std::string_view id, std::string_view model = "wine", std::uint64_t timeout_us = 0) {
  std::string text;
  protobuf::Writer out(text);
  out.text(1, model);
  out.text_if_any(3, id);
  if (timeout_us > 0) {
    out.message(4, [&](protobuf::Writer& entry) {
      entry.text(1, "timeout");
      entry.message(2, [&](protobuf::Writer& value) { value.varint(2, timeout_us); });
    });
  }
  out.message(5, [](protobuf::Writer& input) {
    input.text(1, "x");
    input.text(2, "FP32");
    input.packed(3, std::vector<int>{1, 2});
  });
  out.text(7, "12345678");
  return text;
}

/// "id" or "id: error" of each ModelStreamInferResponse in a body.
std::vector<std::string> stream_answers(std::string_view body) {
  std::vector<std::string> all;
  while (body.size() >= grpc::kPrefixBytes) {
    std::size_t size = 0;
    for (std::size_t i = 1; i < grpc::kPrefixBytes; ++i)
      size = size << 8U | static_cast<unsigned char>(body[i]);
    std::string id;
    std::string error;
    protobuf::Reader fields(as_bytes(body.substr(grpc::kPrefixBytes, size)));
    protobuf::Field field;
    while (fields.next(field)) {
      if (field.is_bytes(1)) error = ": " + std::string(field.text());
      if (!field.is_bytes(2)) continue;
      protobuf::Reader response(field.bytes);
      protobuf::Field part;
      while (response.next(part)) {
        if (part.is_bytes(3)) id = part.text();
      }
    }
    EXPECT_TRUE(fields.ok());
    all.push_back(id + error);
    body.remove_prefix(grpc::kPrefixBytes + size);
  }
  EXPECT_TRUE(body.empty());
  return all;
}

class OpenInferenceGrpc : public ::testing::Test {
 protected:
  OpenInferenceGrpc() {
    FakeModel wine;
    wine.signature_value = {{{"x", DType::kFp32, {-1, 2}}}, {{"y", DType::kFp32, {-1}}}};
    server_.add(std::move(wine));
    server_.add_unready({"late", "1", dialect::ModelState::kLoading, "still loading"});
    server_.run = [this](const auto&, const infer::Request& asked) -> Result<infer::Response> {
      seen_.emplace_back(asked.id);
      deadline_ = asked.deadline;
      std::vector<NamedTensor> outputs;
      outputs.push_back({"y", Tensor::of<float>({1}, std::vector<float>{0.5F})});
      return dialect::testing::make_response(std::move(outputs));
    };
    host_.server = &server_;
    host_.clock = &clock_;
    host_.logger = &logger_;
    clock_.advance(100s);
    dialect_ = make_dialect_openinference_grpc(host_);
  }

  // A stream that is left open holds itself, as long as its client lives.
  ~OpenInferenceGrpc() override {
    for (const auto& client : clients_) client->leave();
  }

  Reply ask(std::string_view method, std::string_view message) {
    return testing::ask(*dialect_, method, message);
  }

  std::shared_ptr<StreamClient> open_stream(StreamClient::Fields more = {}) {
    const auto client = clients_.emplace_back(std::make_shared<StreamClient>());
    client->received = clock_.now();
    client->fields.insert(client->fields.end(), more.begin(), more.end());
    for (const dialect::Route& route : dialect_->routes()) {
      if (route.streaming) dialect_->handle(route.id, {}, std::make_unique<StreamExchange>(client));
    }
    return client;
  }
  static void send(StreamClient& client, const std::string& message, bool last = false) {
    client.send(testing::framed(message), last);
  }

  ManualClock clock_;
  NullLogger logger_;
  FakeServer server_;
  dialect::Host host_;
  std::unique_ptr<dialect::Dialect> dialect_;
  std::vector<std::shared_ptr<StreamClient>> clients_;
  std::vector<std::string> seen_;
  MonoTime deadline_{};
};

TEST_F(OpenInferenceGrpc, FailuresKeepTheirCodes) {
  const std::string named =
      "\x0a\x04"
      "beer";
  EXPECT_EQ(ask("ModelInfer", request("1", "beer")).code, static_cast<int>(Code::kNotFound));
  EXPECT_EQ(ask("ModelInfer", request("1", "late")).code, static_cast<int>(Code::kUnavailable));
  EXPECT_EQ(ask("ModelInfer", "\xff").code, static_cast<int>(Code::kInvalidArgument));
  for (const char* method : {"ModelMetadata", "ModelConfig", "ModelStatistics"})
    EXPECT_EQ(ask(method, named).code, static_cast<int>(Code::kNotFound)) << method;
  for (const char* method : {"ServerLive", "ModelReady", "RepositoryIndex", "RepositoryModelLoad"})
    EXPECT_EQ(ask(method, "\xff").code, static_cast<int>(Code::kInvalidArgument)) << method;
  for (const Code code : {Code::kResourceExhausted, Code::kDeadlineExceeded, Code::kUnavailable,
                          Code::kInvalidArgument, Code::kInternal, Code::kUnimplemented}) {
    server_.run = [=](const auto&, const auto&) -> Result<infer::Response> {
      return Error(code, "a.b", "words");
    };
    const Reply reply = ask("ModelInfer", request("1"));
    EXPECT_EQ(reply.code, static_cast<int>(code));
    EXPECT_THAT(reply.text, HasSubstr("words"));
  }
}

/// One entry of LogSettingsRequest: its name, and the bytes of its value.
std::string log_setting(std::string_view name, std::string_view value) {
  std::string text;
  protobuf::Writer(text).message(1, [&](protobuf::Writer& entry) {
    entry.text(1, name);
    entry.text(2, value);
  });
  return text;
}

TEST_F(OpenInferenceGrpc, TheLogsLevelIsReadAndChanged) {
  using namespace std::string_literals;
  EXPECT_EQ(ask("LogSettings", "").code, static_cast<int>(Code::kUnimplemented));
  LogLevel level = LogLevel::kWarning;
  host_.log_level = [&] { return level; };
  host_.set_log_level = [&](LogLevel wanted) { level = wanted; };
  dialect_ = make_dialect_openinference_grpc(host_);
  const std::string on = "\x08\x01";
  const std::string off = "\x08\x00"s;
  const std::string read = log_setting("log_info", off) + log_setting("log_warning", on) +
                           log_setting("log_error", on) + log_setting("log_verbose_level", "\x10\x00"s);
  EXPECT_EQ(ask("LogSettings", "").message, read);
  EXPECT_EQ(ask("LogSettings", read).message, read);
  const std::string info = log_setting("log_info", on);
  for (const std::string& refused :
       {info + log_setting("log_file", "\x1a\x02/x"), info + log_setting("log_format", "\x1a\x01x"),
        info + log_setting("log_odd", on), info + log_setting("log_info", ""),
        info + log_setting("log_warning", off), info + log_setting("log_error", "\x10\x01"),
        info + log_setting("log_verbose_level", "\x10\x02"), info + log_setting("log_info", "\xff"),
        info + "\xff"}) {
    EXPECT_EQ(ask("LogSettings", refused).code, static_cast<int>(Code::kInvalidArgument));
    EXPECT_EQ(level, LogLevel::kWarning);
  }
  EXPECT_EQ(ask("LogSettings", info + log_setting("log_verbose_level", "\x10\x01")).code, kOk);
  EXPECT_EQ(level, LogLevel::kDebug);
}

TEST_F(OpenInferenceGrpc, WhatIsNotReadyIsNoError) {
  EXPECT_EQ(ask("ModelReady", "\x0a\x04late").message, "");
  const Reply unknown = ask("ModelReady",
                            "\x0a\x04"
                            "beer");
  EXPECT_EQ(unknown.code, kOk);
  EXPECT_EQ(unknown.message, "");
  server_.is_ready = false;
  EXPECT_EQ(ask("ServerReady", "").message, "");
  EXPECT_EQ(ask("ServerLive", "").message, "\x08\x01");
}

TEST_F(OpenInferenceGrpc, TheShorterOfBothTimeLimitsCounts) {
  const auto deadline_of = [&](std::uint64_t timeout_us, const std::string& header) {
    dialect::testing::FakeRequest call = testing::call("ModelInfer", request("1", "wine", timeout_us));
    call.received = MonoTime(10s);
    if (!header.empty()) call.headers.emplace_back("grpc-timeout", header);
    static_cast<void>(dialect::testing::send(*dialect_, std::move(call)));
    return deadline_;
  };
  EXPECT_EQ(deadline_of(0, ""), MonoTime::max());
  EXPECT_EQ(deadline_of(2'000'000, ""), MonoTime(12s));
  EXPECT_EQ(deadline_of(0, "3S"), MonoTime(13s));
  EXPECT_EQ(deadline_of(2'000'000, "3S"), MonoTime(12s));
  EXPECT_EQ(deadline_of(2'000'000, "1S"), MonoTime(11s));
}

TEST_F(OpenInferenceGrpc, LoadsAndUnloadsByName) {
  const std::string wine = "\x12\x04wine";
  EXPECT_EQ(ask("RepositoryModelLoad", wine).code, kOk);
  EXPECT_EQ(ask("RepositoryModelUnload", wine).code, kOk);
  EXPECT_THAT(server_.loaded, ElementsAre("wine"));
  EXPECT_THAT(server_.unloaded, ElementsAre("wine"));
  EXPECT_EQ(ask("RepositoryModelLoad", "\x0a\x01r" + wine).code, static_cast<int>(Code::kUnimplemented));
  const auto with = [&](std::string_view key, bool value = true) {
    std::string message = wine;
    protobuf::Writer(message).message(3, [&](protobuf::Writer& entry) {
      entry.text(1, key);
      if (value) entry.message(2, [](protobuf::Writer& text) { text.text(3, "{}"); });
    });
    return ask("RepositoryModelLoad", message).code;
  };
  EXPECT_EQ(with("config"), static_cast<int>(Code::kUnimplemented));
  EXPECT_EQ(with("file:1/model.onnx"), static_cast<int>(Code::kUnimplemented));
  EXPECT_EQ(with("note", false), static_cast<int>(Code::kInvalidArgument));
  EXPECT_EQ(with("note"), kOk);
  EXPECT_EQ(server_.loaded.size(), 2U);
}

TEST_F(OpenInferenceGrpc, OnlyChangesAndSharedMemoryAreForControl) {
  for (const dialect::Route& route : dialect_->routes()) {
    const auto has = [&](const char* word) { return route.pattern.find(word) != std::string::npos; };
    const bool control = has("Load") || has("Unload") || has("SharedMemory") || has("LogSettings");
    EXPECT_EQ(route.reach == dialect::Reach::kControl, control) << route.pattern;
  }
}

TEST_F(OpenInferenceGrpc, EveryMethodOfTheDescriptionHasARoute) {
  const std::vector<std::string> files = dialect_->descriptors();
  ASSERT_EQ(files.size(), 1U);
  for (const dialect::Route& route : dialect_->routes())
    EXPECT_THAT(files[0], HasSubstr(route.pattern.substr(route.pattern.rfind('/') + 1))) << route.pattern;
}

TEST_F(OpenInferenceGrpc, AStreamAnswersEachRequestAndEndsWithTheClient) {
  const auto client = open_stream();
  send(*client, request("a"));
  EXPECT_THAT(stream_answers(client->answer.body), ElementsAre("a"));
  send(*client, request("b"));
  EXPECT_THAT(stream_answers(client->answer.body), ElementsAre("a", "b"));
  EXPECT_FALSE(client->answer.finished);
  send(*client, request("c"), true);
  EXPECT_THAT(stream_answers(client->answer.body), ElementsAre("a", "b", "c"));
  EXPECT_EQ(testing::code_of(client->answer), kOk);
  EXPECT_TRUE(client->answer.finished);
  EXPECT_EQ(server_.observed.size(), 3U);
}

TEST_F(OpenInferenceGrpc, AStreamEndsWhenAllThatIsAtWorkIsAnswered) {
  server_.hold = true;
  const auto client = open_stream();
  send(*client, request("a"));
  send(*client, request("b"), true);
  EXPECT_THAT(client->answer.body, IsEmpty());
  EXPECT_FALSE(client->answer.finished);
  server_.release();
  EXPECT_THAT(stream_answers(client->answer.body), ElementsAre("a", "b"));
  EXPECT_TRUE(client->answer.finished);
}

TEST_F(OpenInferenceGrpc, AnErrorInAStreamIsAnAnswerWithTheId) {
  const auto client = open_stream();
  send(*client, request("a", "beer"));
  send(*client, "\xff");
  send(*client, request("b"), true);
  const auto answers = stream_answers(client->answer.body);
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_THAT(answers[0], ::testing::StartsWith("a: "));
  EXPECT_THAT(answers[1], ::testing::StartsWith(": "));
  EXPECT_EQ(answers[2], "b");
  EXPECT_EQ(testing::code_of(client->answer), kOk);
  EXPECT_EQ(server_.observed.size(), 3U);
}

TEST_F(OpenInferenceGrpc, AStreamThatAsksForItEndsWithTheFirstError) {
  const auto client = open_stream({{"triton_grpc_error", "true"}});
  send(*client, request("a"));
  send(*client, request("b", "beer"));
  EXPECT_THAT(stream_answers(client->answer.body), ElementsAre("a"));
  EXPECT_TRUE(client->answer.finished);
  EXPECT_EQ(testing::code_of(client->answer), static_cast<int>(Code::kNotFound));
}

TEST_F(OpenInferenceGrpc, AStreamReadsOnlyAsMuchAsMayBeAtWork) {
  server_.hold = true;
  const auto client = open_stream();
  for (std::size_t i = 0; i < kMaxAtOnce; ++i) {
    EXPECT_TRUE(client->asks) << i;
    send(*client, request("a"));
  }
  EXPECT_FALSE(client->asks);
  server_.hold = false;
  server_.release();
  client->send("", true);
  EXPECT_EQ(stream_answers(client->answer.body).size(), kMaxAtOnce);
  EXPECT_TRUE(client->answer.finished);
}

TEST_F(OpenInferenceGrpc, AStreamWaitsForAClientThatDoesNotRead) {
  const auto client = open_stream();
  client->unsent = dialect::Exchange::kRoomBytes + 1;
  send(*client, request("a"));
  EXPECT_THAT(seen_, ElementsAre("a"));
  send(*client, request("b"));
  EXPECT_THAT(seen_, ElementsAre("a"));
  EXPECT_FALSE(client->asks);
  client->take_all();
  EXPECT_TRUE(client->asks);
  send(*client, request("c"));
  EXPECT_THAT(seen_, ElementsAre("a", "b", "c"));
}

TEST_F(OpenInferenceGrpc, SeveralThreadsAnswerOneStream) {
  constexpr int kRequests = 500;
  std::atomic<int> runs = 0;
  server_.run = [&](const auto&, const auto&) -> Result<infer::Response> {
    ++runs;
    std::vector<NamedTensor> outputs;
    outputs.push_back({"y", Tensor::of<float>({1}, std::vector<float>{0.5F})});
    return dialect::testing::make_response(std::move(outputs));
  };
  server_.hold = true;
  dialect::testing::FakeRequest call = testing::call("ModelStreamInfer", "");
  call.body.clear();
  for (int i = 0; i < kRequests; ++i) call.body += testing::framed(request(std::to_string(i)));
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (runs < kRequests) server_.release();
    });
  }
  const auto answer = dialect::testing::send(*dialect_, std::move(call));
  for (std::thread& thread : threads) thread.join();
  const auto answers = stream_answers(answer->body);
  EXPECT_EQ(std::set<std::string>(answers.begin(), answers.end()).size(), std::size_t{kRequests});
  EXPECT_TRUE(answer->finished);
}

TEST_F(OpenInferenceGrpc, ALostClientEndsItsStream) {
  server_.hold = true;
  const auto client = open_stream();
  send(*client, request("a"));
  client->leave();
  server_.release();
  EXPECT_EQ(server_.observed.size(), 1U) << "what was begun is counted, whoever still listens";
}

}  // namespace
}  // namespace openinference_grpc
}  // namespace slipway
