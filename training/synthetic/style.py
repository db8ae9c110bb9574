"""Ways of writing that keep a program's answer: loops, comprehensions, branches, idle lines, imports."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Sequence

from ci_rlm.training.synthetic.naming import IMPORTS, Names, Stream

_REDUCERS = frozenset({"sum", "any", "all", "max", "min", "sorted", "set", "join"})
_CHANGERS = frozenset({"append", "pop", "remove", "insert", "extend", "clear", "popleft", "add"})


def varied(body: list[ast.stmt], chance: random.Random) -> list[ast.stmt]:
    """Statements written in another manner, here and there."""
    changed = _Varied(chance).visit(ast.Module(body, []))
    return ast.fix_missing_locations(changed).body  # type: ignore[no-any-return]


class _Varied(ast.NodeTransformer):
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        # One hand writes one program: an author who likes while loops uses them more than once.
        self.likes = {kind: chance.random() ** 3 for kind in ("while", "loop", "long", "swap", "list")}

    def _will(self, kind: str) -> bool:
        return self.chance.random() < self.likes[kind]

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        """`for i in range(n)` as a while loop."""
        self.generic_visit(node)
        match node.target, node.iter:
            case ast.Name(name), ast.Call(ast.Name("range"), [stop], []) if name != "_":
                if _is_steady(stop, node) and not _skips(node) and not node.orelse and self._will("while"):
                    return _as_while(name, stop, node.body)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        """`xs = [f(x) for x in ys]` as a loop."""
        match node:
            case ast.Assign([ast.Name(target)], ast.ListComp(item, [made])) if self._will("loop"):
                if target in {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}:
                    return node
                append = ast.parse(f"{target}.append(0)").body[0]
                append.value.args = [item]  # type: ignore[attr-defined]
                inside: ast.stmt = append
                for test in reversed(made.ifs):
                    inside = ast.If(test, [inside], [])
                start = ast.parse(f"{target} = []").body[0]
                return [start, ast.For(made.target, made.iter, [inside], [])]
        return self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """`x += 1` spelled out."""
        self.generic_visit(node)
        match node:
            case ast.AugAssign(ast.Name(name) as target, operator, ast.Constant(int()) as value):
                if self._will("long"):
                    return ast.Assign([target], ast.BinOp(ast.Name(name, ast.Load()), operator, value))
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        """Branches the other way round."""
        self.generic_visit(node)
        if node.orelse and not isinstance(node.orelse[0], ast.If) and self._will("swap"):
            return ast.If(ast.UnaryOp(ast.Not(), node.test), node.orelse, node.body)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`sum(x for x in xs)` over a list."""
        self.generic_visit(node)
        match node:
            case ast.Call(function, [ast.GeneratorExp(item, made)], _) if self._will("list"):
                name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
                if name in _REDUCERS:
                    node.args = [ast.ListComp(item, made)]
        return node


def _as_while(name: str, stop: ast.expr, body: list[ast.stmt]) -> list[ast.stmt]:
    start, step = ast.parse(f"{name} = 0").body[0], ast.parse(f"{name} += 1").body[0]
    test = ast.Compare(ast.Name(name, ast.Load()), [ast.Lt()], [stop])
    return [start, ast.While(test, [*body, step], [])]


def _is_steady(stop: ast.expr, loop: ast.For) -> bool:
    """Whether a bound is a name, a number or a length that the loop's body leaves alone."""
    match stop:
        case ast.Constant():
            bound = ""
        case ast.Name(bound) | ast.Call(ast.Name("len"), [ast.Name(bound)], []):
            pass
        case _:
            return False
    target = loop.target.id if isinstance(loop.target, ast.Name) else ""
    return not _touched(loop.body) & {bound, target}


def _touched(body: list[ast.stmt]) -> set[str]:
    """Names that statements assign to, or whose object they may lengthen or shorten."""
    found: set[str] = set()
    for statement in body:
        for node in ast.walk(statement):
            match node:
                case ast.Name(name, ast.Store() | ast.Del()):
                    found.add(name)
                case ast.Call(ast.Attribute(ast.Name(name), changer)) if changer in _CHANGERS:
                    found.add(name)
    return found


def _skips(loop: ast.For) -> bool:
    """Whether a loop has a `continue`, or a function that may see its counter later."""
    kinds = (ast.Continue, ast.FunctionDef, ast.Lambda)
    return any(isinstance(node, kinds) for statement in loop.body for node in ast.walk(statement))


def returning(body: list[ast.stmt], result: ast.expr) -> list[ast.stmt]:
    """A body that ends by returning; a value that was named only for that is returned at once."""
    match body[-1:], result:
        case [ast.Assign([ast.Name(name)], value)], ast.Name(told) if name == told:
            return [*body[:-1], ast.Return(value)]
    return [*body, ast.Return(result)]


