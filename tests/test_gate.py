"""The whole line, on a predictor whose costs are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from ci_rlm import gate
from ci_rlm.config import Config, Override
from ci_rlm.flow import (
    Change,
    FileChange,
    Kind,
    Mode,
    Outcome,
    Range,
    Report,
    Skipped,
    Span,
    Unit,
)
from tests.fakes import SPACE, FakePredictor, by_length

RANGE = Range("a" * 40, "b" * 40, "a...b")
SHORT = "def f(x):\n    return x\n"
LONG = "def f(x):\n    y = x + x + x + x + x + x + x + x\n    return y\n"


def file(before: str | None, after: str | None, path: str = "a.py") -> FileChange:
    def lines(text: str | None) -> tuple[Span, ...]:
        return () if text is None else (Span(1, text.count("\n")),)

    return FileChange(
        PurePosixPath(path),
        None if before is None else PurePosixPath(path),
        None if before is None else before.encode(),
        None if after is None else after.encode(),
        lines(before),
        lines(after),
    )


def checked(
    *files: FileChange | Skipped, config: Config | None = None, predictor: FakePredictor | None = None
) -> Report:
    return gate.check(RANGE, files, predictor or FakePredictor(by_length), config or Config())


def outcomes(report: Report) -> set[Outcome]:
    return {verdict.outcome for verdict in report.verdicts}


def test_a_costlier_function_regresses() -> None:
    report = checked(file(SHORT, LONG))
    assert [verdict.outcome for verdict in report.verdicts] == [Outcome.REGRESSED, Outcome.REGRESSED]


def test_a_cheaper_function_improves() -> None:
    assert outcomes(checked(file(LONG, SHORT))) == {Outcome.IMPROVED}


def test_the_ratio_is_that_of_the_predicted_medians() -> None:
    predictor = FakePredictor(by_length)
    report = checked(file(SHORT, LONG), predictor=predictor)
    before, after = sorted(len(prompt.text) for prompt in predictor.asked)
    ratio = report.verdicts[0].comparison.slowdown
    assert ratio is not None
    assert ratio.mid == pytest.approx(after / before, rel=0.02)


def test_there_is_one_verdict_a_metric() -> None:
    metrics = [verdict.comparison.metric for verdict in checked(file(SHORT, LONG)).verdicts]
    assert sorted(metrics, key=lambda metric: metric.name) == sorted(
        SPACE.metrics, key=lambda metric: metric.name
    )


def test_equal_code_is_the_same_and_the_model_is_not_asked() -> None:
    predictor = FakePredictor(by_length)
    commented = SHORT.replace("return", "# the identity\n\n    return")
    report = checked(file(SHORT, commented), predictor=predictor)
    ratios = [verdict.comparison.slowdown for verdict in report.verdicts]
    assert outcomes(report) == {Outcome.SAME}
    assert [(ratio.low, ratio.mid, ratio.high) for ratio in ratios if ratio] == [(1, 1, 1), (1, 1, 1)]
    assert predictor.asked == []


def test_a_new_function_is_asked_for_once() -> None:
    predictor = FakePredictor(by_length)
    assert outcomes(checked(file(None, SHORT), predictor=predictor)) == {Outcome.NEW}
    assert len(predictor.asked) == 1


def test_a_removed_function_is_reported_and_not_asked_for() -> None:
    predictor = FakePredictor(by_length)
    assert outcomes(checked(file(SHORT, None), predictor=predictor)) == {Outcome.REMOVED}
    assert predictor.asked == []


def test_texts_that_repeat_are_asked_for_once() -> None:
    predictor = FakePredictor(by_length)
    checked(file(SHORT, LONG, "a.py"), file(SHORT, LONG, "b.py"), predictor=predictor)
    assert len(predictor.asked) == 2


def test_a_kind_that_the_checkpoint_does_not_serve_is_skipped() -> None:
    predictor = FakePredictor(by_length, spaces=(replace(SPACE, kinds=(Kind.TRITON_KERNEL,)),))
    report = checked(file(SHORT, LONG), predictor=predictor)
    assert report.skipped == (
        Skipped(PurePosixPath("a.py"), "f", "this checkpoint has no space for a function"),
    )


def test_a_function_that_became_a_kernel_is_not_compared() -> None:
    predictor = FakePredictor(by_length, spaces=(replace(SPACE, kinds=tuple(Kind)),))
    unit = Unit(PurePosixPath("a.py"), "f", Kind.FUNCTION, "python", Span(1, 2), SHORT)
    change = Change(unit, replace(unit, kind=Kind.TRITON_KERNEL))
    (result,) = gate.compare_changes([change], predictor, Config())
    assert isinstance(result, Skipped)
    assert result.reason == "was a function and is a triton kernel: their costs do not compare"


def test_a_file_that_git_skipped_reaches_the_report() -> None:
    skipped = Skipped(PurePosixPath("b.py"), "", "binary file")
    assert checked(file(SHORT, LONG), skipped).skipped == (skipped,)


def test_an_override_by_path_decides_for_its_files_alone() -> None:
    lenient = Override(
        ("lax/**",), tuple((metric.name, (("warn", 50.0), ("fail", 50.0))) for metric in SPACE.metrics)
    )
    config = Config(mode=Mode.ENFORCE, overrides=(lenient,))
    assert checked(file(SHORT, LONG), config=config).failed
    assert not checked(file(SHORT, LONG, "lax/a.py"), config=config).failed


def test_the_report_states_the_limits_of_served_metrics_alone() -> None:
    assert [metric for metric, _ in checked().limits] == ["cpu_time", "peak_memory"]


def test_progress_ends_when_every_prompt_is_answered() -> None:
    told: list[tuple[int, int]] = []
    files = [file(SHORT, LONG)]
    gate.check(RANGE, files, FakePredictor(by_length), Config(), progress=lambda *step: told.append(step))
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_a_check_says_the_same_whatever_the_order_of_its_files() -> None:
    files = [
        file(SHORT, LONG, "a.py"),
        file(LONG, SHORT, "b.py"),
        Skipped(PurePosixPath("c.py"), "", "binary"),
    ]
    assert checked(*files) == checked(*reversed(files))


@pytest.mark.parametrize(
    ("files", "nothing"),
    [
        ([], False),
        ([Skipped(PurePosixPath("a.py"), "", "binary file")], True),
        ([Skipped(PurePosixPath("vendor/lib"), "", "submodule")], False),
        ([Skipped(PurePosixPath("a.py"), "", "binary file"), file(SHORT, LONG, "b.py")], False),
    ],
)
def test_nothing_is_scored_when_code_changed_and_has_no_verdict(
    files: list[FileChange | Skipped], nothing: bool
) -> None:
    assert gate.nothing_scored(checked(*files)) is nothing


def test_scores_keep_the_order_of_the_requests() -> None:
    units = [
        Unit(PurePosixPath("-"), "-", Kind.PROGRAM, "python", Span(1, 1), "x" * size) for size in (9, 3, 9)
    ]
    results = list(gate.score([(unit, None) for unit in units], FakePredictor(by_length)))
    medians = [result[0].median for result in results if not isinstance(result, Skipped)]
    assert [median == medians[0] for median in medians] == [True, False, True]


def test_a_score_is_asked_at_the_size_that_was_given() -> None:
    predictor = FakePredictor(by_length)
    unit = Unit(PurePosixPath("-"), "-", Kind.PROGRAM, "python", Span(1, 1), "x = 1")
    list(gate.score([(unit, 5.0), (unit, None)], predictor))
    assert [prompt.size for prompt in predictor.asked] == [5.0, SPACE.size]
