#include "runtime/kernel/linux_kernel.hpp"

#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

#include "runtime/kernel/uapi.hpp"

namespace gatio {
namespace {

// System calls return -1 and set errno; a door returns -errno.
int errno_of(long result) {
  return result < 0 ? -errno : static_cast<int>(result);
}

uint64_t read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

// Binds fresh memory to a node. 0, or the errno.
int bind_memory(void* address, size_t bytes, int node) {
  constexpr unsigned kBits = 8 * sizeof(unsigned long);
  unsigned long mask[1024 / kBits] = {};
  if (static_cast<unsigned>(node) >= 1024) return EINVAL;
  mask[static_cast<unsigned>(node) / kBits] = 1UL << (static_cast<unsigned>(node) % kBits);
  // The kernel takes one bit less than it is told: the mask's size plus one names all of its bits.
  long result = syscall(SYS_mbind, address, bytes, MPOL_BIND, mask, 1024UL + 1, 0U);
  return result < 0 ? errno : 0;
}

}  // namespace

LinuxKernel::LinuxKernel() {
  CPU_ZERO(&unpinned_);
  sched_getaffinity(0, sizeof unpinned_, &unpinned_);
}

int LinuxKernel::ring_setup(unsigned entries, io_uring_params& params, io_uring& ring) {
  // Not io_uring_queue_init_params: it fills the index array, and with NO_SQARRAY, which
  // liburing 2.3 does not know, `array` points at the ring's own head.
  int fd = io_uring_setup(entries, &params);
  if (fd < 0) return fd;
  int result = io_uring_queue_mmap(fd, &params, &ring);
  if (result < 0) {
    ::close(fd);
    return result;
  }
  ring.features = params.features;
  // SQE i always sits at place i, so the array is written once.
  if ((params.flags & IORING_SETUP_NO_SQARRAY) == 0) {
    for (unsigned i = 0; i < params.sq_entries; ++i) ring.sq.array[i] = i;
  }
  return 0;
}

int LinuxKernel::ring_enter(io_uring& ring, unsigned submit, unsigned wait, unsigned flags,
                            const void* arg, size_t arg_size) {
  if ((ring.int_flags & uapi::kRingFdRegistered) != 0) flags |= IORING_ENTER_REGISTERED_RING;
  return errno_of(
      syscall(__NR_io_uring_enter, ring.enter_ring_fd, submit, wait, flags, arg, arg_size));
}

int LinuxKernel::ring_register(io_uring& ring, unsigned opcode, const void* arg, unsigned count) {
  return errno_of(syscall(__NR_io_uring_register, ring.ring_fd, opcode, arg, count));
}

void LinuxKernel::ring_close(io_uring& ring) {
  io_uring_queue_exit(&ring);
}

int LinuxKernel::ring_message(int target_ring_fd, uint64_t user_data) {
  io_uring_sqe sqe{};
  io_uring_prep_msg_ring(&sqe, target_ring_fd, 0, user_data, 0);
  // A "blind" registration: it belongs to no ring, so the descriptor is -1.
  return errno_of(syscall(__NR_io_uring_register, -1, uapi::kRegisterSendMessage, &sqe, 1));
}

uint64_t LinuxKernel::now_ns() {
  return read_clock(CLOCK_MONOTONIC);
}

uint64_t LinuxKernel::cpu_ns() {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t LinuxKernel::wall_seconds() {
  return static_cast<int64_t>(read_clock(CLOCK_REALTIME) / 1'000'000'000);
}

void LinuxKernel::spend(uint64_t ns) {
  uint64_t start = now_ns();
  while (now_ns() - start < ns) {
  }
}

void LinuxKernel::relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int LinuxKernel::socket(int domain, int type, int protocol) {
  return errno_of(::socket(domain, type | SOCK_CLOEXEC, protocol));
}

int LinuxKernel::bind(int fd, const sockaddr* address, socklen_t size) {
  return errno_of(::bind(fd, address, size));
}

int LinuxKernel::listen(int fd, int backlog) {
  return errno_of(::listen(fd, backlog));
}

int LinuxKernel::getsockname(int fd, sockaddr* address, socklen_t* size) {
  return errno_of(::getsockname(fd, address, size));
}

int LinuxKernel::setsockopt(int fd, int level, int name, const void* value, socklen_t size) {
  return errno_of(::setsockopt(fd, level, name, value, size));
}

int LinuxKernel::getsockopt(int fd, int level, int name, void* value, socklen_t* size) {
  return errno_of(::getsockopt(fd, level, name, value, size));
}

int LinuxKernel::close(int fd) {
  return errno_of(::close(fd));
}

int LinuxKernel::event_fd() {
  return errno_of(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

int LinuxKernel::event_signal(int event_fd) {
  uint64_t one = 1;
  long written = write(event_fd, &one, sizeof one);
  return written < 0 ? -errno : 0;
}

int LinuxKernel::signal_fd(const sigset_t& set) {
  int blocked = pthread_sigmask(SIG_BLOCK, &set, nullptr);
  if (blocked != 0) return -blocked;
  return errno_of(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

void* LinuxKernel::map(size_t bytes, size_t alignment, int node) {
  // mmap aligns to pages only: ask for more, then give back what lies before and behind.
  size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  size_t slack = alignment > page ? alignment - page : 0;
  void* raw =
      mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  char* start = static_cast<char*>(raw);
  size_t before = (alignment - reinterpret_cast<uintptr_t>(raw) % alignment) % alignment;
  char* aligned = start + before;
  if (before > 0) munmap(start, before);
  if (slack > before) munmap(aligned + bytes, slack - before);
  int error = node < 0 ? 0 : bind_memory(aligned, bytes, node);
  if (error != 0 && error != EPERM && error != ENOSYS) {
    munmap(aligned, bytes);
    return nullptr;
  }
  return aligned;
}

void LinuxKernel::unmap(void* address, size_t bytes) {
  munmap(address, bytes);
}

int LinuxKernel::pin(unsigned cpu) {
  cpu_set_t* set = CPU_ALLOC(cpu + 1);
  if (set == nullptr) return -ENOMEM;
  size_t size = CPU_ALLOC_SIZE(cpu + 1);
  CPU_ZERO_S(size, set);
  CPU_SET_S(cpu, size, set);
  int result = errno_of(sched_setaffinity(0, size, set));
  CPU_FREE(set);
  return result;
}

Result<Topology> LinuxKernel::topology() {
  return this_machine();
}

int LinuxKernel::start_helper(std::function<void()> body) {
  try {
    // A thread inherits the mask of the one that starts it, a driver pinned to its core.
    std::thread([mask = unpinned_, body = std::move(body)] {
      sched_setaffinity(0, sizeof mask, &mask);
      body();
    }).detach();
  } catch (const std::system_error& error) {
    // What the library throws when the system has no thread left; it is EAGAIN by name.
    return error.code().value() > 0 ? -error.code().value() : -EAGAIN;
  }
  return 0;
}

}  // namespace gatio
