// Which two CQEs of a program come in an order that a rule fixes. All other orders are the kernel's
// free choice, so two runs that differ in them alone saw the same. A pure value made from a
// program; any thread.
#pragma once

#include <cstdint>
#include <map>

#include "fakes/conformance/program.hpp"
#include "fakes/conformance/record.hpp"

namespace gatio::fakes::conformance {

class Order {
 public:
  explicit Order(const Program& program);

  // Whether both looks at a step show the same CQEs, each request's in the same order, and those in
  // the same order whose order is fixed. Linux also wakes rings for nothing: task work that nothing
  // comes of is no difference.
  [[nodiscard]] bool same(const Step& step, const Observation& real, const Observation& fake) const;

 private:
  struct Place {
    size_t chain = 0;  // 0: in no chain
    bool drains = false;
    bool timed = false;  // a link timeout, or in a chain with one
  };
  [[nodiscard]] bool same(const Look& a, const Look& b, unsigned luck, bool in_order) const;
  [[nodiscard]] bool fixed(const Seen& a, const Seen& b, Moment moment) const;
  [[nodiscard]] const Place* find(uint32_t id) const;

  std::map<uint32_t, Place> places_;
  bool workers_ = false;  // worker threads have a part in it
};

}  // namespace gatio::fakes::conformance
