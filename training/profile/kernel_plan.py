"""What to call a Triton program with: candidates, made from its text by `ast`; nothing is run.

Most trusted first (Appendix D.4.2): the task's own benchmark script, its test, the sizes that
TorchInductor writes down, then what signatures tell, in several orderings. A runner measures the
first candidate whose first case passes.

Shapes are what the text tells (`kernel_facts`), sizes come from a ladder. An argument that the
text says nothing about is an activation or a parameter; orderings of the two are tried.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ci_rlm.training.profile.kernel_facts import Facts, Kernels, arguments_of, facts_of, in_order, pointers_of
from ci_rlm.training.profile.kernel_programs import Benchmark, Program, kernels_of

Spec = dict[str, Any]
"""A candidate, or an argument of one, in JSON's types."""

LADDER = (1 << 12, 1 << 16, 1 << 20, 1 << 23)
"""Elements of the largest tensor."""
MOST_CANDIDATES = 12
_MOST_ENTRIES = 2

_INDEX = re.compile(
    r"idx|index|indices|ids?$|token|label|target|len|loc|table|offset|start|position|slot", re.IGNORECASE
)
_MASK = re.compile(r"mask", re.IGNORECASE)
_PARAMETER = re.compile(
    r"^(w|b|g)$|weight|bias|gamma|beta$|kernel|embed|table|cos|sin|proj|lora|w_|_w$|norm", re.IGNORECASE
)
_TENSOR = re.compile(
    r"^([a-d]|[q-z]|dy|dx|do|out\w*|input\w*|tensor\w*|query|key|value|grad\w*|logits|mat\w*|src|dst|hidden\w*)$",
    re.IGNORECASE,
)
_TOTAL = re.compile(r"elements|numel|total|^(n|size|length|num_el\w*|vec_size)$", re.IGNORECASE)
_STRIDE = re.compile(r"stride|_s[a-z]$|^s_", re.IGNORECASE)
_BLOCK = re.compile(
    r"block|chunk|tile|^(b[mnktdcv]|bs|b_?t)$|(?:^|_)(?:xblock|rblock|yblock)$", re.IGNORECASE
)
_HEADS = frozenset({"h", "heads", "nheads", "n_heads", "num_heads", "head_num", "n_head", "nh", "hq", "hkv"})
_BATCH = frozenset({"b", "z", "batch", "batch_size", "bs", "bsz", "n_batch", "nbatch"})
_WIDTH = frozenset({"d", "dk", "dv", "head_dim", "dhead", "d_head", "dim_head", "hd", "head_size", "lk"})
_SCALARS: tuple[tuple[str, Any], ...] = (
    (r"eps", 1e-5),
    (r"^p$|drop|prob", 0.5),
    (r"seed", 42),
    (r"scale|alpha|slope|theta|gamma|beta|momentum|^lr$|decay|^wd$|temperature", 0.125),
    (r"^(is|use|has|do|with|return|output|save|store|allow|even|enable)_|causal|train|^reverse", False),
    (r"warps", 4),
    (r"stages", 2),
    (r"group", 8),
    (r"^(dim|axis)$", -1),
    (r"activation|^act", ""),
)  # fmt: skip


def candidates(program: Program, cases: int = 4) -> list[Spec]:
    """What to try, in order; `cases` inputs each, of ascending size."""
    given = [*_benchmarks(program, cases), *_tests(program)]
    tree = ast.parse(program.text)
    if sizes := inductor_arguments(tree):
        return [*given, _inductor(sizes, program.below)]
    return [*given, *planned(tree, program.text, cases)][:MOST_CANDIDATES]


def spread(count: int, chosen: int) -> list[int]:
    """Up to `chosen` of the places below `count`, evenly, the first and the last among them."""
    if count <= chosen or chosen < 2:
        return list(range(min(count, max(chosen, 1))))
    return sorted({round(i * (count - 1) / (chosen - 1)) for i in range(chosen)})


def _benchmarks(program: Program, cases: int) -> Iterator[Spec]:
    for benchmark in program.benchmarks:
        yield {
            "kind": "benchmark",
            "script": benchmark.script,
            "modules": list(benchmark.modules),
            "inputs": spread(benchmark.inputs, cases),
            "reference": _reference(benchmark, program),
        }


