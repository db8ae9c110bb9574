"""What each optimisation of the engine gives by itself, against the plain version of it, in one run.

    python benchmarks/engine.py [CHECKPOINT] [--tokens 128 512 2048] [--rounds 5] [--compile] [--json FILE]

First for one prompt on one thread, then for many prompts. The two sides take turns, and
the shortest time of each counts, so that whatever else the machine does falls on both. "Differ" is
the share of quantiles that are not the same number on both sides, and by how much at most. What
follows the engine's own was tried and left out: it gives too little, or it costs what a gate needs.
`--compile` adds `torch.compile`, compilation included, without a cache of earlier runs.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from plain_decoders import Buffered, Repeated, Reprojected, Uncached, row_for_each_quantile
from torch import Tensor

from ci_rlm.flow import Prompt
from ci_rlm.model import checkpoint, decode, tokenizer
from ci_rlm.model.network import Memories, Memory, Network, collate
from ci_rlm.predict.rlm import CPU_BATCH, RlmPredictor, _Question, bucket, portions, remember, usable_cpus
from ci_rlm.prompt import prompt_from_text

Reals = NDArray[np.float64]
LIBRARY = (argparse, inspect, json, statistics, tempfile, platform)
SAMPLES_OF_THE_PAPER = 64
BATCH_TOKENS = 4096


@dataclass(frozen=True)
class Trial:
    """One way of doing a thing against another one."""

    name: str
    case: str
    plain: Callable[[], Reals | None]
    fast: Callable[[], Reals | None]
    kept: bool = True
    """The fast side is how the engine does it; otherwise the plain side is."""
    clock: Callable[[], float] = time.thread_time
    """In seconds; of one thread's CPU unless the trial takes all CPUs."""


@dataclass(frozen=True)
class Result:
    """Shortest times of both sides, and how far their answers are apart."""

    name: str
    case: str
    kept: bool
    plain_ms: float
    fast_ms: float
    differing: float | None
    largest_relative: float | None

    @property
    def times_faster(self) -> float:
        return self.plain_ms / self.fast_ms


def measured(trial: Trial, rounds: int) -> Result:
    sides = (trial.plain, trial.fast)
    answers = [side() for side in sides]
    spent: list[list[float]] = [[], []]
    for _ in range(rounds):
        for side, seconds in zip(sides, spent, strict=True):
            began = trial.clock()
            side()
            seconds.append(trial.clock() - began)
    plain_ms, fast_ms = (1e3 * min(seconds) for seconds in spent)
    return Result(trial.name, trial.case, trial.kept, plain_ms, fast_ms, *differences(*answers))


def differences(plain: Reals | None, fast: Reals | None) -> tuple[float | None, float | None]:
    """Share of the values that differ, and the largest relative difference."""
    if plain is None or fast is None:
        return None, None
    relative = np.abs(fast - plain) / np.maximum(np.abs(plain), 1e-99)
    return float((fast != plain).mean()), float(relative.max())


class Bench:
    """A checkpoint with prompts to try it on."""

    def __init__(self, folder: Path) -> None:
        self.predictor = RlmPredictor(folder, "cpu")
        self.network, self.words = (
            checkpoint.load_network(folder),
            tokenizer.load(folder / checkpoint.TOKENIZER),
        )
        self.half = checkpoint.load_network(folder, dtype=torch.bfloat16)
        self.space, self.probabilities = self.predictor.spaces[0], self.predictor.config.probabilities
        self.metrics = len(self.space.metrics)
        self.given = [[] if self.space.size is None else [self.space.size]]

    def source(self, tokens: int) -> Tensor:
        """One prompt of so many tokens: the head of a module of the standard library."""
        text = self.space.prefix + inspect.getsource(argparse)
        (ids,), _ = self.words.encode_batch([text], tokens)
        return collate([ids])[0]

    def prompts(self, count: int) -> list[Prompt]:
        """Functions of the standard library, spread over their lengths, in no order."""
        sources = {
            inspect.getsource(function)
            for module in LIBRARY
            for _, function in inspect.getmembers(module, inspect.isfunction)
            if function.__module__ == module.__name__
        }
        by_length = sorted(sources, key=lambda source: (len(source), source))
        spread = np.random.default_rng(0).permutation(np.linspace(0, len(by_length) - 1, count).astype(int))
        return [prompt_from_text(by_length[at], self.space) for at in spread]

    def exact(self, memory: Memory, network: Network | None = None) -> Reals:
        return decode.quantiles(network or self.network, memory, self.given, self.probabilities, self.metrics)


