"""Seeded modules for TorchInductor, and its output code as programs to measure."""

from __future__ import annotations

import ast
import itertools
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ci_rlm.training.inductor import KINDS, LADDER, Recipe, build, plain, read, recipes, source_of, write
from ci_rlm.training.profile.kernel_plan import candidates, inductor_arguments
from ci_rlm.training.profile.kernel_programs import Program, kernels_of
from ci_rlm.training.profile.kernels import Budget, Work, measure

SMALL = LADDER[0]
SAMPLE = """
# AOT ID: ['0_inference']
import torch
from torch._inductor.async_compile import AsyncCompile
import triton
import triton.language as tl
from torch._inductor.runtime.triton_heuristics import start_graph, end_graph
assert_size_stride = torch._C._dynamo.guards.assert_size_stride
empty_strided_cuda = torch._C._dynamo.guards._empty_strided_cuda
async_compile = AsyncCompile()


# kernel path: /tmp/x.py
triton_poi_fused_mul_0 = async_compile.triton('triton_poi_fused_mul_0', '''
import triton
import triton.language as tl

from torch._inductor.runtime import triton_helpers, triton_heuristics

@triton_heuristics.pointwise(
    size_hints={'x': 32},
    filename=__file__,
    triton_meta={'signature': {'in_ptr0': '*fp32', 'out_ptr0': '*fp32', 'xnumel': 'i32'}},
)
@triton.jit
def triton_poi_fused_mul_0(in_ptr0, out_ptr0, xnumel, XBLOCK : tl.constexpr):
    xnumel = 24
    xindex = tl.program_id(0) * XBLOCK + tl.arange(0, XBLOCK)[:]
    xmask = xindex < xnumel
    tmp0 = tl.load(in_ptr0 + (xindex), xmask)
    tl.store(out_ptr0 + (xindex), tmp0 * 2.0, xmask)
''', device_str='cuda')


async_compile.wait(globals())
del async_compile

class Runner:
    def __init__(self, partitions):
        self.partitions = partitions

    def call(self, args):
        arg1_1, arg0_1, arg2_1 = args
        args.clear()
        assert_size_stride(arg0_1, (4, 6), (1, 4))
        assert_size_stride(arg1_1, (9, ), (1, ), 'input')
        with torch.cuda._DeviceGuard(0):
            torch.cuda.set_device(0)
            buf0 = empty_strided_cuda((4, 6), (1, 4), torch.float32)
            triton_poi_fused_mul_0.run(arg0_1, buf0, 24, stream=get_raw_stream(0))
        return (buf0, )

runner = Runner(partitions=[])
call = runner.call


def get_args():
    from torch._dynamo.testing import rand_strided
    arg0_1 = rand_strided((4, 6), (1, 4), device='cuda:0', dtype=torch.float16)
    arg1_1 = rand_strided((9, ), (1, ), device='cuda:0', dtype=torch.int64)
    arg2_1 = rand_strided((), (), device='cuda:0', dtype=torch.float32)
    return [arg1_1, arg0_1, arg2_1]
"""


