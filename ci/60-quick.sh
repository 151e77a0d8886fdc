#!/usr/bin/env bash
# A quick run of the scenario `static`: real drivers, a real load, replies checked; and quick.py holds what it
# measured against what must be so on any machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p build/ci
build/release/gatio run scenarios/static.toml --quick --out build/ci/quick.json
build/release/gatio run scenarios/static.toml --quick --on fake --topology 'numa:1 core:2 pu:1' --out build/ci/fake.json
python3 ci/quick.py build/ci/quick.json build/ci/fake.json
