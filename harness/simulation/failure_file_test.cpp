// A failure's file names each choice that was not the tamest, by its kind.
#include "harness/simulation/failure_file.hpp"

#include <gtest/gtest.h>

namespace gatio::harness {
namespace {

using fakes::ChoiceKind;

TEST(FailureFile, NamesWhatWasChosen) {
  constexpr Case kCase{"tasks", "", nullptr};
  IsolatedResult failure;
  failure.failed = true;
  failure.kind = "S1";
  failure.text = "S1: a task did not come to its end\n";
  failure.made = {{ChoiceKind::program, 6, 2},
                  {ChoiceKind::thread, 3, 0},
                  {ChoiceKind::fault, 5, 4},
                  {ChoiceKind::preempt, 5, 4}};
  EXPECT_EQ(count_chosen(failure, ChoiceKind::thread), 0u);
  EXPECT_EQ(print_chosen(failure), "1 program, 1 preempt, 1 fault");
  EXPECT_EQ(failure_text(kCase, failure, "LINE"),
            "FALSIFIED in the case 'tasks' (S1)\n"
            "S1: a task did not come to its end\n"
            "\n"
            "gatio replay LINE\n"
            "\n"
            "Of 4 choices these were not 0, the tamest: 1 program, 1 preempt, 1 fault\n"
            " place  kind     value of\n"
            "     0  program      2 of 6\n"
            "     2  fault        4 of 5\n"
            "     3  preempt      4 of 5\n");
}

TEST(FailureFile, OfARunWithoutAChoice) {
  EXPECT_EQ(print_chosen({}), "none");
}

}  // namespace
}  // namespace gatio::harness
