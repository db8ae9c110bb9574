"""What sort of repository this is, by the names of its files alone: languages, layout, forge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from ci_rlm import extract


class Forge(StrEnum):
    """Where checks run."""

    GITHUB = "github"
    GITLAB = "gitlab"
    OTHER = "other"
    """Some CI that the generic script fits."""
    NONE = "none"
    """No sign of any."""


# Each is a file or the start of a path.
_SIGNS = {
    Forge.GITHUB: (".github",),
    Forge.GITLAB: (".gitlab-ci.yml", ".gitlab"),
    Forge.OTHER: (
        ".appveyor.yml", ".buildkite", ".circleci", ".cirrus.yml", ".drone.yml", ".forgejo", ".semaphore",
        ".travis.yml", ".woodpecker", ".woodpecker.yml", "azure-pipelines.yml", "bitbucket-pipelines.yml",
        "Jenkinsfile",
    ),
}  # fmt: skip

_OTHER_LANGUAGES = {
    ".c": "C", ".cc": "C++", ".cpp": "C++", ".cs": "C#", ".cu": "CUDA", ".go": "Go", ".hs": "Haskell",
    ".java": "Java", ".jl": "Julia", ".js": "JavaScript", ".kt": "Kotlin", ".php": "PHP", ".pyx": "Cython",
    ".rb": "Ruby", ".rs": "Rust", ".scala": "Scala", ".swift": "Swift", ".ts": "TypeScript",
    ".tsx": "TypeScript",
}  # fmt: skip
"""What a report says nothing of."""

_APART = frozenset({
    "test", "tests", "testing", "doc", "docs", "example", "examples", "benchmarks", "_vendor", "vendor",
    "vendored", "third_party", "node_modules",
})  # fmt: skip
"""Folders whose code nobody ships, or that others wrote."""
_APART_FILES = ("setup.py", "conftest.py", "noxfile.py", "tasks.py", "test_*.py", "*_test.py")


@dataclass(frozen=True, slots=True)
class Layout:
    """The code of a repository, and which of it a check should look at."""

    judged: int
    """Files of a language that units are cut from."""
    others: tuple[tuple[str, int], ...]
    """(language, files) of the code that is not judged, the most first."""
    source: bool
    """Every package lies below `src/`."""
    include: tuple[str, ...]
    """Globs; empty takes every file."""
    exclude: tuple[str, ...]
    """Globs of what is there and is no code of the product."""


def forge_of(files: Iterable[PurePosixPath], remote: str) -> Forge:
    """Where checks run: what CI files say, else what the name of the remote's host says."""
    tops = {path.parts[0] for path in files}
    for forge, signs in _SIGNS.items():
        if tops & set(signs):
            return forge
    host = host_of(remote)
    return next((forge for forge in (Forge.GITHUB, Forge.GITLAB) if forge in host), Forge.NONE)


def host_of(address: str) -> str:
    """The host of a git address, `https://HOST/…` or `ada@HOST:…`; empty for a path."""
    scheme, mark, rest = address.partition("://")
    if mark:
        return "" if scheme == "file" else rest.partition("/")[0].rpartition("@")[2].partition(":")[0].lower()
    host, mark, _ = address.partition(":")
    return host.rpartition("@")[2].lower() if mark and "/" not in host else ""


def layout_of(files: Sequence[PurePosixPath]) -> Layout:
    """How the code lies."""
    code = [path for path in files if extract.language_of(path) is not None]
    packages = {path.parts[0] for path in code if path.name == "__init__.py" and not _apart(path)}
    source = packages == {"src"} or (not packages and any(path.parts[0] == "src" for path in code))
    include = ("src/**",) if source else ()
    looked_at = [path for path in code if not source or path.parts[0] == "src"]
    others = Counter(name for path in files if (name := _OTHER_LANGUAGES.get(path.suffix)) is not None)
    return Layout(
        judged=len(code),
        others=tuple(sorted(others.items(), key=lambda item: (-item[1], item[0]))),
        source=source,
        include=include,
        exclude=tuple(_exclusions(looked_at)),
    )


def _apart(path: PurePosixPath) -> bool:
    return not _APART.isdisjoint(path.parts[:-1])


def _exclusions(code: Sequence[PurePosixPath]) -> list[str]:
    """Globs of folders and files apart that are there, so that no line of the configuration is idle."""
    folders = {part for path in code for part in path.parts[:-1]} & _APART
    outside = [path for path in code if not _apart(path)]
    files = [glob for glob in _APART_FILES if any(path.match(glob) for path in outside)]
    return [*(f"**/{folder}/**" for folder in sorted(folders)), *files]
