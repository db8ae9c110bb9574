"""What the text of a Triton program tells of its arguments: which are tensors, and of what shape.

Read by `ast`; nothing is run. `M, K = a.shape`, `b.shape[0] == a.shape[1]` and the like name the
axes of arguments, and axes of one name are one size.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Facts:
    """What the text of a function tells of its arguments."""

    tensors: set[str] = field(default_factory=set)
    rank: dict[str, int] = field(default_factory=dict)
    least: dict[str, int] = field(default_factory=dict)
    """Axes that a tensor has at least."""
    alike: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of one shape."""
    same: dict[str, str] = field(default_factory=dict)
    """Sizes that are one size: a name, or `x.0` for the first axis of `x`; `x.-1` for its last."""

    def root(self, name: str) -> str:
        """The name that stands for all sizes that are the same as this one."""
        while name in self.same:
            name = self.same[name]
        return name

    def unify(self, one: str, other: str) -> None:
        """Two sizes are one."""
        one, other = self.root(one), self.root(other)
        if one != other:
            # A name tells more than an axis does.
            one, other = (other, one) if "." in other else (one, other)
            self.same[one] = other

    def has_axis(self, name: str, axis: int) -> None:
        """A tensor has an axis of that number; from the end where it is negative."""
        self.tensors.add(name)
        self.least[name] = max(self.least.get(name, 0), axis + 1 if axis >= 0 else -axis)

    def shape(self, name: str, default: int) -> list[str]:
        """The sizes of a tensor; as many as its rank, which is `default` if the text does not tell."""
        rank = self.rank.get(name, max(default, self.least.get(name, 0)))
        for axis in range(rank):
            self.unify(f"{name}.{axis}", f"{name}.{axis - rank}")
        return [self.root(f"{name}.{axis}") for axis in range(rank)]


_OF_TENSORS = re.compile(
    "shape|stride|size|numel|dim|ndim|device|dtype|is_cuda|contiguous|is_contiguous|element_size|data_ptr|view|"
    "reshape|to|float|half|new_empty|new_zeros|transpose|permute|flatten|(un)?squeeze|detach|clone|T"
)

_LIKE = frozenset({"empty_like", "zeros_like", "ones_like", "rand_like", "randn_like", "full_like"})


def facts_of(function: ast.FunctionDef, kernels: Kernels) -> Facts:
    """Read the body of a function that launches kernels."""
    facts, names = Facts(), {a.arg for a in arguments_of(function)}
    for node in ast.walk(function):
        match node:
            case ast.Attribute(ast.Name(name), attribute) if name in names and _OF_TENSORS.fullmatch(
                attribute
            ):
                facts.tensors.add(name)
            case ast.Assign([target], value):
                _read_assignment(target, value, names, facts)
            case ast.Compare(left, comparisons, others) if all(isinstance(c, _EQUALS) for c in comparisons):
                for one, other in _pairs([left, *others]):
                    _read_equality(one, other, names, facts)
            case ast.Call(ast.Attribute(_, like), [ast.Name(name), *_]) if like in _LIKE and name in names:
                facts.tensors.add(name)
            case ast.Call(ast.Subscript(ast.Name(kernel)), arguments) if kernel in kernels:
                _read_launch(kernels[kernel], kernels, arguments, names, facts)
        if axis := _axis(node, names):
            facts.has_axis(*axis)
    for like, name in (*facts.alike, *reversed(facts.alike)):
        _liken(like, name, facts)
    return facts


def _liken(one: str, other: str, facts: Facts) -> None:
    """Give two tensors of one shape the rank that is known of either."""
    rank = facts.rank.get(one) or facts.rank.get(other)
    if rank:
        facts.rank |= {one: rank, other: rank}
        for axis in range(rank):
            facts.unify(f"{one}.{axis}", f"{other}.{axis}")


_EQUALS = (ast.Eq, ast.NotEq)  # `if x.dim() != 2: raise`


def _pairs(chain: Sequence[ast.expr]) -> list[tuple[ast.expr, ast.expr]]:
    """Neighbours in `a == b == c`, and each with the last."""
    return [*itertools.pairwise(chain), *((one, chain[-1]) for one in chain[:-2])]


def _axis(node: ast.AST, names: set[str]) -> tuple[str, int] | None:
    """`x.shape[1]`, `x.size(1)` and `x.stride(1)` as (x, 1)."""
    match node:
        case ast.Subscript(ast.Attribute(ast.Name(name), "shape"), index) if name in names:
            pass
        case ast.Call(ast.Attribute(ast.Name(name), "size" | "stride"), [index]) if name in names:
            pass
        case _:
            return None
    try:
        place = ast.literal_eval(index)
    except ValueError:
        return None
    return (name, place) if type(place) is int else None


def _shape(node: ast.AST, names: set[str]) -> str | None:
    """`x.shape` and `x.size()` as x."""
    match node:
        case ast.Attribute(ast.Name(name), "shape") | ast.Call(ast.Attribute(ast.Name(name), "size"), []):
            return name if name in names else None
    return None


