// One io_uring of the fake kernel, of the only kind that it models: SINGLE_ISSUER and
// DEFER_TASKRUN. It takes SQEs, keeps the requests that wait, collects task work and delivers it
// when its owner enters with GETEVENTS. Held by its descriptor, by requests of other rings that
// name it, and by the Machine until its teardown is over; the simulation's one thread only.
#pragma once

#include <liburing.h>

#include <list>
#include <map>
#include <memory>
#include <vector>

#include "fakes/machine.hpp"
#include "fakes/ring/buffer_group.hpp"
#include "fakes/ring/operations.hpp"
#include "fakes/ring/request.hpp"
#include "fakes/ring/ring_memory.hpp"

namespace gatio::fakes {

class FakeRing final : public File {
 public:
  // What io_uring_setup(2) checks; fills in the sizes. 0 or -errno.
  static int check(unsigned entries, io_uring_params& params, const FakeKernelOptions& options);

  FakeRing(Machine& machine, const io_uring_params& params, unsigned number);
  ~FakeRing() override;

  // The system calls. Whoever is inside keeps the ring going, even if its descriptor is closed
  // meanwhile; the caller holds a reference.
  int enter(unsigned submit, unsigned wait, unsigned flags, const void* arg, size_t arg_size);
  int register_with(unsigned opcode, const void* arg, unsigned count);

  // Everything ends without a CQE (rule U46).
  void end_all();
  [[nodiscard]] size_t live_count() const { return live_count_; }
  [[nodiscard]] bool dying() const { return dying_; }
  [[nodiscard]] bool disabled() const { return disabled_; }
  [[nodiscard]] unsigned number() const { return number_; }
  // Where its owner was pinned when it made the ring; -1 is anywhere.
  [[nodiscard]] int node() const { return node_; }
  [[nodiscard]] const RingMemory& memory() const { return memory_; }

  // stall.cpp: by a fault it goes on taking SQEs but delivers nothing, until it is healed.
  void heal();
  // Who has entered it and waits in vain for what it holds.
  [[nodiscard]] unsigned issuer() const { return issuer_; }
  // Whether there is something that it does not deliver: requests, or their CQEs.
  [[nodiscard]] bool holds_something() const { return live_count_ > 0 || !overflow_.empty(); }

  // As the file of its descriptor.
  [[nodiscard]] uint32_t poll() const override;
  void descriptor_closed() override;

  // For the operations.
  [[nodiscard]] Machine& machine() { return machine_; }
  // A CQE with F_MORE of a multishot request: false where there is no room, and the request then
  // ends with this result (rule U16).
  [[nodiscard]] bool post_more(Request& request, int32_t result, uint32_t flags);
  // A message from another ring or thread: task work here (rule U48).
  void receive_message(uint64_t user_data, int32_t result, uint32_t flags);
  // Ends a request by task work: its CQE comes later, whoever called.
  void finish_later(Request& request, int32_t result);
  // Task work is to look at the request again.
  void enqueue(Request& request);
  // Starts a request's timer.
  void start_timer(Request& request, uint64_t time_ns) {
    machine_.world.events.schedule(request.timer, time_ns);
  }
  // A timeout that ends after so many CQEs of others; and one that counts no longer.
  void start_counting(Request& timeout, uint32_t count);
  void count_no_longer(Request& timeout) {
    timeout.counts = false;
    --counting_timeouts_;
  }
  // A CQE besides a request's own, which finds room in the overflow list if nowhere else.
  void post(const Cqe& cqe);
  void note_completion(uint32_t request_number, int32_t result, uint32_t flags);

  // Requests in flight in the order of their submission.
  [[nodiscard]] Request* newest_live() const { return live_last_; }
  [[nodiscard]] Request* newest_chained() const { return chain_last_; }
  // Has a CQE with F_NOTIF follow the request's own (zero copy).
  void add_notification(Request& request, int32_t result);

  // Provided buffers. nullptr when there is no such group.
  [[nodiscard]] BufferGroup* buffers(uint16_t group);
  // The kernel remembers how many buffers earlier bundles and messages had room for, and gives that
  // room to any later one: 1 or one of those numbers.
  size_t choose_vectors();
  void note_vectors(size_t count);
  // Direct descriptors.
  [[nodiscard]] FilePtr fixed_file(int slot) const;
  [[nodiscard]] size_t fixed_slots() const { return fixed_files_.size(); }
  // Puts a file into a slot (index, or IORING_FILE_INDEX_ALLOC). The result of the operation: the
  // slot where one was picked, else 0; or -errno.
  int install_fixed(FilePtr file, uint32_t file_index);
  int clear_fixed(unsigned slot);
  // What an operation has closed ends when the enter does, as on Linux: until then a listener
  // accepts, and no connection has ended.
  void let_go_later(FilePtr file) {
    if (file != nullptr) closing_.push_back(std::move(file));
  }

  // A request's timer has fired; its file has changed.
  void timer_fired(Request& request);
  void file_changed(Request& request, uint32_t events);

 private:
  struct Message : WorkItem {
    Message() : WorkItem(&FakeRing::run_message) {}
    Cqe cqe;
  };
  struct Teardown : Event {
    explicit Teardown(FakeRing& its_ring);
    FakeRing& ring;
  };
  struct StallEnd : Event {
    explicit StallEnd(FakeRing& its_ring);
    FakeRing& ring;
  };
  static constexpr unsigned kMostItems = 20;  // rule U11

