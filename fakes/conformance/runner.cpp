#include "fakes/conformance/runner.hpp"

#include <algorithm>
#include <cerrno>

namespace gatio::fakes::conformance {
namespace {

constexpr unsigned kMostRounds = 64;
constexpr unsigned kFreeDirect = 2;  // direct descriptors besides those of the objects

bool makes_descriptor(Op op) {
  return op == Op::accept || op == Op::accept_multishot || op == Op::socket;
}

}  // namespace

Runner::Runner(Host& host, const Program& program) : host_(host), program_(program), peers_(host) {}

Runner::~Runner() {
  for (auto& ring : rings_) empty(*ring);
  for (auto& ring : rings_) ring->ring.close();
}

int Runner::set_up() {
  int result = peers_.set_up(program_.objects);
  std::vector<int> direct;
  for (const Object& object : peers_.objects()) direct.push_back(object.fd);
  direct.insert(direct.end(), kFreeDirect, -1);
  for (unsigned i = 0; i < program_.rings && result >= 0; ++i) {
    Ring& ring = *rings_.emplace_back(std::make_unique<Ring>(host_.kernel()));
    result = ring.ring.open(host_.kernel(), program_.sq_entries, program_.cq_entries);
    if (result < 0) {
      rings_.pop_back();
      return result;
    }
    result = ring.groups.set_up(ring.ring, program_.groups);
    if (result < 0 || !program_.direct) continue;
    result = ring.ring.register_with(IORING_REGISTER_FILES, direct.data(),
                                     static_cast<unsigned>(direct.size()));
  }
  return std::min(result, 0);
}

Observation Runner::run(const Step& step) {
  Observation observation;
  Ring& ring = *rings_[step.ring % rings_.size()];
  switch (step.kind) {
    case StepKind::submit: {
      chain_ = nullptr;
      for (const Request& request : step.requests) {
        io_uring_sqe* sqe = ring.ring.sqe();
        if (sqe == nullptr) break;
        prepare(ring, sqe, request);
      }
      int returned = ring.ring.submit(step.amount, host_.wait_ns());
      Moment moment = step.amount > 0 ? Moment::fetched : Moment::submitted;
      observation.looks.push_back(look(step.ring, moment, returned));
      break;
    }
    case StepKind::enter: {
      int returned = ring.ring.fetch(step.amount, host_.wait_ns());
      observation.looks.push_back(look(step.ring, Moment::fetched, returned));
      break;
    }
    case StepKind::refill:
      observation.result = ring.groups.refill(step.group, step.amount);
      break;
    case StepKind::drop_group:
      observation.result = ring.groups.drop(ring.ring, step.group);
      break;
    case StepKind::idle:
      break;
    default:
      observation.result = peers_.act(step, observation.data);
  }
  end_step(step, observation);
  return observation;
}

Look Runner::look(uint8_t index, Moment moment, int returned) {
  Ring& ring = *rings_[index];
  Look result{.moment = moment,
              .ring = index,
              .returned = returned,
              .kernel_flags = ring.ring.kernel_flags(),
              .seen = {}};
  while (const io_uring_cqe* cqe = ring.ring.look()) result.seen.push_back(seen(ring, *cqe));
  return result;
}

Seen Runner::seen(Ring& ring, const io_uring_cqe& cqe) {
  Seen seen{
      .id = static_cast<uint32_t>(cqe.user_data), .result = cqe.res, .flags = cqe.flags, .data = 0};
  auto found = by_id_.find(seen.id);
  if (found == by_id_.end()) return seen;
  Scratch& scratch = *found->second;
  note_end(ring, scratch, cqe.flags);
  if (cqe.res >= 0 && makes_descriptor(scratch.op) && !scratch.direct) {
    peers_.adopt(cqe.res);
    seen.result = kDescriptor;
  }
  Object* object = peers_.find(scratch.object);
  if (scratch.op == Op::close && cqe.res == 0 && object != nullptr) object->closed = true;
  bool receives = scratch.op == Op::recv || scratch.op == Op::read || scratch.op == Op::recvmsg;
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    std::vector<char> buffers = ring.groups.take(scratch.group, cqe.flags, cqe.res, scratch.bundle);
    std::span<const char> bytes = buffers;
    seen.data = hash_of(bytes);
    if (scratch.name_bytes > 0 && bytes.size() > sizeof(io_uring_recvmsg_out)) {
      // The name holds a port, which differs from run to run.
      size_t skip = std::min(bytes.size(), sizeof(io_uring_recvmsg_out) + scratch.name_bytes);
      seen.data = hash_of(bytes.subspan(skip));
    }
  } else if (receives && cqe.res > 0) {
    size_t bytes = std::min(static_cast<size_t>(cqe.res), scratch.buffer.size());
    seen.data = hash_of({scratch.buffer.data(), bytes});
  }
  return seen;
}

