"""A candidate takes the place in use only if it is better, and what it replaced can come back."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ci_rlm.cli.restore import restore as restore_command
from ci_rlm.cli.train import train as train_command
from ci_rlm.errors import CheckpointError, UsageError
from ci_rlm.extract.tally import tally
from ci_rlm.model import checkpoint
from ci_rlm.model.counts import LEAF, Counts, Level, Trees
from ci_rlm.training import corpus, evaluate, promote, team, train
from ci_rlm.training.bootstrap import Difference, Figure
from ci_rlm.training.promote import Compared
from ci_rlm.training.questions import points_of
from ci_rlm.training.recipe import read_recipe
from tests.made_up_programs import Comparer, Guesser, programs
from tests.test_train import RECIPE, example

MISSING = Difference(0.5, 0.6, Figure(-0.1, None, None, 30, 3), None)


def difference(low: float, high: float, present: float = 1.0) -> Difference:
    middle = (low + high) / 2
    return Difference(present + middle, present, Figure(middle, low, high, 300, 60), 0.5)


BETTER, WORSE, SAME = difference(-0.3, -0.1), difference(0.1, 0.3), difference(-0.04, 0.04)


@pytest.mark.parametrize(
    ("own", "general", "against"),
    [
        ({"a": BETTER, "b": SAME}, {"a": SAME, "b": SAME}, []),
        ({"a": SAME, "b": SAME}, {"a": SAME}, ["no metric is better with confidence on your"]),
        ({"a": BETTER, "b": WORSE}, {"a": SAME}, ["b is worse with confidence on your"]),
        ({"a": BETTER, "b": difference(1e-5, 4e-4)}, {"a": SAME}, []),
        ({"a": difference(-4e-4, -1e-5)}, {"a": SAME}, ["no metric is better with confidence on your"]),
        ({"a": BETTER}, {"a": difference(-0.3, 0.06)}, ["a may be worse by more than 5% on general"]),
        ({"a": BETTER}, {"a": difference(-0.3, 0.06, present=2.0)}, []),
        ({"a": MISSING}, {"a": SAME}, ["too few held-out functions"]),
        ({"a": BETTER}, {"a": MISSING}, ["too few general programs to tell of a"]),
        ({"a": BETTER, "b": MISSING}, {"a": SAME}, []),
    ],
)
def test_a_candidate_must_be_better_here_and_not_worse_elsewhere(
    own: dict[str, Difference], general: dict[str, Difference], against: list[str]
) -> None:
    decision = promote.decide(Compared(own), Compared(general))
    assert decision.better is not against or not decision.against
    assert len(decision.against) == len(against)
    assert all(part in clause for part, clause in zip(against, decision.against, strict=True))


@pytest.mark.parametrize(
    ("own", "general", "against"),
    [
        ({}, {"a": SAME}, []),
        ({"a": SAME}, {"a": difference(-0.3, 0.04)}, []),
        (
            {},
            {"a": difference(-0.3, 0.06)},
            ["a of changes may be worse by more than 5% on general programs"],
        ),
        ({"a": WORSE}, {"a": SAME}, ["a of changes may be worse by more than 5% on your held-out functions"]),
        ({"a": MISSING}, {"a": SAME}, []),
        ({}, {"a": MISSING}, ["too few general programs to tell of a of changes"]),
    ],
)
def test_what_is_said_of_changes_must_not_be_worse(
    own: dict[str, Difference], general: dict[str, Difference], against: list[str]
) -> None:
    decision = promote.decide(Compared({"a": BETTER}, own), Compared({"a": SAME}, general))
    assert list(decision.against) == against


def test_a_candidate_that_knows_costs_as_well_and_changes_worse_is_seen() -> None:
    """Edits of a general corpus, and two texts of a team's function: both are changes."""
    general = programs()
    versions = [replace(each, source=team.SOURCE) for each in programs(each=2) if not each.edit]
    for examples in (general, versions):
        present, candidate = Comparer(examples), Comparer(examples, lambda: 0.5)
        found = promote.differences(candidate, present, examples, "test", evaluate.silent)
        assert found.costs["peak_memory"].difference.value == 0
        worse = found.changes["peak_memory"].difference
        assert worse.low is not None
        assert worse.low > 0.1
        assert worse.problems == 8
        decision = promote.decide(Compared({"cpu_time": BETTER}), found)
        assert "peak_memory of changes may be worse by more than 5% on general programs" in decision.against
        assert "peak_memory of changes on general programs: " in promote.told(decision)


