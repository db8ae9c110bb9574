"""On an NVIDIA GPU: `pytest -m gpu`."""

from __future__ import annotations

import pytest

from ci_rlm.model import checkpoint
from ci_rlm.predict.rlm import RlmPredictor
from ci_rlm.prompt import prompt_from_text

pytestmark = pytest.mark.gpu

TEXTS = ["def f(xs):\n return sum(xs)", "def g(n):\n return[[0]*n for _ in range(n)]", "x=1" * 40]


def test_a_gpu_answers_as_the_cpu_does_within_a_thousandth() -> None:
    folder = checkpoint.locate(checkpoint.EMBEDDED)
    on_cpu, on_gpu = RlmPredictor(folder, "cpu"), RlmPredictor(folder, "cuda")
    prompts = [prompt_from_text(text, on_cpu.spaces[0]) for text in TEXTS]

    pairs = zip(on_cpu.predict(prompts), on_gpu.predict(prompts), strict=True)

    for slow, fast in pairs:
        for left, right in zip(slow, fast, strict=True):
            assert [v for _, v in right.quantiles] == pytest.approx([v for _, v in left.quantiles], rel=1e-3)
