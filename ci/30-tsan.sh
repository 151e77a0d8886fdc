#!/usr/bin/env bash
# The tests pass under ThreadSanitizer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export GATIO_WERROR=ON
export PATH=/usr/lib/llvm-19/bin:$PATH  # ThreadSanitizer looks for its symbolizer there
scripts/build tsan --target gatio_tests gatio_program
scripts/ctest tsan
