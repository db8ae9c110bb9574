"""Train a model from a recipe: one loop, read top to bottom.

    ci-rlm train RECIPE.toml
    accelerate launch -m ci_rlm train RECIPE.toml     several GPUs or machines, as Accelerate is told

What a step sees is a function of the seed and the step alone, so a run that is stopped, or
killed, goes on from its last state with the same batches and the same dropout. Several processes
share out the batches of a step, and their gradient is that of one process with all of them.

Shapes: as in network.py; B programs, R input sizes of each, T tokens of all their numbers.
"""

from __future__ import annotations

import copy
import math
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from ci_rlm.errors import UsageError
from ci_rlm.model import alternatives, checkpoint
from ci_rlm.model.alternatives import Head, NumberTokens
from ci_rlm.model.network import avoid_plans
from ci_rlm.model.tokenizer import TextTokenizer
from ci_rlm.training import counting, programs, vocabulary
from ci_rlm.training.batches import Batch, Batches, Item, common_types
from ci_rlm.training.held_out import held_out_ranks
from ci_rlm.training.networks import config_of, merged, network_of, size_of, tokenizer_of
from ci_rlm.training.programs import Programs
from ci_rlm.training.recipe import COUNTS, LORA, PRECISIONS, Recipe, Train
from ci_rlm.training.rehearsal import stand_ins, with_rehearsal
from ci_rlm.training.run import Run
from ci_rlm.training.spaces import DOMAINS

if TYPE_CHECKING:
    from accelerate import Accelerator


CHARACTERS = 8
"""Of a token at most, on average: what is beyond so many for each token read is not kept, where texts are
graphs of tens of thousands of tokens."""


class Objective(nn.Module):
    """The head's own loss, and the auxiliary one: counts of syntax nodes from the encoder's output."""

    def __init__(self, network: Head, types: int, weight: float) -> None:
        super().__init__()
        # One at least, as torch warns of none: where nothing is counted, it is in no sum.
        counter = nn.Linear(network.config.width, max(1, types))
        self.network, self.counter, self.weight = network, counter, weight
        # Both, so that nothing hangs on what the process has drawn before.
        nn.init.zeros_(self.counter.weight)
        nn.init.zeros_(self.counter.bias)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The head's own loss (the given size left out), and the same with the auxiliary term."""
        source_BS, keep_BS, target_BRT, known_BRM, counts_BC = batch
        seen: list[Tensor] = []
        hook = self.network.last_of_encoder.register_forward_hook(lambda _, __, x_BSD: seen.append(x_BSD))
        own = self.network.loss(source_BS, keep_BS, target_BRT, known_BRM)
        hook.remove()
        keep = torch.ones_like(source_BS, dtype=torch.bool) if keep_BS is None else keep_BS
        # A sum, not a mean: counts grow with the text.
        mean_BD = (seen[0] * keep[..., None]).sum(1) / 64
        counted_BC = ~counts_BC.isnan()
        error_BC = (self.counter(torch.asinh(mean_BD)) - counts_BC.nan_to_num()) * counted_BC
        return own, own + self.weight * error_BC.square().sum() / counted_BC.sum().clamp(min=1)


def train(recipe: Recipe, *, stop_after: float | None = None, steps: int | None = None) -> Path:
    """Run a recipe to its end, or for so many minutes; the folder of the checkpoint.

    With `steps`, the end is after so many, whatever the recipe says. Raises UsageError for a recipe
    that does not fit its corpus, its checkpoint or the processes, and where another run writes to its
    folder.
    """
    from accelerate import Accelerator

    avoid_plans()
    accelerator = Accelerator(mixed_precision=PRECISIONS[recipe.train.precision])
    if recipe.train.batches % accelerator.num_processes:
        hint = f"[train] batches = {accelerator.num_processes}, or a multiple"
        message = f"{recipe.train.batches} batches a step for {accelerator.num_processes} processes"
        raise UsageError(message, hint=hint)
    run = Run(recipe, writes=accelerator.is_main_process)
    with run.alone():
        return _train(recipe, run, accelerator, stop_after=stop_after, steps=steps)


