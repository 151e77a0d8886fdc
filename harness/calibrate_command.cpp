#include "harness/calibrate_command.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <liburing.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "harness/exit_code.hpp"
#include "harness/output_file.hpp"
#include "runtime/kernel/environment.hpp"
#include "runtime/kernel/linux_kernel.hpp"

namespace gatio::harness {
namespace {

constexpr unsigned kRounds = 21;        // of which the median counts
constexpr unsigned kOperations = 2000;  // in a round
constexpr unsigned kBatch = 64;
constexpr size_t kLargeBytes = 16 * 1024;
constexpr int kMostSeconds = 1;  // without any completion; they take microseconds

struct CostKey {
  const char* name;
  uint64_t fakes::Costs::*member;
};
constexpr CostKey kKeys[] = {
    {"turn_ns", &fakes::Costs::turn_ns},       {"enter_ns", &fakes::Costs::enter_ns},
    {"sqe_ns", &fakes::Costs::sqe_ns},         {"cqe_ns", &fakes::Costs::cqe_ns},
    {"receive_ns", &fakes::Costs::receive_ns}, {"send_ns", &fakes::Costs::send_ns},
    {"accept_ns", &fakes::Costs::accept_ns},   {"copy_ns_per_kib", &fakes::Costs::copy_ns_per_kib},
    {"wake_ns", &fakes::Costs::wake_ns},       {"message_ns", &fakes::Costs::message_ns}};

std::unexpected<Error> failed(int error, const char* what) {
  const char* name = strerrorname_np(error);
  return fail(error, fmt::format("{} failed: {} ({})", what, strerror(error),
                                 name != nullptr ? name : std::to_string(error)));
}

// A ring as the runtime sets it up, and a way to have a few operations done.
class CalibrationRing {
 public:
  explicit CalibrationRing(Kernel& kernel) : kernel_(kernel) {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                   IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP |
                   IORING_SETUP_CQSIZE;
    params.cq_entries = 1024;
    error_ = kernel.ring_setup(256, params, ring_);
  }
  ~CalibrationRing() {
    if (error_ == 0) kernel_.ring_close(ring_);
  }
  CalibrationRing(const CalibrationRing&) = delete;
  [[nodiscard]] int error() const { return error_; }
  [[nodiscard]] int fd() const { return ring_.ring_fd; }

  io_uring_sqe* sqe() { return io_uring_get_sqe(&ring_); }
  // Submits what was prepared and waits for `count` completions, none of which may be a failure;
  // the result of the last. The error says that `what` failed.
  Result<int> finish(unsigned count, const char* what) {
    io_uring_smp_store_release(ring_.sq.ktail, ring_.sq.sqe_tail);
    ring_.sq.sqe_head = ring_.sq.sqe_tail;
    __kernel_timespec limit{.tv_sec = kMostSeconds, .tv_nsec = 0};
    io_uring_getevents_arg argument{};
    argument.ts = reinterpret_cast<uint64_t>(&limit);
    int result = 0;
    for (unsigned seen = 0; seen < count;) {
      int entered = kernel_.ring_enter(ring_, io_uring_sq_ready(&ring_), 1,
                                       IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &argument,
                                       sizeof argument);
      if (entered < 0 && entered != -EINTR) return failed(-entered, what);
      unsigned head = 0;
      unsigned came = 0;
      io_uring_cqe* cqe = nullptr;
      io_uring_for_each_cqe(&ring_, head, cqe) {
        ++came;
        if (result >= 0) result = cqe->res;
      }
      io_uring_cq_advance(&ring_, came);
      if (result < 0) return failed(-result, what);
      seen += came;
    }
    return result;
  }

 private:
  Kernel& kernel_;
  io_uring ring_{};
  int error_ = 0;
};

// Median CPU ns of one call of `operation`.
Result<double> cpu_ns_of(Kernel& kernel, unsigned times,
                         const std::function<Result<void>()>& operation) {
  std::vector<double> rounds;
  for (unsigned round = 0; round < kRounds; ++round) {
    uint64_t before_ns = kernel.cpu_ns();
    for (unsigned i = 0; i < times; ++i) {
      if (Result<void> done = operation(); !done) return Error(done.error());
    }
    rounds.push_back(static_cast<double>(kernel.cpu_ns() - before_ns) / times);
  }
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  return rounds[kRounds / 2];
}

uint64_t positive(double ns) {
  return ns > 0 ? static_cast<uint64_t>(ns + 0.5) : 0;
}

class Socket {
 public:
  Socket(Kernel& kernel, int fd) : kernel_(kernel), fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) kernel_.close(fd_);
  }
  Socket(Socket&& other) noexcept : kernel_(other.kernel_), fd_(std::exchange(other.fd_, -1)) {}
  [[nodiscard]] int fd() const { return fd_; }

