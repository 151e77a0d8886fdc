// What signalfd(2) gives, and the signals that are pending for the fake process. A pending signal
// is taken by whichever signal file reads it first; signals of one number do not queue up. Owned by
// descriptor table and requests; the simulation's one thread only.
#pragma once

#include <signal.h>

#include <vector>

#include "fakes/file.hpp"

namespace gatio::fakes {

class SignalFile;

class Signals {
 public:
  void raise(int signal);

 private:
  friend class SignalFile;
  uint64_t pending_ = 0;  // bit i: signal i + 1
  std::vector<SignalFile*> files_;
};

class SignalFile final : public File {
 public:
  SignalFile(Signals& signals, const sigset_t& set);
  ~SignalFile() override;

  [[nodiscard]] uint32_t poll() const override;
  // One signalfd_siginfo for each pending signal, lowest number first.
  int64_t read(std::span<char> to, int64_t offset) override;

 private:
  friend class Signals;
  Signals& signals_;
  uint64_t mask_ = 0;
};

}  // namespace gatio::fakes
