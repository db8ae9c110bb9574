"""The learned tokenizer: every text comes back whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.errors import CheckpointError
from ci_rlm.model import tokenizer
from ci_rlm.model.tokenizer import PAD_ID, PAD_TOKEN, START_ID, START_TOKEN, Tokenizer

CORPUS = [
    "def total(rows):\n    result = 0\n    for row in rows:\n        result += row\n    return result\n",
    "class Store:\n    def build(self, rows):\n        return [row for row in rows]\n",
]


@pytest.fixture(scope="module")
def learned() -> Tokenizer:
    return tokenizer.learn(CORPUS * 3, vocab_size=300)


@given(text=st.text())
def test_any_text_comes_back_whole(learned: Tokenizer, text: str) -> None:
    (ids,), (cropped,) = learned.encode_batch([text], 10_000)
    assert learned.decode(ids) == text
    assert not cropped


@given(text=st.text(alphabet=" \t\r\n\x00\f\u2028.:x", max_size=60))
def test_newlines_and_indentation_come_back_whole(learned: Tokenizer, text: str) -> None:
    (ids,), _ = learned.encode_batch([text], 10_000)
    assert learned.decode(ids) == text


@given(text=st.lists(st.sampled_from([PAD_TOKEN, START_TOKEN, "<pad>", "</s>", " "])).map("".join))
def test_a_text_that_spells_a_special_token_is_only_text(learned: Tokenizer, text: str) -> None:
    (ids,), _ = learned.encode_batch([text], 10_000)
    assert not {PAD_ID, START_ID} & set(ids[1:])
    assert learned.decode(ids) == text


def test_a_lone_surrogate_is_read_as_the_replacement_character(learned: Tokenizer) -> None:
    (ids,), _ = learned.encode_batch(["a\udc80b"], 100)
    assert learned.decode(ids) == "a\ufffdb"


def test_a_sequence_opens_with_the_start_token_even_if_it_is_empty(learned: Tokenizer) -> None:
    rows, _ = learned.encode_batch(["", "x"], 100)
    assert rows[0] == [START_ID]
    assert rows[1][0] == START_ID


def test_a_long_text_is_cropped_and_says_so(learned: Tokenizer) -> None:
    (whole,), _ = learned.encode_batch([CORPUS[0]], 10_000)
    rows, cropped = learned.encode_batch([CORPUS[0]] * 2 + ["x"], len(whole) - 1)
    assert rows[0] == whole[:-1]
    assert cropped == [True, True, False]
    assert learned.encode_batch([CORPUS[0]], len(whole))[1] == [False]


@given(focus=st.integers(0, 399), max_tokens=st.integers(20, 60))
def test_a_crop_with_a_focus_keeps_the_head_and_what_is_about_it(
    learned: Tokenizer, focus: int, max_tokens: int
) -> None:
    text = "".join(chr(0x4E00 + at) for at in range(400))  # each once
    (whole,), _ = learned.encode_batch([text], 10_000)
    (kept,), (cropped,) = learned.encode_batch([text], max_tokens, [focus])
    half = max_tokens // 2
    assert cropped
    assert len(kept) == max_tokens
    assert kept[:half] == whole[:half]
    assert text[focus] in learned.decode(kept)


def test_a_focus_changes_nothing_where_the_text_fits(learned: Tokenizer) -> None:
    assert learned.encode_batch(CORPUS, 10_000, [3, 5]) == learned.encode_batch(CORPUS, 10_000)


def test_texts_like_the_learned_ones_become_short(learned: Tokenizer) -> None:
    (ids,), _ = learned.encode_batch([CORPUS[1]], 1000)
    assert len(ids) < len(CORPUS[1]) / 2


def test_digits_stay_apart(learned: Tokenizer) -> None:
    rows, _ = learned.encode_batch(["1000", "1000000"], 100)
    assert [len(row) for row in rows] == [5, 8]


def test_the_same_texts_teach_the_same_tokenizer(learned: Tokenizer) -> None:
    assert tokenizer.learn(CORPUS * 3, vocab_size=300).to_json() == learned.to_json()


def test_the_vocabulary_keeps_to_its_size(learned: Tokenizer) -> None:
    (ids,), _ = learned.encode_batch(["".join(map(chr, range(0x250)))], 10_000)
    assert learned.vocab_size == 300
    assert max(ids) < 300


def test_a_saved_tokenizer_reads_alike(learned: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(learned.to_json(), encoding="utf-8")
    texts = [*CORPUS, PAD_TOKEN, "ž\n\tλ"]
    assert tokenizer.load(path).encode_batch(texts, 50) == learned.encode_batch(texts, 50)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a tokenizer"),
        (b'{"version": "1.0"}', "not a tokenizer"),
        (b"\xff\xfe", "cannot read"),
        (None, "cannot read"),
    ],
    ids=["empty", "another file", "not text", "missing"],
)
def test_a_damaged_tokenizer_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message) as caught:
        tokenizer.load(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_tokenizer_from_elsewhere_is_refused(learned: Tokenizer) -> None:
    foreign = learned.to_json().replace(PAD_TOKEN, "<unk>")
    with pytest.raises(CheckpointError, match="not learned by ci-rlm"):
        Tokenizer.from_json(foreign)


def test_tokenizing_does_not_load_torch() -> None:
    program = "import sys, ci_rlm.model.tokenizer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
