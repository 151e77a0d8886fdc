// A request of a fake ring: the copy of its SQE, what was read of the user's memory when it was
// submitted, and how far it has come. It holds a reference to its file until it ends (rules U27,
// U44). Owned by its FakeRing, which recycles it; the simulation's one thread only.
#pragma once

#include <liburing.h>
#include <poll.h>

#include <cstdint>
#include <string>
#include <vector>

#include "fakes/events.hpp"
#include "fakes/file.hpp"

namespace gatio::fakes {

class FakeRing;
struct Operation;
struct Request;

// Something for the ring's owner to do when it enters with GETEVENTS: Linux's task work.
struct WorkItem {
  using Run = void (*)(FakeRing&, WorkItem&);
  explicit WorkItem(Run its_run) : run(its_run) {}
  Run run;
  WorkItem* next_work = nullptr;
  bool queued = false;
};

// What every wait for a file also waits for.
inline constexpr uint32_t kAlwaysPolled = POLLERR | POLLHUP | POLLNVAL | POLLRDHUP;

enum class RequestState : uint8_t {
  unused,
  linked,     // a member of a chain whose turn has not come
  deferred,   // behind a drain
  ready,      // task work is to issue it
  running,    // is being issued or tried again at this moment
  polling,    // waits for its file
  timing,     // its timer runs
  expired,    // its timer has fired, which task work is to deliver
  working,    // a worker thread does it
  finishing,  // has its result, which task work is to deliver
  failing,    // so have it and the rest of its chain
  finished,   // its CQE is posted at the end of the batch
};

struct RequestTimer : Event {
  explicit RequestTimer(Request& its_request);
  Request& request;
};

// What a request begins with anew each time it is used.
struct RequestFields {
  io_uring_sqe sqe{};
  const Operation* operation = nullptr;  // nullptr: a notification of zero copy
  uint32_t number = 0;                   // of the ring, from 1
  RequestState state = RequestState::unused;

  bool fixed_file = false;
  bool failed = false;     // severs the chain behind it
  bool cancelled = false;  // whoever runs it next ends it with -ECANCELED
  bool skips_cqe = false;  // IOSQE_CQE_SKIP_SUCCESS
  bool silent = false;     // it ends without a CQE: one that skips has failed before it
  bool link = false;       // the chain goes on behind it
  bool hard_link = false;  // even when it fails
  bool doomed = false;     // it ends with `result` instead of being issued
  bool unissued = false;   // it ends because its chain was severed
  bool drains = false;     // it, or the head of its chain, has IOSQE_IO_DRAIN
  bool multishot = false;
  bool claimed = false;       // it is to be tried again, and cannot be cancelled
  bool keeps_buffer = false;  // its parts are a provided buffer that is being filled
  bool woken_again = false;   // while it had not been tried again yet
  bool connecting = false;    // connect(2) has said -EINPROGRESS
  bool aborted = false;       // or that an earlier attempt was given up
  bool started = false;       // was tried before
  bool on_worker = false;     // a worker thread tries it, which may block
  bool counts = false;        // a timeout that counts CQEs
  bool buffers_end = false;   // a bundle has looked at the last buffer
  bool partial = false;       // or at one that it did not want whole, and left or cut short
  unsigned posted = 0;        // CQEs in this turn of a multishot request

  int32_t result = 0;
  uint32_t flags = 0;
  uint32_t poll_mask = 0;  // what it waits for
  uint32_t woken_for = 0;  // of that, what has come; 0: its file is asked

  Request* next_in_chain = nullptr;
  Request* timed = nullptr;          // of a link timeout: the operation
  Request* fired_timeout = nullptr;  // of an operation: the link timeout that has fired
  Request* notification = nullptr;   // of a zero-copy send
  Request* live_next = nullptr;      // all requests of the ring in the order of submission
  Request* live_previous = nullptr;
  Request* next_finished = nullptr;

  msghdr header{};  // copied at submission, as SUBMIT_STABLE promises
  socklen_t address_size = 0;
  uint64_t done_bytes = 0;    // of a transfer that goes on
  uint64_t left_bytes = 0;    // a multishot receive's limit; 0 is none
  size_t vectors = 0;         // of a bundle: buffers that it looks at before it knows more
  size_t most_bytes = 0;      // what the last buffer had, until something came; 0 is any
  uint64_t time_ns = 0;       // of a timeout: how long, or until when
  uint64_t repeats = 0;       // of a multishot timeout: how often still; 0 is for ever
  uint32_t target_count = 0;  // of a timeout that counts CQEs
};

struct Request final : WorkItem, Watch, RequestFields {
  Request(FakeRing& its_ring, Run its_run);
  void changed(uint32_t events) override;
  // As new, but for the capacity of its strings and vectors.
  void reset();

  FakeRing& ring;
  RequestTimer timer;
  FilePtr file;
  // Copied at submission too.
  std::vector<iovec> parts;
  sockaddr_storage address;
  std::string path;
};

}  // namespace gatio::fakes
