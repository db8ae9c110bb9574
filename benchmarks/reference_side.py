"""One side of `reference.py`, in a process of its own: the reference implementation, or ours.

    python benchmarks/reference_side.py JOB

JOB is a `Job` as JSON; the last line of standard output is the answer, a JSON object. Both sides
are measured by the same code and differ behind `Side` alone. Each has an interpreter of its own, so
what a side needs is imported when that side is made.
"""

from __future__ import annotations

import dataclasses
import json
import math
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

REFERENCE, OURS = "reference", "ours"
SAMPLES = 64
"""The reference predicts the median of so many samples."""
QUANTILES = (0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.975, 0.99)
VOCABULARY = 32_100
"""Entries of the text vocabulary: the one that the reference downloads by default has as many."""
SIZES: dict[str, Any] = {
    "width": 512,
    "heads": 8,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "feed_forward": 1376,
}
"""Those of the reference; its feed-forward layers are 2,048 wide and have no gate, so that a gated
layer of 1,376 has as many weights."""
BATCH = 8
"""Texts of the reference's training step; ours holds as many tokens, padding included."""
MEDIAN_TOKENS, SPREAD = 200, 0.66
"""Drawn lengths are log-normal; the spread is that of ln(tokens) in our corpus of Python programs."""
KINDS = ("module", "call")
"""Syntax-node types for the auxiliary objective of our training."""
LAST_ROUND_S = 60.0
"""No round begins later."""

Epoch = Callable[[int | None], float]
"""Trains on the first so many batches, or on all; returns a mean loss."""


@dataclass(frozen=True)
class Job:
    """What one process does, and with what."""

    side: str
    task: str
    """A key of `TASKS`."""
    model: str
    """The reference's SentencePiece file, or the folder of our checkpoint."""
    library: str
    """The folder whose Python files the texts are cut from."""
    threads: int
    texts: int = 1
    tokens: int = 512
    """Of each text, or of the longest that is drawn."""
    drawn: bool = False
    """Whether lengths are drawn."""
    rounds: int = 1
    optimizer: str = "default"
    """Of the reference's training."""
    precision: str = "float32"
    """Of our training."""
    text: str = ""
    """What a cold start predicts for."""
    memory_bytes: int = 0
    """Limit of the address space; 0 for none."""


class Side(Protocol):
    """A model with its tokenizer."""

    def parameters(self) -> int:
        """How many weights it has."""

    def count(self, text: str) -> int:
        """Tokens of a text, as the model sees it."""

    def predict(self, texts: Sequence[str]) -> list[list[float]]:
        """The numbers that a user gets for each text."""

    def training(self, texts: Sequence[str], optimizer: str) -> Epoch:
        """A model and optimizer that have not been trained."""


class Reference:
    """The reference's default model from scratch, through its own interface."""

    def __init__(self, job: Job) -> None:
        from regress_lm import core, rlm, vocabs

        self.core = core
        self.vocabulary = vocabs.SentencePieceVocab(job.model)
        # It pads every text to this length; its default is 2,048.
        self.inner = rlm.RegressLM.from_scratch(encoder_vocab=self.vocabulary, max_input_len=job.tokens)
        self.model = self.inner.model.eval()

    def parameters(self) -> int:
        return sum(weight.numel() for weight in self.model.parameters())

    def count(self, text: str) -> int:
        return len(self.vocabulary.to_token_ids(text))

    def predict(self, texts: Sequence[str]) -> list[list[float]]:
        samples = self.inner.sample([self.core.ExampleInput(x=text) for text in texts], SAMPLES)
        return [[statistics.median(float(y) for y in drawn.ravel())] for drawn in samples]

    def training(self, texts: Sequence[str], optimizer: str) -> Epoch:
        """The step of its fine-tuner; `default` is that fine-tuner's optimizer."""
        from regress_lm.pytorch import optimizers
        from torch.optim import AdamW

        factory = {"default": optimizers.muon_adamw, "adamw": optimizers.unnamed(AdamW)}[optimizer]
        descent = factory(self.model.named_parameters())
        examples = [self.core.Example(x=text, y=float(row + 1)) for row, text in enumerate(texts)]

        def epoch(batches: int | None) -> float:
            self.model.train()
            losses: list[float] = []
            for start in range(0, len(examples), BATCH)[:batches]:
                batch = self.model.converter.convert_examples(examples[start : start + BATCH])
                descent.zero_grad()
                loss, _ = self.model.compute_losses_and_metrics(batch)
                loss.mean().backward()
                descent.step()
                losses += loss.tolist()
            return statistics.fmean(losses)

        return epoch


