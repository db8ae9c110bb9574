"""The paper's released checkpoints in small: what transformers computes is what we decode."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from ci_rlm.errors import CheckpointError
from ci_rlm.flow import Kind
from ci_rlm.model import checkpoint, decode
from ci_rlm.model.network import collate
from ci_rlm.predict.rlm import RlmPredictor
from ci_rlm.prompt import prompt_from_text, space_for
from tests.conftest import Checkout
from tests.released_layout import IEEE, P10, SIZES, vocabulary, write

TEXTS = ["def f(x):\n    return x\n\n", "a b <bos>"]
LAYOUTS = pytest.mark.parametrize("numbers", [IEEE, P10], ids=["ieee", "p10"])

# Logits of the first prompt, one row a token, as transformers 4.53.2 (the version that the released
# checkpoints name) gave them for this checkpoint, generating with its cache.
OF_4_53_2 = """
 5.9309  6.7898 1.6469 -5.0340 -7.1420 -2.9795  3.9452  7.2421 4.1932 -2.7020 -7.0875 -5.2436  1.3505
 2.7755  7.4002 5.5281 -1.3568 -6.9674 -6.4085 -0.1177  6.2839 7.0532  1.5874 -5.3681 -7.4451 -2.9919
-4.1127  2.5947 6.8965  5.1313 -1.2769 -6.4941 -5.9562 -0.0924 5.8577  6.5621  1.4581 -5.0052 -6.9320
-5.1912 -0.1991 4.9769  5.6971  1.3683 -4.2212 -5.9976 -2.4836 3.3067  6.0840  3.5023 -2.2653 -5.9541
-4.4135 -1.5975 2.6663  4.5274  2.3786 -1.9175 -4.4783 -3.0704 1.0963  4.2677  3.6479 -0.2332 -3.9023
"""
GREEDY = [0, 7, 8, 2, 9]


class Small:
    """A written checkpoint, its wrapped T5Gemma, and what we load of it."""

    def __init__(self, folder: Path, numbers: dict[str, Any], **flags: Any) -> None:
        self.folder, self.numbers = folder, numbers
        self.wrapped = write(folder, numbers, **flags)
        self.network: Any = checkpoint.load_model(folder)
        self.config = checkpoint.read_any_config(folder)
        rows, _ = checkpoint.load_tokenizer(folder, self.config).encode_batch(TEXTS, 2048)
        self.source, keep = collate(rows)
        assert keep is not None
        self.keep = keep
        # Our id of a token → the checkpoint's, by how both spell it.
        ids = vocabulary(numbers)
        spelled = [f"<{token}>" if token else "<pad>" for token in self.network.number_format.vocabulary]
        self.ids = torch.tensor([ids[token] for token in spelled])

    @torch.no_grad()
    def plain(self, tokens: Tensor) -> Tensor:
        """Logits of transformers' own teacher-forced pass, in our order of tokens."""
        rows = [
            self.wrapped(
                input_ids=self.source,
                attention_mask=self.keep.long(),
                decoder_input_ids=self.ids[tokens[:, row]],
            ).logits[..., self.ids]
            for row in range(tokens.shape[1])
        ]
        return torch.stack(rows, dim=1)

    @torch.no_grad()
    def ours(self, tokens: Tensor, parts: tuple[int, ...]) -> Tensor:
        """Our logits, the tokens fed in parts of these lengths."""
        memory, rows, found = self.network.encode(self.source, self.keep), None, []
        for part in tokens.split(parts, dim=-1):
            logits, rows = self.network.extend(part, memory, rows)
            found.append(logits)
        return torch.cat(found, dim=2)

    def tokens(self, rows: int, length: int) -> Tensor:
        generator = torch.Generator().manual_seed(3)
        drawn = torch.randint(1, len(self.ids), (2, rows, length - 1), generator=generator)
        return torch.cat([torch.zeros(2, rows, 1, dtype=torch.int64), drawn], dim=-1)


