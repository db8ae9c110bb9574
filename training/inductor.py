"""Triton programs that TorchInductor makes of seeded modules (KernelBook in kind).

    write(Path("runs/kernels/inductor.jsonl"), 2000, device="cuda")

on a machine with an NVIDIA GPU. A text depends on the versions of torch and Triton and on the
GPU, so the file is kept beside the measured rows: it is what their hashes are looked up in.
Kernels are generated, not compiled and not run; measuring does both, in a process of its own.
"""

from __future__ import annotations

import ast
import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_rlm.errors import CiRlmError
from ci_rlm.training.profile.kernel_programs import Program

if TYPE_CHECKING:
    from ci_rlm.training.inductor_modules import Built

KINDS = (
    "attention", "convolution", "elementwise", "embedding", "gate", "layout", "linear", "loss",
    "normalisation", "pooling", "quantisation", "reduction", "rotary", "scan", "softmax", "update",
)  # fmt: skip
"""What `inductor_modules` can build."""
_IMPORTS = "import torch\nimport triton\nimport triton.language as tl"
LADDER = (1 << 12, 1 << 17, 1 << 22)
"""Elements of a module's inputs, about."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which module: the same recipe makes the same module, weights and inputs."""

    kind: str
    seed: int
    elements: int


def recipes(modules: int) -> Iterator[Recipe]:
    """That many modules at every size, the kinds in turn; a longer list begins with the shorter one."""
    for number in range(modules):
        for elements in LADDER:
            yield Recipe(KINDS[number % len(KINDS)], number // len(KINDS), elements)


def build(recipe: Recipe) -> Built:
    """The module of a recipe with its inputs, on the CPU."""
    from ci_rlm.training.inductor_modules import build as built

    return built(recipe.kind, recipe.seed, recipe.elements)


def source_of(built: Built, device: str) -> str:
    """TorchInductor's output code for a module in evaluation mode, without gradients.

    Raises CiRlmError when the code holds no Triton kernel, or is in more pieces than one.
    """
    import torch
    import torch._functorch.config
    import torch._inductor.config
    from torch._inductor.utils import get_code

    torch._dynamo.reset()
    module = torch.compile(built.module.to(device))
    # A graph that `get_code` left in a cache has no code, so a second run would fail.
    uncached = torch._inductor.config.patch(fx_graph_cache=False)
    unkept = torch._functorch.config.patch(enable_autograd_cache=False)
    with torch.no_grad(), uncached, unkept:
        pieces = get_code(module, *(tensor.to(device) for tensor in built.inputs))
    codes = [piece for piece in pieces if piece.strip()]
    if len(codes) != 1:
        raise CiRlmError(f"TorchInductor made {len(codes)} pieces of code", hint="make the module simpler")
    if "async_compile.triton(" not in codes[0]:
        raise CiRlmError("TorchInductor made no Triton kernel", hint="the module is all library calls")
    return str(codes[0])


def plain(text: str) -> str:
    """TorchInductor's output code as a reader wants it: its kernels as functions, then `call`.

    What tunes and caches the kernels, comments and aliases are left out; it is not meant to run.
    """
    kernels: list[str] = []
    calls: list[str] = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(
                ast.Attribute(ast.Name("async_compile"), "triton"), [_, ast.Constant(str(code)), *_]
            ):
                kernels += [ast.unparse(kernel) for kernel in _jitted(code)]
            case ast.FunctionDef("call"):
                calls.append(ast.unparse(node))
    return (
        "\n\n\n".join(["import torch\nimport triton\nimport triton.language as tl", *kernels, *calls]) + "\n"
    )


def _jitted(code: str) -> Iterator[ast.FunctionDef]:
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = [m for m in node.decorator_list if ast.unparse(m).endswith("jit")]
            if node.decorator_list:
                yield node


def made(recipe: Recipe, device: str) -> dict[str, Any]:
    """The record of a recipe: its text, or the reason why there is none."""
    import torch
    from torch._dynamo.exc import TorchDynamoException
    from torch._inductor.exc import InductorError

    record: dict[str, Any] = asdict(recipe) | {"torch": str(torch.__version__)}
    try:
        built = build(recipe)
        return record | {"text": source_of(built, device), "below": built.below}
    except (CiRlmError, TorchDynamoException, InductorError, RuntimeError) as problem:
        lines = f"{type(problem).__name__}: {problem}".split("\n")
        return record | {"reason": " ".join(lines[:2])[:120]}


def write(path: Path, modules: int, *, device: str, workers: int = 0) -> Counter[str]:
    """Add to a file what it lacks of that many modules at every size; how many texts and reasons it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {_recipe(record) for record in _records(path)}
    waiting = [recipe for recipe in recipes(modules) if recipe not in known]
    if waiting:
        # A CUDA context cannot be forked.
        pool = ProcessPoolExecutor(workers or os.cpu_count() or 1, mp_context=get_context("spawn"))
        with path.open("a", encoding="utf-8") as lines, pool:
            for record in pool.map(made, waiting, [device] * len(waiting)):
                lines.write("\n" + json.dumps(record))  # a line that was torn ends here
                lines.flush()
    return Counter(record.get("reason", "text") for record in _records(path))


def read(path: Path) -> Iterator[Program]:
    """The texts of a file as programs; one module at all its sizes is one problem."""
    for record in _records(path):
        if "text" in record:
            yield Program(
                source="inductor",
                problem=f"inductor/{record['kind']}/{record['seed']}",
                record=f"{record['kind']}/{record['seed']}/{record['elements']}",
                text=record["text"],
                below=record["below"],
            )


def _recipe(record: dict[str, Any]) -> Recipe:
    return Recipe(record["kind"], record["seed"], record["elements"])


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a file; a run that was killed may have torn one."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                continue
