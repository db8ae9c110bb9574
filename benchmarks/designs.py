"""What makes a small model learn more of the same programs: one thing changed at a time.

    python benchmarks/designs.py --corpus runs/corpus [--out runs/designs] [--seeds 1 2] [--steps 800]
        [--arms numbers wider ...] [--teacher FOLDER] [--threads 1] [--table]

Every arm is `training/recipes/baselines/numbers.toml` but for what its line in `ARMS` changes: sizes,
vocabulary, names, losses, what is learned first. All see the same unedited Python programs of the
training split for so many steps, and rank those of the calibration split, each at the input size
nearest to the recipe's. What an arm starts from takes steps of its own, as the table tells. The teacher
of `distilled` is the checkpoint that ships, or FOLDER.

A run that is stopped goes on where it was; `--table` prints what is there. An arm takes two to ten
minutes of one core. Differences between models this small and this briefly trained say what is worth
trying at size, not what will come of it.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from ablation_corpora import synthetic
from ablation_tables import BASE, Result, Seeds, markdown, metric_cells
from ablations import answers, curves, sha256, tell, write_json
from safetensors.torch import load_file, save_file
from torch import Tensor

from ci_rlm import prompt
from ci_rlm.model import alternatives, checkpoint, weights
from ci_rlm.model.alternatives import NumberTokens
from ci_rlm.model.number_codec import DIGITS
from ci_rlm.predict.rlm import RlmPredictor
from ci_rlm.training import corpus, programs, texts
from ci_rlm.training.corpus import METRICS, Example, Row
from ci_rlm.training.evaluate import space_of
from ci_rlm.training.recipe import Recipe, Start, read_recipe
from ci_rlm.training.train import train

RECIPE = Path(__file__).parents[1] / "training" / "recipes" / "baselines" / "numbers.toml"
PREFIX = texts.python_space("", 1.0).prefix
"""What the prompts of a corpus begin with."""
ASKED, OF_A_PROBLEM = 800, 8
"""Held-out programs at most, and of one problem: a few have hundreds, whose order would be most of a rank."""
GENERATED, ROWS = 3000, 2
"""Programs made from a seed, and input sizes of each that a teacher is asked for."""
SMALL = 128.0
"""Elements of the largest input that a curriculum begins with."""
NEARNESS = 0.3
"""Weight of what a digit is off by, beside its cross-entropy (Zausinger and others, arXiv:2411.02083)."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What is other than in the base's recipe."""

    label: str
    model: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)
    head: str = alternatives.NUMBERS
    corpus: str = "programs"
    start: str = ""
    """The arm whose weights it goes on from."""
    steps: float = 1.0
    """Its own, as a share of the base's."""
    order: int = 0
    """Added to the seed, so that weights of one start see batches in another order."""
    near: bool = False
    """Whether the loss also says how far off a digit is."""
    mean_of: tuple[str, ...] = ()
    """Arms whose weights are averaged, in place of a run."""


