#include "harness/server.hpp"

#include <arpa/inet.h>
#include <errno.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "harness/check_client.hpp"
#include "harness/circumstances.hpp"
#include "harness/mix.hpp"
#include "harness/server_output.hpp"

namespace gatio::harness {
namespace {

constexpr int kStartMs = 10'000;
constexpr int kStopMs = 15'000;  // more than the drain time-out that servers have by default
constexpr int kLookAgainMs = 2;
constexpr int kLastBreathMs = 200;

using Clock = Deadline::Clock;
using Values = std::vector<std::pair<std::string, std::string>>;

// A port that nobody has at this moment. Somebody may take it before the target does; then its
// start fails and says so.
Result<uint16_t> free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(errno);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof(address);
  const bool bound = bind(fd, generic, length) == 0 && getsockname(fd, generic, &length) == 0;
  const int code = errno;
  close(fd);
  if (!bound) return fail(code, fmt::format("no free port on 127.0.0.1: {}", strerror(code)));
  return ntohs(address.sin_port);
}

Result<std::string> fresh_folder(const std::string& work) {
  std::string path = work + "/start-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return fail(errno, fmt::format("cannot make a folder in {}: {}", work, strerror(errno)));
  }
  return path;
}

Result<void> render(const std::string& from, const std::string& to, const Values& values) {
  std::ifstream in(from);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in)
    return fail(ENOENT, fmt::format("cannot read the template {} that the scenario names", from));
  std::ofstream out(to);
  out << fill_in(text.str(), values);
  if (!out.flush()) return fail(EIO, fmt::format("cannot write {}", to));
  return {};
}

std::vector<std::string> our_command(const Scenario& scenario, const ServerSpec& spec,
                                     const Surroundings& surroundings, const std::string& folder) {
  std::vector<std::string> command{program_of(scenario, spec, surroundings),
                                   "--port",
                                   "0",
                                   "--mix",
                                   spec.mix,
                                   "--cpus",
                                   cpu_list(spec.cpus),
                                   "--metrics",
                                   folder + "/metrics.json"};
  for (const auto& [argument, value] : spec.arguments) {
    command.push_back("--" + argument);
    command.push_back(std::to_string(value));
  }
  if (!surroundings.topology.empty())
    command.insert(command.end(), {"--topology", surroundings.topology});
  for (const std::string& feature : surroundings.without)
    command.insert(command.end(), {"--without", feature});
  return command;
}

Result<std::vector<std::string>> target_command(const Scenario& scenario, const ServerSpec& spec,
                                                const Surroundings& surroundings,
                                                const std::string& folder, uint16_t port) {
  const Target& target = scenario.targets[*spec.target];
  Values values{{"port", std::to_string(port)},
                {"cpu", std::to_string(spec.cpus.at(0))},
                {"dir", folder},
                {"scenarios", surroundings.programs}};
  for (const auto& [argument, value] : spec.arguments)
    values.emplace_back(argument, std::to_string(value));
  const auto here = std::filesystem::path(scenario.file).parent_path();
  for (const std::string& file : target.files) {
    if (auto done = render((here / file).string(), folder + "/" + file, values); !done) {
      return fail(done.error().code, done.error().text);
    }
  }
  std::vector<std::string> command;
  for (const std::string& word : target.command) command.push_back(fill_in(word, values));
  return command;
}

}  // namespace

std::string fill_in(const std::string& text, const Values& values) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t open = text.find('{', at);
    const size_t close = open == std::string::npos ? open : text.find('}', open);
    if (close == std::string::npos) return out + text.substr(at);
    const std::string key = text.substr(open + 1, close - open - 1);
    const std::string* found = nullptr;
    for (const auto& [name, value] : values) {
      if (name == key) found = &value;
    }
    out += text.substr(at, open - at);
    out += found != nullptr ? *found : "{";
    at = found != nullptr ? close + 1 : open + 1;
  }
  return out;
}

std::string program_of(const Scenario& scenario, const ServerSpec& spec,
                       const Surroundings& surroundings) {
  if (!spec.target) return surroundings.programs + "/" + scenario.server;
  return fill_in(scenario.targets[*spec.target].command[0], {{"scenarios", surroundings.programs}});
}

