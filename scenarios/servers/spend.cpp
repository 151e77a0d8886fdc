#include "scenarios/servers/spend.hpp"

#include <cerrno>
#include <utility>

namespace scenarios {

namespace {

struct Work {
  uint64_t work_ns = 0;
  uint64_t heavy_ns = 0;
  uint64_t heavy_percent = 0;
};

// Whether the next request on this thread is a heavy one: evenly spread, exactly the percentage.
bool next_is_heavy(uint64_t percent) {
  thread_local uint64_t sum = 0;
  sum += percent;
  if (sum < 100) return false;
  sum -= 100;
  return true;
}

gatio::Result<Work> parse(const Arguments& arguments) {
  Work work;
  for (auto [name, member] : {std::pair{"work_ns", &work.work_ns},
                              {"heavy_ns", &work.heavy_ns},
                              {"heavy_percent", &work.heavy_percent}}) {
    gatio::Result<uint64_t> value = arguments.number(name, 0);
    if (!value) return gatio::Error(value.error());
    *member = *value;
  }
  if (work.heavy_percent > 100) return gatio::fail(EINVAL, "--heavy_percent is at most 100");
  return work;
}

}  // namespace

gatio::Result<void> serve_spend(gatio::Runtime& runtime, const Arguments& arguments) {
  gatio::Result<Work> work = parse(arguments);
  if (!work) return gatio::Error(work.error());
  runtime.add_handler("spend",
                      [work = *work](const gatio::http::Request&,
                                     gatio::http::Response& response) -> gatio::Task<void> {
                        uint64_t ns = work.work_ns;
                        if (next_is_heavy(work.heavy_percent)) ns += work.heavy_ns;
                        if (ns > 0) gatio::Driver::current()->kernel().spend(ns);
                        response.content_type("text/plain").body("Hello, World!");
                        co_return;
                      });
  runtime.add_listener(arguments.http_listener("spend"));
  return {};
}

}  // namespace scenarios
