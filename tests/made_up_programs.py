"""Programs, points and predictors that the tests of an evaluation are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from ci_rlm import marks
from ci_rlm.flow import Calibration, ModelInfo, Prediction, Prompt, Space
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.questions import Point, points_of
from ci_rlm.training.texts import change_space
from tests.fakes import INFO, NARROW, SPACE

if TYPE_CHECKING:
    from ci_rlm.model.tokenizer import Tokenizer

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
Z = norm.ppf(LEVELS)


def example(
    record: str, costs: Iterable[float], *, problem: str = "p", size: float = 1000.0, text: str = "PYTHON\nx"
) -> Example:
    """A program whose memory and time, at growing sizes, are these costs."""
    rows = tuple(Row(size * 2**step, cost, cost / 1e6) for step, cost in enumerate(costs))
    return Example(text, problem, "made up", record, "test", rows, (("call", len(record)), ("module", 1)))


def points(*examples: Example) -> list[Point]:
    return points_of(examples)


class Guesser:
    """A `Predictor` that knows each program's costs by its text and errs by so much in ln."""

    def __init__(
        self,
        examples: Sequence[Example],
        error: Callable[[], float] = lambda: 0.0,
        *,
        spread: float = 0.1,
        info: ModelInfo = INFO,
        calibrations: tuple[Calibration, ...] = NARROW,
    ) -> None:
        self.info, self.spaces, self.calibrations = info, (SPACE,), calibrations
        self.vocabulary = None
        self.error, self.spread = error, spread
        self.known = {(_body(e.text), row.size): row for e in examples for row in e.rows}

    def predict(self, prompts: Sequence[Prompt]) -> Iterator[tuple[Prediction, ...]]:
        """Quantiles of a log-normal distribution about a value that errs."""
        for prompt in prompts:
            assert prompt.size is not None
            row = self.known[_body(prompt.text), prompt.size]
            yield tuple(
                self._prediction(metric.name, metric.unit, getattr(row, metric.name) or 1.0)
                for metric in self.spaces[0].metrics
            )

    def _prediction(self, metric: str, unit: str, value: float) -> Prediction:
        middle = math.log(value) + self.error()
        values = np.exp(middle + self.spread * Z).tolist()
        return Prediction(metric, unit, tuple(zip(LEVELS, values, strict=True)))


class Comparer(Guesser):
    """A `Guesser` that is asked for ratios of changes, too, and errs there by `change_error`."""

    def __init__(
        self,
        examples: Sequence[Example],
        change_error: Callable[[], float] = lambda: 0.0,
        *,
        spread: float = 0.1,
        info: ModelInfo = INFO,
    ) -> None:
        super().__init__(examples, spread=spread, info=info)
        self.spaces = (SPACE, change_space(SPACE))
        self.change_error = change_error
        self.changes = {
            (marks.marked(_body(before.text), _body(after.text)), row.size): (row, other)
            for before in examples
            for after in examples
            if before.problem == after.problem
            for row in before.rows
            for other in after.rows
            if row.size == other.size
        }

    def predict(self, prompts: Sequence[Prompt]) -> Iterator[tuple[Prediction, ...]]:
        """As `Guesser`, and quantiles of a log-normal distribution about a ratio that errs."""
        comparing = self.spaces[1]
        for prompt in prompts:
            if prompt.space != comparing.name:
                yield from super().predict([prompt])
                continue
            assert prompt.size is not None
            sides = self.changes[prompt.text.removeprefix(comparing.prefix), prompt.size]
            yield tuple(self._ratio(metric.name, metric.unit, *sides) for metric in comparing.metrics)

    def _ratio(self, metric: str, unit: str, before: Row, after: Row) -> Prediction:
        known = math.log((getattr(after, metric) or 1.0) / (getattr(before, metric) or 1.0))
        values = np.exp(known + self.change_error() + self.spread * Z).tolist()
        return Prediction(metric, unit, tuple(zip(LEVELS, values, strict=True)))


def _body(text: str) -> str:
    return text.removeprefix("PYTHON\n").removeprefix(SPACE.prefix)


def programs(problems: int = 8, each: int = 4, seed: int = 0) -> list[Example]:
    """Problems with programs of random costs at the reference size, each with a neutral edit of one."""
    chance = np.random.default_rng(seed)
    found = []
    for problem in range(problems):
        level = chance.normal() + 10
        for number in range(each):
            cost = math.exp(level + chance.normal())
            text = f"PYTHON\ndef f{problem}(x{number}):\n return x{number}"
            found.append(example(str(number), [cost], problem=f"p{problem}", text=text))
        last = found[-1]
        edited = f"{last.text} + 0"
        found.append(
            example(f"{last.record}+rename_local", [cost * 1.001], problem=f"p{problem}", text=edited)
        )
    return found


def tiny_checkpoint(
    folder: Path, name: str, spaces: tuple[Space, ...], words: Tokenizer, *, max_tokens: int,
    seed: int = 0, calibration: Sequence[Calibration] = (),
) -> None:  # fmt: skip
    """Write a checkpoint of random weights."""
    from ci_rlm.model import checkpoint
    from ci_rlm.model.config import ModelConfig
    from ci_rlm.model.network import Network

    config = ModelConfig(
        name=name,
        hardware="a machine",
        spaces=spaces,
        vocab_size=words.vocab_size,
        width=16,
        heads=2,
        encoder_layers=1,
        decoder_layers=1,
        feed_forward=16,
        max_tokens=max_tokens,
        probabilities=(0.05, 0.5, 0.95),
    )
    checkpoint.save(folder, Network(config, seed), words.to_json(), "A card.", calibration)
