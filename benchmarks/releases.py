"""False alarms in the wild: what the gate says of the releases of packages, one after another.

    python benchmarks/releases.py --releases FOLDER [--checkpoint embedded] [--calls FILE] [--most 50]
    python benchmarks/releases.py --releases FOLDER --changes FILE [--most 40]

FOLDER holds releases that you fetched, two or more of each package: archives (NAME-VERSION.tar.gz,
NAME-VERSION.zip, NAME-VERSION-….whl) or what was unpacked from them, as folders NAME-VERSION. The
script fetches nothing, runs nothing of them and unpacks nothing to disk. Of each package, every
version and the one after it are committed to a scratch repository and judged as `ci-rlm check`
does at default settings, by one predictor.

Next to no change of a release costs a tenth more, so each function called regressed counts as a
false alarm until someone has read it. `--calls` writes the most confident calls with their diffs.
That file holds the packages' own code: it is for reading, not for a commit. Intervals are those of
drawing packages (`training/bootstrap.py`), since the functions of one package are not independent.

`--changes` judges nothing, and writes the changed functions as a checkpoint reads them, at most so many
of a package, as a Parquet file for `python -m ci_rlm.training.publish --changes FILE`: some packages
to learn from, some to calibrate with, and half of all to count calls in. It holds the packages' code
as well.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from functools import partial
from hashlib import sha256
from itertools import groupby, pairwise, starmap
from pathlib import Path, PurePosixPath

import numpy as np
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from ci_rlm import extract, gate, predict
from ci_rlm.config import Config
from ci_rlm.flow import Change, FileChange, Outcome, Verdict
from ci_rlm.git import FileLimits, Repository
from ci_rlm.git.contents import escapes
from ci_rlm.predict import Predictor
from ci_rlm.prompt import prompts_of
from ci_rlm.render.markdown import code, prose
from ci_rlm.render.text import counted, printable
from ci_rlm.training import bootstrap, scores, texts
from ci_rlm.training.bootstrap import Figure

Files = Mapping[str, bytes]
"""The Python files of a release by path, below the folder that names its version."""

COMMIT = b"commit refs/heads/main\ncommitter releases <releases@example.com> 0 +0000\ndata 0\ndeleteall\n"
SPLITS = ("learn", "judge", "fit", "judge")
"""By the hash of a package's name."""
OUTCOMES = (Outcome.REGRESSED, Outcome.IMPROVED, Outcome.SAME, Outcome.UNSURE)


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a package, as an archive or a folder."""

    name: str
    version: Version
    path: Path

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Judged:
    """A function that two releases have in different words, with a verdict a metric."""

    before: Release
    after: Release
    change: Change
    verdicts: tuple[Verdict, ...]

    @property
    def alarm(self) -> Verdict | None:
        """The most confident of the calls of a regression, if there is one."""
        called = [verdict for verdict in self.verdicts if verdict.outcome is Outcome.REGRESSED]
        return max(called, key=confidence, default=None)


@dataclass(frozen=True, slots=True)
class Findings:
    """What the gate said of all pairs of releases."""

    pairs: int
    equal: int
    """Functions whose text changed in layout, comments or annotations alone: no model is asked."""
    judged: tuple[Judged, ...]

    @property
    def alarms(self) -> list[tuple[Judged, Verdict]]:
        """Functions called regressed, the most confident call first."""
        called = [(each, alarm) for each in self.judged if (alarm := each.alarm)]
        return sorted(called, key=lambda both: -confidence(both[1]))


def confidence(verdict: Verdict) -> float:
    """P(after > 1.1 x before) at default settings."""
    return verdict.comparison.p_warning


# Releases.


def pairs(folder: Path) -> list[tuple[Release, Release]]:
    """Each version of a package in the folder with the next one, by name and version."""
    found = [release for path in sorted(folder.iterdir()) if (release := release_at(path))]
    found.sort(key=lambda release: (release.name, release.version))
    neighbours = [(one, other) for one, other in pairwise(found) if one.name == other.name]
    twice = next((one for one, other in neighbours if one.version == other.version), None)
    if twice:
        raise SystemExit(f"{twice} is there twice: keep one")
    if not neighbours:
        raise SystemExit(f"{folder} holds no two releases of a package")
    return neighbours


def release_at(path: Path) -> Release | None:
    """What a path's name says it is; None for what is no release."""
    try:
        if path.suffix == ".whl":
            name, version, *_ = parse_wheel_filename(path.name)
        else:
            name, version = parse_sdist_filename(f"{path.name}.tar.gz" if path.is_dir() else path.name)
    except (InvalidSdistFilename, InvalidWheelFilename):
        return None
    return Release(name, version, path)


def files_of(release: Release, max_bytes: int) -> Files:
    """The Python files of a release that are regular, of a size to be judged and inside of it."""
    path = release.path
    members = _in_folder if path.is_dir() else _in_tar if path.suffix == ".gz" else _in_zip
    top = 1 if path.suffix in (".gz", ".zip") else 0
    found = {}
    for name, size, read in members(path):
        below = "/".join(PurePosixPath(name).parts[top:])
        if below.endswith(".py") and size <= max_bytes and not escapes(os.fsencode(below)):
            found[below] = read()
    return found


