#include "fakes/conformance/shrink.hpp"

#include <vector>

namespace gatio::fakes::conformance {
namespace {

using Edit = std::function<bool(Program&)>;  // false where there is nothing to edit

template <typename T>
bool erase(std::vector<T>& list, size_t at, size_t count) {
  if (at + count > list.size()) return false;
  auto first = list.begin() + static_cast<long>(at);
  list.erase(first, first + static_cast<long>(count));
  return true;
}

template <typename T>
bool set(T& value, T to) {
  if (value == to) return false;
  value = to;
  return true;
}

void edits_of_request(std::vector<Edit>& edits, size_t step, size_t at) {
  auto add = [&](auto edit) {
    edits.push_back([=](Program& program) { return edit(program.steps[step].requests[at]); });
  };
  add([](Request& request) { return set<uint32_t>(request.bytes, 0); });
  add([](Request& request) { return set(request.bytes, request.bytes / 2); });
  for (uint32_t bit = 0; bit < 20; ++bit) {
    add([=](Request& request) {
      return set(request.option, request.option & ~(uint32_t{1} << bit));
    });
  }
  for (uint32_t bit = 0; bit < 8; ++bit) {
    if (bit == IOSQE_IO_DRAIN_BIT) continue;  // what follows it was made for it
    add([=](Request& request) {
      return set(request.flags, request.flags & ~(uint32_t{1} << bit));
    });
  }
}

// All edits that make a program smaller, the largest first.
std::vector<Edit> edits_of(const Program& program) {
  std::vector<Edit> edits;
  for (size_t count : {8, 4, 2, 1}) {
    for (size_t i = 0; i + count <= program.steps.size(); ++i) {
      edits.push_back([=](Program& smaller) { return erase(smaller.steps, i, count); });
    }
  }
  for (size_t i = 0; i < program.steps.size(); ++i) {
    for (size_t count : {16, 8, 4, 2, 1}) {
      for (size_t j = 0; j + count <= program.steps[i].requests.size(); ++j) {
        edits.push_back(
            [=](Program& smaller) { return erase(smaller.steps[i].requests, j, count); });
      }
    }
    edits.push_back([=](Program& smaller) { return set(smaller.steps[i].reap, kReapAll); });
    edits.push_back([=](Program& smaller) { return set(smaller.steps[i].fetch, Fetch::all); });
    edits.push_back([=](Program& smaller) { return set<uint32_t>(smaller.steps[i].amount, 0); });
    edits.push_back([=](Program& smaller) {
      uint32_t& amount = smaller.steps[i].amount;
      return amount > 1 && set<uint32_t>(amount, 1);
    });
    for (size_t j = 0; j < program.steps[i].requests.size(); ++j) edits_of_request(edits, i, j);
  }
  edits.push_back([](Program& smaller) { return set<uint8_t>(smaller.rings, 1); });
  edits.push_back([](Program& smaller) {
    if (smaller.groups.empty()) return false;
    smaller.groups.pop_back();
    return true;
  });
  edits.push_back([](Program& smaller) {
    if (smaller.objects.empty()) return false;
    smaller.objects.pop_back();
    return true;
  });
  edits.push_back([](Program& smaller) { return set<uint16_t>(smaller.cq_entries, 128); });
  edits.push_back([](Program& smaller) { return set<uint16_t>(smaller.sq_entries, 32); });
  return edits;
}

// The runner needs a ring for each step; and a chain that the batch cuts off is another matter: the
// real kernel gives it to a worker thread.
bool sound(const Program& program) {
  for (const Step& step : program.steps) {
    if (step.ring >= program.rings || step.requests.size() > program.sq_entries) return false;
    constexpr uint32_t kLinks = IOSQE_IO_LINK | IOSQE_IO_HARDLINK;
    for (const Request& request : step.requests) {
      // It would never end.
      if (request.op == Op::timeout_multishot && request.bytes == 0) return false;
      // Somebody else might take the error that it waits for.
      if (request.op == Op::connect && step.fetch == Fetch::none) return false;
    }
    if (!step.requests.empty() && (step.requests.back().flags & kLinks) != 0) return false;
  }
  return program.cq_entries >= program.sq_entries;
}

}  // namespace

Program shrink(Program program, const std::function<bool(const Program&)>& holds, unsigned budget) {
  bool smaller = true;
  while (smaller && budget > 0) {
    smaller = false;
    std::vector<Edit> edits = edits_of(program);
    for (size_t i = 0; i < edits.size() && budget > 0;) {
      Program candidate = program;
      bool fits = edits[i](candidate) && sound(candidate);
      if (fits) --budget;
      if (!fits || !holds(candidate)) {
        ++i;
        continue;
      }
      program = std::move(candidate);
      edits = edits_of(program);  // those before the i-th are tried again in the next round
      smaller = true;
    }
  }
  return program;
}

}  // namespace gatio::fakes::conformance
