#include "fakes/ring/request.hpp"

#include "fakes/ring/fake_ring.hpp"

namespace gatio::fakes {

RequestTimer::RequestTimer(Request& its_request)
    : Event([](Event* event) {
        Request& request = static_cast<RequestTimer*>(event)->request;
        request.ring.timer_fired(request);
      }),
      request(its_request) {}

Request::Request(FakeRing& its_ring, Run its_run)
    : WorkItem(its_run), ring(its_ring), timer(*this) {}

void Request::changed(uint32_t events) {
  ring.file_changed(*this, events);
}

void Request::reset() {
  unlink();
  timer.cancel();
  static_cast<RequestFields&>(*this) = RequestFields{};
  file.reset();
  parts.clear();
  path.clear();
}

}  // namespace gatio::fakes
