// The floor: what one thread, one ring and no runtime cost. A plain liburing loop that answers
// every HTTP request head with the same text, with each thing done once and in the cheapest way we
// know: multishot accept and receive, provided buffers, DEFER_TASKRUN, one enter a turn, all
// answers of one receive in one send. It does not parse: it looks for the empty line that ends a
// head. Every server of ours is measured against it. One thread owns everything.
//
//   floor --port 0 --cpu 0
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

constexpr unsigned kEntries = 1024;
constexpr unsigned kCompletions = 8192;
constexpr unsigned kBuffers = 1024;  // a power of two, as the kernel wants it
constexpr unsigned kBufferBytes = 4096;
constexpr int kGroup = 0;
constexpr size_t kMostUnsent = 1 << 20;  // a peer that asks and never reads is cut off here

enum Operation : uint64_t { kAccept, kReceive, kSend, kSignal };  // the low bits of user_data
constexpr uint64_t kOperationMask = 3;

// One client. It is deleted when nothing of it is in flight any more.
struct alignas(8) Connection {
  explicit Connection(int socket) : fd(socket) {}
  int fd;
  unsigned matched = 0;    // how much of "\r\n\r\n" the bytes so far end with
  bool receiving = false;  // a multishot receive is armed
  bool sending = false;    // a send is in flight; its bytes are in `flight`
  bool ended = false;      // the peer is done, or the connection is broken
  size_t sent = 0;         // of `flight`
  std::string flight;
  std::string waiting;  // answers that came up while a send was in flight
};

[[noreturn]] void die(const char* what, int error, int code) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(error));
  exit(code);
}

class Floor {
 public:
  explicit Floor(int listener) : listener_(listener) {
    set_up_ring();
    set_up_buffers();
    arm_accept();
    arm_signal();
  }

  void run() {
    while (!stopping_) {
      const int result = io_uring_submit_and_wait(&ring_, 1);
      if (result < 0 && result != -EINTR && result != -EBUSY && result != -EAGAIN) {
        die("io_uring_enter", -result, 1);
      }
      refresh_answer();
      unsigned head = 0;
      unsigned seen = 0;
      io_uring_cqe* cqe = nullptr;
      io_uring_for_each_cqe(&ring_, head, cqe) {
        ++seen;
        handle(*cqe);
      }
      // The buffers go back first, so that a receive that is armed again below finds them.
      if (returned_ > 0) io_uring_buf_ring_advance(buffers_, static_cast<int>(returned_));
      returned_ = 0;
      io_uring_cq_advance(&ring_, seen);
    }
  }

 private:
  void set_up_ring() {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                   IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
    params.cq_entries = kCompletions;
    const int result = io_uring_queue_init_params(kEntries, &ring_, &params);
    if (result < 0) {
      die("io_uring_setup failed (Linux 6.1 or newer is needed, and io_uring must be allowed: "
          "sysctl "
          "kernel.io_uring_disabled, seccomp)",
          -result, 4);
    }
    io_uring_register_ring_fd(&ring_);  // saves a look-up an enter; without it all works too
  }

  void set_up_buffers() {
    const size_t ring_bytes = kBuffers * sizeof(io_uring_buf);
    void* ring_memory = nullptr;
    void* memory = nullptr;
    if (posix_memalign(&ring_memory, 4096, ring_bytes) != 0 ||
        posix_memalign(&memory, 4096, size_t{kBuffers} * kBufferBytes) != 0) {
      die("buffers", ENOMEM, 4);
    }
    memset(ring_memory, 0, ring_bytes);
    buffers_ = static_cast<io_uring_buf_ring*>(ring_memory);
    memory_ = static_cast<char*>(memory);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<uint64_t>(ring_memory);
    registration.ring_entries = kBuffers;
    registration.bgid = kGroup;
    const int result = io_uring_register_buf_ring(&ring_, &registration, 0);
    if (result < 0) die("registering the buffer ring", -result, 4);
    io_uring_buf_ring_init(buffers_);
    for (unsigned id = 0; id < kBuffers; ++id) give_back(id);
    io_uring_buf_ring_advance(buffers_, static_cast<int>(returned_));
    returned_ = 0;
  }

