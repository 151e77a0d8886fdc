// Every lie about records of the fake is found out, and there is one for each rule.
#include "fakes/conformance/lies.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <string>

#include "fakes/conformance/checker.hpp"
#include "fakes/conformance/fake_host.hpp"
#include "fakes/conformance/generator.hpp"
#include "fakes/conformance/runner.hpp"
#include "fakes/conformance/statistics.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr unsigned kFewRuns = 40;
constexpr unsigned kManyRuns = 4000;
constexpr uint32_t kSelect = IOSQE_BUFFER_SELECT;

std::string text(const Lie& lie) {
  return std::string(lie.rule) + ": " + lie.text;
}

Record tamest_record_of(const Program& program) {
  Choices choices{std::vector<uint32_t>{}};
  std::unique_ptr<Host> host = make_fake_host()(choices);
  Record record;
  EXPECT_EQ(run_program(*host, program, record), 0);
  return record;
}

Step submit(std::vector<Request> requests) {
  return {.kind = StepKind::submit, .requests = std::move(requests)};
}

std::vector<Request> nops(uint32_t first, uint32_t count) {
  std::vector<Request> all;
  for (uint32_t i = 0; i < count; ++i) all.push_back({.op = Op::nop, .id = first + i});
  return all;
}

// Programs that show what random ones seldom do.
std::vector<Program> directed_programs() {
  constexpr uint32_t kLink = IOSQE_IO_LINK;
  std::vector<Program> all;
  // U15: two wait in the overflow list when another ends.
  all.push_back(
      {.sq_entries = 4,
       .cq_entries = 4,
       .steps = {
           {.kind = StepKind::submit, .fetch = Fetch::none, .reap = 0, .requests = nops(1, 4)},
           {.kind = StepKind::submit, .fetch = Fetch::none, .requests = nops(5, 2)},
           {.kind = StepKind::submit, .requests = nops(7, 1)}}});
  // U16: the fifth datagram finds the CQ full.
  Program full{
      .sq_entries = 4,
      .cq_entries = 4,
      .objects = {ObjectKind::datagram},
      .groups = {{.count = 8}},
      .steps = {submit({{.op = Op::recv_multishot, .id = 1, .object = 0, .flags = kSelect}})}};
  for (int i = 0; i < 5; ++i) {
    full.steps.push_back(
        {.kind = StepKind::peer_send, .object = 0, .amount = 1, .fetch = Fetch::none});
  }
  full.steps.push_back({.kind = StepKind::enter, .fetch = Fetch::none});
  full.steps.push_back({});
  all.push_back(full);
  // U26: of three connections the table has room for two.
  all.push_back(
      {.direct = true,
       .objects = {ObjectKind::listener},
       .steps = {submit({{.op = Op::accept_multishot, .id = 1, .object = 0, .option = kDirect}}),
                 {.kind = StepKind::peer_connect, .object = 0},
                 {.kind = StepKind::peer_connect, .object = 0},
                 {.kind = StepKind::peer_connect, .object = 0},
                 submit({{.op = Op::accept, .id = 2, .object = 0}})}});
  // U28
  all.push_back({.objects = {ObjectKind::listener},
                 .steps = {submit({{.op = Op::accept_multishot,
                                    .id = 1,
                                    .object = 0,
                                    .flags = IOSQE_CQE_SKIP_SUCCESS}}),
                           {.kind = StepKind::peer_connect, .object = 0}}});
  // U33: three bytes and the end, for a receive of eight.
  for (uint32_t option : {0, int{MSG_WAITALL}}) {
    all.push_back({.objects = {ObjectKind::stream},
                   .steps = {{.kind = StepKind::peer_send, .object = 0, .amount = 3},
                             {.kind = StepKind::peer_close, .object = 0},
                             submit({{.op = Op::recv,
                                      .id = 1,
                                      .object = 0,
                                      .bytes = 8,
                                      .option = option,
                                      .flags = kLink},
                                     {.op = Op::nop, .id = 2}})}});
  }
  // U36
  all.push_back(
      {.objects = {ObjectKind::event},
       .steps = {submit({{.op = Op::poll_multishot, .id = 1, .object = 0, .option = POLLIN},
                         {.op = Op::nop, .id = 2, .flags = IOSQE_IO_DRAIN},
                         {.op = Op::nop, .id = 3}})}});
  // U11: one more than an enter runs, of what has but one order.
  Program messages{.rings = 2, .steps = {{.kind = StepKind::submit, .fetch = Fetch::none}}};
  for (uint32_t id = 1; id <= 21; ++id) {
    messages.steps[0].requests.push_back({.op = Op::message, .id = id, .option = 1});
  }
  messages.steps.push_back({.kind = StepKind::enter, .ring = 1, .fetch = Fetch::none});
  all.push_back(messages);
  return all;
}

TEST(Lies, ThereIsOneForEachRule) {
  for (const char* rule : all_rules()) {
    EXPECT_TRUE(std::ranges::any_of(all_lies(), [&](const Lie& lie) {
      return std::string(lie.rule) == rule;
    })) << rule;
  }
}

TEST(Lies, AreAboutRules) {
  for (const Lie& lie : all_lies()) {
    EXPECT_TRUE(std::ranges::any_of(all_rules(), [&](const std::string& rule) {
      return rule == lie.rule;
    })) << text(lie);
  }
}

// A lie counts as found out where all runs of the fake were tried: else more of them might yet
// explain it.
TEST(Lies, AreNotBelieved) {
  struct Told {
    unsigned told = 0;
    unsigned whole = 0;
  };
  std::map<const Lie*, Told> count;
  Checker few(make_fake_host(), kFewRuns);
  Checker many(make_fake_host(), kManyRuns);
  auto tell_all = [&](const Program& program, uint64_t seed, unsigned most) {
    Record record = tamest_record_of(program);
    for (const Lie& lie : all_lies()) {
      Told& so_far = count[&lie];
      if (so_far.told >= most) continue;
      Prng prng(seed);
      Record changed = record;
      if (!plant(lie, program, changed, prng)) continue;
      ++so_far.told;
      const Checker& checker = so_far.whole == 0 ? many : few;
      Verdict verdict = checker.check(program, changed);
      if (verdict.whole) ++so_far.whole;
      EXPECT_FALSE(verdict.allowed) << "seed " << seed << ", " << text(lie) << "\n"
                                    << to_text(program);
    }
  };
  for (const Program& program : directed_programs()) tell_all(program, 0, ~0U);
  for (uint64_t seed = 1; seed <= 1500; ++seed) tell_all(generate(seed), seed, 6);
  for (const Lie& lie : all_lies()) {
    EXPECT_GE(count[&lie].whole, 1U) << text(lie) << ", told " << count[&lie].told;
  }
}

}  // namespace
}  // namespace gatio::fakes::conformance
