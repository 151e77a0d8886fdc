#include "runtime/driver/file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "runtime/driver/testing.hpp"

namespace gatio {
namespace {

class FileTest : public testing::TestWithParam<std::vector<config::Role>> {
 protected:
  void SetUp() override {
    GATIO_NEEDS_RINGS();
    std::string pattern = testing::TempDir() + "gatio_file_test_XXXXXX";
    int fd = mkstemp(pattern.data());
    ASSERT_GE(fd, 0);
    close(fd);
    path_ = pattern;
  }
  void TearDown() override {
    if (!path_.empty()) unlink(path_.c_str());
    EXPECT_EQ(group_.live_blocks(), 0u);
  }

  DriverGroup group_{GetParam()};
  std::string path_;
};

INSTANTIATE_TEST_SUITE_P(OwnAndOthers, FileTest,
                         testing::Values(std::vector{kBoth}, std::vector{kExec, kIo}),
                         [](const auto& info) { return info.index == 0 ? "Both" : "ExecAndIo"; });

TEST_P(FileTest, ReadsBackWhatItWrote) {
  std::string seen;
  group_.run([&]() -> Task<void> {
    Result<File> file = co_await File::open(path_, O_RDWR | O_TRUNC);
    EXPECT_TRUE(file) << file.error().message();
    if (!file) co_return;
    std::string text = "written at an offset";
    EXPECT_EQ((co_await file->write(text, 5)).value_or(-1), static_cast<int>(text.size()));
    EXPECT_EQ((co_await file->sync()).value_or(-1), 0);
    char buffer[64];
    int size = (co_await file->read(buffer, 5)).value_or(0);
    seen.assign(buffer, static_cast<size_t>(size));
    EXPECT_EQ((co_await file->read(buffer, 1000)).value_or(-1), 0);
  });
  EXPECT_EQ(seen, "written at an offset");
  if (GetParam().size() == 2) {
    EXPECT_EQ(group_.io_sqes(0), 0u);
    EXPECT_EQ(group_[1].resumptions(), 0u);
  }
}

TEST_P(FileTest, OneThatIsNotThereIsNamedInTheError) {
  Error error;
  group_.run([&]() -> Task<void> {
    Result<File> file = co_await File::open("/nowhere/at/all", O_RDONLY);
    EXPECT_FALSE(file);
    if (!file) error = file.error();
  });
  EXPECT_EQ(error.code, ENOENT);
  EXPECT_NE(error.text.find("/nowhere/at/all"), std::string::npos);
}

TEST_P(FileTest, IsClosedAtItsEndAndCloseOnExecBefore) {
  int fd = -1;
  int flags = 0;
  group_.run([&]() -> Task<void> {
    Result<File> file = co_await File::open(path_, O_RDONLY);
    EXPECT_TRUE(file);
    if (!file) co_return;
    File moved = std::move(*file);
    fd = moved.fd();
    flags = fcntl(fd, F_GETFD);
  });
  EXPECT_NE(flags & FD_CLOEXEC, 0);
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
}

}  // namespace
}  // namespace gatio
