"""A training run as its TOML file says it.

name = "…"            what the model is called
corpus = "…"          a folder that `ci-rlm ingest` or `python -m ci_rlm.training.corpus build` wrote
out = "…"             the folder of the run
seed = 1
head = "numbers"      optional: or one of the paper's alternatives, for comparison, or `masked`, to start from
protocols = ["…"]     optional: how the rows that are learned from were measured; the commonest by default
texts = ["….parquet"] optional: more code for `masked`, without costs

[model]               the sizes of fresh weights, as `ci_rlm.model.config` names them; with
…                     `backbone`, the folder of a pretrained T5Gemma, its encoder is read
[space]
size = 1024.0         the reference input size that the gate asks for
name = "python"       optional: or another of `spaces.DOMAINS`, to be learned alone

[[also]]              optional, repeated: a further space that the same weights learn
space = "languages"   one of `spaces.DOMAINS`
at_most = 5000        optional: of its programs an epoch, drawn anew each time

[start]               in place of [model] and [space]: go on from a checkpoint
…

[ingested]            optional, where the corpus is what `ci-rlm ingest` wrote
time = "cpu_time"     what stands for CPU time: or "wall_time", where code neither waits nor uses
                      several threads

[train]
…
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from ci_rlm.errors import UsageError
from ci_rlm.model import alternatives
from ci_rlm.training import team
from ci_rlm.training.spaces import DOMAINS, PYTHON

FULL, FROZEN, LORA, COUNTS = "full", "frozen-encoder", "lora", "counts"
METHODS = (FULL, FROZEN, LORA, COUNTS)
MONITORS = ("spearman", "loss")
OPTIMIZERS = ("adamw", "adafactor")
PRECISIONS = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}
"""What a forward pass computes in, and what Accelerate calls it; weights and sums stay float32."""

TableT = TypeVar("TableT")


@dataclass(frozen=True, slots=True)
class Start:
    """The `[start]` table of a recipe."""

    checkpoint: str
    """`embedded`, a folder, or a hub id that is kept."""
    method: str = FULL
    """Which weights are trained: all, those behind the encoder, low-rank additions (Hu and
    others, arXiv:2106.09685), which are added up in the end, or none: what is counted learns alone
    (`grown.py`)."""
    rank: int = 8
    """Of the low-rank additions."""
    rehearse: float = 0.0
    """Generated programs with what the checkpoint says of them, for each program of the corpus, so
    that it does not forget about other code (`rehearsal.py`)."""

    def __post_init__(self) -> None:
        if self.rehearse < 0:
            raise ValueError(f"[start] rehearse is {self.rehearse}, not at least 0")
        if self.method not in METHODS:
            raise ValueError(f"[start] method is {self.method!r}, not one of {', '.join(METHODS)}")
        if self.rank < 1:
            raise ValueError(f"[start] rank is {self.rank}, not at least 1")


@dataclass(frozen=True, slots=True)
class Also:
    """An `[[also]]` table of a recipe: a further space."""

    space: str
    """One of `spaces.DOMAINS`."""
    at_most: int = 0
    """Of its programs, those that an epoch sees; 0: all of them."""

    def __post_init__(self) -> None:
        if self.space not in DOMAINS:
            raise ValueError(f"[[also]] space is {self.space!r}, not one of {', '.join(DOMAINS)}")
        if self.at_most < 0:
            raise ValueError(f"[[also]] at_most is {self.at_most}, not at least 0")


@dataclass(frozen=True, slots=True)
class Train:
    """The `[train]` table of a recipe."""

    epochs: int
    learning_rate: float
    warmup: float
    """Share of the steps in which the rate rises; then it falls as a cosine (Appendix C)."""
    clip: float
    """Of the gradient's global norm (Appendix C)."""
    weight_decay: float
    batch_tokens: int
    """Source tokens of a batch, padding included."""
    rows: int
    """Input sizes of a program, drawn each time it is seen."""
    longest: int
    """Source tokens; longer programs are cropped while training."""
    rename: float
    """Chance that a program's names are drawn anew, so that names are no key to the answer."""
    counts: float
    """Weight of the auxiliary objective: log counts of syntax nodes from the pooled encoder."""
    save_minutes: float
    units: float = 0.0
    """Chance that a program is read as a gate reads it: the function that its costs are of, with context."""
    changes: float = 0.0
    """Changes between two programs a program and epoch; over 0, the checkpoint has a space that compares."""
    workers: int = 0
    """Processes that make batches ahead: what feeds a GPU. 0: batches are made between steps."""
    optimizer: str = "adamw"
    precision: str = "float32"
    batches: int = 1
    """Batches of one step. They are shared out among the processes, and one process takes several in turn."""
    patience: int = 0
    """Epochs without a better held-out score after which the run ends with the best weights;
    0: the last weights, after all epochs."""
    monitor: str = "spearman"
    """The held-out score: `spearman` where the order matters, `loss` where the whole distribution
    does, its level included."""
    keep: int = 1
    """States that are kept, newest first."""
    steps: int = 0
    """After which the run ends, and until which the rate falls; 0: after all epochs."""

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"[train] optimizer is {self.optimizer!r}, not one of {', '.join(OPTIMIZERS)}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"[train] precision is {self.precision!r}, not one of {', '.join(PRECISIONS)}")
        if self.monitor not in MONITORS:
            raise ValueError(f"[train] monitor is {self.monitor!r}, not one of {', '.join(MONITORS)}")
        for name in ("epochs", "batch_tokens", "rows", "longest", "batches", "keep"):
            if getattr(self, name) < 1:
                raise ValueError(f"[train] {name} is {getattr(self, name)}, not at least 1")
        if self.steps < 0:
            raise ValueError(f"[train] steps is {self.steps}, not at least 0")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training run."""

    name: str
    corpus: Path
    out: Path
    seed: int
    train: Train
    model: dict[str, Any] = field(default_factory=dict)
    size: float = 0.0
    head: str = alternatives.NUMBERS
    """What answers: number tokens, or one of the paper's alternatives to them."""
    start: Start | None = None
    time: str = team.TIMES[0]
    """Of ingested logs, what stands for CPU time."""
    protocols: tuple[str, ...] = ()
    """Of a corpus, those whose rows are learned from together; the commonest by default."""
    texts: tuple[Path, ...] = ()
    """Parquet files with a column `text`: code without costs, for `head = "masked"`."""
    space: str = PYTHON.name
    """What the corpus is read for first, and what changes and rehearsed programs are of."""
    also: tuple[Also, ...] = ()
    """Further spaces, whose programs come from the same corpus."""

    def __post_init__(self) -> None:
        names = [self.space, *(further.space for further in self.also)]
        if self.space not in DOMAINS:
            raise ValueError(f"[space] name is {self.space!r}, not one of {', '.join(DOMAINS)}")
        if len(set(names)) < len(names):
            raise ValueError(f"[[also]] names a space twice: {', '.join(names)}")
        if self.train.changes and self.space != PYTHON.name:
            raise ValueError(f"[train] changes are of {PYTHON.name}, not of {self.space}")

    @property
    def resolved(self) -> dict[str, Any]:
        """Everything that decides the outcome, as JSON holds it."""
        record = asdict(self)
        del record["out"]
        return {**record, "corpus": str(self.corpus), "texts": list(map(str, self.texts))}


