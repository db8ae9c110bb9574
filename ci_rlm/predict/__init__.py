"""Prompts to predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
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

    cached = config.cache and config.cache_dir is not None
    folder = locate(config.checkpoint, cache_dir=config.cache_dir, offline=config.offline)
    return of_checkpoint(folder, config.device, cache_dir=config.cache_dir if cached else None, warn=warn)


def of_checkpoint(
    folder: Path,
    device: str = "auto",
    threads: int | None = None,
    *,
    cache_dir: Path | None = None,
    warn: Callable[[str], None] = print,
) -> Predictor:
    """What a checkpoint's folder answers: its network, pooled with its counts if it has any.

    The network's own answers are kept in `cache_dir`, if that is given. Raises CheckpointError.
    """
    from ci_rlm.model import checkpoint
    from ci_rlm.predict.rlm import RlmPredictor

    network: Predictor = RlmPredictor(folder, device, threads)
    if cache_dir is not None:
        from ci_rlm.predict.cache import AnswerCache, CachedPredictor

        network = CachedPredictor(network, AnswerCache(cache_dir, warn=warn))
    if not (folder / checkpoint.COUNTS).exists():
        return network
    from ci_rlm.predict.pooled import PooledPredictor

    return PooledPredictor.of_checkpoint(network, folder)
