#!/usr/bin/env bash
# `gatio serve` as others see it (curl, h2load, wrk, SIGTERM, a port that is taken), and `gatio run` after
# kill -9; serve.py has the checks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python3 ci/serve.py build/release
