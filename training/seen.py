"""Which functions of a repository profiles saw running in its benchmarks.

A profile of a benchmark's run tells what no reading of the sources does: where a call through a table,
a plug-in or a fixture led. Its functions are looked up in the commit that was profiled, and told by
path and name. Nothing of a profile or of the repository is run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ci_rlm import logs
from ci_rlm.errors import LogError, UsageError
from ci_rlm.extract.outline import unnumbered
from ci_rlm.logs import PROFILES, Place
from ci_rlm.training import ingest
from ci_rlm.training.exercised import Target
from ci_rlm.training.resolve import Resolver, Unresolved

_NOTHING = "it tells of no benchmark that runs a function of the repository"
_NO_PROFILE = f"it is of none of the formats that tell who called whom: {', '.join(PROFILES)}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What profiles tell."""

    by_benchmark: Mapping[Target, Mapping[Target, tuple[str, ...]]] = field(default_factory=dict)
    """The functions that ran in each, and in the profiles of which names."""
    silent: tuple[tuple[str, str], ...] = ()
    """Profiles that tell nothing, with the reason."""


def seen_in(paths: Sequence[Path], resolver: Resolver, commit: str, names: Collection[str]) -> Seen:
    """What the profiles among files and folders tell, all of one commit.

    `names` are those of the functions that may be benchmarks: tests as well, so that what they call is
    held for no benchmark's. A file of a folder that is no profile is passed over.
    """
    found: dict[Target, dict[Target, dict[str, None]]] = {}
    silent: list[tuple[str, str]] = []
    for log in ingest.find(paths, lambda path: logs.detect(path, PROFILES)):
        if not log.format:
            silent += [(str(log.path), _NO_PROFILE)] * log.named
            continue
        count, reason = 0, _NOTHING
        try:
            for benchmark, function in _calls(log, resolver, commit, names):
                found.setdefault(benchmark, {}).setdefault(function, {})[str(log.path)] = None
                count += 1
        except (LogError, UsageError) as error:
            reason = error.message
        if not count:
            silent.append((str(log.path), reason))
    told = {
        benchmark: {function: tuple(where) for function, where in functions.items()}
        for benchmark, functions in found.items()
    }
    return Seen(told, tuple(silent))


def _calls(
    log: ingest.Log, resolver: Resolver, commit: str, names: Collection[str]
) -> Iterator[tuple[Target, Target]]:
    for each in logs.profile(log.format).calls(log.path, names):
        if isinstance(each, logs.Call):
            benchmark = _target(resolver, each.above, commit)
            function = _target(resolver, each.below, commit) if benchmark else None
            if benchmark and function:
                yield benchmark, function


def _target(resolver: Resolver, place: Place, commit: str) -> Target | None:
    code = resolver.resolve(place, "python", commit)
    if isinstance(code, Unresolved):
        return None
    return code.unit.path, tuple(unnumbered(code.unit.name).split("."))
