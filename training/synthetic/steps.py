"""The steps of a plan as statements: slots filled, names given, functions and constants set apart."""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Sequence
from dataclasses import dataclass, field

from ci_rlm.training.synthetic import style
from ci_rlm.training.synthetic.grammar import expression
from ci_rlm.training.synthetic.kinds import ANNOTATIONS
from ci_rlm.training.synthetic.naming import BUILTINS, IMPORTS, Kept, Names, Stream
from ci_rlm.training.synthetic.plan import Plan, Step

Extras = dict[tuple[str, str], tuple[str, int]]
"""Literals that became parameters: name and value by (place of the step, slot and key)."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a text has that another text of the same problem is to have as well."""

    extras: Extras
    names: Kept


_SLOT = re.compile(r"\$(\w+)(?:\{([^{}]*)\})?")
_DEFINED = re.compile(r"^(?:def|class) \$(\w+)", re.MULTILINE)
_NAMED_RESULT = re.compile(r"^return \$(\w+)\n\Z", re.MULTILINE)
_RETURN = re.compile(r"^ *return\b", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_]\w*")
_HOLE = "fill_the_hole"
_OUT_ROLES = {
    "int": "total", "counts": "counts", "text": "text", "words": "ws", "grid": "g", "rows": "rows",
    "adj": "graph", "pairs": "pairs",
}  # fmt: skip
_CONSTANTS = ("K", "LIMIT", "SIZE", "STEP", "BASE")
_PARAMETERS = ("k", "limit", "target", "width")


@dataclass(slots=True)
class Scope:
    """A body under way: of a function, or the top level of a script."""

    names: Names
    main: bool = False
    """The main function's, whose parameters can take literals."""
    module: bool = False
    helpers: dict[str, str] = field(default_factory=dict)
    """Functions for holes, by the place of the step inside."""


@dataclass(slots=True)
class Filling:
    """A step being written in a scope."""

    step: Step
    scope: Scope
    names: dict[str, str]
    """By role."""


