#include "runtime/tpc/tpc.hpp"

#include <cerrno>

namespace gatio {

Tpc::Tpc(Kernel& kernel, const TpcLayout& layout, const TpcOptions& options)
    : layout_(layout), heap_(kernel, static_cast<int>(layout.os_index), options.heap_bytes) {
  for (const DriverLayout& place : layout.drivers) {
    drivers_.push_back(
        std::make_unique<Driver>(kernel, heap_,
                                 DriverOptions{.role = place.role,
                                               .index = place.index,
                                               .tpc = layout.position,
                                               .cpu = place.pu,
                                               .node = static_cast<int>(layout.os_index),
                                               .ring = options.ring,
                                               .spin_ns = options.spin_ns}));
    if (config::executes(place.role)) executing_.push_back(drivers_.back().get());
    choosers_.push_back({Placement(options.placement, options.seed + place.index), {}});
  }
}

Result<Executor*> Tpc::place(Driver& from, const Hints& hints) {
  if (executing_.empty()) {
    if (fallback_ == nullptr) {
      return fail(EPERM, "no driver may execute tasks: give a TPC an exec or both driver");
    }
    // The other TPC's choice, with this driver's own state: it belongs to this thread.
    return fallback_->choose(choosers_[from.options().index],
                             {hints.priority, std::nullopt, hints.cost_ns});
  }
  Hints its_hints = hints;
  if (!its_hints.from_driver) its_hints.from_driver = from.options().index;
  return choose(choosers_[from.options().index], its_hints);
}

Result<Executor*> Tpc::choose(Chooser& chooser, const Hints& hints) {
  if (executing_.size() == 1) return executing_.front();
  Driver* self = Driver::current();
  take_snapshot(chooser.loads, self);
  Result<unsigned> index = chooser.placement.choose(chooser.loads, hints);
  if (!index) return Error(index.error());
  Driver* chosen = drivers_[*index].get();
  if (chosen != self) {
    // The next choice must see this one, though its target has not: it publishes its load once a
    // turn.
    uint64_t cost_ns = hints.cost_ns != 0 ? hints.cost_ns : self->average_work_ns();
    chosen->load().coming_ns.fetch_add(cost_ns, std::memory_order_relaxed);
    chosen->load().coming_tasks.fetch_add(1, std::memory_order_relaxed);
  }
  return chosen;
}

Result<Decision> Tpc::explain(Driver& from, const Hints& hints) {
  Chooser& chooser = choosers_[from.options().index];
  take_snapshot(chooser.loads, &from);
  return chooser.placement.explain(chooser.loads, hints);
}

void Tpc::take_snapshot(std::vector<DriverLoad>& loads, const Driver* self) {
  loads.clear();
  for (Driver* driver : executing_) {
    const DriverLayout& place = layout_.drivers[driver->options().index];
    DriverLoad load{.index = place.index,
                    .executes = true,
                    .parked = driver->looks_parked(),
                    .queued_tasks = 0,
                    .node = place.node,
                    .l3 = place.l3,
                    .core = place.core,
                    .pu = place.pu};
    if (driver == self) {
      load.parked = false;
      driver->own_load(load.queued_ns, load.queued_tasks);
    } else {
      PublishedLoad& published = driver->load();
      for (size_t level = 0; level < kPriorityCount; ++level) {
        load.queued_ns[level] = published.queued_ns[level].load(std::memory_order_relaxed);
      }
      // What is on its way counts as most urgent, since nobody knows its priority any more.
      load.queued_ns[0] += published.coming_ns.load(std::memory_order_relaxed);
      load.queued_tasks = published.queued_tasks.load(std::memory_order_relaxed) +
                          published.coming_tasks.load(std::memory_order_relaxed);
    }
    loads.push_back(load);
  }
}

}  // namespace gatio
