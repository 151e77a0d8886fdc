#include "harness/simulation/echo_run.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <new>

#include "runtime/driver/waits.hpp"
#include "runtime/net/stream_client.hpp"

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;
using std::chrono::microseconds;

constexpr unsigned kMostLastEvents = 10'000;
constexpr size_t kCrowd = 30;
constexpr uint64_t kLookNs = 100'000;
// When faults end, so that a run comes to its end whatever they were.
constexpr uint64_t kFaultsNs = 20'000'000;

Task<void> receive_into(Stream& stream, Result<Received>& into) {
  into = co_await stream.receive();
}

class EchoRun : private fakes::Event {
 public:
  EchoRun(Simulation& simulation, fakes::Choices& choices, const EchoLoad& load)
      : Event(&look), simulation_(simulation), choices_(choices), load_(load) {
    Runtime& runtime = simulation.runtime();
    runtime.add_protocol("stream", [this](Stream stream) { return echo(std::move(stream)); });
    config::ListenerConfig listener{.protocol = "stream"};
    listener.buffers = {.count = load.buffers, .size = 256};
    runtime.add_listener(listener);
    runtime.on_serving([this](const std::vector<Endpoint>& endpoints) { begin(endpoints); });
    for (size_t i = 0; i < load.tasks.size(); ++i)
      runtime.on_start([this, i]() -> Task<void> { return use_stream(i); });
  }

  // A task for which there is no memory ends the start as well.
  [[nodiscard]] bool served() const { return load_.tasks.empty() ? port_ != 0 : task_began_; }
  void check() {
    // What the last driver sent is still on its way.
    cancel();
    fakes::World& world = simulation_.world();
    for (unsigned i = 0; i < kMostLastEvents && !all_finished() && !world.events.empty(); ++i)
      world.fire_next();
    for (const EchoClient& client : clients_) check(client);
    if (!cut_short() && tasks_ended_ != load_.tasks.size())
      simulation_.falsify("S1: a task that uses a stream did not come to its end");
  }

 private:
  uint32_t choose(uint32_t bound) { return choices_.choose(ChoiceKind::program, bound); }
  [[nodiscard]] bool cut_short() const { return load_.shutdown_after_ns.has_value(); }

  // The server.
  Task<void> echo(Stream stream) {
    StopToken stop = co_await stop_token();
    for (;;) {
      Result<Received> received = fail(ETIMEDOUT);
      if (load_.cancels) {
        // What arrives while the deadline passes is in `received`: nothing may be lost.
        (void)co_await with_deadline(microseconds(5 + choose(40)), receive_into(stream, received));
        if (!received && received.error().code == ECANCELED && !stop.stop_requested()) {
          Sometimes::hit("a receive is cancelled");
          continue;
        }
      } else {
        received = co_await stream.receive();
      }
      if (!received || received->empty()) co_return;
      if (Result<void> sent = co_await stream.send(received->bytes()); !sent) co_return;
    }
  }

  // A client that is a task.
  Task<void> use_stream(size_t number) {
    task_began_ = true;
    try {
      co_await exchange(load_.tasks[number], 1000 + number);
    } catch (const std::bad_alloc&) {
      lost("a task lacks memory");
    }
    ++tasks_ended_;
  }

  Task<void> exchange(const std::vector<uint32_t>& pieces, size_t stream_number) {
    Result<Stream> stream = co_await connect("127.0.0.1", port_);
    if (!stream) {
      if (!cut_short() && !load_.may_lose)
        simulation_.falsify("S8: a task could not connect: " + stream.error().message());
      co_return;
    }
    Sometimes::hit("a task connects");
    size_t done = 0;
    for (uint32_t length : pieces) {
      std::string piece(length, '\0');
      for (size_t i = 0; i < piece.size(); ++i) piece[i] = stream_byte(done + i, stream_number);
      Result<void> sent = co_await stream->send(piece);
      if (!sent) co_return lost("a send of a task failed: " + sent.error().message());
      for (size_t got = 0; got < piece.size();) {
        Result<Received> received = co_await stream->receive();
        if (!received) co_return lost("a receive of a task failed: " + received.error().message());
        if (received->empty())
          co_return lost("a task's stream ended after " + std::to_string(done + got) + " of " +
                         std::to_string(done + piece.size()) + " bytes");
        std::string_view text = received->text();
        if (text != std::string_view(piece).substr(got, text.size()))
          simulation_.falsify("S8: a task's bytes came back wrong at " +
                              std::to_string(done + got));
        got += text.size();
      }
      done += piece.size();
    }
    Sometimes::hit("a task gets its bytes back");
    Simulation::operation_done();
  }

  void lost(const std::string& what) {
    if (!cut_short() && !load_.may_lose) simulation_.falsify("S8: " + what);
  }

  void begin(const std::vector<Endpoint>& endpoints) {
    port_ = endpoints.front().port;
    for (EchoClientOptions client : load_.clients) {
      client.port = port_;
      clients_.emplace_back(simulation_.world(), simulation_.kernel().network(), client);
      clients_.back().start();
    }
    begun_ns_ = simulation_.world().now_ns;
    simulation_.world().events.schedule(*this, begun_ns_ + kLookNs);
  }

