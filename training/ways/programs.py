"""Small functions that do one of `TASKS` in one of its ways, by seed and by record.

A function may do further tasks before and after, always in the same way, so that what a change
costs stands beside what it does not touch. Its names, its form and what its expressions say are
drawn from the seed, alike in all ways.
"""

from __future__ import annotations

import random
import re
import string
from dataclasses import dataclass
from typing import Any

from ci_rlm.errors import UsageError
from ci_rlm.training.splits import split_of
from ci_rlm.training.ways.tasks import TASKS, Task

VERSION = "ways-1"
"""Part of every record: raise it when a seed gives another program."""
SOURCE = "ways"

NAMES = {
    "xs": ("xs", "values", "numbers", "nums", "items", "data", "scores", "prices", "samples", "readings"),
    "ys": ("ys", "others", "queries", "wanted", "targets", "second"),
    "ws": ("words", "names", "tokens", "labels", "tags", "terms"),
    "vs": ("known_names", "allowed", "stop_words", "vocabulary", "accepted"),
    "s": ("s", "text", "line", "message", "content"),
    "d": ("d", "table", "counts", "weights", "stock", "mapping"),
    "ps": ("pairs", "edges", "intervals", "points", "spans"),
    "g": ("grid", "matrix", "rows", "board"),
    "n": ("n", "limit", "size", "count"),
}
HINTS = {
    "xs": "list[int]", "ys": "list[int]", "ws": "list[str]", "vs": "list[str]", "s": "str",
    "d": "dict[str, int]", "ps": "list[tuple[int, int]]", "g": "list[list[int]]", "n": "int",
}  # fmt: skip
RESULTS = ("result", "out", "found", "answer", "total", "res", "output")
VERBS = ("get", "compute", "find", "make", "collect", "check", "build", "load", "prepare", "process")
CLASSES = ("Solution", "Store", "Report", "Helper", "Index", "Service")
FILLED = {
    "e": (
        "x", "x * x", "x + $c", "x % $m", "abs(x)", "x * $c - 1", "-x", "x // $m", "x * x % $m",
        "(x + $c) % $m",
    ),
    "p": (
        "x > $c", "x % 2 == 0", "x < $c", "x != $c", "x % $m == 1", "x >= 0", "abs(x) > $c",
        "x % $m and x > 0",
    ),
    "we": (
        "w", "w.upper()", "w[0]", "w[::-1]", "w + '.'", "w.strip()", "w[1:]", "w.replace('a', 'b')",
        "w + ', '",
    ),
    "wp": (
        "len(w) > 3", "w[0] != 'a'", "'e' in w", "w.startswith('b')", "len(w) % 2", "w > 'm'", "w[-1] != 's'",
    ),
    "cp": ("c != ' '", "c in 'aeiou'", "c.isalpha()", "c > 'm'", "c not in 'xyz'"),
}  # fmt: skip
DOCS = (
    "What is asked for.",
    "Return the outcome.",
    "For the report.",
    "See the notes.",
    "Used by the importer.",
)

_IMPORT = re.compile(r"(?m)^(?:import|from) .*\n?")


@dataclass(frozen=True, slots=True)
class Way:
    """A function that does a task in one way."""

    record: str
    """`VERSION/SEED`, and behind a `+` the number of the way, but for the first."""
    task: str
    text: str
    entry: str
    """An expression that names the callable."""
    inputs: tuple[str, ...]
    """What its parameters are, by the names of `HINTS`."""


def ways(seed: int) -> tuple[Way, ...]:
    """All ways of the function of a seed, in the order of their records: the same on every machine."""
    chance = random.Random(f"{VERSION}/{seed}")
    task = chance.choice(TASKS)
    before, after = (_others(task, share, chance) for share in (0.35, 0.25))
    form = _Form.drawn([*before, task, *after], chance)
    fixed = {id(other): chance.choice(other.ways) for other in (*before, *after)}
    found = []
    for at, way in enumerate(chance.sample(task.ways, len(task.ways))):
        blocks = [fixed[id(each)] if each is not task else way for each in (*before, task, *after)]
        record = f"{VERSION}/{seed}" + (f"+{at}" if at else "")
        found.append(Way(record, task.name, form.text(blocks), form.entry, form.inputs))
    return tuple(found)


def programs_of(record: str) -> tuple[Way, ...]:
    """All ways of the seed of a record. Raises UsageError for one that this version did not make."""
    version, _, rest = record.partition("/")
    seed = rest.partition("+")[0]
    if version != VERSION or not seed.isdecimal():
        hint = "measure anew with ci-rlm profile ways"
        raise UsageError(f"not a record of {VERSION}: {record!r}", hint=hint)
    return ways(int(seed))


def _others(task: Task, share: float, chance: random.Random) -> list[Task]:
    """Another task of the same split, so that what is held out is nowhere learned from."""
    split = split_of(problem_of(task.name))
    same = [each for each in TASKS if each is not task and split_of(problem_of(each.name)) == split]
    return [chance.choice(same)] if same and chance.random() < share else []