@pytest.fixture(scope="module", params=[IEEE, P10], ids=["ieee", "p10"])
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small(tmp_path_factory.mktemp("released") / "model", request.param)


def test_logits_are_those_of_the_plain_forward_pass(small: Small) -> None:
    tokens = small.tokens(rows=3, length=5)
    torch.testing.assert_close(small.ours(tokens, (5,)), small.plain(tokens), atol=3e-5, rtol=0)


@pytest.mark.parametrize("parts", [(1, 1, 1, 1, 1), (2, 3), (4, 1)])
def test_cached_decoding_is_uncached_decoding(small: Small, parts: tuple[int, ...]) -> None:
    tokens = small.tokens(rows=3, length=5)
    torch.testing.assert_close(small.ours(tokens, parts), small.ours(tokens, (5,)), atol=3e-5, rtol=0)


def test_logits_are_those_of_the_transformers_that_wrote_the_released_ones(tmp_path: Path) -> None:
    small = Small(tmp_path / "model", IEEE)
    told = torch.tensor(GREEDY)[None, None].expand(2, 1, -1)
    tokens = torch.argsort(small.ids)[told]
    logits = small.ours(tokens, (5,))[0, 0][:, torch.argsort(small.ids)]
    told_then = torch.tensor([[float(x) for x in row.split()] for row in OF_4_53_2.strip().splitlines()])
    torch.testing.assert_close(logits, told_then, atol=1e-4, rtol=0)


def test_the_answer_depends_on_the_input(small: Small) -> None:
    logits = small.ours(small.tokens(rows=1, length=3), (3,))
    alone = small.network.encode(small.source[:1, :9])
    other, _ = small.network.extend(small.tokens(rows=1, length=3)[:1], alone)
    assert (logits[0, 0, 0] - logits[1, 0, 0]).abs().max() > 0.01
    assert (logits[0, 0, 0] - other[0, 0, 0]).abs().max() > 0.01


def test_padding_changes_nothing(small: Small) -> None:
    length, tokens = int(small.keep[1].sum()), small.tokens(rows=2, length=4)
    assert length < small.source.shape[1]
    with torch.no_grad():
        memory = small.network.encode(small.source[1:, :length])
        alone, _ = small.network.extend(tokens[1:], memory)
    torch.testing.assert_close(alone, small.ours(tokens, (4,))[1:], atol=3e-5, rtol=0)


def legal(spelled: str, small: Small) -> bool:
    """By the words of the number formats: canonical form, and zero in its own."""
    if isinstance(small.numbers.get("ieee_exponent_digits"), int):
        return re.fullmatch(r"0{4,}|[+-](\+\d|-[1-9])[1-9]\d", spelled) is not None
    return re.fullmatch(r"\+00E0|[+-][1-9]\dE(-[12]|[012])", spelled) is not None


