// The whole of `gatio run` on a small server of another make: a few lines of Perl, which every
// Debian has.
#include "harness/run_command.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "harness/process.hpp"

namespace gatio::harness {
namespace {

// Answers every head; request number N*k is answered wrongly when the second argument N is not 0.
constexpr const char* kServer = R"perl(
use IO::Socket::INET; use IO::Select; use Socket qw(IPPROTO_TCP TCP_NODELAY);
my ($port, $lie) = @ARGV;
my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $port, Listen => 128, ReuseAddr => 1) or die "no port: $!";
my ($select, %text, $count) = (IO::Select->new($listener));
while (my @ready = $select->can_read) {
  for my $fd (@ready) {
    if ($fd == $listener) { my $new = $listener->accept; setsockopt($new, IPPROTO_TCP, TCP_NODELAY, 1); $select->add($new); next; }
    my $got = sysread($fd, $text{$fd}, 65536, length($text{$fd} // ""));
    if (!$got) { $select->remove($fd); delete $text{$fd}; close $fd; next; }
    my $out = "";
    while ($text{$fd} =~ s/^.*?\r\n\r\n//s) {
      my $body = ($lie && ++$count % $lie == 0) ? "Hallo" : "Hello";
      $out .= "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n$body";
    }
    syswrite($fd, $out) if $out ne "";
  }
}
)perl";

class RunCommand : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/gatio-run-XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    write("server.pl", kServer);
    options_.scenario = folder_ + "/s.toml";
    options_.out = folder_ + "/out.json";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
  }

  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ + "/" + name).rdbuf();
    return text.str();
  }

  // A scenario with this server as its only target.
  void scenario(const std::string& command) const {
    write("s.toml",
          "name = \"s\"\nconnections = [2]\nrepetitions = 1\nseconds = 1\nexpect = { body = "
          "\"Hello\" }\n"
          "[[target]]\nname = \"perl\"\ncommand = " +
              command + "\n");
  }
  std::string perl(int lie) const {
    return "[\"perl\", \"" + folder_ + "/server.pl\", \"{port}\", \"" + std::to_string(lie) + "\"]";
  }

  // Runs it and takes what it says on stderr.
  int run() {
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const int code = run_command(options_);
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return code;
  }

  std::string folder_;
  RunOptions options_;
  std::string out_;
  std::string err_;
};

TEST_F(RunCommand, MeasuresAnHonestServer) {
  if (!program_exists("wrk")) GTEST_SKIP() << "wrk is not installed";
  scenario(perl(0));
  ASSERT_EQ(run(), 0) << err_;
  EXPECT_NE(out_.find("perl"), std::string::npos) << out_;
  const auto json = nlohmann::json::parse(read("out.json"));
  ASSERT_EQ(json["benchmarks"].size(), 1U);
  EXPECT_EQ(json["benchmarks"][0]["name"], "s/target:perl/conns:2");
  EXPECT_GT(json["benchmarks"][0]["cpu_time"], 0);
  EXPECT_EQ(json["context"]["complete"], true);
  EXPECT_EQ(read("out.json").find("\"/"), std::string::npos) << "an absolute path";
}

TEST_F(RunCommand, AServerThatLiesOnceInAThousandIsAFinding) {
  if (!program_exists("wrk")) GTEST_SKIP() << "wrk is not installed";
  scenario(perl(1000));
  EXPECT_EQ(run(), 1);
  EXPECT_NE(err_.find("replies were wrong; "), std::string::npos) << err_;
  EXPECT_NE(err_.find("body \"Hallo\" instead of \"Hello\""), std::string::npos) << err_;
}

TEST_F(RunCommand, AServerThatDiesInTheCheckPassDidNotDieUnderLoad) {
  if (!program_exists("wrk")) GTEST_SKIP() << "wrk is not installed";
  std::string dying = kServer;
  dying.replace(dying.find("my $body"), 0, "exit 7 if ++$count == 1000; ");
  write("server.pl", dying);
  scenario(perl(0));
  EXPECT_EQ(run(), 1);
  EXPECT_NE(err_.find("exit code 7 while its replies were checked"), std::string::npos) << err_;
}

