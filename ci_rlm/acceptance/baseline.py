"""The baseline: costs that were accepted at one time, by path, qualified name, metric and body.

An entry holds as long as the function's canonical text is the one that was accepted, wherever in its
file it stands and however it is laid out. The next change of its code has to be accepted anew. The
file is content that a pull request can touch: it is read with the standard library, strictly and up to
a size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from ci_rlm.acceptance.waiver import Waiver, body_of
from ci_rlm.config import METRICS
from ci_rlm.errors import UsageError
from ci_rlm.flow import Level, Means, Verdict

PLACE = ".ci-rlm/baseline.json"
"""Where it is kept, from the root of the repository, unless the configuration says otherwise."""
VERSION = 1
MAX_BYTES = 8 * 1_048_576
_FIELDS = ("path", "name", "metric", "body", "reason")
_BODY = re.compile("[0-9a-f]{64}")
_HINT = "mend it, or delete it and write it anew with ci-rlm check --write-baseline --reason TEXT"


def read(data: bytes, source: str) -> tuple[Waiver, ...]:
    """The entries of a file's bytes; `source` is its path. Raises UsageError unless the file is sound."""
    try:
        plain = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source} is not JSON", hint=_HINT) from error
    entries = plain.get("accepted") if isinstance(plain, dict) else None
    if not isinstance(entries, list) or plain.get("version") != VERSION:
        raise UsageError(f"{source} is no baseline of version {VERSION}", hint=_HINT)
    return tuple(
        _waiver(entry, f"{source}: accepted[{index}]", source) for index, entry in enumerate(entries)
    )


def _waiver(entry: object, where: str, source: str) -> Waiver:
    if not isinstance(entry, dict) or set(entry) != set(_FIELDS):
        raise UsageError(f"{where}: expected {', '.join(_FIELDS)}", hint=_HINT)
    path, name, metric, body, reason = (entry[field] for field in _FIELDS)
    for field in _FIELDS:
        if not isinstance(entry[field], str) or not entry[field].strip():
            raise UsageError(f"{where}: {field}: expected a text", hint=_HINT)
    if metric not in METRICS or not _BODY.fullmatch(body):
        wrong = "body" if metric in METRICS else "metric"
        raise UsageError(f"{where}: {wrong} is none", hint=_HINT)
    return Waiver(Means.BASELINE, source, reason, path, name, metric, body)


def renewed(
    entries: Iterable[Waiver], verdicts: Iterable[Verdict], reason: str, source: str
) -> tuple[Waiver, ...]:
    """The entries with one for each verdict that has a level, and without those that are stale.

    An entry is stale where the verdicts tell that its function has another body by now, or is gone. The
    others stay with their reasons.
    """
    judged = tuple(verdicts)
    kept = {
        (entry.path, entry.name, entry.metric): entry for entry in entries if not _is_stale(entry, judged)
    }
    fresh = {(entry.path, entry.name, entry.metric): entry for entry in _entries(judged, reason, source)}
    return tuple(entry for _, entry in sorted({**kept, **fresh}.items()))


def _entries(verdicts: Iterable[Verdict], reason: str, source: str) -> Iterator[Waiver]:
    for verdict in verdicts:
        unit, metric = verdict.comparison.change.after, verdict.comparison.metric.name
        if unit is not None and verdict.level is not Level.NONE:
            yield Waiver(Means.BASELINE, source, reason, str(unit.path), unit.name, metric, body_of(unit))


def _is_stale(entry: Waiver, verdicts: Iterable[Verdict]) -> bool:
    function = entry.path, entry.name
    changes = [verdict.comparison.change for verdict in verdicts]
    after = [unit for change in changes if (unit := change.after) and (str(unit.path), unit.name) == function]
    if after:
        return not any(map(entry.fits, after))
    return any((str(unit.path), unit.name) == function for change in changes if (unit := change.before))


def text(entries: Iterable[Waiver]) -> bytes:
    """The file: one line a field, so that a merge of two branches has few conflicts; in ASCII."""
    accepted = [{field: getattr(entry, field) for field in _FIELDS} for entry in entries]
    document = {"version": VERSION, "accepted": accepted}
    return (json.dumps(document, indent=2, ensure_ascii=True) + "\n").encode()
