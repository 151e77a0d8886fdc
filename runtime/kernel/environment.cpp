#include "runtime/kernel/environment.hpp"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

#include "runtime/kernel/uapi.hpp"

namespace gatio {
namespace {

// The oldest kernel that has all that the runtime cannot do without: SINGLE_ISSUER, DEFER_TASKRUN
// and multishot receive with buffer rings.
constexpr unsigned kOldestMajor = 6;
constexpr unsigned kOldestMinor = 1;
constexpr unsigned kRingFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL |
                                IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
// A thousand connections and what a server holds besides.
constexpr uint64_t kFewFiles = 4096;

uint64_t soft_limit(decltype(RLIMIT_NOFILE) which, uint64_t* hard) {
  rlimit limit{};
  getrlimit(which, &limit);
  if (hard != nullptr) *hard = limit.rlim_max;
  return limit.rlim_cur;
}

bool older_than_supported(const std::string& release) {
  unsigned major = 0;
  unsigned minor = 0;
  if (std::sscanf(release.c_str(), "%u.%u", &major, &minor) != 2) return false;
  return major < kOldestMajor || (major == kOldestMajor && minor < kOldestMinor);
}

bool has_incremental_buffers(Kernel& kernel, io_uring& ring) {
  constexpr size_t kPage = 4096;
  void* memory = kernel.map(kPage, kPage, -1);
  if (memory == nullptr) return false;
  uapi::BufferRingRegistration registration{.ring_addr = reinterpret_cast<uint64_t>(memory),
                                            .ring_entries = 8,
                                            .flags = uapi::kBufferRingIncremental};
  bool has = kernel.ring_register(ring, IORING_REGISTER_PBUF_RING, &registration, 1) == 0;
  registration.flags = 0;
  if (has) kernel.ring_register(ring, IORING_UNREGISTER_PBUF_RING, &registration, 1);
  kernel.unmap(memory, kPage);
  return has;
}

bool has_napi(Kernel& kernel, io_uring& ring) {
  uapi::Napi napi{};
  if (kernel.ring_register(ring, uapi::kRegisterNapi, &napi, 1) != 0) return false;
  napi = {};
  kernel.ring_register(ring, uapi::kUnregisterNapi, &napi, 1);
  return true;
}

bool has_registered_ring_fd(Kernel& kernel, io_uring& ring) {
  io_uring_rsrc_update update{};
  update.offset = ~0U;
  update.data = static_cast<uint64_t>(ring.ring_fd);
  if (kernel.ring_register(ring, IORING_REGISTER_RING_FDS, &update, 1) != 1) return false;
  update.data = 0;
  kernel.ring_register(ring, IORING_UNREGISTER_RING_FDS, &update, 1);
  return true;
}

// A region description at address 0: a kernel that knows the call tries to read it.
bool has_registered_wait(Kernel& kernel, io_uring& ring) {
  uapi::MemoryRegion region{};
  return kernel.ring_register(ring, uapi::kRegisterMemoryRegion, &region, 1) == -EFAULT;
}

// Opens a ring of the runtime's kind; the optional flag is dropped where the kernel does not know
// it.
int open_probe_ring(Kernel& kernel, io_uring& ring, io_uring_params& params, bool& no_sqarray) {
  no_sqarray = true;
  params = {};
  params.flags = kRingFlags | IORING_SETUP_NO_SQARRAY;
  params.cq_entries = 16;
  int result = kernel.ring_setup(8, params, ring);
  if (result != -EINVAL) return result;
  no_sqarray = false;
  params = {};
  params.flags = kRingFlags;
  params.cq_entries = 16;
  return kernel.ring_setup(8, params, ring);
}

void add(Environment& environment, Problem::Severity severity, std::string text) {
  environment.problems.push_back({severity, std::move(text)});
}

void check_limits(Environment& environment) {
  const Limits& limits = environment.limits;
  if (older_than_supported(limits.kernel_release)) {
    add(environment, Problem::Severity::fatal,
        "Linux " + limits.kernel_release + " is too old; Gatio needs Linux 6.1 or newer");
  }
  if (limits.open_files < kFewFiles) {
    std::string text = "this process may open only " + std::to_string(limits.open_files) +
                       " files, and each connection is one; raise it with 'ulimit -n'";
    if (limits.open_files_hard < kFewFiles) text += " as root, or LimitNOFILE= of its systemd unit";
    add(environment, Problem::Severity::warning, text);
  }
}

}  // namespace

bool Environment::fatal() const {
  for (const Problem& each : problems) {
    if (each.severity == Problem::Severity::fatal) return true;
  }
  return false;
}

std::string Environment::fatal_text() const {
  std::string text;
  for (const Problem& each : problems) {
    if (each.severity != Problem::Severity::fatal) continue;
    if (!text.empty()) text += '\n';
    text += each.text;
  }
  return text;
}

Limits read_limits() {
  Limits limits;
  utsname name{};
  uname(&name);
  limits.kernel_release = name.release;
  std::ifstream sysctl("/proc/sys/kernel/io_uring_disabled");
  if (int value = 0; sysctl >> value) limits.io_uring_disabled = value;
  limits.locked_memory_bytes = soft_limit(RLIMIT_MEMLOCK, nullptr);
  limits.open_files = soft_limit(RLIMIT_NOFILE, &limits.open_files_hard);
  return limits;
}

std::string ring_setup_problem(int error) {
  return ring_setup_problem(error, read_limits());
}

std::string ring_setup_problem(int error, const Limits& limits) {
  switch (error) {
    case EPERM:
    case EACCES:
      if (limits.io_uring_disabled == 2) {
        return "io_uring is switched off on this machine; run 'sysctl kernel.io_uring_disabled=0' "
               "as root";
      }
      if (limits.io_uring_disabled == 1) {
        return "io_uring is reserved for a group on this machine; add the user to the group in "
               "kernel.io_uring_group, or run 'sysctl kernel.io_uring_disabled=0' as root";
      }
      return "a security filter (seccomp, SELinux or the like) forbids io_uring, as containers do "
             "by default; "
             "allow io_uring_setup, io_uring_enter and io_uring_register, with docker for instance "
             "by "
             "'--security-opt seccomp=unconfined'";
    case ENOSYS:
      return "this kernel has no io_uring: it was built without it, or a sandbox hides it; use "
             "Linux 6.1 or "
             "newer with CONFIG_IO_URING";
    case ENOMEM:
      return "no memory for the ring; raise the limit on locked memory (now " +
             (limits.locked_memory_bytes == UINT64_MAX
                  ? std::string("unlimited")
                  : std::to_string(limits.locked_memory_bytes / 1024) + " KiB") +
             ", 'ulimit -l'), free memory, or ask for fewer entries";
    case EMFILE:
      return "this process has no descriptor left (limit " + std::to_string(limits.open_files) +
             "); raise it with 'ulimit -n'";
    case ENFILE:
      return "the machine has no open file left; raise it with 'sysctl fs.file-max'";
    case EINVAL:
      return "Linux " + limits.kernel_release +
             " does not know the kind of ring that is needed; use Linux 6.1 or newer";
    default:
      return Error{error, {}}.message();
  }
}

Environment inspect(Kernel& kernel) {
  return inspect(kernel, read_limits());
}

Environment inspect(Kernel& kernel, const Limits& limits) {
  Environment environment{.limits = limits, .features = {}, .problems = {}};
  check_limits(environment);
  io_uring ring{};
  io_uring_params params{};
  Features& features = environment.features;
  int result = open_probe_ring(kernel, ring, params, features.no_sqarray);
  if (result < 0) {
    features = {};
    add(environment, Problem::Severity::fatal,
        "io_uring cannot be used: " + ring_setup_problem(-result, limits));
    return environment;
  }
  features.bundles = (params.features & IORING_FEAT_RECVSEND_BUNDLE) != 0;
  features.min_wait = (params.features & IORING_FEAT_MIN_TIMEOUT) != 0;
  features.registered_ring_fd = has_registered_ring_fd(kernel, ring);
  features.napi = has_napi(kernel, ring);
  features.registered_wait = has_registered_wait(kernel, ring);
  features.incremental_buffers = has_incremental_buffers(kernel, ring);
  features.sync_message = kernel.ring_message(-1, 0) == -EBADF;
  kernel.ring_close(ring);
  return environment;
}

}  // namespace gatio
