// Rule U4 on both kernels, to its end: what a thread may do with a ring that is another's.
#include "fakes/conformance/test_rules.hpp"
#include "runtime/kernel/uapi.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr unsigned kFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                            IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL;
constexpr unsigned kGet = IORING_ENTER_GETEVENTS;

class StrangerRules : public Rules {
 protected:
  void SetUp() override {
    Rules::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(set_up(ring_), 0);
  }
  void TearDown() override {
    if (ring_.ring_fd > 0) kernel().ring_close(ring_);
  }
  int set_up(io_uring& ring) {
    io_uring_params params{};
    params.flags = kFlags;
    return kernel().ring_setup(8, params, ring);
  }
  void add_nop(uint64_t user_data) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    io_uring_prep_nop(sqe);
    sqe->user_data = user_data;
    io_uring_smp_store_release(ring_.sq.ktail, ring_.sq.sqe_tail);
  }
  int enter(unsigned submit, unsigned flags) {
    return kernel().ring_enter(ring_, submit, 0, flags, nullptr, 0);
  }
  // The user_data of the one CQE that is there; 0: there is none, or more.
  uint64_t only_cqe() {
    if (io_uring_cq_ready(&ring_) != 1) return 0;
    return ring_.cq.cqes[*ring_.cq.khead & ring_.cq.ring_mask].user_data;
  }
  io_uring ring_{};
};
GATIO_ON_BOTH_KERNELS(StrangerRules);

TEST_P(StrangerRules, U4WhatHeWantedToSubmitStaysForTheOwner) {
  add_nop(7);
  host_->as_stranger([&] {
    EXPECT_EQ(enter(1, kGet), -EEXIST);
    EXPECT_EQ(enter(1, 0), -EEXIST);
  });
  EXPECT_EQ(only_cqe(), 0u);
  EXPECT_EQ(enter(1, kGet), 1);
  EXPECT_EQ(only_cqe(), 7u);
}

TEST_P(StrangerRules, U4NoRegistrationIsHis) {
  host_->as_stranger([&] {
    auto refused = [&](unsigned opcode, const void* arg, unsigned count) {
      EXPECT_EQ(kernel().ring_register(ring_, opcode, arg, count), -EEXIST) << opcode;
    };
    int none[] = {-1};
    refused(IORING_REGISTER_FILES, none, 1);
    refused(IORING_UNREGISTER_FILES, nullptr, 0);
    io_uring_rsrc_update update{};
    update.offset = ~0U;
    update.data = static_cast<uint64_t>(ring_.ring_fd);
    refused(IORING_REGISTER_RING_FDS, &update, 1);
    refused(IORING_UNREGISTER_RING_FDS, &update, 1);
    uapi::BufferRingRegistration buffers{};
    refused(IORING_REGISTER_PBUF_RING, &buffers, 1);
    refused(IORING_UNREGISTER_PBUF_RING, &buffers, 1);
    io_uring_sync_cancel_reg cancel{};
    refused(IORING_REGISTER_SYNC_CANCEL, &cancel, 1);
    refused(IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  });
}

// The places of registered rings are each thread's own.
TEST_P(StrangerRules, U4ARegisteredRingIsNoRingOfHis) {
  io_uring_rsrc_update update{};
  update.offset = ~0U;
  update.data = static_cast<uint64_t>(ring_.ring_fd);
  ASSERT_EQ(kernel().ring_register(ring_, IORING_REGISTER_RING_FDS, &update, 1), 1);
  io_uring his = ring_;
  his.enter_ring_fd = static_cast<int>(update.offset);
  his.int_flags |= uapi::kRingFdRegistered;
  EXPECT_EQ(kernel().ring_enter(his, 0, 0, kGet, nullptr, 0), 0);
  host_->as_stranger([&] {
    // A thread that has nothing to do with rings, then one that has a ring of its own.
    EXPECT_EQ(kernel().ring_enter(his, 0, 0, kGet, nullptr, 0), -EINVAL);
    io_uring own{};
    ASSERT_EQ(set_up(own), 0);
    EXPECT_EQ(kernel().ring_enter(his, 0, 0, kGet, nullptr, 0), -EBADF);
    kernel().ring_close(own);
  });
}

TEST_P(StrangerRules, U4HeMayWakeTheOwner) {
  int result = 0;
  host_->as_stranger([&] { result = kernel().ring_message(ring_.ring_fd, 55); });
  if (result == -EINVAL) GTEST_SKIP() << "this kernel is older than 6.13";
  EXPECT_EQ(result, 0);
  EXPECT_EQ(enter(0, kGet), 0);
  EXPECT_EQ(only_cqe(), 55u);
}

}  // namespace
}  // namespace gatio::fakes::conformance
