"""Values written as small Python expressions, `[i % 7 for i in range(1000)]`, read without running Python.

Stress inputs of public data sets are such expressions. They come from outside, so they are
walked, with limits on what they may build, and never compiled.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

MOST = 20_000
"""Elements that one evaluation may build, and steps that it may take, together."""

_DIGITS = 4096
"""Bits of one number at most."""

_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Mod: operator.mod,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_CALLS: dict[str, Callable[..., Any]] = {
    "range": range, "list": list, "tuple": tuple, "set": set, "dict": dict, "str": str, "int": int,
    "float": float, "chr": chr, "ord": ord, "len": len, "sorted": sorted, "round": round, "abs": abs,
    "reversed": reversed, "sum": sum, "min": min, "max": max, "zip": zip, "enumerate": enumerate,
}  # fmt: skip
_METHODS = {"join", "lower", "upper"}


def evaluate(text: str) -> Any:
    """The value of an expression; ValueError if it holds anything but plain values, or too many."""
    try:
        value = _Walker().value(ast.parse(text.strip(), mode="eval").body, {})
    except (SyntaxError, TypeError, ArithmeticError, RecursionError, MemoryError, LookupError) as problem:
        raise ValueError(f"not a plain value: {text[:60]!r} ({problem})") from problem
    value = _finished(value)
    _weight(value)
    return value


def _finished(value: Any) -> Any:
    """Nothing that a literal cannot hold: generators and ranges become lists."""
    if isinstance(value, range | zip | enumerate | Iterator):
        return list(value)
    return value


class _Walker:
    """Evaluates nodes and counts the steps."""

    def __init__(self) -> None:
        self.steps = 0

    def value(self, node: ast.AST, names: Mapping[str, Any]) -> Any:
        read = _NODES.get(type(node))
        if read is None:
            raise ValueError(f"{type(node).__name__} is not a plain value")
        value = _limited(read(self, node, names))
        self.steps += len(value) if isinstance(value, str | list | tuple | set | dict) else 1
        if self.steps > MOST:
            raise ValueError(f"more than {MOST} elements and steps")
        return value

    def loop(self, node: Any, names: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Names for each turn of a comprehension, its loops nested."""
        scopes: Iterator[dict[str, Any]] = iter([dict(names)])
        for generator in node.generators:
            scopes = self._turns(generator, scopes)
        return scopes

    def _turns(
        self, generator: ast.comprehension, scopes: Iterator[dict[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        for scope in scopes:
            for item in self.value(generator.iter, scope):
                inner = {**scope, **_bound(generator.target, item)}
                if all(self.value(test, inner) for test in generator.ifs):
                    yield inner


def _limited(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > _DIGITS:
        raise ValueError(f"a number of more than {_DIGITS} bits")
    return value


def _weight(value: Any) -> int:
    """Elements of a value, a list counted as often as it is met; ValueError once there are too many."""
    weight, waiting = 0, [value]
    while waiting:
        inner = waiting.pop()
        weight += len(inner) if isinstance(inner, str | list | tuple | set | dict | range) else 0
        if weight > MOST:
            raise ValueError(f"more than {MOST} elements")
        if isinstance(inner, list | tuple):
            waiting.extend(item for item in inner if isinstance(item, list | tuple | str))
    return weight


def _bound(target: ast.expr, item: Any) -> dict[str, Any]:
    if isinstance(target, ast.Name):
        return {target.id: item}
    if isinstance(target, ast.Tuple):
        parts = [_bound(inner, value) for inner, value in zip(target.elts, item, strict=True)]
        return {name: value for part in parts for name, value in part.items()}
    raise ValueError("a loop over something else than names")


def _name(walker: _Walker, node: ast.Name, names: Mapping[str, Any]) -> Any:
    return names[node.id]


def _binary(walker: _Walker, node: ast.BinOp, names: Mapping[str, Any]) -> Any:
    left, right = walker.value(node.left, names), walker.value(node.right, names)
    for one, other in ((left, right), (right, left)):
        if isinstance(node.op, ast.Mult) and isinstance(one, str | list | tuple) and len(one) * other > MOST:
            raise ValueError(f"more than {MOST} elements")
    if isinstance(node.op, ast.Pow) and isinstance(left, int) and left.bit_length() * abs(right) > _DIGITS:
        raise ValueError(f"a number of more than {_DIGITS} bits")
    if isinstance(node.op, ast.Mod) and isinstance(left, str):
        raise ValueError("a format is not a plain value")
    return _BINARY[type(node.op)](left, right)


def _compare(walker: _Walker, node: ast.Compare, names: Mapping[str, Any]) -> bool:
    values = [walker.value(inner, names) for inner in (node.left, *node.comparators)]
    return all(
        _COMPARE[type(sign)](one, other)
        for sign, one, other in zip(node.ops, values, values[1:], strict=False)
    )


def _call(walker: _Walker, node: ast.Call, names: Mapping[str, Any]) -> Any:
    if node.keywords:
        raise ValueError("a call by keyword is not a plain value")
    arguments = [walker.value(inner, names) for inner in node.args]
    if isinstance(node.func, ast.Name):
        return _CALLS[node.func.id](*arguments)
    if isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
        text = walker.value(node.func.value, names)
        if isinstance(text, str):
            return getattr(text, node.func.attr)(*arguments)
    raise ValueError("a call of something else than a plain function")


def _choice(walker: _Walker, node: ast.IfExp, names: Mapping[str, Any]) -> Any:
    return walker.value(node.body if walker.value(node.test, names) else node.orelse, names)


def _listed(walker: _Walker, node: Any, names: Mapping[str, Any]) -> list[Any]:
    return [walker.value(node.elt, scope) for scope in walker.loop(node, names)]


_NODES: dict[type[ast.AST], Callable[[_Walker, Any, Mapping[str, Any]], Any]] = {
    ast.Constant: lambda walker, node, names: node.value,
    ast.Name: _name,
    ast.List: lambda walker, node, names: [walker.value(item, names) for item in node.elts],
    ast.Tuple: lambda walker, node, names: tuple(walker.value(item, names) for item in node.elts),
    ast.Set: lambda walker, node, names: {walker.value(item, names) for item in node.elts},
    ast.Dict: lambda walker, node, names: {
        walker.value(key, names): walker.value(item, names)
        for key, item in zip(node.keys, node.values, strict=True)
    },
    ast.UnaryOp: lambda walker, node, names: _UNARY[type(node.op)](walker.value(node.operand, names)),
    ast.BinOp: _binary,
    ast.Compare: _compare,
    ast.IfExp: _choice,
    ast.Call: _call,
    ast.ListComp: _listed,
    ast.GeneratorExp: _listed,
    ast.SetComp: lambda walker, node, names: set(_listed(walker, node, names)),
    ast.DictComp: lambda walker, node, names: {
        walker.value(node.key, scope): walker.value(node.value, scope) for scope in walker.loop(node, names)
    },
}
