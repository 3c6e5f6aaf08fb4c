// Truth: the layout in reflection.proto, written out by hand. How foreign clients like it is in
// tests/e2e/test_grpc.py.
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contracts/dialect/testing/conformance.h"
#include "contracts/dialect/testing/fake_server.h"
#include "grpc/testing/stream_exchange.h"

namespace slipway {
std::unique_ptr<dialect::Dialect> make_dialect_grpc_reflection(const dialect::Host& host);

namespace dialect::testing {
namespace {

INSTANTIATE_TEST_SUITE_P(GrpcReflection, DialectConformance,
                         ::testing::Values(DialectSubject{"grpc_reflection", &make_dialect_grpc_reflection,
                                                          nullptr}));

}  // namespace
}  // namespace dialect::testing

namespace grpc_reflection {
namespace {

using grpc::testing::StreamClient;
using grpc::testing::StreamExchange;
using ::testing::HasSubstr;
using namespace std::string_literals;

std::string field(int number, const std::string& bytes) {
  std::string out(1, static_cast<char>(number << 3 | 2));
  if (bytes.size() > 127) out += static_cast<char>((bytes.size() & 127) | 128);
  out += static_cast<char>(bytes.size() > 127 ? bytes.size() >> 7 : bytes.size());
  return out + bytes;
}
std::string framed(const std::string& message) {
  std::string out = "\0\0\0"s;
  out += static_cast<char>(message.size() >> 8);
  out += static_cast<char>(message.size());
  return out + message;
}

// a.proto: package a; message M { message N {} } enum E { V } service S { rpc R } and b.proto, which imports
// it.
const std::string kA =
    field(1, "a.proto") + field(2, "a") + field(4, field(1, "M") + field(3, field(1, "N"))) +
    field(5, field(1, "E") + field(2, field(1, "V"))) + field(6, field(1, "S") + field(2, field(1, "R")));
const std::string kB = field(1, "b.proto") + field(3, "a.proto") + field(6, field(1, "T"));

class ReflectionTest : public ::testing::Test {
 protected:
  ReflectionTest() {
    make([] { return std::vector<std::string>{kA, kB, kA}; });
  }
  void make(std::function<std::vector<std::string>()> descriptors) {
    host_.server = &server_;
    host_.clock = &clock_;
    host_.logger = &logger_;
    host_.descriptors = std::move(descriptors);
    dialect_ = make_dialect_grpc_reflection(host_);
  }
  // A stream lives until its client leaves.
  ~ReflectionTest() override {
    for (const auto& client : clients_) client->leave();
  }
  std::shared_ptr<StreamClient> begin() {
    auto client = clients_.emplace_back(std::make_shared<StreamClient>());
    dialect_->handle(0, {}, std::make_unique<StreamExchange>(client));
    return client;
  }
  // One answer, without the host and the question, which come first.
  std::string ask(const std::string& question) {
    const auto client = begin();
    client->send(framed(question));
    const std::string head = field(2, question);
    EXPECT_EQ(client->answer.body.substr(5, head.size()), head);
    std::string answer = client->answer.body.substr(5 + head.size());
    client->send("", true);
    EXPECT_EQ(client->answer.trailers.at(0).second, "0");
    return answer;
  }

  ManualClock clock_;
  NullLogger logger_;
  dialect::testing::FakeServer server_;
  dialect::Host host_;
  std::unique_ptr<dialect::Dialect> dialect_;
  std::vector<std::shared_ptr<StreamClient>> clients_;
};

TEST_F(ReflectionTest, ListsServices) {
  EXPECT_EQ(ask(field(7, "")), field(6, field(1, field(1, "T")) + field(1, field(1, "a.S"))));
}

TEST_F(ReflectionTest, GivesFilesByNameAndBySymbolWithTheirImports) {
  const std::string a = field(4, field(1, kA));
  EXPECT_EQ(ask(field(3, "a.proto")), a);
  EXPECT_EQ(ask(field(3, "b.proto")), field(4, field(1, kB) + field(1, kA)));
  for (const char* symbol : {"a.M", "a.M.N", "a.E", "a.V", "a.S", "a.S.R"})
    EXPECT_EQ(ask(field(4, symbol)), a) << symbol;
  EXPECT_EQ(ask(field(4, "T")), field(4, field(1, kB) + field(1, kA)));
}

TEST_F(ReflectionTest, SaysWhatIsNotKnownAndGoesOn) {
  for (const std::string& question : {field(3, "c.proto"), field(4, "a.E.V"), field(4, "a"), field(4, ""),
                                      field(5, field(1, "a.M") + "\x10\x01"), field(6, "a.X")}) {
    EXPECT_EQ(ask(question).substr(2, 2), "\x08\x05") << question;
  }
  EXPECT_EQ(ask(field(6, "a.M")), field(5, field(1, "a.M")));
}

TEST_F(ReflectionTest, AnswersQuestionsInTurnOnOneStream) {
  const auto client = begin();
  client->send(framed(field(1, "h") + field(7, "")) + framed(field(3, "a.proto")));
  const std::string first = client->answer.body;
  EXPECT_EQ(first.substr(5, 3), field(1, "h"));
  EXPECT_THAT(first, HasSubstr("a.S"));
  EXPECT_THAT(first, HasSubstr(field(4, field(1, kA))));
}

TEST_F(ReflectionTest, EndsForMessagesThatAskNothing) {
  for (const std::string& question : {""s, "\x1a\x05"s, "\x08\x01"s}) {
    const auto client = begin();
    client->send(framed(question));
    EXPECT_EQ(client->answer.trailers.at(0).second, "3");
  }
}

TEST_F(ReflectionTest, DescribesItself) {
  make([this] { return dialect_->descriptors(); });
  EXPECT_EQ(ask(field(7, "")), field(6, field(1, field(1, "grpc.reflection.v1.ServerReflection")) +
                                            field(1, field(1, "grpc.reflection.v1alpha.ServerReflection"))));
  EXPECT_THAT(ask(field(4, "grpc.reflection.v1.ServerReflection")),
              HasSubstr("grpc/reflection/v1/reflection.proto"));
}

TEST_F(ReflectionTest, SaysSoWhenADescriptorIsDamagedOrLacksAnImport) {
  for (const std::string& file : {"\x0a\x05"s, kB}) {
    make([&] { return std::vector<std::string>{file}; });
    const auto client = begin();
    client->send(framed(field(7, "")));
    EXPECT_EQ(client->answer.trailers.at(0).second, "13");
  }
}

}  // namespace
}  // namespace grpc_reflection
}  // namespace slipway