class StepWriter:
    """Writes steps, and gathers what stands around them.

    Each random choice has a stream of its own, named by the place of the step and the choice. So a
    step that is solved in another way leaves all others as they were.
    """

    def __init__(self, plan: Plan, seed: str, kept: Choices | None) -> None:
        self.plan, self.seed = plan, seed
        self.root = Names(kept=kept.names if kept else None)
        self.fixed = kept is not None
        self.extras: Extras = dict(kept.extras) if kept else {}
        self.functions: list[ast.stmt] = []
        self.hoisted: list[ast.stmt] = []
        self.constants: dict[str, str] = {}
        """Names by value."""
        self.methods = plan.form == "method" and self.chance("form").random() < 0.6
        """Functions of its own are methods."""
        self.typed = self.chance("typed").random() < 0.6
        self.deep = False

    def chance(self, *path: str) -> Stream:
        """The stream of one choice."""
        return Stream("/".join((self.seed, *path)))

    def write(
        self, step: Step, sources: Sequence[str], scope: Scope, out: str = ""
    ) -> tuple[list[ast.stmt], str]:
        """Statements that run a step, and the name of what it gives (`out`, where one is wanted)."""
        role = _OUT_ROLES.get(step.idiom.gives, "out")
        out = out or scope.names.variable(role, self.chance(step.place, "out"))
        if step.separate or _needs_function(step, scope):
            return ast.parse(f"{out} = {self.function(step)}({', '.join(sources)})").body, out
        *body, last = self._body(step, sources, scope, out)
        assert isinstance(last, ast.Return) and last.value is not None
        if isinstance(last.value, ast.Name) and last.value.id == out:
            return body, out
        return [*body, ast.Assign([ast.Name(out, ast.Store())], last.value)], out

    def function(self, step: Step) -> str:
        """Write a function for a step; the expression that names it."""
        name = self.root.function(step.idiom.name, self.chance(step.place, "function"))
        scope = Scope(Names(self.root))
        parameters = {
            scope.names.variable(role, self.chance(step.place, role)): kind for kind, role in step.idiom.takes
        }
        body = self._body(step, list(parameters), scope, "")
        self.functions.append(self.definition(name, parameters, body, step.idiom.gives, method=self.methods))
        return f"self.{name}" if self.methods else name

    def definition(
        self, name: str, parameters: dict[str, str], body: list[ast.stmt], gives: str, *, method: bool
    ) -> ast.FunctionDef:
        """A function from its parameters with their kinds, annotated where the author does that."""
        notes = ANNOTATIONS if self.typed else {}
        fields = [f"{field}: {notes[kind]}" if kind in notes else field for field, kind in parameters.items()]
        head = f"def {name}({', '.join(['self'] * method + fields)})"
        made = ast.parse(f"{head} -> {notes[gives]}: pass" if gives in notes else f"{head}: pass").body[0]
        assert isinstance(made, ast.FunctionDef)
        made.body = body
        return made

    def _body(self, step: Step, sources: Sequence[str], scope: Scope, out: str) -> list[ast.stmt]:
        """A step's statements, the last one its `return`; the hole is filled."""
        way = step.idiom.ways[step.way]
        self.deep |= way.deep
        taken = {role: name for (_, role), name in zip(step.idiom.takes, sources, strict=True)}
        filling = Filling(step, scope, taken)
        for role in _DEFINED.findall(way.body):
            filling.names[role] = self.root.definition(role, self.chance(step.place, role))
        result = _NAMED_RESULT.search(way.body)
        if out and result and result[1] not in filling.names:
            filling.names[result[1]] = out
        text = _SLOT.sub(lambda found: self._filled(found[1], found[2], filling), way.body)
        body = style.varied(ast.parse(text).body, self.chance(step.place, "style"))
        body = self._hoist(body, self.chance(step.place, "hoist"))
        return _Fill(self, step.inner, scope).apply(body) if step.inner else body

    def _filled(self, slot: str, inside: str | None, filling: Filling) -> str:
        """What stands in the place of a slot."""
        if slot == "FN":
            return self._hole_function(filling)
        if inside is None:
            return self._named(slot, filling)
        if slot == "DO":
            value, part = (self._named(role, filling) for role in inside.split())
            return f"{_HOLE}({value}, {part})"
        key, *arguments = inside.split()
        if slot not in ("lit", "op"):
            arguments = [_NAME.sub(lambda name: self._named(name[0], filling), text) for text in arguments]
        made = expression(slot, key, arguments, f"{self.seed}/{filling.step.place}")
        return self._lifted(f"{slot} {key}", made, filling) if slot in ("lit", "mod") else made

    def _named(self, role: str, filling: Filling) -> str:
        if role == "_":
            return "_"
        if role not in filling.names:
            chance = self.chance(filling.step.place, role)
            filling.names[role] = filling.scope.names.variable(role, chance)
        return filling.names[role]

    def _hole_function(self, filling: Filling) -> str:
        inner, known = filling.step.inner, filling.scope.helpers
        assert inner is not None
        if inner.place not in known:
            known[inner.place] = self.function(inner)
        return known[inner.place]

    def _lifted(self, key: str, made: str, filling: Filling) -> str:
        """A literal as it stands, as a constant of the module, or as a parameter of the main function."""
        place, scope = filling.step.place, filling.scope
        if (place, key) in self.extras and scope.main:
            return self.extras[place, key][0]
        chance = self.chance(place, key, "lift")
        draw, is_modulus = chance.random(), key.startswith("mod")
        if draw < (0.4 if is_modulus else 0.1):
            return self._constant(made, "MOD" if is_modulus else chance.choice(_CONSTANTS), chance)
        if draw > 0.85 and not is_modulus and not self.fixed and scope.main:
            name = scope.names.variable(chance.choice(_PARAMETERS), chance)
            self.extras[place, key] = (name, int(made))
            return name
        return made

    def _constant(self, made: str, role: str, chance: Stream) -> str:
        if made not in self.constants:
            self.constants[made] = self.root.fresh([role], chance)
        return self.constants[made]

    def _hoist(self, body: list[ast.stmt], chance: Stream) -> list[ast.stmt]:
        """Definitions that lean on nothing around them may stand at the top of the module."""
        kept: list[ast.stmt] = []
        for statement in body:
            defines = isinstance(statement, ast.FunctionDef | ast.ClassDef)
            if defines and chance.random() < 0.5 and _stands_alone(statement):
                self.hoisted.append(statement)
            else:
                kept.append(statement)
        return kept


class _Fill(ast.NodeTransformer):
    """Puts the inner step in the place of the hole's statement."""

    def __init__(self, writer: StepWriter, inner: Step, scope: Scope) -> None:
        self.writer, self.inner, self.scope = writer, inner, scope

    def apply(self, body: list[ast.stmt]) -> list[ast.stmt]:
        filled: list[ast.stmt] = self.visit(ast.Module(body, [])).body
        return filled

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        match node.value:
            case ast.Call(ast.Name(name), [ast.Name(value), ast.Name(part)]) if name == _HOLE:
                return self.writer.write(self.inner, [part], self.scope, value)[0]
        return node


def _needs_function(step: Step, scope: Scope) -> bool:
    """Whether a way returns early, or needs a function around it for another reason."""
    text = step.idiom.ways[step.way].body
    return len(_RETURN.findall(_outermost(text))) > 1 or (scope.module and "nonlocal" in text)


def _outermost(text: str) -> str:
    """A body without its nested functions and classes, whose returns are their own."""
    kept, inside = [], False
    for line in text.splitlines():
        if not line.startswith(" "):
            inside = line.startswith(("def ", "class "))
        if not inside:
            kept.append(line)
    return "\n".join(kept)


def _stands_alone(definition: ast.stmt) -> bool:
    """Whether a definition uses only itself, builtins and the standard library."""
    if any(isinstance(node, ast.Nonlocal) for node in ast.walk(definition)):
        return False
    table = symtable.symtable(ast.unparse(definition), "<definition>", "exec")
    used = {symbol.get_name() for symbol in table.get_symbols()}.union(*map(_outer, table.get_children()))
    return used <= {getattr(definition, "name", "")} | IMPORTS.keys() | BUILTINS


def _outer(table: symtable.SymbolTable) -> set[str]:
    """Names that a scope, or one inside it, takes from the module."""
    found = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return found.union(*map(_outer, table.get_children()))
