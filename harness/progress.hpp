// Says on stderr how far a run is and how long it still takes: one line that is rewritten on a
// terminal, plain lines elsewhere. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace gatio::harness {

class Progress {
 public:
  // `seconds_per_step` is the guess until the first steps have been timed.
  Progress(size_t steps, double seconds_per_step);
  ~Progress();
  Progress(const Progress&) = delete;

  // A step begins; `what` is its name.
  void step(const std::string& what);
  // A step that is left out: it counts as done, and not for the time that a step takes.
  void skip();
  // A sentence that stays on the screen.
  void say(const std::string& sentence);

 private:
  void clear() const;
  [[nodiscard]] std::string time_left() const;

  std::chrono::steady_clock::time_point start_;
  size_t steps_;
  size_t begun_ = 0;  // and those left out
  size_t skipped_ = 0;
  double seconds_per_step_;
  bool terminal_;
};

// "1 h 02 min", "4 min 05 s", "12 s"
std::string readable_seconds(double seconds);

}  // namespace gatio::harness
