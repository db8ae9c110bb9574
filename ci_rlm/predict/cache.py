"""Answers kept between runs, so that code seen before needs no model.

An answer is named by the model that gave it and by the key of its prompt. SQLite holds
them: it is in the standard library, and its locks make concurrent runs on one machine safe.
A cache never fails a run: what cannot be read is asked again, what cannot be written is
let go, and the user is told once.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ci_rlm.flow import Calibration, ModelInfo, Prediction, Prompt, Space, Vocabulary

if TYPE_CHECKING:
    from ci_rlm.predict import Predictor

Answer = tuple[Prediction, ...]

LAYOUT = 2
"""Part of the file's name: raise it when the table or the encoding changes, or what a model answers."""

KEPT = 100_000
"""Answers kept; the oldest go first. About 80 MB with two metrics of 15 quantiles."""

_TABLE = """CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, prompt TEXT NOT NULL, answer BLOB NOT NULL,
    UNIQUE (model, prompt))"""
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_ASKED_AT_ONCE = 500  # SQLite before 3.32 takes 999 parameters in one statement


class AnswerCache:
    """A table of answers in one file, opened for each batch and never held open."""

    def __init__(
        self, folder: Path, *, warn: Callable[[str], None], kept: int = KEPT, wait_s: float = 5.0
    ) -> None:
        self.path = folder / f"answers-{LAYOUT}.sqlite3"
        self._warn = warn
        self._warned = False
        self._kept = kept
        self._wait_s = wait_s

    def read(self, model: str, keys: Sequence[str]) -> dict[str, Answer]:
        """The answers that are known, by the key of their prompt."""
        try:
            if not self.path.exists():
                return {}
            with closing(self._connect("ro")) as database:
                return dict(_select(database, model, keys))
        except (sqlite3.Error, OSError) as error:
            self._recover(error, "read")
            return {}

    def write(self, model: str, answers: Mapping[str, Answer]) -> None:
        """Keep answers, and drop the oldest beyond the limit."""
        rows = [(model, key, _encode(answer)) for key, answer in answers.items()]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect("rwc")) as database, database:
                database.execute(_TABLE)
                database.executemany(
                    "INSERT OR REPLACE INTO answers (model, prompt, answer) VALUES (?, ?, ?)", rows
                )
                database.execute(
                    "DELETE FROM answers WHERE id <= (SELECT MAX(id) FROM answers) - ?", (self._kept,)
                )
        except (sqlite3.Error, OSError) as error:
            self._recover(error, "written")

    def _connect(self, access: str) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(str(self.path))}?mode={access}", timeout=self._wait_s, uri=True)

    def _recover(self, error: Exception, verb: str) -> None:
        # The low byte is the primary code; the others name the page or the call.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
            self.path.unlink(missing_ok=True)
            self._tell(f"the cache was damaged and is made anew: {self.path} ({error})")
        else:
            self._tell(f"the cache cannot be {verb}: {self.path} ({error})")

    def _tell(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(message)


class CachedPredictor:
    """A predictor that is asked only for what the cache does not hold."""

    def __init__(self, predictor: Predictor, cache: AnswerCache) -> None:
        self._predictor = predictor
        self._cache = cache
        self._model = _fingerprint(predictor.info, predictor.spaces)

    @property
    def info(self) -> ModelInfo:
        """Which model answers."""
        return self._predictor.info

    @property
    def spaces(self) -> tuple[Space, ...]:
        """The tasks that it was trained on."""
        return self._predictor.spaces

    @property
    def calibrations(self) -> tuple[Calibration, ...]:
        """How wrong its ratios were on held-out pairs."""
        return self._predictor.calibrations

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The names that it learned from."""
        return self._predictor.vocabulary

    def predict(self, prompts: Sequence[Prompt]) -> Iterator[Answer]:
        """For each prompt, in order, its kept answer or a fresh one."""
        known = self._cache.read(self._model, list({prompt.key for prompt in prompts}))
        fresh = self._fresh([prompt for prompt in prompts if prompt.key not in known])
        for prompt in prompts:
            if prompt.key not in known:
                known.update([next(fresh)])
            yield known[prompt.key]

    def _fresh(self, prompts: Sequence[Prompt]) -> Iterator[tuple[str, Answer]]:
        missing = list({prompt.key: prompt for prompt in prompts}.values())
        if not missing:  # not even an empty batch: the model would be loaded for it
            return
        unsaved: dict[str, Answer] = {}
        answers = zip(missing, self._predictor.predict(missing), strict=True)
        for count, (prompt, answer) in enumerate(answers, start=1):
            unsaved[prompt.key] = answer
            if len(unsaved) == _ASKED_AT_ONCE or count == len(missing):
                self._cache.write(self._model, unsaved)
                unsaved.clear()
            yield prompt.key, answer


def _fingerprint(info: ModelInfo, spaces: tuple[Space, ...]) -> str:
    """Of all that answers depend on; not of a checkpoint's name, nor of the hardware that it tells of."""
    asked = [replace(space, hardware="") for space in spaces]
    told = info.digest, info.tokenizer_digest, info.dtype, info.settings, asked
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _select(database: sqlite3.Connection, model: str, keys: Sequence[str]) -> Iterator[tuple[str, Answer]]:
    if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'answers'").fetchone() is None:
        return  # another process has made the file and not yet the table
    for start in range(0, len(keys), _ASKED_AT_ONCE):
        asked = keys[start : start + _ASKED_AT_ONCE]
        marks = ", ".join("?" * len(asked))
        query = f"SELECT prompt, answer FROM answers WHERE model = ? AND prompt IN ({marks})"  # noqa: S608
        for key, stored in database.execute(query, (model, *asked)):
            answer = _decode(stored)
            if answer is not None:
                yield key, answer


def _encode(answer: Answer) -> bytes:
    entries = [[part.metric, part.unit, part.quantiles, part.truncated] for part in answer]
    return json.dumps(entries, allow_nan=False, separators=(",", ":")).encode()


def _decode(stored: bytes) -> Answer | None:
    """None for bytes that no version of this program wrote: a miss, like any other."""
    try:
        return tuple(
            Prediction(str(metric), str(unit), tuple((float(p), float(v)) for p, v in quantiles), bool(cut))
            for metric, unit, quantiles, cut in json.loads(stored)
        )
    except (TypeError, ValueError):
        return None
