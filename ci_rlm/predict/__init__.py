"""Prompts to predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from ci_rlm.config import Config
from ci_rlm.flow import Calibration, ModelInfo, Prediction, Prompt, Space, Vocabulary


class Predictor(Protocol):
    """What answers for the cost of code. All of it but `predict` is known without a model in memory."""

    @property
    def info(self) -> ModelInfo:
        """Which model answers."""

    @property
    def spaces(self) -> tuple[Space, ...]:
        """The tasks it was trained on."""

    @property
    def calibrations(self) -> tuple[Calibration, ...]:
        """How wrong its ratios were on held-out pairs; empty if that was never measured."""

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The names that it learned from; None if the checkpoint does not tell."""

    def predict(self, prompts: Sequence[Prompt]) -> Iterator[tuple[Prediction, ...]]:
        """For each prompt, in order, one prediction a metric of its space."""


def load(config: Config, *, warn: Callable[[str], None]) -> Predictor:
    """The configured predictor; its network is loaded by the first prediction that is not cached.

    `warn` is told of a cache that cannot be used. Raises CheckpointError.
    """
    from ci_rlm.model.checkpoint import locate
    from ci_rlm.predict.rlm import RlmPredictor

    folder = locate(config.checkpoint, cache_dir=config.cache_dir, offline=config.offline)
    predictor = RlmPredictor(folder, config.device)
    if not config.cache or config.cache_dir is None:
        return predictor
    from ci_rlm.predict.cache import AnswerCache, CachedPredictor

    return CachedPredictor(predictor, AnswerCache(config.cache_dir, warn=warn))
