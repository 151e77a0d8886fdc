// Lies that change one CQE.
#include <sys/socket.h>

#include <cerrno>

#include "fakes/conformance/lies.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes::conformance {
namespace {

bool has(const Seen& seen, uint32_t flag) {
  return (seen.flags & flag) != 0;
}

bool flip(Seen& seen, uint32_t flag, bool where) {
  if (where) seen.flags ^= flag;
  return where;
}

bool change(int32_t& result, int32_t to, bool where) {
  if (where) result = to;
  return where;
}

bool receives(Op op) {
  return op == Op::recv || op == Op::recv_multishot || op == Op::recvmsg || op == Op::read;
}

bool is_multishot(Op op) {
  return op == Op::accept_multishot || op == Op::poll_multishot || op == Op::recv_multishot ||
         op == Op::timeout_multishot;
}

// Behind a receive of all in its chain.
bool follows_receive_of_all(const Subject& subject) {
  return subject.before != nullptr && subject.before->op == Op::recv &&
         (subject.before->option & MSG_WAITALL) != 0;
}

constexpr Lie kLies[] = {
    {"U7", "a chain with a bad SQE is cancelled with 0",
     [](Seen& seen, const Subject& subject) {
       bool cancelled = seen.result == -ECANCELED && subject.request->op == Op::nop;
       return change(seen.result, 0, cancelled && subject.chained);
     },
     nullptr},
    {"U19", "the end of a multishot request says MORE",
     [](Seen& seen, const Subject& subject) {
       bool ends = is_multishot(subject.request->op) && !has(seen, IORING_CQE_F_MORE);
       return flip(seen, IORING_CQE_F_MORE, ends);
     },
     nullptr},
    {"U19", "a multishot request that lives does not say MORE",
     [](Seen& seen, const Subject&) {
       return flip(seen, IORING_CQE_F_MORE, has(seen, IORING_CQE_F_MORE));
     },
     nullptr},
    {"U20", "the end of a stream says nothing of the socket",
     [](Seen& seen, const Subject&) {
       return flip(seen, IORING_CQE_F_SOCK_NONEMPTY,
                   seen.result == 0 && has(seen, IORING_CQE_F_SOCK_NONEMPTY));
     },
     nullptr},
    {"U21", "an empty group counts as the end of a stream",
     [](Seen& seen, const Subject&) { return change(seen.result, 0, seen.result == -ENOBUFS); },
     nullptr},
    {"U22", "a multishot receive without a group is taken",
     [](Seen& seen, const Subject& subject) {
       bool without = subject.request->op == Op::recv_multishot &&
                      (subject.request->flags & IOSQE_BUFFER_SELECT) == 0;
       return change(seen.result, -ENOBUFS, without && seen.result == -EINVAL);
     },
     nullptr},
    {"U24", "a buffer that is too small for the header is filled",
     [](Seen& seen, const Subject& subject) {
       return change(seen.result, 16,
                     subject.request->op == Op::recvmsg_multishot && seen.result == -EFAULT);
     },
     nullptr},
    {"U26", "an accept into a full table goes on",
     [](Seen& seen, const Subject& subject) {
       return flip(seen, IORING_CQE_F_MORE,
                   subject.request->op == Op::accept_multishot && seen.result == -ENFILE);
     },
     nullptr},
    {"U27", "an accept at a listener that is shut down is cancelled",
     [](Seen& seen, const Subject& subject) {
       bool accepts =
           subject.request->op == Op::accept || subject.request->op == Op::accept_multishot;
       return change(seen.result, -ECANCELED, accepts && seen.result == -EINVAL);
     },
     nullptr},
    {"U29", "another buffer is used",
     [](Seen& seen, const Subject&) {
       return flip(seen, 1U << IORING_CQE_BUFFER_SHIFT, has(seen, IORING_CQE_F_BUFFER));
     },
     nullptr},
    {"U30", "an incremental buffer is used up too early",
     [](Seen& seen, const Subject&) {
       return flip(seen, uapi::kCqeBufferMore, has(seen, uapi::kCqeBufferMore));
     },
     nullptr},
    {"U33", "a receive of all that is short keeps its chain",
     [](Seen& seen, const Subject& subject) {
       bool severed = follows_receive_of_all(subject) && seen.result == -ECANCELED;
       return change(seen.result, 0, severed && subject.request->op == Op::nop);
     },
     nullptr},
    {"U33", "any receive that is short severs its chain",
     [](Seen& seen, const Subject& subject) {
       bool kept = subject.before != nullptr && subject.before->op == Op::recv &&
                   subject.before->option == 0 && seen.result == 0;
       return change(seen.result, -ECANCELED, kept && subject.request->op == Op::nop);
     },
     nullptr},
    {"U35", "a link goes on after a failure",
     [](Seen& seen, const Subject& subject) {
       return change(seen.result, 1, subject.before != nullptr && seen.result == -ECANCELED);
     },
     nullptr},
    {"U37", "a link timeout that struck says that it was cancelled",
     [](Seen& seen, const Subject& subject) {
       return change(seen.result, -ECANCELED,
                     subject.request->op == Op::link_timeout && seen.result == -ETIME);
     },
     nullptr},
    {"U39", "a zero-copy send that never began announces its notification",
     [](Seen& seen, const Subject& subject) {
       bool unissued = subject.before != nullptr && seen.result == -ECANCELED;
       return flip(seen, IORING_CQE_F_MORE,
                   unissued && subject.request->op == Op::send_zc && !has(seen, IORING_CQE_F_MORE));
     },
     nullptr},
    {"U40", "cancelling all counts one too many",
     [](Seen& seen, const Subject& subject) {
       bool counts = subject.request->op == Op::cancel && seen.result > 0;
       return change(seen.result, seen.result + 1, counts);
     },
     nullptr},
    {"U40", "cancelling nothing succeeds",
     [](Seen& seen, const Subject& subject) {
       return change(seen.result, 0, subject.request->op == Op::cancel && seen.result == -ENOENT);
     },
     nullptr},
    {"U42", "a byte is lost",
     [](Seen& seen, const Subject& subject) {
       bool some = receives(subject.request->op) && seen.result > 0;
       return change(seen.result, seen.result - 1, some);
     },
     nullptr},
    {"U42", "a byte is another one",
     [](Seen& seen, const Subject&) {
       bool some = seen.data != 0;
       if (some) seen.data ^= 1;
       return some;
     },
     nullptr},
    {"U43", "a timer that was not there is removed",
     [](Seen& seen, const Subject& subject) {
       return change(seen.result, 0,
                     subject.request->op == Op::timeout_remove && seen.result == -ENOENT);
     },
     nullptr},
    {"U45", "the end of a connection is another error",
     [](Seen& seen, const Subject&) {
       return change(seen.result, -ECONNRESET, seen.result == -EPIPE);
     },
     nullptr},
    {"U49", "a message into a full CQ fails",
     [](Seen& seen, const Subject& subject) {
       return change(seen.result, -EOVERFLOW,
                     subject.request->op == Op::message && seen.result == 0);
     },
     nullptr},
};

}  // namespace

std::span<const Lie> lies_about_cqes() {
  return kLies;
}

}  // namespace gatio::fakes::conformance
