"""The regression language model behind the `Predictor` protocol.

The constructor reads the checkpoint's small files; torch and the weights are loaded at the
first prompt, so a run whose answers are all cached never pays for them.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ci_rlm.errors import CheckpointError, UsageError
from ci_rlm.flow import Prediction, Prompt, Space
from ci_rlm.model import checkpoint

if TYPE_CHECKING:
    from ci_rlm.model.decode import Model
    from ci_rlm.model.tokenizer import TextTokenizer

GPU_BATCH_TOKENS = 65_536
"""Padded source tokens of one batch."""

CPU_BATCH = 8
"""Prompts that one thread decodes in common. Twice as many are 8% faster, and in memory all at once."""

CPU_BATCH_TOKENS = 4096
"""Source tokens of such prompts: of long ones, what the decoder keeps is most of the memory."""

WINDOW = 1024
"""Prompts that are in work at once: memory does not grow with how many there are."""

Answer = tuple[Prediction, ...]


@dataclass(frozen=True, slots=True)
class _Question:
    """A prompt as the network reads it."""

    prompt: Prompt
    space: Space
    ids: Sequence[int]
    cropped: bool

    @property
    def given(self) -> tuple[float, ...]:
        """The numbers that the decoder is told before it answers."""
        if self.space.size is None:
            return ()
        return (self.space.size if self.prompt.size is None else self.prompt.size,)


class RlmPredictor:
    """Predicts with a checkpoint, whatever its family.

    On a CPU an answer is the same to the bit whatever is asked beside it, in whatever order, on
    however many threads. Each prompt is read alone, by one thread; the numbers of a few prompts are
    decoded in common, in half the time, where a trial says that this machine's sums do not depend
    on company (`rows_stand_alone`), and alone elsewhere. In batches of padded texts they do: of 9,000
    quantiles 1% moved, most by a unit of the last digit, one that lay between two modes by 12%. A
    GPU, which single prompts would leave idle, has such batches all the same, of texts of about one
    length. They moved no probability by more than 6e-7; a test holds them to 1e-5.

    All is computed in float32, whatever the weights are stored in. In bfloat16 a processor that has
    it (AVX-512) took a tenth less time, and 12 of 1,596 verdicts on held-out pairs became others.
    """

    def __init__(self, folder: Path, device: str = "auto", threads: int | None = None) -> None:
        """`threads` defaults to the CPUs that this process may use.

        Raises CheckpointError if the folder is not a whole checkpoint.
        """
        self.config, self.info, self.calibrations = checkpoint.read_info(folder)
        self.vocabulary = checkpoint.read_vocabulary(folder)
        self.spaces = self.config.spaces
        self._folder, self._device = folder, device
        self._threads = threads or usable_cpus()
        self._loaded: tuple[Model, TextTokenizer] | None = None
        self._in_common: bool | None = None

    def predict(self, prompts: Sequence[Prompt]) -> Iterator[Answer]:
        """One answer a prompt, in order; equal keys are asked once.

        Raises CheckpointError for a space that the checkpoint lacks, or where memory does not
        suffice for one prompt alone; UsageError for a device that is not there.
        """
        if not prompts:
            return
        import torch

        network, tokenizer = self._load()
        for prompt in prompts:
            self._space(prompt)
        uses = Counter(prompt.key for prompt in prompts)
        answers: dict[str, Answer] = {}
        # A GPU works on one batch at a time, and several would share its memory.
        workers = self._threads if network.device.type == "cpu" else 1
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            if self._in_common is None and len(uses) > 1:
                self._in_common = pool.submit(self._stands_alone, network).result()
            for start in range(0, len(prompts), WINDOW):
                window = prompts[start : start + WINDOW]
                fresh = {prompt.key: prompt for prompt in window if prompt.key not in answers}
                batches = self._batches(self._questions(fresh, tokenizer))
                found = chain.from_iterable(pool.map(lambda batch: self._answer(network, batch), batches))
                for prompt in window:
                    while prompt.key not in answers:
                        key, answer = next(found)
                        answers[key] = answer
                    yield answers[prompt.key]
                    uses[prompt.key] -= 1
                    if not uses[prompt.key]:
                        del answers[prompt.key]

    def _load(self) -> tuple[Model, TextTokenizer]:
        if self._loaded is None:
            from ci_rlm.model.network import avoid_plans

            avoid_plans()
            device = device_of(self._device)
            words = checkpoint.load_tokenizer(self._folder, self.config)
            self._loaded = checkpoint.load_model(self._folder, device), words
        return self._loaded

    def _questions(self, prompts: dict[str, Prompt], tokenizer: TextTokenizer) -> list[_Question]:
        asked = [(prompt, self._space(prompt)) for prompt in prompts.values()]
        changes = [prompt for prompt, space in asked if space.compares]
        plain = [prompt for prompt, space in asked if not space.compares]
        most, focuses = self.config.max_tokens, [prompt.focus for prompt in plain]
        read = {
            True: tokenizer.encode_changes([prompt.text for prompt in changes], most),
            False: tokenizer.encode_batch([prompt.text for prompt in plain], most, focuses),
        }
        encoded = {compares: zip(*rows, strict=True) for compares, rows in read.items()}
        return [_Question(prompt, space, *next(encoded[space.compares])) for prompt, space in asked]

    def _space(self, prompt: Prompt) -> Space:
        try:
            return self.config.space(prompt.space)
        except KeyError:
            known = ", ".join(space.name for space in self.spaces)
            message = f"the checkpoint {self.info.name} has no space {prompt.space!r}"
            raise CheckpointError(message, hint=f"its spaces: {known}") from None

    def _stands_alone(self, network: Model) -> bool:
        from ci_rlm.model.network import NumberDecoder

        if network.device.type != "cpu" or not isinstance(network, NumberDecoder):
            return False
        return network.rows_stand_alone(CPU_BATCH, len(self.config.probabilities))

    def _batches(self, questions: list[_Question]) -> list[list[_Question]]:
        network, _ = self._load()
        if network.device.type != "cpu":
            return bucket(questions, GPU_BATCH_TOKENS)
        return portions(questions, CPU_BATCH if self._in_common else 1, self._threads)

    def _answer(self, network: Model, batch: Sequence[_Question]) -> list[tuple[str, Answer]]:
        from ci_rlm.model import decode

        space, probabilities = batch[0].space, self.config.probabilities

        def values_of(questions: Sequence[_Question]) -> list[list[list[float]]]:
            import torch

            with torch.inference_mode():
                memory = remember(network, [question.ids for question in questions])
                given = [question.given for question in questions]
                values = decode.quantiles(network, memory, given, probabilities, len(space.metrics))
            found: list[list[list[float]]] = (values * self.config.scale(space.name)).tolist()
            return found

        return [
            (question.prompt.key, _predictions(question, probabilities, rows))
            for question, rows in zip(batch, in_halves(values_of, batch), strict=True)
        ]


def remember(network: Model, rows: Sequence[Sequence[int]]) -> Any:
    """Prompts as the network's decoder wants them: on a CPU each is read alone, on a GPU all at once.

    Alone, equal prompts, as those of one text at several input sizes are, are read once.
    """
    from ci_rlm.model.network import Memories, collate

    if network.device.type != "cpu" or len(rows) == 1:
        return network.encode(*collate(rows, network.device))
    texts = {tuple(row): row for row in rows}
    read = {ids: network.encode(*collate([row])) for ids, row in texts.items()}
    return Memories(tuple(read[tuple(row)] for row in rows))


ItemT = TypeVar("ItemT")
AnswerT = TypeVar("AnswerT")


def in_halves(answer: Callable[[Sequence[ItemT]], list[AnswerT]], items: Sequence[ItemT]) -> list[AnswerT]:
    """Answers of a batch; where memory does not suffice, of its halves one after the other.

    Raises CheckpointError where it does not suffice for one item alone.
    """
    try:
        return answer(items)
    except (MemoryError, RuntimeError) as error:
        if not _lacks_memory(error):
            raise
        if len(items) == 1:
            hint = 'use a machine with more memory, or `device = "cpu"`'
            raise CheckpointError("not enough memory for one prompt", hint=hint) from error
    # Outside of the handler: its traceback would keep the tensors alive that did not fit.
    middle = len(items) // 2
    return in_halves(answer, items[:middle]) + in_halves(answer, items[middle:])


def _lacks_memory(error: Exception) -> bool:
    import torch

    # On a CPU torch raises a bare RuntimeError; torch.OutOfMemoryError is not in 2.4.
    kinds = (MemoryError, torch.cuda.OutOfMemoryError)
    return isinstance(error, kinds) or "can't allocate memory" in str(error)


def device_of(name: str) -> str:
    """Where `auto`, `cpu`, `cuda` or `cuda:N` leads on this machine, as torch spells it.

    Raises UsageError for a GPU that is not there.
    """
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if gpus else "cpu"
    if name != "cpu" and int(name.partition(":")[2] or 0) >= gpus:
        found = f"torch {torch.__version__} sees {gpus or 'no'} GPU{'s' * (gpus > 1)}"
        raise UsageError(f"there is no device {name}: {found}", hint="leave `device` at auto, or give cpu")
    return name


def usable_cpus() -> int:
    """How many CPUs this process may use."""
    # macOS and Windows have no affinity to ask for.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _predictions(question: _Question, probabilities: Sequence[float], rows: list[list[float]]) -> Answer:
    truncated = question.cropped or question.prompt.truncated
    return tuple(
        Prediction(metric.name, metric.unit, tuple(zip(probabilities, values, strict=True)), truncated)
        for metric, values in zip(question.space.metrics, rows, strict=True)
    )


def portions(questions: Sequence[_Question], most: int, threads: int) -> list[list[_Question]]:
    """Batches of one space, at most so many questions each, so that all threads have as many to do.

    Texts that are over `CPU_BATCH_TOKENS` together are apart.
    """
    if not questions:
        return []
    rounds = math.ceil(len(questions) / (threads * most))
    size = math.ceil(len(questions) / (threads * rounds))
    batches: list[list[_Question]] = []
    for _, same in groupby(sorted(questions, key=_space_name), key=_space_name):
        tokens = CPU_BATCH_TOKENS + 1
        for question in same:
            tokens += len(question.ids)
            if tokens > CPU_BATCH_TOKENS or len(batches[-1]) == size:
                batches.append([])
                tokens = len(question.ids)
            batches[-1].append(question)
    return batches


def _space_name(question: _Question) -> str:
    return question.space.name


def bucket(questions: Sequence[_Question], budget: int) -> list[list[_Question]]:
    """Batches of one space and about one length, at most `budget` tokens with their padding.

    A single text over the budget is a batch of its own. The batch that holds the first question is
    the first, so that answers in the questions' order need not wait for the longest texts.
    """
    batches: list[list[int]] = []
    for place in sorted(
        range(len(questions)), key=lambda at: (questions[at].space.name, len(questions[at].ids))
    ):
        question = questions[place]
        fits = batches and questions[batches[-1][0]].space == question.space
        if fits and (len(batches[-1]) + 1) * len(question.ids) <= budget:
            batches[-1].append(place)
        else:
            batches.append([place])
    return [[questions[place] for place in batch] for batch in sorted(batches, key=min)]
