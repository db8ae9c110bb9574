"""Every shell command that README and documentation show, run as a reader would run it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Checkout

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
EXAMPLE = ROOT / "docs" / "example"
BLOCK = re.compile(r"^```(?:sh|console|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOT_RUN = {
    "pip install": "installs packages: `.ci/run` does, from the wheel",
    "asv run": "builds an environment for each commit",
    "ci-rlm check --base HEAD~1 --checkpoint akhauriyash/": "fetches 726 MB",
    "ci-rlm train": "takes minutes to hours; tests/test_train_runs.py runs small recipes",
    "accelerate launch": "is for several GPUs",
    "ci-rlm restore": "lists what an earlier promotion replaced; tests/test_promote.py makes one",
    "ci-rlm evaluate": "takes a trained checkpoint and some hundred measured functions",
    "ci-rlm calibrate": "takes a trained checkpoint and some hundred measured functions",
}
"""Commands that begin so are not run, with the reason. Their options are checked (tests/test_docs.py)."""
PAGES_NOT_RUN = {"fine-tuning.md": "one run, of hours, on a package with its history"}
SUITE = """from readings import distinct, within

def test_within(benchmark):
    benchmark(within, range(100), 10, 20)

def test_distinct(benchmark):
    benchmark(distinct, list(range(20)) * 3)
"""
APP = """from readings import distinct, within

print(len(distinct(within(list(range(2000)), 100, 1500))))
"""


def commands_of(block: str) -> Iterator[str]:
    """Each command of a block, with the lines that belong to it: continued, of a loop, of a here-document."""
    command, end = "", ""
    for line in block.splitlines(keepends=True):
        command += line
        document = re.search(r"<<'(\w+)'", line)
        end = document[1] if document else end
        loops = len(re.findall(r"^\s*for ", command, re.MULTILINE))
        opened = loops > len(re.findall(r"^\s*done\b", command, re.MULTILINE))
        if (end and line.strip() != end) or line.endswith("\\\n") or opened:
            continue
        yield command.strip()
        command, end = "", ""


def told(page: Path) -> list[str]:
    """The commands of a page, in their order."""
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [command for block in blocks for command in commands_of(block)]


def is_run(command: str) -> bool:
    return not command.startswith(tuple(NOT_RUN))


RUNNABLE = [page for page in PAGES if page.name not in PAGES_NOT_RUN and any(map(is_run, told(page)))]


@pytest.mark.parametrize("start", NOT_RUN)
def test_what_is_not_run_is_told_somewhere(start: str) -> None:
    assert [command for page in PAGES for command in told(page) if command.startswith(start)] != []


def test_a_command_is_read_with_the_lines_that_belong_to_it() -> None:
    block = "a \\\n  b\ncat > f <<'END'\nx\nEND\nfor r in 1 2; do\n  c $r\ndone\nd\n"
    assert list(commands_of(block)) == [
        "a \\\n  b",
        "cat > f <<'END'\nx\nEND",
        "for r in 1 2; do\n  c $r\ndone",
        "d",
    ]


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A reader's: the commands are on the PATH, and answers are kept from page to page."""
    home = tmp_path_factory.mktemp("home")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "GIT", "PYTEST"))}
    return {
        **ours,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "HOME": str(home),
        "CI_RLM_CACHE_DIR": str(home / "cache"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str]) -> Path:
    """A repository with one change of the example's module, its benchmarks, and logs of both commits."""
    repo = Checkout(tmp_path_factory.mktemp("project"))
    repo.git("init", "--quiet", "--initial-branch", "main", env=environ)
    repo.write(".gitignore", "*.json\n*.csv\n*.pstats\n.benchmarks/\nruns/\nprofiles/\n")
    repo.write("app.py", APP)
    repo.write("test_readings.py", SUITE)
    repo.write("inputs.jsonl", "[[5, 3, 1, 4, 2]]\n")
    for version in ("before", "after"):
        repo.write("readings.py", (EXAMPLE / f"{version}.py").read_bytes())
        commit = repo.commit(version)
        benchmark = f"--benchmark-json={version}.json --benchmark-max-time=0.02 --benchmark-min-rounds=5"
        run(f"python -m pytest -q -p no:cacheprovider {benchmark}", repo.root, environ)
        rows = f"within,readings.py,cpu_time,0.001,s,{commit}\n"
        repo.write(f"{version}.csv", f"symbol,file,metric,value,unit,commit\n{rows}")
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD~1")
    repo.write(".benchmarks/0001_after.json", (repo.root / "after.json").read_bytes())
    (repo.root / "profiles").mkdir()
    run("python -m cProfile -o profiles/app.pstats app.py", repo.root, environ)
    (repo.root / "runs").mkdir()
    (repo.root / "runs" / "promoted").symlink_to(ROOT / "model" / "pretrained", target_is_directory=True)
    return repo.root


def run(command: str, folder: Path, environ: dict[str, str]) -> str:
    """What a command prints; the test fails if it does."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.model
@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.name)
def test_the_commands_of_a_page_do_as_it_says(
    page: Path, project: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    folder = shutil.copytree(project, tmp_path / "project", symlinks=True)
    for command in filter(is_run, told(page)):
        run(command, folder, environ)
