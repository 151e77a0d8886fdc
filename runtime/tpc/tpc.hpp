// A thread-pool context: the drivers of one NUMA node, the heap that they share, and the placement
// that chooses among them. Owned by the Runtime, built before any thread runs. place() is called on
// the drivers' threads, each with a Placement of its own.
#pragma once

#include <memory>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/driver/driver.hpp"
#include "runtime/memory/heap.hpp"
#include "runtime/tpc/layout.hpp"
#include "runtime/tpc/placement.hpp"

namespace gatio {

struct TpcOptions {
  Policy placement = Policy::best;
  size_t heap_bytes = 0;  // the quota
  uint64_t spin_ns = 0;
  RingOptions ring;
  uint64_t seed = 0;  // for two_choices
};

class Tpc final : public Placer {
 public:
  Tpc(Kernel& kernel, const TpcLayout& layout, const TpcOptions& options);

  // The driver for a task that is spawned on `from`, which may belong to another TPC. EPERM when no
  // driver may execute.
  Result<Executor*> place(Driver& from, const Hints& hints) override;
  // The same choice with all its candidates, to be shown in a trace.
  Result<Decision> explain(Driver& from, const Hints& hints);

  // Tasks that are spawned here run on `other` when this TPC has no driver that executes.
  void set_fallback(Tpc* other) { fallback_ = other; }

  [[nodiscard]] const TpcLayout& layout() const { return layout_; }
  [[nodiscard]] Heap& heap() { return heap_; }
  [[nodiscard]] std::vector<std::unique_ptr<Driver>>& drivers() { return drivers_; }
  [[nodiscard]] bool executes() const { return !executing_.empty(); }

 private:
  // One for each driver, touched by it alone.
  struct Chooser {
    Placement placement;
    std::vector<DriverLoad> loads;
  };

  Result<Executor*> choose(Chooser& chooser, const Hints& hints);
  void take_snapshot(std::vector<DriverLoad>& loads, const Driver* self);

  const TpcLayout layout_;
  Heap heap_;
  std::vector<std::unique_ptr<Driver>> drivers_;
  std::vector<Driver*> executing_;
  std::vector<Chooser> choosers_;
  Tpc* fallback_ = nullptr;
};

}  // namespace gatio
