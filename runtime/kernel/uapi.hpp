// The io_uring constants and structures that are newer than liburing 2.3, which Debian 12 has; each
// names the Linux version it came with. Guarded, so that a newer liburing wins. Constants only: any
// thread.
#pragma once

#include <liburing.h>

#include <cstdint>

// io_uring_setup(2) flags.
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY \
  (1U << 16)  // Linux 6.6: no index array between the SQ and its entries
#endif

// io_uring_params::features.
#ifndef IORING_FEAT_RECVSEND_BUNDLE
#define IORING_FEAT_RECVSEND_BUNDLE \
  (1U << 14)  // Linux 6.10: one receive or send takes several buffers
#endif
#ifndef IORING_FEAT_MIN_TIMEOUT
#define IORING_FEAT_MIN_TIMEOUT (1U << 15)  // Linux 6.12: a shorter wait once something is there
#endif

namespace gatio::uapi {

// io_uring_register(2) opcodes. They are enumerators in newer headers, which no #ifndef can see,
// hence names of our own.
inline constexpr unsigned kRegisterNapi = 27;          // Linux 6.9, IORING_REGISTER_NAPI
inline constexpr unsigned kUnregisterNapi = 28;        // Linux 6.9, IORING_UNREGISTER_NAPI
inline constexpr unsigned kRegisterSendMessage = 31;   // Linux 6.13, IORING_REGISTER_SEND_MSG_RING
inline constexpr unsigned kRegisterMemoryRegion = 34;  // Linux 6.13, IORING_REGISTER_MEM_REGION

// io_uring_buf_reg::flags, which is `pad` in liburing 2.3.
inline constexpr uint16_t kBufferRingIncremental = 2;  // Linux 6.12, IOU_PBUF_RING_INC

// io_uring_cqe::flags: more bytes will come into this provided buffer. Linux 6.12,
// IORING_CQE_F_BUF_MORE.
inline constexpr uint32_t kCqeBufferMore = 1U << 4;

// io_uring_sqe::ioprio of sends and receives: as many provided buffers as it takes. Linux 6.10,
// IORING_RECVSEND_BUNDLE.
inline constexpr uint16_t kBundle = 1U << 4;

// io_uring_sqe::timeout_flags, Linux 6.4, IORING_TIMEOUT_MULTISHOT.
inline constexpr uint32_t kTimeoutMultishot = 1U << 6;

// struct io_uring_napi, Linux 6.9.
struct Napi {
  uint32_t busy_poll_us = 0;
  uint8_t prefer_busy_poll = 0;
  uint8_t pad[3] = {};
  uint64_t resv = 0;
};

// struct io_uring_mem_region_reg, Linux 6.13.
struct MemoryRegion {
  uint64_t region_address = 0;
  uint64_t flags = 0;
  uint64_t resv[2] = {};
};

// struct io_uring_buf_reg with the field that liburing 2.3 calls `pad`.
struct BufferRingRegistration {
  uint64_t ring_addr = 0;
  uint32_t ring_entries = 0;
  uint16_t bgid = 0;
  uint16_t flags = 0;
  uint64_t resv[3] = {};
};
static_assert(sizeof(BufferRingRegistration) == sizeof(io_uring_buf_reg));

// A bit of io_uring::int_flags, private to liburing: enter_ring_fd is the index of a registered
// ring (Linux 5.18), to be entered with IORING_ENTER_REGISTERED_RING, and io_uring_queue_exit gives
// it back.
inline constexpr uint8_t kRingFdRegistered = 1;

}  // namespace gatio::uapi
