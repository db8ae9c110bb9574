"""A plan as the text of a program: a function, a method, or a script that reads standard input."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ci_rlm.training.synthetic import style
from ci_rlm.training.synthetic.naming import Names, Stream
from ci_rlm.training.synthetic.plan import Plan
from ci_rlm.training.synthetic.steps import Choices, Scope, StepWriter

_ROLES = {
    "ints": "xs", "sorted": "xs", "text": "s", "words": "ws", "number": "n", "grid": "g", "rows": "rs",
    "edges": "es", "adj": "graph", "pairs": "ps", "tree": "root", "linked": "head", "counts": "table",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """A program's text and how to call it."""

    text: str
    entry: str | None
    """Expression of the callable; None for a script."""
    choices: Choices


def write(plan: Plan, version: str, kept: Choices | None = None) -> Written:
    """The text of a plan. What is `kept` of another text: its signature, and its names where they fit."""
    writer = StepWriter(plan, f"{version}/{plan.seed}", kept)
    callable_form = plan.form in ("function", "method")
    scope = Scope(Names(writer.root), main=callable_form, module=plan.form == "script")
    for name, _ in writer.extras.values():
        scope.names.take(name)
    inputs = [_input_name(scope, place, kind, writer) for place, kind in enumerate(plan.inputs)]
    body, result = _steps(writer, scope, inputs)
    made, entry = _FORMS[plan.form](writer, scope, inputs, body, result)
    return Written(_text(writer, made), entry, Choices(writer.extras, writer.root.given))


def _input_name(scope: Scope, place: int, kind: str, writer: StepWriter) -> str:
    role = "ys" if place and _ROLES[kind] == "xs" else _ROLES[kind]
    return scope.names.variable(role, writer.chance("input", str(place)))


def _steps(writer: StepWriter, scope: Scope, inputs: Sequence[str]) -> tuple[list[ast.stmt], ast.expr]:
    """All steps one after the other, and what the program gives: all that none of them took."""
    plan, values = writer.plan, list(inputs)
    body: list[ast.stmt] = []
    for step in plan.steps:
        statements, name = writer.write(step, [values[source] for source in step.sources], scope)
        body += statements
        values.append(name)
    if plan.idle:
        writer.function(plan.idle)
    body = style.distracted(body, inputs[0], plan.inputs[0], scope.names, writer.chance("distract"))
    return body, _result(
        [(values[value], plan.kind(value)) for value in plan.unused()], writer.chance("result")
    )


def _result(values: Sequence[tuple[str, str]], chance: Stream) -> ast.expr:
    texts = [_told(name, kind, chance) for name, kind in values]
    summed = all(kind == "int" for _, kind in values) and chance.random() < 0.5
    return ast.parse((" + " if summed else ", ").join(texts), mode="eval").body


def _told(name: str, kind: str, chance: Stream) -> str:
    """How a value is given; a dict as sorted items, since its order may differ from way to way."""
    draw = chance.random()
    if kind == "counts":
        return f"sorted({name}.items())" if draw < 0.6 else f"len({name})"
    if kind in ("ints", "sorted"):
        return f"sum({name})" if draw < 0.2 else f"len({name})" if draw < 0.26 else name
    return f"len({name})" if kind != "int" and draw < 0.3 else name


def _function(
    writer: StepWriter, scope: Scope, inputs: Sequence[str], body: list[ast.stmt], result: ast.expr
) -> tuple[list[ast.stmt], str | None]:
    main, helpers = _main(writer, inputs, body, result), writer.functions
    above = writer.chance("order").random() < 0.8
    return [*helpers, main] if above else [main, *helpers], main.name


