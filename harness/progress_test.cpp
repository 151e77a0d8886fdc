#include "harness/progress.hpp"

#include <gtest/gtest.h>

namespace gatio::harness {
namespace {

TEST(Progress, AStepThatIsLeftOutIsTickedOff) {
  testing::internal::CaptureStderr();
  {
    Progress progress(4, 10);
    progress.step("one");
    progress.skip();
    progress.skip();
    progress.step("four");
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("[1/4] 40 s left  one"), std::string::npos) << text;
  EXPECT_NE(text.find("[4/4] 10 s left  four"), std::string::npos) << text;
}

TEST(Progress, SecondsAreReadable) {
  EXPECT_EQ(readable_seconds(12.2), "12 s");
  EXPECT_EQ(readable_seconds(245), "4 min 05 s");
  EXPECT_EQ(readable_seconds(3720), "1 h 02 min");
}

}  // namespace
}  // namespace gatio::harness
