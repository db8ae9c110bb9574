from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_module_run_imports_nothing_from_the_repository_that_it_judges(tmp_path: Path) -> None:
    for name in ("click", "json", "torch"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')\n")

    run = subprocess.run(
        [sys.executable, "-m", "ci_rlm", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")