def _tests(program: Program) -> Iterator[Spec]:
    for benchmark in program.benchmarks:
        if benchmark.test.strip():
            yield {
                "kind": "test",
                "test": benchmark.test,
                "entries": list(benchmark.entries),
                "reference": _reference(benchmark, program),
            }


def _reference(benchmark: Benchmark, program: Program) -> str | None:
    return None if benchmark.reference == program.text else benchmark.reference


def inductor_arguments(tree: ast.Module) -> list[Spec]:
    """The inputs of `call(args)` in TorchInductor's output code, in its order; none for other code.

    Shapes and strides are in `assert_size_stride`, dtypes in the code's own `rand_strided` lines.
    """
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "call"]
    if not calls:
        return []
    names, shapes = [], {}
    for node in ast.walk(calls[0]):
        match node:
            case ast.Assign([ast.Tuple(targets)], ast.Name("args")):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.Call(ast.Name("assert_size_stride"), [ast.Name(name), shape, strides, *_]):
                shapes[name] = {"shape": ast.literal_eval(shape), "strides": ast.literal_eval(strides)}
    shapes |= {name: shapes.get(name, {}) | found for name, found in _rand_strided(tree).items()}
    if not names or not set(names) <= set(shapes):
        return []
    return [{"dtype": "float32"} | shapes[name] for name in names]


def _rand_strided(tree: ast.Module) -> dict[str, Spec]:
    found: dict[str, Spec] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign([ast.Name(name)], ast.Call(ast.Name("rand_strided"), [shape, strides], keywords)):
                dtypes = [k.value.attr for k in keywords if isinstance(k.value, ast.Attribute)]
                found[name] = {"shape": ast.literal_eval(shape), "strides": ast.literal_eval(strides)}
                found[name] |= {"dtype": dtypes[0]} if dtypes else {}
    return found


def _inductor(arguments: Sequence[Spec], below: int) -> Spec:
    made = [{**spec, "shape": list(spec["shape"]), "strides": list(spec["strides"]), "below": below}
            for spec in arguments]  # fmt: skip
    size = sum(math.prod(spec["shape"]) for spec in made)
    return {"kind": "call", "entry": "call", "cases": [{"size": size, "arguments": [{"list": made}]}]}


def planned(tree: ast.Module, text: str, cases: int) -> Iterator[Spec]:
    """Candidates from signatures: of functions that launch kernels, else of the kernels themselves."""
    kernels = {unit.name.rpartition(".")[2] for unit in kernels_of(text)}
    functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name in kernels}
    entries = entries_of(tree, kernels)[:_MOST_ENTRIES]
    for path, function in entries:
        yield from _calls(path, function, functions, cases)
    if not entries:
        for function in list(functions.values())[::-1][:_MOST_ENTRIES]:
            yield from _launches(function, functions, cases)


def entries_of(tree: ast.Module, kernels: Iterable[str]) -> list[tuple[str, ast.FunctionDef]]:
    """What launches a kernel and is called by nothing else in its module, the last defined first.

    Functions by name, and `apply` of classes whose `forward` launches; backward passes come last.
    """
    bodies: dict[str, ast.FunctionDef] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name not in kernels:
            bodies[node.name] = node
        if isinstance(node, ast.ClassDef):
            forward = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "forward"]
            marks = [ast.unparse(m) for n in forward for m in n.decorator_list]
            if "staticmethod" in marks:
                bodies[f"{node.name}.apply"] = _without_context(forward[0])
    used = {path: _mentioned(body) for path, body in bodies.items()}
    launching = {path for path, names in used.items() if names & set(kernels)}
    while grown := {
        path for path, names in used.items() if path not in launching and _reaches(names, launching)
    }:
        launching |= grown
    inner = {path for path in launching for other in launching - {path} if _reaches(used[other], {path})}
    roots = [(path, bodies[path]) for path in reversed(bodies) if path in launching - inner]
    return sorted(roots, key=lambda root: bool(re.search(r"backward|bwd|test|main|bench", root[0])))


def _reaches(names: set[str], paths: set[str]) -> bool:
    return any(path.partition(".")[0] in names for path in paths)


