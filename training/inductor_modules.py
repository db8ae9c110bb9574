"""A seeded variety of `nn.Module`s, for TorchInductor to make Triton kernels of (KernelBook in kind).

A builder draws the structure of a module from a seeded generator and takes its shapes from a
count of elements, so one seed at two counts is one module at two sizes. Loading this module
loads torch; `inductor` knows it by name.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # as everywhere
from torch import Tensor, nn

Forward = Callable[..., Tensor]
"""From the parts and weights of a module, and its inputs, to its output."""
Operation = Callable[[Tensor], Tensor]


class Composed(nn.Module):
    """A forward function with the submodules and parameters that it uses."""

    def __init__(self, run: Forward, parts: Sequence[nn.Module] = (), weights: Sequence[Tensor] = ()) -> None:
        super().__init__()
        self.run = run
        self.parts = nn.ModuleList(parts)
        self.weights = nn.ParameterList(weights)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Apply the function."""
        return self.run(self.parts, self.weights, *inputs)


@dataclass(frozen=True, slots=True)
class Built:
    """A module with inputs to call it on."""

    module: nn.Module
    inputs: tuple[Tensor, ...]
    below: int = 2
    """Bound of the whole numbers among the inputs."""


Build = Callable[[random.Random, int], Built]

UNARY: dict[str, Operation] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "elu": F.elu,
    "selu": F.selu,
    "softplus": F.softplus,
    "hardswish": F.hardswish,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.1),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "exp": lambda x: torch.exp(-x.abs()),
    "log": lambda x: torch.log1p(x.abs()),
    "sqrt": lambda x: torch.sqrt(x.abs() + 1e-6),
    "rsqrt": lambda x: torch.rsqrt(x.square() + 1.0),
    "sin": torch.sin,
    "erf": torch.erf,
    "square": torch.square,
    "reciprocal": lambda x: 1.0 / (1.0 + x.abs()),
    "clamp": lambda x: x.clamp(-1.0, 1.0),
    "negate": lambda x: -x,
    "scale": lambda x: 0.5 * x + 1.0,
    "round": lambda x: torch.round(x * 127.0) / 127.0,
    "where": lambda x: torch.where(x > 0, x, 0.01 * x),
}
BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add,
    "subtract": torch.sub,
    "multiply": torch.mul,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "divide": lambda x, y: x / (1.0 + y.abs()),
    "lerp": lambda x, y: torch.lerp(x, y, 0.3),
    "hypot": lambda x, y: torch.sqrt(x * x + y * y + 1e-6),
    "where": lambda x, y: torch.where(x > y, x * y, x + y),
}
REDUCTIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "sum": lambda x, d: x.sum(d),
    "mean": lambda x, d: x.mean(d),
    "amax": lambda x, d: x.amax(d),
    "amin": lambda x, d: x.amin(d),
    "var": lambda x, d: x.var(d),
    "std": lambda x, d: x.std(d),
    "norm": lambda x, d: torch.linalg.vector_norm(x, dim=d),
    "logsumexp": lambda x, d: torch.logsumexp(x, d),
    "absolute": lambda x, d: x.abs().mean(d),
    "argmax": lambda x, d: x.argmax(d).to(x.dtype),
    "count": lambda x, d: (x > 0).sum(d).to(x.dtype),
}


def _dtype(chance: random.Random) -> torch.dtype:
    return chance.choices((torch.float32, torch.float16, torch.bfloat16), (6, 2, 2))[0]


def _sides(chance: random.Random, elements: int, rank: int) -> tuple[int, ...]:
    """A shape of about that many elements; its aspect is drawn, and is the same at every count."""
    shares = [chance.uniform(0.5, 1.5) for _ in range(rank)]
    bits = math.log2(elements)
    return tuple(max(2, round(2 ** (bits * share / sum(shares)))) for share in shares)


