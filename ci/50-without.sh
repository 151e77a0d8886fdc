#!/usr/bin/env bash
# The tests once more with every optional kernel feature switched off: what Linux 6.1 runs is tested here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export GATIO_WITHOUT=all
scripts/ctest release
