"""What our model and the public reference implementation learn of the same rows in the same time.

    python benchmarks/learning.py --reference CHECKOUT --python PYTHON --vocabulary FILE --corpus runs/corpus
        [--minutes 20] [--samples 64] [--split calibration] [--problems 100] [--threads 1] [--json FILE]

CHECKOUT, PYTHON and FILE as in `reference.py`: google-deepmind/regress-lm, an interpreter with what it
imports, and the SentencePiece model of its default vocabulary. Both start from random weights and learn
Python functions, as a gate reads them, with the peak memory and CPU time measured nearest to 1,024
elements: one row a program, edits among them. The reference is its default model from scratch with two
objectives, trained by its fine-tuner's step and default optimizer, 8 texts a step; each text is padded
to 512 tokens, where its default of 2,048 would let it see a quarter as many. Ours has width 256, 4 + 2
layers and a vocabulary of 8,192 learned on the training texts; its step is that of `ci-rlm train` with
the settings of the embedded checkpoint, 4,096 padded tokens, its rate falling to nothing at the end.

Time is the CPU time of a process on so many cores, or wall time on a GPU; tokenizing the rows and
learning a vocabulary are part of it. Then each predicts held-out programs that are no edits: the
reference the median of its samples, 64 by default, which take it 20 s of CPU a program; ours the exact
median. Gradient boosting on counts of syntax nodes has the same rows, and
takes as long as it takes. Intervals: 95%, from drawing problems anew, of ours - the other on the same
draws.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ci_rlm.training.corpus import Example
    from ci_rlm.training.questions import Point
    from ci_rlm.training.scores import Reals, Score

OURS, REFERENCE, COUNTS = "ours", "reference", "node counts"
SIZE, LONGEST = 1024.0, 512
BATCH = 8
"""Texts of the reference's training step; ours holds as many tokens, padding included."""
APART = math.log(1.5)
NETWORK = {"width": 256, "heads": 4, "encoder_layers": 4, "decoder_layers": 2, "feed_forward": 688}
WORDS = 8192


@dataclass(frozen=True)
class Job:
    """What one process does."""

    side: str
    rows: str
    """A JSON file: `train` and `held_out` as lists of texts, `numbers` of those to learn from."""
    vocabulary: str
    seconds: float
    threads: int
    device: str
    samples: int
    """Of the reference's predictions."""


class Clock:
    """Seconds of work since it was made: of the processor, or on a GPU of the wall."""

    def __init__(self, job: Job) -> None:
        self._now = time.process_time if job.device == "cpu" else time.perf_counter
        self._began, self._seconds = self._now(), job.seconds

    @property
    def share(self) -> float:
        """Of the time that there is, what is over."""
        return (self._now() - self._began) / self._seconds


def learn_reference(job: Job, rows: Mapping[str, Any]) -> dict[str, Any]:
    """Train the reference, and predict with it."""
    from regress_lm import core, rlm, vocabs
    from regress_lm.pytorch import optimizers

    clock = Clock(job)
    vocabulary = vocabs.SentencePieceVocab(job.vocabulary)
    made = rlm.RegressLM.from_scratch(encoder_vocab=vocabulary, max_input_len=LONGEST, max_num_objs=2)
    model = made.model.to(job.device)
    descent = optimizers.muon_adamw(model.named_parameters(), lr=1e-4)
    examples = [core.Example(x=x, y=y) for x, y in zip(rows["train"], rows["numbers"], strict=True)]
    model.train()
    steps = 0
    for places in _drawn(len(examples), BATCH):
        if clock.share >= 1:
            break
        batch = model.converter.convert_examples([examples[at] for at in places])
        descent.zero_grad()
        losses, _ = model.compute_losses_and_metrics({key: x.to(job.device) for key, x in batch.items()})
        losses.mean().backward()
        descent.step()
        steps += 1
    model.eval()
    answers = []
    for start in range(0, len(rows["held_out"]), BATCH):
        asked = [core.ExampleInput(x=text) for text in rows["held_out"][start : start + BATCH]]
        for drawn in made.sample(asked, job.samples):
            answers.append([statistics.median(map(float, objective)) for objective in drawn.T])
    parameters = sum(weight.numel() for weight in model.parameters())
    return {"answers": answers, "parameters": parameters, "steps": steps, "texts": steps * BATCH}


def _drawn(count: int, at_once: int) -> Iterator[list[int]]:
    """Places in a new order each pass, so many at once, for ever."""
    chance = random.Random(0)
    while True:
        order = chance.sample(range(count), count)
        yield from (order[at : at + at_once] for at in range(0, count - at_once + 1, at_once))


