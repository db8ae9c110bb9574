"""What a checkpoint is published with can be made again, and what differs is told."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow
import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from ci_rlm.cli import main
from ci_rlm.errors import CheckpointError
from ci_rlm.extract.canonical import canonical
from ci_rlm.model import checkpoint, records
from ci_rlm.predict import of_checkpoint
from ci_rlm.training import corpus, recorded, releases, shards, suite, suite_table, texts
from ci_rlm.training.card import card, figures_table
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.publish import publish
from ci_rlm.training.recorded import Asked, Record
from ci_rlm.training.suite import Line
from tests.made_up_programs import tiny_checkpoint
from tests.test_attribution import COPIED, PLAIN

ASKED = Asked(problems=6, hunks=4, resamples=40, false_alarms=0.1)


def example(number: int, record: str, source: str, cost: float, split: str) -> Example:
    text = f"PYTHON\n{canonical(source.replace('pick', f'pick{number}'), 'python')}"
    rows = tuple(Row(size, cost * size, cost * size / 1e6) for size in (512.0, 1024.0))
    return Example(text, f"p{number}", "made", record, split, rows, texts.node_counts(text), "a machine")


def programs() -> list[Example]:
    """Problems of two programs and two edits of the first: one doubles the cost, one keeps it."""
    found = []
    for number in range(30):
        split = ("train", "calibration", "test")[number % 3]
        cost = 1000.0 * (1 + number)
        found += [
            example(number, "a", PLAIN, cost, split),
            example(number, "a+length_of_copy", COPIED, 2 * cost, split),
            example(number, "a+rename_local", PLAIN.replace("step", "at"), cost, split),
            example(number, "b", PLAIN.replace("append(row)", "append(step)"), 3 * cost, split),
        ]
    return found


def write_ways(folder: Path) -> None:
    """Beside a corpus, small functions of other tasks with rows of their own protocol."""
    with shards.Shards(folder, "programs-ways", shards.schema()) as writer:
        for each in programs():
            record = corpus.record_of(replace(each, problem=f"ways/{each.problem}", source="ways"))
            record["rows"] = [{**row, "protocol": suite.WAYS} for row in record["rows"][:1]]
            writer.add(record)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus, a file of changes, and a published checkpoint of random weights."""
    from ci_rlm.model.tokenizer import learn

    where = tmp_path_factory.mktemp("suite")
    corpus.write(programs(), where / "corpus")
    write_ways(where / "corpus")
    rows = [
        {
            "before_text": f"def f(x): return x+{at}",
            "after_text": f"def f(x): return {at}+x",
            "package": "ab"[at // 2 % 2],
            "split": ("fit", "judge")[at % 2],
        }
        for at in range(12)
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), where / "changes.parquet")
    space = texts.python_space("a machine", 1024.0)
    words = learn([PLAIN, COPIED], vocab_size=300)
    tiny_checkpoint(where / "run", "tiny", (space, texts.change_space(space)), words, max_tokens=512)
    publish(
        where / "run",
        suite.read(where / "corpus", releases.read(where / "changes.parquet")),
        where / "published",
        ASKED,
    )
    return where


def again(where: Path, *arguments: str, folder: str = "published") -> Result:
    command = ["evaluate", str(where / folder), "--suite", "embedded", "--corpus", str(where / "corpus")]
    return CliRunner().invoke(main, [*command, *arguments], env={"COLUMNS": "200"})


def changed(where: Path, name: str, record: Record) -> None:
    """A copy of the published checkpoint with another record."""
    shutil.copytree(where / "published", where / name)
    (where / name / checkpoint.FIGURES).write_text(records.dump(record))


@pytest.mark.model
def test_the_same_inputs_make_every_figure_again(published: Path) -> None:
    file = published / "again.json"
    result = again(published, "--changes", str(published / "changes.parquet"), "--json", str(file))
    assert result.exit_code == 0, result.output
    assert "figures agree." in result.output
    assert "Not what the card was made of" not in result.output
    assert file.read_bytes() == (published / "published" / checkpoint.FIGURES).read_bytes()


@pytest.mark.model
def test_the_names_that_the_training_split_uses_are_published(published: Path) -> None:
    known = of_checkpoint(published / "published").vocabulary
    assert known is not None
    assert known.names == ("append", "len", "list", "range")


@pytest.mark.model
def test_the_record_holds_what_the_card_tells(published: Path) -> None:
    folder = published / "published"
    record = recorded.read(folder)
    assert (record.held_out.problems, record.held_out.programs, record.held_out.rows) == (6, 24, 48)
    training = record.training
    assert (training.programs, training.edited) == (80, 40)
    assert training.sources == {"made": 40, "ways": 40}
    assert [sum(wild.outcomes.values()) for wild in record.releases] == [6, 6]
    assert {row.predictor for row in record.hunks} >= {"all"}
    written = (folder / checkpoint.CARD).read_text(encoding="utf-8")
    assert written == card(checkpoint.read_config(folder), record)
    assert figures_table(record.figures) in written
    assert of_checkpoint(folder).info.digest == record.weights.digest


@pytest.mark.model
def test_a_figure_that_differs_by_more_than_rounding_is_told(published: Path) -> None:
    record = recorded.read(published / "published")
    known = next(at for at, row in enumerate(record.figures) if row.value is not None)
    for name, by, code in (("near", 0.0004, 0), ("far", 0.002, 1)):
        first = record.figures[known]
        moved = replace(first, value=first.value + by)  # type: ignore[operator]  # it is known
        figures = (*record.figures[:known], moved, *record.figures[known + 1 :])
        changed(published, name, replace(record, figures=figures))
        result = again(published, "--changes", str(published / "changes.parquet"), folder=name)
        assert result.exit_code == code, result.output
    assert "1 of " in result.output
    assert "differs" in result.output


