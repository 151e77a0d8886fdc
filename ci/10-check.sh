#!/usr/bin/env bash
# Layers, bans and style; and first the proof that the check finds what it looks for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python3 ci/check_test.py
python3 ci/check.py