 private:
  Kernel& kernel_;
  int fd_;
};

Result<Socket> make_socket(Kernel& kernel) {
  int fd = kernel.socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed(-fd, "making a socket");
  return Socket(kernel, fd);
}

// Two ends of a TCP connection over the loopback.
struct Pair {
  Socket client;
  Socket server;
};

Result<Pair> connect_pair(Kernel& kernel, CalibrationRing& ring, const Socket& listener) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (int error = kernel.getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &size);
      error < 0)
    return failed(-error, "asking a socket for its address");
  Result<Socket> client = make_socket(kernel);
  if (!client) return Error(client.error());
  io_uring_prep_connect(ring.sqe(), client->fd(), reinterpret_cast<sockaddr*>(&address), size);
  if (auto connected = ring.finish(1, "connecting over the loopback"); !connected)
    return Error(connected.error());
  io_uring_prep_accept(ring.sqe(), listener.fd(), nullptr, nullptr, 0);
  Result<int> accepted = ring.finish(1, "accepting over the loopback");
  if (!accepted) return Error(accepted.error());
  return Pair{std::move(*client), Socket(kernel, *accepted)};
}

Result<void> measure_rings(Kernel& kernel, CalibrationRing& ring, fakes::Costs& costs) {
  auto nops = [&ring](unsigned count) -> Result<void> {
    for (unsigned i = 0; i < count; ++i) io_uring_prep_nop(ring.sqe());
    if (auto done = ring.finish(count, "a nop"); !done) return Error(done.error());
    return {};
  };
  Result<double> one = cpu_ns_of(kernel, kOperations, [&] { return nops(1); });
  if (!one) return Error(one.error());
  Result<double> batch = cpu_ns_of(kernel, kOperations / kBatch, [&] { return nops(kBatch); });
  if (!batch) return Error(batch.error());
  double each = (*batch - *one) / (kBatch - 1);
  // A CQE is a few stores of the kernel's and a few loads of ours; the SQE is the rest.
  costs.cqe_ns = positive(each / 4);
  costs.sqe_ns = positive(each * 3 / 4);
  costs.enter_ns = positive(*one - each);
  Result<double> message = cpu_ns_of(kernel, kOperations, [&]() -> Result<void> {
    io_uring_prep_msg_ring(ring.sqe(), ring.fd(), 0, 1, 0);
    if (auto sent = ring.finish(2, "a message to the ring itself"); !sent)
      return Error(sent.error());
    return {};
  });
  if (!message) return Error(message.error());
  costs.message_ns = positive(*message - *one);
  return {};
}

// Sends and receives over a connection, so many bytes at a time.
class Transfer {
 public:
  Transfer(CalibrationRing& ring, const Pair& pair) : ring_(ring), pair_(pair) {}
  Result<void> send(size_t size) {
    io_uring_prep_send(ring_.sqe(), pair_.client.fd(), bytes_.data(), size, MSG_WAITALL);
    return whole(ring_.finish(1, "sending over the loopback"), size);
  }
  Result<void> receive(size_t size) {
    io_uring_prep_recv(ring_.sqe(), pair_.server.fd(), bytes_.data(), size, MSG_WAITALL);
    return whole(ring_.finish(1, "receiving over the loopback"), size);
  }
  Result<void> both(size_t size) {
    if (Result<void> sent = send(size); !sent) return sent;
    return receive(size);
  }

 private:
  static Result<void> whole(const Result<int>& moved, size_t size) {
    if (!moved) return Error(moved.error());
    if (static_cast<size_t>(*moved) != size)
      return fail(EIO, fmt::format("of {} bytes only {} went over the loopback", size, *moved));
    return {};
  }
  CalibrationRing& ring_;
  const Pair& pair_;
  std::vector<char> bytes_ = std::vector<char>(kLargeBytes);
};

