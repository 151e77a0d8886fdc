#include "fakes/ring/operations.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace gatio::fakes {
namespace {

// Linux 6.18 knows 63 opcodes; those that liburing 2.3 has no name for are written as numbers.
constexpr size_t kOpcodes = 63;

constexpr const char* kNames[kOpcodes] = {"NOP",
                                          "READV",
                                          "WRITEV",
                                          "FSYNC",
                                          "READ_FIXED",
                                          "WRITE_FIXED",
                                          "POLL_ADD",
                                          "POLL_REMOVE",
                                          "SYNC_FILE_RANGE",
                                          "SENDMSG",
                                          "RECVMSG",
                                          "TIMEOUT",
                                          "TIMEOUT_REMOVE",
                                          "ACCEPT",
                                          "ASYNC_CANCEL",
                                          "LINK_TIMEOUT",
                                          "CONNECT",
                                          "FALLOCATE",
                                          "OPENAT",
                                          "CLOSE",
                                          "FILES_UPDATE",
                                          "STATX",
                                          "READ",
                                          "WRITE",
                                          "FADVISE",
                                          "MADVISE",
                                          "SEND",
                                          "RECV",
                                          "OPENAT2",
                                          "EPOLL_CTL",
                                          "SPLICE",
                                          "PROVIDE_BUFFERS",
                                          "REMOVE_BUFFERS",
                                          "TEE",
                                          "SHUTDOWN",
                                          "RENAMEAT",
                                          "UNLINKAT",
                                          "MKDIRAT",
                                          "SYMLINKAT",
                                          "LINKAT",
                                          "MSG_RING",
                                          "FSETXATTR",
                                          "SETXATTR",
                                          "FGETXATTR",
                                          "GETXATTR",
                                          "SOCKET",
                                          "URING_CMD",
                                          "SEND_ZC",
                                          "SENDMSG_ZC",
                                          "READ_MULTISHOT",
                                          "WAITID",
                                          "FUTEX_WAIT",
                                          "FUTEX_WAKE",
                                          "FUTEX_WAITV",
                                          "FIXED_FD_INSTALL",
                                          "FTRUNCATE",
                                          "BIND",
                                          "LISTEN",
                                          "RECV_ZC",
                                          "EPOLL_WAIT",
                                          "READV_FIXED",
                                          "WRITEV_FIXED",
                                          "PIPE"};

struct Table {
  std::array<Operation, kOpcodes> entries{};

  constexpr Table() {
    for (size_t i = 0; i < kOpcodes; ++i) entries[i].name = kNames[i];
    set_general();
    set_sockets();
  }

  constexpr void set_general() {
    set(IORING_OP_NOP, prepare_nop, do_nop);
    set(IORING_OP_MSG_RING, prepare_message, do_message).needs_file = true;
    transfer(IORING_OP_READ, prepare_transfer, do_read).selects_buffers = true;
    transfer(IORING_OP_READV, prepare_vector_transfer, do_read).selects_buffers = true;
    transfer(IORING_OP_WRITE, prepare_transfer, do_write);
    transfer(IORING_OP_WRITEV, prepare_vector_transfer, do_write);
    entries[IORING_OP_WRITE].fails_later = entries[IORING_OP_WRITEV].fails_later = true;
    set(IORING_OP_FSYNC, prepare_fsync, do_fsync).needs_file = true;
    set(IORING_OP_OPENAT, prepare_openat, do_openat);
    set(IORING_OP_CLOSE, prepare_close, do_close);
    set(IORING_OP_POLL_ADD, prepare_poll_add, do_poll_add).needs_file = true;
    set(IORING_OP_POLL_REMOVE, prepare_poll_remove, do_poll_remove);
    set(IORING_OP_TIMEOUT, prepare_timeout, do_timeout);
    set(IORING_OP_TIMEOUT_REMOVE, prepare_timeout_remove, do_timeout_remove);
    set(IORING_OP_LINK_TIMEOUT, prepare_link_timeout, do_link_timeout);
    set(IORING_OP_ASYNC_CANCEL, prepare_cancel, do_cancel);
  }

  constexpr void set_sockets() {
    set(IORING_OP_SOCKET, prepare_socket, do_socket);
    set(IORING_OP_CONNECT, prepare_connect, do_connect).needs_file = true;
    transfer(IORING_OP_ACCEPT, prepare_accept, do_accept);
    Operation& shutdown = set(IORING_OP_SHUTDOWN, prepare_shutdown, do_shutdown);
    shutdown.needs_file = shutdown.on_worker = shutdown.never_severs = true;
    transfer(IORING_OP_SEND, prepare_send, do_send).selects_buffers = true;
    transfer(IORING_OP_SENDMSG, prepare_sendmsg, do_send);
    transfer(IORING_OP_SEND_ZC, prepare_send, do_send);
    transfer(IORING_OP_SENDMSG_ZC, prepare_sendmsg, do_send);
    transfer(IORING_OP_RECV, prepare_recv, do_recv).selects_buffers = true;
    transfer(IORING_OP_RECVMSG, prepare_recvmsg, do_recvmsg).selects_buffers = true;
  }

  constexpr Operation& set(uint8_t opcode, int (*prepare)(FakeRing&, Request&),
                           Step (*attempt)(FakeRing&, Request&)) {
    entries[opcode].prepare = prepare;
    entries[opcode].attempt = attempt;
    return entries[opcode];
  }
  // What has a file and its own use of `ioprio`.
  constexpr Operation& transfer(uint8_t opcode, int (*prepare)(FakeRing&, Request&),
                                Step (*attempt)(FakeRing&, Request&)) {
    Operation& operation = set(opcode, prepare, attempt);
    operation.needs_file = operation.takes_ioprio = true;
    return operation;
  }
};

constexpr Table kTable;

}  // namespace

const Operation* find_operation(uint8_t opcode) {
  if (opcode >= kOpcodes) return nullptr;
  const Operation& operation = kTable.entries[opcode];
  if (operation.attempt == nullptr) {
    abort_unmodelled((std::string("IORING_OP_") + operation.name).c_str());
  }
  return &operation;
}

void abort_unmodelled(const char* what) {
  std::fprintf(stderr, "the fake kernel does not model %s\n", what);
  std::abort();
}

}  // namespace gatio::fakes
