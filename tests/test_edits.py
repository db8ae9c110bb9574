"""Edits: what each makes of an example, where it leaves code alone, and what a set of them keeps."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from ci_rlm.training import edits
from ci_rlm.training.edits import EFFICIENCY, NEUTRAL, Edit, edits_of

EVERY = {edit.__name__: edit for edit in (*EFFICIENCY, *NEUTRAL)}

EXAMPLES: dict[str, tuple[str, str]] = {
    "materialise_generator": ("sum((x for x in xs))", "sum([x for x in xs])"),
    "materialise_loop": ("for x in range(n):\n    f(x)", "for x in list(range(n)):\n    f(x)"),
    "copy_before_loop": ("for x in xs:\n    f(x)", "for x in xs[:]:\n    f(x)"),
    "set_to_list": ("seen = set(xs)", "seen = list(xs)"),
    "scan_membership": ("ok = x not in self.seen", "ok = x not in list(self.seen)"),
    "append_to_copy": ("xs.append(f(y))", "xs = xs + [f(y)]"),
    "sort_for_extreme": ("low = max(xs)", "low = sorted(xs)[-1]"),
    "sort_to_copy": ("xs.sort(key=f)", "xs = sorted(xs, key=f)"),
    "repeat_by_loop": ("xs = [0] * (n + 1)", "xs = [0 for _ in range(n + 1)]"),
    "drop_cache": (
        "@functools.lru_cache(maxsize=None)\n@typed\ndef f(n):\n    return n",
        "@typed\ndef f(n):\n    return n",
    ),
    "queue_by_list": (
        "q = collections.deque(xs)\nx = q.popleft()\np = deque()",
        "q = list(xs)\nx = q.pop(0)\np = list()",
    ),
    "sink_into_loop": (
        "n = len(xs)\nwhile n:\n    f(n)",
        "while n:\n    n = len(xs)\n    f(n)",
    ),
    "copy_for_length": ("while i < len(xs):\n    i += 1", "while i < len(list(xs)):\n    i += 1"),
    "rename_local": (
        "def f(a):\n    b = a\n    return b",
        "def f(a):\n    b_value = a\n    return b_value",
    ),
    "expand_augmented": ("x -= 1", "x = x - 1"),
    "swap_comparison": ("ok = a + 1 <= b", "ok = b >= a + 1"),
    "invert_branch": (
        "if a:\n    f()\nelse:\n    g()",
        "if not a:\n    g()\nelse:\n    f()",
    ),
    "name_the_result": (
        "def f(x):\n    return g(x)",
        "def f(x):\n    result = g(x)\n    return result",
    ),
    "annotate_local": ("x = 0", "x: int = 0"),
    "spell_out_range": ("r = range(n)", "r = range(0, n)"),
    "merge_if": (
        "if a and b:\n    f()",
        "if a:\n    if b:\n        f()",
    ),
}

INAPPLICABLE: dict[str, tuple[str, ...]] = {
    "materialise_generator": ("sum(xs)", "sum((x for x in xs), 1)", "f((x for x in xs))"),
    "materialise_loop": (
        "for x in list(xs):\n    f(x)",
        "for x in sorted(xs):\n    f(x)",
        "while x:\n    f(x)",
    ),
    "copy_before_loop": ("for x in f(xs):\n    g(x)", "for x in xs[:]:\n    f(x)"),
    "set_to_list": ("seen = set()", "seen = frozenset(xs)"),
    "scan_membership": ("ok = x in f(y)", "ok = x < y in z", "ok = x is y"),
    "append_to_copy": ("self.xs.append(x)", "y = xs.append(x)", "xs.extend(ys)"),
    "sort_for_extreme": (
        "low = min(a, b)",
        "low = min(xs, key=f)",
        "low = min((x for x in xs))",
        "m = min(*xs)",
    ),
    "sort_to_copy": ("self.xs.sort()", "xs.reverse()"),
    "repeat_by_loop": ("xs = [[]] * n", "xs = [0, 1] * n", "xs = n * m"),
    "drop_cache": ("@typed\ndef f(n):\n    return n", "def f(n):\n    return cache"),
    "queue_by_list": ("q = deque(xs)\nx = q.pop()",),
    "sink_into_loop": ("n = 3\nwhile n:\n    f(n)", "n = len(xs)\nf(n)"),
    "copy_for_length": (
        "while xs:\n    f(xs)",
        "if len(f(xs)):\n    g()",
        "n = len(xs)",
        "if x.len():\n    f()",
    ),
    "rename_local": ("def f(a):\n    return a", "def f():\n    global b\n    b = 1", "b = 1"),
    "expand_augmented": ("x += y", "self.x += 1", "x += 1.0"),
    "swap_comparison": ("ok = a < b < c", "ok = a in b", "ok = a is b"),
    "invert_branch": ("if a:\n    f()", "if a:\n    f()\nelif b:\n    g()"),
    "name_the_result": ("def f(x):\n    return x", "def f(x):\n    g(x)"),
    "annotate_local": ("x = 0.0", "x = y = 0", "x = True", "self.x = 0"),
    "spell_out_range": ("r = range(1, n)", "r = f(n)"),
    "merge_if": ("if a or b:\n    f()", "if a and b and c:\n    f()", "if a and b:\n    f()\nelse:\n    g()"),
}


class Once(ast.NodeTransformer):
    """Puts what an edit makes of the first node that it applies to in that node's place."""

    def __init__(self, edit: Edit) -> None:
        self.edit, self.done = edit, False

    def visit(self, node: ast.AST) -> Any:
        made = None if self.done else self.edit(node)
        if made is None:
            return super().generic_visit(node)
        self.done = True
        return made


