"""What a command loads: `--help`, an empty diff and a fully cached check stay light."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Checkout
from tests.fakes import by_length, checkpoint_without_weights, remember

SOURCE = "def f(x):\n    return x\n"
HEAVY = {"torch", "transformers", "rich", "jinja2", "tokenizers", "safetensors"}
PROGRAM = """
import json, sys
from ci_rlm.cli import main
try:
    main(sys.argv[2:])
except SystemExit as end:
    with open(sys.argv[1], "w") as file:
        json.dump([end.code, sorted({name.partition(".")[0] for name in sys.modules})], file)
"""


def loaded(report: Path, *arguments: str) -> set[str]:
    """The top-level modules of a process that ran one command and ended with 0."""
    command = [sys.executable, "-c", PROGRAM, str(report), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert report.exists(), done.stderr
    code, modules = json.loads(report.read_text())
    assert code == 0, done.stderr
    return set(modules)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return checkpoint_without_weights(tmp_path / "checkpoint")


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    modules = loaded(tmp_path / "modules", "--help")
    assert modules & (HEAVY | {"git", "tree_sitter", "numpy", "sqlite3", "jsonschema"}) == set()


def test_an_empty_diff_loads_nothing_heavy(repo: Checkout, checkpoint: Path, tmp_path: Path) -> None:
    repo.write("a.py", SOURCE)
    repo.commit()
    modules = loaded(tmp_path / "modules", "check", "-C", str(repo.root), "--checkpoint", str(checkpoint))
    assert modules & HEAVY == set()


def test_a_fully_cached_check_loads_nothing_heavy(repo: Checkout, checkpoint: Path, tmp_path: Path) -> None:
    remember(checkpoint, Path(os.environ["CI_RLM_CACHE_DIR"]), [SOURCE], by_length)
    repo.write("b.py", "x = 1\n")
    repo.commit()
    repo.write("a.py", SOURCE)
    repo.commit()
    report = tmp_path / "report.json"
    flags = ("--base", "HEAD~1", "--checkpoint", str(checkpoint), "--format", "json")
    modules = loaded(report, "check", "-C", str(repo.root), *flags)
    assert modules & HEAVY == set()


def test_equal_code_loads_no_model(repo: Checkout, checkpoint: Path, tmp_path: Path) -> None:
    repo.write("a.py", SOURCE)
    repo.commit()
    repo.write("a.py", SOURCE.replace("\n", "  # identity\n", 1))
    repo.commit()
    flags = ("--base", "HEAD~1", "--checkpoint", str(checkpoint), "--no-cache", "--format", "json")
    modules = loaded(tmp_path / "modules", "check", "-C", str(repo.root), *flags)
    assert modules & HEAVY == set()


@pytest.mark.model
def test_a_prediction_compiles_nothing(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(SOURCE)
    program = "import sys\nfrom ci_rlm.cli import main\ntry: main(['score', '--no-cache', sys.argv[1]])\n"
    program += "except SystemExit as end: sys.exit(end.code or 'torch._dynamo' in sys.modules)\n"
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "f.py")], check=True, capture_output=True)