def _read_assignment(target: ast.expr, value: ast.expr, names: set[str], facts: Facts) -> None:
    """`M, K = x.shape`, `M = x.shape[0]`, `M, K = x.shape[0], w.shape[1]`, `M, N, K = *x.shape, n`."""
    match target, value:
        case ast.Tuple(targets), _ if name := _shape(value, names):
            _name_axes(name, targets, facts)
        case ast.Tuple(targets), ast.Tuple([ast.Starred(shape), *values]) if name := _shape(shape, names):
            rank = len(targets) - len(values)
            _name_axes(name, targets[:rank], facts)
            _read_assignment(ast.Tuple(targets[rank:]), ast.Tuple(values), names, facts)
        case ast.Tuple(targets), ast.Tuple(values) if len(targets) == len(values):
            for one, other in zip(targets, values, strict=True):
                _read_assignment(one, other, names, facts)
        case ast.Name(known), _ if axis := _axis(value, names):
            facts.unify(f"{axis[0]}.{axis[1]}", known)


def _name_axes(name: str, targets: Sequence[ast.expr], facts: Facts) -> None:
    starred = [i for i, target in enumerate(targets) if isinstance(target, ast.Starred)]
    if starred:
        facts.least[name] = max(facts.least.get(name, 0), len(targets))
    else:
        facts.rank[name] = len(targets)
    for place, target in enumerate(targets):
        if isinstance(target, ast.Name) and target.id != "_":
            after = starred and place > starred[0]
            facts.unify(f"{name}.{place - len(targets) if after else place}", target.id)


def _read_equality(left: ast.expr, right: ast.expr, names: set[str], facts: Facts) -> None:
    """`a.shape[1] == b.shape[0]`, `w.shape == (N,)` and `x.dim() == 2`."""
    one, other = _axis(left, names), _axis(right, names)
    match left, right:
        case _ if (like := _shape(left, names)) and (name := _shape(right, names)):
            facts.alike.append((like, name))
        case _ if one and other:
            facts.unify(f"{one[0]}.{one[1]}", f"{other[0]}.{other[1]}")
        case _, ast.Tuple(sizes) if name := _shape(left, names):
            facts.rank[name] = len(sizes)
            for place, size in enumerate(sizes):
                if isinstance(size, ast.Name):
                    facts.unify(f"{name}.{place}", size.id)
                elif axis := _axis(size, names):
                    facts.unify(f"{name}.{place}", f"{axis[0]}.{axis[1]}")
        case (
            ast.Call(ast.Attribute(ast.Name(name), "dim"), [])
            | ast.Attribute(ast.Name(name), "ndim")
            | ast.Call(ast.Name("len"), [ast.Attribute(ast.Name(name), "shape")]),
            ast.Constant(int(rank)),
        ) if name in names:
            facts.tensors.add(name)
            facts.rank.setdefault(name, rank)


def _read_launch(
    kernel: ast.FunctionDef, kernels: Kernels, arguments: Sequence[ast.expr], names: set[str], facts: Facts
) -> None:
    """What a kernel loads from is a tensor."""
    pointers = pointers_of(kernel, kernels)
    for parameter, argument in zip(arguments_of(kernel), arguments, strict=False):
        if isinstance(argument, ast.Name) and argument.id in names and parameter.arg in pointers:
            facts.tensors.add(argument.id)


def arguments_of(function: ast.FunctionDef) -> list[ast.arg]:
    """All arguments of a function but `*` and `**`, in order."""
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


Kernels = Mapping[str, ast.FunctionDef]
"""Functions that are compiled for the device, by name."""


def pointers_of(kernel: ast.FunctionDef, kernels: Kernels, depth: int = 4) -> set[str]:
    """Arguments that a kernel, or one that it calls, loads from or stores to.

    The leftmost term of the address counts, traced back through assignments.
    """
    names = [a.arg for a in arguments_of(kernel)]
    base: dict[str, str] = {name: name for name in names}
    found = {name for name in names if re.search(r"ptr|pointer", name, re.IGNORECASE)}
    for node in in_order(kernel):
        match node:
            case ast.Assign([ast.Name(target)], value) if (term := _leftmost(value)) in base:
                base.setdefault(target, base[term])
            case ast.Call():
                found |= {
                    base[term] for term in map(_leftmost, _addresses(node, kernels, depth)) if term in base
                }
    return found


def _addresses(call: ast.Call, kernels: Kernels, depth: int) -> list[ast.expr]:
    """What a call reads or writes through."""
    match call:
        case ast.Call(ast.Attribute(_, name), [address, *_]) if re.match(r"load|store|atomic_", name):
            return [address]
        case ast.Call(ast.Attribute(_, "make_block_ptr")):
            return [call]
        case ast.Call(ast.Name(name), given) if name in kernels and depth:
            inside = pointers_of(kernels[name], kernels, depth - 1)
            parameters = arguments_of(kernels[name])
            return [value for a, value in zip(parameters, given, strict=False) if a.arg in inside]
    return []


def _leftmost(node: ast.AST) -> str:
    """The name at the left end of a sum."""
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        node = node.left
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "to":
        return _leftmost(node.func.value)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "make_block_ptr"
    ):
        return _leftmost(next((k.value for k in node.keywords if k.arg == "base"), *node.args[:1]))
    return node.id if isinstance(node, ast.Name) else ""


def in_order(function: ast.FunctionDef) -> list[ast.stmt | ast.expr]:
    """Nodes by line, so that an assignment comes before what uses it."""
    nodes = [node for node in ast.walk(function) if isinstance(node, ast.stmt | ast.expr)]
    return sorted(nodes, key=lambda node: (node.lineno, -node.col_offset))
