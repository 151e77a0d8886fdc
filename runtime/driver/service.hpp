// Something that lives on a driver from its start to its stop: the serving side of a port, say.
// Owned by the runtime; called on its driver's thread only.
#pragma once

#include "runtime/base/result.hpp"

namespace gatio {

class Service {
 public:
  virtual ~Service() = default;

  // Gets ready without letting anybody in: registers buffers, for example.
  virtual Result<void> prepare() = 0;
  // Lets the world in. Every driver has prepared by then. An error may also come later, by then it
  // is reported by check().
  virtual Result<void> start() = 0;
  // Called after the enter that follows start(): whether the kernel has accepted what start() asked
  // for.
  virtual Result<void> check() = 0;
  // Takes in nothing new and finishes what was begun.
  virtual void drain() = 0;
  // After drain(): whether all is finished.
  [[nodiscard]] virtual bool drained() const = 0;
  // Ends at once what is not finished, and gives everything back. Also called after a failed start,
  // and for a service that was never prepared. The turns go on until stopped() is true.
  virtual void stop() = 0;
  [[nodiscard]] virtual bool stopped() const = 0;
  // Once stopped, before the driver's ring is closed: gives back what is registered with it.
  virtual void close() = 0;
};

}  // namespace gatio
