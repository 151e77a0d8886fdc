// "Did you mean ...?" for a word that is none of those expected. Pure functions: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatio::config {

// The candidate that needs the fewest edits, where so few are needed that a slip of the fingers
// explains them.
[[nodiscard]] std::optional<std::string_view> closest(
    std::string_view word, const std::vector<std::string_view>& candidates);

// "unknown; did you mean 'backlog'?" or, where nothing is close, "unknown; one of a, b, c is
// expected".
[[nodiscard]] std::string unknown_among(std::string_view word,
                                        const std::vector<std::string_view>& candidates);

}  // namespace gatio::config
