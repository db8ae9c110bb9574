"""Train a compact model from a recipe: one loop, read top to bottom.

    python -m ci_rlm.training.train training/recipes/embedded.toml

What a step sees is a function of the seed and the step alone, so a run that is stopped goes
on from its last state with the same batches and the same dropout. The state is safetensors
and JSON: no pickle.

Shapes: as in network.py; B programs, R input sizes of each, T tokens of all their numbers.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from ci_rlm.errors import UsageError
from ci_rlm.model import alternatives, tokenizer
from ci_rlm.model.alternatives import Head, RegressionHead
from ci_rlm.model.config import ModelConfig
from ci_rlm.model.network import collate
from ci_rlm.model.tokenizer import Tokenizer
from ci_rlm.training import corpus, names, texts
from ci_rlm.training.corpus import Example

AUXILIARY_TYPES = 96
"""Syntax-node types whose counts the auxiliary objective predicts, the commonest ones."""


@dataclass(frozen=True, slots=True)
class Train:
    """The `[train]` table of a recipe."""

    epochs: int
    learning_rate: float
    warmup: float
    clip: float
    weight_decay: float
    batch_tokens: int
    rows: int
    longest: int
    rename: float
    counts: float
    save_minutes: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training run, as its TOML file says it."""

    name: str
    corpus: Path
    out: Path
    seed: int
    model: dict[str, Any]
    size: float
    train: Train
    head: str = alternatives.NUMBERS
    """What answers: number tokens, or one of the paper's alternatives to them."""


def read_recipe(path: Path) -> Recipe:
    """Read a recipe. Raises UsageError for a missing file, bad TOML, or keys that do not fit."""
    try:
        table = {"head": alternatives.NUMBERS, **tomllib.loads(path.read_text(encoding="utf-8"))}
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the recipe {path}: {error}") from error
    try:
        _refuse_other_keys(table)
        return Recipe(
            name=str(table["name"]),
            corpus=Path(table["corpus"]),
            out=Path(table["out"]),
            seed=int(table["seed"]),
            model=dict(table["model"]),
            size=float(table["space"]["size"]),
            train=_train(table["train"]),
            head=_head(table["head"]),
        )
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error


def _refuse_other_keys(table: Mapping[str, Any]) -> None:
    tables = {
        "the recipe": (table, {"name", "corpus", "out", "seed", "head", "model", "space", "train"}),
        "[space]": (table.get("space"), {"size"}),
        "[train]": (table.get("train"), {field.name for field in fields(Train)}),
    }
    for name, (given, known) in tables.items():
        differing = ", ".join(sorted(known ^ set(given or ())))
        if differing:
            raise ValueError(f"{name} must have exactly {', '.join(sorted(known))}; differs in {differing}")
    if "vocab_size" not in table["model"]:
        raise ValueError("[model] vocab_size is missing")


def _head(name: object) -> str:
    if name not in alternatives.HEADS:
        raise ValueError(f"head is {name!r}, not one of {', '.join(alternatives.HEADS)}")
    return str(name)


def _train(table: Mapping[str, Any]) -> Train:
    for field in fields(Train):
        kinds = (int,) if field.type == "int" else (int, float)
        if type(table[field.name]) not in kinds:
            raise ValueError(f"[train] {field.name} is {table[field.name]!r}, not of type {field.type}")
    return Train(**table)


class Batches:
    """Length-bucketed batches under a token budget; batch k of epoch e never depends on the past."""

    def __init__(
        self,
        examples: Sequence[Example],
        types: Sequence[str],
        words: Tokenizer,
        network: Head,
        recipe: Recipe,
    ) -> None:
        self.examples, self.words, self.config, self.recipe = examples, words, network.config, recipe
        self.pool = names.pool(example.text for example in examples)
        ids, _ = words.encode_batch([e.text for e in examples], recipe.train.longest)
        self.lengths = [len(row) for row in ids]
        self.targets = [network.targets(numbers_of(example)) for example in examples]
        place = {kind: index for index, kind in enumerate(types)}
        self.counts = torch.zeros(len(examples), len(types))
        for row, example in enumerate(examples):
            for kind, count in example.counts:
                if kind in place:
                    self.counts[row, place[kind]] = math.log1p(count)

    def plan(self, epoch: int) -> list[list[int]]:
        """Which examples go together in this epoch."""
        chance = random.Random(f"{self.recipe.seed} {epoch}")
        order = chance.sample(range(len(self.examples)), len(self.examples))
        batches: list[list[int]] = []
        for start in range(0, len(order), 1024):
            batches += _cut(sorted(order[start : start + 1024], key=self.lengths.__getitem__),
                            self.lengths, self.recipe.train.batch_tokens)  # fmt: skip
        chance.shuffle(batches)
        return batches

    def make(
        self, chosen: Sequence[int], chance: random.Random
    ) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        """source_BS, keep_BS, target_BRT and the log counts."""
        train = self.recipe.train
        texts = [self.examples[index].text for index in chosen]
        prefix = self.config.spaces[0].prefix
        texts = [
            prefix + names.renamed(text.removeprefix(prefix), self.pool, chance)
            if chance.random() < train.rename
            else text
            for text in texts
        ]
        ids, _ = self.words.encode_batch(texts, train.longest)
        source_BS, keep_BS = collate(ids)
        picked = [chance.choices(range(len(self.targets[index])), k=train.rows) for index in chosen]
        target_BRT = torch.stack(
            [self.targets[index][rows] for index, rows in zip(chosen, picked, strict=True)]
        )
        return source_BS, keep_BS, target_BRT, self.counts[list(chosen)]