def learn_ours(job: Job, rows: Mapping[str, Any]) -> dict[str, Any]:
    """Train our model by the steps of `ci-rlm train`, and predict with it."""
    import dataclasses

    from accelerate import Accelerator

    from ci_rlm.model import tokenizer
    from ci_rlm.training import networks, train
    from ci_rlm.training.batches import Batches
    from ci_rlm.training.programs import Program
    from ci_rlm.training.recipe import read_recipe

    clock = Clock(job)
    recipe = read_recipe(Path(__file__).parents[1] / "training" / "recipes" / "embedded.toml")
    settings = dataclasses.replace(
        recipe.train, batch_tokens=BATCH * LONGEST, longest=LONGEST, rows=1, units=0.0, changes=0.0,
        workers=0, precision="float32", counts=0.0,
    )  # fmt: skip
    model = {**NETWORK, "vocab_size": WORDS}
    recipe = dataclasses.replace(recipe, start=None, protocols=(), size=SIZE, model=model, train=settings)
    programs = [
        Program(text, text, ((SIZE, *numbers),), counts=())
        for text, numbers in zip(rows["train"], rows["numbers"], strict=True)
    ]
    words = tokenizer.learn(rows["train"], WORDS)
    config = networks.config_of(recipe, words, hardware="")
    network = networks.network_of(recipe, config, words, programs)
    accelerator = Accelerator(cpu=job.device == "cpu")
    objective = train.Objective(network, 0, settings.counts)
    prepared, descent = accelerator.prepare(objective, train.optimizer_of(objective, settings))
    batches = Batches(programs, (), words, network, recipe)
    steps = texts = 0
    while clock.share < 1:
        for portions in train.ahead(batches, batches.steps(steps), 0, recipe, accelerator):
            if (share := clock.share) >= 1:
                break
            for group in descent.param_groups:
                group["lr"] = train.rate(round(1000 * share), 1000, settings)
            train.take_step(accelerator, prepared, descent, portions, recipe, steps)
            steps += 1
            texts += sum(len(portion.batch.source_BS) for portion in portions)
    network.eval()
    parameters = sum(weight.numel() for weight in network.parameters())
    return {
        "answers": _medians(network, words, rows["held_out"]),
        "parameters": parameters,
        "steps": steps,
        "texts": texts,
    }


def _medians(network: Any, words: Any, texts: Sequence[str]) -> list[list[float]]:
    from ci_rlm.model.network import collate

    answers: list[list[float]] = []
    for start in range(0, len(texts), BATCH):
        ids, _ = words.encode_batch(texts[start : start + BATCH], LONGEST)
        answers += network.predict(*collate(ids, network.device), [[SIZE]] * len(ids)).tolist()
    return answers


LEARN: dict[str, Callable[[Job, Mapping[str, Any]], dict[str, Any]]] = {
    REFERENCE: learn_reference,
    OURS: learn_ours,
}


def child(job: Job) -> None:
    """One side, in a process of its own."""
    import torch

    torch.set_num_threads(job.threads)
    torch.manual_seed(0)
    rows = json.loads(Path(job.rows).read_text(encoding="utf-8"))
    print(json.dumps(LEARN[job.side](job, rows)))


def near(examples: Sequence[Example]) -> list[Point]:
    """Each program with its row nearest to the reference size, where both costs were measured."""
    found = []
    for example in examples:
        rows = [row for row in example.rows if row.peak_memory and row.cpu_time]
        if rows:
            found.append((example, min(rows, key=lambda row: abs(math.log(row.size / SIZE)))))
    return found


def counted(training: Sequence[Point], held_out: Sequence[Point]) -> Reals:
    """Logs of both costs by gradient boosting on counts of syntax nodes, from the same rows: (N, 2)."""
    from dataclasses import replace

    from ci_rlm.training.baselines import baselines

    return baselines([replace(example, rows=(row,)) for example, row in training], held_out)[COUNTS]