void Runner::await(Scratch& scratch) {
  if (!scratch.awaited && !scratch.ended) ++awaited_;
  scratch.awaited = scratch.awaited || !scratch.ended;
}

void Runner::note_end(Ring& ring, Scratch& scratch, uint32_t cqe_flags) {
  if (scratch.awaited) --awaited_;
  scratch.awaited = false;
  bool notifies = scratch.op == Op::send_zc && (cqe_flags & IORING_CQE_F_MORE) != 0;
  if (notifies) await(scratch);
  scratch.ended = !notifies;
  bool goes_on = (cqe_flags & IORING_CQE_F_MORE) != 0 && !notifies;
  if (scratch.next != nullptr && !goes_on) await(*scratch.next);
  if (!scratch.drains) return;
  ring.drain_over = true;
  for (Scratch& other : scratches_) {
    if (other.behind == &ring) await(other);
  }
}

void Runner::settle() {
  host_.settle(patience_);
  if (sends_zero_copy_) {
    peers_.acknowledge();
    host_.settle(1);
  }
  auto has_work = [](const auto& ring) { return ring->ring.kernel_flags() != 0; };
  for (unsigned round = 0; awaited_ > 0 && round < kMostRounds; ++round) {
    if (std::any_of(rings_.begin(), rings_.end(), has_work)) break;
    if (sends_zero_copy_) peers_.acknowledge();
    host_.settle(1);
  }
  peers_.acknowledge_ends();
  if (!shuts_down_) return;
  // The worker that shuts down may wake somebody before the peer has its end.
  host_.settle(1);
  peers_.acknowledge_ends();
}

void Runner::end_step(const Step& step, Observation& observation) {
  settle();
  for (uint8_t i = 0; i < rings_.size(); ++i) {
    observation.looks.push_back(look(i, Moment::settled, 0));
  }
  if (step.fetch == Fetch::all) fetch_all(step, observation);
  for (auto& ring : rings_) ring->ring.reap(step.reap);
}

void Runner::fetch_all(const Step& step, Observation& observation) {
  size_t first = observation.looks.size();
  for (uint8_t i = 0; i < rings_.size(); ++i) {
    observation.looks.push_back(Look{.moment = Moment::fetched, .ring = i, .seen = {}});
  }
  unsigned quiet = 0;
  for (unsigned round = 0; quiet < 2 && round < kMostRounds; ++round) {
    bool more = false;
    for (uint8_t i = 0; i < rings_.size(); ++i) {
      PlainRing& ring = rings_[i]->ring;
      if (step.reap == kReapAll) ring.reap(kReapAll);
      Look next = look(i, Moment::fetched, ring.fetch(0, 0));
      Look& sum = observation.looks[first + i];
      if (sum.returned == 0) sum.returned = next.returned;
      sum.kernel_flags = next.kernel_flags;
      sum.seen.insert(sum.seen.end(), next.seen.begin(), next.seen.end());
      more = more || !next.seen.empty();
    }
    quiet = more ? 0 : quiet + 1;
    if (quiet == 1) settle();
  }
}

// The memory of the operations is given back next, so none may be left.
void Runner::empty(Ring& ring) {
  for (unsigned round = 0; round < kMostRounds; ++round) {
    io_uring_sqe* sqe = ring.ring.sqe();
    if (sqe == nullptr) break;
    io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    sqe->user_data = 0;
    ring.ring.submit(0, 0);
    bool idle = false;
    for (unsigned fetches = 0; fetches < 2; ++fetches) {
      ring.ring.fetch(0, 0);
      while (const io_uring_cqe* cqe = ring.ring.look()) {
        idle = idle || (cqe->user_data == 0 && cqe->res == 0);
        seen(ring, *cqe);
      }
      ring.ring.reap(kReapAll);
    }
    if (idle && ring.ring.kernel_flags() == 0) return;
  }
}

int run_program(Host& host, const Program& program, Record& record) {
  Runner runner(host, program);
  int result = runner.set_up();
  if (result < 0) return result;
  record.clear();
  for (const Step& step : program.steps) record.push_back(runner.run(step));
  return 0;
}

}  // namespace gatio::fakes::conformance
