#include "runtime/config/mix.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/config/limits.hpp"

namespace gatio::config {
namespace {

constexpr Kind kKinds[] = {Kind::io, Kind::exec, Kind::both, Kind::pair};

// Walks over the text from left to right; every function consumes what it recognises.
class MixParser {
 public:
  explicit MixParser(std::string_view text) : text_(text) {}

  Result<Mix> parse() {
    Mix mix;
    do {
      auto node = node_mix();
      if (!node) return std::unexpected(node.error());
      mix.nodes.push_back(*node);
    } while (take(','));
    if (at_ != text_.size()) return expected("'+', ',' or the end");
    if (auto ok = check_nodes(mix); !ok) return std::unexpected(ok.error());
    return mix;
  }

 private:
  Result<NodeMix> node_mix() {
    NodeMix result;
    size_t colon = text_.find_first_of(":+,", at_);
    if (colon != text_.npos && text_[colon] == ':') {
      auto node = number("a node's number before ':'", kNodeNumber);
      if (!node) return std::unexpected(node.error());
      if (!take(':')) return expected("':' after the node's number");
      result.node = *node;
    }
    unsigned drivers = 0;
    do {
      size_t start = at_;
      auto part = mix_part();
      if (!part) return std::unexpected(part.error());
      bool star = part->cores == MixPart::kAllLeft;
      bool second_star = star && std::ranges::any_of(result.parts, [](const MixPart& other) {
                           return other.cores == MixPart::kAllLeft;
                         });
      if (second_star)
        return error(start, "has a second '*', but only one part can take all cores left");
      drivers += star ? 1 : part->cores * (part->kind == Kind::pair ? 2 : 1);
      if (drivers > kDriversPerNode.high)
        return error(start, "asks for more than " + std::to_string(kDriversPerNode.high) +
                                " drivers on a node");
      result.parts.push_back(*part);
    } while (take('+'));
    return result;
  }

  Result<MixPart> mix_part() {
    MixPart part;
    if (take('*')) {
      part.cores = MixPart::kAllLeft;
    } else {
      auto cores = number("a number of cores or '*'", kDriversPerNode);
      if (!cores) return std::unexpected(cores.error());
      part.cores = *cores;
    }
    size_t end = at_;
    while (end < text_.size() && text_[end] >= 'a' && text_[end] <= 'z') ++end;
    std::string_view word = text_.substr(at_, end - at_);
    const Kind* kind = std::ranges::find(kKinds, word, [](Kind each) { return name(each); });
    if (kind == std::end(kKinds)) return expected("io, exec, both or pair");
    at_ = end;
    part.kind = *kind;
    return part;
  }

  Result<unsigned> number(const char* what, Range range) {
    unsigned value = 0;
    const char* begin = text_.data() + at_;
    auto [end, code] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (code == std::errc::invalid_argument) return expected(what);
    if (code != std::errc() || !range.holds(value))
      return error(at_, "needs " + std::string(what) + " from " + std::to_string(range.low) +
                            " to " + std::to_string(range.high));
    at_ += end - begin;
    return value;
  }

  Result<void> check_nodes(const Mix& mix) const {
    for (size_t i = 0; i < mix.nodes.size(); ++i) {
      if (!mix.nodes[i].node && mix.nodes.size() > 1)
        return fail(
            0, quoted() +
                   " names several nodes, so each part needs its node, as in 0:1io+3exec,1:4both");
      for (size_t j = 0; j < i; ++j)
        if (mix.nodes[i].node == mix.nodes[j].node)
          return fail(0, quoted() + " names node " + std::to_string(*mix.nodes[i].node) + " twice");
    }
    return {};
  }

  bool take(char wanted) {
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  std::string quoted() const { return "mix '" + std::string(text_) + "'"; }

  std::unexpected<Error> error(size_t at, const std::string& what) const {
    return fail(0, quoted() + " " + what + " (column " + std::to_string(at + 1) + ")");
  }

  std::unexpected<Error> expected(const std::string& what) const {
    std::string found =
        at_ == text_.size() ? "the end" : "'" + std::string(text_.substr(at_, 12)) + "'";
    return error(at_, "has " + found + " where " + what + " is expected");
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::io:
      return "io";
    case Kind::exec:
      return "exec";
    case Kind::both:
      return "both";
    case Kind::pair:
      return "pair";
  }
  return "?";
}

Result<Mix> parse_mix(std::string_view text) {
  return MixParser(text).parse();
}

std::string print(const NodeMix& mix) {
  std::string text;
  for (const MixPart& part : mix.parts) {
    if (!text.empty()) text += '+';
    text += part.cores == MixPart::kAllLeft ? "*" : std::to_string(part.cores);
    text += name(part.kind);
  }
  return mix.node ? std::to_string(*mix.node) + ":" + text : text;
}

std::string print(const Mix& mix) {
  std::string text;
  for (const NodeMix& node : mix.nodes) {
    if (!text.empty()) text += ',';
    text += print(node);
  }
  return text;
}

}  // namespace gatio::config