def distribution(small: Small, prompt: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every number and its probability, from plain forward passes over all prefixes."""
    words = small.network.number_format.vocabulary
    prefixes: list[tuple[tuple[int, ...], float]] = [((), 1.0)]
    length = small.network.number_format.length
    alphabet = everything(small)
    for position in range(length):
        tokens = torch.tensor([[0, *prefix] for prefix, _ in prefixes])
        with torch.no_grad():
            logits = small.wrapped(
                input_ids=small.source[prompt, None].expand(len(prefixes), -1),
                attention_mask=small.keep[prompt, None].expand(len(prefixes), -1).long(),
                decoder_input_ids=small.ids[tokens],
            ).logits[:, -1, small.ids]
        longer = []
        for (prefix, p), row in zip(prefixes, logits.double(), strict=True):
            allowed = sorted({number[position] for number in alphabet if number[:position] == prefix})
            for token, q in zip(allowed, row[allowed].softmax(0).tolist(), strict=True):
                longer.append(((*prefix, token), p * q))
        prefixes = longer
    values = [value_of("".join(words[token] for token in tokens), small) for tokens, _ in prefixes]
    order = np.argsort(values)
    return np.array(values)[order], np.array([p for _, p in prefixes])[order]


def everything(small: Small) -> list[tuple[int, ...]]:
    """The tokens of every legal number."""
    words = small.network.number_format.vocabulary
    found: list[tuple[int, ...]] = [()]
    for _ in range(small.network.number_format.length):
        found = [(*prefix, token) for prefix in found for token in range(1, len(words))]
        spelled = {prefix: "".join(words[token] for token in prefix) for prefix in found}
        found = [prefix for prefix in found if could_be(spelled[prefix], small)]
    return [prefix for prefix in found if legal("".join(words[t] for t in prefix), small)]


def could_be(start: str, small: Small) -> bool:
    if "ieee_exponent_digits" in small.numbers:
        return re.fullmatch(r"0+|[+-]([+-](\d([1-9]\d?)?)?)?", start) is not None
    return re.fullmatch(r"[+-](\d(\d(E-?\d)?)?)?", start) is not None


def value_of(spelled: str, small: Small) -> float:
    if "ieee_exponent_digits" in small.numbers:
        if set(spelled) == {"0"}:
            return 0.0
        sign, exponent, mantissa = spelled[0], spelled[1:3], spelled[3:]
        return float(f"{sign}{mantissa[0]}.{mantissa[1:]}e{exponent}")
    return float(spelled)


def test_quantiles_are_those_of_the_enumerated_distribution(small: Small) -> None:
    probabilities = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
    with torch.no_grad():
        memory = small.network.encode(small.source, small.keep)
        found = decode.quantiles(small.network, memory, np.empty((2, 0)), probabilities)[:, 0]
    for prompt in range(2):
        values, p = distribution(small, prompt)
        assert p.sum() == pytest.approx(1)
        below, upto = np.cumsum(p) - p, np.cumsum(p)
        at = np.searchsorted(values, found[prompt])
        assert values[at].tolist() == found[prompt].tolist()
        # F jumps over u at an exact quantile; an estimated one may be off by what its samples miss.
        slack = 1e-6 if small.numbers is IEEE else 0.03
        assert (below[at] < np.array(probabilities) + slack).all()
        assert (upto[at] > np.array(probabilities) - slack).all()


@LAYOUTS
def test_a_regression_head_is_certain_of_its_point(tmp_path: Path, numbers: dict[str, Any]) -> None:
    small = Small(tmp_path / "model", numbers, head=True)
    weights = load_file(small.folder / "model.safetensors")
    with torch.no_grad():
        encoder = small.wrapped.model.encoder
        hidden = encoder(input_ids=small.source, attention_mask=small.keep.long()).last_hidden_state
        mean = torch.stack([row[keep].mean(0) for row, keep in zip(hidden, small.keep, strict=True)])
        points = (mean @ weights["regression_head.weight"].T)[:, 0] + weights["regression_head.bias"]
        memory = small.network.encode(small.source, small.keep)
        torch.testing.assert_close(small.network.points(small.source, small.keep), points)
    found = decode.quantiles(small.network, memory, np.empty((2, 0)), [0.05, 0.5, 0.95])[:, 0]
    rounded = [float(f"{point:.1e}") for point in points.tolist()]
    assert found.tolist() == [[value] * 3 for value in rounded]
    assert rounded[0] != pytest.approx(0)


@LAYOUTS
def test_spaces_have_the_papers_prefixes_and_units_of_ours(tmp_path: Path, numbers: dict[str, Any]) -> None:
    small = Small(tmp_path / "model", numbers)
    predictor = RlmPredictor(small.folder, "cpu")
    function, kernel = (space_for(kind, predictor.spaces) for kind in (Kind.FUNCTION, Kind.TRITON_KERNEL))
    assert function is not None
    assert kernel is not None
    assert (function.prefix, kernel.prefix) == ("APPS\n", "KBSS\n")
    assert predictor.config.space("CDSS C++").prefix == "# CDSS\n# Language: C++\n"
    assert predictor.config.space("ENAS").prefix == "ENAS\n\n"

    (memory,), (latency,) = predictor.predict([prompt_from_text(TEXTS[0], s) for s in (function, kernel)])

    assert [(p.metric, p.unit) for p in (memory, latency)] == [("peak_memory", "B"), ("latency", "s")]
    for space, prediction, unit in ((function, memory, 1.0), (kernel, latency, 1e-3)):
        words = checkpoint.load_tokenizer(small.folder, small.config)
        rows, _ = words.encode_batch([space.prefix + TEXTS[0]], 2048)
        with torch.no_grad():
            encoded = small.network.encode(torch.tensor(rows))
        asked = [u for u, _ in prediction.quantiles]
        plain = decode.quantiles(small.network, encoded, np.empty((1, 0)), asked)[0, 0]
        assert [value for _, value in prediction.quantiles] == pytest.approx((plain * unit).tolist())


def test_text_reaches_the_model_whole(tmp_path: Path) -> None:
    write(tmp_path, IEEE)
    words = checkpoint.load_tokenizer(tmp_path, checkpoint.read_any_config(tmp_path))
    texts = [
        "if a:\n    b\nc",
        "if a:\n    b\n    c",
        "if a:\n  b\nc",
        "if a: b c",
        "a\n\nb",
        "a\nb",
        "a<bos>b",
    ]
    rows, cropped = words.encode_batch(texts, 2048)
    assert len({tuple(row) for row in rows}) == len(texts)
    assert not any(cropped)
    assert all(row[0] == 2 and 2 not in row[1:] for row in rows)


def test_a_long_text_is_cropped_behind_its_first_token_and_said_to_be(tmp_path: Path) -> None:
    write(tmp_path, IEEE)
    words = checkpoint.load_tokenizer(tmp_path, checkpoint.read_any_config(tmp_path))
    (whole, cut), cropped = words.encode_batch(["abc", "abcdefghi"], 5)
    assert cropped == [False, True]
    assert (len(whole), len(cut)) == (4, 5)
    assert cut[:4] == whole


def test_weights_in_parts_are_the_same_weights(tmp_path: Path) -> None:
    small = Small(tmp_path / "model", IEEE)
    weights = load_file(small.folder / "model.safetensors")
    (small.folder / "model.safetensors").unlink()
    parts = {f"model-0000{part}-of-00002.safetensors": sorted(weights)[part - 1 :: 2] for part in (1, 2)}
    for name, tensors in parts.items():
        save_file({tensor: weights[tensor] for tensor in tensors}, small.folder / name)
    index = {"weight_map": {tensor: name for name, tensors in parts.items() for tensor in tensors}}
    (small.folder / "model.safetensors.index.json").write_text(json.dumps(index))

    loaded: Any = checkpoint.load_model(small.folder)

    for name, tensor in small.network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    _, info, _ = checkpoint.read_info(small.folder)
    assert info.dtype == "float32"
    (small.folder / max(parts)).unlink()
    with pytest.raises(CheckpointError, match=f"cannot read .*{max(parts)}"):
        checkpoint.read_info(small.folder)


@pytest.mark.parametrize("name", ["../model.safetensors", "/tmp/a.safetensors", "model.bin", 3])
def test_an_index_may_only_name_weights_beside_it(tmp_path: Path, name: object) -> None:
    write(tmp_path, IEEE)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(CheckpointError, match="no safetensors file beside it"):
        checkpoint.read_info(tmp_path)


def damaged(edit: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        record = json.loads((folder / "config.json").read_text())
        edit(record)
        (folder / "config.json").write_text(json.dumps(record))

    return apply


def renumbered(folder: Path) -> None:
    ids = vocabulary(IEEE)
    (folder / "ieee_vocab.json").write_text(json.dumps({**ids, "<9>": ids["<8>"]}))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "vocabulary": (lambda f: (f / "ieee_vocab.json").unlink(), "cannot read .*ieee_vocab.json"),
    "token": (lambda f: (f / "ieee_vocab.json").write_text('{"<pad>": 0}'), r"number token '\+' is missing"),
    "numbering": (renumbered, "not numbered from 1 to 12"),
    "list": (lambda f: (f / "ieee_vocab.json").write_text("[]"), "no vocabulary of number tokens"),
    "base": (damaged(lambda r: r.update(ieee_base=2)), "ieee_base is 2"),
    "digits": (damaged(lambda r: r.update(ieee_exponent_digits=3)), "exponent_digits is 3"),
    "codec": (damaged(lambda r: r.update(decoder_tokenizer="T5")), "neither IEEE nor P10"),
    "key": (damaged(lambda r: r.pop("ieee_mantissa_digits")), "missing key 'ieee_mantissa_digits'"),
    "backbone": (damaged(lambda r: r.pop("backbone_config")), "missing key 'backbone_config'"),
    "start": (damaged(lambda r: r.update(decoder_start_token_id=2)), "does not start with token 0"),
    "tokenizer": (lambda f: (f / "encoder_tokenizer" / "tokenizer.json").unlink(), "cannot read"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_told_with_its_file(tmp_path: Path, damage: str) -> None:
    write(tmp_path, IEEE)
    spoil, told = DAMAGE[damage]
    spoil(tmp_path)
    with pytest.raises(CheckpointError, match=told) as caught:
        checkpoint.read_info(tmp_path)
    assert str(tmp_path) in caught.value.message


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda w: w.pop("model.lm_head.out_proj.weight"), "out_proj.weight is missing"),
        (lambda w: w.update({"model.extra": torch.zeros(2)}), "unknown tensor model.extra"),
        (lambda w: w.update({"model.lm_head.out_proj.weight": torch.zeros(3, 32)}), r"shape \[3, 32\]"),
        (lambda w: w["model.lm_head.out_proj.weight"].fill_(torch.nan), "not finite"),
    ],
    ids=["missing", "unknown", "misshapen", "nan"],
)
def test_wrong_weights_are_told_with_their_tensor(
    tmp_path: Path, edit: Callable[[dict[str, Tensor]], object], told: str
) -> None:
    write(tmp_path, IEEE)
    weights = load_file(tmp_path / "model.safetensors")
    edit(weights)
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=told):
        checkpoint.load_model(tmp_path)


def test_a_window_shorter_than_the_numbers_is_refused(tmp_path: Path) -> None:
    write(tmp_path, IEEE, sliding_window=4)
    with pytest.raises(CheckpointError, match="no more than 4 tokens back"):
        checkpoint.load_model(tmp_path)


def test_a_released_checkpoint_is_not_taken_for_one_of_ours(tmp_path: Path) -> None:
    write(tmp_path, IEEE)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        checkpoint.read_config(tmp_path)


def test_reading_what_it_is_loads_neither_torch_nor_transformers(tmp_path: Path) -> None:
    write(tmp_path, IEEE)
    program = "import sys; from pathlib import Path; from ci_rlm.model import checkpoint"
    program += "; checkpoint.read_info(Path(sys.argv[1]))"
    program += "; sys.exit(bool({'torch', 'transformers', 'tokenizers'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)


def test_a_check_with_it_ends_in_a_report(repo: Checkout, tmp_path: Path) -> None:
    write(tmp_path / "released", IEEE)
    repo.write("a.py", "def f(xs):\n    return sorted(set(xs))\n")
    repo.commit()
    repo.write("a.py", "def f(xs):\n    return [x for x in sorted(xs) if xs.count(x) == 1]\n")
    repo.commit()
    command = [sys.executable, "-m", "ci_rlm", "check", "-C", str(repo.root), "--base", "HEAD~1"]
    command += ["--checkpoint", str(tmp_path / "released"), "--format", "json"]

    first, second = (subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2))

    report = json.loads(first)
    assert report["model"]["name"] == "regresslm"
    assert [row["metric"] for row in report["rows"]] == ["peak_memory"]
    assert first == second


def test_sizes_of_the_small_one_are_shared_between_its_heads() -> None:
    assert SIZES["num_attention_heads"] > SIZES["num_key_value_heads"] > 1
