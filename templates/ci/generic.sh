#!/usr/bin/env bash
# ci-rlm in any CI that has bash, git and Python 3.11 or later:
#
#   RLM_SOURCE=URL RLM_COMMIT=COMMIT bash ci-rlm.sh [BASE [HEAD]]
#
# in a clone with its history. It installs ci-rlm once a commit, compares HEAD (what is checked out) with its
# merge base with BASE (origin/main), and leaves the report as ci-rlm-report.{json,md} and ci-rlm-junit.xml.
# Exit codes: 0 passed or advisory, 1 the gate failed, 2 wrong usage or configuration, 3 could not judge.
#
# RLM_TORCH names PyTorch's build, as `uv pip install --torch-backend` does: `auto` (what the machine needs),
# `cpu`; empty, the package index of the machine decides. RLM_HOME is where installations are kept.
set -euo pipefail

base="${1:-origin/main}"
head="${2:-HEAD}"
: "${RLM_SOURCE:?the address that ci-rlm is cloned from}" "${RLM_COMMIT:?the commit of ci-rlm to use}"
home="${RLM_HOME:-$HOME/.cache/ci-rlm-installed}/$RLM_COMMIT"

if [[ ! -x "$home/venv/bin/ci-rlm" ]]; then
  rm -rf "$home"
  git clone --quiet "$RLM_SOURCE" "$home/source"
  git -C "$home/source" checkout --quiet "$RLM_COMMIT"
  # The current folder is a stranger's: Python imports nothing from it, and uv takes no index from it.
  export UV_NO_CONFIG=1
  "${PYTHON:-python3}" -I -m venv "$home/venv"
  "$home/venv/bin/python" -I -m pip install --quiet -c "$home/source/constraints.txt" uv
  # To uv an empty variable is a wrong one.
  torch="${RLM_TORCH-auto}"
  if [[ -n "$torch" ]]; then export UV_TORCH_BACKEND="$torch"; fi
  "$home/venv/bin/uv" pip install --quiet --python "$home/venv/bin/python" \
    --constraint "$home/source/constraints.txt" "$home/source"
fi

exec "$home/venv/bin/ci-rlm" check --base="$base" --head="$head" --format terminal \
  --format json:ci-rlm-report.json --format markdown:ci-rlm-report.md --format junit:ci-rlm-junit.xml