def _of_width(width: int) -> dict[str, int]:
    return {"width": width, "heads": width // 32, "feed_forward": width * 11 // 4}


ARMS = {
    BASE: Arm("width 128, 2 + 2 layers, 2,048 words"),
    "width-64": Arm("width 64", model=_of_width(64)),
    "width-192": Arm("width 192", model=_of_width(192)),
    "width-256": Arm("width 256", model=_of_width(256)),
    **{
        f"width-{width}-{rate}": Arm(
            f"width {width}, rate {rate}", model=_of_width(width), train={"learning_rate": float(rate)}
        )
        for width, rate in ((64, "4e-3"), (192, "1e-3"), (256, "1e-3"), (256, "5e-4"))
    },
    "width-128-1e-3": Arm("width 128, rate 1e-3", train={"learning_rate": 1e-3}),
    "deep": Arm("width 96, 4 + 2 layers", model={"width": 96, "encoder_layers": 4, "feed_forward": 256}),
    "shallow": Arm("width 176, 1 + 2 layers", model={"width": 176, "encoder_layers": 1, "feed_forward": 484}),
    "words-512": Arm("512 words", model={"vocab_size": 512}),
    "words-8192": Arm("8,192 words", model={"vocab_size": 8192}),
    "renamed": Arm("names drawn anew, every second time", train={"rename": 0.5}),
    "counts": Arm("counts of syntax nodes as well, weight 0.1", train={"counts": 0.1}),
    "near": Arm("how far off a digit is as well, weight 0.3", near=True),
    "generated": Arm("generated programs as well, with measured memory", corpus="generated"),
    "distilled": Arm("the same with what the teacher says of both costs", corpus="distilled"),
    "small-inputs": Arm("inputs of 128 elements at most", corpus="small-inputs", steps=0.5),
    "from-small-inputs": Arm("small inputs first, then all", start="small-inputs", steps=0.5),
    "masked": Arm("masked tokens alone", head=alternatives.MASKED),
    "from-masked": Arm("masked tokens first, then costs", start="masked"),
    "again": Arm("goes on for half as long", start=BASE, steps=0.5, order=100),
    "again-too": Arm("the same in another order", start=BASE, steps=0.5, order=200),
    "averaged": Arm("the mean of the weights of these two", mean_of=("again", "again-too"), steps=0.0),
}
"""In the order that they are run in: an arm that needs another comes after it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all arms of one folder have in common."""

    corpus: Path
    teacher: Path
    out: Path
    steps: int

    def recipe(self, name: str, seed: int) -> Recipe:
        """An arm's recipe for this folder."""
        base, arm = read_recipe(RECIPE), ARMS[name]
        start = Start(str(self.run(arm.start, seed) / "checkpoint")) if arm.start else None
        return replace(
            base,
            corpus=self.out / "corpora" / arm.corpus,
            out=self.run(name, seed),
            seed=seed + arm.order,
            head=arm.head,
            model={} if start else {**base.model, **arm.model},
            size=0.0 if start else base.size,
            start=start,
            train=replace(base.train, **arm.train),
        )

    def run(self, name: str, seed: int) -> Path:
        """The folder of a training run."""
        return self.out / "runs" / f"{name}-{seed}"

    def result(self, name: str, seed: int) -> Path:
        """The file of what came of it."""
        return self.out / "results" / f"{name}-{seed}.json"

    def ended(self, name: str, seed: int) -> Path:
        """What is there when an arm is done: its answers, or, where it has none, its weights."""
        has_none = ARMS[name].head == alternatives.MASKED
        return self.run(name, seed) / "checkpoint" if has_none else self.result(name, seed)

    def steps_of(self, name: str) -> int:
        """An arm's own steps, without those that it starts from."""
        return round(self.steps * ARMS[name].steps)

    def spent(self, name: str) -> int:
        """All steps that an arm's weights took."""
        arm = ARMS[name]
        before = [arm.start] if arm.start else list(arm.mean_of)
        return self.steps_of(name) + sum(map(self.spent, before))

    def keep(self) -> None:
        """Note the setting in its folder. Raises SystemExit where the results there are of another one."""
        path = self.out / "setting.json"
        present = {
            "corpus": programs.digest(self.corpus),
            "steps": self.steps,
            "recipe": sha256(RECIPE),
            "teacher": sha256(self.teacher / checkpoint.CONFIG),
        }
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else present
        if known != present:
            raise SystemExit(f"{self.out} holds results of another setting: name another --out")
        write_json(path, present)


def unedited(setting: Setting) -> list[Example]:
    """All unedited programs of the training split, and always the same ones of the calibration split."""
    found = [example for example in corpus.read(setting.corpus) if not example.edit]
    held_out = [example for example in found if example.split == "calibration"]
    asked = random.Random(0).sample(held_out, min(ASKED, len(held_out)))
    return [example for example in found if example.split == "train"] + asked


def generated() -> list[Example]:
    """Programs from a seed that are learned from, at a few sizes, with what was measured of them."""
    with tempfile.TemporaryDirectory() as scratch:
        synthetic(Path(), Path(scratch) / "made", GENERATED)
        made = corpus.read(Path(scratch) / "made")
    return [
        replace(each, rows=tuple(random.Random(each.record).sample(each.rows, min(ROWS, len(each.rows)))))
        for each in made
        if each.split == "train"
    ]


def told(setting: Setting, examples: Sequence[Example]) -> list[Example]:
    """The same programs with the teacher's medians for costs."""
    teacher = RlmPredictor(setting.teacher, threads=torch.get_num_threads())
    space = space_of(teacher)
    asked = [
        prompt.prompt_from_text(example.text.removeprefix(PREFIX), space, size=row.size)
        for example in examples
        for row in example.rows
    ]
    answer = iter(teacher.predict(asked))
    names = [metric.name for metric in space.metrics]
    return [
        replace(
            example,
            rows=tuple(
                Row(row.size, **dict(zip(names, (each.median for each in next(answer)), strict=True)))
                for row in example.rows
            ),
        )
        for example in examples
    ]


def small(example: Example) -> Example | None:
    """A program of the training split with its rows of small inputs alone; None if it has none."""
    if example.split != "train":
        return example
    rows = tuple(row for row in example.rows if row.size <= SMALL)
    return replace(example, rows=rows) if rows else None


def with_generated(setting: Setting, change: Callable[[list[Example]], list[Example]]) -> list[Example]:
    """The programs, and generated ones of the same hardware, as a corpus has one."""
    own = unedited(setting)
    return own + [replace(each, hardware=own[0].hardware) for each in change(generated())]


CORPORA: dict[str, Callable[[Setting], list[Example]]] = {
    "programs": unedited,
    "generated": lambda setting: with_generated(setting, list),
    "distilled": lambda setting: with_generated(setting, lambda made: told(setting, made)),
    "small-inputs": lambda setting: [each for each in map(small, unedited(setting)) if each is not None],
}
"""By the name that an arm gives: what its folder is to hold."""


def run_arm(setting: Setting, name: str, seed: int) -> None:
    """Train an arm, ask it, and keep what it answered."""
    arm, recipe, began = ARMS[name], setting.recipe(name, seed), time.monotonic()
    if not recipe.corpus.exists():
        tell(f"writing {recipe.corpus}")
        corpus.write(CORPORA[arm.corpus](setting), recipe.corpus)
        began = time.monotonic()
    if arm.mean_of:
        folder, learned = average([setting.run(each, seed) for each in arm.mean_of], recipe.out), {}
    else:
        with a_loss_of_nearness() if arm.near else nullcontext():
            folder = train(recipe, steps=setting.steps_of(name))
        learned = curves(recipe.out)
    parameters = sum(tensor.numel() for tensor in load_file(folder / weights.WEIGHTS).values())
    found = {"losses": [], "held_out_loss": float("nan"), **learned, "parameters": parameters}
    if arm.head != alternatives.MASKED:
        asked = [
            each for each in corpus.read(setting.out / "corpora" / "programs") if each.split == "calibration"
        ]
        found |= answers(folder, asked, recipe.train.longest)
        write_json(setting.result(name, seed), {**found, "seconds": time.monotonic() - began})


def average(runs: Sequence[Path], out: Path) -> Path:
    """A checkpoint whose weights are the mean of those of some runs (Wortsman and others,
    arXiv:2203.05482)."""
    folder = out / "checkpoint"
    shutil.copytree(runs[0] / "checkpoint", folder, dirs_exist_ok=True)
    states = [load_file(run / "checkpoint" / weights.WEIGHTS) for run in runs]
    mean = {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}
    save_file(mean, folder / weights.WEIGHTS)
    return folder


@contextmanager
def a_loss_of_nearness() -> Iterator[None]:
    """Cross-entropy, and the distance that the digits told are from the true ones.

    Of each digit's distribution that is the Wasserstein distance to the true digit, which is the
    expected distance.
    """
    own, digits = NumberTokens.loss, torch.tensor(DIGITS)

    def loss(
        self: NumberTokens, source: Tensor, keep: Tensor | None, target: Tensor, known: Tensor
    ) -> Tensor:
        logits: list[Tensor] = []
        hook = self.head.register_forward_hook(lambda _, __, told: logits.append(told))
        cross_entropy = own(self, source, keep, target, known)
        hook.remove()
        length = self.number_format.length
        given = alternatives.given_numbers(self.config) * length
        target = target[:, :, given:]
        asked = known.repeat_interleave(length, dim=-1) & (target >= DIGITS[0])
        share = logits[0][:, :, given:, digits].float().softmax(-1)
        off = (share * (digits - target[..., None]).abs()).sum(-1)
        return cross_entropy + NEARNESS * (off * asked).sum() / asked.sum().clamp(min=1)

    NumberTokens.loss = loss  # type: ignore[method-assign]  # of this run alone
    try:
        yield
    finally:
        NumberTokens.loss = own  # type: ignore[method-assign]


def few_of_each(record: Mapping[str, Any]) -> dict[str, Any]:
    """The answers of an arm on at most so many programs of a problem."""
    seen: Counter[str] = Counter()
    kept = []
    for at, problem in enumerate(record["problems"]):
        seen[problem] += 1
        if seen[problem] <= OF_A_PROBLEM:
            kept.append(at)
    columns = ("problems", "measured", "predicted", "tokens", "read")
    return {**record, **{name: [record[name][at] for at in kept] for name in columns}}


def table(setting: Setting, results: Mapping[str, Seeds], parameters: Mapping[str, int]) -> Iterator[str]:
    """One row an arm: how large it is, what it took, each metric's ρ, and how far it is from the base's."""
    titles = [part for metric in METRICS for part in (metric.replace("_", " "), "seeds", "difference")]
    yield markdown(["", "weights", "steps in all", "minutes", *titles])
    yield markdown(["---"] * (len(titles) + 4))
    for name, seeds in results.items():
        if not seeds:
            continue
        minutes = sum(run.seconds for run in seeds.values()) / len(seeds) / 60
        size = f"{parameters[name] / 1e6:.2f}M"
        cells = [cell for at in range(len(METRICS)) for cell in metric_cells(results, name, at)]
        yield markdown([ARMS[name].label, size, str(setting.spent(name)), f"{minutes:.1f}", *cells])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of measured Python programs")
    parser.add_argument("--teacher", type=Path, help="a checkpoint; the one that ships by default")
    parser.add_argument("--out", type=Path, default=Path("runs/designs"))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=800, help="of the base")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="train nothing")
    return parser.parse_args()


def main() -> None:
    flags = arguments()
    torch.set_num_threads(flags.threads)
    setting = Setting(flags.corpus, flags.teacher or checkpoint.locate("embedded"), flags.out, flags.steps)
    setting.keep()
    wanted = [name for name in ARMS if name in flags.arms]
    for seed in flags.seeds if not flags.table else ():
        for name in wanted:
            if not setting.ended(name, seed).exists():
                tell(f"{name}, seed {seed}")
                run_arm(setting, name, seed)
    found = {
        name: {
            seed: json.loads(path.read_text(encoding="utf-8"))
            for seed in flags.seeds
            if (path := setting.result(name, seed)).exists()
        }
        for name in ARMS
    }
    results = {
        name: {seed: Result.of(few_of_each(record)) for seed, record in seeds.items()}
        for name, seeds in found.items()
    }
    sizes = {name: next(iter(seeds.values()))["parameters"] for name, seeds in found.items() if seeds}
    print("\n".join(table(setting, results, sizes)))


if __name__ == "__main__":
    main()