def scores_of(points: Sequence[Point], log_costs: Reals, metric: int) -> dict[str, Score]:
    """Rank of programs, and order of two solutions that are over 1.5x apart."""
    import numpy as np

    from ci_rlm.training import scores
    from ci_rlm.training.questions import solution_pairs, truth

    known, said = truth(points)[:, metric], log_costs[:, metric]
    names = sorted({example.problem for example, _ in points})
    owner = np.array([names.index(example.problem) for example, _ in points], dtype=np.intp)
    pairs = solution_pairs(points)
    before = np.array([pair.before for pair in pairs], dtype=np.intp)
    after = np.array([pair.after for pair in pairs], dtype=np.intp)
    true, told = known[after] - known[before], said[after] - said[before]
    apart = np.abs(true) > APART
    # No difference told is a tossed coin.
    right = np.where(told == 0, 0.5, (np.sign(told) == np.sign(true)).astype(float))
    return {
        "Spearman": scores.spearman(known, said, owner),
        "two solutions over 1.5x": scores.mean(right[apart], owner[before][apart]),
    }


def table(points: Sequence[Point], told: Mapping[str, Reals]) -> list[str]:
    """One row a metric and score: each side's figure, and ours less the others'."""
    from ci_rlm.training import bootstrap
    from ci_rlm.training.corpus import METRICS

    drawn = bootstrap.draws(len({example.problem for example, _ in points}))
    lines = ["| metric | score | n | " + " | ".join(told) + " | ours - reference | ours - node counts |"]
    lines.append("|---" * 2 + "|---:" * (len(told) + 3) + "|")
    for at, metric in enumerate(METRICS):
        found = {side: bootstrap.sampled(scores_of(points, costs, at), drawn) for side, costs in told.items()}
        for name, ours in found[OURS].items():
            values = [f"{each[name].value:.3f}" for each in found.values()]
            apart = [
                bootstrap.difference(ours, found[other][name]).difference for other in (REFERENCE, COUNTS)
            ]
            cells = [
                f"{d.value:+.3f}" + ("" if d.low is None else f" [{d.low:+.3f}, {d.high:+.3f}]")
                for d in apart
            ]
            lines.append(f"| {metric} | {name} | {len(ours.score.owner)} | {' | '.join([*values, *cells])} |")
    return lines


def run(job: Job, python: str, checkout: Path) -> dict[str, Any]:
    """A side's answer, from a process of its own."""
    paths = {"PYTHONPATH": str(checkout)} if job.side == REFERENCE else {}
    environment = {**os.environ, **paths, "OMP_NUM_THREADS": str(job.threads)}
    command = [python, __file__, json.dumps(vars(job))]
    ended = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    told = (f"{answer[key]:,} {key}" for key in ("parameters", "steps", "texts"))
    print(f"{job.side}: {', '.join(told)} learned from", flush=True)
    return answer


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", type=Path, required=True, metavar="CHECKOUT")
    parser.add_argument("--python", required=True, help="the reference's interpreter")
    parser.add_argument("--vocabulary", type=Path, required=True, metavar="FILE")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=20.0, help="of each side")
    parser.add_argument("--samples", type=int, default=64, help="of each prediction of the reference")
    parser.add_argument("--split", default="calibration", choices=("calibration", "test"))
    parser.add_argument("--problems", type=int, default=100, help="of the split at most")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser.parse_args()


def main() -> None:
    if len(sys.argv) == 2 and sys.argv[1].startswith("{"):
        child(Job(**json.loads(sys.argv[1])))
        return
    import numpy as np

    from ci_rlm.training import corpus
    from ci_rlm.training.questions import few

    flags = arguments()
    examples = few(corpus.as_functions(corpus.read(flags.corpus)), flags.split, flags.problems)
    training = near([example for example in examples if example.split == "train"])
    points = near([example for example in examples if example.split == flags.split and not example.edit])
    print(f"{len(training):,} rows to learn from, {len(points):,} held out ({flags.split})", flush=True)
    rows = {
        "train": [example.text for example, _ in training],
        "numbers": [[row.peak_memory, row.cpu_time] for _, row in training],
        "held_out": [example.text for example, _ in points],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        path.write_text(json.dumps(rows), encoding="utf-8")
        jobs = [
            Job(
                side,
                str(path),
                str(flags.vocabulary),
                60 * flags.minutes,
                flags.threads,
                flags.device,
                flags.samples,
            )
            for side in (OURS, REFERENCE)
        ]
        found = {
            job.side: run(job, flags.python if job.side == REFERENCE else sys.executable, flags.reference)
            for job in jobs
        }
    told = {
        side: np.log(np.maximum(np.array(answer["answers"], dtype=np.float64), 1e-9))
        for side, answer in found.items()
    }
    lines = table(points, {**told, COUNTS: counted(training, points)})
    print("", *lines, sep="\n")
    if flags.json:
        flags.json.write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