def _matrix(chance: random.Random, elements: int) -> tuple[int, int]:
    """Rows and columns; columns are a multiple of 16."""
    rows, columns = _sides(chance, elements, 2)
    return rows, max(16, columns // 16 * 16)


def _chain(chance: random.Random, least: int, most: int) -> Operation:
    """Some unary operations one after the other."""
    steps = [UNARY[chance.choice(sorted(UNARY))] for _ in range(chance.randint(least, most))]

    def run(x: Tensor) -> Tensor:
        for step in steps:
            x = step(x)
        return x

    return run


def elementwise(chance: random.Random, elements: int) -> Built:
    """Chains over one to three inputs, joined by binary operations, with a broadcast bias at times."""
    count, dtype = chance.randint(1, 3), _dtype(chance)
    shape = _sides(chance, elements, chance.randint(1, 4))
    chains = [_chain(chance, 1, 4) for _ in range(count)]
    joins = [BINARY[chance.choice(sorted(BINARY))] for _ in range(count - 1)]
    biased, last = chance.random() < 0.5, _chain(chance, 0, 3)

    def run(_parts: nn.ModuleList, weights: nn.ParameterList, *inputs: Tensor) -> Tensor:
        x = chains[0](inputs[0])
        for chain, join, other in zip(chains[1:], joins, inputs[1:], strict=True):
            x = join(x, chain(other))
        return last(x + weights[0] if biased else x)

    weights = [torch.randn(shape[-1], dtype=dtype)] if biased else []
    return Built(Composed(run, (), weights), tuple(torch.randn(shape, dtype=dtype) for _ in range(count)))


def reduction(chance: random.Random, elements: int) -> Built:
    """One or two reductions of a chain, over any axis, and something done with them."""
    rank, dtype = chance.randint(2, 4), _dtype(chance)
    shape, axis = _sides(chance, elements, rank), chance.randrange(rank)
    before, after = _chain(chance, 0, 3), _chain(chance, 0, 2)
    names = chance.sample(sorted(REDUCTIONS), chance.randint(1, 2))
    back = chance.random() < 0.4

    def run(_parts: nn.ModuleList, _weights: nn.ParameterList, x: Tensor) -> Tensor:
        x = before(x)
        made = REDUCTIONS[names[0]](x, axis)
        for name in names[1:]:
            made = made + REDUCTIONS[name](x, axis)
        return after(x - made.unsqueeze(axis)) if back else after(made)

    return Built(Composed(run), (torch.randn(shape, dtype=dtype),))


def normalisation(chance: random.Random, elements: int) -> Built:
    """Layer, RMS, group, batch, instance and unit norms, with residuals and activations."""
    kind = chance.choice(("layer", "rms", "group", "batch", "instance", "unit", "standard"))
    residual, activation = chance.random() < 0.4, _chain(chance, 0, 2)
    groups = chance.choice((2, 4, 8))
    if kind in ("layer", "rms", "unit", "standard"):
        shape: tuple[int, ...] = _matrix(chance, elements)
    else:
        side = max(2, round(math.sqrt(elements / 64)))
        shape = (chance.choice((1, 2, 4)), 16 * chance.choice((1, 2, 4)), side, side)
    channels = shape[1]
    parts: dict[str, list[nn.Module]] = {
        "layer": [nn.LayerNorm(channels)],
        "group": [nn.GroupNorm(groups, channels)],
        "batch": [nn.BatchNorm2d(channels)],
        "instance": [nn.InstanceNorm2d(channels, affine=True)],
    }

    def run(parts: nn.ModuleList, weights: nn.ParameterList, x: Tensor) -> Tensor:
        if kind == "rms":
            made = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * weights[0]
        elif kind == "unit":
            made = F.normalize(x, dim=-1)
        elif kind == "standard":
            made = (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5)
        else:
            made = parts[0](x)
        return activation(made + x if residual else made)

    weights = [torch.randn(channels)] if kind == "rms" else []
    return Built(Composed(run, parts.get(kind, []), weights), (torch.randn(shape),))


def softmax(chance: random.Random, elements: int) -> Built:
    """Plain, logarithmic, masked, tempered and gumbel-like softmax over any axis."""
    rank, dtype = chance.randint(2, 4), _dtype(chance)
    shape, axis = _sides(chance, elements, rank), chance.randrange(rank)
    log, masked, cool = chance.random() < 0.3, chance.random() < 0.4, chance.choice((1.0, 0.5, 0.125))
    before, after = _chain(chance, 0, 2), _chain(chance, 0, 2)

    def run(_parts: nn.ModuleList, _weights: nn.ParameterList, x: Tensor, *masks: Tensor) -> Tensor:
        x = before(x) * cool
        x = x.masked_fill(masks[0], -1e4) if masks else x
        return after(F.log_softmax(x, axis) if log else F.softmax(x, axis))

    masks = (torch.rand(shape) < 0.3,) if masked else ()
    return Built(Composed(run), (torch.randn(shape, dtype=dtype), *masks))


def linear(chance: random.Random, elements: int) -> Built:
    """A small product with an epilogue: bias, activation, residual, norm; two layers at times."""
    rows, columns = _matrix(chance, elements)
    columns = min(columns, 512)
    layers, hidden = chance.randint(1, 2), 16 * chance.randint(1, 16)
    epilogues = [_chain(chance, 1, 4) for _ in range(layers)]
    biased, residual, normed = (chance.random() < 0.5 for _ in range(3))
    widths = [columns, *([hidden] * (layers - 1)), columns]
    parts: list[nn.Module] = [nn.Linear(a, b, bias=biased) for a, b in itertools.pairwise(widths)]
    parts += [nn.LayerNorm(columns)] if normed else []

    def run(parts: nn.ModuleList, _weights: nn.ParameterList, x: Tensor) -> Tensor:
        made = x
        for layer, epilogue in zip(parts, epilogues, strict=False):
            made = epilogue(layer(made))
        made = made + x if residual else made
        return parts[-1](made) if normed else made

    return Built(Composed(run, parts), (torch.randn(rows, columns),))


def pooling(chance: random.Random, elements: int) -> Built:
    """Pooling, resizing and local means of images, between chains."""
    channels, side = chance.choice((4, 16, 32)), 2 * max(4, round(math.sqrt(elements / 64) / 2))
    size, before, after = chance.choice((2, 3)), _chain(chance, 0, 2), _chain(chance, 1, 3)
    kinds: dict[str, Operation] = {
        "max": lambda x: F.max_pool2d(x, size),
        "average": lambda x: F.avg_pool2d(x, size, stride=1, padding=size // 2),
        "adaptive": lambda x: F.adaptive_avg_pool2d(x, 2 * size),
        "global": lambda x: x.mean((2, 3)),
        "nearest": lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest"),
        "bilinear": lambda x: F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False),
        "strips": lambda x: x.amax(2, keepdim=True) + x.mean(3, keepdim=True),
    }
    pool = kinds[chance.choice(sorted(kinds))]

    def run(_parts: nn.ModuleList, _weights: nn.ParameterList, x: Tensor) -> Tensor:
        return after(pool(before(x)))

    batch = max(1, elements // (channels * side * side))
    return Built(Composed(run), (torch.randn(batch, channels, side, side),))


def embedding(chance: random.Random, elements: int) -> Built:
    """Rows of a table: summed with positions, scaled, normed, pooled over the sequence."""
    words, width = chance.choice((128, 1024, 8192)), 16 * chance.choice((1, 4, 8, 16))
    batch, length = 4, max(4, elements // (4 * width))
    positions, normed, pooled = (chance.random() < 0.5 for _ in range(3))
    after = _chain(chance, 0, 3)
    parts: list[nn.Module] = [nn.Embedding(words, width), nn.LayerNorm(width)]

    def run(parts: nn.ModuleList, weights: nn.ParameterList, tokens: Tensor) -> Tensor:
        x = parts[0](tokens)
        x = x + weights[0] if positions else x
        x = after(parts[1](x) if normed else x * math.sqrt(width))
        return x.mean(1) if pooled else x

    weights = [torch.randn(length, width)] if positions else []
    tokens = torch.randint(0, words, (batch, length), generator=torch.Generator().manual_seed(0))
    return Built(Composed(run, parts, weights), (tokens,), words)


def loss(chance: random.Random, elements: int) -> Built:
    """Losses over two tensors of one shape, plain or weighted, of predictions that a chain makes."""
    shape = _matrix(chance, elements)
    weighted, before = chance.random() < 0.3, _chain(chance, 0, 2)
    kinds: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "squared": lambda x, y: F.mse_loss(x, y, reduction="none"),
        "absolute": lambda x, y: F.l1_loss(x, y, reduction="none"),
        "huber": lambda x, y: F.huber_loss(x, y, reduction="none"),
        "smooth": lambda x, y: F.smooth_l1_loss(x, y, reduction="none"),
        "binary": lambda x, y: F.binary_cross_entropy_with_logits(x, torch.sigmoid(y), reduction="none"),
        "divergence": lambda x, y: F.kl_div(F.log_softmax(x, -1), F.softmax(y, -1), reduction="none"),
        "cross": lambda x, y: -(F.log_softmax(x, -1) * F.softmax(y, -1)),
        "cosine": lambda x, y: 1.0 - F.cosine_similarity(x, y, dim=-1).unsqueeze(-1),
        "hinge": lambda x, y: F.relu(1.0 - x * torch.sign(y)),
        "dice": lambda x, y: _dice(x.sigmoid(), y.sigmoid()),
        "focal": lambda x, y: (1 - x.sigmoid()).square() * F.softplus(-x) * y.sigmoid(),
        "charbonnier": lambda x, y: torch.sqrt((x - y).square() + 1e-6),
    }  # fmt: skip
    measure, total = kinds[chance.choice(sorted(kinds))], chance.random() < 0.5

    def run(_parts: nn.ModuleList, weights: nn.ParameterList, x: Tensor, y: Tensor) -> Tensor:
        made = measure(before(x), y)
        made = made * weights[0] if weighted else made
        return made.sum() if total else made.mean()

    weights = [torch.rand(1)] if weighted else []
    return Built(Composed(run, (), weights), (torch.randn(shape), torch.randn(shape)))


def _dice(x: Tensor, y: Tensor) -> Tensor:
    return 1.0 - 2.0 * (x * y).sum(-1, True) / (x + y).sum(-1, True)


def attention(chance: random.Random, elements: int) -> Built:
    """Scores, scale, mask or bias, softmax and the weighted sum, written out."""
    heads, width = chance.choice((1, 2, 4)), chance.choice((16, 32, 64))
    length = max(8, min(1024, elements // (2 * heads * width)))
    causal, biased, capped, gated = (chance.random() < 0.4 for _ in range(4))

    def run(_parts: nn.ModuleList, weights: nn.ParameterList, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = q @ k.transpose(-2, -1) / math.sqrt(width)
        scores = 30.0 * torch.tanh(scores / 30.0) if capped else scores
        scores = scores + weights[0] if biased else scores
        if causal:
            place = torch.arange(length, device=q.device)
            scores = scores.masked_fill(place[None, :] > place[:, None], float("-inf"))
        made = F.softmax(scores, -1) @ v
        return made * torch.sigmoid(q) if gated else made

    weights = [torch.randn(heads, length, length)] if biased else []
    inputs = tuple(torch.randn(2, heads, length, width) for _ in range(3))
    return Built(Composed(run, (), weights), inputs)


def gate(chance: random.Random, elements: int) -> Built:
    """Gated linear units without their products: one half lets the other one through."""
    rows, columns = _matrix(chance, elements)
    dtype, activation = _dtype(chance), UNARY[chance.choice(sorted(UNARY))]
    halves, residual, before = chance.random() < 0.5, chance.random() < 0.4, _chain(chance, 0, 1)

    def run(_parts: nn.ModuleList, _weights: nn.ParameterList, *inputs: Tensor) -> Tensor:
        x, y = inputs[0].chunk(2, -1) if halves else inputs
        made = activation(before(x)) * y
        return made + x if residual else made

    count = 1 if halves else 2
    return Built(Composed(run), tuple(torch.randn(rows, columns, dtype=dtype) for _ in range(count)))


def layout(chance: random.Random, elements: int) -> Built:
    """What moves elements: concatenation, permutation, padding, flips, shifts, slices, shuffles."""
    side = 4 * max(2, round((elements / 8) ** 0.5 / 4))
    kinds: dict[str, Operation] = {
        "concatenate": lambda x: torch.cat([x, x.flip(-1)], 1),
        "stack": lambda x: torch.stack([x, x + 1.0], -1).flatten(-2),
        "permute": lambda x: x.permute(0, 3, 2, 1).contiguous(),
        "pad": lambda x: F.pad(x, (1, 2, 3, 4)),
        "reflect": lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect"),
        "roll": lambda x: torch.roll(x, (1, 3), (2, 3)),
        "slice": lambda x: x[..., ::2] * x[..., 1::2],
        "shuffle": lambda x: F.pixel_unshuffle(x, 2),
        "repeat": lambda x: x.repeat(1, 2, 1, 1),
        "difference": lambda x: x[..., 1:] - x[..., :-1],
        "lower": lambda x: torch.tril(x),
        "transpose": lambda x: x + x.transpose(-1, -2),
    }
    steps = [kinds[name] for name in chance.sample(sorted(kinds), chance.randint(1, 2))]
    before, after = _chain(chance, 0, 2), _chain(chance, 1, 2)

    def run(_parts: nn.ModuleList, _weights: nn.ParameterList, x: Tensor) -> Tensor:
        x = before(x)
        made = sum((after(step(x)).mean((1, 2, 3)) for step in steps[1:]), start=x.new_zeros(()))
        return after(steps[0](x)) + made.mean()

    return Built(Composed(run), (torch.randn(2, 4, side, side, dtype=_dtype(chance)),))


def scan(chance: random.Random, elements: int) -> Built:
    """Running sums and products along an axis, forwards or backwards."""
    shape, backwards = _matrix(chance, elements), chance.random() < 0.4
    product, before, after = chance.random() < 0.3, _chain(chance, 0, 2), _chain(chance, 0, 2)

    def run(_parts: nn.ModuleList, _weights: nn.ParameterList, x: Tensor) -> Tensor:
        x = before(x)
        x = x.flip(-1) if backwards else x
        made = torch.cumprod(torch.sigmoid(x), -1) if product else torch.cumsum(x, -1)
        return after(made.flip(-1) if backwards else made)

    return Built(Composed(run), (torch.randn(shape),))


def convolution(chance: random.Random, elements: int) -> Built:
    """A small convolution, depthwise at times, with bias, norm and activation after it."""
    channels, side = chance.choice((4, 8, 16)), max(8, round(math.sqrt(elements / 16)))
    depthwise, normed, residual = (chance.random() < 0.5 for _ in range(3))
    size, activation = chance.choice((1, 3, 5)), _chain(chance, 1, 3)
    groups = channels if depthwise else 1
    parts = [
        nn.Conv2d(channels, channels, size, padding=size // 2, groups=groups),
        nn.BatchNorm2d(channels),
    ]

    def run(parts: nn.ModuleList, _weights: nn.ParameterList, x: Tensor) -> Tensor:
        made = parts[0](x)
        made = activation(parts[1](made) if normed else made)
        return made + x if residual else made

    return Built(Composed(run, parts), (torch.randn(1, channels, side, side),))


def update(chance: random.Random, elements: int) -> Built:
    """A step of an optimiser on a flat parameter: momentum, Adam, RMSprop, Lion, averaging."""
    rate, decay = chance.choice((1e-3, 1e-2)), chance.choice((0.0, 0.1))
    kinds: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
        "momentum": lambda p, g, m, v: p - rate * (0.9 * m + g),
        "nesterov": lambda p, g, m, v: p - rate * (g + 0.9 * (0.9 * m + g)),
        "adam": lambda p, g, m, v: p - rate * torch.lerp(m, g, 0.1) / (torch.lerp(v.abs(), g * g, 0.01).sqrt() + 1e-8),  # noqa: E501
        "rmsprop": lambda p, g, m, v: p - rate * g / (torch.lerp(v.abs(), g * g, 0.1).sqrt() + 1e-8),
        "lion": lambda p, g, m, v: p - rate * torch.sign(torch.lerp(m, g, 0.1)),
        "average": lambda p, g, m, v: torch.lerp(m, p - rate * g, 0.001) + 0.0 * v,
    }  # fmt: skip
    step, clipped = kinds[chance.choice(sorted(kinds))], chance.random() < 0.4

    def run(
        _parts: nn.ModuleList, _weights: nn.ParameterList, p: Tensor, g: Tensor, m: Tensor, v: Tensor
    ) -> Tensor:
        g = g / torch.clamp(torch.linalg.vector_norm(g), min=1.0) if clipped else g
        return step(p - rate * decay * p, g, m, v)

    return Built(Composed(run), tuple(torch.randn(elements) for _ in range(4)))


def quantisation(chance: random.Random, elements: int) -> Built:
    """To eight bits and back, a scale for all, for a row or for a block."""
    rows, columns = _matrix(chance, elements)
    scope, signed, dtype = chance.choice(("all", "row", "block")), chance.random() < 0.5, _dtype(chance)
    back, before = chance.random() < 0.6, _chain(chance, 0, 2)

    def run(_parts: nn.ModuleList, _weights: nn.ParameterList, x: Tensor) -> Tensor:
        x = before(x).float()
        x = x.reshape(rows, -1, 16) if scope == "block" else x
        top = x.abs().amax() if scope == "all" else x.abs().amax(-1, keepdim=True)
        scale = top / (127.0 if signed else 255.0) + 1e-8
        made = torch.round(x / scale).clamp(-127 if signed else 0, 127 if signed else 255)
        made = made.to(torch.int8 if signed else torch.uint8)
        return made.float() * scale if back else made

    return Built(Composed(run), (torch.randn(rows, columns, dtype=dtype),))


def rotary(chance: random.Random, elements: int) -> Built:
    """Rotary positions, in halves or in pairs, with a norm of queries at times."""
    heads, width = chance.choice((2, 4, 8)), chance.choice((32, 64, 128))
    length = max(4, elements // (2 * heads * width))
    paired, normed, dtype = chance.random() < 0.5, chance.random() < 0.4, _dtype(chance)

    def run(_parts: nn.ModuleList, _weights: nn.ParameterList, x: Tensor, angle: Tensor) -> Tensor:
        x = F.normalize(x, dim=-1) if normed else x
        cos, sin = torch.cos(angle)[:, None, :], torch.sin(angle)[:, None, :]
        one, other = (x[..., ::2], x[..., 1::2]) if paired else x.chunk(2, -1)
        turned = (one * cos - other * sin, other * cos + one * sin)
        return torch.stack(turned, -1).flatten(-2) if paired else torch.cat(turned, -1)

    angle = torch.randn(length, width // 2, dtype=dtype)
    return Built(Composed(run), (torch.randn(2, length, heads, width, dtype=dtype), angle))


BUILDERS: dict[str, Build] = {
    "attention": attention,
    "convolution": convolution,
    "elementwise": elementwise,
    "embedding": embedding,
    "gate": gate,
    "layout": layout,
    "linear": linear,
    "loss": loss,
    "normalisation": normalisation,
    "pooling": pooling,
    "quantisation": quantisation,
    "reduction": reduction,
    "rotary": rotary,
    "scan": scan,
    "softmax": softmax,
    "update": update,
}


def build(kind: str, seed: int, elements: int) -> Built:
    """The module of a kind and seed, with inputs of about that many elements; KeyError for no such kind."""
    torch.manual_seed(seed)
    built = BUILDERS[kind](random.Random(f"{kind}/{seed}"), elements)
    built.module.eval()
    return built
