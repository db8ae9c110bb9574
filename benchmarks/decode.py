"""How exact quantiles agree with sampling: the distance of F from 100,000 samples.

    python benchmarks/decode.py [CHECKPOINT] [--prompts 3] [--samples 100000]

The prompts are functions of the standard library. What time both take is told by `engine.py`.
"""

from __future__ import annotations

import argparse
import heapq
import inspect
import json
import statistics
import textwrap
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ci_rlm.flow import Space
from ci_rlm.model import checkpoint, decode, tokenizer
from ci_rlm.model.network import Memory, Network, collate

LIBRARY = (argparse, heapq, inspect, json, statistics, textwrap)
ROWS_AT_ONCE = 4096


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
    print(f"largest distance of F from {samples:,} samples, {len(todo)} prompts: {furthest:.4f}")
    print(f"(sampling noise alone stays below {noise:.4f} for 99 prompts in 100)")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Exact quantiles against sampling.")
    parser.add_argument("checkpoint", nargs="?", default=checkpoint.EMBEDDED)
    parser.add_argument("--prompts", type=int, default=3)
    parser.add_argument("--samples", type=int, default=100_000)
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
    print_distance(network, todo, chosen.samples)


if __name__ == "__main__":
    main()
