#!/usr/bin/env bash
# Layers, bans and style; and first the proof that this check, and those of later stages, find what they look for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for canary in check quick serve mutants; do
  python3 "ci/${canary}_test.py"
done
python3 ci/check.py
