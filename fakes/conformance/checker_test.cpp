// The checker is tested itself: records of the fake it must allow, and no lie about them. The real
// kernel is not needed for that, so these tests say the same on every machine.
#include "fakes/conformance/checker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "fakes/conformance/fake_host.hpp"
#include "fakes/conformance/generator.hpp"
#include "fakes/conformance/runner.hpp"
#include "fakes/conformance/shrink.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr unsigned kMostRuns = 40;

// What the fake does when it decides by these choices.
Record record_of(const Program& program, Choices& choices) {
  std::unique_ptr<Host> host = make_fake_host()(choices);
  Record record;
  EXPECT_EQ(run_program(*host, program, record), 0);
  return record;
}

Record tamest_record_of(const Program& program) {
  Choices choices{std::vector<uint32_t>{}};
  return record_of(program, choices);
}

Program one_batch(std::vector<Request> requests) {
  return {.objects = {ObjectKind::stream},
          .groups = {Group{}},
          .steps = {{.kind = StepKind::submit, .requests = std::move(requests)}}};
}

TEST(Checker, AllowsWhatTheModelDoesItself) {
  Checker checker(make_fake_host(), 1);
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Program program = generate(seed);
    Verdict verdict = checker.check(program, tamest_record_of(program));
    ASSERT_TRUE(verdict.allowed) << "seed " << seed << "\n" << to_text(verdict);
  }
}

// One of several requests is cancelled, any of them: that which it was is found by searching.
TEST(Checker, FindsChoicesThatAreNotTheTamest) {
  Program program =
      one_batch({{.op = Op::recv, .id = 1, .object = 0, .bytes = 4},
                 {.op = Op::recv, .id = 2, .object = 0, .bytes = 4},
                 {.op = Op::recv, .id = 3, .object = 0, .bytes = 4},
                 {.op = Op::cancel, .id = 4, .object = 0, .option = IORING_ASYNC_CANCEL_FD}});
  Checker checker(make_fake_host(), 400);
  std::set<std::string> seen;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Choices choices(seed);
    Record record = record_of(program, choices);
    seen.insert(to_text(record[0]));
    EXPECT_TRUE(checker.check(program, record).allowed) << to_text(record[0]);
  }
  EXPECT_EQ(seen.size(), 3u);
}

// Fifty that the tamest run does not explain: the search turns the right choices.
TEST(Checker, AllowsWhatTheModelDoesByOtherChoices) {
  constexpr size_t kFewSteps = 5;
  constexpr size_t kFewRequests = 12;
  constexpr unsigned kManyRuns = 1000;
  Checker tamest(make_fake_host(), 1);
  Checker checker(make_fake_host(), kManyRuns);
  unsigned searched = 0;
  for (uint64_t seed = 1; searched < 50; ++seed) {
    ASSERT_LT(seed, 10'000u) << "only " << searched << " programs";
    Program program = generate(seed);
    program.steps.resize(std::min(program.steps.size(), kFewSteps));
    if (requests_of(program).size() > kFewRequests) continue;
    Choices choices(seed);
    Record record = record_of(program, choices);
    if (tamest.check(program, record).allowed) continue;
    ++searched;
    Verdict verdict = checker.check(program, record);
    EXPECT_TRUE(verdict.allowed) << "seed " << seed << "\n" << to_text(program) << to_text(verdict);
  }
}

TEST(Checker, SaysWhetherItHasTriedAll) {
  Program program = one_batch({{.op = Op::recv, .id = 1, .object = 0, .bytes = 4},
                               {.op = Op::recv, .id = 2, .object = 0, .bytes = 4},
                               {.op = Op::cancel, .id = 3, .option = IORING_ASYNC_CANCEL_ANY}});
  Record record = tamest_record_of(program);
  record[0].result = 1;
  EXPECT_FALSE(Checker(make_fake_host(), 1).check(program, record).whole);
  EXPECT_TRUE(Checker(make_fake_host(), 400).check(program, record).whole);
}

TEST(Checker, BelievesNoRecordOfAnotherProgram) {
  Checker checker(make_fake_host(), kMostRuns);
  Program receive = one_batch({{.op = Op::recv, .id = 1, .object = 0, .bytes = 4}});
  Program send = one_batch({{.op = Op::send, .id = 1, .object = 0, .bytes = 4}});
  EXPECT_FALSE(checker.check(receive, tamest_record_of(send)).allowed);
  EXPECT_FALSE(checker.check(send, tamest_record_of(receive)).allowed);
  Program longer = send;
  longer.steps.push_back({});
  EXPECT_FALSE(checker.check(longer, tamest_record_of(send)).allowed);
  EXPECT_FALSE(checker.check(send, tamest_record_of(longer)).allowed);
}

TEST(Checker, SaysWhatTheFakeWouldDoInstead) {
  Checker checker(make_fake_host(), kMostRuns);
  Program program = one_batch({{.op = Op::nop, .id = 1}});
  Record record = tamest_record_of(program);
  record[0].looks[0].seen[0].result = 7;
  std::string text = to_text(checker.check(program, record));
  EXPECT_NE(text.find("no run of the fake explains step 0"), std::string::npos) << text;
  EXPECT_NE(text.find("real: submitted 1 [#1=7]"), std::string::npos) << text;
  EXPECT_NE(text.find("fake: submitted 1 [#1=0]"), std::string::npos) << text;
}

TEST(Shrink, LeavesOnlyWhatIsNeeded) {
  Program program = generate(5);
  for (int i = 0; i < 3; ++i) {
    program.steps.push_back({.kind = StepKind::submit,
                             .requests = {{.op = Op::nop, .id = 900},
                                          {.op = Op::socket, .id = 901, .bytes = 77, .option = 2},
                                          {.op = Op::nop, .id = 902}}});
  }
  auto has_socket = [](const Program& candidate) {
    for (const Request* request : requests_of(candidate)) {
      if (request->id == 901) return true;
    }
    return false;
  };
  Program smaller = shrink(program, has_socket, 1000);
  ASSERT_EQ(smaller.steps.size(), 1u);
  ASSERT_EQ(smaller.steps[0].requests.size(), 1u);
  EXPECT_EQ(to_text(smaller.steps[0].requests[0]), "{.op = Op::socket, .id = 901}");
  EXPECT_TRUE(smaller.objects.empty());
}

}  // namespace
}  // namespace gatio::fakes::conformance
