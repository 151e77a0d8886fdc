#include "harness/process.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

namespace gatio::harness {
namespace {

// What the child needs between fork and exec; all of it is made before the fork, because the child
// may only call async-signal-safe functions.
struct Prepared {
  std::vector<char*> argv;
  cpu_set_t cpus;
  bool pin = false;
  pid_t parent = 0;
  int out = -1;
  int err = -1;
  int report = -1;  // carries the errno of what failed; closed by a successful exec
};

[[noreturn]] void become(const Prepared& prepared) {
  // The order matters: after prctl the parent's death is noticed, and a death before it shows in
  // getppid.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != prepared.parent) _exit(127);
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0 && dup2(null, 0) >= 0 && dup2(prepared.out, 1) >= 0 && dup2(prepared.err, 2) >= 0 &&
      (!prepared.pin || sched_setaffinity(0, sizeof(prepared.cpus), &prepared.cpus) == 0)) {
    execvp(prepared.argv[0], prepared.argv.data());
  }
  const int code = errno;
  [[maybe_unused]] const ssize_t written = write(prepared.report, &code, sizeof(code));
  _exit(127);
}

int create(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

// 0, or the errno that the child reported.
int read_report(int fd) {
  int code = 0;
  ssize_t got = 0;
  do got = ::read(fd, &code, sizeof(code));
  while (got < 0 && errno == EINTR);
  return got == sizeof(code) ? code : 0;
}

}  // namespace

std::string Exit::describe() const {
  return signalled ? fmt::format("was killed by signal {} ({})", code, strsignal(code))
                   : fmt::format("ended with exit code {}", code);
}

Result<Child> Child::start(const Command& command) {
  Prepared prepared;
  for (const std::string& argument : command.arguments)
    prepared.argv.push_back(const_cast<char*>(argument.c_str()));
  prepared.argv.push_back(nullptr);
  CPU_ZERO(&prepared.cpus);
  for (unsigned cpu : command.cpus) CPU_SET(cpu, &prepared.cpus);
  prepared.pin = !command.cpus.empty();
  prepared.parent = getpid();
  const std::string base = command.folder + "/" + command.name;
  int report[2] = {-1, -1};
  prepared.out = create(base + ".out");
  prepared.err = create(base + ".err");
  pid_t pid = -1;
  int code = 0;
  if (prepared.out < 0 || prepared.err < 0 || pipe2(report, O_CLOEXEC) != 0) {
    code = errno;
  } else {
    prepared.report = report[1];
    pid = fork();
    if (pid == 0) become(prepared);
    if (pid < 0) code = errno;
  }
  for (int fd : {prepared.out, prepared.err, report[1]}) {
    if (fd >= 0) close(fd);
  }
  if (pid > 0) code = read_report(report[0]);
  if (report[0] >= 0) close(report[0]);
  if (code != 0) {
    if (pid > 0) waitpid(pid, nullptr, 0);
    return fail(code, fmt::format("cannot start {}: {}", command.arguments[0], strerror(code)));
  }
  setpgid(pid, pid);  // the child did so too; whoever comes first wins the race
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  return Child(pid, pidfd, command);
}

Child::Child(pid_t pid, int pidfd, const Command& command)
    : pid_(pid),
      pidfd_(pidfd),
      out_path_(command.folder + "/" + command.name + ".out"),
      err_path_(command.folder + "/" + command.name + ".err") {}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      out_path_(std::move(other.out_path_)),
      err_path_(std::move(other.err_path_)),
      exit_(other.exit_) {}

Child::~Child() {
  if (pid_ > 0) {
    kill_group(SIGKILL);  // also when the child has ended: a server's own children may not have
    if (!exit_) waitpid(pid_, nullptr, 0);
  }
  if (pidfd_ >= 0) close(pidfd_);
}

void Child::kill_group(int signal) const {
  kill(-pid_, signal);
}

std::optional<Exit> Child::ended() {
  if (exit_) return exit_;
  int status = 0;
  rusage usage{};
  if (wait4(pid_, &status, WNOHANG, &usage) != pid_) return std::nullopt;
  const auto nanoseconds = [](const timeval& time) {
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<uint64_t>(time.tv_usec) * 1'000;
  };
  exit_ = Exit{WIFSIGNALED(status), WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
               nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime)};
  return exit_;
}

std::optional<Exit> Child::wait(const Interrupt& interrupt, int timeout_ms) {
  if (interrupt.wait(pidfd_, timeout_ms) != Interrupt::Woken::kReady) return std::nullopt;
  return ended();
}

Exit Child::stop(int grace_ms) {
  if (auto exit = ended()) return *exit;
  kill(pid_, SIGTERM);
  pollfd watched{pidfd_, POLLIN, 0};
  poll(&watched, 1, grace_ms);
  if (auto exit = ended()) return *exit;
  kill_group(SIGKILL);
  poll(&watched, 1, -1);
  return ended().value_or(Exit{true, SIGKILL, 0});
}

std::string Child::read(const std::string& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::string Child::last_words() const {
  std::string text = errors();
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

bool program_exists(const std::string& program) {
  if (program.find('/') != std::string::npos) return access(program.c_str(), X_OK) == 0;
  const char* variable = getenv("PATH");
  std::string_view path = variable != nullptr ? variable : "/usr/bin:/bin";
  while (!path.empty()) {
    const size_t end = std::min(path.find(':'), path.size());
    if (access((std::string(path.substr(0, end)) + "/" + program).c_str(), X_OK) == 0) return true;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

}  // namespace gatio::harness
