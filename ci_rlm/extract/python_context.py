"""What a unit of Python leans on in its own file: class headers, callees, constants, imports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from ci_rlm.extract.python_tree import Scope, Sheet, Statement, rows
from ci_rlm.flow import Snippet

if TYPE_CHECKING:
    from tree_sitter import Node

CONSTANT_LINES = 20
"""A longer constant is data, and its text says little of a cost."""
SNIPPETS_A_ROLE = 32
"""More than a prompt can hold; keeps a hostile file from a quadratic context."""
_ITSELF = ("self", "cls")
_BINDERS = frozenset(
    {
        ("parameters", None), ("lambda_parameters", None), ("typed_parameter", None),
        ("default_parameter", "name"), ("typed_default_parameter", "name"),
        ("list_splat_pattern", None), ("dictionary_splat_pattern", None),
        ("assignment", "left"), ("named_expression", "name"), ("pattern_list", None),
        ("for_statement", "left"), ("for_in_clause", "left"), ("as_pattern_target", None),
        ("function_definition", "name"), ("class_definition", "name"),
    }
)  # fmt: skip
"""(parent's type, field) of the identifiers that bind a local name instead of using one."""
_LABELS = frozenset({("attribute", "attribute"), ("keyword_argument", "name")})
"""Identifiers that name neither a variable nor anything else this file defines."""


@dataclass(frozen=True, slots=True)
class Import:
    """One name that an import statement binds."""

    target: str
    """What it stands for, dotted: `triton.jit`; leading dots for a relative import."""
    statement: str
    """The statement, cut down to this name."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file defines outside of its functions, by qualified name."""

    callees: dict[str, list[tuple[Node, Snippet]]]
    constants: dict[str, Snippet]
    """The last assignment of each name: the one in force once the file has run."""
    imports: dict[str, Import]


def resolve(dotted: str, imports: dict[str, Import]) -> str:
    """A dotted name with its head replaced by what was imported under it."""
    head, dot, rest = dotted.partition(".")
    bound = imports.get(head)
    return dotted if bound is None else bound.target + dot + rest


def imports_of(statements: Iterable[Statement], sheet: Sheet) -> dict[str, Import]:
    """The names that imports outside of functions bind; the last one wins, as it does at run time."""
    imports: dict[str, Import] = {}
    for statement in statements:
        if not statement.scope.in_function:
            imports.update(_bound_by(statement.core, sheet))
    return imports


def constants_of(statements: Iterable[Statement], sheet: Sheet) -> dict[str, Snippet]:
    """Plain assignments to one name in the module or a class, of at most `CONSTANT_LINES` lines."""
    constants: dict[str, Snippet] = {}
    for statement in statements:
        target = None if statement.scope.in_function else _assigned(statement.core)
        if target is not None and _is_short(statement.core):
            name = statement.scope.qualify(sheet.text(target))
            constants[name] = Snippet("constant", name, sheet.slice(statement.core, statement.core))
    return constants


def context_of(unit: Node, scope: Scope, facts: Facts, sheet: Sheet) -> tuple[Snippet, ...]:
    """Headers from the innermost out, then callees, constants and imports by first mention.

    A function that is mentioned counts as called: `map(parse, rows)` and the read of a
    property run it as surely as `parse(row)` does. Only functions of the same file are
    found, one step deep, and a method only on `self`, `cls` or the name of its class.
    """
    mentions = [_absolute(name, scope) for name in _mentions(unit, sheet)]
    callees = (
        snippet
        for name in mentions
        for node, snippet in facts.callees.get(name, [])
        if not _overlap(node, unit)
    )
    constants = (facts.constants[name] for name in mentions if name in facts.constants)
    imports = (
        Snippet("import", name, facts.imports[name].statement) for name in mentions if name in facts.imports
    )
    found = (_headers(scope, sheet), callees, constants, imports)
    return tuple(snippet for role in found for snippet in islice(role, SNIPPETS_A_ROLE))


def _headers(scope: Scope, sheet: Sheet) -> Iterator[Snippet]:
    """The class or def lines that enclose a unit, with their decorators: `@dataclass` changes a cost."""
    inner: Scope | None = scope
    while inner is not None and inner.node is not None:
        yield Snippet("header", inner.name, _header(inner.node, sheet))
        inner = inner.parent


def _header(outer: Node, sheet: Sheet) -> str:
    core = outer.child_by_field_name("definition") or outer
    colon = next((child for child in core.children if child.type == ":"), core.children[-1])
    return sheet.slice(outer, colon)


def _overlap(one: Node, other: Node) -> bool:
    return one.start_byte < other.end_byte and other.start_byte < one.end_byte


def _absolute(name: str, scope: Scope) -> str:
    """`Store.build` for the `self.build` of a method of `Store`; other names as they are."""
    head, _, attribute = name.partition(".")
    return scope.qualify(attribute) if attribute and head in _ITSELF and scope.is_class else name


def _mentions(unit: Node, sheet: Sheet) -> list[str]:
    """Names, and attributes of names, that a unit uses and does not bind, by first mention."""
    used: dict[str, None] = {}
    bound: set[str] = set()
    for parent, field, node in _preorder(unit):
        if node.type == "attribute":
            used.update(dict.fromkeys(_attribute(node, sheet)))
        elif node.type == "identifier" and (parent, field) in _BINDERS:
            bound.add(sheet.text(node))
        elif node.type == "identifier" and (parent, field) not in _LABELS:
            used[sheet.text(node)] = None
    bound.difference_update(_ITSELF)
    return [name for name in used if name.partition(".")[0] not in bound]


def _attribute(node: Node, sheet: Sheet) -> Iterator[str]:
    value, name = node.child_by_field_name("object"), node.child_by_field_name("attribute")
    if value is not None and name is not None and value.type == "identifier":
        yield f"{sheet.text(value)}.{sheet.text(name)}"


def _preorder(top: Node) -> Iterator[tuple[str, str | None, Node]]:
    """Yield (parent's type, field, node) for all nodes under `top`."""
    cursor = top.walk()
    parents = [""]
    while True:
        node = cursor.node
        if node is None:
            return
        yield parents[-1], cursor.field_name, node
        if cursor.goto_first_child():
            parents.append(node.type)
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            parents.pop()


def _assigned(statement: Node) -> Node | None:
    """The single name that a statement assigns, if that is all it does."""
    if statement.type != "expression_statement" or statement.named_child_count != 1:
        return None
    assignment = statement.named_children[0]
    if assignment.type != "assignment" or assignment.child_by_field_name("right") is None:
        return None
    left = assignment.child_by_field_name("left")
    return left if left is not None and left.type == "identifier" else None


def _is_short(node: Node) -> bool:
    first, last = rows(node)
    return last - first < CONSTANT_LINES


def _bound_by(statement: Node, sheet: Sheet) -> Iterator[tuple[str, Import]]:
    if statement.type == "import_statement":
        for target, alias in _clauses(statement, sheet):
            name = alias or target.partition(".")[0]
            meant = target if alias else name
            yield name, Import(meant, f"import {target} as {alias}" if alias else f"import {target}")
    elif statement.type == "import_from_statement":
        module_node = statement.child_by_field_name("module_name")
        module = "" if module_node is None else sheet.text(module_node)
        for target, alias in _clauses(statement, sheet):
            what = f"{target} as {alias}" if alias else target
            yield alias or target, Import(f"{module}.{target}", f"from {module} import {what}")


def _clauses(statement: Node, sheet: Sheet) -> Iterator[tuple[str, str]]:
    """Yield (dotted name, alias or empty) for each name of an import statement."""
    for clause in statement.children_by_field_name("name"):
        name, alias = clause.child_by_field_name("name"), clause.child_by_field_name("alias")
        if name is not None and alias is not None:
            yield sheet.text(name), sheet.text(alias)
        else:
            yield sheet.text(clause), ""
