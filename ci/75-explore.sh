#!/usr/bin/env bash
# The properties under many seeds on the fake kernel; and the same runs from both compilers, optimised and with
# sanitizers: equal seeds give equal traces.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build/release/gatio explore --seeds 1..20000

hash_of() {
  "$1" explore --seeds 1..600 | sed -n 's/^hash of all traces: //p'
}
gcc=$(hash_of build/release/gatio)
clang=$(hash_of build/asan/gatio)
echo "600 seeds: g++ $gcc, clang-19 with AddressSanitizer $clang"
[[ -n $gcc && $gcc == "$clang" ]]
