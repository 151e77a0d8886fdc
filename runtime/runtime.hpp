// The runtime: builds the TPCs that a configuration asks for, binds its ports, runs its drivers
// until somebody asks for a shutdown, and drains. Owned by the program; built and run on one
// thread. Handlers, protocols and start-up tasks are registered before run().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/config/runtime_config.hpp"
#include "runtime/kernel/kernel.hpp"
#include "runtime/lifecycle.hpp"
#include "runtime/metrics.hpp"
#include "runtime/net/listener.hpp"
#include "runtime/net/plan.hpp"
#include "runtime/net/sockets.hpp"
#include "runtime/net/stream_client.hpp"
#include "runtime/tpc/layout.hpp"
#include "runtime/tpc/tpc.hpp"

namespace gatio {

// A port that is being served.
struct Endpoint {
  std::string address;
  uint16_t port = 0;
  config::Transport transport = config::Transport::tcp;
  std::string protocol;
};

struct RuntimeOptions {
  config::RuntimeConfig config;
  std::vector<unsigned> cpus;  // use only these CPUs; empty: all that the process may use
  std::vector<int>
      stop_signals;  // signals that shut the runtime down, SIGINT and SIGTERM as a rule
};

class Runtime {
 public:
  Runtime(Kernel& kernel, RuntimeOptions options);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // What `handler = "NAME"` of an http listener stands for.
  void add_handler(std::string name, http::Handler handler) {
    handlers_[std::move(name)] = std::move(handler);
  }
  // What `protocol = "NAME"` of a listener stands for, besides "http".
  void add_protocol(std::string name, StreamHandler handler) {
    protocols_[std::move(name)] = std::move(handler);
  }
  // A listener besides those of the configuration.
  void add_listener(config::ListenerConfig listener) {
    options_.config.listeners.push_back(std::move(listener));
  }
  // Runs once everything serves: on the first driver that executes, as a detached task. When the
  // last of these tasks has ended, nothing happens: a task that is the program's purpose calls
  // shutdown(). Where there is no memory for one, the run ends with an error.
  void on_start(std::function<Task<void>()> task) { start_tasks_.push_back(std::move(task)); }
  // Called when everything serves, on a driver's thread, before the tasks of on_start() run.
  void on_serving(std::function<void(const std::vector<Endpoint>&)> call) {
    on_serving_ = std::move(call);
  }

  // Machine, layout, port plan, sockets: everything that can be refused before a driver runs. The
  // error's text may have several lines, one for each reason. Nothing stays open when it fails.
  Result<void> build();

  // Builds if that was not done, runs all drivers on threads of their own, and returns when they
  // have ended. An error means that the start failed, or that a driver's ring did later on; either
  // way everything was given back.
  Result<void> run();

  // Drain, then stop. Any thread, any task, any number of times; after build().
  void shutdown() { lifecycle_->request_shutdown(); }

  // After run(): while the drivers run the counters are theirs alone. See metrics.hpp.
  [[nodiscard]] Metrics metrics() const;
  [[nodiscard]] const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] const PortPlan& plan() const { return plan_; }
  [[nodiscard]] std::vector<std::unique_ptr<Tpc>>& tpcs() { return tpcs_; }
  [[nodiscard]] Driver* driver(DriverName name);
  // For those who run the drivers themselves, instead of run().
  [[nodiscard]] Lifecycle& lifecycle() { return *lifecycle_; }

 private:
  Result<void> build_layout();
  Result<void> build_plan();
  Result<void> build_tpcs();
  Result<void> bind_ports();
  Result<void> prove_identical(const PlannedPort& port, const BoundSockets& bound);
  Result<Protocol> protocol_of(const config::ListenerConfig& listener) const;
  void connect_drivers();
  Result<void> begin_serving();
  Driver* first_executing_driver();
  Task<void> watch_signals();
  Task<void> made_or_given_up(Task<void> task);
  Result<void> run_threads();
  void take_down();

  Kernel& kernel_;
  RuntimeOptions options_;
  std::map<std::string, http::Handler> handlers_;
  std::map<std::string, StreamHandler> protocols_;
  std::vector<std::function<Task<void>()>> start_tasks_;
  std::function<void(const std::vector<Endpoint>&)> on_serving_;

  bool built_ = false;
  Layout layout_;
  PortPlan plan_;
  std::vector<Endpoint> endpoints_;
  std::vector<std::unique_ptr<Tpc>> tpcs_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<StreamClient>> clients_;
  std::unique_ptr<Lifecycle> lifecycle_;
};

}  // namespace gatio
