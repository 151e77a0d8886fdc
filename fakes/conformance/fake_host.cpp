#include "fakes/conformance/fake_host.hpp"

namespace gatio::fakes::conformance {

MakeHost make_fake_host() {
  return [](Choices&) { return std::make_unique<LinuxHost>(60'000); };
}

}  // namespace gatio::fakes::conformance