TEST_F(RunCommand, AServerThatEndsAtOnceIsAFinding) {
  if (!program_exists("wrk")) GTEST_SKIP() << "wrk is not installed";
  scenario(R"(["sh", "-c", "echo no luck today >&2; exit 3"])");
  EXPECT_EQ(run(), 1);
  EXPECT_NE(err_.find("exit code 3 before it answered: no luck today"), std::string::npos) << err_;
}

TEST_F(RunCommand, ExitCode2OfATargetIsAFindingAsAnyOther) {
  if (!program_exists("wrk")) GTEST_SKIP() << "wrk is not installed";
  scenario(R"(["sh", "-c", "exit 2"])");
  EXPECT_EQ(run(), 1);
}

TEST_F(RunCommand, AServerThatLacksSomethingIsSkippedByName) {
  if (!program_exists("wrk")) GTEST_SKIP() << "wrk is not installed";
  scenario(R"(["sh", "-c", "echo io_uring is disabled >&2; exit 4"])");
  EXPECT_EQ(run(), 4);
  EXPECT_NE(err_.find("skipped: perl"), std::string::npos) << err_;
  EXPECT_NE(err_.find("io_uring is disabled"), std::string::npos) << err_;
}

// Our own servers lie beside the program, here beside the test.
class OwnServer : public RunCommand {
 protected:
  void SetUp() override {
    RunCommand::SetUp();
    const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "scenarios";
    std::filesystem::create_directories(folder);
    name_ = "test-server-" + std::to_string(getpid());
    path_ = folder / name_;
  }
  void TearDown() override {
    std::filesystem::remove(path_);
    RunCommand::TearDown();
  }

  // A scenario with an own server that is this shell script, and the honest one as a target.
  void scenario_with(const std::string& script) const {
    std::ofstream(path_) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
    scenario(perl(0));
    const std::string rest = read("s.toml");
    write("s.toml", "server = \"" + name_ + "\"\nmixes = [\"1both\"]\n" + rest);
  }

  std::string name_;
  std::filesystem::path path_;
};

TEST_F(OwnServer, WithoutAMixThatRunsATargetAloneIsNoAnswer) {
  if (!program_exists("wrk")) GTEST_SKIP() << "wrk is not installed";
  scenario_with("echo \"$0: io_uring is disabled\" >&2; exit 4");
  EXPECT_EQ(run(), 4);
  EXPECT_NE(out_.find("perl"), std::string::npos) << out_;
  EXPECT_NE(err_.rfind("gatio run: 1both: the server ended with exit code 4"), std::string::npos)
      << err_;
  EXPECT_EQ(err_.find(path_.parent_path()), std::string::npos) << err_;
  EXPECT_EQ(read("out.json").find(path_.parent_path()), std::string::npos);
}

TEST_F(OwnServer, ExitCode2OfAnOwnServerIsBadInput) {
  if (!program_exists("wrk")) GTEST_SKIP() << "wrk is not installed";
  scenario_with("exit 2");
  EXPECT_EQ(run(), 2);
}

TEST_F(RunCommand, ATargetThatIsNotInstalledIsSkippedByName) {
  if (!program_exists("wrk")) GTEST_SKIP() << "wrk is not installed";
  scenario("[\"gatio-no-such-server\"]");
  EXPECT_EQ(run(), 4);
  EXPECT_NE(err_.find("skipped: target perl: gatio-no-such-server is not installed"),
            std::string::npos)
      << err_;
  EXPECT_NE(err_.find("none of its targets is installed; install gatio-no-such-server"),
            std::string::npos)
      << err_;
}

TEST_F(RunCommand, ABadScenarioIsBadInput) {
  write("s.toml", "nam = \"s\"\n");
  EXPECT_EQ(run(), 2);
  EXPECT_NE(err_.find("s.toml:1:"), std::string::npos) << err_;
}