def of_one_prompt(bench: Bench, tokens: int) -> Iterator[Trial]:
    network, source = bench.network, bench.source(tokens)
    memory, x = network.encode(source), network.read(source)
    case = f"{source.shape[1]} tokens"
    asked = (bench.given, bench.probabilities, bench.metrics)
    decoded = partial(bench.exact, memory)

    def sampled() -> None:
        generator = torch.Generator().manual_seed(0)
        count = SAMPLES_OF_THE_PAPER
        decode.sample(network, memory, bench.given, count, generator, metrics=bench.metrics)

    def whole(of: Network) -> Reals:
        return bench.exact(of.encode(source), of)

    names = f"{len(bench.probabilities)} exact quantiles, not {SAMPLES_OF_THE_PAPER} samples"
    yield Trial(names, case, sampled, decoded)
    yield Trial(
        "number tokens cached, not read anew",
        case,
        lambda: decode.quantiles(Uncached(network), memory, *asked),
        decoded,
    )
    yield Trial(
        "prompt's keys and values made once, not for each token",
        case,
        lambda: decode.quantiles(Reprojected(network), x, *asked),
        decoded,
    )
    yield Trial(
        "prompt's keys and values shared, not repeated",
        case,
        lambda: decode.quantiles(Repeated(network), memory, *asked),
        decoded,
    )
    yield Trial(
        "distinct prefixes, not a row a quantile",
        case,
        lambda: row_for_each_quantile(network, memory, *asked),
        decoded,
    )
    yield Trial(
        "buffers for keys and values, not appending",
        case,
        decoded,
        lambda: decode.quantiles(Buffered(network), memory, *asked),
        kept=False,
    )
    packed = Memory(tuple((k.contiguous(), v.contiguous()) for k, v in memory.keys_values), memory.keep)
    yield Trial(
        "prompt's keys and values contiguous", case, decoded, partial(bench.exact, packed), kept=False
    )
    yield Trial(
        "bfloat16, encoding included", case, partial(whole, network), partial(whole, bench.half), kept=False
    )


