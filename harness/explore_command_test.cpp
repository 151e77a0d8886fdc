// What `gatio explore` and `gatio replay` refuse, and how they end.
#include "harness/explore_command.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "harness/exit_code.hpp"

namespace gatio::harness {
namespace {

struct Said {
  int code = 0;
  std::string out;
  std::string err;
};

template <typename Command>
Said say(Command command) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  Said said;
  said.code = command();
  said.out = testing::internal::GetCapturedStdout();
  said.err = testing::internal::GetCapturedStderr();
  return said;
}

void is_bad_input(const Said& said, const std::string& with) {
  EXPECT_EQ(said.code, kBadInput) << with;
  EXPECT_TRUE(said.out.empty()) << said.out;
  EXPECT_NE(said.err.find(with), std::string::npos) << said.err;
  EXPECT_EQ(said.err.find('\n'), said.err.size() - 1) << "one sentence, not: " << said.err;
}

TEST(ExploreCommand, RefusesSeedsThatAreNone) {
  for (const char* seeds : {"", "0", "0..5", "5..4", "a", "1..", "1..b", "..3", "1-3", "1.3", "-1",
                            "1..3x", "18446744073709551616", "1..18446744073709551616"}) {
    ExploreOptions options;
    options.seeds = seeds;
    is_bad_input(say([&] { return explore_command(options); }), "--seeds takes A..B");
  }
}

TEST(ExploreCommand, RefusesACaseThatIsNone) {
  ExploreOptions options;
  options.cases = {"tasks", "nonsense"};
  is_bad_input(say([&] { return explore_command(options); }), "there is no case 'nonsense'");
}

TEST(ExploreCommand, SaysWhatHeld) {
  ExploreOptions options;
  options.seeds = "1..40";
  options.workers = 1;
  options.cases = {"tasks"};
  Said said = say([&] { return explore_command(options); });
  EXPECT_EQ(said.code, kFine) << said.out;
  EXPECT_NE(said.out.find("40 runs in"), std::string::npos) << said.out;
  EXPECT_NE(said.out.find("no property was falsified"), std::string::npos) << said.out;
}

// The canary of every campaign: what is falsified ends it with 1, shrunk, and in a file by kinds.
TEST(ExploreCommand, APlantedFalsificationIsAFinding) {
  constexpr Case kPlanted{"planted", "", [](fakes::Choices& choices, const CaseOptions&) {
                            CaseResult result;
                            uint32_t first = choices.choose(fakes::ChoiceKind::program, 8);
                            bool struck = choices.one_in(fakes::ChoiceKind::fault, 3);
                            if (first >= 5 && struck) result.findings.push_back("S99: planted");
                            return result;
                          }};
  std::string file = testing::TempDir() + "planted-failure.txt";
  ExploreOptions options{
      .seeds = "1..500", .workers = 1, .trace = "", .failure = file, .planted = {&kPlanted}};
  Said said = say([&] { return explore_command(options); });
  EXPECT_EQ(said.code, kFinding) << said.out;
  EXPECT_NE(said.out.find("S99: planted"), std::string::npos) << said.out;
  EXPECT_NE(said.out.find(":planted:preempt:choices=5.3\n"), std::string::npos) << said.out;
  std::ifstream stored(file);
  std::string text{std::istreambuf_iterator<char>(stored), {}};
  EXPECT_NE(text.find("1 program, 1 fault\n"), std::string::npos) << text;
  EXPECT_NE(text.find("fault        3 of 4\n"), std::string::npos) << text;
  std::filesystem::remove(file);
}

// What a process leaves that is killed was taken for the tamest of all runs, and shrunk.
TEST(ExploreCommand, AFailureWithoutChoicesIsReplayedByItsSeed) {
  constexpr Case kKilled{"killed", "", [](fakes::Choices& choices, const CaseOptions&) {
                           if (choices.choose(fakes::ChoiceKind::program, 8) >= 5) raise(SIGKILL);
                           return CaseResult{};
                         }};
  uint64_t seed = 1;
  while (fakes::Choices(seed).choose(fakes::ChoiceKind::program, 8) < 5) ++seed;
  ExploreOptions options{
      .seeds = "1..500", .workers = 1, .trace = "", .failure = "", .planted = {&kKilled}};
  Said said = say([&] { return explore_command(options); });
  EXPECT_EQ(said.code, kFinding) << said.out;
  EXPECT_NE(said.out.find("(ended by signal 9)"), std::string::npos) << said.out;
  EXPECT_NE(said.out.find(":killed:preempt:seed=" + std::to_string(seed) + "\n"), std::string::npos)
      << said.out;
}

// A trace that could not be written was not missed.
TEST(ExploreCommand, RefusesAFileThatCannotBeWritten) {
  ExploreOptions trace{.trace = "/nonexistent/x.json"};
  is_bad_input(say([&] { return explore_command(trace); }), "--trace /nonexistent/x.json: cannot");
  ExploreOptions failure{.failure = testing::TempDir()};
  is_bad_input(say([&] { return explore_command(failure); }), "is a folder; name a file in it");
}

TEST(ReplayCommand, RefusesATraceThatCannotBeWritten) {
  ReplayOptions options{.line = "v1:another:echo:preempt:seed=2", .trace = "/nonexistent/x.json"};
  is_bad_input(say([&] { return replay_command(options); }), "--trace /nonexistent/x.json: cannot");
}

TEST(ReplayCommand, RefusesALineThatIsNone) {
  for (const char* line : {"", "v9:1:tasks:preempt:seed=1", "v1:1:none:preempt:seed=1",
                           "v1:1:tasks:maybe:seed=1", "v1:1:tasks:preempt:seed=one"}) {
    ReplayOptions options;
    options.line = line;
    is_bad_input(say([&] { return replay_command(options); }), "replay line");
  }
}

TEST(ReplayCommand, RunsALineOfAnotherRevisionWithAWarning) {
  ReplayOptions options;
  options.line = "v1:another:echo:preempt:seed=2";
  Said said = say([&] { return replay_command(options); });
  EXPECT_EQ(said.code, kFine) << said.out;
  EXPECT_NE(said.out.find("it holds"), std::string::npos) << said.out;
  EXPECT_NE(said.err.find("revision another"), std::string::npos) << said.err;
}

}  // namespace
}  // namespace gatio::harness