def read_recipe(path: Path) -> Recipe:
    """Read a recipe. Raises UsageError for a missing file, bad TOML, or keys that do not fit."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the recipe {path}: {error}") from error
    try:
        _refuse_other_keys(table)
        start = table.get("start")
        return Recipe(
            name=str(table["name"]),
            corpus=Path(table["corpus"]),
            out=Path(table["out"]),
            seed=int(table["seed"]),
            train=_read(Train, table["train"], "[train]"),
            model=dict(table.get("model", {})),
            size=float(table["space"]["size"]) if start is None else 0.0,
            space=str(table.get("space", {}).get("name", PYTHON.name)),
            also=tuple(_read(Also, further, "[[also]]") for further in _tables(table, "also")),
            head=_head(table.get("head", alternatives.NUMBERS)),
            start=None if start is None else _read(Start, start, "[start]"),
            time=_time(table.get("ingested")),
            protocols=tuple(_words(table, "protocols")),
            texts=tuple(map(Path, _words(table, "texts"))),
        )
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error


def _refuse_other_keys(table: Mapping[str, Any]) -> None:
    fresh = {"model", "space"} if "start" not in table else {"start"}
    needed = {"name", "corpus", "out", "seed", "train"} | fresh
    _refuse_differing("the recipe", table, needed, {"also", "head", "ingested", "protocols", "texts"})
    if "start" not in table:
        _refuse_differing("[space]", table.get("space"), {"size"}, {"name"})
        if not {"vocab_size", "backbone"} & set(table["model"]):
            raise ValueError("[model] vocab_size is missing")


def _refuse_differing(name: str, given: Any, needed: set[str], optional: set[str]) -> None:
    keys = set(given or ())
    differing = ", ".join(sorted((needed - keys) | (keys - needed - optional)))
    if differing:
        may = f", and may have {', '.join(sorted(optional))}" if optional else ""
        raise ValueError(f"{name} must have {', '.join(sorted(needed))}{may}; differs in {differing}")


def _read(kind: type[TableT], table: Mapping[str, Any], where: str) -> TableT:
    known = {part.name: part for part in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    needed = {name for name, part in known.items() if part.default is MISSING}
    _refuse_differing(where, table, needed, set(known) - needed)
    for name, value in table.items():
        kinds = {"int": (int,), "float": (int, float), "str": (str,)}[str(known[name].type)]
        if type(value) not in kinds:
            raise ValueError(f"{where} {name} is {value!r}, not of type {known[name].type}")
    return kind(**table)


def _time(ingested: Any) -> str:
    if ingested is None:
        return team.TIMES[0]
    _refuse_differing("[ingested]", ingested, {"time"}, set())
    if ingested["time"] not in team.TIMES:
        raise ValueError(f"[ingested] time is {ingested['time']!r}, not one of {', '.join(team.TIMES)}")
    return str(ingested["time"])


def _tables(table: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = table.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError(f"{name} is {found!r}, not [[{name}]] tables")
    return found


def _words(table: Mapping[str, Any], name: str) -> list[str]:
    found = table.get(name, [])
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise ValueError(f"{name} is {found!r}, not a list of strings")
    return found


def _head(name: object) -> str:
    if name not in alternatives.TRAINED:
        raise ValueError(f"head is {name!r}, not one of {', '.join(alternatives.TRAINED)}")
    return str(name)
