"""Synthetic programs: they run, siblings agree, and together they cover growth, idioms and sizes."""

from __future__ import annotations

import ast
import contextlib
import copy
import functools
import io
import itertools
import math
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_rlm.errors import UsageError
from ci_rlm.training.profile.inputs import size_of
from ci_rlm.training.profile.runner import BUILDERS, ListNode, TreeNode, plain
from ci_rlm.training.sources import sha256
from ci_rlm.training.synthetic import Synthetic, generate, kinds, library, measure, sibling, tasks, text_of
from ci_rlm.training.synthetic.measuring import COUNTED, Work
from ci_rlm.training.synthetic.plan import Plan, Step, _fillers, idioms
from ci_rlm.training.synthetic.render import write
from ci_rlm.training.synthetic.steps import Choices

SEEDS = range(300)
CHUNKS = [range(start, start + 50) for start in range(0, 300, 50)]


@pytest.fixture(autouse=True)
def recursion_limit() -> Iterator[None]:
    """Programs that recurse deeply raise it to this, as such programs do."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    yield
    sys.setrecursionlimit(before)


@functools.cache
def pair(seed: int) -> tuple[Synthetic, Synthetic | None]:
    """A program and its sibling, made once for all tests."""
    return generate(seed), sibling(seed)


@pytest.fixture(scope="module")
def programs() -> list[Synthetic]:
    return [pair(seed)[0] for seed in SEEDS]


def scope_of(text: str, name: str = "program") -> dict[str, Any]:
    return {"__name__": name, "ListNode": ListNode, "TreeNode": TreeNode}


def prepared(program: Synthetic, size: int) -> Callable[[], Any]:
    """What runs a program once on its input of a size, and returns or prints the answer."""
    code = compile(program.text, "<program>", "exec")
    if program.entry is None:
        return lambda: printed(code, program.stdin(size))
    scope = scope_of(program.text)
    exec(code, scope)
    function = eval(program.entry, scope)
    arguments = built(program.builders, program.arguments(size))
    return lambda: function(*arguments)


def built(builders: tuple[str, ...], arguments: list[Any]) -> list[Any]:
    return [BUILDERS[kind](copy.deepcopy(value)) for kind, value in zip(builders, arguments, strict=True)]


def printed(code: Any, stdin: str) -> str:
    shown, before = io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(stdin)
    try:
        with contextlib.redirect_stdout(shown):
            exec(code, scope_of("", "__main__"))
    finally:
        sys.stdin = before
    return shown.getvalue()


def events(run: Callable[[], Any]) -> int:
    """Line events of a program and of what it calls, counted one by one."""
    count = 0

    def local(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return local

    def enter(frame: FrameType, event: str, _: Any) -> Any:
        return None if frame.f_code.co_filename == __file__ else local

    sys.settrace(enter)
    try:
        run()
    finally:
        sys.settrace(None)
    return count


# Programs run


@pytest.mark.parametrize("seeds", CHUNKS, ids=str)
def test_programs_run_on_their_own_inputs_and_siblings_give_the_same_answer(seeds: range) -> None:
    differing = []
    for seed in seeds:
        program, other = pair(seed)
        for size in program.sizes[:2]:
            answer = prepared(program, size)()
            assert answer is not None
            if other and size in other.sizes and plain(prepared(other, size)()) != plain(answer):
                differing.append((seed, size))
    assert not differing


@settings(max_examples=40)
@given(st.integers(0, 2**63))
def test_any_seed_makes_a_program_that_runs_at_the_smallest_size(seed: int) -> None:
    program = generate(seed)
    assert prepared(program, program.sizes[0])() is not None


def test_a_seed_makes_the_same_program_whatever_the_order_of_hashes() -> None:
    code = (
        "from ci_rlm.training.synthetic import generate, sibling\n"
        "for seed in range(8):\n"
        "    one, other = generate(seed), sibling(seed)\n"
        "    print(one.text, one.arguments(16), other and other.text)\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hashing},
            capture_output=True,
            check=True,
        ).stdout
        for hashing in ("1", "2")
    ]
    assert said[0] == said[1]


def test_inputs_have_about_the_size_asked_for(programs: list[Synthetic]) -> None:
    far = [
        program.record
        for program in programs
        if program.entry and not 0.3 <= size_of(program.arguments(64)[: len(program.plan.inputs)]) / 64 <= 2.2
    ]
    assert not far


# Idioms


def idiom_inputs(idiom: library.Idiom, chance: random.Random) -> tuple[list[Any], kinds.Character]:
    """Random arguments for an idiom, of kinds that no program gets as input included."""
    like = kinds.character(chance)
    size = chance.choice((1, 2, 3, 5, 9, 16, 30))
    numbers = kinds.make("ints", size, like, chance)
    other = {
        "rows": kinds.make("grid", size, like, chance),
        "counts": {str(x): 1 + x % 7 for x in numbers},
    }
    return [other.get(kind) or kinds.make(kind, size, like, chance) for kind, _ in idiom.takes], like


def alone(idiom: library.Idiom, way: int, inner: Step | None, like: kinds.Character, place: int) -> Any:
    """A function that is one way of one idiom and nothing else, with its syntax tree."""
    known = tuple("ints" if kind in ("rows", "counts") else kind for kind, _ in idiom.takes)
    step = Step("0", idiom, way, tuple(range(len(known))), False, inner)
    written = write(Plan(place, known, (step,), "function", like, 1.0, None), "test", Choices({}, {}))
    scope = scope_of(written.text)
    exec(compile(written.text, "<program>", "exec"), scope)
    return eval(written.entry or "", scope), ast.parse(written.text)


def inner_step(idiom: library.Idiom, chance: random.Random) -> Step | None:
    if idiom.hole is None:
        return None
    inner = chance.choice(_fillers(idiom.hole, False))
    ways = [index for index, way in enumerate(inner.ways) if not way.changes]
    return Step("0.0", inner, chance.choice(ways), (), chance.random() < 0.5)


@pytest.mark.parametrize("start", "abcdefghijklmnopqrstuvwxyz")
def test_all_ways_of_an_idiom_give_the_same_answer(start: str) -> None:
    differing = []
    for idiom in (idiom for idiom in idioms() if idiom.name.startswith(start)):
        for place in range(3):
            chance = random.Random(f"{idiom.name} {place}")
            arguments, like = idiom_inputs(idiom, chance)
            inner = inner_step(idiom, chance)
            builders = tuple(kinds.BUILDERS.get(kind, "plain") for kind, _ in idiom.takes)
            answers = {
                plain(alone(idiom, way, inner, like, place)[0](*built(builders, arguments)))
                for way in range(len(idiom.ways))
            }
            if len(answers) > 1:
                differing.append((idiom.name, place))
    assert not differing


def test_a_way_leaves_its_input_as_it_was_unless_it_says_so() -> None:
    changed = []
    for idiom in idioms():
        chance = random.Random(idiom.name)
        arguments, like = idiom_inputs(idiom, chance)
        inner = inner_step(idiom, chance)
        builders = tuple(kinds.BUILDERS.get(kind, "plain") for kind, _ in idiom.takes)
        for index, way in enumerate(idiom.ways):
            given_arguments = built(builders, arguments)
            alone(idiom, index, inner, like, 0)[0](*given_arguments)
            if plain(given_arguments) != plain(built(builders, arguments)) and not way.changes:
                changed.append((idiom.name, index))
    assert not changed


def test_no_way_assigns_to_the_name_of_its_input() -> None:
    assigned = []
    for idiom in idioms():
        inner = inner_step(idiom, random.Random(idiom.name))
        for index in range(len(idiom.ways)):
            _, tree = alone(idiom, index, inner, kinds.character(random.Random(0)), 0)
            main = next(node for node in tree.body[::-1] if isinstance(node, ast.FunctionDef))
            parameters = {argument.arg for argument in main.args.args}
            stored = {
                node.id
                for statement in main.body
                if not isinstance(statement, ast.FunctionDef | ast.ClassDef)
                for node in ast.walk(statement)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
            assigned += [(idiom.name, index)] if parameters & stored else []
    assert not assigned


GROWTHS = {"3": 3, "0.5n2": 128, "root": 4, "n1.5": 64, "8n": 128, "nlog": 16 * math.log2(18)}


@pytest.mark.parametrize(("text", "at_16"), GROWTHS.items())
def test_growths_are_read(text: str, at_16: float) -> None:
    assert library.growth(text)(16) == pytest.approx(at_16)


@pytest.mark.parametrize(
    "text",
    [
        "### f(ints xs) int\n## n n\nreturn 0\n",
        "### f(ints xs) -> int\n## n fast\nreturn 0\n",
        "### f(ints xs) -> int\n## n n keep\nreturn 0\n",
    ],
)
def test_a_text_that_is_not_in_the_notation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not the head|not a growth|no such flag"):
        library.read(text)


# Variety


def shape(text: str) -> tuple[str, ...]:
    """Node types in order: names and literals play no part."""
    return tuple(type(node).__name__ for node in ast.walk(ast.parse(text)))


def test_hardly_two_programs_have_the_same_shape(programs: list[Synthetic]) -> None:
    assert len({shape(program.text) for program in programs}) > 0.97 * len(programs)


def test_programs_use_most_of_the_syntax_that_functions_are_written_in(programs: list[Synthetic]) -> None:
    seen = {name for program in programs for name in shape(program.text)}
    wanted = {
        *("FunctionDef", "ClassDef", "For", "While", "If", "IfExp", "Break", "Continue", "Lambda", "Yield"),
        *("ListComp", "SetComp", "DictComp", "GeneratorExp", "Subscript", "Slice", "Starred", "Try", "Raise"),
        *("AugAssign", "Tuple", "Dict", "Set", "BitXor", "RShift", "Compare", "In", "Nonlocal", "Assert"),
    }
    # A few are rare enough to be missing from 300 programs.
    assert len(wanted - seen) <= 3


def test_programs_fit_the_prompt(programs: list[Synthetic]) -> None:
    lengths = [len(program.text) for program in programs]
    assert statistics.median(lengths) < 1000
    assert statistics.quantiles(lengths, n=20)[-1] < 2500


def test_programs_import_the_standard_library_alone(programs: list[Synthetic]) -> None:
    imported = set()
    for program in programs:
        for node in ast.walk(ast.parse(program.text)):
            if isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module))
    assert imported <= sys.stdlib_module_names


def test_line_events_grow_in_every_manner_from_not_at_all_to_the_square(programs: list[Synthetic]) -> None:
    exponents = []
    for program in programs[:150]:
        few, many = (events(prepared(program, size)) for size in (16, 64))
        exponents.append(math.log(max(1, many) / max(1, few), 4))
    edges = (-0.5, 0.25, 0.75, 1.1, 1.5, 2.6)
    shares = [
        sum(low <= exponent < high for exponent in exponents) / len(exponents)
        for low, high in itertools.pairwise(edges)
    ]
    assert min(shares) > 0.04


def test_forms_and_kinds_of_input_are_mixed(programs: list[Synthetic]) -> None:
    forms = {program.plan.form for program in programs}
    inputs = {kind for program in programs for kind in program.plan.inputs}
    assert (forms, inputs) == ({"function", "method", "script", "main"}, set(kinds.MAKERS))


# Records, tasks, rows


def test_a_record_makes_its_text_again() -> None:
    other = next(made for made in map(sibling, range(9)) if made)
    program = generate(7)
    assert (text_of(program.record), text_of(other.record)) == (program.text, other.text)


@pytest.mark.parametrize("record", ["synthetic-0/7", "leetcode/7", "synthetic-1/x", "synthetic-1/7+loop", ""])
def test_a_record_of_another_version_or_source_is_refused(record: str) -> None:
    with pytest.raises(UsageError, match="not a record"):
        text_of(record)


def test_tasks_cover_every_seed_once_and_start_at_the_same_places() -> None:
    made = list(tasks(120, seed0=30))
    assert [task.key for task in made] == ["synthetic/30-49", "synthetic/50-99", "synthetic/100-149"]
    assert [seed for task in made for seed in task.work.seeds] == list(range(30, 150))


@pytest.mark.skipif(sys.platform != "linux", reason="programs are measured on Linux")
def test_measured_rows_tell_what_was_counted_by_hand() -> None:
    seed = next(seed for seed in SEEDS if generate(seed).plan.form == "function")
    program = generate(seed)
    rows = measure(Work((seed,), COUNTED))
    (counted,) = [
        row
        for row in rows
        if row["sha256"] == sha256(program.text)
        and row["metric"] == "line_events"
        and row["size"] == size_of(program.arguments(16))
    ]
    assert counted["value"] == events(prepared(program, 16))


@pytest.mark.skipif(sys.platform != "linux", reason="programs are measured on Linux")
def test_a_measured_chunk_repeats_to_the_byte() -> None:
    once, again = (measure(Work((0, 1, 2), COUNTED)) for _ in range(2))
    assert [{**row, "utc": 0} for row in once] == [{**row, "utc": 0} for row in again]
