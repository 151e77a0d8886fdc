// The canaries of the sanitizers: in a build with one of them, what it is there to find is reported
// and ends the process. Each bug is planted in a process of its own; in other builds the tests say
// that they are skipped.
#include <gtest/gtest.h>

#include <climits>
#include <cstdlib>
#include <thread>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GATIO_TEST_ADDRESS
#include <sanitizer/lsan_interface.h>
#endif
#if __has_feature(thread_sanitizer)
#define GATIO_TEST_THREAD
#endif
#endif

namespace gatio {
namespace {

class Canary : public testing::Test {
 protected:
  // A fresh process, since threads do not survive a fork.
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

#ifdef GATIO_TEST_ADDRESS

TEST_F(Canary, AddressSanitizerSeesAUseAfterFree) {
  EXPECT_DEATH(
      {
        volatile char* block = static_cast<char*>(std::malloc(16));
        std::free(const_cast<char*>(block));
        block[3] = 1;
      },
      "heap-use-after-free");
}

TEST_F(Canary, AddressSanitizerSeesAnOverflow) {
  EXPECT_DEATH(
      {
        volatile size_t size = 16;
        volatile char* block = static_cast<char*>(std::malloc(size));
        block[size] = 1;
      },
      "heap-buffer-overflow");
}

TEST_F(Canary, LeakSanitizerSeesALeak) {
  EXPECT_EXIT(
      {
        [[maybe_unused]] void* volatile block = std::malloc(16);
        block = nullptr;
        std::_Exit(__lsan_do_recoverable_leak_check() != 0 ? 23 : 0);
      },
      testing::ExitedWithCode(23), "detected memory leaks");
}

TEST_F(Canary, UndefinedBehaviorSanitizerSeesAnOverflow) {
  EXPECT_DEATH(
      {
        volatile int most = INT_MAX;
        most = most + 1;
      },
      "signed integer overflow");
}

#else

TEST_F(Canary, OfAddressSanitizer) {
  GTEST_SKIP() << "this build has no AddressSanitizer";
}

#endif
#ifdef GATIO_TEST_THREAD

// Both threads begin and end without a word between them: a race, whichever is first.
TEST_F(Canary, ThreadSanitizerSeesARace) {
  EXPECT_EXIT(
      {
        volatile int shared = 0;
        std::thread one([&] { shared = 1; });
        std::thread two([&] { shared = 2; });
        one.join();
        two.join();
        std::exit(0);
      },
      testing::ExitedWithCode(66), "data race");
}

#else

TEST_F(Canary, OfThreadSanitizer) {
  GTEST_SKIP() << "this build has no ThreadSanitizer";
}

#endif

}  // namespace
}  // namespace gatio