def _without_context(forward: ast.FunctionDef) -> ast.FunctionDef:
    """`forward(ctx, x)` as `apply(x)` is called."""
    a = forward.args
    arguments = ast.arguments(
        a.posonlyargs, a.args[1:], a.vararg, a.kwonlyargs, a.kw_defaults, a.kwarg, a.defaults
    )
    return ast.FunctionDef(forward.name, arguments, forward.body, [], None, None)


def _mentioned(function: ast.FunctionDef) -> set[str]:
    return {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}


def orderings(activations: Sequence[str], parameters: Sequence[str]) -> list[tuple[str, ...]]:
    """Parameters first, activations first, and the two interleavings; each order once."""
    pairs = itertools.zip_longest(activations, parameters)
    woven = [tuple(name for pair in pairs for name in pair if name is not None)]
    other = itertools.zip_longest(parameters, activations)
    woven.append(tuple(name for pair in other for name in pair if name is not None))
    return list(dict.fromkeys([(*parameters, *activations), (*activations, *parameters), *woven]))


def _defaults(function: ast.FunctionDef) -> set[str]:
    """Arguments that need not be given."""
    a = function.args
    positional = [*a.posonlyargs, *a.args]
    some = positional[len(positional) - len(a.defaults) :] if a.defaults else []
    keyword = [arg for arg, default in zip(a.kwonlyargs, a.kw_defaults, strict=True) if default is not None]
    return {arg.arg for arg in (*some, *keyword)}


def _calls(path: str, function: ast.FunctionDef, kernels: Kernels, cases: int) -> Iterator[Spec]:
    """Calls of a function, one candidate a (dtype, ordering)."""
    facts = facts_of(function, kernels)
    needed = [a for a in arguments_of(function) if a.arg not in _defaults(function)]
    tensors = [a.arg for a in needed if _is_tensor(a, facts)]
    keywords = {a.arg for a in function.args.kwonlyargs}
    for shapes in _layouts(tensors, facts):
        for dtype in ("float32", "float16"):
            made = [_call(needed, shapes, level, dtype, facts, keywords) for level in LADDER[:cases]]
            yield {"kind": "call", "entry": path, "cases": made}


def _is_tensor(argument: ast.arg, facts: Facts) -> bool:
    if argument.annotation is not None and argument.arg not in facts.tensors:
        return "Tensor" in ast.unparse(argument.annotation)
    return argument.arg in facts.tensors or bool(_TENSOR.match(argument.arg))


def _layouts(tensors: Sequence[str], facts: Facts) -> list[dict[str, list[str]]]:
    """Sizes by tensor: what the text tells, and for the rest `rows` by `columns`, or `columns` alone.

    First by names that speak, then all alike, then orderings of activations and parameters.
    """
    known = {name: facts.shape(name, 0) for name in tensors if name in facts.rank}
    rest = [name for name in tensors if name not in known]
    if not rest:
        return [known]
    matrix, vector = ["rows", "columns"], ["columns"]
    parameters = [name for name in rest if _PARAMETER.search(name)]
    layouts = [{name: vector if name in parameters else matrix for name in rest}]
    layouts.append(dict.fromkeys(rest, vector))
    parameters = parameters or rest[1:]
    activations = [name for name in rest if name not in parameters]
    shape = {name: vector if name in parameters else matrix for name in rest}
    layouts += [
        dict(zip(rest, (shape[name] for name in order), strict=True))
        for order in orderings(activations, parameters)
    ]
    made = [known | {n: _fitted(n, shape, facts) for n, shape in layout.items()} for layout in layouts]
    return [layout for i, layout in enumerate(made) if layout not in made[:i]][:4]


def _fitted(name: str, shape: Sequence[str], facts: Facts) -> list[str]:
    """A made-up shape with as many axes as the text asks for, and the axes that it names."""
    count = max(len(shape), facts.least.get(name, 0))
    padded = [*(f"{name}.{i}" for i in range(count - len(shape))), *shape]
    named = [facts.root(f"{name}.{axis}") for axis in range(count)]
    last = [facts.root(f"{name}.{axis - count}") for axis in range(count)]
    return [
        next((n for n in (a, b) if "." not in n), made)
        for a, b, made in zip(named, last, padded, strict=True)
    ]


