"""JSON lines: every line is answered, in order, whatever it holds."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.cli.jsonl import LINE_BYTES, BadLineError, Record, answer_lines, split_lines, text_of


def prepare(record: Record) -> str:
    return text_of(record, "source", 1000)


def shout(requests: Sequence[str]) -> list[Record]:
    return [{"answer": request.upper()} for request in requests]


def answered(stream: bytes) -> list[Any]:
    written: list[str] = []
    answer_lines(io.BytesIO(stream), written.append, prepare, shout)
    return [json.loads(line) for line in "".join(written).splitlines()]


def test_a_good_line_is_answered_under_its_id() -> None:
    assert answered(b'{"id": "a", "source": "x"}\n') == [{"id": "a", "answer": "X"}]


def test_the_last_line_needs_no_newline() -> None:
    assert answered(b'{"id": 1, "source": "x"}') == [{"id": 1, "answer": "X"}]


@pytest.mark.parametrize(
    ("line", "identity", "error"),
    [
        (b"", None, "not JSON"),
        (b"{", None, "not JSON"),
        (b"\xff\xfe\xfa", None, "not JSON"),
        (b"[" * 200_000, None, "not JSON"),
        (b"[1]", None, "not a JSON object"),
        (b'{"id": NaN, "source": "x"}', None, "NaN is not a number"),
        (b'{"id": 1e999, "source": "x"}', None, "1e999 is not a number"),
        (b'{"source": "x"}', None, '"id" must be'),
        (b'{"id": true, "source": "x"}', None, '"id" must be'),
        (b'{"id": [1], "source": "x"}', None, '"id" must be'),
        (b'{"id": "a"}', "a", '"source" is missing'),
        (b'{"id": "a", "source": 3}', "a", '"source" must be a text'),
        (b'{"id": "a", "source": "\\ud800"}', "a", "half a surrogate pair"),
        (b'{"id": "a", "source": "' + b"x" * 1001 + b'"}', "a", '"source" has 1,001 bytes; 1,000 are read'),
    ],
)
def test_a_bad_line_is_answered_with_its_error_and_ends_nothing(
    line: bytes, identity: object, error: str
) -> None:
    bad, good = answered(line + b'\n{"id": "next", "source": "x"}\n')
    assert bad["id"] == identity
    assert error in bad["error"]
    assert good == {"id": "next", "answer": "X"}


def test_a_huge_line_is_answered_under_its_id_without_being_held() -> None:
    huge = b'{"id": "big", "source": "' + b"x" * (LINE_BYTES + 5) + b'"}\n'
    big, good = answered(huge + b'{"id": "next", "source": "x"}\n')
    assert big == {"id": "big", "error": "the line is over 16 MiB"}
    assert good["id"] == "next"


@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([b'{"id":1,"source":"x"}', b"{}"]))))
def test_each_line_has_one_answer_in_order(lines: list[bytes]) -> None:
    kept = [line.replace(b"\n", b"") for line in lines]
    answers = answered(b"".join(line + b"\n" for line in kept))
    good = [line == b'{"id":1,"source":"x"}' for line in kept]
    assert ["answer" in answer for answer in answers] == good


@given(st.text("ab\n", max_size=60).map(str.encode), st.integers(1, 9))
def test_a_line_is_whole_exactly_when_it_fits(stream: bytes, limit: int) -> None:
    expected = [(line[:limit], len(line) <= limit) for line in io.BytesIO(stream)]
    assert list(split_lines(io.BytesIO(stream), limit)) == expected


def test_answers_are_written_before_the_input_ends() -> None:
    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self.read_lines = 0

        def readline(self, size: int | None = -1) -> bytes:
            self.read_lines += 1
            if self.read_lines > 640:
                raise KeyboardInterrupt
            return b'{"id": 1, "source": "x"}\n'

    written: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        answer_lines(Endless(), written.append, prepare, shout)  # type: ignore[arg-type]
    assert len("".join(written).splitlines()) == 640


def test_an_error_raised_while_answering_is_not_swallowed() -> None:
    def fail(requests: Sequence[str]) -> list[Record]:
        raise MemoryError

    with pytest.raises(MemoryError):
        answer_lines(io.BytesIO(b'{"id": 1, "source": "x"}\n'), str, prepare, fail)  # type: ignore[arg-type]


def test_text_of_names_the_key() -> None:
    with pytest.raises(BadLineError, match='"language" is missing'):
        text_of({}, "language", 10)
