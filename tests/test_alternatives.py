"""The paper's alternatives: regression heads scale and invert, text always reads, and all learn."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from torch import Tensor

from ci_rlm.errors import CheckpointError
from ci_rlm.model import alternatives, checkpoint, text_numbers, tokenizer
from ci_rlm.model.alternatives import Head, RegressionHead, TextHead
from ci_rlm.model.config import ModelConfig
from ci_rlm.model.network import collate
from ci_rlm.model.text_numbers import GLYPHS, TextFormat
from ci_rlm.training import texts

NUMBER = re.compile(r"-?(0|[1-9]\d{0,15})(\.\d{1,12})?\n")
PREFIX = re.compile(r"-?|-?(0|[1-9]\d{0,15})(\.\d{0,12})?|" + NUMBER.pattern)
"""What a prefix of a number looks like, the whole included."""
WORDS = tokenizer.learn(["for x in xs: f(1.5, -2)\n"], 300)
FORMAT = TextFormat.of(WORDS)
CONFIG = ModelConfig(
    *("miniature", "a machine", (texts.python_space("a machine", 100.0),)),
    vocab_size=WORDS.vocab_size, width=32, heads=2, encoder_layers=1, decoder_layers=1, feed_forward=48,
)  # fmt: skip
ROWS = np.array([[10.0, 200.0, 1e-6], [1000.0, 5000.0, 3e-6], [20.0, 1200.0, 9e-6]])
ALL_KNOWN = torch.ones(3, 1, 2, dtype=torch.bool)
NO_NUMBERS = ["12", "a", "1\n2", "1.", "--1\n", "01\n", "1e3\n", "\n", ".5\n"]


def head(name: str) -> Head:
    return alternatives.build(name, CONFIG, WORDS, seed=3).eval()


def prompts(*lines: str) -> tuple[Tensor, Tensor | None]:
    return collate(WORDS.encode_batch(lines, 64)[0])


def tokens_of(text: str) -> list[int]:
    return WORDS.encode_batch([text], 99)[0][0][1:]


@given(st.floats(1e-8, 9.9999e15) | st.floats(-9.9999e15, -1e-8) | st.just(0.0))
def test_a_number_is_written_and_read_to_five_significant_digits(value: float) -> None:
    assert FORMAT.decode(FORMAT.encode(value)) == [float(f"{value:.4e}")]


@given(st.floats(-1e-8, 1e-8))
def test_a_tiny_number_is_written_to_twelve_decimals(value: float) -> None:
    assert abs(FORMAT.decode(FORMAT.encode(value))[0] - value) <= 0.5000001e-12


@pytest.mark.parametrize(
    ("value", "text"),
    [(72.5, "72.5"), (-1234.56, "-1234.6"), (1e15, "1000000000000000"), (1e-7, "0.0000001"),
     (123456, "123460"), (-0.0, "0"), (-1e-20, "0"), (2.604e-06, "0.000002604")],
)  # fmt: skip
def test_a_number_is_the_text_that_a_person_would_write(value: float, text: str) -> None:
    assert WORDS.decode(FORMAT.encode(value)) == text + "\n"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e16, 9.99996e15, -1e300])
def test_what_cannot_be_written_is_an_error(value: float) -> None:
    with pytest.raises(ValueError, match=r"cannot be written|digits before the point"):
        FORMAT.encode(value)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"not numbers|without an end|no part of a number"):
        FORMAT.decode(tokens_of(text))


def test_a_tokenizer_without_single_digits_cannot_write_numbers() -> None:
    class Pairs(tokenizer.Tokenizer):
        def encode_batch(self, texts, max_tokens):  # type: ignore[no-untyped-def]
            return [[tokenizer.START_ID, 5, 6]] * len(texts), [False] * len(texts)

    with pytest.raises(ValueError, match="each digit"):
        TextFormat.of(Pairs.from_json(WORDS.to_json()))


@given(st.data())
def test_every_path_of_the_grammar_is_a_float(data: st.DataObject) -> None:
    next_state, allowed = text_numbers.grammar(FORMAT.integers, FORMAT.decimals)
    state, text = 0, ""
    while not text.endswith("\n"):
        glyph = data.draw(st.sampled_from(np.flatnonzero(allowed[state]).tolist()))
        state, text = next_state[state, glyph], text + GLYPHS[glyph]
    assert NUMBER.fullmatch(text)
    assert len(text) <= FORMAT.length
    assert FORMAT.decode(tokens_of(text)) == [float(text)]


@given(st.lists(st.from_regex(NUMBER, fullmatch=True).filter(str.isascii), min_size=1, max_size=3))
def test_every_float_of_that_many_digits_is_a_path(lines: list[str]) -> None:
    assert FORMAT.decode(tokens_of("".join(lines))) == [float(line) for line in lines]


def stepwise(network: TextHead, source: Tensor, size: float) -> list[float]:
    """Greedy decoding with a whole forward pass a token, and a regular expression for the grammar."""
    start = FORMAT.encode(size)
    lines, line = [], ""
    while len(lines) < 2:
        written = [*start, *tokens_of("".join(lines) + line), 0]
        logits = network(source, None, torch.tensor([[written]]))[0, 0, -1]
        legal = [glyph for glyph in GLYPHS if line + glyph != "\n" and PREFIX.fullmatch(line + glyph)]
        line += max(legal, key=lambda glyph: logits[tokens_of(glyph)[0]].item())
        if line.endswith("\n"):
            lines, line = [*lines, line], ""
    return [float(line) for line in lines]


def test_greedy_decoding_equals_a_forward_pass_for_each_token() -> None:
    network = head("text")
    assert isinstance(network, TextHead)
    source, keep = prompts("for x in xs", "f(1)", "g(2, 3, 4)\n")
    found = text_numbers.greedy(network, network.encode(source, keep), [[31.0], [64.0], [27.0]], FORMAT, 2)
    alone = [prompts(line)[0] for line in ("for x in xs", "f(1)", "g(2, 3, 4)\n")]
    with torch.inference_mode():
        expected = [stepwise(network, *case) for case in zip(alone, (31.0, 64.0, 27.0), strict=True)]
    assert found.tolist() == expected


def test_samples_have_the_signs_that_the_logits_give() -> None:
    network = head("text")
    assert isinstance(network, TextHead)
    source, _ = prompts("for x in xs")
    chance = torch.Generator().manual_seed(0)
    drawn = text_numbers.sample(network, network.encode(source), [[31.0]], FORMAT, 4000, chance)
    logits = network(source, None, torch.tensor([[[*FORMAT.encode(31.0), 0]]]))[0, 0, -1]
    legal = [logits[tokens_of(glyph)[0]].item() for glyph in "-0123456789"]
    share = math.exp(legal[0]) / sum(map(math.exp, legal))
    assert drawn.shape == (1, 1, 4000)
    assert np.signbit(drawn).mean() == pytest.approx(share, abs=4 * (share * (1 - share) / 4000) ** 0.5)


def test_numbers_of_different_length_are_not_written_together() -> None:
    network = head("text")
    source, keep = prompts("a", "b")
    with pytest.raises(ValueError, match="equal length"):
        text_numbers.greedy(network, network.encode(source, keep), [[1.0], [10.0]], FORMAT)


def test_the_text_head_predicts_for_given_numbers_of_any_length() -> None:
    network = head("text")
    source, keep = prompts("for x in xs", "f(1)", "g")
    together = network.predict(source, keep, [[5.0], [1000.0], [6.0]])
    alone = network.predict(*prompts("for x in xs", "g"), [[5.0], [6.0]])
    assert together[[0, 2]].tolist() == alone.tolist()
    assert together.shape == (3, 2)


def test_the_normalised_head_scales_linearly_to_the_unit_interval() -> None:
    network = regression("mse-normalised")
    scaled = network.scaled(torch.tensor(ROWS[:, 1:]))
    expected = [[0.0, 0.0], [1.0, 0.25], [1000 / 4800, 1.0]]
    assert scaled.numpy() == pytest.approx(np.array(expected), abs=1e-6)


def test_the_log_head_has_mean_nought_and_deviation_one() -> None:
    scaled = regression("mse-log").scaled(torch.tensor(ROWS[:, 1:])).numpy()
    assert scaled.mean(0) == pytest.approx([0, 0], abs=1e-6)
    assert scaled.std(0) == pytest.approx([1, 1], abs=1e-5)


def test_the_plain_head_leaves_targets_alone() -> None:
    assert regression("mse").scaled(torch.tensor(ROWS[:, 1:])).tolist() == ROWS[:, 1:].tolist()


@lru_cache
def regression(name: str) -> RegressionHead:
    network = head(name)
    assert isinstance(network, RegressionHead)
    network.fit(ROWS)
    return network


@pytest.mark.parametrize("name", alternatives.SCALES)
@given(st.lists(st.floats(1e-3, 1e4), min_size=2, max_size=2))
def test_scaling_is_undone(name: str, metrics: list[float]) -> None:
    value = torch.tensor(metrics, dtype=torch.float64)
    again = regression(name).unscaled(regression(name).scaled(value))
    assert again.numpy() == pytest.approx(value.numpy(), rel=1e-9, abs=1e-9)


def test_a_metric_that_never_varies_is_no_division_by_zero() -> None:
    network = head("mse-normalised")
    assert isinstance(network, RegressionHead)
    network.fit([[10.0, 7.0, 1.0], [20.0, 7.0, 2.0]])
    assert network.scaled(torch.tensor([7.0, 2.0])).tolist() == [0.0, 1.0]


def test_a_cost_of_nothing_has_no_log() -> None:
    with pytest.raises(ValueError, match="no log"):
        alternatives.RegressionHead(CONFIG, "mse-log").fit([[10.0, 0.0, 1.0]])


def test_an_unknown_head_is_an_error() -> None:
    with pytest.raises(ValueError, match="mean"):
        head("mean")


def test_a_regression_head_sees_the_size_but_not_the_metrics() -> None:
    network = head("mse")
    source, keep = prompts("for x in xs")
    seen = [[10.0, 1.0, 1.0], [10.0, 9.0, 9.0], [20.0, 1.0, 1.0]]
    alike, same, other = network(source, keep, torch.tensor([seen]))[0]
    assert torch.allclose(alike, same, atol=1e-6)
    assert (alike - other).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["numbers", *alternatives.SCALES])
def test_a_prediction_does_not_depend_on_padding(name: str) -> None:
    network = head(name)
    together = network.predict(*prompts("f(x)", "for x in range(100): f(x)"), [[10.0], [20.0]])
    alone = network.predict(*prompts("f(x)"), [[10.0]])
    assert together[0] == pytest.approx(alone[0], rel=1e-5)


@pytest.mark.parametrize("name", alternatives.HEADS)
def test_gradients_reach_every_weight_of_the_encoder(name: str) -> None:
    network = alternatives.build(name, CONFIG, WORDS)
    source, keep = prompts("for x in xs", "f(1)", "g")
    network.loss(source, keep, network.targets(ROWS)[:, None], ALL_KNOWN).backward()  # type: ignore[no-untyped-call]
    encoder = [*network.encoder.parameters(), network.source_embedding.weight]
    assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in encoder)
    assert all(weight.grad is not None for weight in network.parameters())


def test_the_loss_of_text_is_the_cross_entropy_of_the_metrics_alone() -> None:
    network = head("text")
    source, _ = prompts("for x in xs")
    text = "31\n200\n0.5\n"
    target = tokens_of(text)
    log_p = network(source, None, torch.tensor([[target]]))[0, 0].log_softmax(-1)
    expected = -sum(log_p[at, target[at]].item() for at in range(3, len(text))) / (len(text) - 3)
    padded = network.targets([[31.0, 200.0, 0.5]])[:, None]
    assert network.loss(source, None, padded, ALL_KNOWN[:1]).item() == pytest.approx(expected, rel=1e-5)


def loss_of(network: Head, rows: np.ndarray, known: list[list[bool]]) -> float:
    source, keep = prompts("for x in xs", "f(1)", "g")
    loss = network.loss(source, keep, network.targets(rows)[:, None], torch.tensor(known)[:, None])
    return loss.item()


@pytest.mark.parametrize("name", alternatives.HEADS)
def test_what_was_not_measured_is_not_learned(name: str) -> None:
    network = head(name)
    known = [[True, False], [True, True], [True, False]]
    rows = np.array([[10.0, 2.0, 3.0], [10.0, 5.0, 40.0], [20.0, 1.2, 9.0]])
    other = np.add(rows, [[0, 0, 72.0], [0, 0, 0], [0, 0, 0.125]])
    everything = [[True, True]] * 3
    assert loss_of(network, other, known) == pytest.approx(loss_of(network, rows, known), rel=1e-6)
    assert loss_of(network, other, everything) != loss_of(network, rows, everything)


@pytest.mark.parametrize("name", alternatives.HEADS)
def test_the_loss_is_the_mean_over_what_was_measured(name: str) -> None:
    network = head(name)
    # Equally many tokens in every row: the mean over all is the mean of the parts.
    rows = np.array([[10.0, 200.0, 3.5], [10.0, 300.0, 4.5], [10.0, 400.0, 5.5]])
    first, second = (loss_of(network, rows, [[at == 0, at == 1]] * 3) for at in (0, 1))
    both = loss_of(network, rows, [[True, True]] * 3)
    assert both == pytest.approx((first + second) / 2, rel=1e-5)


def test_statistics_of_targets_leave_out_what_was_not_measured() -> None:
    rows = np.array([[1.0, np.nan, 2.0], [1.0, np.nan, 6.0], [1.0, np.nan, np.nan]])
    network = alternatives.build("mse-normalised", CONFIG, WORDS)
    assert isinstance(network, RegressionHead)
    network.fit(rows)
    assert network.get_buffer("offset_M").tolist() == [0.0, 2.0]
    assert network.get_buffer("span_M").tolist() == [1.0, 4.0]


def lines_of(chance: random.Random, count: int) -> list[str]:
    return ["x" + " y" * chance.randint(1, 40) for _ in range(count)]


def learned(network: Head, count: Callable[[str], float]) -> float:
    """Spearman on unseen texts of a head that has learned `count` for a few seconds."""
    chance = random.Random(0)
    seen, unseen = lines_of(chance, 256), lines_of(chance, 64)
    rows = np.array([[1.0, count(line), 2 * count(line)] for line in seen])
    if isinstance(network, RegressionHead):
        network.fit(rows)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for _ in range(80):
        chosen = chance.sample(range(256), 32)
        source, keep = prompts(*(seen[at] for at in chosen))
        known = torch.ones(32, 1, 2, dtype=torch.bool)
        loss = network.loss(source, keep, network.targets(rows[chosen])[:, None], known)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
    guessed = network.eval().predict(*prompts(*unseen), np.ones((64, 1)))
    return float(spearmanr([count(line) for line in unseen], guessed[:, 0]).statistic)


@pytest.mark.model
@pytest.mark.parametrize("name", alternatives.HEADS)
def test_every_head_learns_how_long_a_text_is(name: str) -> None:
    assert learned(alternatives.build(name, CONFIG, WORDS, seed=1), len) > 0.5


@pytest.mark.parametrize("name", alternatives.HEADS)
def test_a_head_is_read_as_it_was_written(name: str, tmp_path: Path) -> None:
    network = regression(name) if name in alternatives.SCALES else head(name)
    alternatives.save(tmp_path / "kept", network, WORDS, "# A card")
    again, words = alternatives.load(tmp_path / "kept")
    asked = (*prompts("for x in xs", "f(1)"), [[10.0], [20.0]])
    assert again.name == name
    assert again.predict(*asked).tolist() == network.predict(*asked).tolist()
    assert words.to_json() == WORDS.to_json()


def test_only_number_tokens_make_a_checkpoint(tmp_path: Path) -> None:
    for name in alternatives.HEADS:
        alternatives.save(tmp_path / name, head(name), WORDS, "# A card")
    assert checkpoint.load_network(checkpoint.locate(tmp_path / "numbers")).config == CONFIG
    for name in alternatives.HEADS[1:]:
        with pytest.raises(CheckpointError, match="not a checkpoint"):
            checkpoint.locate(tmp_path / name)


@pytest.mark.parametrize(("kept", "new"), [("numbers", "mse"), ("mse", "numbers")])
def test_a_folder_of_one_sort_is_not_overwritten_with_the_other(kept: str, new: str, tmp_path: Path) -> None:
    alternatives.save(tmp_path / "kept", head(kept), WORDS, "# A card")
    with pytest.raises(CheckpointError, match="holds"):
        alternatives.save(tmp_path / "kept", head(new), WORDS, "# A card")
    assert alternatives.load(tmp_path / "kept")[0].name == kept


@pytest.mark.parametrize("record", ["", "[]", '{"head": "mse"}', '{"head": "text", "config": {}}'])
def test_a_damaged_record_is_a_checkpoint_error(record: str, tmp_path: Path) -> None:
    alternatives.save(tmp_path, head("mse"), WORDS, "# A card")
    (tmp_path / alternatives.ALTERNATIVE).write_text(record)
    with pytest.raises(CheckpointError):
        alternatives.load(tmp_path)


def test_weights_of_another_head_are_a_checkpoint_error(tmp_path: Path) -> None:
    alternatives.save(tmp_path, head("mse"), WORDS, "# A card")
    path = tmp_path / alternatives.ALTERNATIVE
    path.write_text(json.dumps({**json.loads(path.read_text()), "head": "text"}))
    with pytest.raises(CheckpointError, match="no such network"):
        alternatives.load(tmp_path)


def test_masked_tokens_are_guessed_by_the_source_embedding_where_they_were_taken_out() -> None:
    network = head(alternatives.MASKED).eval()
    source_bs, keep_bs = prompts("for x in xs", "f(1)")
    nothing = torch.empty(0)
    torch.manual_seed(3)
    loss = network.loss(source_bs, keep_bs, nothing, nothing)
    torch.manual_seed(3)
    out_bs = torch.rand(source_bs.shape) < alternatives.MASKED_SHARE
    out_bs[:, 0] = False
    out_bs &= torch.ones_like(out_bs) if keep_bs is None else keep_bs
    assert out_bs.any()
    read_bsd = network.read(source_bs.masked_fill(out_bs, 0), keep_bs)
    told = []
    for prompt, place in out_bs.nonzero().tolist():
        scores_v = network.source_embedding.weight @ read_bsd[prompt, place] / network.config.width**0.5
        told.append(scores_v.logsumexp(0) - scores_v[source_bs[prompt, place]])
    assert loss.item() == pytest.approx(sum(told).item() / len(told), rel=1e-5)
