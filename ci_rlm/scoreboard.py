"""The scoreboard of a repository, as a check reads it: how earlier predictions turned out.

`ci-rlm verify` writes the file, whole, with its records up to date (`training/verified.py` has its
shape). A check needs the records alone. The file is content that a pull request can touch, so it
is read with the standard library, strictly and up to a size, and no text of it is ever shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from ci_rlm.errors import CheckpointError, ScoreboardError
from ci_rlm.flow import TrackRecord
from ci_rlm.model import records

PLACE = ".ci-rlm/scoreboard.json"
"""Where it is kept, from the root of the repository, unless the configuration says otherwise."""
VERSION = 1
MAX_BYTES = 8 * 1_048_576
"""A larger file is not read, and none is written: the oldest comparisons make room."""
_HINT = "remove it, and run `ci-rlm verify` again on the reports and logs that are kept"


def track_records(data: bytes) -> tuple[TrackRecord, ...]:
    """The records in a scoreboard's bytes. Raises ScoreboardError for anything but a sound file."""
    plain = document(data)
    try:
        found = records.load_all(TrackRecord, json.dumps(plain.get("records")), "records")
    except (CheckpointError, OverflowError) as error:
        raise ScoreboardError("the scoreboard's records are damaged", hint=_HINT) from error
    if not all(map(_sound, found)):
        raise ScoreboardError("the scoreboard's records contradict themselves", hint=_HINT)
    return found


def document(data: bytes) -> dict[str, object]:
    """A scoreboard's bytes as a JSON object of the known version. Raises ScoreboardError."""
    if len(data) > MAX_BYTES:
        raise ScoreboardError(f"the scoreboard is over {MAX_BYTES:,} bytes", hint=_HINT)
    try:
        plain = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ScoreboardError("the scoreboard is not JSON", hint=_HINT) from error
    if not isinstance(plain, dict) or type(plain.get("version")) is not int:
        raise ScoreboardError("the file is no scoreboard", hint=_HINT)
    if plain["version"] != VERSION:
        hint = "use the version of ci-rlm that wrote it, or a later one"
        raise ScoreboardError("the scoreboard is of another version", hint=hint)
    return plain


def of_checkpoint(found: Iterable[TrackRecord], digest: str) -> TrackRecord | None:
    """The record of the checkpoint with that digest, or else of all; None where nothing is verified."""
    by_digest = {record.digest: record for record in found if record.comparisons}
    return by_digest.get(digest) or by_digest.get("")


def _sound(record: TrackRecord) -> bool:
    """Whether the counts fit each other, and the interval holds what it is of. NaN fits nothing."""
    fitting = (
        0 <= record.right <= record.calls <= record.comparisons <= _MOST
        and 0 <= record.unsure <= record.missed <= record.comparisons
    )
    if not fitting:
        return False
    share = record.right / record.calls if record.calls else record.low
    return 0 <= record.low <= share <= record.high <= 1


_MOST = 10**9
"""Comparisons: a number that fits a line."""
