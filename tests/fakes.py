"""A predictor that answers from a function: the whole gate runs without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import pytest

from ci_rlm import gate
from ci_rlm.config import Config
from ci_rlm.flow import (
    Calibration,
    ErrorBand,
    FileChange,
    Kind,
    Metric,
    ModelInfo,
    Prediction,
    Prompt,
    Range,
    Space,
    Span,
    Vocabulary,
)
from ci_rlm.model import records
from ci_rlm.model.checkpoint import read_info
from ci_rlm.model.config import ModelConfig
from ci_rlm.predict.cache import AnswerCache, CachedPredictor

PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
SPREADS = (0.9, 0.95, 1.0, 1.05, 1.1)
INFO = ModelInfo("fake", "0" * 64, "1" * 64, "float32", "a machine of paper")
SPACE = Space(
    name="python",
    prefix="python\n",
    kinds=(Kind.FUNCTION, Kind.PROGRAM),
    metrics=(Metric("peak_memory", "B"), Metric("cpu_time", "s")),
    hardware="a machine of paper",
    size=1000.0,
)
ERRORS = ((0.05, -1.6), (0.25, -0.7), (0.5, 0.0), (0.75, 0.7), (0.95, 1.6))
NARROW = tuple(
    Calibration(metric.name, (ErrorBand(0.5, 1.0, 0.01, 0.0, ERRORS),), pairs=1000)
    for metric in SPACE.metrics
)
"""Errors of about one percent, whatever the texts share."""

Cost = Callable[[Prompt], Mapping[str, float]]


class FakePredictor:
    """Implements `Predictor`: `cost` gives each metric's median, and `asked` keeps the prompts."""

    def __init__(
        self,
        cost: Cost,
        *,
        spaces: tuple[Space, ...] = (SPACE,),
        calibrations: tuple[Calibration, ...] = NARROW,
        info: ModelInfo = INFO,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self.info = info
        self.vocabulary = vocabulary
        self.spaces = spaces
        self.calibrations = calibrations
        self.cost = cost
        self.asked: list[Prompt] = []

    def predict(self, prompts: Sequence[Prompt]) -> Iterator[tuple[Prediction, ...]]:
        """One prediction a metric, spread a tenth to both sides of the median."""
        for prompt in prompts:
            self.asked.append(prompt)
            yield tuple(self._predictions(prompt))

    def _predictions(self, prompt: Prompt) -> Iterator[Prediction]:
        space = next(space for space in self.spaces if space.name == prompt.space)
        medians = self.cost(prompt)
        for metric in space.metrics:
            values = tuple(medians[metric.name] * spread for spread in SPREADS)
            pairs = tuple(zip(PROBABILITIES, values, strict=True))
            yield Prediction(metric.name, metric.unit, pairs, prompt.truncated)


def by_length(prompt: Prompt) -> dict[str, float]:
    """Longer text costs more: a mebibyte and a millisecond a character."""
    return {"peak_memory": len(prompt.text) * 2.0**20, "cpu_time": len(prompt.text) * 1e-3}


def checkpoint_without_weights(folder: Path) -> Path:
    """A checkpoint that can be described and never run: enough where every answer is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    config = ModelConfig(name="hollow", hardware=SPACE.hardware, spaces=(SPACE,))
    header = b'{"nothing": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'
    (folder / "config.json").write_text(config.to_json())
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    (folder / "calibration.json").write_text(records.dump(list(NARROW)))
    return folder


def remember(checkpoint: Path, cache_dir: Path, texts: Iterable[str], cost: Cost) -> None:
    """Keep answers to all that a check asks of the checkpoint for files that hold these texts."""
    config, info, calibrations = read_info(checkpoint)
    fake = FakePredictor(cost, spaces=config.spaces, calibrations=calibrations, info=info)
    cached = CachedPredictor(fake, AnswerCache(cache_dir, warn=pytest.fail))
    files = [_added(text, PurePosixPath(f"{number}.py")) for number, text in enumerate(texts)]
    gate.check(Range("none", "some", "fake"), files, cached, Config())


def _added(text: str, path: PurePosixPath) -> FileChange:
    return FileChange(path, None, None, text.encode(), (), (Span(1, text.count("\n")),))
