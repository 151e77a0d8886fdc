#include "harness/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace gatio::harness {

Progress::Progress(size_t steps, double seconds_per_step)
    : start_(std::chrono::steady_clock::now()),
      steps_(steps),
      seconds_per_step_(seconds_per_step),
      terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  clear();
}

void Progress::step(const std::string& what) {
  const std::string line =
      fmt::format("[{:{}}/{}] {} left  {}", begun_ + 1, fmt::formatted_size("{}", steps_), steps_,
                  time_left(), what);
  ++begun_;
  clear();
  // A line that wraps cannot be rewritten, so it is cut at the usual width.
  fputs((terminal_ ? line.substr(0, 79) : line + "\n").c_str(), stderr);
  fflush(stderr);
}

void Progress::skip() {
  ++begun_;
  ++skipped_;
}

void Progress::say(const std::string& sentence) {
  clear();
  fputs((sentence + "\n").c_str(), stderr);
}

void Progress::clear() const {
  if (terminal_) fputs("\r\033[K", stderr);
}

std::string Progress::time_left() const {
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
  const size_t timed = begun_ - skipped_;
  const double each = timed < 3 ? seconds_per_step_ : spent.count() / static_cast<double>(timed);
  return readable_seconds(each * static_cast<double>(steps_ - begun_));
}

std::string readable_seconds(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  if (whole >= 60) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} s", whole);
}

}  // namespace gatio::harness
