"""Exact quantiles against sampling: time, and agreement with 100,000 samples.

    python benchmarks/decode.py [CHECKPOINT] [--prompts 20] [--rounds 5] [--samples 100000]

The prompts are functions of the standard library. One thread; the methods take turns, so that
whatever else the machine does falls on all of them.
"""

from __future__ import annotations

import argparse
import heapq
import inspect
import json
import statistics
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ci_rlm.flow import Space
from ci_rlm.model import checkpoint, decode, tokenizer
from ci_rlm.model.network import Memory, Network, collate

LIBRARY = (argparse, heapq, inspect, json, statistics, textwrap)
SAMPLES_OF_THE_PAPER = 64
ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Prefix:
    """All tokens so far: what a decoder without a cache remembers."""

    tokens: Tensor

    def repeat(self, rows: int) -> Prefix:
        return Prefix(self.tokens.expand(-1, rows, -1))

    def pick(self, parents: Tensor) -> Prefix:
        return Prefix(self.tokens[torch.arange(len(parents))[:, None], parents])


class Uncached:
    """The plain version: the prompt and all tokens so far are read anew for each token."""

    def __init__(self, network: Network) -> None:
        self.network, self.number_format, self.device = network, network.number_format, network.device

    def extend(self, tokens: Tensor, source: Tensor, rows: Prefix | None = None) -> tuple[Tensor, Prefix]:
        whole = torch.cat([rows.tokens, tokens], dim=2) if rows else tokens
        logits, _ = self.network.extend(whole, self.network.encode(source))
        return logits[:, :, -tokens.shape[2] :], Prefix(whole)


@dataclass(frozen=True)
class Case:
    """One tokenized prompt."""

    source: Tensor
    given: list[list[float]]


def library_functions(count: int) -> list[str]:
    """Sources of `count` functions of the standard library, spread over their lengths."""
    sources = {
        inspect.getsource(function)
        for module in LIBRARY
        for _, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
    }
    by_length = sorted(sources, key=lambda source: (len(source), source))
    return [by_length[at] for at in np.linspace(0, len(by_length) - 1, count).astype(int)]


def cases(network: Network, words: tokenizer.Tokenizer, space: Space, count: int) -> list[Case]:
    texts = [space.prefix + source for source in library_functions(count)]
    rows, _ = words.encode_batch(texts, network.config.max_tokens)
    given = [[] if space.size is None else [space.size]]
    return [Case(collate([row])[0], given) for row in rows]


def methods(network: Network, metrics: int) -> dict[str, Callable[[Case], object]]:
    probabilities = network.config.probabilities
    plain, generator = Uncached(network), torch.Generator().manual_seed(0)

    def exact(case: Case) -> object:
        return decode.quantiles(network, network.encode(case.source), case.given, probabilities, metrics)

    def sampled(case: Case) -> object:
        memory = network.encode(case.source)
        return decode.sample(network, memory, case.given, SAMPLES_OF_THE_PAPER, generator, metrics=metrics)

    def uncached(case: Case) -> object:
        return decode.quantiles(plain, case.source, case.given, probabilities, metrics)

    return {
        "encoding alone": lambda case: network.encode(case.source),
        f"{len(probabilities)} exact quantiles": exact,
        f"{SAMPLES_OF_THE_PAPER} samples": sampled,
        f"{len(probabilities)} exact quantiles, uncached": uncached,
    }


def seconds_of_rounds(
    run: dict[str, Callable[[Case], object]], todo: list[Case], rounds: int
) -> dict[str, list[float]]:
    """CPU seconds of one pass over all prompts, for each method and round."""
    spent: dict[str, list[float]] = {name: [] for name in run}
    for method in run.values():
        method(todo[0])
    for _ in range(rounds):
        for name, method in run.items():
            start = time.thread_time()
            for case in todo:
                method(case)
            spent[name].append(time.thread_time() - start)
    return spent


def print_times(spent: dict[str, list[float]], prompts: int) -> None:
    print(f"| method | CPU ms a prompt (median of {len(next(iter(spent.values())))} rounds) | range |")
    print("|---|---:|---|")
    for name, rounds in spent.items():
        low, middle, high = (1e3 * pick(rounds) / prompts for pick in (min, statistics.median, max))
        print(f"| {name} | {middle:.1f} | {low:.1f}–{high:.1f} |")


def draw(network: Network, memory: Memory, case: Case, count: int, generator: torch.Generator) -> np.ndarray:
    """Samples of the first metric, in portions that fit in memory."""
    portions = [min(ROWS_AT_ONCE, count - at) for at in range(0, count, ROWS_AT_ONCE)]
    return np.concatenate(
        [decode.sample(network, memory, case.given, rows, generator)[0, 0] for rows in portions]
    )


def distance(network: Network, case: Case, count: int, generator: torch.Generator) -> float:
    """Largest |F(y) − share of samples ≤ y| over the 999 permille points y."""
    memory = network.encode(case.source)
    permille = [u / 1000 for u in range(1, 1000)]
    points = np.unique(decode.quantiles(network, memory, case.given, permille))
    exact = decode.cdf(network, memory, case.given, points[None])[0]
    samples = np.sort(draw(network, memory, case, count, generator))
    return float(np.abs(exact - np.searchsorted(samples, points, side="right") / count).max())


def print_model(network: Network, space: Space, todo: list[Case]) -> None:
    parameters = sum(weight.numel() for weight in network.parameters())
    print(
        f"{network.config.name}: {parameters:,} parameters; space {space.name}, {len(space.metrics)} metrics"
    )
    lengths = [case.source.shape[1] for case in todo]
    median = statistics.median(lengths)
    print(
        f"{len(todo)} prompts of {min(lengths)} to {max(lengths)} tokens, median {median:.0f}\n", flush=True
    )


def print_distance(network: Network, todo: list[Case], samples: int) -> None:
    generator = torch.Generator().manual_seed(0)
    furthest = max(distance(network, case, samples, generator) for case in todo)
    noise = 1.63 / samples**0.5
    print(f"\nlargest distance of F from {samples:,} samples, {len(todo)} prompts: {furthest:.4f}")
    print(f"(sampling noise alone stays below {noise:.4f} for 99 prompts in 100)")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Exact quantiles against sampling.")
    parser.add_argument("checkpoint", nargs="?", default=checkpoint.EMBEDDED)
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--sampled-prompts", type=int, default=3)
    return parser.parse_args()


@torch.inference_mode()
def main() -> None:
    chosen = arguments()
    torch.set_num_threads(1)
    folder = checkpoint.locate(chosen.checkpoint)
    network, words = checkpoint.load_network(folder), tokenizer.load(folder / checkpoint.TOKENIZER)
    space = network.config.spaces[0]
    todo = cases(network, words, space, chosen.prompts)
    print_model(network, space, todo)
    print_times(seconds_of_rounds(methods(network, len(space.metrics)), todo, chosen.rounds), len(todo))
    spread = np.linspace(0, len(todo) - 1, chosen.sampled_prompts).astype(int)
    print_distance(network, [todo[at] for at in spread], chosen.samples)


if __name__ == "__main__":
    main()