def of_many_prompts(bench: Bench, count: int) -> Iterator[Trial]:
    """First on one thread, then what all CPUs have to do."""
    network, predictor, prompts = bench.network, bench.predictor, bench.prompts(count)
    questions = predictor._questions({prompt.key: prompt for prompt in prompts}, bench.words)
    longest = max(len(question.ids) for question in questions)
    case = f"{count} prompts of {min(len(q.ids) for q in questions)} to {longest} tokens"
    by_length, in_common = bucket(questions, BATCH_TOKENS), portions(questions, CPU_BATCH, threads=1)
    as_they_come = portions(questions, max(1, BATCH_TOKENS // longest), threads=1)

    def decoded(
        batches: Sequence[Sequence[_Question]],
        read: Callable[..., Memory | Memories],
        quantiles: Callable[..., Reals] = decode.quantiles,
    ) -> Reals:
        found = {}
        for batch in batches:
            memory = read(network, [question.ids for question in batch])
            given = [question.given for question in batch]
            values = quantiles(network, memory, given, bench.probabilities, bench.metrics)
            found.update(zip((question.prompt.key for question in batch), values, strict=True))
        return np.stack([found[prompt.key] for prompt in prompts])

    def padded(network: Network, rows: Sequence[Sequence[int]]) -> Memory:
        return network.encode(*collate(rows))

    def threads_together() -> Reals:
        torch.set_num_threads(usable_cpus())
        found = decoded(by_length, padded)
        torch.set_num_threads(1)
        return found

    def thread_by_thread() -> Reals:
        answers = predictor.predict(prompts)
        return np.array([[[v for _, v in metric.quantiles] for metric in answer] for answer in answers])

    one_by_one = [[question] for question in questions]
    yield Trial(
        "prompts decoded in common, not one by one",
        case,
        partial(decoded, one_by_one, remember),
        partial(decoded, in_common, remember),
    )
    yield Trial(
        "distinct prefixes, not a row a quantile",
        f"{case}, {CPU_BATCH} in common",
        partial(decoded, in_common, remember, row_for_each_quantile),
        partial(decoded, in_common, remember),
    )
    yield Trial(
        "prompts read one by one, not padded to a batch of one length",
        case,
        partial(decoded, by_length, padded),
        partial(decoded, by_length, remember),
    )
    yield Trial(
        "a GPU's batches: of one length, not as they come",
        case,
        partial(decoded, as_they_come, padded),
        partial(decoded, by_length, padded),
    )
    yield Trial(
        f"all {usable_cpus()} CPUs: batches of their own, not padded ones together",
        case,
        threads_together,
        thread_by_thread,
        clock=time.perf_counter,
    )


def compiled(bench: Bench, tokens: int) -> Iterator[str]:
    """What `torch.compile` costs and gives for the encoder and the decoder of one prompt."""
    source = bench.source(tokens)
    eager = measured(Trial("", "", lambda: None, lambda: bench.exact(bench.network.encode(source))), 5)
    network = bench.network
    network.read = torch.compile(network.read, dynamic=True)
    for layer in network.decoder:
        layer.compile(dynamic=True)
    seconds = []
    for _ in range(6):
        began = time.perf_counter()
        bench.exact(network.encode(source))
        seconds.append(time.perf_counter() - began)
    saved = eager.fast_ms / 1e3 - min(seconds)
    yield f"torch.compile, {source.shape[1]} tokens: first answer after {seconds[0]:.1f} s; then "
    yield f"{1e3 * min(seconds):.1f} ms a prompt, {eager.fast_ms:.1f} ms without"
    yield f"; pays after {seconds[0] / saved:,.0f} prompts" if saved > 0 else "; never pays"


def table(results: Sequence[Result]) -> Iterator[str]:
    yield "| what | for | plain, ms | so, ms | times faster | differ |"
    yield "|---|---|---:|---:|---:|---|"
    for kept in (True, False):
        if not kept:
            yield "| **left out** | | | | | |"
        for result in (result for result in results if result.kept is kept):
            apart = "" if result.differing is None else f"{result.differing:.1%}"
            if result.largest_relative:
                apart += f", at most by {result.largest_relative:.1e}"
            times = f"{result.plain_ms:.1f} | {result.fast_ms:.1f} | {result.times_faster:.2f}"
            yield f"| {result.name} | {result.case} | {times} | {apart} |"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", nargs="?", default=checkpoint.EMBEDDED)
    parser.add_argument("--tokens", type=int, nargs="+", default=[128, 512, 2048])
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


@torch.inference_mode()
def main() -> None:
    flags = arguments()
    torch.set_num_threads(1)
    bench = Bench(checkpoint.locate(flags.checkpoint))
    machine = f"torch {torch.__version__}, {usable_cpus()} CPUs, {torch.backends.cpu.get_cpu_capability()}"
    parameters = sum(weight.numel() for weight in bench.network.parameters())
    print(f"{bench.predictor.info.name}, {parameters:,} parameters; {machine}\n", flush=True)
    trials = [trial for tokens in flags.tokens for trial in of_one_prompt(bench, tokens)]
    trials = [*sorted(trials, key=lambda trial: trial.name), *of_many_prompts(bench, flags.prompts)]
    results = [measured(trial, flags.rounds) for trial in trials]
    print("\n".join(table(results)), flush=True)
    if flags.json:
        rows = [asdict(result) for result in results]
        flags.json.write_text(
            json.dumps({"machine": machine, "rounds": flags.rounds, "trials": rows}, indent=1)
        )
    if flags.compile:
        with tempfile.TemporaryDirectory() as cache:
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
            print("\n" + "".join(compiled(bench, flags.tokens[0])))


if __name__ == "__main__":
    sys.exit(main())