def _train(
    recipe: Recipe, run: Run, accelerator: Accelerator, *, stop_after: float | None, steps: int | None
) -> Path:
    from rich.progress import Progress

    with accelerator.main_process_first():
        digests = programs.digest(recipe.corpus)
        training, *further = kept(recipe, "train", digests)
        held_out, *held_out_further = kept(recipe, "calibration", digests)
        unmeasured = programs.keep_texts(recipe.texts, recipe.out / "texts.arrow") if recipe.texts else None
        words = tokenizer_of(recipe, training, further, unmeasured)
    run.describe(recipe, digests, accelerator.num_processes)
    others = [DOMAINS[a.space].on(own.hardware) for a, own in zip(recipe.also, further, strict=True)]
    config = config_of(recipe, words, training.hardware, others)
    network, types = network_of(recipe, config, words, training), common_types(training)
    network.to(accelerator.device)
    learns = recipe.start is None or recipe.start.method != COUNTS
    with accelerator.main_process_first():
        learned = with_rehearsal(network, training, words, recipe) if learns else training
    if unmeasured:
        learned = [*learned, *unmeasured]
    batches = Batches(learned, types, words, network, recipe, further)
    validation = Batches(held_out, types, words, network, recipe, held_out_further)
    plans = [batches.steps(epoch) for epoch in range(recipe.train.epochs if learns else 0)]
    if steps is None:
        steps = recipe.train.steps or None
    order = [step for plan in plans for step in plan][:steps]
    ends = {*accumulate(map(len, plans)), len(order)}
    if learns and (not run.states() or run.states()[0][0] < len(order)):
        # Of the weights that the run starts from, before its own are taken up.
        batches.filled = stand_ins(network, training, words, recipe)
        validation.filled = stand_ins(network, held_out, words, recipe)
    objective = Objective(network, len(types), recipe.train.counts)
    objective, optimizer = accelerator.prepare(objective, optimizer_of(objective, recipe.train))
    counters = run.restore(accelerator.unwrap_model(objective), optimizer)
    if accelerator.scaler is not None and counters["scale"]:
        accelerator.scaler.update(counters["scale"])

    done = has_waited_enough(recipe.train, counters)
    coming = ahead(batches, order, int(counters["step"]), recipe, accelerator)
    began = saved = time.monotonic()
    with Progress(disable=not (sys.stderr.isatty() and accelerator.is_main_process)) as progress:
        task = progress.add_task("steps", total=len(order), completed=int(counters["step"]))
        while counters["step"] < len(order) and not done:
            step = int(counters["step"])
            for group in optimizer.param_groups:
                group["lr"] = rate(step, len(order), recipe.train)
            loss = take_step(accelerator, objective, optimizer, next(coming), recipe, step)
            late = stop_after is not None and time.monotonic() - began > 60 * stop_after
            told = accelerator.reduce(torch.tensor([loss, float(late)], device=accelerator.device), "sum")
            counters["step"] += 1
            progress.advance(task)
            run.note(step + 1, told[0].item(), len(order), time.monotonic() - began)
            if step + 1 in ends:
                done = validate(accelerator, objective, validation, recipe, run, counters)
            if accelerator.scaler is not None:
                counters["scale"] = accelerator.scaler.get_scale()
            if time.monotonic() - saved > 60 * recipe.train.save_minutes:
                run.save(accelerator.unwrap_model(objective), optimizer, counters)
                saved = time.monotonic()
            if told[1]:
                break
    run.save(accelerator.unwrap_model(objective), optimizer, counters)
    folder = recipe.out / "checkpoint"
    if accelerator.is_main_process:
        write_checkpoint(recipe, accelerator.unwrap_model(objective).network, words)
        run.close()
    accelerator.wait_for_everyone()
    return folder


FILES = {"train": "train", "calibration": "held-out"}
"""By split, what its files in a run's folder begin with."""