  [[nodiscard]] bool all_finished() const {
    return std::all_of(clients_.begin(), clients_.end(),
                       [](const EchoClient& client) { return client.finished(); });
  }

  // Ends the run when all is done, or when it is to be cut short.
  static void look(Event* event) {
    auto* self = static_cast<EchoRun*>(event);
    fakes::World& world = self->simulation_.world();
    if (world.now_ns - self->begun_ns_ > kFaultsNs) world.faults = {};
    bool done = self->tasks_ended_ == self->load_.tasks.size() && self->all_finished();
    bool cut =
        self->cut_short() && world.now_ns - self->begun_ns_ >= *self->load_.shutdown_after_ns;
    if (done || cut) return self->simulation_.shut_down();
    world.events.schedule(*self, world.now_ns + kLookNs);
  }

  void check(const EchoClient& client) {
    const EchoClientStats& stats = client.stats();
    if (!stats.wrong.empty()) simulation_.falsify("S8: " + stats.wrong);
    if (!client.finished()) simulation_.falsify("S12: a client still waits for its bytes");
    if (stats.broke_off) Sometimes::hit("a client breaks off");
    if (stats.half_closed && stats.whole) Sometimes::hit("a half-closed stream comes back whole");
    if (stats.reset) Sometimes::hit("a connection is reset");
    if (cut_short() || load_.may_lose || stats.broke_off || stats.whole) return;
    simulation_.falsify("S8: of the " + std::to_string(client.options().length) +
                        " bytes of stream " + std::to_string(client.options().stream) + ", " +
                        std::to_string(stats.sent) + " sent, " + std::to_string(stats.received) +
                        " came back, then " +
                        (stats.reset       ? "a reset"
                         : stats.connected ? "the end"
                                           : "a refusal"));
  }

  Simulation& simulation_;
  fakes::Choices& choices_;
  const EchoLoad load_;
  size_t tasks_ended_ = 0;
  bool task_began_ = false;
  uint64_t begun_ns_ = 0;
  uint16_t port_ = 0;
  std::deque<EchoClient> clients_;
};

}  // namespace

EchoLoad choose_load(fakes::Choices& choices) {
  auto choose = [&](uint32_t bound) { return choices.choose(ChoiceKind::program, bound); };
  EchoLoad load;
  // Now and then a crowd, whose completions fill a CQ.
  bool crowd = choices.one_in(ChoiceKind::program, 8);
  load.clients.resize(crowd ? kCrowd : 1 + choose(3));
  for (EchoClientOptions& client : load.clients) {
    client.stream = static_cast<size_t>(&client - load.clients.data());
    client.length = choose(4) == 0 ? 0 : choose(crowd ? 1'000 : 5'000);
    client.first_ns = crowd ? 0 : 1'000 * choose(100);
    client.slow = choices.one_in(ChoiceKind::program, 3);
    client.may_break = choices.one_in(ChoiceKind::program, 3);
  }
  load.tasks.resize(choose(3));
  for (std::vector<uint32_t>& pieces : load.tasks) {
    pieces.resize(1 + choose(4));
    for (uint32_t& length : pieces) length = 1 + choose(900);
  }
  load.buffers = crowd ? 64 : choices.one_in(ChoiceKind::program, 3) ? 2 : 16;
  return load;
}

std::string print(const EchoLoad& load) {
  std::string text;
  for (const EchoClientOptions& client : load.clients) {
    text += "client " + std::to_string(client.stream) + ": " + std::to_string(client.length) +
            " bytes from " + std::to_string(client.first_ns / 1000) + " us on" +
            (client.slow ? ", slow" : "") + (client.may_break ? ", may break off" : "") + "\n";
  }
  for (const std::vector<uint32_t>& pieces : load.tasks) {
    text += "task that connects:";
    for (uint32_t length : pieces) text += " " + std::to_string(length);
    text += "\n";
  }
  text += std::to_string(load.buffers) + " buffers" +
          (load.cancels ? ", receives are cancelled" : "") +
          (load.may_lose ? ", connections may be lost" : "");
  if (load.shutdown_after_ns)
    text += ", shutdown after " + std::to_string(*load.shutdown_after_ns / 1000) + " us";
  return text + "\n";
}

CaseResult run_streams(fakes::Choices& choices, const CaseOptions& options, Shape shape,
                       const EchoLoad& load) {
  shape.simulation.kernel.network.send_buffer_bytes = 4096;
  shape.simulation.kernel.network.receive_buffer_bytes = 4096;
  Simulation simulation(choices, shape.simulation, shape.runtime);
  keep_trace(simulation, choices, options);
  uint64_t begun_ns = simulation.world().now_ns;
  auto run = std::make_unique<EchoRun>(simulation, choices, load);
  Result<void> ran = simulation.run();
  bool failed_start = !ran && !run->served() && load.may_fail;
  if (load.may_fail)
    Sometimes::hit(failed_start ? "a start fails" : "a fault strikes a run that serves");
  if (!ran && !failed_start) simulation.falsify("S12: the run failed: " + ran.error().message());
  if (simulation.ended() && ran) run->check();
  CaseResult result = result_of(simulation, shape, choices, begun_ns);
  result.program = print(load);
  if (!simulation.ended()) static_cast<void>(run.release());  // Its tasks live on.
  return result;
}

}  // namespace gatio::harness