def _cut(order: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
    batches: list[list[int]] = [[]]
    for index in order:
        if batches[-1] and lengths[index] * (len(batches[-1]) + 1) > budget:
            batches.append([])
        batches[-1].append(index)
    return batches


def numbers_of(example: Example) -> list[list[float]]:
    """Size, peak memory and CPU time of each row: bytes and seconds."""
    return [[row.size, row.peak_memory, row.cpu_time] for row in example.rows]


def common_types(examples: Sequence[Example]) -> list[str]:
    """The syntax-node types that most programs have."""
    seen = Counter(kind for example in examples for kind, _ in example.counts)
    return [kind for kind, _ in seen.most_common(AUXILIARY_TYPES)]


def loss_of(
    network: Head, counter: nn.Linear, batch: tuple[Tensor, Tensor | None, Tensor, Tensor], weight: float
) -> tuple[Tensor, Tensor]:
    """The head's own loss (the given size left out), and the same with the auxiliary term."""
    source_BS, keep_BS, target_BRT, counts_BC = batch
    pooled: list[Tensor] = []
    hook = network.encoder_norm.register_forward_hook(lambda _, __, x_BSD: pooled.append(x_BSD))
    own = network.loss(source_BS, keep_BS, target_BRT)
    hook.remove()
    x_BSD = pooled[0]
    keep = torch.ones_like(source_BS, dtype=torch.bool) if keep_BS is None else keep_BS
    # A sum, not a mean: counts grow with the text.
    mean_BD = (x_BSD * keep[..., None]).sum(1) / 64
    return own, own + weight * F.mse_loss(counter(torch.asinh(mean_BD)), counts_BC)


def rate(step: int, steps: int, train: Train) -> float:
    """Linear warm-up, then cosine decay to nothing (Appendix C)."""
    warm = max(1, round(train.warmup * steps))
    if step < warm:
        return train.learning_rate * (step + 1) / warm
    return train.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def train(recipe: Recipe, *, stop_after: float | None = None, steps: int | None = None) -> Path:
    """Run a recipe to its end, or for so many minutes; the folder of the checkpoint.

    With `steps`, the end is after so many of its batches, and the rate decays until there.
    """
    from rich.progress import Progress

    examples = corpus.read(recipe.corpus)
    training = [example for example in examples if example.split == "train"]
    if not training:
        raise UsageError(
            f"{recipe.corpus} has no training examples",
            hint="python -m ci_rlm.training.corpus build",
        )
    words = tokenizer_of(recipe, training)
    config = config_of(recipe, words, training[0].hardware)
    types = common_types(training)
    network, counter = network_of(recipe, config, words, training), nn.Linear(config.width, len(types))
    batches = Batches(training, types, words, network, recipe)
    held_out = Batches([e for e in examples if e.split == "calibration"], types, words, network, recipe)
    # Both, so that nothing hangs on what the process has drawn before.
    nn.init.zeros_(counter.weight)
    nn.init.zeros_(counter.bias)
    optimizer = optimizer_of(network, counter, recipe.train)
    run = Run(recipe.out, network, counter, optimizer)
    step = run.restore()
    plans = [batches.plan(epoch) for epoch in range(recipe.train.epochs)]
    order = [batch for plan in plans for batch in plan][:steps]
    began = saved = time.monotonic()
    with Progress(disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("steps", total=len(order), completed=step)
        while step < len(order):
            torch.manual_seed(recipe.seed * 1_000_003 + step)
            batch = batches.make(order[step], random.Random(f"{recipe.seed} step {step}"))
            for group in optimizer.param_groups:
                group["lr"] = rate(step, len(order), recipe.train)
            network.train()
            own, loss = loss_of(network, counter, batch, recipe.train.counts)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), recipe.train.clip)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            progress.advance(task)
            run.note(step, own.item(), len(order), time.monotonic() - began)
            if step % len(plans[0]) == 0 or step == len(order):
                run.validate(step, held_out, recipe)
            if time.monotonic() - saved > 60 * recipe.train.save_minutes:
                run.save(step)
                saved = time.monotonic()
            if stop_after is not None and time.monotonic() - began > 60 * stop_after:
                break
    run.save(step)
    card = (
        f"# {recipe.name}\n\nA training run's checkpoint; `ci_rlm.training.publish` writes the model card.\n"
    )
    alternatives.save(recipe.out / "checkpoint", network, words, card)
    return recipe.out / "checkpoint"