def problem_of(task: str) -> str:
    """What splits are by: a task, whatever the seed."""
    return f"{SOURCE}/{task}"


@dataclass(frozen=True, slots=True)
class _Form:
    """What is alike in all ways of a seed."""

    name: str
    owner: str
    """The class that it is a method of; empty for a function."""
    inputs: tuple[str, ...]
    names: dict[str, str]
    """What the inputs are called."""
    results: tuple[str, ...]
    filled: tuple[dict[str, str], ...]
    """Of each block."""
    hinted: bool
    document: str
    returned: bool
    """Whether a last assignment is returned as it is."""

    @classmethod
    def drawn(cls, tasks: list[Task], chance: random.Random) -> _Form:
        inputs = tuple(dict.fromkeys(name for task in tasks for name in task.inputs))
        verb, thing = chance.choice(VERBS), chance.choice(tasks[0].name.split("_"))
        results = chance.sample(RESULTS, len(tasks))
        return cls(
            name=chance.choice((f"{verb}_{thing}", tasks[-1].name, f"{thing}_of", verb)),
            owner=chance.choice(CLASSES) if chance.random() < 0.25 else "",
            inputs=inputs,
            names={name: chance.choice(NAMES[name]) for name in inputs},
            results=tuple(results),
            filled=tuple(_filled(chance) for _ in tasks),
            hinted=chance.random() < 0.3,
            document=chance.choice(DOCS) if chance.random() < 0.2 else "",
            returned=chance.random() < 0.7,
        )

    @property
    def entry(self) -> str:
        """An expression that names the callable."""
        return f"{self.owner}().{self.name}" if self.owner else self.name

    def text(self, blocks: list[str]) -> str:
        """The program with these blocks for its tasks."""
        imports: dict[str, None] = {}
        lines: list[str] = []
        for block, out, filled in zip(blocks, self.results, self.filled, strict=True):
            imports |= dict.fromkeys(match.strip() for match in _IMPORT.findall(block))
            body = string.Template(_IMPORT.sub("", block)).substitute(filled, out=out)
            for name, called in self.names.items():
                body = re.sub(rf"(?<![%\w]){name}\b", called, body)  # of "%s" the s is no name
            lines += body.split("\n")
        only = self.results[0]
        if len(blocks) == 1 and self.returned and lines[-1].startswith(f"{only} = "):
            lines[-1] = f"return {lines[-1].removeprefix(f'{only} = ')}"
        else:
            lines.append(f"return {', '.join(self.results)}")
        if self.document:
            lines.insert(0, f'"""{self.document}"""')
        parameters = [self.names[name] + (f": {HINTS[name]}" if self.hinted else "") for name in self.inputs]
        head = f"def {self.name}({', '.join(['self'] * bool(self.owner) + parameters)}):"
        code = [head, *(f"    {line}" if line else "" for line in lines)]
        if self.owner:
            code = [f"class {self.owner}:", *(f"    {line}" if line else "" for line in code)]
        return "\n".join([*sorted(imports), *[""] * bool(imports), *code]) + "\n"


def _filled(chance: random.Random) -> dict[str, str]:
    numbers = {"c": str(chance.randint(2, 500)), "m": str(chance.choice((3, 7, 10, 64, 97, 1000)))}
    numbers["k"] = str(chance.choice((2, 3, 4, 5, 8, 10, 20, 50)))
    chosen = {key: string.Template(chance.choice(each)).substitute(numbers) for key, each in FILLED.items()}
    return numbers | chosen


def arguments(inputs: tuple[str, ...], size: int, seed: int) -> list[Any]:
    """Arguments of so many elements in all: the same for inputs, a size and a seed."""
    chance = random.Random(f"{VERSION}/{seed}/{size}")
    share = max(4, size // max(1, len(inputs)))
    wide = chance.choice((20, 1000, 1_000_000))
    few = chance.random() < 0.3

    def word() -> str:
        letters = "abcdest" if few else string.ascii_lowercase
        return "".join(chance.choices(letters, k=chance.randint(2, 3 if few else 8)))

    def made(name: str) -> Any:
        if name in ("xs", "ys"):
            return [chance.randint(-wide, wide) for _ in range(share)]
        if name in ("ws", "vs"):
            return [word() for _ in range(share)]
        if name == "s":
            return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz    ", k=share))
        if name == "d":
            return {f"{word()}{at}": chance.randint(0, 60) for at in range(share)}
        if name == "ps":
            lows = chance.choices(range(share), k=share)
            return [(low, (low + chance.randint(1, 9)) % share) for low in lows]
        if name == "g":
            side = max(2, round(share**0.5))
            return [[chance.randint(0, 9) for _ in range(side)] for _ in range(side)]
        return share

    values = {name: made(name) for name in inputs}
    if {"d", "ws"} <= set(inputs):
        values["ws"] = chance.choices(list(values["d"]), k=share // 2) + values["ws"][: share - share // 2]
    return [values[name] for name in inputs]