def edited(name: str, source: str) -> str:
    """The source after one edit; the test fails if it does not apply."""
    once = Once(EVERY[name])
    after = once.visit(ast.parse(source))
    assert once.done, f"{name} does not apply"
    return ast.unparse(ast.fix_missing_locations(after))


def outcome(source: str, *arguments: Any) -> Any:
    """What the function `f` of a source written here returns."""
    scope: dict[str, Any] = {}
    exec(compile(source, "<example>", "exec"), scope)
    return scope["f"](*arguments)


def test_every_edit_has_an_example_and_a_place_where_it_does_not_apply() -> None:
    assert set(EXAMPLES) == set(INAPPLICABLE) == set(EVERY)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_edit_makes_of_its_example_what_it_says(name: str) -> None:
    before, after = EXAMPLES[name]
    assert edited(name, before) == after


@pytest.mark.parametrize(("name", "source"), [(name, s) for name, many in INAPPLICABLE.items() for s in many])
def test_an_edit_that_does_not_apply_leaves_the_tree_untouched(name: str, source: str) -> None:
    tree = ast.parse(source)
    before = ast.dump(tree)
    assert {EVERY[name](node) for node in list(ast.walk(tree))} == {None}
    assert ast.dump(tree) == before


PROGRAMS = {
    "rename_local": ("def f(xs):\n    low = xs[0]\n    return low", [3, 1]),
    "expand_augmented": ("def f(n):\n    x = 1\n    x *= 3\n    return x + n", 2),
    "swap_comparison": ("def f(n):\n    return [i for i in range(n) if i * i < n]", 10),
    "invert_branch": ("def f(n):\n    if n % 2:\n        return 1\n    else:\n        return 2", 3),
    "name_the_result": ("def f(n):\n    return sum(range(n))", 9),
    "annotate_local": ("def f(n):\n    total = 0\n    return total + n", 4),
    "spell_out_range": ("def f(n):\n    return list(range(n))", 4),
    "merge_if": ("def f(n):\n    if n > 1 and n < 5:\n        return 1\n    return 2", 3),
    "materialise_generator": ("def f(xs):\n    return any(x > 1 for x in xs)", [1, 2]),
    "materialise_loop": ("def f(n):\n    t = 0\n    for i in range(n):\n        t += i\n    return t", 5),
    "copy_before_loop": ("def f(xs):\n    t = 0\n    for x in xs:\n        t += x\n    return t", [1, 2]),
    "set_to_list": ("def f(xs):\n    seen = set(xs)\n    return 3 in seen", [1, 3, 3]),
    "scan_membership": ("def f(xs):\n    return 2 in xs", {2: 1}),
    "append_to_copy": ("def f(x):\n    ys = [1]\n    ys.append(x)\n    return ys", 3),
    "sort_for_extreme": ("def f(xs):\n    return min(xs)", [2, 1]),
    "sort_to_copy": ("def f(xs):\n    xs = list(xs)\n    xs.sort(reverse=True)\n    return xs", [1, 2]),
    "repeat_by_loop": ("def f(n):\n    return [0] * n", 3),
    "drop_cache": (
        "from functools import cache\n@cache\ndef f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)", 9,
    ),
    "queue_by_list": (
        "from collections import deque\ndef f(xs):\n    q = deque(xs)\n    return q.popleft() - q.popleft()",
        [1, 2],
    ),
    "sink_into_loop": (
        "def f(xs):\n    t = 0\n    n = len(xs)\n    for x in xs:\n        t += n\n    return t", [1, 2],
    ),
    "copy_for_length": (
        "def f(xs):\n    i = 0\n    while i < len(xs):\n        i += 2\n    return i", [1, 2, 3],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_edited_program_gives_the_outputs_of_the_program_it_came_from(name: str) -> None:
    source, argument = PROGRAMS[name]
    after = edited(name, source)
    assert after != source
    assert outcome(after, argument) == outcome(source, argument)


MODULES = ("heapq.py", "textwrap.py", "queue.py")


@pytest.mark.parametrize("module", MODULES)
def test_real_modules_compile_after_each_edit(module: str) -> None:
    text = (Path(sysconfig.get_path("stdlib")) / module).read_text(encoding="utf-8")
    made = edits_of(text, efficiency=99, neutral=99, seed="")
    assert len(made) > 4
    for each in made:
        compile(each.after, each.edit, "exec")


SOURCE = PROGRAMS["sink_into_loop"][0]


def test_no_more_edits_of_each_sort_are_made_than_asked() -> None:
    made = edits_of(SOURCE, efficiency=1, neutral=2, seed="s")
    assert [each.neutral for each in made] == [False, True, True]


def test_a_seed_gives_the_same_edits_each_time() -> None:
    assert edits_of(SOURCE, efficiency=2, neutral=2, seed="s") == edits_of(
        SOURCE, efficiency=2, neutral=2, seed="s"
    )


def test_seeds_give_different_edits() -> None:
    drawn = {tuple(e.after for e in edits_of(SOURCE, efficiency=1, neutral=1, seed=str(s))) for s in range(9)}
    assert len(drawn) > 1


def test_both_sides_of_an_edit_are_written_alike_and_differ() -> None:
    made = edits_of("def f( n ):\n    # why\n    return list( range( n ) )", efficiency=0, neutral=9, seed="")
    assert {each.before for each in made} == {"def f(n):\n    return list(range(n))"}
    assert all(each.after != each.before == ast.unparse(ast.parse(each.before)) for each in made)


def test_an_edit_is_named_after_its_function_and_its_sort() -> None:
    for each in edits_of(SOURCE, efficiency=9, neutral=9, seed=""):
        assert (getattr(edits, each.edit) in NEUTRAL) == each.neutral


@pytest.mark.parametrize("text", ["def f(", "x = 1\0", "", "(" * 1000])
def test_a_text_without_code_has_no_edits(text: str) -> None:
    assert edits_of(text, efficiency=9, neutral=9, seed="") == []
