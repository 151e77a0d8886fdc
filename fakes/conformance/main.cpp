// fakes_conformance [--seconds N] [--programs N] [--seed S] [--runs N] [--disagreements N]
// [--show]: random operation programs on the real kernel, each checked against what the fake kernel
// allows. Exit codes: 0 fine, 1 a disagreement, 2 bad usage, 4 no io_uring here.
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>

#include "fakes/conformance/campaign.hpp"
#include "fakes/conformance/fake_host.hpp"

namespace {

bool number(const char* text, uint64_t& value) {
  const char* end = text + std::strlen(text);
  auto [stopped, error] = std::from_chars(text, end, value);
  return error == std::errc{} && stopped == end;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace gatio::fakes::conformance;
  CampaignOptions options;
  bool show = false;
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i];
    if (name == "--show") {
      show = true;
      continue;
    }
    uint64_t value = 0;
    bool known = i + 1 < argc && number(argv[i + 1], value);
    if (known && name == "--seconds") {
      options.seconds = value;
    } else if (known && name == "--programs") {
      options.programs = value;
    } else if (known && name == "--seed") {
      options.seed = value;
    } else if (known && name == "--runs") {
      options.most_runs = static_cast<unsigned>(value);
    } else if (known && name == "--disagreements") {
      options.most_disagreements = static_cast<unsigned>(value);
    } else {
      std::fprintf(stderr,
                   "fakes_conformance: '%s' needs a number or is unknown; use --seconds N, "
                   "--programs N, --seed S, --runs N, --disagreements N, --show\n",
                   argv[i]);
      return 2;
    }
    ++i;
  }
  auto say = [](const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  };
  Campaign campaign(make_fake_host(), options);
  return show ? campaign.show(options.seed, say) : campaign.run(say);
}