@pytest.mark.model
def test_without_the_changes_the_rest_is_made_and_the_gap_is_told(published: Path) -> None:
    result = again(published)
    assert result.exit_code == 0, result.output
    assert "need --changes and were not made again" in result.output


@pytest.mark.model
def test_another_corpus_is_named(published: Path, tmp_path: Path) -> None:
    others = [
        replace(each, problem=f"{each.problem}x") if each.split == "train" else each for each in programs()
    ]
    corpus.write(others, tmp_path / "corpus")
    write_ways(tmp_path / "corpus")
    result = again(published, "--corpus", str(tmp_path / "corpus"))
    assert "Not what the card was made of: the corpus's split 'train'." in result.output
    assert "split 'test'" not in result.output


@pytest.mark.model
def test_small_functions_are_told_apart_and_missed_where_they_are_not(
    published: Path, tmp_path: Path
) -> None:
    record = recorded.read(published / "published")
    assert record.held_out.sources == {"made": 24}
    assert {row.metric for row in record.ways} == {row.metric for row in record.figures}
    assert all("60 pairs" in told for told in record.calibrations)  # 40 of problems, 20 of tasks
    corpus.write(programs(), tmp_path / "corpus")
    result = again(published, "--corpus", str(tmp_path / "corpus"))
    assert result.exit_code == 1
    assert "the small functions' split 'calibration'" in result.output


@pytest.mark.model
def test_a_stopped_publish_goes_on_with_the_same_record(published: Path, tmp_path: Path) -> None:
    given = suite.read(published / "corpus", releases.read(published / "changes.parquet"))
    kept = tmp_path / "answers"
    for name in ("once", "again"):
        publish(published / "run", given, tmp_path / name, ASKED, kept=kept)
        for file in (checkpoint.FIGURES, checkpoint.CALIBRATION, checkpoint.CARD, checkpoint.COUNTS):
            expected = (published / "published" / file).read_bytes()
            assert (tmp_path / name / file).read_bytes() == expected


@pytest.mark.model
def test_answers_are_kept_for_the_next_time(published: Path, tmp_path: Path) -> None:
    environment = {"CI_RLM_CACHE_DIR": str(tmp_path)}
    command = ["evaluate", str(published / "published"), "--suite", "embedded"]
    command += ["--corpus", str(published / "corpus")]
    assert CliRunner().invoke(main, command, env=environment).exit_code == 0
    assert list(tmp_path.rglob("answers-*.sqlite3"))


def test_what_the_record_settles_cannot_be_asked_for(published: Path) -> None:
    result = again(published, "--seed", "0")
    assert result.exit_code == 2
    assert "--seed does not go with --suite" in result.stderr
    plain = ["evaluate", str(published / "published"), "--corpus", str(published / "corpus")]
    result = CliRunner().invoke(main, [*plain, "--changes", str(published / "changes.parquet")])
    assert result.exit_code == 2
    assert "--changes is for --suite alone" in result.stderr


def test_a_checkpoint_that_was_not_published_has_nothing_to_hold_against(published: Path) -> None:
    result = again(published, folder="run")
    assert result.exit_code == 3
    assert "has no figures.json" in result.stderr


def test_a_record_of_another_version_is_refused(published: Path, tmp_path: Path) -> None:
    told = json.loads((published / "published" / checkpoint.FIGURES).read_text())
    (tmp_path / checkpoint.FIGURES).write_text(json.dumps(told | {"version": 2}))
    with pytest.raises(CheckpointError, match="of version 2, not 1"):
        recorded.read(tmp_path)


@pytest.mark.parametrize(
    ("card_value", "now", "agrees"),
    [
        ((0.5, 0.4, 0.6), (0.5004, 0.4, 0.6), True),
        ((0.5, 0.4, 0.6), (0.5, 0.4, 0.6006), False),
        ((0.5, None, None), (0.5, 0.4, 0.6), False),
        ((478,), (477,), False),
        (("24 pairs",), ("24 pairs",), True),
        ((3,), (), False),
        ((), (3,), False),
        ((3,), None, True),
    ],
)
def test_figures_agree_up_to_the_last_digit_that_a_card_prints(
    card_value: suite.Value, now: suite.Value | None, agrees: bool
) -> None:
    assert Line("a figure", card_value, now).agrees is agrees


def test_a_table_has_each_figure_beside_the_cards_and_what_differs() -> None:
    lines = [
        Line("memory: ROC-AUC, \x1bours", (0.9, 0.8, 1.0), (0.9, 0.8, 1.0)),
        Line("held out: problems", (6,), (5,)),
        Line("calibration: cpu time", ("24 pairs",), None),
    ]
    shown = suite_table.render(lines, ["the weights"], width=100, color=False).split("\n")
    assert "0.900 [0.800, 1.000]" in shown[3]
    assert "\x1b" not in shown[3]
    assert shown[4].split() == ["held", "out:", "problems", "6", "5", "differs"]
    assert shown[-3:] == [
        "Not what the card was made of: the weights.",
        "1 of 2 figures differ; 1 need --changes and were not made again.",
        "",
    ]