def operations(recipe: Recipe) -> list[str]:
    """Names of the operations that a module calls, in order."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(str(func))
            return func(*args, **(kwargs or {}))

    seen: list[str] = []
    built = build(recipe)
    with torch.no_grad(), Watch():
        built.module(*built.inputs)
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_computes_finite_numbers(kind: str) -> None:
    import torch

    for seed in range(3):
        built = build(Recipe(kind, seed, SMALL))
        with torch.no_grad():
            assert torch.isfinite(built.module(*built.inputs).float()).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_recipe_makes_the_same_module_again(kind: str) -> None:
    import torch

    one, other = (build(Recipe(kind, 7, SMALL)) for _ in range(2))
    assert one.module.state_dict().keys() == other.module.state_dict().keys()
    with torch.no_grad():
        assert torch.equal(one.module(*one.inputs), other.module(*other.inputs))


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_is_the_same_at_another_size_with_larger_inputs(kind: str) -> None:
    small, large = Recipe(kind, 3, SMALL), Recipe(kind, 3, 16 * SMALL)
    assert operations(small) == operations(large)
    elements = [sum(tensor.numel() for tensor in build(recipe).inputs) for recipe in (small, large)]
    assert 6 <= elements[1] / elements[0] <= 40


def test_hardly_two_modules_do_the_same() -> None:
    made = [operations(Recipe(kind, seed, SMALL)) for kind in KINDS for seed in range(8)]
    assert len({tuple(each) for each in made}) >= 0.85 * len(made)


def test_a_longer_list_of_modules_begins_with_the_shorter_one() -> None:
    short = list(recipes(20))
    assert list(itertools.islice(recipes(50), len(short))) == short
    assert len(set(recipes(50))) == 50 * len(LADDER)


def test_every_kind_can_be_built() -> None:
    from ci_rlm.training.inductor_modules import BUILDERS

    assert sorted(BUILDERS) == sorted(KINDS)


def test_the_kernel_of_output_code_is_found_by_the_extractor_once_it_is_plain() -> None:
    assert kernels_of(SAMPLE) == ()
    (kernel,) = kernels_of(plain(SAMPLE))
    assert kernel.name == "triton_poi_fused_mul_0"
    assert kernel.source.startswith("@triton.jit\ndef triton_poi_fused_mul_0(in_ptr0, out_ptr0")


def test_plain_code_keeps_the_launch_and_drops_what_tunes_it() -> None:
    text = plain(SAMPLE)
    assert "triton_poi_fused_mul_0.run(arg0_1, buf0, 24" in text
    assert "size_hints" not in text and "get_args" not in text


def test_inputs_of_output_code_are_in_the_order_of_call_with_their_strides_and_dtypes() -> None:
    assert inductor_arguments(ast.parse(SAMPLE)) == [
        {"shape": (9,), "strides": (1,), "dtype": "int64"},
        {"shape": (4, 6), "strides": (1, 4), "dtype": "float16"},
        {"shape": (), "strides": (), "dtype": "float32"},
    ]


def test_output_code_is_called_with_one_list_and_its_size_is_what_goes_in() -> None:
    (spec,) = candidates(Program("inductor", "inductor/x", "x", SAMPLE, below=50))
    (case,) = spec["cases"]
    assert (spec["kind"], spec["entry"], case["size"]) == ("call", "call", 9 + 24 + 1)
    assert [tensor["below"] for tensor in case["arguments"][0]["list"]] == [50] * 3


def test_a_file_holds_a_line_a_recipe_and_goes_on_where_it_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "inductor.jsonl"
    first = write(path, 1, device="no such device", workers=1)
    whole = path.read_text()
    path.write_text(whole[:-20])
    assert write(path, 1, device="no such device", workers=1) == first
    assert sum(first.values()) == len(LADDER)
    assert len(path.read_text().splitlines()) == 1 + len(LADDER) + 1  # the torn line stays


def test_one_module_at_all_its_sizes_is_one_problem(tmp_path: Path) -> None:
    path = tmp_path / "inductor.jsonl"
    records = [
        {"kind": "gate", "seed": 4, "elements": elements, "torch": "2", "text": SAMPLE, "below": 2}
        for elements in LADDER
    ]
    path.write_text("\n".join(map(json.dumps, records)))
    found = list(read(path))
    assert {program.problem for program in found} == {"inductor/gate/4"}
    assert len({program.record for program in found}) == len(LADDER)


@pytest.mark.skipif(find_spec("triton") is None, reason="needs Triton")
@pytest.mark.parametrize("kind", ["softmax", "embedding"])
def test_output_code_of_a_real_compilation_is_read(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._inductor.config
    import torch.utils._triton

    # Triton's code for a CPU is generated as a GPU's is; only its key asks for a device.
    monkeypatch.setattr(torch.utils._triton, "triton_hash_with_backend", lambda: "none")
    built = build(Recipe(kind, 0, SMALL))
    with torch._inductor.config.patch(cpu_backend="triton"):
        text = source_of(built, "cpu")
    tensors = [*built.module.state_dict().values(), *built.inputs]
    shapes = [tuple(spec["shape"]) for spec in inductor_arguments(ast.parse(text))]
    assert set(shapes) <= {tuple(tensor.shape) for tensor in tensors}
    assert tuple(built.inputs[0].shape) in shapes
    assert kernels_of(plain(text))


@pytest.mark.gpu
def test_on_a_gpu_output_code_is_measured(tmp_path: Path) -> None:
    from ci_rlm.training.profile.kernel_runner import Loop

    path = tmp_path / "inductor.jsonl"
    write(path, len(KINDS), device="cuda", workers=4)
    found = list(read(path))
    assert len(found) >= 0.8 * len(KINDS) * len(LADDER)
    budget = Budget(Loop(window_s=0.2))
    rows = [row for program in found[:6] for row in measure(Work(program, budget))]
    assert [row["status"] for row in rows] == ["ok"] * 6
