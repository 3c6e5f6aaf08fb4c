#include "net/loop/seats.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace slipway::net {
namespace {

std::string client(const char* text) {
  sockaddr_storage peer{};
  auto& four = reinterpret_cast<sockaddr_in&>(peer);
  auto& six = reinterpret_cast<sockaddr_in6&>(peer);
  if (::inet_pton(AF_INET, text, &four.sin_addr) == 1) {
    peer.ss_family = AF_INET;
    four.sin_port = htons(4321);  // clients are not told apart by their ports
  } else if (::inet_pton(AF_INET6, text, &six.sin6_addr) == 1) {
    peer.ss_family = AF_INET6;
  } else {
    peer.ss_family = AF_UNIX;
  }
  return client_of(peer);
}

TEST(Seats, ClientsAreToldApartByTheirAddresses) {
  EXPECT_NE(client("192.0.2.1"), client("192.0.2.2"));
  EXPECT_EQ(client("192.0.2.1"), client("::ffff:192.0.2.1"));
  EXPECT_EQ(client("2001:db8:0:1::1"), client("2001:db8:0:1:ffff::2"));
  EXPECT_NE(client("2001:db8:0:1::1"), client("2001:db8:0:2::1"));
  EXPECT_EQ(client("/run/socket"), "");
}

TEST(Seats, AreLimitedForEachClientAndGivenBack) {
  Seats seats;
  auto first = seats.take("a", 2);
  const auto second = seats.take("a", 2);
  EXPECT_NE(first, nullptr);
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(seats.take("a", 2), nullptr);
  EXPECT_NE(seats.take("b", 2), nullptr);
  EXPECT_EQ(seats.clients(), 1U);
  first.reset();
  const auto third = seats.take("a", 2);
  EXPECT_NE(third, nullptr);
  EXPECT_EQ(seats.take("c", 0), nullptr);
  EXPECT_EQ(seats.clients(), 1U);
}

TEST(Seats, MayBeGivenBackOnAnyThreadAndAfterTheEnd) {
  std::vector<std::shared_ptr<void>> all;
  {
    Seats seats;
    for (int i = 0; i < 1000; ++i) all.push_back(seats.take(std::to_string(i % 7), 1000));
    EXPECT_EQ(seats.clients(), 7U);
    std::vector<std::shared_ptr<void>> half(std::make_move_iterator(all.begin()),
                                            std::make_move_iterator(all.begin() + 500));
    std::thread other([&half] { half.clear(); });
    for (std::size_t i = 500; i < 900; ++i) all[i].reset();
    other.join();
    EXPECT_EQ(seats.clients(), 7U);
  }
  all.clear();
}

}  // namespace
}  // namespace slipway::net
