// What one HTTP request costs without any I/O: parsing, and writing the response.
#include <benchmark/benchmark.h>

#include <memory_resource>
#include <string>
#include <string_view>

#include "runtime/net/http_date.hpp"
#include "runtime/net/http_parser.hpp"
#include "runtime/net/http_response.hpp"

namespace gatio::http {
namespace {

// What wrk sends.
constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
constexpr int64_t kNow = 784111777;

std::string pipelined(int64_t count) {
  std::string bytes;
  for (int64_t i = 0; i < count; ++i) bytes += kRequest;
  return bytes;
}

void parse(benchmark::State& state) {
  Limits limits;
  Parser parser(limits, std::pmr::new_delete_resource());
  Batch batch(std::pmr::new_delete_resource());
  std::string bytes = pipelined(state.range(0));
  for (auto _ : state) {
    batch.clear();
    benchmark::DoNotOptimize(parser.feed(bytes, batch));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(parse)->Arg(1)->Arg(16);

void append_response(benchmark::State& state) {
  Limits limits;
  Parser parser(limits, std::pmr::new_delete_resource());
  Batch batch(std::pmr::new_delete_resource());
  Output output(std::pmr::new_delete_resource());
  DateCache date;
  parser.feed(kRequest, batch);
  for (auto _ : state) {
    output.clear();
    Response response(output, date.at(kNow), batch[0]);
    response.content_type("text/plain").body("Hello, World!");
    response.finish();
    benchmark::DoNotOptimize(output.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(append_response);

void parse_and_respond(benchmark::State& state) {
  Limits limits;
  Parser parser(limits, std::pmr::new_delete_resource());
  Batch batch(std::pmr::new_delete_resource());
  Output output(std::pmr::new_delete_resource());
  DateCache date;
  std::string bytes = pipelined(state.range(0));
  for (auto _ : state) {
    batch.clear();
    output.clear();
    parser.feed(bytes, batch);
    for (size_t i = 0; i < batch.size(); ++i) {
      Response response(output, date.at(kNow), batch[i]);
      response.content_type("text/plain").body("Hello, World!");
    }
    benchmark::DoNotOptimize(output.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(parse_and_respond)->Arg(1)->Arg(16);

}  // namespace
}  // namespace gatio::http