Member = tuple[str, int, Callable[[], bytes]]
"""Path, bytes, and how to read it."""


def _in_folder(path: Path) -> Iterator[Member]:
    for file in path.rglob("*.py"):
        if file.is_file() and not file.is_symlink():
            yield file.relative_to(path).as_posix(), file.stat().st_size, file.read_bytes


def _in_tar(path: Path) -> Iterator[Member]:
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content:
                yield member.name, member.size, content.read


def _in_zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            yield entry.filename, entry.file_size, partial(archive.read, entry)


# Judging.


def measure(folder: Path, predictor: Predictor, config: Config) -> Findings:
    """Judge each pair of releases in the folder; says on standard error what was found."""
    neighbours = pairs(folder)
    judged: list[Judged] = []
    equal = 0
    for before, after in neighbours:
        verdicts = verdicts_of(before, after, predictor, config)
        changed = list(_by_function(before, after, verdicts))
        alarms = sum(each.alarm is not None for each in changed)
        told = f"{counted(len(changed), 'function')} compared, {alarms} called regressed"
        print(f"{before} → {after.version}: {told}", file=sys.stderr)
        judged += changed
        equal += len({_place(verdict) for verdict in verdicts if verdict.comparison.change.equal})
    return Findings(len(neighbours), equal, tuple(judged))


def verdicts_of(before: Release, after: Release, predictor: Predictor, config: Config) -> tuple[Verdict, ...]:
    """What the gate says of a commit that makes one release of another."""
    with tempfile.TemporaryDirectory() as scratch:
        commit(Path(scratch), [files_of(each, config.max_file_size) for each in (before, after)])
        repository = Repository.discover(Path(scratch))
        compared = repository.between("main~1", "main")
        limits = FileLimits(
            max_bytes=config.max_file_size, wanted=lambda path: extract.language_of(path) is not None
        )
        return gate.check(compared, repository.changes(compared, limits), predictor, config).verdicts


def commit(folder: Path, states: Iterable[Files]) -> None:
    """Make a repository with one commit a state, on `main`. No file is written to its working tree."""
    entries = (part for state in states for part in (COMMIT, *starmap(_entry, sorted(state.items()))))
    # CI exports GIT_DIR; with it set, the commits would go to the wrong repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    git = ["git", "-C", str(folder)]
    subprocess.run([*git, "init", "--quiet"], env=environment, check=True)
    stream = b"".join(entries)
    subprocess.run([*git, "fast-import", "--quiet"], input=stream, env=environment, check=True)


def _entry(path: str, content: bytes) -> bytes:
    quoted = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'M 100644 inline "%s"\ndata %d\n%s\n' % (quoted, len(content), content)


def _by_function(before: Release, after: Release, verdicts: Iterable[Verdict]) -> Iterator[Judged]:
    """What the model compared: each function that both releases have, if more than its layout changed."""
    compared = (verdict for verdict in verdicts if _is_compared(verdict.comparison.change))
    for _, group in groupby(sorted(compared, key=_place), key=_place):
        several = tuple(sorted(group, key=lambda verdict: verdict.comparison.metric.name))
        yield Judged(before, after, several[0].comparison.change, several)


def _is_compared(change: Change) -> bool:
    return change.before is not None and change.after is not None and not change.equal


def _place(verdict: Verdict) -> tuple[str, str]:
    unit = verdict.comparison.change.unit
    return str(unit.path), unit.name


# Telling.


def table(findings: Findings) -> str:
    """The counts of each metric, and the share of functions called regressed, as Markdown."""
    owner = _owners(findings.judged)
    lines = [
        f"| metric | compared | {' | '.join(OUTCOMES)} | called regressed |",
        f"|---|{'---:|' * (len(OUTCOMES) + 2)}",
    ]
    for metric in sorted({v.comparison.metric.name for each in findings.judged for v in each.verdicts}):
        outcomes = [_outcome(each, metric) for each in findings.judged]
        counts = Counter(outcomes)
        share = _share([outcome is Outcome.REGRESSED for outcome in outcomes], owner)
        cells = (metric, len(outcomes), *(counts[outcome] for outcome in OUTCOMES), share)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    share = _share([each.alarm is not None for each in findings.judged], owner)
    asked = counted(len(findings.judged), "function")
    return "\n".join(
        [
            f"{counted(findings.pairs, 'pair')} of releases, {counted(len(set(owner)), 'package')} with "
            f"functions to compare. {asked} compared, {findings.equal} equal but for layout.",
            "",
            *lines,
            "",
            f"{len(findings.alarms)} of {asked} called regressed: {share}, "
            "with 95% intervals from drawing packages.",
        ]
    )


def _owners(judged: Sequence[Judged]) -> list[int]:
    """The number of each function's package, from 0."""
    numbers = {name: number for number, name in enumerate(sorted({each.after.name for each in judged}))}
    return [numbers[each.after.name] for each in judged]


def _outcome(judged: Judged, metric: str) -> Outcome:
    return next(v.outcome for v in judged.verdicts if v.comparison.metric.name == metric)