def sizes_of(shapes: Iterable[Sequence[str]], elements: int) -> dict[str, int]:
    """A power of two for each size, so that the largest tensor has about that many elements.

    Batches and heads stay small, the widths of heads are 64, and no other size is below 16.
    """
    shapes = list(shapes)
    fixed: dict[str, int] = {}
    for shape in shapes:
        for name in shape:
            word = name.lower()
            if len(shape) > 2 and (word in _BATCH or word in _HEADS or re.search(r"\.[01]$", word)):
                fixed[name] = 2
            elif len(shape) > 2 and (word in _WIDTH or name == shape[-1]):
                fixed[name] = 64
    most = 1
    for shape in shapes:
        free = sum(name not in fixed for name in shape)
        rest = elements / math.prod(fixed.get(name, 1) for name in shape)
        if free:
            bits = max(4, math.floor(math.log2(max(rest, 1)) / free))
            most = bits if most == 1 else min(most, bits)
    return fixed | {name: 1 << max(most, 4) for shape in shapes for name in shape if name not in fixed}


def _call(
    needed: Sequence[ast.arg], shapes: dict[str, list[str]], elements: int, dtype: str, facts: Facts,
    keywords: set[str],
) -> Spec:  # fmt: skip
    sizes = sizes_of(shapes.values(), elements)
    made: dict[str, Any] = {}
    for argument in needed:
        if argument.arg in shapes:
            made[argument.arg] = _tensor(argument.arg, [sizes[n] for n in shapes[argument.arg]], dtype)
        else:
            made[argument.arg] = _scalar(argument, sizes, facts, dtype)
    return {
        "size": sum(math.prod(spec["shape"]) for spec in made.values() if _has_shape(spec)),
        "arguments": [value for name, value in made.items() if name not in keywords],
        "keywords": {name: value for name, value in made.items() if name in keywords},
    }


def _has_shape(spec: Any) -> bool:
    return isinstance(spec, dict) and "shape" in spec


def _tensor(name: str, shape: list[int], dtype: str) -> Spec:
    if _INDEX.search(name):
        return {"shape": shape, "dtype": "int64", "below": 16}
    return {"shape": shape, "dtype": "bool" if _MASK.search(name) else dtype}


def _scalar(argument: ast.arg, sizes: dict[str, int], facts: Facts, dtype: str) -> Any:
    """A plain argument: a size by its name, else by what names and annotations usually mean."""
    name = argument.arg
    note = ast.unparse(argument.annotation) if argument.annotation is not None else ""
    if facts.root(name) in sizes:
        return sizes[facts.root(name)]
    if "dtype" in name or "dtype" in note:
        return {"dtype": dtype}
    if "device" in name:
        return {"device": True}
    if re.search(r"[Tt]uple|[Ll]ist|shape", f"{name} {note}"):
        return {"tuple": [max(sizes.values(), default=16)]}
    return _usual(name, note, sizes)


def _usual(name: str, note: str, sizes: dict[str, int]) -> Any:
    for pattern, value in _SCALARS:
        if re.search(pattern, name, re.IGNORECASE):
            return value
    if "str" in note:
        return ""
    if "bool" in note:
        return False
    if "float" in note:
        return 1.0
    if _TOTAL.search(name):
        return math.prod(sizes.values()) if sizes else 1024
    if _BLOCK.search(name):
        return 64
    return 16 if "int" in note or len(name) < 3 else 1


def _launches(kernel: ast.FunctionDef, kernels: Kernels, cases: int) -> Iterator[Spec]:
    """Launches of a kernel that nothing launches, one candidate a (rank, whole rows or blocks)."""
    needed = [a for a in arguments_of(kernel) if a.arg not in _defaults(kernel)]
    given = _tuned(kernel)
    needed = [a for a in needed if a.arg not in given]
    pointers = pointers_of(kernel, kernels)
    for rank in _ranks(needed, pointers):
        for whole in (False, True):
            for dtype in ("float32", "float16"):
                made = [
                    _launch(kernel, needed, pointers, level, rank, whole, dtype) for level in LADDER[:cases]
                ]
                yield {"kind": "launch", "entry": kernel.name, "cases": made}


def _tuned(kernel: ast.FunctionDef) -> set[str]:
    """Arguments that `triton.autotune` or `triton.heuristics` gives."""
    found: set[str] = set()
    for mark in kernel.decorator_list:
        for node in ast.walk(mark):
            if isinstance(node, ast.Dict):
                found |= {
                    key.value for key in node.keys if isinstance(key, ast.Constant) and type(key.value) is str
                }
    return found


