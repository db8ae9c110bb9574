"""An installation that installs nothing, in a checkout that would take its place."""

from __future__ import annotations

import sys
from pathlib import Path

BIN = Path(sys.prefix) / "bin"

STAND_IN = f"""#!/bin/sh
case "$*" in
  *"-m "*) # what the module's name finds runs, and has nothing to do
    flags="${{*%%-m *}}" module="${{*#*-m }}"
    {BIN}/python $flags -m "${{module%% *}}" --help >/dev/null ;;
esac
case "$*" in
  *"-m venv "*)
    for last; do :; done
    mkdir -p "$last/bin" && cp "$0" "$last/bin/python" && cp "$0" "$last/bin/uv" ;;
  *"pip install"*)
    case "$0" in
      */uv)
        {BIN}/uv cache dir >/dev/null || exit # it reads its settings first
        ln -sf {BIN}/ci-rlm {BIN}/python "${{0%/uv}}" ;;
    esac
    echo "${{UV_TORCH_BACKEND-none}} $*" >>LOG ;;
  *) exec {BIN}/python "$@" ;;
esac
"""
"""A Python, or a uv, that writes down what it is asked to install, and puts the tests' own ci-rlm there."""

TRAPS = ("venv.py", "pip.py", "pip/__init__.py", "pip/__main__.py")
"""What Python would find in the current folder before its own."""


def stand_in(place: Path, log: Path) -> Path:
    """Make such a program."""
    place.parent.mkdir(exist_ok=True)
    place.write_text(STAND_IN.replace("LOG", str(log)))
    place.chmod(0o755)
    return place


def lay_traps(checkout: Path) -> None:
    """Put into a checkout what would run if a step looked there, and settings that uv would fail on."""
    for name in TRAPS:
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text(f"open({str(checkout / 'pwned')!r}, 'w')\n")
    (checkout / "uv.toml").write_text("index-url = 1\n")


def is_sprung(checkout: Path) -> bool:
    """Whether something of it ran."""
    return (checkout / "pwned").exists()
