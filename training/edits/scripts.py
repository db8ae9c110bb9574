"""Efficiency edits of scripts: where their names live, how they read and print."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ci_rlm.training.edits.edit import Edit, edit
from ci_rlm.training.edits.follow import called
from ci_rlm.training.edits.syntax import LOOPS, Change, Code, moved
from ci_rlm.training.edits.templates import quote


@edit("cheaper", inverse="main_to_module", weight=2)
def module_to_main(code: Code) -> Iterator[Change]:
    """A script's statements move into `main()`: their names become locals."""
    inside = [each for each in code.tree.body if not isinstance(each, ast.Import | ast.ImportFrom)]
    if not any(isinstance(each, LOOPS) for each in inside) or any(code.of(ast.Global)):
        return
    if any(name.id in ("globals", "locals", "exec", "eval", "__name__") for name in code.of(ast.Name)):
        return
    main = code.pick("main", "solve", "run")
    made = quote("def MAIN():\n    BODY\nMAIN()", MAIN=main, BODY=[moved(each) for each in inside])
    *first, last = inside
    yield Change({last: made, **{each: [] for each in first}})


@edit("costlier", inverse="module_to_main", weight=2)
def main_to_module(code: Code) -> Iterator[Change]:
    """The body of `main()`, called once and last, becomes the script's own statements."""
    for call in code.of(ast.Expr):
        match call:
            case ast.Expr(ast.Call(ast.Name(name), [], [])) if code.parent[call] is code.tree:
                function = next((f for f in code.of(ast.FunctionDef) if f.name == name), None)
                if function is not None and _unwrappable(code, function):
                    yield Change({function: [], call: list(function.body)})


def _unwrappable(code: Code, function: ast.FunctionDef) -> bool:
    inside = [part for part in ast.walk(function) if isinstance(part, ast.Return | ast.Global | ast.Nonlocal)]
    own = [part for part in inside if code.function(part) is function or not isinstance(part, ast.Return)]
    clash = set(code.bound(function)) & set(code.bound(code.tree))
    return (
        code.parent[function] is code.tree
        and not own
        and not clash
        and not function.args.args
        and (len(code.uses(function.name, code.tree)) == 1)
    )


@edit("cheaper", inverse="read_by_input", weight=2)
def read_by_stdin(code: Code) -> Iterator[Change]:
    """`input()` to `sys.stdin.readline()`, without the end of the line where that would be kept."""
    calls = [
        call for call in code.of(ast.Call) if called(call) == "input" and isinstance(call.func, ast.Name)
    ]
    often = len(calls) > 1 or any(code.repeated(call) for call in calls)
    if not often or not code.builtin("input") or any(call.args for call in calls):
        return
    reader = "sys.stdin.readline" if all(_blind(code, call) for call in calls) else _STRIPPED
    read = quote(f"input = {reader}")
    holder = next((code.parent[alias] for alias in code.of(ast.alias) if alias.name == "sys"), None)
    if holder is None:
        yield Change({}, (*quote("import sys"), *read))
    elif isinstance(holder, ast.Import) and code.parent[holder] is code.tree:
        yield Change({holder: [holder, *read]})


_STRIPPED = "lambda: sys.stdin.readline().rstrip('\\n')"


def _blind(code: Code, call: ast.Call) -> bool:
    """Whether what is done with a line read does not see its end."""
    match code.parent[call]:
        case ast.Attribute(_, "split" | "strip" | "rstrip"):
            return True
        case ast.Call(ast.Name("int" | "float")):
            return True
    return False


@edit("costlier", inverse="read_by_stdin", weight=2)
def read_by_input(code: Code) -> Iterator[Change]:
    """`input = sys.stdin.readline` is left out."""
    for statement in code.of(ast.Assign):
        match statement:
            case ast.Assign([ast.Name("input")], ast.Attribute(_, "readline")):
                yield Change({statement: []})
            case ast.Assign([ast.Name("input")], ast.Lambda()):
                yield Change({statement: []})


@edit("cheaper", inverse="print_each_line", weight=2)
def print_once(code: Code) -> Iterator[Change]:
    """`print(x)` in a loop of a script collects lines that are printed at the end."""
    for call in code.of(ast.Expr):
        match call:
            case ast.Expr(ast.Call(ast.Name("print"), [ast.expr() as shown], [])) if code.loops(call):
                loop = code.loops(call)[-1]
                if (
                    isinstance(shown, ast.Starred)
                    or _prints(loop) != 1
                    or code.parent[loop] is not code.function(loop)
                ):
                    continue
                if any(isinstance(part, ast.Return) for part in ast.walk(loop)):
                    continue
                lines = code.pick("lines", "out", "output")
                keep = quote("L.append(str(X))", L=lines, X=shown)
                before, after = quote("L = []", L=lines), quote("print('\\n'.join(L))", L=lines)
                yield Change({call: keep, loop: [*before, loop, *after]})


def _prints(loop: ast.AST) -> int:
    return sum(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == "print"
        for part in ast.walk(loop)
    )


@edit("costlier", inverse="print_once", weight=2)
def print_each_line(code: Code) -> Iterator[Change]:
    """Lines collected and printed at the end are printed one by one."""
    for statement in code.of(ast.Expr):
        match statement:
            case ast.Expr(
                ast.Call(
                    ast.Name("print"), [ast.Call(ast.Attribute(ast.Constant("\n"), "join"), [lines])], []
                )
            ):
                word = code.fresh("line", "each", "row")
                yield Change({statement: quote("for W in X:\n    print(W)", W=word, X=lines)})


EDITS: tuple[Edit, ...] = (
    module_to_main,
    main_to_module,
    read_by_stdin,
    read_by_input,
    print_once,
    print_each_line,
)