def _ranks(needed: Sequence[ast.arg], pointers: set[str]) -> list[int]:
    """Axes that the kernel's tensors may have: from groups of strides and from names of sizes."""
    groups: dict[str, int] = defaultdict(int)
    for argument in needed:
        if _STRIDE.search(argument.arg) and argument.arg not in pointers:
            groups[argument.arg[:-1]] += 1
    strided = min(max(groups.values(), default=0), 4)
    sizes = [
        a.arg for a in needed if a.arg not in pointers and re.fullmatch(r"[A-Z]|n_\w+|\w*(rows|cols)", a.arg)
    ]
    first = strided if strided > 1 else 2 if groups or len(sizes) > 1 else 1
    return [first, 2 if first != 2 else 1]


def _launch(
    kernel: ast.FunctionDef, needed: Sequence[ast.arg], pointers: set[str], elements: int, rank: int,
    whole: bool, dtype: str,
) -> Spec:  # fmt: skip
    """One launch: every size is the `rank`th root of the elements, every tensor has all of them.

    So no address that sizes and strides can make lies outside of a tensor.
    """
    side = max(16, 1 << (int(math.log2(elements)) // rank))
    block = min(side, 4096) if whole or rank == 1 else min(side, 64)
    total = side**rank
    seen: dict[str, int] = defaultdict(int)
    made: dict[str, Any] = {}
    for argument in needed:
        name = argument.arg
        if name in pointers:
            made[name] = _tensor(name, [total], dtype)
        elif _STRIDE.search(name):
            seen[name[:-1]] += 1
            made[name] = side ** max(0, rank - seen[name[:-1]])
        else:
            made[name] = _whole(argument, side, block, total)
    constants = {a.arg: made.pop(a.arg) for a in needed if _is_constant(a)}
    return {
        "size": total * sum(_has_shape(spec) for spec in made.values()),
        "arguments": list(made.values()),
        "keywords": constants,
        "grid": _grid(kernel, side, total if rank == 1 else None),
    }


def _is_constant(argument: ast.arg) -> bool:
    return argument.annotation is not None and "constexpr" in ast.unparse(argument.annotation)


def _whole(argument: ast.arg, side: int, block: int, total: int) -> Any:
    """A number that a kernel takes."""
    name = argument.arg
    if _BLOCK.search(name):
        return block
    if _TOTAL.search(name):
        return total if re.search(r"elements|numel|total", name) else side
    for pattern, value in _SCALARS:
        if re.search(pattern, name, re.IGNORECASE):
            return value
    return {"triton": "float32"} if "dtype" in name.lower() else side


def _grid(kernel: ast.FunctionDef, side: int, total: int | None) -> list[Any]:
    """Programs an axis: one a block where the id is multiplied by a block size, else one a row."""
    axes: dict[int, list[str]] = {}
    ids: dict[str, int] = {}
    for node in in_order(kernel):
        match node:
            case ast.Call(ast.Attribute(_, "program_id")):
                axes.setdefault(_place(node), [])
    for node in in_order(kernel):
        match node:
            case ast.Assign([ast.Name(name)], ast.Call(ast.Attribute(_, "program_id")) as call):
                ids[name] = _place(call)
            case ast.BinOp(left, ast.Mult(), ast.Name(block)) if _BLOCK.search(block):
                place = ids.get(left.id, -1) if isinstance(left, ast.Name) else _place(left)
                if place in axes and block not in axes[place]:
                    axes[place].append(block)
    grid = []
    given = {a.arg for a in arguments_of(kernel) if _is_constant(a)}
    for place in range(max(axes, default=0) + 1):
        known = [name for name in axes.get(place, []) if name in given][:1]
        count = total or side
        grid.append([count, known] if known else min(count, 65535))
    return grid


def _place(node: ast.AST) -> int:
    """The axis of `tl.program_id(axis)`; -1 for what is none."""
    match node:
        case ast.Call(ast.Attribute(_, "program_id"), [ast.Constant(int(axis))]):
            return axis
        case ast.Call(ast.Attribute(_, "program_id"), _, [ast.keyword("axis", ast.Constant(int(axis)))]):
            return axis
    return -1
