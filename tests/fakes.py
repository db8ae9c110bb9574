"""A predictor that answers from a function: the whole gate runs without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ci_rlm.flow import Calibration, ErrorBand, Kind, Metric, ModelInfo, Prediction, Prompt, Space

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
    ) -> None:
        self.info = info
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