  // submission.cpp
  unsigned submit(unsigned count);
  bool submit_one(const io_uring_sqe& sqe);
  int prepare(Request& request);
  bool chain_up(Request& request);
  void queue(Request& head);
  void issue(Request& request);
  bool find_file(Request& request);
  bool fails_by_plan(Request& request);
  [[nodiscard]] bool may_fail_late(const Request& request) const;
  void attempt(Request& request);
  void start_link_timeout(Request& request);
  void start_worker(Request& request);
  void try_on_worker(Request& request);
  void watch(Request& request);
  bool ready_by_now(Request& request);
  [[nodiscard]] bool is_ready(const Request& request) const;
  void defer(Request& head);
  void release_deferred();

  // task_work.cpp
  static void run_request(FakeRing& ring, WorkItem& item);
  static void run_message(FakeRing& ring, WorkItem& item);
  void run_expired(Request& request);
  void push_work(WorkItem& item, bool in_order);
  unsigned run_work(unsigned at_least, unsigned at_most);
  unsigned run_pass(unsigned at_most);
  unsigned run_up_to(WorkItem*& last, unsigned at_most);
  void finish(Request& request);
  void flush_finished();
  void post_result(Request& request);
  void go_on_with_chain(Request& request);
  void fail_chain(Request& request);
  void end_chain(Request& first);
  // Its CQE is none that timeouts count.
  void count_ended_timeout() {
    ++timeouts_ended_;
    --events_posted_;
  }
  void end_counting_timeouts();
  void let_go();
  void flush_overflow();
  [[nodiscard]] bool can_post() const {
    return !stalled_ && overflow_.empty() && memory_.cq_has_room();
  }
  void start_notification(Request& notification, bool sent);

  // stall.cpp
  void stall();
  int wait_stalled(unsigned wanted, uint64_t deadline_ns);

  // fake_ring.cpp
  void begin_teardown();
  int enter_it(unsigned submit, unsigned wait, unsigned flags, const void* arg, size_t arg_size);
  int wait(unsigned wanted, uint64_t deadline_ns);
  int parse_wait(unsigned flags, const void* arg, size_t arg_size, uint64_t& deadline_ns) const;
  Request& make_request();
  void recycle(Request& request);
  [[nodiscard]] bool foreign() const { return machine_.world.execution->thread() != issuer_; }

  // registration.cpp
  int register_ring_fds(io_uring_rsrc_update* updates, unsigned count);
  int unregister_ring_fds(const io_uring_rsrc_update* updates, unsigned count);
  int register_buffers(const void* arg);
  int unregister_buffers(const void* arg);
  int register_files(const int* fds, unsigned count, bool sparse);
  int update_files(unsigned offset, const int* fds, unsigned count);

  Machine& machine_;
  const unsigned number_;  // of the machine's rings, for the trace
  const unsigned setup_flags_;
  const int node_;
  RingMemory memory_;
  unsigned issuer_;
  bool disabled_;
  bool closed_ = false;  // its descriptor is
  unsigned inside_ = 0;  // how many have entered it
  bool dying_ = false;
  bool stalled_ = false;

  std::vector<std::unique_ptr<Request>> requests_;  // all that were ever made
  std::vector<Request*> unused_;
  Request* live_first_ = nullptr;
  Request* live_last_ = nullptr;
  size_t live_count_ = 0;
  uint32_t requests_made_ = 0;

  Request* chain_first_ = nullptr;  // of the chain that is being collected
  Request* chain_last_ = nullptr;
  // A list, as overflow_ is, since most rings never need one and an empty one costs nothing to
  // make.
  std::list<Request*> deferred_;  // heads of chains that wait for a drain
  size_t deferred_count_ = 0;     // requests in them
  bool drain_active_ = false;
  bool drain_next_ = false;  // the next chain drains too
  bool skips_cqes_ = false;  // somebody once had IOSQE_CQE_SKIP_SUCCESS

  WorkItem* work_first_ = nullptr;
  WorkItem* work_last_ = nullptr;
  WorkItem* leftover_last_ = nullptr;  // of what the last run of task work had to leave
  Request* finished_first_ = nullptr;
  Request* finished_last_ = nullptr;
  std::vector<std::unique_ptr<Message>> messages_;
  std::vector<Message*> unused_messages_;

  std::list<Cqe> overflow_;
  // CQEs without those of timeouts, which are taken off as soon as these end.
  uint32_t events_posted_ = 0;
  uint32_t events_looked_at_ = 0;  // when timeouts that count were last looked at
  bool flushes_ = false;           // something has ended or was posted since
  uint64_t timeouts_ended_ = 0;
  unsigned counting_timeouts_ = 0;
  Sleeper sleeper_;
  Teardown teardown_;
  StallEnd stall_end_;

  std::map<uint16_t, BufferGroup> buffer_groups_;
  std::vector<size_t> vectors_{1};  // see choose_vectors
  std::vector<FilePtr> fixed_files_;
  std::vector<FilePtr> closing_;  // until the end of the enter
  bool has_fixed_files_ = false;
  unsigned next_fixed_ = 0;
};

}  // namespace gatio::fakes
