#include "runtime/runtime.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <thread>

#include "runtime/driver/signals.hpp"
#include "runtime/kernel/features.hpp"
#include "runtime/net/sockets.hpp"
#include "runtime/task/scope.hpp"

namespace gatio {

namespace {

std::string join_list(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

// In front of an error about a listener: where it was declared, and which port it is.
std::string place(const config::ListenerConfig& listener) {
  std::string declared = listener.declared.text();
  return (declared.empty() ? "" : declared + ": ") +
         config::endpoint(listener.address, listener.port, listener.transport) + ": ";
}

}  // namespace

Runtime::Runtime(Kernel& kernel, RuntimeOptions options)
    : kernel_(kernel), options_(std::move(options)) {}

Runtime::~Runtime() {
  take_down();
}

// Services before the drivers that they lie on, drivers before the heaps that the TPCs own.
void Runtime::take_down() {
  lifecycle_.reset();
  listeners_.clear();
  clients_.clear();
  tpcs_.clear();
  endpoints_.clear();
  built_ = false;
}

Result<void> Runtime::build() {
  if (built_) return {};
  for (auto step :
       {&Runtime::build_layout, &Runtime::build_plan, &Runtime::build_tpcs, &Runtime::bind_ports}) {
    if (Result<void> done = (this->*step)(); !done) {
      take_down();
      return done;
    }
  }
  built_ = true;
  return {};
}

Result<void> Runtime::build_layout() {
  const config::RuntimeConfig& config = options_.config;
  Result<Topology> topology =
      config.topology == "this" ? kernel_.topology() : load_topology(config.topology);
  if (!topology) return Error(topology.error());
  Result<Layout> its_layout = gatio::layout(*topology, LayoutOptions{config.tpcs, options_.cpus});
  if (!its_layout) return Error(its_layout.error());
  layout_ = std::move(*its_layout);
  return {};
}

Result<void> Runtime::build_plan() {
  std::expected<PortPlan, std::vector<Conflict>> planned =
      plan_ports(options_.config.listeners, layout_);
  if (!planned) {
    std::string text;
    for (const Conflict& conflict : planned.error())
      text += (text.empty() ? "" : "\n") + conflict.sentence;
    return fail(EINVAL, std::move(text));
  }
  plan_ = std::move(*planned);
  for (const PlannedPort& port : plan_.ports) {
    if (Result<Protocol> protocol = protocol_of(port.config); !protocol)
      return Error(protocol.error());
  }
  return {};
}

Result<Protocol> Runtime::protocol_of(const config::ListenerConfig& listener) const {
  auto where = [&] { return place(listener); };
  if (listener.transport == config::Transport::udp) {
    return fail(EPROTONOSUPPORT,
                where() + "this version serves TCP only; a UDP listener can be checked, not run");
  }
  if (listener.protocol == "http") {
    auto handler = handlers_.find(listener.handler);
    if (handler != handlers_.end()) return Protocol{.http = &handler->second};
    std::vector<std::string> known;
    for (const auto& [name, ignored] : handlers_) known.push_back(name);
    return fail(EINVAL, where() + "no handler is named '" + listener.handler +
                            "' (known: " + join_list(known) + ")");
  }
  auto protocol = protocols_.find(listener.protocol);
  if (protocol != protocols_.end()) return Protocol{.stream = &protocol->second};
  std::vector<std::string> known = {"http"};
  for (const auto& [name, ignored] : protocols_) known.push_back(name);
  return fail(EINVAL, where() + "no protocol is named '" + listener.protocol +
                          "' (known: " + join_list(known) + ")");
}

Result<void> Runtime::build_tpcs() {
  const config::RuntimeConfig& config = options_.config;
  Result<Policy> policy = parse_policy(config.placement);
  if (!policy) return Error(policy.error());
  Result<Features> without = parse_features(join_list(config.without));
  if (!without) return Error(without.error());
  TpcOptions options{.placement = *policy,
                     .heap_bytes = size_t{config.heap_mb} << 20,
                     .spin_ns = uint64_t{config.spin_us} * 1000,
                     .ring = {.sq_entries = config.sq_entries,
                              .cq_entries = config.cq_entries,
                              .without = *without},
                     .seed = 1};
  for (const TpcLayout& place : layout_.tpcs)
    tpcs_.push_back(std::make_unique<Tpc>(kernel_, place, options));
  uint64_t drain_ms = 0;
  for (const PlannedPort& port : plan_.ports)
    drain_ms = std::max<uint64_t>(drain_ms, port.config.timeouts.drain_ms);
  if (plan_.ports.empty()) drain_ms = config::Timeouts{}.drain_ms;
  lifecycle_ = std::make_unique<Lifecycle>(Lifecycle::Options{
      .drain_ns = drain_ms * 1'000'000, .on_serving = [this] { return begin_serving(); }});
  connect_drivers();
  if (lifecycle_->members().empty())
    return fail(EINVAL, "the configuration asks for no driver at all");
  return {};
}

void Runtime::connect_drivers() {
  for (auto& tpc : tpcs_) {
    if (!tpc->executes() && tpc->layout().nearest_exec) {
      Driver* nearest = driver(*tpc->layout().nearest_exec);
      for (auto& other : tpcs_) {
        if (other->layout().position == nearest->options().tpc) tpc->set_fallback(other.get());
      }
    }
    auto& drivers = tpc->drivers();
    unsigned next_io = 0;
    std::vector<Driver*> io_drivers;
    for (auto& each : drivers) {
      if (config::does_io(each->options().role)) io_drivers.push_back(each.get());
    }
    for (auto& each : drivers) {
      const DriverLayout& place = tpc->layout().drivers[each->options().index];
      Driver* io = nullptr;
      if (config::does_io(place.role)) {
        io = each.get();
      } else if (place.partner && config::does_io(drivers[*place.partner]->options().role)) {
        io = drivers[*place.partner].get();
      } else if (!io_drivers.empty()) {
        io = io_drivers[next_io++ % io_drivers.size()];
      } else if (tpc->layout().nearest_io) {
        io = driver(*tpc->layout().nearest_io);
      }
      each->set_peers(tpc.get(), io, layout_.driver_count() > 1);
      Lifecycle::Member& member = lifecycle_->add(*each);
      if (!config::does_io(place.role)) continue;
      clients_.push_back(std::make_unique<StreamClient>(*each, 0));
      each->client = clients_.back().get();
      member.add_service(*clients_.back());
    }
  }
}

Driver* Runtime::driver(DriverName name) {
  for (auto& tpc : tpcs_) {
    for (auto& each : tpc->drivers()) {
      if (tpc->layout().os_index == name.node && each->options().index == name.index)
        return each.get();
    }
  }
  return nullptr;
}

Result<void> Runtime::bind_ports() {
  uint16_t buffer_group = 1;  // 0 is the clients'
  for (const PlannedPort& port : plan_.ports) {
    Result<Protocol> protocol = protocol_of(port.config);
    Result<BoundSockets> bound = bind_port(kernel_, port.config, port.members);
    if (!bound) return fail(bound.error().code, place(port.config) + bound.error().message());
    config::ListenerConfig config = port.config;
    config.port = bound->port;
    if (Result<void> same = prove_identical(port, *bound); !same) {
      for (int fd : bound->fds) kernel_.close(fd);
      return same;
    }
    for (size_t i = 0; i < port.members.size(); ++i) {
      Driver* its_driver = driver(port.members[i]);
      listeners_.push_back(std::make_unique<Listener>(*its_driver, buffer_group, port, config.port,
                                                      bound->fds[i], *protocol));
      for (auto& member : lifecycle_->members()) {
        if (&member->driver() == its_driver) member->add_service(*listeners_.back());
      }
    }
    endpoints_.push_back({config.address, config.port, config.transport, config.protocol});
    ++buffer_group;
  }
  return {};
}

// The start-up proof that all drivers of a port agree, by what the kernel says of their sockets.
Result<void> Runtime::prove_identical(const PlannedPort& port, const BoundSockets& bound) {
  std::optional<CanonicalConfig> first;
  for (size_t i = 0; i < bound.fds.size(); ++i) {
    Result<CanonicalConfig> read = read_back(kernel_, bound.fds[i]);
    if (!read) return fail(read.error().code, port.name() + ": " + read.error().message());
    if (!first) first = *read;
    std::string text;
    for (const Difference& each : differences(*first, *read)) {
      text +=
          (text.empty() ? "" : ", ") + each.field + " " + each.first + " against " + each.second;
    }
    if (text.empty()) continue;
    return fail(EINVAL, port.name() + ": the sockets of driver " + port.members.front().text() +
                            " and driver " + port.members[i].text() + " differ: " + text);
  }
  return {};
}

Driver* Runtime::first_executing_driver() {
  for (auto& tpc : tpcs_) {
    for (auto& each : tpc->drivers()) {
      if (each->executes()) return each.get();
    }
  }
  return nullptr;
}

// On the leader's driver, once everybody serves.
Result<void> Runtime::begin_serving() {
  if (on_serving_) on_serving_(endpoints_);
  Driver* target = first_executing_driver();
  if (target == nullptr) {
    return fail(EINVAL, "no driver may execute tasks: give a TPC an exec or both driver");
  }
  if (!options_.stop_signals.empty()) {
    Result<void> spawned = spawn_detached_on(
        *target, [this] { return made_or_given_up(watch_signals()); }, Priority::high);
    if (!spawned) return spawned;
  }
  for (auto& task : start_tasks_) {
    Result<void> spawned =
        spawn_detached_on(*target, [this, &task] { return made_or_given_up(task()); });
    if (!spawned) return spawned;
  }
  return {};
}

// On the driver that runs the task. Without its start-up tasks the runtime does not do what it was
// started for: the run ends with the error.
Task<void> Runtime::made_or_given_up(Task<void> task) {
  if (!task) {
    lifecycle_->give_up(
        Error{ENOMEM, "driver " + Driver::current()->name() +
                          ": the heap's quota is exhausted: no memory for the frame of a task that "
                          "was to run from the start; raise heap_mb"});
  }
  return task;
}

Task<void> Runtime::watch_signals() {
  Result<SignalStream> signals = SignalStream::open(options_.stop_signals);
  if (!signals) {
    std::fprintf(stderr, "gatio: %s; shutting down\n", signals.error().message().c_str());
    shutdown();
    co_return;
  }
  if (Result<int> signal = co_await signals->next(); signal) shutdown();
}

Result<void> Runtime::run() {
  if (Result<void> done = build(); !done) return done;
  // Blocked before the threads start, which inherit it: the signals are read from a descriptor.
  sigset_t set;
  sigset_t before;
  sigemptyset(&set);
  for (int signal : options_.stop_signals) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, &before);
  Result<void> threads = run_threads();
  // A signal that was repeated during the drain has been obeyed by now: delivered after all, it
  // would kill the program before it can report.
  const timespec at_once{};
  while (!options_.stop_signals.empty() && sigtimedwait(&set, nullptr, &at_once) > 0) {
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!threads) return threads;
  return lifecycle_->outcome();
}

// All or none: the drivers wait behind a gate until every one of them has its thread.
Result<void> Runtime::run_threads() {
  enum Gate : int { closed, go, give_up };
  // Release of the opening pairs with the acquire of each thread that waits for it.
  std::atomic<int> gate{closed};
  std::vector<std::thread> threads;
  Result<void> started;
  for (auto& member : lifecycle_->members()) {
    try {
      threads.emplace_back([this, &member, &gate] {
        gate.wait(closed, std::memory_order_acquire);
        if (gate.load(std::memory_order_acquire) == give_up) return;
        while (member->step()) {
        }
        member->driver().note_cpu_ns(kernel_.cpu_ns());
      });
    } catch (const std::system_error& error) {
      started = fail(
          EAGAIN,
          "cannot start a thread for each driver: raise the limit of processes (ulimit -u) or ask "
          "for fewer drivers");
      break;
    }
  }
  gate.store(started ? go : give_up, std::memory_order_release);
  gate.notify_all();
  for (std::thread& thread : threads) thread.join();
  return started;
}

Metrics Runtime::metrics() const {
  Metrics all;
  for (const auto& tpc : tpcs_) {
    for (const auto& each : tpc->drivers()) {
      const DriverStats& stats = each->stats();
      const RingStats& ring = each->ring().stats();
      DriverMetrics driver{.tpc = each->options().tpc,
                           .driver = each->options().index,
                           .role = each->options().role,
                           .cpu = each->options().cpu,
                           .node = each->options().node,
                           .tasks = each->resumptions(),
                           .sqes = ring.sqes,
                           .io_sqes = ring.sqes - std::min(ring.sqes, ring.wake_sqes),
                           .enters = ring.enters,
                           .cqes = ring.cqes,
                           .handoffs = stats.handoffs,
                           .parks = stats.parks,
                           .wakes = stats.wakes,
                           .cq_overflow = ring.cq_overflow_events,
                           .spin_ns = stats.spins_ns,
                           .allocations = each->pool().allocations(),
                           .cpu_ns = stats.cpu_ns};
      all.uncaught += stats.uncaught;
      all.cut_off_tasks += stats.cut_off_tasks;
      for (const auto& listener : listeners_) {
        if (&listener->driver() != each.get()) continue;
        const HostStats& host = listener->stats();
        driver.requests += host.requests;
        driver.enobufs += host.enobufs;
        all.answers += host.answers;
        all.bad_requests += host.bad_requests;
        all.failed_handlers += host.failed_handlers;
        all.connections += host.accepted;
        all.refused += host.refused;
        all.accept_errors += host.accept_errors;
        all.resets += host.resets;
        all.timeouts += host.timeouts;
        all.cut_off += host.cut_off;
      }
      all.requests += driver.requests;
      all.drivers.push_back(driver);
    }
  }
  return all;
}

}  // namespace gatio
