#!/usr/bin/env bash
# The properties under many seeds on the fake kernel; and the same runs from both compilers: equal seeds give equal
# traces. AddressSanitizer's build is no part of that: its heap has other sync points.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build/release/gatio explore --seeds 1..20000

# All that is said is seen too: of a failure above all the line that replays it.
hash_of() {
  "$1" explore --seeds "${2:-1..150}" | tee >(cat >&2) | sed -n 's/^hash of all traces: //p'
}
gcc=$(hash_of build/release/gatio)
clang=$(hash_of build/tsan/gatio)
echo "150 seeds: g++ $gcc, clang-19 with ThreadSanitizer $clang"
[[ -n $gcc && $gcc == "$clang" ]]
# The canary: one run that is another gives another hash.
other=$(hash_of build/release/gatio 2..151)
[[ -n $other && $gcc != "$other" ]]