def _method(
    writer: StepWriter, scope: Scope, inputs: Sequence[str], body: list[ast.stmt], result: ast.expr
) -> tuple[list[ast.stmt], str | None]:
    main, helpers = _main(writer, inputs, body, result), writer.functions
    solution = ast.parse("class Solution: pass").body[0]
    assert isinstance(solution, ast.ClassDef)
    solution.body = [*helpers, main] if writer.methods else [main]
    return [solution] if writer.methods else [*helpers, solution], f"Solution().{main.name}"


def _main(
    writer: StepWriter, inputs: Sequence[str], body: list[ast.stmt], result: ast.expr
) -> ast.FunctionDef:
    plan = writer.plan
    name = writer.root.function(plan.steps[-1].idiom.name, writer.chance("main"))
    parameters = dict(zip(inputs, plan.inputs, strict=True))
    parameters |= {name: "int" for name, _ in writer.extras.values()}
    kinds = [plan.kind(value) for value in plan.unused()]
    gives = kinds[0] if len(kinds) == 1 and isinstance(result, ast.Name) else ""
    whole = style.returning(body, result)
    return writer.definition(name, parameters, whole, gives, method=plan.form == "method")


def _script(
    writer: StepWriter, scope: Scope, inputs: Sequence[str], body: list[ast.stmt], result: ast.expr
) -> tuple[list[ast.stmt], str | None]:
    return [*writer.functions, *_reading_and_printing(writer, scope, inputs, body, result)], None


def _script_with_main(
    writer: StepWriter, scope: Scope, inputs: Sequence[str], body: list[ast.stmt], result: ast.expr
) -> tuple[list[ast.stmt], str | None]:
    chance = writer.chance("main")
    name = writer.root.fresh(["main", "run_main"], chance)
    whole = _reading_and_printing(writer, scope, inputs, body, result)
    call = f"if __name__ == '__main__':\n    {name}()" if chance.random() < 0.5 else f"{name}()"
    main = writer.definition(name, {}, whole, "", method=False)
    return [*writer.functions, main, *ast.parse(call).body], None


def _reading_and_printing(
    writer: StepWriter, scope: Scope, inputs: Sequence[str], body: list[ast.stmt], result: ast.expr
) -> list[ast.stmt]:
    chance = writer.chance("read")
    count = scope.names.variable("n", chance)
    reads = [
        _reading(name, kind, count, chance) for name, kind in zip(inputs, writer.plan.inputs, strict=True)
    ]
    shown = "*" * isinstance(result, ast.Tuple) + ast.unparse(result)
    return [*ast.parse("\n".join(reads)).body, *body, *ast.parse(f"print({shown})").body]


def _reading(name: str, kind: str, count: str, chance: Stream) -> str:
    """Statements that read an input as it is written: a line with a count, then the elements."""
    if kind in ("ints", "sorted"):
        numbers = ("map(int, input().split())", "(int(word) for word in sys.stdin.readline().split())")
        return f"{count} = int(input())\n{name} = list({chance.choice(numbers)})"
    if kind == "words":
        return f"{count} = int(input())\n{name} = input().split()"
    row = f"{'tuple' if kind == 'pairs' else 'list'}(map(int, input().split()))"
    if chance.random() < 0.5:
        return f"{count} = int(input())\n{name} = [{row} for _ in range({count})]"
    return f"{name} = []\nfor _ in range(int(input())):\n    {name}.append({row})"


_FORMS = {"function": _function, "method": _method, "script": _script, "main": _script_with_main}


def _text(writer: StepWriter, made: Sequence[ast.stmt]) -> str:
    """A module with what its statements turned out to need above them."""
    above = list(_above(writer))
    body = style.imported([*above, *writer.hoisted, *made], writer.chance("imports"))
    return style.tidied(ast.unparse(ast.fix_missing_locations(ast.Module(body, []))))


def _above(writer: StepWriter) -> Iterator[ast.stmt]:
    if writer.deep:
        yield from ast.parse("sys.setrecursionlimit(20000)").body
    for value, name in writer.constants.items():
        yield from ast.parse(f"{name} = {value}").body