  io_uring_sqe* next_sqe(void* owner, Operation operation) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {  // the queue is full: pass it on in the middle of a turn
      io_uring_submit(&ring_);
      sqe = io_uring_get_sqe(&ring_);
    }
    pending_data_ = reinterpret_cast<uint64_t>(owner) | operation;
    return sqe;
  }

  void arm_accept() {
    io_uring_sqe* sqe = next_sqe(nullptr, kAccept);
    io_uring_prep_multishot_accept(sqe, listener_, nullptr, nullptr, 0);
    io_uring_sqe_set_data64(sqe, pending_data_);
  }

  void arm_signal() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    const int fd = signalfd(-1, &signals, SFD_CLOEXEC);
    io_uring_sqe* sqe = next_sqe(nullptr, kSignal);
    io_uring_prep_read(sqe, fd, &signal_, sizeof(signal_), 0);
    io_uring_sqe_set_data64(sqe, pending_data_);
  }

  void arm_receive(Connection& connection) {
    io_uring_sqe* sqe = next_sqe(&connection, kReceive);
    io_uring_prep_recv_multishot(sqe, connection.fd, nullptr, 0, 0);
    io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
    sqe->buf_group = kGroup;
    io_uring_sqe_set_data64(sqe, pending_data_);
    connection.receiving = true;
  }

  void send_rest(Connection& connection) {
    io_uring_sqe* sqe = next_sqe(&connection, kSend);
    io_uring_prep_send(sqe, connection.fd, connection.flight.data() + connection.sent,
                       connection.flight.size() - connection.sent, MSG_NOSIGNAL | MSG_WAITALL);
    io_uring_sqe_set_data64(sqe, pending_data_);
    connection.sending = true;
  }

  void handle(const io_uring_cqe& cqe) {
    auto* connection = reinterpret_cast<Connection*>(cqe.user_data & ~kOperationMask);
    switch (static_cast<Operation>(cqe.user_data & kOperationMask)) {
      case kAccept:
        return accepted(cqe);
      case kReceive:
        return received(*connection, cqe);
      case kSend:
        return sent(*connection, cqe.res);
      case kSignal:
        stopping_ = true;
        return;
    }
  }

  void accepted(const io_uring_cqe& cqe) {
    if (cqe.res >= 0) {
      arm_receive(*new Connection(cqe.res));
    } else {
      // Out of descriptors: the connection stays queued, and trying at once would spin.
      usleep(1000);
    }
    if (!(cqe.flags & IORING_CQE_F_MORE)) arm_accept();
  }

  void received(Connection& connection, const io_uring_cqe& cqe) {
    if (!(cqe.flags & IORING_CQE_F_MORE)) connection.receiving = false;
    if (cqe.flags & IORING_CQE_F_BUFFER) {
      const unsigned id = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
      if (cqe.res > 0 && !connection.ended) {
        answer(connection, memory_ + size_t{id} * kBufferBytes, static_cast<size_t>(cqe.res));
      }
      give_back(id);
    }
    if (cqe.res == 0 || (cqe.res < 0 && cqe.res != -ENOBUFS)) connection.ended = true;
    // Ended by want of buffers (all come back at the end of this turn) or by a full completion
    // queue.
    if (!connection.receiving && !connection.ended) arm_receive(connection);
    finish(connection);
  }

  // Counts the heads that end in these bytes, also one that began in an earlier receive.
  unsigned count_heads(Connection& connection, const char* data, size_t size) {
    static constexpr std::string_view kEnd = "\r\n\r\n";
    unsigned heads = 0;
    const char* const end = data + size;
    while (connection.matched > 0 && data < end) {  // an ending that is cut across two receives
      const char c = *data++;
      if (c == kEnd[connection.matched]) {
        if (++connection.matched < kEnd.size()) continue;
        ++heads;
        connection.matched = 0;
      } else {
        connection.matched = c == '\r' ? 1 : 0;
      }
    }
    while (data < end) {
      const void* found = memmem(data, static_cast<size_t>(end - data), kEnd.data(), kEnd.size());
      if (found == nullptr) break;
      ++heads;
      data = static_cast<const char*>(found) + kEnd.size();
    }
    const std::string_view rest(data, static_cast<size_t>(end - data));
    if (rest.empty()) return heads;
    for (unsigned length = 3; length > 0; --length) {
      if (rest.ends_with(kEnd.substr(0, length))) {
        connection.matched = length;
        break;
      }
    }
    return heads;
  }

  void answer(Connection& connection, const char* data, size_t size) {
    const unsigned heads = count_heads(connection, data, size);
    if (heads == 0) return;
    std::string& out = connection.sending ? connection.waiting : connection.flight;
    for (unsigned i = 0; i < heads; ++i) out += answer_;
    if (!connection.sending) {
      send_rest(connection);
    } else if (out.size() > kMostUnsent) {
      break_off(connection);
    }
  }

  void sent(Connection& connection, int result) {
    connection.sending = false;
    if (result <= 0) {
      break_off(connection);
    } else if (connection.sent += static_cast<size_t>(result);
               connection.sent < connection.flight.size()) {
      send_rest(connection);
    } else {
      connection.flight.clear();
      connection.sent = 0;
      std::swap(connection.flight, connection.waiting);
      if (!connection.flight.empty()) send_rest(connection);
    }
    finish(connection);
  }

  // Makes what is still in flight on this connection end soon.
  void break_off(Connection& connection) {
    connection.ended = true;
    connection.waiting.clear();
    shutdown(connection.fd, SHUT_RDWR);
  }

  void finish(Connection& connection) {
    if (!connection.ended || connection.receiving || connection.sending) return;
    close(connection.fd);
    delete &connection;
  }

  void give_back(unsigned id) {
    io_uring_buf_ring_add(buffers_, memory_ + size_t{id} * kBufferBytes, kBufferBytes,
                          static_cast<uint16_t>(id), static_cast<int>(kBuffers - 1),
                          static_cast<int>(returned_++));
  }

  // The date has one-second steps, so the whole answer is made once a second.
  void refresh_answer() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec == answer_second_) return;
    answer_second_ = now.tv_sec;
    tm parts{};
    gmtime_r(&now.tv_sec, &parts);
    char date[64];
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    answer_ = std::string("HTTP/1.1 200 OK\r\nDate: ") + date +
              "\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";
  }

  int listener_;
  io_uring ring_{};
  io_uring_buf_ring* buffers_ = nullptr;
  char* memory_ = nullptr;
  unsigned returned_ = 0;  // buffers added to the ring and not published yet
  uint64_t pending_data_ = 0;
  signalfd_siginfo signal_{};
  bool stopping_ = false;
  time_t answer_second_ = 0;
  std::string answer_;
};

