"""Edits such as a pull request makes, each with what it should do to the cost.

Efficiency edits are written in the direction that costs more; a pair is used both ways, so
each stands for its inverse too. Neutral edits keep behaviour and cost. None is trusted: an
edited program counts only if it gives the answers of the program it came from, and its cost
is measured, not assumed.

Both sides of a pair are written by `ast.unparse`, so they differ by the edit alone.
"""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Edit = Callable[[ast.AST], ast.AST | None]
"""What takes the place of a node, or None, the node untouched, where the edit does not apply."""

_REDUCERS = frozenset({"sum", "any", "all", "min", "max", "sorted", "set", "tuple", "join"})
_SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Edited:
    """A program before and after one edit."""

    edit: str
    neutral: bool
    before: str
    after: str


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _called(node: ast.AST) -> str:
    """The bare name of what a call calls, or nothing."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def materialise_generator(node: ast.AST) -> ast.AST | None:
    """`sum(x for x in xs)` to `sum([x for x in xs])`."""
    if isinstance(node, ast.Call) and _called(node) in _REDUCERS and len(node.args) == 1:
        (only,) = node.args
        if isinstance(only, ast.GeneratorExp):
            node.args = [ast.ListComp(only.elt, only.generators)]
            return node
    return None


def materialise_loop(node: ast.AST) -> ast.AST | None:
    """`for x in xs` to `for x in list(xs)`: ranges, enumerations, zips and containers."""
    if isinstance(node, ast.For) and _called(node.iter) not in ("list", "sorted"):
        node.iter = _call("list", node.iter)
        return node
    return None


def copy_before_loop(node: ast.AST) -> ast.AST | None:
    """`for x in xs` to `for x in xs[:]`."""
    if isinstance(node, ast.For) and isinstance(node.iter, ast.Name):
        node.iter = ast.Subscript(node.iter, ast.Slice(), ast.Load())
        return node
    return None


def set_to_list(node: ast.AST) -> ast.AST | None:
    """`set(xs)` to `list(xs)`, so that membership becomes a scan."""
    if isinstance(node, ast.Call) and _called(node) == "set" and node.args:
        node.func = ast.Name("list", ast.Load())
        return node
    return None


def scan_membership(node: ast.AST) -> ast.AST | None:
    """`x in seen` to `x in list(seen)`."""
    match node:
        case ast.Compare(_, [ast.In() | ast.NotIn()], [ast.Name() | ast.Attribute() as container]):
            node.comparators = [_call("list", container)]
            return node
    return None


def append_to_copy(node: ast.AST) -> ast.AST | None:
    """`xs.append(x)` to `xs = xs + [x]`, quadratic in a loop."""
    match node:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name() as name, "append"), [item], [])):
            target = ast.Name(name.id, ast.Store())
            return ast.Assign([target], ast.BinOp(name, ast.Add(), ast.List([item], ast.Load())))
    return None


def sort_for_extreme(node: ast.AST) -> ast.AST | None:
    """`min(xs)` to `sorted(xs)[0]` and `max(xs)` to `sorted(xs)[-1]`."""
    match node:
        case ast.Call(ast.Name("min" | "max" as name), [ast.expr() as only], []):
            if isinstance(only, ast.GeneratorExp | ast.Starred):
                return None
            index = ast.Constant(0) if name == "min" else ast.UnaryOp(ast.USub(), ast.Constant(1))
            return ast.Subscript(_call("sorted", only), index, ast.Load())
    return None


def sort_to_copy(node: ast.AST) -> ast.AST | None:
    """`xs.sort()` to `xs = sorted(xs)`."""
    match node:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name() as name, "sort"), [], keywords)):
            call = _call("sorted", name)
            call.keywords = keywords
            return ast.Assign([ast.Name(name.id, ast.Store())], call)
    return None


def repeat_by_loop(node: ast.AST) -> ast.AST | None:
    """`[0] * n` to `[0 for _ in range(n)]`."""
    match node:
        case ast.BinOp(ast.List([ast.Constant() as item]), ast.Mult(), ast.expr() as count):
            loop = ast.comprehension(ast.Name("_", ast.Store()), _call("range", count), [], 0)
            return ast.ListComp(item, [loop])
    return None


def drop_cache(node: ast.AST) -> ast.AST | None:
    """A memoised function loses its `cache` or `lru_cache`."""
    if isinstance(node, ast.FunctionDef):
        kept = [mark for mark in node.decorator_list if _mark(mark) not in ("cache", "lru_cache")]
        if len(kept) < len(node.decorator_list):
            node.decorator_list = kept
            return node
    return None


def _mark(decorator: ast.expr) -> str:
    plain = decorator.func if isinstance(decorator, ast.Call) else decorator
    return plain.id if isinstance(plain, ast.Name) else getattr(plain, "attr", "")


def queue_by_list(node: ast.AST) -> ast.AST | None:
    """`q.popleft()` to `q.pop(0)`, everywhere, with `deque(...)` a list."""
    if not isinstance(node, ast.Module) or "popleft" not in (text := ast.unparse(node)):
        return None
    changed = text.replace(".popleft()", ".pop(0)").replace("collections.deque(", "list(")
    return ast.parse(changed.replace("deque(", "list("))


def sink_into_loop(node: ast.AST) -> ast.AST | None:
    """An assignment just before a loop is computed in each round instead."""
    for body in _bodies(node):
        for index in range(len(body) - 1):
            match body[index], body[index + 1]:
                case ast.Assign() as first, (ast.For() | ast.While()) as loop if _calls(first.value):
                    loop.body.insert(0, first)
                    del body[index]
                    return node
    return None


def _calls(value: ast.expr) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(value))


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    body = getattr(node, "body", None)
    if isinstance(body, list):
        yield body


def copy_for_length(node: ast.AST) -> ast.AST | None:
    """`len(xs)` in a condition to `len(list(xs))`."""
    if isinstance(node, ast.While | ast.If):
        for part in ast.walk(node.test):
            match part:
                case ast.Call(args=[ast.Name() as first, *_]) if _called(part) == "len":
                    part.args[0] = _call("list", first)
                    return node
    return None


def rename_local(node: ast.AST) -> ast.AST | None:
    """A local name takes another one throughout a function."""
    if not isinstance(node, ast.FunctionDef):
        return None
    stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    declared = {name for n in ast.walk(node) if isinstance(n, ast.Global | ast.Nonlocal) for name in n.names}
    names = sorted(stored - declared)
    if not names:
        return None
    chosen = names[len(names) // 2]
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id == chosen:
            part.id = f"{chosen}_value"
    return node


def expand_augmented(node: ast.AST) -> ast.AST | None:
    """`x += 1` to `x = x + 1`, for numbers."""
    match node:
        case ast.AugAssign(ast.Name() as name, op, ast.Constant(int()) as value):
            return ast.Assign([name], ast.BinOp(ast.Name(name.id, ast.Load()), op, value))
    return None


def swap_comparison(node: ast.AST) -> ast.AST | None:
    """`a < b` to `b > a`."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _SWAPPED:
        flipped = _SWAPPED[type(node.ops[0])]()
        return ast.Compare(node.comparators[0], [flipped], [node.left])
    return None


