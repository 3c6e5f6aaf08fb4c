// Several loops, clients and answering threads at once. The thread sanitizer runs this.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "net/client/client.h"
#include "net/testing/step_server.h"

namespace slipway::net {
namespace {

using Exchange = std::unique_ptr<dialect::Exchange>;

// Answers every request on a thread of its own pool, in another order than they came.
class PoolHandler final : public Handler {
 public:
  explicit PoolHandler(std::size_t threads) {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~PoolHandler() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void handle(Exchange exchange) override {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(exchange));
    wake_.notify_one();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      Exchange exchange = std::move(waiting_.back());
      waiting_.pop_back();
      lock.unlock();
      answer(*exchange);
      exchange.reset();
      lock.lock();
    }
  }

  static void answer(dialect::Exchange& exchange) {
    std::string body(as_text(exchange.body()));
    if (exchange.path() == "/stream") {
      exchange.start(200, {});
      for (const char c : body) exchange.write(std::string(1, c));
      exchange.finish({});
    } else {
      exchange.respond(200, {}, std::move(body));
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Exchange> waiting_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

struct RunningServer {
  explicit RunningServer(Handler& handler, std::size_t loops) {
    server = Server::create({.loops = loops}, clock, logger).value();
    endpoint = server->listen({.endpoint = {.host = "127.0.0.1", .port = 0, .path = {}}, .handler = &handler})
                   .value();
    server->start();
  }
  SystemClock clock;
  NullLogger logger;
  std::unique_ptr<Server> server;
  Endpoint endpoint;
};

TEST(ThreadsTest, EveryRequestGetsItsOwnAnswer) {
  PoolHandler handler(3);
  RunningServer running(handler, 2);
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([&, c] {
      auto client = Client::connect(running.endpoint, running.clock).value();
      for (int i = 0; i < 100; ++i) {
        const std::string body =
            std::to_string(c) + ":" + std::to_string(i) + std::string(static_cast<std::size_t>(i) * 5, 'x');
        const auto answer = client->request("POST", i % 3 == 0 ? "/stream" : "/", {}, body);
        if (answer.ok() && answer->body == body) ++right;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 400);
  EXPECT_EQ(running.server->counters().requests, 400U);
}

TEST(ThreadsTest, PipelinedAnswersFromThreadsComeInOrder) {
  PoolHandler handler(3);
  RunningServer running(handler, 1);
  const Fd socket = connect_to(running.endpoint, std::chrono::seconds(5)).value();
  std::string requests;
  constexpr int kCount = 500;
  for (int i = 0; i < kCount; ++i) requests += testing::post("/", "<" + std::to_string(i) + ">");
  std::thread sender([&] {
    for (std::string_view left = requests; !left.empty();) {
      const ssize_t sent = ::send(socket.get(), left.data(), left.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      left.remove_prefix(static_cast<std::size_t>(sent));
    }
  });
  std::string received;
  char buffer[4096];
  while (received.find("<" + std::to_string(kCount - 1) + ">") == std::string::npos) {
    const ssize_t got = ::recv(socket.get(), buffer, sizeof buffer, 0);
    ASSERT_GT(got, 0);
    received.append(buffer, static_cast<std::size_t>(got));
  }
  sender.join();
  std::size_t at = 0;
  for (int i = 0; i < kCount; ++i) {
    at = received.find("<" + std::to_string(i) + ">", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

// Remembers the loop, by its thread, that each connection is served on.
class ThreadNoting final : public Handler {
 public:
  void handle(Exchange exchange) override {
    {
      const std::lock_guard lock(mutex_);
      ++by_thread_[std::this_thread::get_id()];
    }
    exchange->respond(200, {}, "ok");
  }
  std::map<std::thread::id, int> by_thread() {
    const std::lock_guard lock(mutex_);
    return by_thread_;
  }

 private:
  std::mutex mutex_;
  std::map<std::thread::id, int> by_thread_;
};

TEST(ThreadsTest, ConnectionsAreSpreadEvenlyOverTheLoops) {
  ThreadNoting handler;
  RunningServer running(handler, 3);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(Client::connect(running.endpoint, running.clock).value());
    ASSERT_TRUE(clients.back()->request("GET", "/", {}, {}).ok());
  }
  ASSERT_EQ(handler.by_thread().size(), 3U);
  for (const auto& [thread, count] : handler.by_thread()) EXPECT_EQ(count, 4);
}

TEST(ThreadsTest, DrainsUnderLoadWithoutLosingAnAnswer) {
  PoolHandler handler(2);
  RunningServer running(handler, 2);
  std::atomic<int> answered{0};
  std::atomic<int> lost{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([&] {
      auto client = Client::connect(running.endpoint, running.clock).value();
      for (;;) {
        const auto answer = client->request("POST", "/", {}, "x");
        if (!answer.ok()) {
          ++lost;
          return;
        }
        ++answered;
        if (answer->header("connection") == "close") return;
      }
    });
  }
  while (answered < 50) std::this_thread::yield();
  std::atomic<bool> done{false};
  std::atomic<bool> complete{false};
  running.server->drain(std::chrono::milliseconds(300), std::chrono::seconds(20), [&](DrainReport report) {
    complete = report.complete;
    done = true;
  });
  for (std::thread& client : clients) client.join();
  while (!done) std::this_thread::yield();
  EXPECT_TRUE(complete);
  EXPECT_EQ(lost, 0);
}

TEST(ThreadsTest, StopsWhileRequestsAreUnderWay) {
  PoolHandler handler(2);
  RunningServer running(handler, 2);
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 3; ++c) {
    clients.emplace_back([&] {
      while (!stop) {
        auto client = Client::connect(running.endpoint, running.clock);
        if (!client.ok()) return;
        while ((*client)->request("POST", "/stream", {}, "abcdef").ok()) ++answered;
      }
    });
  }
  while (answered < 30) std::this_thread::yield();
  stop = true;
  running.server->stop();
  for (std::thread& client : clients) client.join();
}

TEST(ThreadsTest, RunServesOnTheCallersThreadUntilStopped) {
  ThreadNoting handler;
  const SystemClock clock;
  NullLogger logger;
  auto server = Server::create({.loops = 2}, clock, logger).value();
  const Endpoint endpoint =
      server->listen({.endpoint = {.host = "127.0.0.1", .port = 0, .path = {}}, .handler = &handler}).value();
  std::thread caller([&] {
    auto client = Client::connect(endpoint, clock).value();
    EXPECT_TRUE(client->request("GET", "/", {}, {}).ok());
    server->stop();
  });
  server->run();
  caller.join();
  EXPECT_EQ(handler.by_thread().begin()->first, std::this_thread::get_id());
}

}  // namespace
}  // namespace slipway::net
