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
#include <sstream>
#include <vector>

#include "harness/exit_code.hpp"
#include "runtime/kernel/environment.hpp"
#include "runtime/kernel/linux_kernel.hpp"

namespace gatio::harness {
namespace {

constexpr unsigned kRounds = 21;        // of which the median counts
constexpr unsigned kOperations = 2000;  // in a round
constexpr unsigned kBatch = 64;
constexpr size_t kLargeBytes = 16 * 1024;

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
  // Submits what was prepared and waits for `count` completions; the result of the last.
  int finish(unsigned count) {
    unsigned submit = ring_.sq.sqe_tail - ring_.sq.sqe_head;
    io_uring_smp_store_release(ring_.sq.ktail, ring_.sq.sqe_tail);
    ring_.sq.sqe_head = ring_.sq.sqe_tail;
    int entered = kernel_.ring_enter(ring_, submit, count, IORING_ENTER_GETEVENTS, nullptr, 0);
    if (entered < 0) return entered;
    int result = 0;
    unsigned head = 0;
    unsigned seen = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      result = cqe->res;
      ++seen;
    }
    io_uring_cq_advance(&ring_, seen);
    return result;
  }

 private:
  Kernel& kernel_;
  io_uring ring_{};
  int error_ = 0;
};

// Median CPU ns of one call of `operation`.
double cpu_ns_of(Kernel& kernel, unsigned times, const std::function<void()>& operation) {
  std::vector<double> rounds;
  for (unsigned round = 0; round < kRounds; ++round) {
    uint64_t before_ns = kernel.cpu_ns();
    for (unsigned i = 0; i < times; ++i) operation();
    rounds.push_back(static_cast<double>(kernel.cpu_ns() - before_ns) / times);
  }
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  return rounds[kRounds / 2];
}

uint64_t positive(double ns) {
  return ns > 0 ? static_cast<uint64_t>(ns + 0.5) : 0;
}

// Two ends of a TCP connection over the loopback.
struct Pair {
  int client = -1;
  int server = -1;
};

Result<Pair> connect_pair(Kernel& kernel, CalibrationRing& ring, int listener) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  kernel.getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  Pair pair;
  pair.client = kernel.socket(AF_INET, SOCK_STREAM, 0);
  if (pair.client < 0) return fail(-pair.client, "cannot make a socket");
  io_uring_prep_connect(ring.sqe(), pair.client, reinterpret_cast<sockaddr*>(&address), size);
  if (int error = ring.finish(1); error < 0)
    return fail(-error, "cannot connect over the loopback");
  io_uring_prep_accept(ring.sqe(), listener, nullptr, nullptr, 0);
  pair.server = ring.finish(1);
  if (pair.server < 0) return fail(-pair.server, "cannot accept over the loopback");
  return pair;
}

void measure_rings(Kernel& kernel, CalibrationRing& ring, fakes::Costs& costs) {
  auto nops = [&ring](unsigned count) {
    for (unsigned i = 0; i < count; ++i) io_uring_prep_nop(ring.sqe());
    ring.finish(count);
  };
  double one = cpu_ns_of(kernel, kOperations, [&] { nops(1); });
  double batch = cpu_ns_of(kernel, kOperations / kBatch, [&] { nops(kBatch); });
  double each = (batch - one) / (kBatch - 1);
  // A CQE is a few stores of the kernel's and a few loads of ours; the SQE is the rest.
  costs.cqe_ns = positive(each / 4);
  costs.sqe_ns = positive(each * 3 / 4);
  costs.enter_ns = positive(one - each);
  double message = cpu_ns_of(kernel, kOperations, [&] {
    io_uring_prep_msg_ring(ring.sqe(), ring.fd(), 0, 1, 0);
    ring.finish(2);
  });
  costs.message_ns = positive(message - one);
}

Result<void> measure_sockets(Kernel& kernel, CalibrationRing& ring, fakes::Costs& costs) {
  int listener = kernel.socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (listener < 0) return fail(-listener, "cannot make a socket");
  int error = kernel.bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address);
  if (error == 0) error = kernel.listen(listener, 16);
  if (error < 0) return fail(-error, "cannot listen on the loopback");
  Result<Pair> pair = connect_pair(kernel, ring, listener);
  if (!pair) return Error(pair.error());
  std::vector<char> bytes(kLargeBytes);
  auto send = [&](size_t size) {
    io_uring_prep_send(ring.sqe(), pair->client, bytes.data(), size, MSG_WAITALL);
    ring.finish(1);
  };
  auto receive = [&](size_t size) {
    io_uring_prep_recv(ring.sqe(), pair->server, bytes.data(), size, MSG_WAITALL);
    ring.finish(1);
  };
  double ring_ns = static_cast<double>(costs.enter_ns + costs.sqe_ns + costs.cqe_ns);
  double small_both = cpu_ns_of(kernel, kOperations, [&] { send(64), receive(64); });
  double small_send = cpu_ns_of(kernel, kOperations / 8, [&] { send(64); });
  // What the sends alone have left in the socket.
  for (unsigned i = 0; i < kRounds * (kOperations / 8); ++i) receive(64);
  double large_both =
      cpu_ns_of(kernel, kOperations / 8, [&] { send(kLargeBytes), receive(kLargeBytes); });
  costs.send_ns = positive(small_send - ring_ns);
  costs.receive_ns = positive(small_both - small_send - ring_ns);
  // Both ends copy.
  costs.copy_ns_per_kib = positive((large_both - small_both) / 2 / (kLargeBytes / 1024.0));
  double connection = cpu_ns_of(kernel, 20, [&] {
    Result<Pair> another = connect_pair(kernel, ring, listener);
    if (!another) return;
    kernel.close(another->client);
    kernel.close(another->server);
  });
  // Connecting, accepting and two closes; a server does about half of that.
  costs.accept_ns = positive(connection / 2 - ring_ns);
  for (int fd : {pair->client, pair->server, listener}) kernel.close(fd);
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

int calibrate_command(const CalibrateOptions& options) {
  LinuxKernel kernel;
  Environment environment = inspect(kernel);
  if (environment.fatal()) return complain(kLacking, environment.fatal_text());
  CalibrationRing ring(kernel);
  if (ring.error() < 0)
    return complain(kLacking, fmt::format("cannot set up a ring: {}", strerror(-ring.error())));
  fakes::Costs costs;  // What a loop in one thread cannot show keeps its value: turn and wake.
  measure_rings(kernel, ring, costs);
  if (Result<void> measured = measure_sockets(kernel, ring, costs); !measured)
    return complain(kLacking, measured.error().message());
  std::string json = costs_json(costs);
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
