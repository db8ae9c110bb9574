"""What one model can learn side by side: Python, other languages, kernels, and networks as graphs.

Each domain is a space of the model, with a prefix, metrics and a class of hardware of its own, as in
Section 4 of the paper. What is said here is which programs and rows of a corpus are of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ci_rlm.flow import Kind, Metric, Space
from ci_rlm.training import texts


@dataclass(frozen=True, slots=True)
class Domain:
    """Programs of one sort, and how a model is asked for their costs."""

    space: Space
    """As a checkpoint has it, but for the hardware, which the corpus tells."""
    languages: frozenset[str]
    source: str = ""
    """Its programs are of this source; of any where it is empty."""
    device: str = ""
    """The one of a published table's devices whose rows are taken. Where it is empty, rows are of the
    protocol and hardware that most are of."""

    @property
    def name(self) -> str:
        """That of its space, which recipes use."""
        return self.space.name

    @property
    def metrics(self) -> tuple[str, ...]:
        """What its space answers with, in order."""
        return tuple(metric.name for metric in self.space.metrics)

    @property
    def is_python(self) -> bool:
        """Whether names can be drawn anew in its texts, and their syntax nodes are counted."""
        return self.languages <= texts.PYTHON

    def on(self, hardware: str) -> Space:
        """The space of what was measured on this hardware."""
        return replace(self.space, hardware=hardware)


_LATENCY = (Metric("latency", "s"),)
_NATIVE = frozenset({"cpp", "csharp", "java", "javascript", "kotlin", "php", "ruby", "typescript"})
_DEVICE = "2080ti"
"""What three of the published tables have in common, at several sizes of a batch each."""


def _networks(source: str) -> Domain:
    """Graphs of a search space, asked for the latency of a batch of 32."""
    space = Space(source, texts.graph_prefix(source), (), _LATENCY, "", size=32.0)
    return Domain(space, frozenset({"onnx"}), source, _DEVICE)


PYTHON = Domain(texts.python_space("", 1024.0), frozenset({"python"}))
LANGUAGES = Domain(
    Space(
        "languages",
        texts.LANGUAGES_PREFIX,
        (),
        (Metric("peak_rss", "B"), Metric("cpu_time", "s")),
        "",
        size=10_000.0,
    ),
    _NATIVE,
)
KERNELS = Domain(
    Space("kernels", texts.KERNELS_PREFIX, (Kind.TRITON_KERNEL,), _LATENCY, "", size=float(2**20)),
    frozenset({"triton"}),
)
DOMAINS: Mapping[str, Domain] = {
    domain.name: domain
    for domain in (
        PYTHON, LANGUAGES, KERNELS, _networks("nasbench201"), _networks("fbnet"), _networks("ofa_mbv3"),
    )
}  # fmt: skip
"""By name. Accuracies are left out: they have no input size, which every space is given first."""