def distracted(body: list[ast.stmt], given: str, kind: str, names: Names, chance: Stream) -> list[ast.stmt]:
    """A body with a line or two that cost next to nothing, now and then."""
    lines = [
        make(given, kind, names, chance)
        for make in chance.sample(_DISTRACTIONS, len(_DISTRACTIONS))
        if chance.random() < 0.06
    ]
    return [*(statement for line in lines for statement in ast.parse(line).body), *body]


def _guard(name: str, kind: str, names: Names, chance: Stream) -> str:
    if kind in ("tree", "linked"):
        return f"if {name} is None:\n    raise ValueError('empty')"
    test = f"{name} < 0" if kind == "number" else f"len({name}) > 10 ** {chance.randint(6, 9)}"
    return f"if {test}:\n    raise ValueError('{chance.choice(('bad input', 'out of range', 'too large'))}')"


def _check(name: str, kind: str, names: Names, chance: Stream) -> str:
    return f"assert {name} is not None"


def _constant(name: str, kind: str, names: Names, chance: Stream) -> str:
    unused = names.fresh([chance.choice(("debug", "verbose", "limit", "inf", "eps"))], chance)
    return f"{unused} = {chance.choice(('False', '10 ** 9', 'None', '0', '[]', '{}'))}"


def _small_table(name: str, kind: str, names: Names, chance: Stream) -> str:
    table, index = (
        names.fresh([chance.choice(("squares", "powers", "lookup"))], chance),
        names.fresh(["q"], chance),
    )
    return f"{table} = [{index} {chance.choice('*+^')} {index} for {index} in range({chance.randint(3, 20)})]"


def _alias(name: str, kind: str, names: Names, chance: Stream) -> str:
    return f"{names.fresh(['original', 'given', 'arg'], chance)} = {name}"


def _quiet_print(name: str, kind: str, names: Names, chance: Stream) -> str:
    flag = names.fresh(["debug", "verbose", "trace"], chance)
    return f"{flag} = False\nif {flag}:\n    print({name})"


_DISTRACTIONS = (_guard, _check, _constant, _small_table, _alias, _quiet_print)


def imported(body: list[ast.stmt], chance: random.Random) -> list[ast.stmt]:
    """A module with the imports that it uses, in one of the usual manners."""
    used = {node.id for statement in body for node in ast.walk(statement) if isinstance(node, ast.Name)}
    modules = {name for name in used if IMPORTS.get(name) == ""}
    found: dict[str, list[str]] = {}
    for name in sorted(used & IMPORTS.keys() - modules):
        found.setdefault(IMPORTS[name], []).append(name)
    for module in sorted(found):
        if chance.random() < 0.3:
            qualified = _Qualified(module, found.pop(module))
            body = [qualified.visit(statement) for statement in body]
            modules.add(module)
    lines = [f"import {name}" for name in sorted(modules)]
    lines += [f"from {module} import {', '.join(names)}" for module, names in found.items()]
    chance.shuffle(lines)
    return [*(ast.parse("\n".join(lines)).body), *body]


class _Qualified(ast.NodeTransformer):
    """`deque` as `collections.deque`."""

    def __init__(self, module: str, names: Sequence[str]) -> None:
        self.module, self.names = module, frozenset(names)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Qualify a name of the module."""
        if node.id in self.names:
            return ast.Attribute(ast.Name(self.module, ast.Load()), node.id, ast.Load())
        return node


def tidied(text: str) -> str:
    """A text as `ast.unparse` writes it, without the brackets that no person would write.

    It brackets every tuple and a generator that is an only argument: `a, b = (0, 1)` and
    `sum((x for x in xs))`.
    """
    return "\n".join(_tidied_line(line) for line in text.splitlines()) + "\n"


def _tidied_line(line: str) -> str:
    bare = line.strip()
    for opening in [found.end() - 1 for found in re.finditer(r"(?:= |return |\()\(", bare)][::-1]:
        closing = _closing(bare, opening)
        without = f"{bare[:opening]}{bare[opening + 1 : closing]}{bare[closing + 1 :]}"
        if _same(bare, without):
            bare = without
    return line[: len(line) - len(line.lstrip())] + bare


def _closing(text: str, opening: int) -> int:
    """Where the bracket that opens at a place closes; brackets in strings come in pairs or not at all."""
    depth = 0
    for place in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return len(text)


def _same(one: str, other: str) -> bool:
    """Whether two lines are the same statement, or the same head of one."""
    end = " pass" if one.endswith(":") else ""
    try:
        return ast.dump(ast.parse(one + end)) == ast.dump(ast.parse(other + end))
    except SyntaxError:
        return False
