#!/usr/bin/env bash
# clang-19 builds everything without a warning, and the tests pass under AddressSanitizer (with leaks) and
# UndefinedBehaviorSanitizer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export GATIO_WERROR=ON
export ASAN_SYMBOLIZER_PATH=/usr/lib/llvm-19/bin/llvm-symbolizer
scripts/build asan
python3 ci/warning_canary.py build/asan
scripts/ctest asan
