"""What a scoreboard says: its figures as JSON, its tables, and the line in a report."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ci_rlm.flow import Outcome, TrackRecord
from ci_rlm.render import document, parse, render, schema
from ci_rlm.render.view import track_line
from ci_rlm.training import board_view
from ci_rlm.training.verified import Comparison
from tests.scoreboards import comparison, measured, once
from tests.test_render import every_outcome

RECORD = TrackRecord("ab" * 32, 212, 16, 14, 0.616523, 0.984486, 3, 0)

SOME = [
    *[once(Outcome.REGRESSED, 2.0)] * 2,
    once(Outcome.REGRESSED, 1.0, path="other.py"),
    once(Outcome.UNSURE, 1.5),
    comparison(Outcome.SAME, measured(1.0, 1.0, spread=0.5)),
]


def test_every_figure_is_in_the_document_of_a_scoreboard() -> None:
    told = board_view.document(SOME)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert (told["changes"], told["comparisons"], told["too_noisy"]) == (1, 4, 1)
    assert (told["hits"], told["false_alarms"], told["missed"], told["missed_unsure"]) == (2, 1, 1, 1)
    assert told["counts"]["regressed"] == {"worse": 2, "warned": 0, "steady": 1, "better": 0}
    assert told["precision"] == {"hits": 2, "of": 3, "value": 0.666667, "low": 0.0942993, "high": 0.991596}
    assert told["recall"]["of"] == 3
    assert [group["by"] for group in told["groups"]] == ["metric", "month", "checkpoint"]


def test_an_empty_scoreboard_has_no_figure_to_tell() -> None:
    told = board_view.document([])
    assert (told["precision"]["value"], told["calibration_error"], told["groups"]) == (None, None, [])
    assert board_view.render([]) == "No prediction is verified yet\n"


def test_the_tables_tell_what_was_said_and_then_measured() -> None:
    lines = board_view.render(SOME).splitlines()
    assert lines[0] == "4 verified comparisons of 1 change, 2026-11; 1 more measured too noisily to tell"
    words = [line.split() for line in lines]
    assert ["regressed", "2", "0", "1", "0"] in words
    assert ["unsure", "1", "0", "0", "0"] in words
    assert ["2026-11", "4", "3", "0.67", "1", "0.67", "0.50", "0.50"] in words


@pytest.mark.parametrize("width", [60, 80, 110])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, board_view.render(SOME, width=width).splitlines())) <= width


@settings(max_examples=30)
@given(st.text(), st.text())
def test_no_name_in_a_scoreboard_steers_the_terminal(model: str, digest: str) -> None:
    made: list[Comparison] = [once(Outcome.SAME, 1.0, model=model, digest=digest)]
    text = board_view.render(made)
    assert all(line.isprintable() for line in text.removesuffix("\n").split("\n"))


def test_colour_is_written_when_asked_for() -> None:
    assert "\x1b[" in board_view.render(SOME, color=True)
    assert "\x1b" not in board_view.render(SOME)


# The line in a report.


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (
            RECORD,
            "In this repository: 14 of 16 calls were right (precision 0.88, 0.62 to 0.98), "
            "3 regressions missed, over 212 verified comparisons",
        ),
        (
            TrackRecord("", 1, 1, 1, 0.025, 1.0, 0, 0),
            "In this repository: 1 of 1 call was right (precision 1.00, 0.03 to 1.00), "
            "0 regressions missed, over 1 verified comparison of earlier checkpoints",
        ),
        (
            TrackRecord("ab" * 32, 1200, 0, 0, 0.0, 1.0, 1, 1),
            "In this repository: no call was verified so far, "
            "1 regression missed (1 left unsure), over 1,200 verified comparisons",
        ),
        (None, ""),
    ],
)
def test_a_report_tells_how_earlier_calls_turned_out(record: TrackRecord | None, line: str) -> None:
    made = document(dataclasses.replace(every_outcome(), track_record=record))
    Draft202012Validator(schema()).validate(made)
    assert parse(json.dumps(made)) == made
    assert track_line(made) == line
    assert line in " ".join(render(made, "terminal").split())
    assert line in render(made, "markdown")


def test_a_report_without_a_record_does_not_mention_one() -> None:
    made = document(every_outcome())
    assert "track_record" not in made
    assert all("In this repository" not in render(made, name) for name in ("terminal", "markdown"))
