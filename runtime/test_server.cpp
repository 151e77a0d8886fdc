#include "runtime/test_server.hpp"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace gatio::testing {

namespace {
constexpr int kTurns = 6;  // accept, receive, parse, hand over, answer, give back
}

std::string reason_to_skip(const std::string& mix) {
  LinuxKernel kernel;
  static const Environment environment = inspect(kernel);
  if (environment.fatal()) return environment.fatal_text();
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  sched_getaffinity(0, sizeof cpus, &cpus);
  if (mix != "1both" && CPU_COUNT(&cpus) < 2) return mix + " needs two CPUs";
  return "";
}

TestServer::TestServer(const std::string& mix) {
  options_.config.tpcs = {config::TpcConfig{{}, *config::parse_mix(mix)}};
  options_.config.heap_mb = 256;
  if (const char* without = std::getenv("GATIO_WITHOUT"); without != nullptr && *without != '\0')
    options_.config.without = {without};
  listener.handler = "test";
}

TestServer::~TestServer() {
  end();
}

Result<void> TestServer::start() {
  runtime_ = std::make_unique<Runtime>(kernel_, options_);
  if (stream) {
    listener.protocol = "test";
    runtime_->add_protocol("test", stream);
  } else {
    runtime_->add_handler("test", handler);
  }
  runtime_->add_listener(listener);
  for (auto& task : start_tasks) runtime_->on_start(task);
  std::promise<bool> serving;
  runtime_->on_serving([&](const std::vector<Endpoint>& endpoints) {
    port_ = endpoints.front().port;
    serving.set_value(true);
  });
  if (Result<void> built = runtime_->build(); !built) return built;
  std::future<bool> is_serving = serving.get_future();
  thread_ = std::thread([this, &serving] {
    outcome_ = runtime_->run();
    if (!outcome_) serving.set_value(false);
  });
  if (is_serving.get()) return {};
  thread_.join();
  return outcome_;
}

const Metrics& TestServer::stop() {
  request_shutdown();
  return wait();
}

const Metrics& TestServer::wait() {
  thread_.join();
  EXPECT_TRUE(outcome_) << outcome_.error().message();
  metrics_ = runtime_->metrics();
  return metrics_;
}

Driver& TestServer::last_executing_driver() {
  auto& drivers = runtime_->tpcs()[0]->drivers();
  for (size_t i = drivers.size(); i-- > 0;) {
    if (drivers[i]->executes()) return *drivers[i];
  }
  std::abort();
}

void TestServer::pass_ms(uint64_t ms) {
  kernel_.advance(ms * 1'000'000);
  settle();
}

// A turn takes mail, runs what is ready and reaps, in this order, so one message proves one turn.
void TestServer::settle() {
  for (int i = 0; i < kTurns; ++i) {
    for (auto& each : runtime_->tpcs()[0]->drivers()) nudge(*each);
  }
}

void TestServer::settle(size_t driver_index) {
  for (int i = 0; i < kTurns; ++i) nudge(driver(driver_index));
}

void TestServer::nudge(Driver& driver) {
  struct Nudge : Work {
    Nudge() : Work([](Work* work) { static_cast<Nudge*>(work)->taken.set_value(); }) {}
    std::promise<void> taken;
  };
  Nudge nudge;
  std::future<void> taken = nudge.taken.get_future();
  driver.post(nudge);
  taken.get();
}

int run_in_child(const std::function<int()>& body) {
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

size_t open_descriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count - 1;  // the directory itself
}

}  // namespace gatio::testing
