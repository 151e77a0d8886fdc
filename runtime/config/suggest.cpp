#include "runtime/config/suggest.hpp"

#include <algorithm>
#include <utility>

namespace gatio::config {
namespace {

// Levenshtein's distance, row by row.
size_t edits(std::string_view from, std::string_view to) {
  std::vector<size_t> row(to.size() + 1);
  for (size_t j = 0; j <= to.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= from.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= to.size(); ++j) {
      size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[to.size()];
}

}  // namespace

std::optional<std::string_view> closest(std::string_view word,
                                        const std::vector<std::string_view>& candidates) {
  // One slip in three letters; two swapped letters count as two edits.
  size_t allowed = std::max<size_t>(word.size() > 2 ? 2 : 1, word.size() / 3);
  std::optional<std::string_view> best;
  for (std::string_view candidate : candidates) {
    size_t distance = edits(word, candidate);
    if (distance > allowed || distance >= candidate.size()) continue;
    best = candidate;
    allowed = distance - (distance > 0 ? 1 : 0);
    if (distance == 0) break;
  }
  return best;
}

std::string unknown_among(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (auto near = closest(word, candidates))
    return "unknown; did you mean '" + std::string(*near) + "'?";
  std::string all;
  for (std::string_view candidate : candidates)
    all += (all.empty() ? "" : ", ") + std::string(candidate);
  return "unknown; one of " + all + " is expected";
}

}  // namespace gatio::config
