// A child process that cannot outlive the runner: the kernel kills it when the runner dies, by
// whatever means, and the destructor kills it otherwise. It leads a process group of its own, so
// that Ctrl-C on the terminal reaches the runner only. Owned and used by the thread that started
// it, which must be the main thread: the kernel takes the end of the starting thread for the end of
// the parent.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/interrupt.hpp"
#include "runtime/base/result.hpp"

namespace gatio::harness {

struct Command {
  std::vector<std::string> arguments;  // the first is looked up in PATH
  std::vector<unsigned>
      cpus;            // all threads are kept on these; empty: wherever this process may run
  std::string folder;  // stdout and stderr are written there as files; it must exist
  std::string name;    // ... called NAME.out and NAME.err
};

struct Exit {
  bool signalled = false;
  int code = 0;         // exit status, or the signal's number
  uint64_t cpu_ns = 0;  // of the process and its reaped children
  [[nodiscard]] bool clean() const { return !signalled && code == 0; }
  [[nodiscard]] std::string describe() const;
};

class Child {
 public:
  static Result<Child> start(const Command& command);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();  // kills the whole group and reaps

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int fd() const { return pidfd_; }  // readable once the child has ended
  // The way it ended, if it has.
  std::optional<Exit> ended();
  // Waits for the end at most so long; nothing when the time is over or an interrupt came.
  std::optional<Exit> wait(const Interrupt& interrupt, int timeout_ms);
  // SIGTERM, then SIGKILL after `grace_ms`. Not cut short by an interrupt: a server may drain.
  Exit stop(int grace_ms);

  [[nodiscard]] std::string output() const { return read(out_path_); }
  [[nodiscard]] std::string errors() const { return read(err_path_); }
  // The last line of stderr, which is where a program says why it gave up.
  [[nodiscard]] std::string last_words() const;

 private:
  Child(pid_t pid, int pidfd, const Command& command);
  static std::string read(const std::string& path);
  void kill_group(int signal) const;

  pid_t pid_;
  int pidfd_;
  std::string out_path_;
  std::string err_path_;
  std::optional<Exit> exit_;
};

// True when `program` is a path to an executable file or found as one in PATH.
bool program_exists(const std::string& program);

}  // namespace gatio::harness