int listen_on(uint16_t port, uint16_t& chosen) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket", errno, 4);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // inherited by what is accepted
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof(address);
  if (bind(fd, generic, length) != 0 || listen(fd, 4096) != 0) {
    const std::string where = "127.0.0.1:" + std::to_string(port);
    die(where.c_str(), errno, 2);
  }
  if (getsockname(fd, generic, &length) != 0) die("getsockname", errno, 1);
  chosen = ntohs(address.sin_port);
  return fd;
}

// A number in [0, most], or the end of the program with exit code 2.
unsigned number(const char* option, const char* text, unsigned most) {
  char* end = nullptr;
  errno = 0;
  const unsigned long value = strtoul(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value > most) {
    fprintf(stderr, "floor: %s must be a number from 0 to %u, not '%s'\n", option, most, text);
    exit(2);
  }
  return static_cast<unsigned>(value);
}

}  // namespace

int main(int argc, char** argv) {
  uint16_t port = 0;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    if (i + 1 == argc || (option != "--port" && option != "--cpu")) {
      fprintf(stderr, "usage: floor [--port N] [--cpu N]\n");
      return 2;
    }
    if (option == "--port") {
      port = static_cast<uint16_t>(number(argv[i], argv[i + 1], 65535));
    } else {
      cpu_set_t cpus;
      CPU_ZERO(&cpus);
      CPU_SET(number(argv[i], argv[i + 1], CPU_SETSIZE - 1), &cpus);
      if (sched_setaffinity(0, sizeof(cpus), &cpus) != 0) die("pinning to --cpu", errno, 2);
    }
  }
  uint16_t chosen = 0;
  Floor floor(listen_on(port, chosen));
  printf(
      "{\"listening\":[{\"address\":\"127.0.0.1\",\"port\":%u,\"transport\":\"tcp\",\"protocol\":"
      "\"http\"}]}\n",
      chosen);
  fflush(stdout);
  floor.run();
  _exit(0);  // connections, buffers and the ring go with the process
}