def tokenizer_of(recipe: Recipe, training: Sequence[Example]) -> Tokenizer:
    """The run's tokenizer: learned on its training texts, kept in its folder."""
    path = recipe.out / "tokenizer.json"
    if path.exists():
        return tokenizer.load(path)
    words = tokenizer.learn((example.text for example in training), recipe.model["vocab_size"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(words.to_json(), encoding="utf-8")
    return words


def config_of(recipe: Recipe, words: Tokenizer, hardware: str) -> ModelConfig:
    """The model's sizes and its one space, with the hardware that the corpus was measured on.

    Raises UsageError for a [model] table that does not fit.
    """
    space = texts.python_space(hardware, recipe.size)
    sizes = {**recipe.model, "vocab_size": words.vocab_size}
    try:
        return ModelConfig(name=recipe.name, hardware=space.hardware, spaces=(space,), **sizes)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the recipe's [model]: {error}") from error


def network_of(recipe: Recipe, config: ModelConfig, words: Tokenizer, training: Sequence[Example]) -> Head:
    """The recipe's network with fresh weights; a regression head has the training rows' statistics."""
    network = alternatives.build(recipe.head, config, words, recipe.seed)
    if isinstance(network, RegressionHead):
        network.fit([numbers for example in training for numbers in numbers_of(example)])
    return network


def optimizer_of(network: Head, counter: nn.Linear, train: Train) -> torch.optim.Optimizer:
    """AdamW; matrices decay, gains and embeddings do not."""
    decayed = [p for name, p in network.named_parameters() if p.ndim == 2 and "embedding" not in name]
    plain = [p for name, p in network.named_parameters() if p.ndim < 2 or "embedding" in name]
    groups = [
        {"params": decayed, "weight_decay": train.weight_decay},
        {"params": [*plain, *counter.parameters()], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=train.learning_rate, betas=(0.9, 0.98), fused=True)


class Run:
    """The folder of a run: its state, its log."""

    def __init__(
        self, folder: Path, network: Head, counter: nn.Linear, optimizer: torch.optim.Optimizer
    ) -> None:
        self.folder, self.network, self.counter, self.optimizer = folder, network, counter, optimizer
        self.recent: list[float] = []

    def note(self, step: int, loss: float, steps: int, seconds: float) -> None:
        """Keep a running loss; a line every 50 steps."""
        self.recent = [*self.recent[-49:], loss]
        if step % 50 == 0:
            mean = sum(self.recent) / len(self.recent)
            self._log({"step": step, "of": steps, "loss": round(mean, 4), "seconds": round(seconds)})

    def validate(self, step: int, held_out: Batches, recipe: Recipe) -> None:
        """Log the held-out loss."""
        self.network.eval()
        plain = random.Random(0)
        losses: list[float] = []
        with torch.inference_mode():
            for chosen in held_out.plan(0):
                batch = held_out.make(chosen, plain)
                losses += [loss_of(self.network, self.counter, batch, 0.0)[0].item()] * len(chosen)
        self._log({"step": step, "held_out_loss": round(sum(losses) / max(1, len(losses)), 4)})

    def _log(self, line: dict[str, Any]) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        print(line, file=sys.stderr)

    def save(self, step: int) -> None:
        """Write weights, moments and the step, in this order, each file whole or not at all."""
        from safetensors.torch import save_file

        tensors = dict(self._named())
        for index, (_, state) in enumerate(sorted(self._moments().items())):
            tensors |= {f"moment.{index}.{name}": value for name, value in state.items()}
        tensors["step"] = torch.tensor(step)
        scratch = self.folder / "state.writing"
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, scratch)
        scratch.replace(self.folder / "state.safetensors")

    def restore(self) -> int:
        """Take up the last state, if there is one; the step to go on with."""
        from safetensors.torch import load_file

        path = self.folder / "state.safetensors"
        if not path.exists():
            return 0
        tensors = load_file(path)
        with torch.no_grad():
            for name, value in self._named():
                value.copy_(tensors[name])
        packed = self.optimizer.state_dict()
        count = sum(len(group["params"]) for group in packed["param_groups"])
        packed["state"] = {
            index: {name: tensors[f"moment.{index}.{name}"] for name in ("step", "exp_avg", "exp_avg_sq")}
            for index in range(count)
        }
        self.optimizer.load_state_dict(packed)
        return int(tensors["step"])

    def _named(self) -> list[tuple[str, Tensor]]:
        pairs = [("network." + name, tensor) for name, tensor in self.network.state_dict().items()]
        return pairs + [("counter." + name, tensor) for name, tensor in self.counter.state_dict().items()]

    def _moments(self) -> dict[int, dict[str, Tensor]]:
        state: dict[int, dict[str, Tensor]] = self.optimizer.state_dict()["state"]
        return state


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--minutes", type=float, help="stop after so long; run again to go on")
    parser.add_argument("--threads", type=int, help="of torch; all cores by default")
    flags = parser.parse_args()
    if flags.threads:
        torch.set_num_threads(flags.threads)
    print(train(read_recipe(flags.recipe), stop_after=flags.minutes))


if __name__ == "__main__":
    main()