def test_checkpoints_that_do_not_both_compare_are_held_against_each_other_by_costs_alone() -> None:
    examples = programs()
    for both in ((Guesser(examples), Comparer(examples)), (Guesser(examples), Guesser(examples))):
        found = promote.differences(*both, examples, "test", evaluate.silent)
        assert found.changes == {}
        assert set(found.costs) == {"peak_memory", "cpu_time"}


def test_general_programs_are_compared_at_the_size_of_the_gate() -> None:
    chosen = promote.general([example(number, "test") for number in range(3)], 90.0)
    assert [[row.size for row in each.rows] for each in chosen] == [[100.0]] * 3
    kept = promote.general([example(3, "calibration")], 90.0)
    assert len(kept[0].rows) == 3


def test_solutions_of_a_problem_are_no_versions_of_a_function() -> None:
    assert promote.versions(points_of(programs())) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus, a run that learned from it (`good`), and one that did not (`poor`)."""
    path = tmp_path_factory.mktemp("promotion")
    examples = [example(number) for number in range(40)]
    examples += [example(number, "calibration") for number in range(40, 48)]
    examples += [example(number, "test") for number in range(48, 72)]
    corpus.write(examples, path / "corpus")
    for name, epochs, rate in (("good", 30, "1e-2"), ("poor", 1, "1e-9")):
        text = RECIPE.format(folder=path).replace(f"{path}/run", f"{path}/{name}")
        text = text.replace("epochs = 1", f"epochs = {epochs}").replace(
            "learning_rate = 1e-2", f"learning_rate = {rate}"
        )
        (path / f"{name}.toml").write_text(text)
        train.train(read_recipe(path / f"{name}.toml"))
    return path


def promotion(folder: Path, name: str, place: Path) -> tuple[int, str]:
    arguments = [str(folder / f"{name}.toml"), "--promote-if-better", str(place)]
    result = CliRunner().invoke(
        train_command, [*arguments, "--general", str(folder / "corpus")], standalone_mode=False
    )
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.output


def go_on(folder: Path, name: str, start: Path) -> None:
    """A recipe that learns next to nothing from a checkpoint on."""
    text = (folder / "poor.toml").read_text()
    table = text[text.index("[model]") : text.index("[train]")]
    started = text.replace(table, f'[start]\ncheckpoint = "{start}"\n\n')
    (folder / f"{name}.toml").write_text(started.replace(f"{folder}/poor", f"{folder}/{name}"))


def digest(place: Path) -> str:
    return checkpoint.read_info(place)[1].digest


@pytest.mark.model
def test_a_better_one_takes_the_place_and_the_earlier_one_can_come_back(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "ours"
    promote.install(folder / "poor" / "checkpoint", place)
    poor = digest(place)

    code, output = promotion(folder, "good", place)

    assert code == 0, output
    assert digest(place) == digest(folder / "good" / "checkpoint")
    assert "peak_memory on your held-out functions" in output
    listed = CliRunner().invoke(restore_command, [str(place)], standalone_mode=False)
    name = f"miniature-{promote.content(folder / 'poor' / 'checkpoint')[:12]}"
    assert listed.output.split() == [name]
    back = CliRunner().invoke(restore_command, [str(place), name], standalone_mode=False)
    assert back.return_value == 0
    assert digest(place) == poor


@pytest.mark.model
def test_one_that_is_no_better_is_refused_with_the_comparison(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "ours"
    promote.install(folder / "good" / "checkpoint", place)

    code, output = promotion(folder, "poor", place)

    assert code == 1
    assert "not promoted: " in output
    assert digest(place) == digest(folder / "good" / "checkpoint")
    assert not promote.earlier(place).exists()


def test_a_place_without_a_checkpoint_to_beat_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no checkpoint to beat"):
        promotion(folder, "poor", tmp_path / "none")


def test_a_general_corpus_without_a_promotion_is_an_error(folder: Path) -> None:
    arguments = [str(folder / "poor.toml"), "--general", str(folder / "corpus")]
    result = CliRunner().invoke(train_command, arguments, standalone_mode=False)
    assert isinstance(result.exception, UsageError)


def test_a_folder_with_something_else_is_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CheckpointError, match="is there and is no checkpoint"):
        promote.install(folder / "poor" / "checkpoint", tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_unknown_name_is_told_with_the_known_ones(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "ours"
    with pytest.raises(UsageError, match="no earlier checkpoint 'x'"):
        promote.restore(place, "x")
    for name in ("poor", "good"):
        promote.install(folder / name / "checkpoint", place)
    with pytest.raises(UsageError) as caught:
        promote.restore(place, "x")
    assert caught.value.hint == f"kept: miniature-{promote.content(folder / 'poor' / 'checkpoint')[:12]}"


def test_checkpoints_of_the_same_weights_that_count_otherwise_are_kept_each(
    folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "ours"
    made = []
    for number in range(3):
        one = tmp_path / f"made-{number}"
        shutil.copytree(folder / "poor" / "checkpoint", one)
        (one / "calibration.json").write_text("[]" + " " * number)
        made.append(one)
    kept = [promote.install(one, place) for one in made]
    assert kept[0] is None
    assert [promote.content(each) for each in kept[1:] if each] == [promote.content(one) for one in made[:2]]
    name = kept[2].name if kept[2] else ""
    promote.restore(place, name)
    assert promote.content(place) == promote.content(made[1])
    # To take the place twice keeps it once.
    promote.install(made[2], place)
    assert len(list(promote.earlier(place).iterdir())) == 3


def test_a_recipe_that_starts_from_a_checkpoint_has_to_beat_it(folder: Path, tmp_path: Path) -> None:
    """With nothing in the place yet, that is what is to be beaten; one that learns nothing fails."""
    go_on(folder, "again", folder / "good" / "checkpoint")

    code, output = promotion(folder, "again", tmp_path / "ours")

    assert code == 1
    assert "no metric is better with confidence" in output
    assert not (tmp_path / "ours").exists()


@pytest.mark.model
def test_what_an_outcome_counts_is_learned_of_the_rows_as_well(folder: Path, tmp_path: Path) -> None:
    """Trees that know nothing yet learn the cost of a loop, and so outdo their start."""
    start, nothing = tmp_path / "start", [np.zeros(0, np.int32)] * 2
    shutil.copytree(folder / "poor" / "checkpoint", start)
    leaf = Trees(*(np.array([number], dtype) for number, dtype in LEAF_NODE), *nothing, bias=(5.0,))
    known = {("python", "peak_memory"): Level(((-1.0, 0.1), (1.0, 0.9)), leaf, 0.0, 1.0)}
    checkpoint.write_counts(start, Counts((), known))
    go_on(folder, "counting", start)

    code, output = promotion(folder, "counting", tmp_path / "ours")

    assert code == 0, output
    found = checkpoint.read_counts(tmp_path / "ours")
    assert found is not None
    part = found.parts["python", "peak_memory"]
    assert isinstance(part, Level)
    rows = np.array([found.row_of_one(tally(example(at).text), 1000.0) for at in (0, 1)])
    (plain,), (loop,) = part.trees.sums(rows)
    assert plain == pytest.approx(math.log(100), abs=0.3)
    assert loop == pytest.approx(math.log(100 * 1000), abs=0.3)
    assert part.counts > part.network


LEAF_NODE = ((LEAF, np.int16), (0.0, np.float32), (0, np.int32), (0, np.int32), (0.0, np.float32))