class Ours:
    """A compact checkpoint behind the gate's predictor, and the training loop's step."""

    def __init__(self, job: Job) -> None:
        from ci_rlm.model import checkpoint, tokenizer
        from ci_rlm.predict.rlm import RlmPredictor

        self.folder, self.longest, self.precision = Path(job.model), job.tokens, job.precision
        self.words = tokenizer.load(self.folder / checkpoint.TOKENIZER)
        self.predictor = RlmPredictor(self.folder, "cpu", job.threads)

    def parameters(self) -> int:
        from ci_rlm.model import weights

        tensors = weights.read_header(self.folder / weights.WEIGHTS).values()
        return sum(math.prod(tensor["shape"]) for tensor in tensors)

    def count(self, text: str) -> int:
        return len(self.words.encode_batch([text], sys.maxsize)[0][0])

    def predict(self, texts: Sequence[str]) -> list[list[float]]:
        from ci_rlm.prompt import prompt_from_text

        (space,) = self.predictor.spaces
        answers = self.predictor.predict([prompt_from_text(text, space) for text in texts])
        return [[value for _, value in answer[0].quantiles] for answer in answers]

    def training(self, texts: Sequence[str], optimizer: str) -> Epoch:
        """The step of `training/train.py`; its optimizer is AdamW. Names are not drawn anew."""
        from accelerate import Accelerator

        from ci_rlm.training import networks, train
        from ci_rlm.training.batches import Batches
        from ci_rlm.training.recipe import PRECISIONS

        recipe, programs = _recipe(self.longest), [_program(text) for text in texts]
        config = networks.config_of(recipe, self.words, hardware="")
        network = networks.network_of(recipe, config, self.words, programs)
        objective = train.Objective(network, len(KINDS), recipe.train.counts)
        accelerator = Accelerator(cpu=True, mixed_precision=PRECISIONS[self.precision])
        prepared, descent = accelerator.prepare(objective, train.optimizer_of(objective, recipe.train))
        source = Batches(programs, KINDS, self.words, network, recipe)

        def epoch(batches: int | None) -> float:
            steps = source.steps(0)[:batches]
            return statistics.fmean(
                train.take_step(accelerator, prepared, descent, portions, recipe, at)
                for at, portions in enumerate(train.ahead(source, steps, 0, recipe, accelerator))
            )

        return epoch


SIDES: dict[str, Callable[[Job], Side]] = {REFERENCE: Reference, OURS: Ours}


def _recipe(longest: int) -> Any:
    """The embedded checkpoint's recipe with the reference's sizes and as many padded tokens a step."""
    from ci_rlm.training.recipe import read_recipe

    recipe = read_recipe(Path(__file__).parents[1] / "training" / "recipes" / "embedded.toml")
    settings = dataclasses.replace(
        recipe.train,
        batch_tokens=BATCH * longest,
        longest=longest,
        rows=1,
        rename=0.0,
        units=0.0,
        changes=0.0,
        workers=0,
        precision="float32",
    )
    model = {**SIZES, "vocab_size": VOCABULARY}
    return dataclasses.replace(recipe, start=None, protocols=(), size=1024.0, model=model, train=settings)


def _program(text: str) -> Any:
    """A program with costs; which ones does not matter to the time."""
    from ci_rlm.training.programs import Program

    numbers = (1024.0, len(text) * 1024.0, len(text) * 1e-6)
    return Program(text, "piece", (numbers,), counts=tuple((kind, 1) for kind in KINDS))


def prepare(job: Job) -> dict[str, Any]:
    """Make what the side needs, where it is missing; says what it then is."""
    if not Path(job.model).exists():
        {REFERENCE: _prepare_reference, OURS: _prepare_ours}[job.side](job)
    import torch

    return {"parameters": SIDES[job.side](job).parameters(), "torch": torch.__version__}


def _prepare_reference(job: Job) -> None:
    """A SentencePiece model with the special ids of T5's."""
    import sentencepiece

    with Path(job.model).open("wb") as file:
        sentencepiece.SentencePieceTrainer.Train(
            sentence_iterator=iter(library(job.library).splitlines()),
            model_writer=file,
            vocab_size=VOCABULARY,
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            num_threads=job.threads,
            minloglevel=2,
        )


