#include "contracts/dialect/wishes.h"

#include <gtest/gtest.h>

#include <atomic>

#include "contracts/dialect/testing/fake_exchange.h"
#include "contracts/dialect/testing/fake_server.h"

namespace slipway::dialect {
namespace {

using namespace std::chrono_literals;
using testing::FakeExchange;
using testing::FakeRequest;

FakeRequest with(std::string name, std::string value) {
  FakeRequest request;
  request.headers.emplace_back(std::move(name), std::move(value));
  return request;
}

TEST(Wishes, AreReadFromHeadersAndPutIntoARequest) {
  FakeRequest asked = with("slipway-timeout", "250ms");
  asked.headers.emplace_back("slipway-priority", "2");
  const auto wishes = read_wishes(FakeExchange(asked));
  ASSERT_TRUE(wishes.ok());
  infer::Request request;
  request.received = MonoTime(1s);
  wishes->put_into(request);
  EXPECT_EQ(request.deadline, MonoTime(1s + 250ms));
  EXPECT_EQ(request.priority, 2U);
}

TEST(Wishes, OfARequestWithoutHeadersAreNone) {
  const auto wishes = read_wishes(FakeExchange(FakeRequest{}));
  ASSERT_TRUE(wishes.ok());
  infer::Request request;
  wishes->put_into(request);
  EXPECT_EQ(request.deadline, MonoTime::max());
  EXPECT_EQ(request.priority, 0U);
}

TEST(Wishes, ThatCannotBeReadAreRefused) {
  for (const char* text : {"", "250", "0s", "-1s", "soon", "1s,2s", "1ns\x01"}) {
    const auto wishes = read_wishes(FakeExchange(with("slipway-timeout", text)));
    ASSERT_FALSE(wishes.ok()) << text;
    EXPECT_EQ(wishes.error().id(), "http.timeout");
  }
  for (const char* text : {"", "-1", "1.5", "high", "18446744073709551616"}) {
    const auto wishes = read_wishes(FakeExchange(with("slipway-priority", text)));
    ASSERT_FALSE(wishes.ok()) << text;
    EXPECT_EQ(wishes.error().id(), "http.priority");
  }
}

TEST(Wishes, ATimeBeyondTheClockIsNoDeadline) {
  infer::Request request;
  request.received = MonoTime::max() - 1s;
  Wishes{.timeout = 2s}.put_into(request);
  EXPECT_EQ(request.deadline, MonoTime::max());
}

TEST(RetryAfter, IsInWholeSecondsFromOneToAnHour) {
  const Error error = resource_exhausted("infer.overloaded", "full");
  EXPECT_EQ(retry_after(error), "1");
  EXPECT_EQ(retry_after(error.with_retry_after(1ms)), "1");
  EXPECT_EQ(retry_after(error.with_retry_after(2001ms)), "3");
  EXPECT_EQ(retry_after(error.with_retry_after(9h)), "3600");
  EXPECT_EQ(error.with_retry_after(2s).within("model wine").retry_after(), 2s);
}

/// Loads the model wine when it is demanded.
class LoadingServer final : public ModelServer {
 public:
  [[nodiscard]] Result<ModelLease> find(std::string_view name, std::string_view version) const override {
    if (!loaded_) return unavailable("model.on_demand", "later");
    return fake_.find(name, version);
  }
  bool demand(std::string_view name, std::unique_ptr<Waiter>& waiter) override {
    if (loads_meanwhile) load_it();
    if (name != "wine" || loaded_) return false;
    waiting.push_back(std::move(waiter));
    return true;
  }
  void load_it() {
    fake_.add(testing::FakeModel());
    loaded_ = true;
    for (const auto& waiter : waiting) {
      waiter->look();
      waiter->go_on();
    }
  }
  [[nodiscard]] Result<std::vector<std::string>> versions(std::string_view) const override {
    return std::vector<std::string>{};
  }
  [[nodiscard]] std::vector<ModelStatus> index() const override { return {}; }
  [[nodiscard]] bool ready() const override { return true; }
  void infer(const ModelLease&, std::unique_ptr<infer::Call>) override {}
  void load(std::string, std::function<void(Status)>) override {}
  void unload(std::string, std::function<void(Status)>) override {}
  void set_label(std::string, std::string, std::string, std::function<void(Status)>) override {}
  void observe(std::string_view, const RequestRecord&) override {}

  std::vector<std::unique_ptr<Waiter>> waiting;
  bool loads_meanwhile = false;

 private:
  bool loaded_ = false;
  testing::FakeServer fake_;
};

TEST(WithModel, WaitsForAModelThatIsLoadedWhenItIsAskedFor) {
  LoadingServer server;
  std::vector<std::string> said;
  const auto ask = [&](std::string_view name) {
    with_model(server, name, "", std::make_unique<FakeExchange>(FakeRequest{}),
               [&](const Result<ModelLease>& model, const std::unique_ptr<Exchange>& exchange) {
                 EXPECT_NE(exchange, nullptr);
                 said.push_back(model.ok() ? (*model)->name() : model.error().id());
               });
  };
  ask("wine");
  EXPECT_TRUE(said.empty());
  ask("beer");
  EXPECT_EQ(said, std::vector<std::string>{"model.on_demand"});
  server.load_it();
  EXPECT_EQ(said, (std::vector<std::string>{"model.on_demand", "wine"}));
}

TEST(WithModel, FindsAModelThatWasLoadedWhileItAsked) {
  LoadingServer server;
  server.loads_meanwhile = true;
  std::string said;
  with_model(server, "wine", "", std::make_unique<FakeExchange>(FakeRequest{}),
             [&](const Result<ModelLease>& model, const std::unique_ptr<Exchange>&) {
               said = model.ok() ? (*model)->name() : model.error().id();
             });
  EXPECT_EQ(said, "wine");
}

TEST(WithModel, TellsThatNobodyWaitsAnyMore) {
  LoadingServer server;
  const auto left = std::make_shared<std::atomic<bool>>(false);
  FakeRequest request;
  request.leaves = left;
  with_model(server, "wine", "", std::make_unique<FakeExchange>(request),
             [](const Result<ModelLease>&, const std::unique_ptr<Exchange>&) {});
  EXPECT_FALSE(server.waiting.at(0)->gone());
  *left = true;
  EXPECT_TRUE(server.waiting.at(0)->gone());
}

class SomeCall final : public ExchangeCall {
 public:
  using ExchangeCall::ExchangeCall;
  void done(Result<infer::Response>) override {}
  using ExchangeCall::receive_time;
};

TEST(ExchangeCall, IsGoneWhenItsClientIs) {
  const auto left = std::make_shared<std::atomic<bool>>(false);
  FakeRequest request;
  request.leaves = left;
  request.received = MonoTime(5s);
  const SomeCall call(std::make_unique<FakeExchange>(request));
  EXPECT_FALSE(call.gone());
  *left = true;
  EXPECT_TRUE(call.gone());
  EXPECT_EQ(call.request.received, MonoTime(5s));
  EXPECT_EQ(call.receive_time(), 0s);
}

}  // namespace
}  // namespace slipway::dialect
