"""Python text to its units: functions, methods and Triton kernels.

A unit is an outermost function or a method. What is defined inside a function is part of
it: a closure runs on its enclosing function's variables, so only the whole has a cost to
predict, and one edit is reported once. The exception is a Triton kernel, which is a unit
wherever it stands, since it is another kind of code with metrics of its own. Code outside
of functions is no unit; its constants and imports reach the units as context.
`typing.overload` stubs never run and are left out, and so is a definition that another of its name
replaces.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ci_rlm.extract.canonical import DEFINITIONS
from ci_rlm.extract.outline import Broken, Outline, unnumbered
from ci_rlm.extract.python_context import Facts, Import, constants_of, context_of, imports_of, resolve
from ci_rlm.extract.python_tree import (
    Scope,
    Sheet,
    Statement,
    is_compound,
    line_of_error,
    name_of,
    names_read,
    parse,
    span_of,
    statements,
)
from ci_rlm.flow import Kind, Snippet, Unit

if TYPE_CHECKING:
    from tree_sitter import Node

_KERNEL_DECORATORS = frozenset({"triton.jit", "triton.runtime.jit", "triton.runtime.jit.jit"})
_OVERLOADS = frozenset({"typing.overload", "typing_extensions.overload"})


@dataclass(frozen=True, slots=True)
class _Definition:
    """A function that is a unit of its own."""

    name: str
    """Qualified, and distinct in its file."""
    kind: Kind
    statement: Statement
    fault: int
    """The line that keeps it from being a unit; 0 if none does."""


def outline(path: PurePosixPath, text: str) -> Outline | None:
    """The outline of a text whose lines end with a newline alone, or None if it took too long to parse."""
    source = text.encode()
    root = parse(source)
    if root is None:
        return None
    sheet = Sheet.of(text, source, root)
    found = tuple(statements(root, sheet))
    imports = imports_of(found, sheet)
    definitions = tuple(_definitions(found, imports, sheet))
    good = {definition.name: definition for definition in definitions if not definition.fault}
    facts = Facts(_callees(good.values(), sheet), constants_of(found, sheet), imports)

    def context(unit: Unit) -> tuple[Snippet, ...]:
        statement = good[unit.name].statement
        return context_of(statement.outer, statement.scope, facts, sheet)

    units = tuple(_unit(path, definition, sheet) for definition in good.values())
    return Outline(units, tuple(_broken(found, definitions, sheet)), context)


def _definitions(
    found: Iterable[Statement], imports: dict[str, Import], sheet: Sheet
) -> Iterator[_Definition]:
    """The functions that are units; the second of one name is called `name#2`, and so on."""
    seen: Counter[str] = Counter()
    found = tuple(found)
    replaced = _replaced(found, sheet)
    for statement in found:
        if statement.core.type != "function_definition" or _is_within(statement, replaced):
            continue
        decorators = {resolve(name, imports) for name in _decorators(statement.outer, sheet)}
        kind = Kind.FUNCTION if decorators.isdisjoint(_KERNEL_DECORATORS) else Kind.TRITON_KERNEL
        inner = statement.scope.in_function and kind is Kind.FUNCTION
        if inner or not decorators.isdisjoint(_OVERLOADS):
            continue
        name = statement.scope.qualify(name_of(statement.core, sheet))
        seen[name] += 1
        distinct = name if seen[name] == 1 else f"{name}#{seen[name]}"
        yield _Definition(distinct, kind, statement, _fault(statement, sheet))


def _replaced(found: Sequence[Statement], sheet: Sheet) -> frozenset[int]:
    """The ids of definitions that another of the same name in the same block replaces before they are read.

    They never run under their name, so it is the last one that a version before is compared with. A
    decorator or a base class may keep what it is given. Not known of definitions inside functions, and
    not where the file does not parse.
    """
    last: dict[tuple[int, str], Node] = {}
    pairs: list[tuple[str, Node, Node]] = []
    for statement in found:
        if statement.core.type in DEFINITIONS and not statement.scope.in_function:
            name = name_of(statement.core, sheet)
            earlier = last.get((statement.block.id, name))
            if earlier is not None and earlier.child_by_field_name("superclasses") is None:
                pairs.append((name, earlier, statement.outer))
            if statement.outer is statement.core:
                last[statement.block.id, name] = statement.outer
            else:
                last.pop((statement.block.id, name), None)
    if not pairs or sheet.first_error:
        return frozenset()
    reads = names_read(found[0].outer, sheet)
    return frozenset(
        earlier.id
        for name, earlier, later in pairs
        if not _any_between(reads.get(name, ()), earlier.end_byte, later.end_byte)
    )


def _any_between(places: Sequence[int], first: int, last: int) -> bool:
    at = bisect_left(places, first)
    return at < len(places) and places[at] < last


def _is_within(statement: Statement, replaced: frozenset[int]) -> bool:
    if not replaced:
        return False
    scope: Scope | None = statement.scope
    inside = statement.outer.id in replaced
    while not inside and scope is not None and scope.node is not None:
        inside, scope = scope.node.id in replaced, scope.parent
    return inside


def _decorators(outer: Node, sheet: Sheet) -> Iterator[str]:
    """The dotted names of a definition's decorators, calls cut off: `triton.jit`."""
    for decorator in outer.children:
        expression = decorator.named_child(0) if decorator.type == "decorator" else None
        while expression is not None and expression.type == "call":
            expression = expression.child_by_field_name("function")
        if expression is not None:
            yield sheet.text(expression)


def _fault(statement: Statement, sheet: Sheet) -> int:
    outer = statement.outer
    if outer.has_error:
        return line_of_error(outer)
    if not (sheet.opens_line(outer) and sheet.is_aligned(outer) and sheet.has_body(statement.core)):
        return statement.core.start_point.row + 1
    if not sheet.first_error:
        return 0
    return sheet.first_error if sheet.adrift(statement) else sheet.spill(outer)


def _callees(definitions: Iterable[_Definition], sheet: Sheet) -> dict[str, list[tuple[Node, Snippet]]]:
    callees: dict[str, list[tuple[Node, Snippet]]] = defaultdict(list)
    for definition in definitions:
        outer = definition.statement.outer
        name = unnumbered(definition.name)
        callees[name].append((outer, Snippet("callee", definition.name, sheet.cut(outer))))
    return callees


def _unit(path: PurePosixPath, definition: _Definition, sheet: Sheet) -> Unit:
    outer = definition.statement.outer
    return Unit(path, definition.name, definition.kind, "python", span_of(outer), sheet.cut(outer))


def _broken(found: Iterable[Statement], definitions: Iterable[_Definition], sheet: Sheet) -> Iterator[Broken]:
    for definition in definitions:
        if definition.fault:
            name = "" if sheet.adrift(definition.statement) else definition.name
            yield Broken(name, definition.fault, sheet.cut(definition.statement.outer))
    for statement in found:
        if _is_loose_error(statement):
            yield Broken("", line_of_error(statement.core), sheet.cut(statement.core))


def _is_loose_error(statement: Statement) -> bool:
    """A syntax error outside of functions, seen at the statement that it spoils."""
    core = statement.core
    whole = core.is_error or core.is_missing or not is_compound(core)
    return whole and (core.has_error or core.is_missing) and not statement.scope.in_function
