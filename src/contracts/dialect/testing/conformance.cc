#include "contracts/dialect/testing/conformance.h"

#include <array>
#include <limits>
#include <thread>
#include <utility>

#include "base/random.h"
#include "base/text.h"
#include "contracts/dialect/testing/answer_checks.h"

namespace slipway::dialect::testing {
namespace {

constexpr std::array<float, 4> kValues = {1, 2, 3, 4};
constexpr std::chrono::milliseconds kQueue{2};
constexpr std::chrono::milliseconds kCompute{3};

constexpr std::array kFailures = {
    Code::kCancelled,          Code::kUnknown,       Code::kInvalidArgument,  Code::kDeadlineExceeded,
    Code::kNotFound,           Code::kAlreadyExists, Code::kPermissionDenied, Code::kResourceExhausted,
    Code::kFailedPrecondition, Code::kAborted,       Code::kOutOfRange,       Code::kUnimplemented,
    Code::kInternal,           Code::kUnavailable,   Code::kDataLoss,         Code::kUnauthenticated};

/// Whose fault it is: 4xx for what the caller can change, 5xx for what the server could not do. The two that
/// dialects see differently may be either.
bool is_right_class(Code code, int status) {
  switch (code) {
    case Code::kCancelled:
    case Code::kResourceExhausted:
      return status >= 400;
    case Code::kUnknown:
    case Code::kInternal:
    case Code::kDataLoss:
    case Code::kUnimplemented:
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
      return status >= 500;
    case Code::kNotFound:
      return status == 404;
    default:
      return status >= 400 && status < 500;
  }
}

/// Texts that a message, a name or a description may hold, and that go wrong where they are not quoted.
const std::vector<std::string>& odd_texts() {
  static const std::vector<std::string> kTexts = {"",
                                                  "plain words",
                                                  "quotes \" and ' and \\",
                                                  "two\nlines\tand\r\nmore",
                                                  std::string("a\0b", 3),
                                                  "\x01\x1f\x7f",
                                                  "\xff\xfe broken \xc3",
                                                  "gr\xc3\xbc\xc3\x9f \xf0\x9f\x8d\xb7 \xe2\x80\xa8",
                                                  "</script><script>alert(1)</script>",
                                                  "{\"json\": [1, 2]}, {{x}} %s %n ${y}",
                                                  std::string(5000, 'x')};
  return kTexts;
}

FakeModel echo_model() {
  FakeModel model;
  model.name_text = "echo";
  model.signature_value = {{{"x", DType::kFp32, {-1, 2}}}, {{"y", DType::kFp32, {-1, 2}}}};
  return model;
}

infer::Response answer_with(std::int64_t rows, std::vector<float> values) {
  std::vector<NamedTensor> outputs;
  outputs.push_back({"y", Tensor::of<float>({rows, 2}, values)});
  infer::Response response = make_response(std::move(outputs));
  response.timings.queue = kQueue;
  response.timings.compute = kCompute;
  return response;
}

constexpr std::string_view kDigits = "0123456789.";
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

/// Each run of `alphabet` in turn gives way to `text`.
std::vector<std::string> with_instead(const std::string& body, std::string_view alphabet,
                                      std::string_view text) {
  std::vector<std::string> bodies;
  for (std::size_t at = 0; (at = body.find_first_of(alphabet, at)) != std::string::npos;) {
    const std::size_t end = std::min(body.find_first_not_of(alphabet, at), body.size());
    bodies.push_back(body.substr(0, at) + std::string(text) + body.substr(end));
    at = end;
  }
  return bodies;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

void mutate(std::string& body, Random& random) {
  const std::uint64_t times = 1 + random.below(4);
  for (std::uint64_t i = 0; i < times; ++i) {
    const std::size_t at = random.below(body.size() + 1);
    const std::size_t length = random.below(8);
    switch (random.below(4)) {
      case 0:
        body.insert(at, 1, static_cast<char>(random.below(256)));
        break;
      case 1:
        body.erase(at, length);
        break;
      case 2:
        body.insert(at, body.substr(random.below(body.size() + 1), length));
        break;
      default:
        if (at < body.size()) body[at] = static_cast<char>(random.below(256));
    }
  }
}

}  // namespace

// The library is also linked by tests that want the fakes only.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DialectConformance);

void PrintTo(const DialectSubject& subject, std::ostream* out) { *out << subject.name; }

void DialectConformance::SetUp() {
  FakeModel old = echo_model();
  server_.add(std::move(old));
  FakeModel latest = echo_model();
  latest.version_text = "2";
  server_.add(std::move(latest));
  server_.add_unready({"late", "1", ModelState::kLoading, "still loading"});
  server_.run = [this](const ServedModel&, const infer::Request& request) -> Result<infer::Response> {
    if (request.inputs.empty()) return invalid_argument("infer.input_missing", "no input, says the server");
    ++runs_;
    const std::span<const float> values{
        reinterpret_cast<const float*>(request.inputs.at(0).tensor.data.data()),
        request.inputs[0].tensor.data.size() / sizeof(float)};
    return answer_with(request.inputs[0].tensor.shape[0], {values.begin(), values.end()});
  };
  host_.server = &server_;
  host_.clock = &clock_;
  host_.logger = &logger_;
  host_.server_version = "1.2.3";
  dialect_ = GetParam().make(host_);
}

FakeRequest DialectConformance::request(std::string_view model, std::string_view version) {
  return GetParam().ask({model, version, kValues});
}

void DialectConformance::expect_refused(FakeRequest request, Code code, std::optional<bool> on_model) {
  server_.observed.clear();
  const auto answer = send(*dialect_, std::move(request));
  EXPECT_EQ(error_faults(*answer), "");
  EXPECT_TRUE(is_right_class(code, answer->status)) << code_name(code) << " gives " << answer->status;
  ASSERT_EQ(server_.observed.size(), 1U);
  EXPECT_EQ(server_.observed[0].first, dialect_->name());
  EXPECT_EQ(server_.observed[0].second.code, code) << answer->body;
  if (on_model) {
    EXPECT_EQ(server_.observed[0].second.model != nullptr, *on_model);
  }
}

void DialectConformance::expect_one_sound_answer(FakeRequest request) {
  server_.observed.clear();
  const int runs_before = runs_;
  const std::string body = printable(request.body, 200);
  const auto answer = send(*dialect_, std::move(request));
  EXPECT_EQ(answer->status < 400 ? answer_faults(*answer) : error_faults(*answer), "") << body;
  ASSERT_EQ(server_.observed.size(), 1U) << body;
  EXPECT_EQ(server_.observed[0].second.code == Code::kOk, answer->status < 400) << body;
  EXPECT_LT(answer->status, 500) << body;
  EXPECT_EQ(runs_ - runs_before, answer->status < 400 ? 1 : 0)
      << "a refused request reached the model: " << body;
}

FakeRequest DialectConformance::request_to(const Route& route, std::string_view value, std::string body) {
  FakeRequest request{.method = route.method};
  for (std::size_t at = 0; at < route.pattern.size();) {
    if (route.pattern[at] == '{') {
      request.path += value;
      at = route.pattern.find('}', at) + 1;
    } else {
      request.path += route.pattern[at++];
    }
  }
  request.headers = {{"content-type", "application/json"}};
  request.body = std::move(body);
  return request;
}

TEST_P(DialectConformance, Its_name_can_be_a_label) {
  const std::string_view name = dialect_->name();
  EXPECT_NE(name, "");
  EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string_view::npos) << name;
}

TEST_P(DialectConformance, Routes_are_well_formed_and_unique) {
  EXPECT_EQ(route_faults(dialect_->routes()), "");
}

TEST_P(DialectConformance, Every_route_gives_one_sound_answer_whatever_is_sent) {
  for (const std::string value : {"echo", "1", "beer", "late", "a\"b", "<script>", "gr\xc3\xbc\xc3\x9f",
                                  "{x}", "%2e%2e", "a;b", " ", "a\nb"}) {
    for (const Route& route : dialect_->routes()) {
      for (const char* body : {"", "{}", "[]", "null", "\"text\"", "{\"a\":1,\"a\":2}", "\xff", "{"}) {
        SCOPED_TRACE(std::string(method_name(route.method)) + " " + route.pattern + " of " + value + " " +
                     body);
        const auto answer = send(*dialect_, request_to(route, value, body));
        EXPECT_EQ(answer_faults(*answer), "");
        EXPECT_EQ(leak_faults(answer->header("content-type") == "application/json" ? answer->body : ""), "");
      }
    }
  }
}

TEST_P(DialectConformance, Names_of_any_length_give_one_sound_answer) {
  for (const Route& route : dialect_->routes()) {
    SCOPED_TRACE(route.pattern);
    if (route.pattern.find('{') == std::string::npos) continue;
    const auto answer = send(*dialect_, request_to(route, std::string(100000, 'a')));
    EXPECT_EQ(route.reach == Reach::kControl ? answer_faults(*answer) : error_faults(*answer), "");
  }
}

TEST_P(DialectConformance, A_route_that_it_does_not_have_is_an_error) {
  auto exchange = std::make_unique<FakeExchange>(FakeRequest{});
  const auto answer = exchange->answer();
  dialect_->handle(std::numeric_limits<int>::max(), {}, std::move(exchange));
  EXPECT_EQ(error_faults(*answer), "");
}

TEST_P(DialectConformance, Head_is_answered_as_get_is) {
  for (const Route& route : dialect_->routes()) {
    if (route.method != Method::kGet) continue;
    for (const char* value : {"echo", "beer", "late"}) {
      SCOPED_TRACE(route.pattern + " of " + value);
      FakeRequest request = request_to(route, value);
      const auto got = send(*dialect_, request);
      request.method = Method::kHead;
      const auto head = send(*dialect_, request);
      EXPECT_EQ(head->status, got->status);
      EXPECT_EQ(head->headers, got->headers);
      EXPECT_EQ(answer_faults(*head), "");
      EXPECT_TRUE(server_.observed.empty()) << "only inferences are observed";
    }
  }
}

TEST_P(DialectConformance, What_is_served_is_told_whatever_it_is_called) {
  for (const std::string& text : odd_texts()) {
    FakeModel model = echo_model();
    model.name_text = "odd" + text;
    model.version_text = text;
    model.digest_text = text;
    model.platform_text = text;
    model.description_text = text;
    server_.add(std::move(model));
    server_.add_unready({"ill" + text, text, ModelState::kFailed, text});
  }
  host_.server_version = "1\"2";
  dialect_ = GetParam().make(host_);
  for (const Route& route : dialect_->routes()) {
    for (const std::string value : {"echo", "odd", "oddplain words"}) {
      const auto answer = send(*dialect_, request_to(route, value));
      EXPECT_EQ(answer_faults(*answer), "") << route.pattern;
    }
  }
}

TEST_P(DialectConformance, Any_error_is_refused_in_json_and_in_its_own_words_alone) {
  for (const Code code : kFailures) {
    for (const std::string& text : odd_texts()) {
      SCOPED_TRACE(std::string(code_name(code)) + " " + text.substr(0, 40));
      Error error(code, "test.failure", text);
      if (text.size() % 2 == 0)
        error = error.with_faults({{text, text, text}, {"records[3].x", "too large", ""}, {}})
                    .with_reach(slipway::Reach::kProcess);
      for (const Method method : {Method::kGet, Method::kHead, Method::kPost, Method::kOther}) {
        auto exchange = std::make_unique<FakeExchange>(FakeRequest{.method = method, .path = "/any"});
        const auto answer = exchange->answer();
        dialect_->refuse(error, std::move(exchange));
        EXPECT_EQ(error_faults(*answer), "");
        EXPECT_EQ(leak_faults(answer->body), "");
        EXPECT_TRUE(is_right_class(code, answer->status)) << answer->status;
      }
    }
  }
}

TEST_P(DialectConformance, Control_is_answered_once_and_when_it_is_done) {
  for (const Route& route : dialect_->routes()) {
    if (route.reach != Reach::kControl || route.method != Method::kPost) continue;
    SCOPED_TRACE(route.pattern);
    server_.loaded.clear();
    server_.unloaded.clear();
    server_.hold = true;
    const auto answer = send(*dialect_, request_to(route, "echo"));
    if (server_.loaded.empty() && server_.unloaded.empty()) {
      EXPECT_EQ(error_faults(*answer), "") << "neither loads nor unloads, so it must say why";
      continue;
    }
    EXPECT_EQ(server_.loaded.size() + server_.unloaded.size(), 1U);
    EXPECT_EQ(answer->answers, 0) << "answered before it was done";
    std::thread([&] { server_.release(); }).join();
    EXPECT_EQ(answer_faults(*answer), "");
    EXPECT_LT(answer->status, 300);
    server_.hold = false;
    for (const Code code : kFailures) {
      server_.load_result = Error(code, "test.failure", "it \"failed\"");
      const auto failed = send(*dialect_, request_to(route, "echo"));
      EXPECT_EQ(error_faults(*failed), "");
      EXPECT_TRUE(is_right_class(code, failed->status)) << code_name(code) << " gives " << failed->status;
    }
    server_.load_result = Status();
  }
  EXPECT_TRUE(server_.observed.empty()) << "only inferences are observed";
}

TEST_P(DialectConformance, An_inference_is_answered_and_observed_once) {
  if (!infers()) return;
  for (const char* version : {"", "1"}) {
    server_.observed.clear();
    const auto answer = send(*dialect_, request("echo", version));
    EXPECT_EQ(answer_faults(*answer), "");
    EXPECT_EQ(answer->status, 200) << answer->body;
    ASSERT_EQ(server_.observed.size(), 1U);
    const auto& [name, record] = server_.observed[0];
    EXPECT_EQ(name, dialect_->name());
    EXPECT_EQ(record.code, Code::kOk);
    ASSERT_NE(record.model, nullptr);
    EXPECT_EQ(record.model->version(), *version == '\0' ? "2" : version);
    EXPECT_EQ(record.rows, kValues.size() / 2);
    EXPECT_EQ(record.timings.queue, kQueue);
    EXPECT_EQ(record.timings.compute, kCompute);
    EXPECT_GT(record.timings.parse, Duration::zero());
    EXPECT_GT(record.timings.encode, Duration::zero());
  }
}

TEST_P(DialectConformance, The_request_says_when_it_came_and_what_it_borrows_stays) {
  if (!infers()) return;
  server_.hold = true;
  MonoTime received{};
  server_.run = [&](const ServedModel&, const infer::Request& asked) -> Result<infer::Response> {
    received = asked.received;
    EXPECT_EQ(asked.inputs.size(), 1U);
    EXPECT_EQ(asked.inputs[0].name, "x");
    EXPECT_EQ(asked.inputs[0].tensor.shape, (Shape{2, 2}));
    const Tensor expected = Tensor::of<float>({2, 2}, std::span<const float>(kValues));
    EXPECT_EQ(as_text(asked.inputs[0].tensor.data), as_text(expected.view().data));
    for (const std::string_view output : asked.requested_outputs) EXPECT_EQ(output, "y");
    return answer_with(2, {1, 2, 3, 4});
  };
  FakeRequest first = request();
  first.received = MonoTime(std::chrono::seconds(7));
  const auto answer = send(*dialect_, std::move(first));
  (void)send(*dialect_, GetParam().ask({"echo", "", std::array<float, 2>{8, 9}}));  // reuses parsers
  EXPECT_EQ(answer->answers, 0);
  server_.run = [&, run = server_.run](const ServedModel& model, const infer::Request& asked) {
    return asked.received == MonoTime(std::chrono::seconds(7)) ? run(model, asked) : answer_with(1, {8, 9});
  };
  server_.release();
  EXPECT_EQ(received, MonoTime(std::chrono::seconds(7)));
  EXPECT_EQ(answer->status, 200) << answer->body;
}

TEST_P(DialectConformance, Unknown_models_and_those_not_ready_are_refused) {
  if (!infers()) return;
  expect_refused(request("beer"), Code::kNotFound, false);
  expect_refused(request("echo", "9"), Code::kNotFound, false);
  expect_refused(request("late"), Code::kUnavailable, false);
  EXPECT_EQ(runs_, 0);
}

TEST_P(DialectConformance, A_failure_of_the_server_keeps_its_code) {
  if (!infers()) return;
  for (const Code code : kFailures) {
    SCOPED_TRACE(code_name(code));
    server_.run = [&](const ServedModel&, const infer::Request&) -> Result<infer::Response> {
      return Error(code, "test.failure", "the model \"failed\"");
    };
    expect_refused(request(), code, true);
    // An overload and a model that is loading pass; their answers say when to try again.
    const bool passes = code == Code::kResourceExhausted || code == Code::kUnavailable;
    EXPECT_EQ(ask()->header("retry-after").empty(), !passes);
  }
}

TEST_P(DialectConformance, Bodies_that_are_no_request_are_refused) {
  if (!infers()) return;
  const FakeRequest good = request();
  Random random(1);
  std::string noise(1000, '\0');
  for (char& c : noise) c = static_cast<char>(random.below(256));
  for (const std::string& body :
       {std::string(), std::string("{}"), std::string("null"), std::string("0"), std::string("\0", 1),
        std::string(100000, '['), std::string(100000, ' '), std::string(100000, '"'), noise,
        good.body + good.body, good.body.substr(0, good.body.size() - 1)}) {
    SCOPED_TRACE(body.substr(0, 40));
    FakeRequest bad = good;
    bad.body = body;
    const std::optional<bool> either;
    expect_refused(std::move(bad), Code::kInvalidArgument, GetParam().model_in_body ? either : true);
  }
  EXPECT_EQ(runs_, 0);
}

TEST_P(DialectConformance, Cut_and_changed_bodies_get_one_sound_answer) {
  if (!infers()) return;
  const FakeRequest good = request();
  for (std::size_t size = 0; size < good.body.size(); ++size) {
    FakeRequest cut = good;
    cut.body.resize(size);
    expect_one_sound_answer(std::move(cut));
  }
  Random random(2);
  for (int i = 0; i < 1000; ++i) {
    FakeRequest changed = good;
    mutate(changed.body, random);
    expect_one_sound_answer(std::move(changed));
  }
}

TEST_P(DialectConformance, Huge_numbers_get_one_sound_answer) {
  if (!infers()) return;
  const FakeRequest good = request();
  for (const std::string& number :
       {std::string("1e999"), std::string("-1e999"), std::string("1e-999"), std::string("3.5e38"),
        std::string("18446744073709551615"), std::string("18446744073709551616"),
        std::string("-9223372036854775809"), std::string("9223372036854775807"), std::string("4294967296"),
        std::string("NaN"), std::string("Infinity"), std::string("-0"), std::string("1_000"),
        std::string("0x10"), std::string(5000, '9'), "0." + std::string(5000, '3')}) {
    for (std::string& body : with_instead(good.body, kDigits, number)) {
      FakeRequest huge = good;
      huge.body = std::move(body);
      expect_one_sound_answer(std::move(huge));
    }
  }
}

TEST_P(DialectConformance, Floods_get_one_short_answer) {
  if (!infers()) return;
  const FakeRequest good = request();
  const auto flood = [&](std::string_view alphabet, const std::string& text) {
    for (std::string& body : with_instead(good.body, alphabet, text)) {
      FakeRequest flooded = good;
      flooded.body = std::move(body);
      expect_one_sound_answer(std::move(flooded));
    }
  };
  flood(kDigits, "1" + repeated(",1", 20000));
  flood(kDigits, "1" + repeated("],[1", 20000));
  flood(kLetters, std::string(100000, 'x'));
  flood(kLetters, repeated("\\u0001", 20000));
  flood(kLetters, "a\":1" + repeated(",\"a\":{}", 20000) + ",\"a");
}

TEST_P(DialectConformance, An_answer_that_is_not_the_models_is_never_passed_off_as_one) {
  if (!infers()) return;
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<std::vector<float>> answers = {{},
                                                   {1, 2},
                                                   {1, 2, 3, 4, 5, 6},
                                                   {kNan, kInfinity, -kInfinity, -0.0F},
                                                   {1e-45F, 3.4e38F, 16777216.0F, 0.1F}};
  for (const std::vector<float>& values : answers) {
    SCOPED_TRACE(values.size());
    server_.run = [&](const ServedModel&, const infer::Request&) -> Result<infer::Response> {
      return answer_with(static_cast<std::int64_t>(values.size() / 2), values);
    };
    server_.observed.clear();
    const auto answer = ask();
    EXPECT_EQ(answer_faults(*answer), "");
    ASSERT_EQ(server_.observed.size(), 1U);
    EXPECT_EQ(server_.observed[0].second.code == Code::kOk, answer->status < 400) << answer->body;
  }
}

TEST_P(DialectConformance, Answers_come_later_in_any_order_and_from_another_thread) {
  if (!infers()) return;
  const std::string expected = ask()->body;
  server_.observed.clear();
  server_.hold = true;
  std::vector<Answered> answers;
  for (int i = 0; i < 3; ++i) answers.push_back(ask());
  for (const Answered& answer : answers) EXPECT_EQ(answer->answers, 0);
  std::thread([&] { server_.release(); }).join();
  for (const Answered& answer : answers) {
    EXPECT_EQ(answer_faults(*answer), "");
    EXPECT_EQ(answer->body, expected);
  }
  EXPECT_EQ(server_.observed.size(), 3U);
}

TEST_P(DialectConformance, A_client_that_is_gone_is_answered_at_most_once) {
  if (!infers()) return;
  for (const bool before : {true, false}) {
    for (const bool fails : {true, false}) {
      server_.observed.clear();
      server_.hold = true;
      FakeRequest leaving = request();
      const auto left = std::make_shared<std::atomic<bool>>(before);
      leaving.leaves = left;
      const auto answer = send(*dialect_, std::move(leaving));
      *left = true;
      if (fails) {
        server_.run = [](const ServedModel&, const infer::Request&) -> Result<infer::Response> {
          return cancelled("infer.cancelled", "nobody waits");
        };
      }
      std::thread([&] { server_.release(); }).join();
      EXPECT_LE(answer->answers, 1);
      EXPECT_EQ(server_.observed.size(), 1U) << "what was begun is counted, whoever still listens";
    }
  }
}

TEST_P(DialectConformance, Several_threads_get_their_own_answers) {
  if (!infers()) return;
  constexpr int kThreads = 4;
  constexpr int kRounds = 50;
  const auto of = [](int thread) {
    const float value = static_cast<float>(thread) + 0.5F;
    return GetParam().ask({"echo", "", std::array<float, 4>{value, -value, value * 2, 7}});
  };
  std::array<std::string, kThreads> expected;
  for (int i = 0; i < kThreads; ++i) expected[static_cast<std::size_t>(i)] = send(*dialect_, of(i))->body;
  EXPECT_NE(expected[0], expected[1]);
  server_.observed.clear();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        if (send(*dialect_, of(i))->body != expected[static_cast<std::size_t>(i)]) ++wrong;
        for (const Route& route : dialect_->routes()) {
          if (route.method == Method::kGet &&
              answer_faults(*send(*dialect_, request_to(route, "echo"))) != "")
            ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(server_.observed.size(), static_cast<std::size_t>(kThreads * kRounds));
}

}  // namespace slipway::dialect::testing
