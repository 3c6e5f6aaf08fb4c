// What reading the head of a usual request costs.
#include <benchmark/benchmark.h>

#include <string>

#include "net/request_head.h"
#include "net/target.h"

namespace slipway::net {
namespace {

const std::string kHead =
    "POST /v2/models/wine/infer HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: python-requests/2.31.0\r\n"
    "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nContent-Length: 183\r\n"
    "Content-Type: application/json\r\n\r\n";

void find_end_of_head(benchmark::State& state) {
  const Limits limits;
  for (auto _ : state) {
    HeadScanner scanner;
    benchmark::DoNotOptimize(scanner.scan(kHead, limits));
  }
}
BENCHMARK(find_end_of_head);

void parse_whole_head(benchmark::State& state) {
  for (auto _ : state) {
    RequestHead head;
    benchmark::DoNotOptimize(parse_head(kHead, head));
    Target target;
    benchmark::DoNotOptimize(
        parse_target(std::string_view(kHead).substr(head.target_at, head.target_size), target));
  }
}
BENCHMARK(parse_whole_head);

}  // namespace
}  // namespace slipway::net
