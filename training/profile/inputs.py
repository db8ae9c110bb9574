"""Recorded arguments grown to a wanted size, so that a program's own growth shows.

Test inputs are tiny. `candidates` looks at all recorded cases of a problem together, keeps what
holds for each of them (see `likeness.py`, and for what ties arguments to each other, here), and
grows them. What it gets wrong the caller finds out: a grown input is used only if the problem's
reference program accepts it and other programs give the same answer. So it offers several
growths, each one keeping closer to what was recorded.
"""

from __future__ import annotations

import ast
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ci_rlm.training.profile import mates, texts
from ci_rlm.training.profile.likeness import atoms, is_long, real

SIZES = (16, 64, 256, 1024, 4096)
"""The ladder: elements of the arguments, all containers together about this many."""


FINE = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
"""The rungs between, for programs whose cost explodes."""


WANTED = 5
"""Sizes that a program is measured at, where it can be."""


# Sizes, and reading what is recorded


def size_of(arguments: Sequence[Any]) -> int:
    """The size of an input: its atoms, or its largest number where it has no container."""
    if any(isinstance(value, list | tuple | set | dict | str) for value in arguments):
        return sum(atoms(value) for value in arguments)
    numbers = [abs(int(value)) for value in arguments if isinstance(value, int | float) and abs(value) < 1e18]
    return max([1, *numbers])


def parse_keywords(text: str) -> dict[str, Any]:
    """Read `nums = [2,7], target = 9` as JSON-like literals; ValueError if it is not that."""
    call = _call(text)
    if call.args:
        raise ValueError(f"not keyword arguments: {text[:60]!r}")
    return {str(keyword.arg): _literal(keyword.value) for keyword in call.keywords}


def parse_arguments(text: str) -> list[Any]:
    """Read arguments by keyword, as `parse_keywords` does, or by place; ValueError if they are neither."""
    call = _call(text)
    if call.args and call.keywords:
        raise ValueError(f"arguments both by place and by keyword: {text[:60]!r}")
    return [_literal(node) for node in call.args or [keyword.value for keyword in call.keywords]]


