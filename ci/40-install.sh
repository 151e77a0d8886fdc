#!/usr/bin/env bash
# The installed library is found by find_package(gatio) and builds a program outside this tree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

scripts/build release
cmake --install build/release --prefix "$work/prefix" >"$work/install.log"
# The canary: without the installed library there is nothing to find.
if cmake -S ci/install-example -B "$work/nothing" -G Ninja -DCMAKE_CXX_COMPILER=g++ \
  -DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF >"$work/nothing.log" 2>&1; then
  echo "the program outside was configured without the library being installed"
  exit 1
fi
# A copy elsewhere, so that no include can reach into this tree by accident.
cp -r ci/install-example "$work/source"
cmake -S "$work/source" -B "$work/build" -G Ninja -DCMAKE_CXX_COMPILER=g++ \
  -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/configure.log" || { cat "$work/configure.log"; exit 1; }
cmake --build "$work/build"
"$work/build/example"