def share_of(flags: Sequence[bool], owner: Sequence[int]) -> Figure:
    """The share of functions with the flag, with its interval; `owner` is each one's package, from 0."""
    score = scores.mean(np.array(flags, dtype=np.bool_), np.array(owner, dtype=np.int64))
    packages = len(set(owner))
    return bootstrap.figure(bootstrap.sampled({"": score}, bootstrap.draws(packages))[""])


def _share(flags: Sequence[bool], owner: Sequence[int]) -> str:
    told = share_of(flags, owner)
    if told.value is None:
        return "–"
    interval = "" if told.low is None or told.high is None else f" ({told.low:.1%} to {told.high:.1%})"
    return f"{told.value:.1%}{interval}"


def calls(findings: Findings, most: int) -> str:
    """The most confident calls of a regression as Markdown, each with the diff of its function."""
    alarms = findings.alarms
    head = f"# {min(most, len(alarms))} of {counted(len(alarms), 'call')}, most confident first"
    shown = (_call(number, *alarm) for number, alarm in enumerate(alarms[:most], start=1))
    return "\n\n".join([head, *shown]) + "\n"


def _call(number: int, judged: Judged, alarm: Verdict) -> str:
    unit, ratio = judged.change.unit, alarm.comparison.slowdown
    assert ratio is not None  # a call has a ratio
    metric = alarm.comparison.metric.name.replace("_", " ")
    told = (
        f"{judged.before} → {judged.after.version}, {metric} {ratio.mid:.2f}x "
        f"({ratio.low:.2f}x to {ratio.high:.2f}x), P {confidence(alarm):.2f}, {alarm.reason}"
    )
    place = code(f"{unit.path}:{unit.span.first}")
    return f"## {number}. {code(unit.name)}\n\n{place}: {prose(told)}\n\n{_fenced(_diff(judged.change))}"


def _diff(change: Change) -> str:
    sides = (change.before.source if change.before else "", change.after.source if change.after else "")
    before, after = ([printable(line) for line in side.split("\n")] for side in sides)
    return "\n".join(list(unified_diff(before, after, lineterm=""))[2:])


def _fenced(text: str) -> str:
    """A code block that nothing in the text ends."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}diff\n{text}\n{fence}"


# Changes to publish with.


def changes_of(before: Release, after: Release, most: int, max_bytes: int) -> Iterator[dict[str, str]]:
    """Changed functions of two releases, as `training.releases.read` reads them; always the same ones."""
    old, new = (files_of(each, max_bytes) for each in (before, after))
    paths = (path for path in sorted(old.keys() & new.keys()) if old[path] != new[path])
    files = (FileChange(PurePosixPath(path), PurePosixPath(path), old[path], new[path]) for path in paths)
    space = texts.python_space("", 1.0)
    found = []
    for change in extract.changes(files):
        if isinstance(change, Change) and change.before and change.after and not change.equal:
            sides = prompts_of(change.before, change.after, space)
            found.append([side.text.removeprefix(space.prefix) for side in sides])
    chosen = sorted(found, key=lambda sides: sha256("\0".join(sides).encode("utf-8", "replace")).digest())
    split = SPLITS[sha256(after.name.encode()).digest()[0] % len(SPLITS)]
    for one, other in chosen[:most]:
        yield {"before_text": one, "after_text": other, "package": after.name, "split": split}


def write_changes(folder: Path, path: Path, most: int, max_bytes: int) -> None:
    """Write the changed functions of all pairs of releases in the folder."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = [row for pair in pairs(folder) for row in changes_of(*pair, most, max_bytes)]
    scratch = path.with_suffix(".writing")
    names = ("before_text", "after_text", "package", "split")
    schema = pa.schema([(name, pa.string()) for name in names])
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), scratch)
    scratch.replace(path)
    packages = {row["package"] for row in rows}
    print(f"{counted(len(rows), 'change')} of {counted(len(packages), 'package')} in {path}", file=sys.stderr)


def run(folder: Path, predictor: Predictor, config: Config, calls_file: Path | None, most: int) -> None:
    """Judge the releases in a folder, print the table, and write the calls if a file is named."""
    findings = measure(folder, predictor, config)
    print(f"Model: {predictor.info.name} ({predictor.info.digest[:12]})\n\n{table(findings)}")
    if calls_file:
        calls_file.write_text(calls(findings, most), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--releases", type=Path, required=True, help="the folder of releases")
    parser.add_argument("--checkpoint", default="embedded")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--calls", type=Path, help="where to write the most confident calls, as Markdown")
    parser.add_argument("--changes", type=Path, help="judge nothing: where to write the changes, as Parquet")
    parser.add_argument("--most", type=int, default=50, help="how many calls, or changes of a package")
    flags = parser.parse_args()
    config = Config(checkpoint=flags.checkpoint, device=flags.device, cache=False)
    if flags.changes:
        write_changes(flags.releases, flags.changes, flags.most, config.max_file_size)
        return
    run(
        flags.releases,
        predict.load(config, warn=partial(print, file=sys.stderr)),
        config,
        flags.calls,
        flags.most,
    )


if __name__ == "__main__":
    main()
