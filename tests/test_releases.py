"""Releases judged one after another: what is read of them, what is counted, what is written to be read."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as parquet
import pytest
from scipy.stats import beta

from ci_rlm.config import Config
from ci_rlm.extract.canonical import canonical
from ci_rlm.training import releases
from tests.conftest import Checkout
from tests.fakes import FakePredictor, by_length

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SHORT = "def f(x):\n    return x\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"
COMMENTED = "def f(x):\n    # the identity\n    return x\n"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark, as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import releases

    return releases


def sdist(folder: Path, release: str, files: Mapping[str, str]) -> Path:
    """A source archive as packages have it: everything below one folder that names the release."""
    path = folder / f"{release}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"{release}/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def wheel(folder: Path, release: str, files: Mapping[str, str]) -> Path:
    """A built archive: the packages lie at its top."""
    path = folder / f"{release}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def unpacked(folder: Path, release: str, files: Mapping[str, str]) -> Path:
    """A release as a folder."""
    for name, text in files.items():
        file = folder / release / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder / release


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Two packages: in one a function grows, one shrinks, one gets a comment; in the other one grows."""
    sdist(tmp_path, "grown-1.9", {"grown/a.py": SHORT, "grown/b.py": LONG, "grown/c.py": SHORT})
    sdist(tmp_path, "grown-1.10", {"grown/a.py": LONG, "grown/b.py": SHORT, "grown/c.py": COMMENTED})
    wheel(tmp_path, "whole-2.0", {"whole.py": SHORT})
    wheel(tmp_path, "whole-2.1", {"whole.py": LONG})
    return tmp_path


def measured(script: ModuleType, folder: Path) -> Any:
    return script.measure(folder, FakePredictor(by_length), Config())


# Which releases, and what of them.


def test_versions_follow_one_another_by_number(script: ModuleType, tmp_path: Path) -> None:
    for release in ("p-1.9", "p-1.10", "p-1.10rc1", "q-3"):
        sdist(tmp_path, release, {})
    told = [(str(before), str(after)) for before, after in script.pairs(tmp_path)]
    assert told == [("p 1.9", "p 1.10rc1"), ("p 1.10rc1", "p 1.10")]


def test_one_package_spelled_in_two_ways_is_one(script: ModuleType, tmp_path: Path) -> None:
    sdist(tmp_path, "Some.Name-1.0", {})
    wheel(tmp_path, "some_name-1.1", {})
    assert [str(after) for _, after in script.pairs(tmp_path)] == ["some-name 1.1"]


def test_one_version_that_is_there_twice_is_refused(script: ModuleType, tmp_path: Path) -> None:
    sdist(tmp_path, "p-1.0", {})
    wheel(tmp_path, "p-1.0", {})
    with pytest.raises(SystemExit, match=r"p 1\.0 is there twice"):
        script.pairs(tmp_path)


def test_a_folder_without_a_pair_is_refused(script: ModuleType, tmp_path: Path) -> None:
    sdist(tmp_path, "p-1.0", {})
    (tmp_path / "notes.txt").write_text("no release")
    with pytest.raises(SystemExit, match="no two releases"):
        script.pairs(tmp_path)


@pytest.mark.parametrize("form", [sdist, wheel, unpacked])
def test_every_form_of_a_release_gives_the_same_files(script: ModuleType, tmp_path: Path, form: Any) -> None:
    path = form(tmp_path, "p-1.0", {"p/a.py": SHORT, "p/data.json": "{}"})
    assert script.files_of(script.release_at(path), 1000) == {"p/a.py": SHORT.encode()}


def test_what_leads_out_of_a_release_or_is_too_large_is_not_read(script: ModuleType, tmp_path: Path) -> None:
    path = wheel(tmp_path, "p-1.0", {"../a.py": SHORT, "/b.py": SHORT, ".git/c.py": SHORT, "d.py": LONG * 20})
    assert script.files_of(script.release_at(path), 1000) == {}