def _call(text: str) -> ast.Call:
    try:
        call = ast.parse(f"f({text.strip()})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise ValueError(f"not arguments: {text[:60]!r}") from problem
    if not isinstance(call, ast.Call):
        raise ValueError(f"not arguments: {text[:60]!r}")
    return call


_NAMES = {"null": None, "true": True, "false": False}


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return _NAMES[node.id]
    if isinstance(node, ast.List):
        return [_literal(item) for item in node.elts]
    return ast.literal_eval(node)


# The ladder


def ladder(told: Mapping[int, str]) -> int | None:
    """The next size to try, from what came of those tried: "ok", "slow" or "rejected"; None to stop.

    Climbs `SIZES`. Nothing is tried above a size that was slow; below it come the rungs
    between, upwards from the largest size that was ok, then downwards, until `WANTED` sizes
    were ok. Sizes that were rejected are made up for in the same way.
    """
    slow = min((size for size, what in told.items() if what == "slow"), default=math.inf)
    for size in SIZES:
        if size not in told and size < slow:
            return size
    good = [size for size, what in told.items() if what == "ok"]
    if len(good) >= WANTED or (len(good) >= WANTED - 1 and max(good) >= 16 * min(good)):
        return None
    free = [size for size in FINE if size not in told and size < slow]
    above = [size for size in free if size > max(good, default=0)]
    below = [size for size in free if size < max(good, default=0)]
    if slow < math.inf and (above or below):
        return above[0] if above else below[-1]
    if len(good) < 3 and free and sum(what == "rejected" for what in told.values()) < 2 * WANTED:
        return free[0]
    return None


# Growing


def candidates(
    recorded: Sequence[Sequence[Any]],
    size: int,
    chance: random.Random,
    *,
    names: Sequence[str] = (),
    kinds: Sequence[str] = (),
) -> Iterator[list[Any]]:
    """New arguments of about `size` atoms in the likeness of the recorded ones, at most four.

    The first grows all that seems to be meant, the next stay in recorded ranges and leave
    single numbers alone, the last repeats a recorded case. `names` are the parameters' names
    and `kinds` the harness's builders (`binary_tree`, `linked_list`, ...); both only help.
    Nothing recorded, or nothing in it that could grow: no candidates.
    """
    cases = _alike(recorded)
    if not cases or not cases[-1]:
        return
    made: set[str] = set()
    for make in _makers(cases, size, chance, names, kinds):
        arguments = make()
        if repr(arguments) not in made:
            made.add(repr(arguments))
            yield arguments


def _makers(
    cases: Sequence[Sequence[Any]],
    size: int,
    chance: random.Random,
    names: Sequence[str],
    kinds: Sequence[str],
) -> list[Callable[[], list[Any]]]:
    if not any(map(is_long, cases[-1])):
        return [partial(_numbers, cases, size, way) for way in (0, 1)]
    ways = [partial(mates.drawn, cases, size, chance, names, kinds, way) for way in (0, 1, 2)]
    return [*ways, partial(tiled, cases[-1], size)]


def grow(
    recorded: Sequence[Sequence[Any]],
    size: int,
    chance: random.Random,
    *,
    names: Sequence[str] = (),
    kinds: Sequence[str] = (),
) -> list[Any]:
    """The first of the candidates; the largest recorded case where there is none."""
    return next(candidates(recorded, size, chance, names=names, kinds=kinds), list(recorded[-1]))


def _alike(recorded: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Cases with the types of the largest one, by ascending size; huge ones only where there is no other."""
    sized = sorted(recorded, key=size_of)
    small = [case for case in sized if size_of(case) <= 512 or not any(map(is_long, case))] or sized[:1]
    if not small:
        return []
    shape = [_type(value) for value in small[-1]]
    return [list(case) for case in small if [_type(value) for value in case] == shape][-12:]


def _type(value: Any) -> type:
    return float if type(value) is int else type(value)


def _numbers(cases: Sequence[Sequence[Any]], size: int, way: int) -> list[Any]:
    """The largest number is the size; the others keep their proportion, or (way 1) their value."""
    base = cases[-1]
    kind = int if any(type(value) is int and value for value in base) else float
    positive = any(type(value) is kind and value > 0 for value in base)
    scaled = [
        type(value) is kind and value not in mates.MODULI and (value > 0 if positive else value < 0)
        for value in base
    ]
    top = max((abs(value) for value, may in zip(base, scaled, strict=True) if may), default=1)
    if way:
        scaled = [may and abs(value) == top for value, may in zip(base, scaled, strict=True)]
    factor = _power(cases, size) / top
    return [
        (round(value * factor) or (1 if positive else -1) if kind is int else value * factor)
        if may
        else value
        for value, may in zip(base, scaled, strict=True)
    ]


def _power(cases: Sequence[Sequence[Any]], size: int) -> int:
    """The size, or a power of two where every recorded number is one."""
    seen = {value for case in cases for value in case if type(value) is int}
    powers = len(seen) > 2 and all(value > 0 and value & (value - 1) == 0 for value in seen)
    return 1 << round(math.log2(size)) if powers else size


def tiled(arguments: Sequence[Any], size: int) -> list[Any]:
    """The arguments with every list and text repeated whole, and numbers that repeat a length."""
    now = max(1, sum(atoms(value) for value in arguments if is_long(value)))
    times = max(1, round(size / now))
    made = [_tile(value, times) for value in arguments]
    for i, value in enumerate(arguments):
        for was, longer in zip(arguments, made, strict=True):
            if type(value) is int and value > 1 and is_long(was) and len(was) == value:
                made[i] = len(longer)
                break
    return made


def _tile(value: Any, times: int) -> Any:
    if isinstance(value, str):
        return texts.composed(value, times * len(value)) if value else value
    if isinstance(value, list | tuple):
        longer = list(value) * times
        ordered = real(longer) and len(value) > 2 and list(value) == sorted(value)
        return type(value)(sorted(longer) if ordered else longer)
    return value


# Standard inputs


STDIN_MOST = 1 << 15
"""Elements of a standard input at most: a linear program in Python takes some tens of milliseconds."""


_FACTORS = (4096, 1024, 256, 64, 16, 4, 1)


_SMALL = (64, 16, 4, 2, 1)


def stdin_size(text: str) -> int:
    """Elements of a standard input: its numbers, and the characters of its other words."""
    return sum(1 if _is_number(word) else len(word) for word in text.split())


def _is_number(word: str) -> bool:
    digits = word.lstrip("+-").replace(".", "", 1)
    return digits.isdecimal() and len(digits) <= 10 and not (len(digits) > 2 and digits[0] == "0")


def stdin_ladder(
    texts: Sequence[str],
    generators: Sequence[str],
    generate: Callable[[str, int], str | None],
    accepts: Callable[[str], bool] = lambda text: True,
) -> list[str]:
    """Standard inputs at about `WANTED` sizes on a geometric ladder, the smallest first.

    They are the stored texts, and what generators of stress inputs make once their large
    constants are shrunk, by more and more until sizes from a handful of elements to
    `STDIN_MOST` are there; then also their small constants, which are numbers of test cases.
    `generate` runs a generator's source with a seed; None where that fails. `accepts` says
    whether the reference program takes an input: a generator is left out if it refuses its first.
    """
    found = {stdin_size(text): text for text in texts if text.split()}
    for factors, least in ((_FACTORS, 500), (_SMALL, 15)):
        for generator in generators:
            if len(_rungs(found)) >= WANTED:
                break
            made = list(_made(generator, factors, least, generate))
            if made and accepts(made[0][1]):
                found |= {size: text for size, text in made if size not in found}
    return [found[size] for size in _rungs(found)]


def _made(
    generator: str, factors: Sequence[int], least: int, generate: Callable[[str, int], str | None]
) -> Iterator[tuple[int, str]]:
    """Inputs by size, up to the first that is too large."""
    for factor in factors:
        try:
            text = generate(shrink_constants(generator, factor, least=least), 1024)
        except (SyntaxError, ValueError, RecursionError):
            return
        size = stdin_size(text) if text else 0
        if size > STDIN_MOST:
            return
        if text and size:
            yield size, text


def _rungs(sizes: Iterable[int]) -> list[int]:
    """About `WANTED` of the sizes, each at least 1.8 times the one before, evenly spread in logarithms."""
    able = sorted(size for size in sizes if size <= STDIN_MOST)
    if not able:
        return sorted(sizes)[:1]
    step = max(1.8, (able[-1] / able[0]) ** (1 / WANTED))
    kept = [able[-1]]
    for size in reversed(able[:-1]):
        if size * step <= kept[-1] * 1.05:
            kept.append(size)
    return kept[::-1]


def shrink_constants(source: str, factor: int, *, least: int = 500) -> str:
    """A generator of stress inputs with its large integer constants divided by a factor.

    Constants of at least `least` and at most 10 million, written out or as a power of ten, are
    scaled down to no less than 10, or than a fifth of `least`. SyntaxError if the source does
    not parse.
    """
    return ast.unparse(ast.fix_missing_locations(_Shrink(factor, least).visit(ast.parse(source))))


class _Shrink(ast.NodeTransformer):
    def __init__(self, factor: int, least: int) -> None:
        self.factor, self.least = factor, least

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) is not int or not self.least <= node.value <= 10**7:
            return node
        return ast.copy_location(ast.Constant(max(min(10, self.least // 5), node.value // self.factor)), node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        match node:
            case ast.BinOp(ast.Constant(int() as base), ast.Pow(), ast.Constant(int() as power)) if (
                power < 12
            ):
                return self.visit_Constant(ast.copy_location(ast.Constant(base**power), node))
        return self.generic_visit(node)
