#include "fakes/signal_file.hpp"

#include <poll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "runtime/base/assert.hpp"

namespace gatio::fakes {

void Signals::raise(int signal) {
  GATIO_ASSERT(signal > 0 && signal <= 64);
  uint64_t bit = uint64_t{1} << (signal - 1);
  pending_ |= bit;
  for (SignalFile* file : files_) {
    if ((file->mask_ & bit) != 0) file->notify(POLLIN);
  }
}

SignalFile::SignalFile(Signals& signals, const sigset_t& set) : signals_(signals) {
  set_nonblocking(true);
  for (int signal = 1; signal <= 64; ++signal) {
    if (sigismember(&set, signal) == 1) mask_ |= uint64_t{1} << (signal - 1);
  }
  signals_.files_.push_back(this);
}

SignalFile::~SignalFile() {
  std::erase(signals_.files_, this);
}

uint32_t SignalFile::poll() const {
  return (signals_.pending_ & mask_) != 0 ? POLLIN : 0;
}

int64_t SignalFile::read(std::span<char> to, int64_t) {
  if (to.size() < sizeof(signalfd_siginfo)) return -EINVAL;
  size_t size = 0;
  while ((signals_.pending_ & mask_) != 0 && to.size() - size >= sizeof(signalfd_siginfo)) {
    int signal = std::countr_zero(signals_.pending_ & mask_) + 1;
    signals_.pending_ &= ~(uint64_t{1} << (signal - 1));
    signalfd_siginfo info{};
    info.ssi_signo = static_cast<uint32_t>(signal);
    std::memcpy(to.data() + size, &info, sizeof info);
    size += sizeof info;
  }
  return size > 0 ? static_cast<int64_t>(size) : -EAGAIN;
}

}  // namespace gatio::fakes
