// The checker is tested with the real kernel as its own model, so that these tests depend on no
// fake: what it saw itself it must allow, and no lie about it. Programs here have no timers that
// fire, so that two runs differ in nothing but the order that is free.
#include "fakes/conformance/checker.hpp"

#include <gtest/gtest.h>

#include "fakes/conformance/generator.hpp"
#include "fakes/conformance/lies.hpp"
#include "fakes/conformance/runner.hpp"

namespace gatio::fakes::conformance {
namespace {

TEST(CheckerOnItself, placeholder) {}

}  // namespace
}  // namespace gatio::fakes::conformance