def kept(recipe: Recipe, split: str, digests: dict[str, str]) -> list[Programs]:
    """The programs of one split in the run's folder: of its own space, then of each further one.

    Raises CiRlmError where there is no corpus, UsageError where a further space has no programs to
    learn from.
    """
    found: list[Programs] = []
    for space in (recipe.space, *(also.space for also in recipe.also)):
        domain = DOMAINS[space]
        name = FILES[split] if space == recipe.space else f"{FILES[split]}-{space}"
        own = programs.keep(
            recipe.corpus,
            split,
            recipe.out / f"{name}.arrow",
            digests,
            size=size_of(recipe),
            time=recipe.time,
            protocols=recipe.protocols,
            domain=domain,
            characters=None if domain.is_python else CHARACTERS * recipe.train.longest,
        )
        if found and split == "train" and not len(own):
            raise UsageError(f"{recipe.corpus} has no training examples of {space}", hint="no such [[also]]")
        found.append(own)
    return found


class Portion(NamedTuple):
    """One batch of a step, as one process has it."""

    at: int
    """Its place among the batches of the step."""
    weight: float
    """The share of the step's programs and changes that are in it."""
    batch: Batch


class Portions(Dataset[list[Portion]]):
    """What one of several processes has to do in each step."""

    def __init__(
        self, batches: Batches, order: Sequence[Sequence[Sequence[Item]]], recipe: Recipe, mine: slice
    ) -> None:
        self.batches, self.order, self.recipe, self.mine = batches, order, recipe, mine

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, step: int) -> list[Portion]:
        chosen = self.order[step]
        total = sum(map(len, chosen))
        # With fewer batches than processes, at an epoch's end, the others add nothing, but take part.
        shared = [(at, batch, len(batch)) for at, batch in enumerate(chosen)][self.mine]
        return [
            Portion(at, weight / total, self.batches.make(batch, self._chance(step, at)))
            for at, batch, weight in shared or [(0, chosen[0], 0)]
        ]

    def _chance(self, step: int, at: int) -> random.Random:
        return random.Random(f"{self.recipe.seed} step {step}" + (f" batch {at}" if at else ""))


def ahead(
    batches: Batches,
    order: Sequence[Sequence[Sequence[Item]]],
    first: int,
    recipe: Recipe,
    accelerator: Accelerator,
) -> Iterator[list[Portion]]:
    """This process's portions of the steps from `first` on, made by the recipe's workers."""
    mine = slice(accelerator.process_index, None, accelerator.num_processes)
    workers = recipe.train.workers
    return iter(
        DataLoader(
            Portions(batches, order, recipe, mine),
            batch_size=None,
            sampler=range(first, len(order)),
            num_workers=workers,
            # Forked, so that programs and tokenizer are there without being sent.
            multiprocessing_context="fork" if workers else None,
            worker_init_fn=_single_threaded,
            prefetch_factor=4 if workers else None,
        )
    )


def _single_threaded(worker: int) -> None:
    """Keep a worker's tokenizer from waiting for threads that a fork has left behind."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def take_step(
    accelerator: Accelerator,
    objective: Any,
    optimizer: Any,
    portions: Sequence[Portion],
    recipe: Recipe,
    step: int,
) -> float:
    """One step over this process's portions; its part of the mean loss of all of them."""
    part = 0.0
    objective.train()
    for place, (at, weight, batch) in enumerate(portions):
        torch.manual_seed(recipe.seed * 1_000_003 + step * recipe.train.batches + at)
        last = place + 1 == len(portions)
        with accelerator.autocast(), nullcontext() if last else accelerator.no_sync(objective):
            own, loss = objective(batch.to(accelerator.device))
            # Processes average their gradients; the mean over all programs is wanted.
            accelerator.backward(loss * (weight * accelerator.num_processes))
        part += own.item() * weight
    accelerator.clip_grad_norm_(objective.parameters(), recipe.train.clip)
    optimizer.step()
    optimizer.zero_grad()
    return part


