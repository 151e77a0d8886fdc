#!/usr/bin/env bash
# A quick run of the scenario `static`: real drivers, a real load, replies checked, and its JSON is JSON.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ! -e harness/main.cpp ]]; then
  echo "skipped: this tree has no program gatio (harness/main.cpp)"
  exit 0
fi
mkdir -p build/ci
build/release/gatio run scenarios/static.toml --quick --out build/ci/quick.json
python3 -m json.tool build/ci/quick.json /dev/null