def test_links_are_not_followed(script: ModuleType, tmp_path: Path) -> None:
    secret = tmp_path / "secret.py"
    secret.write_text(SHORT)
    folder = unpacked(tmp_path, "p-1.0", {"a.py": SHORT})
    (folder / "b.py").symlink_to(secret)
    archived = tmp_path / "p-1.1.tar.gz"
    with tarfile.open(archived, "w:gz") as archive:
        archive.add(folder / "b.py", "p-1.1/b.py")
    found = [set(script.files_of(script.release_at(path), 1000)) for path in (folder, archived)]
    assert found == [{"a.py"}, set()]


def test_a_commit_holds_the_files_and_the_working_tree_stays_empty(
    script: ModuleType, tmp_path: Path
) -> None:
    odd = 'a "b"\\\n.py'
    script.commit(tmp_path, [{"a.py": b"\xff\n"}, {odd: b""}])
    repository = script.Repository.discover(tmp_path)
    held = [repository.blob(*place) for place in (("main~1", "a.py"), ("main", "a.py"), ("main", odd))]
    assert (held, [path.name for path in tmp_path.iterdir()]) == ([b"\xff\n", None, b""], [".git"])


def test_a_commit_goes_to_its_own_repository_whatever_git_was_told(
    script: ModuleType, tmp_path: Path, repo: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(repo.root / ".git"))
    script.commit(tmp_path, [{"a.py": b""}])
    assert (tmp_path / ".git").is_dir()


