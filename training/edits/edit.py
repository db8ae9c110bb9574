"""What an edit is, and how edits are declared: by a function that finds sites, or by two templates."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from ci_rlm.training.edits.syntax import LIBRARY, Change, Code
from ci_rlm.training.edits.templates import NEW_NAMES, match, match_all, parsed, quote, quoted

Finder = Callable[[Code], Iterator[Change]]
Direction = Literal["costlier", "cheaper", "neutral"]
Where = Callable[[Code, ast.AST, dict[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Edit:
    """One kind of edit."""

    name: str
    direction: Direction
    """What it is meant to do to the cost; what it does is measured."""
    summary: str
    find: Finder
    """Every place of a program where it applies, as a change."""
    inverse: str = ""
    """The kind that undoes it where the two forms can be told apart, or nothing."""
    weight: float = 1.0
    """How much more often than others it is drawn."""

    @property
    def neutral(self) -> bool:
        """Whether it is meant to leave the cost as it is."""
        return self.direction == "neutral"


def edit(direction: Direction, *, inverse: str = "", weight: float = 1.0) -> Callable[[Finder], Edit]:
    """Declare an edit by the function that finds its sites; its docstring is the summary."""

    def declare(find: Finder) -> Edit:
        name = getattr(find, "__name__")  # noqa: B009 - a Finder is any callable to the type checker
        summary = (find.__doc__ or "").strip().partition("\n")[0]
        return Edit(name, direction, summary, find, inverse, weight)

    return declare


def anywhere(code: Code, node: ast.AST, found: dict[str, Any]) -> bool:
    """No further condition."""
    return True


@dataclass(frozen=True, slots=True)
class Form:
    """A template that takes another's place."""

    before: str
    after: str
    where: Where = anywhere


def rewrite(name: str, direction: Direction, *forms: Form, inverse: str = "", weight: float = 1.0) -> Edit:
    """An edit by templates; see `syntax.match` for their holes."""
    summary = f"`{forms[0].before}` to `{forms[0].after}`".replace(":\n    ", ": ").replace("\n", "; ")
    return Edit(name, direction, summary, partial(_rewritten, forms), inverse, weight)


def both_ways(
    dearer: str,
    cheaper: str,
    *forms: tuple[str, str] | tuple[str, str, Where],
    neutral: bool = False,
    weight: float = 1.0,
) -> tuple[Edit, Edit]:
    """Two edits, each the other's inverse, of forms written cheap first."""
    there = [Form(form[0], form[1], *form[2:]) for form in forms]
    back = [Form(form[1], form[0], *form[2:]) for form in forms]
    return (
        rewrite(dearer, "neutral" if neutral else "costlier", *there, inverse=cheaper, weight=weight),
        rewrite(cheaper, "neutral" if neutral else "cheaper", *back, inverse=dearer, weight=weight),
    )


def _rewritten(forms: tuple[Form, ...], code: Code) -> Iterator[Change]:
    for form in forms:
        yield from form_sites(code, form)


def form_sites(code: Code, form: Form) -> Iterator[Change]:
    """The places of a program that have a form's template."""
    pattern = parsed(form.before)
    first = pattern[0]
    if len(pattern) == 1 and isinstance(first, ast.Expr) and not _whole(first):
        yield from _expression_sites(code, first.value, form)
    else:
        yield from _statement_sites(code, pattern, form)


def _whole(statement: ast.Expr) -> bool:
    """Whether a template of one expression stands for a statement: calls for their effect do."""
    match statement.value:
        case ast.Call(ast.Attribute(_, name)):
            return name in _EFFECTS
        case ast.Call(ast.Name(name)):
            return name in _EFFECTS
    return False


_EFFECTS = frozenset(
    [
        "append",
        "extend",
        "sort",
        "reverse",
        "update",
        "add",
        "insert",
        "pop",
        "heappush",
        "heapify",
        "insort",
        "print",
    ]
)


def _expression_sites(code: Code, pattern: ast.expr, form: Form) -> Iterator[Change]:
    for node in code.of(type(pattern)):
        if not isinstance(getattr(node, "ctx", None), ast.Load | None):
            continue
        found: dict[str, Any] = {}
        if match(code, pattern, node, found) and form.where(code, node, found):
            holes, top = _holes(code, form.after, found)
            yield Change({node: quoted(form.after, **holes)}, top)


def _statement_sites(code: Code, pattern: tuple[ast.stmt, ...], form: Form) -> Iterator[Change]:
    for node in code.of(type(pattern[0])):
        place = code.place[node][2]
        run = code.block(node)[place:]
        # A block hole inside the last statement ends there; at the top level a run has a fixed length.
        run = run[: len(pattern)]
        found: dict[str, Any] = {}
        if match_all(code, list(pattern), run, found) and form.where(code, node, found):
            holes, top = _holes(code, form.after, found)
            yield Change({node: quote(form.after, **holes), **{rest: [] for rest in run[1:]}}, top)


def _holes(code: Code, template: str, found: dict[str, Any]) -> tuple[dict[str, Any], tuple[ast.stmt, ...]]:
    holes, top = dict(found), tuple[ast.stmt, ...]()
    for name in _library_names(template):
        holes[name], needed = code.library(name)
        top += needed
    for word, wanted in NEW_NAMES.items():
        if word not in holes:
            holes[word] = code.fresh(*wanted)
    return holes, top


def _library_names(template: str) -> list[str]:
    names = {node.id for each in parsed(template) for node in ast.walk(each) if isinstance(node, ast.Name)}
    return sorted(names & LIBRARY.keys())