Result<Server> Server::start(const Scenario& scenario, const ServerSpec& spec,
                             const Surroundings& surroundings, const Interrupt& interrupt) {
  auto folder = fresh_folder(surroundings.work);
  if (!folder) return fail(folder.error().code, folder.error().text);
  Command command;
  command.folder = *folder;
  command.name = "server";
  command.cpus = spec.cpus;
  uint16_t port = 0;
  if (spec.target) {
    const auto fresh = free_port();
    if (!fresh) return fail(fresh.error().code, fresh.error().text);
    port = *fresh;
    auto words = target_command(scenario, spec, surroundings, *folder, port);
    if (!words) return fail(words.error().code, words.error().text);
    command.arguments = std::move(*words);
  } else {
    command.arguments = our_command(scenario, spec, surroundings, *folder);
  }
  auto child = Child::start(command);
  if (!child) return fail(child.error().code, child.error().text);
  Server server(std::move(*child), *folder, !spec.target, surroundings.deadline);
  server.name_ = spec.label;
  server.port_ = port;
  if (!spec.target) {
    if (auto listening = server.wait_until_listening(interrupt); !listening) {
      return fail(listening.error().code, listening.error().text);
    }
  }
  if (auto answering = server.wait_until_answering(scenario, interrupt); !answering) {
    return fail(answering.error().code, answering.error().text);
  }
  return server;
}

Error Server::start_error(const std::string& name, const Exit& exit) const {
  int code = ECHILD;
  // Only our own servers promise what 2 means; 4 is no usual exit code and may be anybody's.
  if (ours_ && !exit.signalled && exit.code == 2) code = kServerRefusedInput;
  if (!exit.signalled && exit.code == 4) code = kServerLacksSomething;
  const std::string words = without_folders(child_.last_words());
  return Error{code, fmt::format("{}: the server {} before it answered{}{}", name, exit.describe(),
                                 words.empty() ? "" : ": ", words)};
}

Result<void> Server::wait_until_listening(const Interrupt& interrupt) {
  const int start_ms = deadline_.bound_ms(kStartMs);
  const Deadline over{Clock::now() + std::chrono::milliseconds(start_ms)};
  while (!over.passed()) {
    const std::string output = child_.output();
    if (const size_t end = output.find('\n'); end != std::string::npos) {
      const auto port = parse_listening(output.substr(0, end));
      if (!port) return fail(port.error().code, name_ + ": " + port.error().text);
      port_ = *port;
      return {};
    }
    if (const auto exit = child_.wait(interrupt, kLookAgainMs)) {
      Error error = start_error(name_, *exit);
      return fail(error.code, error.text);
    }
    if (interrupt.pending()) return fail(ECANCELED);
  }
  return fail(ETIMEDOUT, fmt::format("{}: the server did not say within {} ms where it listens",
                                     name_, start_ms));
}

Result<void> Server::wait_until_answering(const Scenario& scenario, const Interrupt& interrupt) {
  CheckPlan plan;
  plan.port = port_;
  plan.path = scenario.load.path;
  plan.connections = 1;
  plan.requests = 1;
  plan.silence_ms = 1000;
  plan.expect = scenario.expect;
  const int start_ms = deadline_.bound_ms(kStartMs);
  const Deadline over{Clock::now() + std::chrono::milliseconds(start_ms)};
  while (!over.passed()) {
    // Whether the reply is right is the check pass's business.
    const auto report = check_replies(plan, interrupt);
    if (report && report->replies > 0) return {};
    if (const auto exit = child_.wait(interrupt, kLookAgainMs)) {
      Error error = start_error(name_, *exit);
      return fail(error.code, error.text);
    }
    if (interrupt.pending()) return fail(ECANCELED);
  }
  return fail(ETIMEDOUT, fmt::format("{}: the server did not answer on port {} within {} ms", name_,
                                     port_, start_ms));
}

std::optional<std::string> Server::died(const char* when, const Interrupt& interrupt,
                                        bool suspected) {
  // A process closes its sockets some time before it counts as ended.
  const auto exit = child_.wait(interrupt, suspected ? kLastBreathMs : 0);
  if (!exit) return std::nullopt;
  const std::string words = without_folders(child_.last_words());
  return fmt::format("the server {} {}{}{}", exit->describe(), when, words.empty() ? "" : ": ",
                     words);
}

Result<std::optional<ServerMetrics>> Server::stop() {
  const Exit exit = child_.stop(deadline_.bound_ms(kStopMs));
  if (!ours_) return std::optional<ServerMetrics>();
  if (!exit.clean()) {
    const std::string words = without_folders(child_.last_words());
    return fail(ECHILD, fmt::format("the server {} when it was told to end{}{}", exit.describe(),
                                    words.empty() ? "" : ": ", words));
  }
  std::ifstream in(folder_ + "/metrics.json");
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return fail(ENOENT, "the server wrote no metrics file");
  auto metrics = parse_metrics(text.str());
  if (!metrics) return fail(metrics.error().code, metrics.error().text);
  return std::optional<ServerMetrics>(std::move(*metrics));
}

}  // namespace gatio::harness
