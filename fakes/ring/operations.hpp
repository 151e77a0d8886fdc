// The operations that a fake ring models, one entry for each opcode. prepare() looks at the SQE and
// reads what is read at submission; attempt() tries to do it. Neither ever blocks. Constant tables:
// the simulation's one thread only.
#pragma once

#include <cstdint>

#include "fakes/ring/request.hpp"

namespace gatio::fakes {

enum class Step : uint8_t {
  done,     // `result` and `flags` of the request say how it ended
  wait,     // until its file is what `poll_mask` says, then it is tried again
  again,    // behind the others: it has had its share, or is ready already
  worker,   // a worker thread has to try it
  pending,  // something else of the operation's ends it
};

struct Operation {
  const char* name = nullptr;  // as IORING_OP_... is called; nullptr: there is no such opcode
  // 0, or the errno with which the request ends at once.
  int (*prepare)(FakeRing&, Request&) = nullptr;
  Step (*attempt)(FakeRing&, Request&) = nullptr;  // nullptr: it is not modelled
  bool needs_file = false;
  bool selects_buffers = false;  // may have IOSQE_BUFFER_SELECT
  bool takes_ioprio = false;
  bool fails_later = false;   // its errors come through task work, even if known at once
  bool never_severs = false;  // an error is no failure to its chain, or to IOSQE_CQE_SKIP_SUCCESS
  bool on_worker = false;     // even an attempt that must fail is a worker thread's
};

// nullptr for an opcode that Linux does not know. Aborts by name where the fake does not know what
// Linux knows.
const Operation* find_operation(uint8_t opcode);

// Ends the program and says what it was that the fake does not know: a result that is made up would
// be worse.
[[noreturn]] void abort_unmodelled(const char* what);

// By family, in the files op_*.cpp.
int prepare_nop(FakeRing&, Request&);
Step do_nop(FakeRing&, Request&);
int prepare_message(FakeRing&, Request&);
Step do_message(FakeRing&, Request&);

int prepare_transfer(FakeRing&, Request&);  // read, write
int prepare_vector_transfer(FakeRing&, Request&);
Step do_read(FakeRing&, Request&);
Step do_write(FakeRing&, Request&);
int prepare_fsync(FakeRing&, Request&);
Step do_fsync(FakeRing&, Request&);
int prepare_openat(FakeRing&, Request&);
Step do_openat(FakeRing&, Request&);
int prepare_close(FakeRing&, Request&);
Step do_close(FakeRing&, Request&);

int prepare_poll_add(FakeRing&, Request&);
Step do_poll_add(FakeRing&, Request&);
int prepare_poll_remove(FakeRing&, Request&);
Step do_poll_remove(FakeRing&, Request&);

int prepare_timeout(FakeRing&, Request&);
Step do_timeout(FakeRing&, Request&);
int prepare_timeout_remove(FakeRing&, Request&);
Step do_timeout_remove(FakeRing&, Request&);
int prepare_link_timeout(FakeRing&, Request&);
Step do_link_timeout(FakeRing&, Request&);

int prepare_cancel(FakeRing&, Request&);
Step do_cancel(FakeRing&, Request&);

int prepare_socket(FakeRing&, Request&);
Step do_socket(FakeRing&, Request&);
int prepare_connect(FakeRing&, Request&);
Step do_connect(FakeRing&, Request&);
int prepare_accept(FakeRing&, Request&);
Step do_accept(FakeRing&, Request&);
int prepare_shutdown(FakeRing&, Request&);
Step do_shutdown(FakeRing&, Request&);

int prepare_send(FakeRing&, Request&);
int prepare_sendmsg(FakeRing&, Request&);
Step do_send(FakeRing&, Request&);
int prepare_recv(FakeRing&, Request&);
int prepare_recvmsg(FakeRing&, Request&);
Step do_recv(FakeRing&, Request&);
Step do_recvmsg(FakeRing&, Request&);

}  // namespace gatio::fakes