def _prepare_ours(job: Job) -> None:
    """A checkpoint of random weights whose one space has one metric, as the reference has."""
    from ci_rlm.flow import Kind, Metric, Space
    from ci_rlm.model import checkpoint, tokenizer
    from ci_rlm.model.config import ModelConfig
    from ci_rlm.model.network import Network

    words = tokenizer.learn(library(job.library).splitlines(keepends=True), VOCABULARY)
    space = Space("any", "", (Kind.PROGRAM,), (Metric("cost", "s"),), hardware="none")
    config = ModelConfig(
        name="random",
        hardware="none",
        spaces=(space,),
        vocab_size=VOCABULARY,
        probabilities=QUANTILES,
        **SIZES,
    )
    checkpoint.save(Path(job.model), Network(config), words.to_json(), card="# Random weights\n")


def first(job: Job) -> dict[str, Any]:
    """A cold start to the first prediction."""
    _refuse_nonsense(SIDES[job.side](job).predict([job.text]))
    return {}


def predict(job: Job) -> dict[str, Any]:
    """Seconds of predictions for all texts."""
    side = SIDES[job.side](job)
    texts = texts_of(job, side)
    _refuse_nonsense(side.predict(texts[:1]))

    def once() -> None:
        _refuse_nonsense(side.predict(texts))

    return {**timed(once, job.rounds), "tokens": sum(map(side.count, texts))}


def train(job: Job) -> dict[str, Any]:
    """Seconds of one pass of training over all texts."""
    side = SIDES[job.side](job)
    texts = texts_of(job, side)
    epoch = side.training(texts, job.optimizer)
    # An optimizer makes its moments in its first step.
    _refuse_nonsense([[epoch(1)]])

    def once() -> None:
        _refuse_nonsense([[epoch(None)]])

    return {**timed(once, job.rounds), "tokens": sum(map(side.count, texts))}


TASKS = {"prepare": prepare, "first": first, "predict": predict, "train": train}


def timed(work: Callable[[], None], rounds: int) -> dict[str, list[float]]:
    """Wall and CPU time of each round, at least one."""
    wall: list[float] = []
    cpu: list[float] = []
    while not wall or (len(wall) < rounds and sum(wall) < LAST_ROUND_S):
        began, began_cpu = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - began_cpu)
    return {"seconds": wall, "cpu_seconds": cpu}


def _refuse_nonsense(answers: list[list[float]]) -> None:
    if not answers or not all(numbers and all(map(math.isfinite, numbers)) for numbers in answers):
        raise SystemExit(f"not finite: {answers}")


def library(folder: str) -> str:
    """Text of a library's modules, its tests left out."""
    left_out = {"test", "tests", "site-packages"}
    paths = sorted(path for path in Path(folder).rglob("*.py") if not left_out & set(path.parts))
    return "\n".join(path.read_text(encoding="ascii", errors="ignore") for path in paths)


def texts_of(job: Job, side: Side) -> list[str]:
    """The job's texts, each of exactly the wanted count of tokens on this side."""
    chance = random.Random(0)
    lengths = [job.tokens] * job.texts
    if job.drawn:
        drawn = [chance.lognormvariate(math.log(MEDIAN_TOKENS), SPREAD) for _ in lengths]
        lengths = [min(max(round(length), 1), job.tokens) for length in drawn]
    source = library(job.library)
    apart = len(source) // len(lengths)
    source += source[: 40 * job.tokens]
    texts = [piece(source, place * apart, tokens, side.count) for place, tokens in enumerate(lengths)]
    if len(set(texts)) < len(texts):
        raise SystemExit(f"{job.library} does not give {len(texts)} different texts")
    return texts


def piece(source: str, start: int, tokens: int, count: Callable[[str], int]) -> str:
    """A piece of exactly so many tokens, from the first place at or behind `start` where one is found."""
    for place in range(start, len(source)):
        chars = 4 * tokens
        for _ in range(50):
            text = source[place : place + chars]
            found = count(text)
            if found == tokens:
                return text
            step = round((tokens - found) * chars / max(found, 1))
            chars = max(1, chars + (step or (1 if found < tokens else -1)))
    raise SystemExit(f"no piece of {tokens} tokens")


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    if job.memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (job.memory_bytes, job.memory_bytes))
    try:
        answer = TASKS[job.task](job)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "can't allocate memory" not in str(error):
            raise
        answer = {"out_of_memory": True}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