def test_an_archive_whose_paths_begin_with_a_dot_has_the_same_files(
    script: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "p-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(unpacked(tmp_path, "p-1.0", {"a.py": SHORT}), "./p-1.0")
    assert set(script.files_of(script.release_at(path), 1000)) == {"a.py"}


# What is counted.


def test_functions_that_changed_in_words_are_compared_and_the_others_are_not(
    script: ModuleType, shelf: Path
) -> None:
    findings = measured(script, shelf)
    compared = [(str(each.after), str(each.change.unit.path)) for each in findings.judged]
    assert compared == [("grown 1.10", "grown/a.py"), ("grown 1.10", "grown/b.py"), ("whole 2.1", "whole.py")]
    assert (findings.pairs, findings.equal) == (2, 1)


def test_the_table_counts_each_metrics_outcomes(script: ModuleType, shelf: Path) -> None:
    rows = [
        line.split("|")[1:-1] for line in script.table(measured(script, shelf)).splitlines() if "|" in line
    ]
    cells = [[cell.strip() for cell in row] for row in rows if "-" not in row[0]]
    assert cells == [
        ["metric", "compared", "regressed", "improved", "same", "unsure", "called regressed"],
        ["cpu_time", "3", "2", "1", "0", "0", "66.7%"],
        ["peak_memory", "3", "2", "1", "0", "0", "66.7%"],
    ]


def test_a_function_called_for_both_metrics_is_one_false_alarm(script: ModuleType, shelf: Path) -> None:
    assert "2 of 3 functions called regressed: 66.7%" in script.table(measured(script, shelf))


def test_without_a_function_to_compare_there_is_no_share(script: ModuleType, tmp_path: Path) -> None:
    unpacked(tmp_path, "p-1.0", {"a.py": SHORT})
    unpacked(tmp_path, "p-1.1", {"a.py": COMMENTED})
    told = script.table(measured(script, tmp_path))
    assert "0 functions compared, 1 equal but for layout." in told
    assert "0 of 0 functions called regressed: –" in told


def test_the_interval_draws_packages_and_not_functions(script: ModuleType) -> None:
    """Six packages of a hundred functions each, all called in one and none in the others: as six trials."""
    owner = [package for package in range(6) for _ in range(100)]
    told = script.share_of([package == 0 for package in owner], owner)
    # Of six draws with chance 1/6 each, 33% hit none and 99% three at most.
    assert (told.value, told.low) == (pytest.approx(1 / 6), 0)
    assert told.high == pytest.approx(3 / 6)


def test_where_nothing_is_called_the_interval_is_that_of_as_many_trials_as_packages(
    script: ModuleType,
) -> None:
    told = script.share_of([False] * 20, [package for package in range(10) for _ in range(2)])
    assert (told.low, told.high) == (0, pytest.approx(beta.ppf(0.975, 1, 10)))


# What is written to be read.


def test_the_most_confident_calls_come_first_and_no_more_than_asked_for(
    script: ModuleType, shelf: Path
) -> None:
    findings = measured(script, shelf)
    told = [alarm.comparison.p_warning for _, alarm in findings.alarms]
    assert told == sorted(told, reverse=True)
    assert len(re.findall("^## ", script.calls(findings, 1), re.MULTILINE)) == 1


def test_a_call_is_shown_with_the_diff_of_its_function(script: ModuleType, shelf: Path) -> None:
    text = script.calls(measured(script, shelf), 50)
    assert "\n-    return x\n+    y = x + x + x + x + x + x + x + x\n+    return y\n" in text
    assert "grown/b.py" not in text


def test_nothing_in_a_package_ends_the_block_that_shows_it(script: ModuleType, tmp_path: Path) -> None:
    hostile = 'def f(x):\n    y = """\n````\n# a heading\n"""\n' + "    x = x + x\n" * 9 + "    return x\n"
    unpacked(tmp_path, "p-1.0", {"p.py": SHORT})
    unpacked(tmp_path, "p-1.1", {"p.py": hostile})
    text = script.calls(measured(script, tmp_path), 50)
    opened = text.index("`````diff\n")
    assert opened < text.index("# a heading") < text.rindex("\n`````\n")


def test_the_script_writes_the_calls_to_the_file_that_is_named(
    script: ModuleType, shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = shelf / "calls.md"
    script.run(shelf, FakePredictor(by_length), Config(), told, 50)
    assert told.read_text().startswith("# 2 of 2 calls")
    assert capsys.readouterr().out.startswith("Model: fake (000000000000)")


# Changes to publish with.


def test_changed_functions_are_written_as_a_checkpoint_reads_them(script: ModuleType, tmp_path: Path) -> None:
    kept, moved = "def same(x):\n    return x\n", "def moved(x):\n    return x\n"
    for name in ("one", "two", "three"):
        wheel(tmp_path, f"{name}-1.0", {"a.py": SHORT + kept, "gone.py": moved, "b.py": COMMENTED})
        wheel(tmp_path, f"{name}-1.1", {"a.py": LONG + kept, "b.py": SHORT, "fresh.py": moved})
    script.write_changes(tmp_path, tmp_path / "changes.parquet", 5, 10**6)
    rows = parquet.read_table(tmp_path / "changes.parquet").to_pylist()
    assert [row["package"] for row in rows] == ["one", "three", "two"]
    written = tuple(canonical(text, "python") for text in (SHORT, LONG))
    assert {(row["before_text"], row["after_text"]) for row in rows} == {written}
    read = releases.read(tmp_path / "changes.parquet")
    assert len(read.learn) + len(read.fit) + len(read.judge) == 3
    judged = {row["package"] for row in rows if row["split"] == "judge"}
    assert read.packages == len(judged)


def test_of_a_package_so_many_changes_are_written_always_the_same(script: ModuleType, tmp_path: Path) -> None:
    old, new = ("".join(f"def f{n}(x):\n    return {value}\n" for n in range(9)) for value in ("x", "x + 1"))
    wheel(tmp_path, "one-1.0", {"a.py": old})
    wheel(tmp_path, "one-1.1", {"a.py": new})
    for name in ("a.parquet", "b.parquet"):
        script.write_changes(tmp_path, tmp_path / name, 4, 10**6)
    one, other = (parquet.read_table(tmp_path / name) for name in ("a.parquet", "b.parquet"))
    assert one.num_rows == 4
    assert one.equals(other)