Result<Socket> listen_on_loopback(Kernel& kernel) {
  Result<Socket> listener = make_socket(kernel);
  if (!listener) return listener;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int error = kernel.bind(listener->fd(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  if (error == 0) error = kernel.listen(listener->fd(), 16);
  if (error < 0) return failed(-error, "listening on the loopback");
  return listener;
}

Result<void> measure_sockets(Kernel& kernel, CalibrationRing& ring, fakes::Costs& costs) {
  Result<Socket> listener = listen_on_loopback(kernel);
  if (!listener) return Error(listener.error());
  Result<Pair> pair = connect_pair(kernel, ring, *listener);
  if (!pair) return Error(pair.error());
  Transfer transfer(ring, *pair);
  auto ring_ns = static_cast<double>(costs.enter_ns + costs.sqe_ns + costs.cqe_ns);
  auto small_both = cpu_ns_of(kernel, kOperations, [&] { return transfer.both(64); });
  if (!small_both) return Error(small_both.error());
  auto small_send = cpu_ns_of(kernel, kOperations / 8, [&] { return transfer.send(64); });
  if (!small_send) return Error(small_send.error());
  // What the sends alone have left in the socket.
  for (unsigned i = 0; i < kRounds * (kOperations / 8); ++i) {
    if (Result<void> received = transfer.receive(64); !received) return received;
  }
  auto large_both = cpu_ns_of(kernel, kOperations / 8, [&] { return transfer.both(kLargeBytes); });
  if (!large_both) return Error(large_both.error());
  costs.send_ns = positive(*small_send - ring_ns);
  costs.receive_ns = positive(*small_both - *small_send - ring_ns);
  // Both ends copy.
  costs.copy_ns_per_kib = positive((*large_both - *small_both) / 2 / (kLargeBytes / 1024.0));
  auto connection = cpu_ns_of(kernel, 20, [&]() -> Result<void> {
    if (auto another = connect_pair(kernel, ring, *listener); !another)
      return Error(another.error());
    return {};
  });
  if (!connection) return Error(connection.error());
  // Connecting, accepting and two closes; a server does about half of that.
  costs.accept_ns = positive(*connection / 2 - ring_ns);
  return {};
}

int complain(int code, const std::string& sentence) {
  fmt::print(stderr, "gatio calibrate: {}\n", sentence);
  return code;
}

}  // namespace

std::string costs_json(const fakes::Costs& costs) {
  nlohmann::ordered_json json;
  for (const CostKey& key : kKeys) json[key.name] = costs.*key.member;
  return json.dump(2) + "\n";
}

Result<fakes::Costs> load_costs(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(ENOENT, fmt::format("{}: cannot be read: {}", path, strerror(errno)));
  nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object())
    return fail(EINVAL,
                fmt::format("{}: is no JSON object; gatio calibrate --out makes one", path));
  fakes::Costs costs;
  for (const auto& [name, value] : json.items()) {
    auto key = std::ranges::find_if(kKeys, [&](const CostKey& each) { return name == each.name; });
    if (key == std::end(kKeys))
      return fail(EINVAL, fmt::format("{}: {}: there is no such cost", path, name));
    if (!value.is_number_unsigned())
      return fail(EINVAL, fmt::format("{}: {}: is no whole number of ns from 0", path, name));
    costs.*key->member = value.get<uint64_t>();
  }
  return costs;
}

Result<fakes::Costs> measure_costs(Kernel& kernel) {
  CalibrationRing ring(kernel);
  if (ring.error() < 0) return failed(-ring.error(), "setting up a ring");
  fakes::Costs costs;  // What a loop in one thread cannot show keeps its value: turn and wake.
  if (Result<void> measured = measure_rings(kernel, ring, costs); !measured)
    return Error(measured.error());
  if (Result<void> measured = measure_sockets(kernel, ring, costs); !measured)
    return Error(measured.error());
  return costs;
}

int calibrate_command(const CalibrateOptions& options) {
  if (std::string problem = problem_of_output(options.out, "costs.json"); !problem.empty())
    return complain(kBadInput, fmt::format("--out {}: {}", options.out, problem));
  LinuxKernel kernel;
  Environment environment = inspect(kernel);
  if (environment.fatal()) return complain(kLacking, environment.fatal_text());
  Result<fakes::Costs> costs = measure_costs(kernel);
  if (!costs) return complain(kLacking, costs.error().message());
  std::string json = costs_json(*costs);
  fmt::print("{}", json);
  if (options.out.empty()) return kFine;
  std::ofstream out(options.out);
  out << json << std::flush;
  if (!out)
    return complain(kBadInput,
                    fmt::format("--out {}: cannot write there: {}", options.out, strerror(errno)));
  return kFine;
}

}  // namespace gatio::harness