TEST_F(RunCommand, ABadMixIsBadInput) {
  write("s.toml", "name = \"s\"\nserver = \"x\"\nmixes = [\"1both\"]\nconnections = [2]\n");
  options_.mixes = {"1boht"};
  EXPECT_EQ(run(), 2);
  EXPECT_NE(err_.find("mix '1boht' has 'boht'"), std::string::npos) << err_;
}

TEST_F(RunCommand, AServerThatDoesNotExistIsBadInput) {
  if (!program_exists("wrk")) GTEST_SKIP() << "wrk is not installed";
  write("s.toml", "name = \"s\"\nserver = \"no-such\"\nmixes = [\"1both\"]\nconnections = [2]\n");
  EXPECT_EQ(run(), 2);
  EXPECT_NE(err_.find("there is no program"), std::string::npos) << err_;
}

// "-1" and a number that is too big were taken for 2^64 - 1.
TEST_F(RunCommand, ASeedThatIsNoneIsBadInput) {
  scenario(perl(0));
  for (const char* seed : {"-1", "18446744073709551616", "99999999999999999999", "1x", ""}) {
    options_.seed = seed;
    EXPECT_EQ(run(), 2) << seed;
    EXPECT_NE(err_.find(std::string("--seed takes a whole number from 0 to 2^64-1, not '") + seed),
              std::string::npos)
        << err_;
    EXPECT_EQ(err_.find('\n'), err_.size() - 1) << "one sentence, not: " << err_;
  }
}

TEST_F(RunCommand, AnOutFolderThatIsNotThereIsToldBeforeMeasuring) {
  scenario(perl(0));
  options_.out = folder_ + "/none/out.json";
  EXPECT_EQ(run(), 2);
  EXPECT_EQ(err_.find("checking"), std::string::npos) << err_;
}

TEST_F(RunCommand, AnOutThatIsAFolderIsToldBeforeMeasuring) {
  scenario(perl(0));
  for (const std::string& out : {folder_, folder_ + "/", folder_ + "/none/"}) {
    options_.out = out;
    EXPECT_EQ(run(), 2) << out;
    EXPECT_NE(err_.find("is a folder; name a file in it, such as s.json"), std::string::npos)
        << err_;
  }
}

TEST_F(RunCommand, CtrlCSavesWhatWasMeasuredWithoutOutToo) {
  if (!program_exists("wrk")) GTEST_SKIP() << "wrk is not installed";
  // The second timed pass never answers, and only its start tells that the first is over: the
  // server itself interrupts the runner.
  write("once.sh", "n=$(cat " + folder_ + "/n 2>/dev/null || echo 0); echo $((n + 1)) > " +
                       folder_ + "/n\n[ $n -lt 2 ] || kill -INT $PPID\nexec perl " + folder_ +
                       "/server.pl $1 0\n");
  scenario("[\"sh\", \"" + folder_ + "/once.sh\", \"{port}\"]");
  std::string text = read("s.toml");
  text.replace(text.find("repetitions = 1"), 15, "repetitions = 2");
  write("s.toml", text);
  options_.out = "";
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder_);
  const int code = run();
  std::filesystem::current_path(before);
  sigset_t interrupts;  // nothing takes the signal, and the next test would find it
  sigemptyset(&interrupts);
  sigaddset(&interrupts, SIGINT);
  const timespec now{};
  sigtimedwait(&interrupts, nullptr, &now);
  EXPECT_EQ(code, 130);
  EXPECT_NE(err_.find("the results so far are in ./s-interrupted.json"), std::string::npos) << err_;
  const auto json = nlohmann::json::parse(read("s-interrupted.json"));
  EXPECT_EQ(json["benchmarks"].size(), 1U);
  EXPECT_EQ(json["context"]["complete"], false);
}

TEST_F(RunCommand, WithoutWrkItSaysWhatToDo) {
  scenario(perl(0));
  const std::string path = getenv("PATH");
  setenv("PATH", folder_.c_str(), 1);
  EXPECT_EQ(run(), 4);
  setenv("PATH", path.c_str(), 1);
  EXPECT_NE(err_.find("install it (apt-get install wrk)"), std::string::npos) << err_;
}

}  // namespace
}  // namespace gatio::harness