def invert_branch(node: ast.AST) -> ast.AST | None:
    """`if c: a else: b` to `if not c: b else: a`."""
    if isinstance(node, ast.If) and node.orelse and not isinstance(node.orelse[0], ast.If):
        return ast.If(ast.UnaryOp(ast.Not(), node.test), node.orelse, node.body)
    return None


def name_the_result(node: ast.AST) -> ast.AST | None:
    """`return f(x)` to `result = f(x)` and `return result`."""
    for body in _bodies(node):
        if body and isinstance(last := body[-1], ast.Return) and isinstance(last.value, ast.Call | ast.BinOp):
            body[-1:] = [
                ast.Assign([ast.Name("result", ast.Store())], last.value),
                ast.Return(ast.Name("result", ast.Load())),
            ]
            return node
    return None


def annotate_local(node: ast.AST) -> ast.AST | None:
    """`x = 0` to `x: int = 0`, inside a function."""
    match node:
        case ast.Assign([ast.Name() as name], ast.Constant(int() as value)) if type(value) is int:
            return ast.AnnAssign(name, ast.Name("int", ast.Load()), ast.Constant(value), 1)
    return None


def spell_out_range(node: ast.AST) -> ast.AST | None:
    """`range(n)` to `range(0, n)`."""
    if isinstance(node, ast.Call) and _called(node) == "range" and len(node.args) == 1:
        node.args.insert(0, ast.Constant(0))
        return node
    return None


def merge_if(node: ast.AST) -> ast.AST | None:
    """`if a and b:` to `if a:` around `if b:`."""
    match node:
        case ast.If(ast.BoolOp(ast.And(), [first, second]), body, []):
            return ast.If(first, [ast.If(second, body, [])], [])
    return None


EFFICIENCY: tuple[Edit, ...] = (
    materialise_generator, materialise_loop, copy_before_loop, set_to_list, scan_membership, append_to_copy,
    sort_for_extreme, sort_to_copy, repeat_by_loop, drop_cache, queue_by_list, sink_into_loop,
    copy_for_length,
)  # fmt: skip
NEUTRAL: tuple[Edit, ...] = (
    rename_local, expand_augmented, swap_comparison, invert_branch, name_the_result, annotate_local,
    spell_out_range, merge_if,
)  # fmt: skip


def edits_of(text: str, *, efficiency: int, neutral: int, seed: str) -> list[Edited]:
    """At most so many edits of each sort, drawn from those that apply; the same for a seed."""
    try:
        tree = ast.parse(text)
        before = ast.unparse(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    chance = random.Random(seed)
    found: list[Edited] = []
    for library, wanted in ((EFFICIENCY, efficiency), (NEUTRAL, neutral)):
        names = chance.sample(library, len(library))
        made = (_edited(edit, tree, before, library is NEUTRAL, chance) for edit in names)
        found += [edited for edited in made if edited is not None][:wanted]
    return found


def _edited(edit: Edit, tree: ast.Module, before: str, neutral: bool, chance: random.Random) -> Edited | None:
    changing = copy.deepcopy(tree)
    nodes = list(ast.walk(changing))
    for target in chance.sample(nodes, len(nodes)):
        made = edit(target)
        if made is not None:
            changed = made if target is changing else _Replace(target, made).visit(changing)
            after = ast.unparse(ast.fix_missing_locations(changed))
            return Edited(edit.__name__, neutral, before, after) if after != before else None
    return None


class _Replace(ast.NodeTransformer):
    """Put one node in the place of another."""

    def __init__(self, target: ast.AST, made: ast.AST) -> None:
        self.target, self.made = target, made

    def visit(self, node: ast.AST) -> ast.AST:
        return self.made if node is self.target else super().generic_visit(node)