def validate(
    accelerator: Accelerator,
    objective: Any,
    held_out: Batches,
    recipe: Recipe,
    run: Run,
    counters: dict[str, float],
) -> bool:
    """Log the held-out loss and ranks, keep the best weights; whether the run has waited enough."""
    network = accelerator.unwrap_model(objective).network
    objective.eval()
    plan, plain = held_out.plan(0), random.Random(0)
    if not plan:
        return False
    total = torch.zeros(2, dtype=torch.float64, device=accelerator.device)
    with torch.inference_mode(), accelerator.autocast():
        for chosen in plan[accelerator.process_index :: accelerator.num_processes]:
            batch = held_out.make(chosen, plain).to(accelerator.device)
            own = network.loss(*batch[:4]).item()
            total += torch.tensor([own * len(chosen), len(chosen)], device=accelerator.device)
    loss_sum, count = accelerator.reduce(total, "sum").tolist()
    ranks = {} if recipe.head == alternatives.MASKED else held_out_ranks(network, held_out)
    run.note_held_out(int(counters["step"]), loss_sum / count, ranks)
    by_rank = recipe.train.monitor == "spearman" and ranks
    score = sum(ranks.values()) / len(ranks) if by_rank else -loss_sum / count
    better = score > counters["best"]
    counters["best"], counters["waited"] = (
        max(score, counters["best"]),
        0 if better else counters["waited"] + 1,
    )
    if better and recipe.train.patience and run.writes:
        run.write_tensors("best.safetensors", network.state_dict())
    return has_waited_enough(recipe.train, counters)


def has_waited_enough(train: Train, counters: Mapping[str, float]) -> bool:
    """Whether the held-out score has not been better for as long as the recipe has patience."""
    return bool(train.patience and counters["waited"] >= train.patience)


def rate(step: int, steps: int, train: Train) -> float:
    """Linear warm-up, then cosine decay to nothing (Appendix C)."""
    warm = max(1, round(train.warmup * steps))
    if step < warm:
        return train.learning_rate * (step + 1) / warm
    return train.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def optimizer_of(objective: Objective, train: Train) -> torch.optim.Optimizer:
    """AdamW or Adafactor (Appendix C); matrices decay, gains and embeddings do not."""
    trained = [(name, p) for name, p in objective.named_parameters() if p.requires_grad]
    plain = {name for name, p in trained if p.ndim < 2 or "embed" in name or name.startswith("counter.")}
    groups = [
        {"params": [p for name, p in trained if name not in plain], "weight_decay": train.weight_decay},
        {"params": [p for name, p in trained if name in plain], "weight_decay": 0.0},
    ]
    if train.optimizer == "adamw":
        fused = next(objective.parameters()).device.type in ("cpu", "cuda")
        return torch.optim.AdamW(groups, lr=train.learning_rate, betas=(0.9, 0.98), fused=fused)
    if not hasattr(torch.optim, "Adafactor"):
        raise UsageError(f"torch {torch.__version__} has no Adafactor", hint="install torch 2.5 or later")
    return torch.optim.Adafactor(groups, lr=train.learning_rate)


def write_checkpoint(recipe: Recipe, network: Head, words: TextTokenizer) -> None:
    """The run's checkpoint: the last weights, or with `patience` the best ones."""
    from safetensors.torch import load_file

    best = recipe.out / "best.safetensors"
    if recipe.train.patience and best.exists():
        network = copy.deepcopy(network)
        network.load_state_dict(load_file(best))
    if recipe.start is not None and recipe.start.method == LORA:
        network = merged(network)
    card = (
        f"# {recipe.name}\n\nA training run's checkpoint; `ci_rlm.training.publish` writes the model card.\n"
    )
    known, counts = vocabulary.of_run(recipe), counting.of_run(recipe)
    if recipe.start is not None and recipe.start.method == COUNTS and isinstance(network, NumberTokens):
        start = checkpoint.locate(recipe.start.checkpoint)
        checkpoint.save(
            recipe.out / "checkpoint", network, words.to_json(), card,
            vocabulary=known, counts=counts, same_as=start,
        )  # fmt: skip
        return
    alternatives.save(recipe.out / "checkpoint", network, words, card, known, counts)


def writes() -> bool:
    """Whether this is the process that writes; of several in one run, it is one."""
    from accelerate import PartialState

    return bool(PartialState().is_main_process)


def main(recipe: Recipe, *, minutes: float | None = None, threads: int | None = None) -> Path:
    """Train with so many threads of torch; all cores by default."""
    if threads:
        torch.set_num_threads(threads)
    return train(recipe, stop_after=minutes)
