"""On an NVIDIA GPU: `pytest -m gpu`."""

from __future__ import annotations

import pytest
import torch
from click.testing import CliRunner

from ci_rlm.cli import main
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


def test_a_gpus_batches_answer_as_each_prompt_alone_within_a_thousandth() -> None:
    predictor = RlmPredictor(checkpoint.locate(checkpoint.EMBEDDED), "cuda")
    prompts = [prompt_from_text(text * times, predictor.spaces[0]) for text in TEXTS for times in (1, 2, 5)]

    together = list(predictor.predict(prompts))

    for prompt, answers in zip(prompts, together, strict=True):
        for batched, alone in zip(answers, next(predictor.predict([prompt])), strict=True):
            values = [value for _, value in alone.quantiles]
            assert [value for _, value in batched.quantiles] == pytest.approx(values, rel=1e-3)


def test_doctor_names_the_gpu_and_its_attention() -> None:
    result = CliRunner().invoke(main, ["doctor"])
    (line,) = (line for line in result.stdout.splitlines() if " device:" in line)
    assert line.startswith(f"ok    device: auto leads to cuda: {torch.cuda.get_device_name()}")
    assert "; attention: " in line
    assert "attention: math" not in line
