"""`ci-rlm selftest`: known edits in a repository's own functions, and what the gate says of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ci_rlm.cli import main
from ci_rlm.config import Config
from ci_rlm.flow import Kind, Outcome, Prompt, Skipped
from ci_rlm.gate import compare_changes
from ci_rlm.judge import judge
from ci_rlm.training import effects
from ci_rlm.training.injection import Drawn, Injection, draw
from ci_rlm.training.trial import Setting, Trial, by_kind, document, exact_interval, expected, tally
from ci_rlm.training.trial_view import render
from tests.conftest import Checkout
from tests.fakes import INFO, SPACE, FakePredictor, checkpoint_without_weights

LOOP = """
def common(left, right):
    found = []
    for item in left:
        if item in right:
            found.append(item)
    return found
"""
METHOD = """
class Shop:
    @property
    def total(self):
        prices = self.prices
        total = 0
        for price in prices:
            total += price
        return total
"""
PLAIN = "def one():\n    return 1\n"
FILES = {"a.py": LOOP, "b.py": METHOD, "c.py": PLAIN, "broken.py": "def f(:\n", "data.py": "X = [1, 2]\n"}


def drawn(files: Mapping[str, str], functions: int = 9, seed: int = 0) -> list[Drawn]:
    texts = {PurePosixPath(name): text for name, text in files.items()}
    return list(draw(texts, texts.get, effects.read(), functions=functions, seed=seed))


def injections(files: Mapping[str, str], functions: int = 9, seed: int = 0) -> list[Injection]:
    return [one for each in drawn(files, functions, seed) for one in each.injections]


def tried(found: Sequence[Injection], alarming: str) -> list[Trial]:
    """Trials by a predictor for which each text that holds a word costs ten times as much."""

    def cost(prompt: Prompt) -> dict[str, float]:
        dear = 10.0 if alarming in prompt.text else 1.0
        return {"peak_memory": dear * 2.0**20, "cpu_time": dear}

    config = Config()
    results = compare_changes([one.change for one in found], FakePredictor(cost), config)
    trials = []
    for one, result in zip(found, results, strict=True):
        assert not isinstance(result, Skipped)
        path = one.change.unit.path
        verdicts = tuple(judge(each, config.limits_for(path, each.metric.name)) for each in result)
        trials.append(Trial(one, verdicts))
    return trials


# What is tried.


def test_functions_that_take_an_edit_are_tried_and_no_others() -> None:
    places = {(str(one.change.unit.path), one.change.unit.name, one.line) for one in injections(FILES)}
    assert places == {("a.py", "common", 2), ("b.py", "Shop.total", 4)}


def test_an_edit_changes_its_function_and_nothing_else_of_the_file() -> None:
    for one in injections({"a.py": LOOP + PLAIN}):
        assert one.change.before is not None
        assert one.change.after is not None
        assert one.change.before.name == one.change.after.name == "common"
        assert one.change.before.source != one.change.after.source
        assert not one.change.equal


def test_a_bad_edit_is_one_that_was_measured_to_be_bad() -> None:
    known = effects.read()
    for each in drawn(FILES):
        assert known[each.bad.edit.name].bad
        assert each.neutral is not None
        assert known[each.neutral.edit.name].neutral


def test_an_edit_that_makes_code_cheaper_is_taken_back() -> None:
    """`max(a, b)` is dearer than a branch, and the branch is what the edit makes."""
    largest = "def largest(values):\n    best = 0\n    for value in values:\n"
    largest += "        best = max(best, value)\n    return best\n"
    known = {"extreme_by_branch": effects.read()["extreme_by_branch"]}
    texts = {PurePosixPath("a.py"): largest}
    ((bad,),) = ([each.bad] for each in draw(texts, texts.get, known, functions=1, seed=0))
    assert bad.reversed
    assert bad.change.before is not None
    assert bad.change.after is not None
    assert "max(" not in bad.change.before.source
    assert "max(" in bad.change.after.source


def test_the_same_seed_draws_the_same_and_another_one_other_functions() -> None:
    files = {f"{name}.py": LOOP for name in "abcdefghij"}
    assert injections(files, 3) == injections(dict(reversed(files.items())), 3)
    assert injections(files, 3) != injections(files, 3, seed=1)


def test_files_take_turns() -> None:
    many = "".join(LOOP.replace("common", f"common_{number}") for number in range(9))
    found = drawn({"a.py": many, "b.py": LOOP, "c.py": LOOP}, functions=3)
    assert {str(each.bad.change.unit.path) for each in found} == {"a.py", "b.py", "c.py"}


def test_no_more_functions_are_drawn_than_asked_for() -> None:
    many = "".join(LOOP.replace("common", f"common_{number}") for number in range(9))
    assert len(drawn({"a.py": many}, functions=4)) == 4


def test_nothing_of_a_file_is_run(tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\n{LOOP}"
    assert injections({"a.py": trap})
    assert not (tmp_path / "ran").exists()


# What is counted.


def test_hits_and_false_alarms_are_counted_by_hand() -> None:
    """The predictor sees a cost in `list(` alone, so which edits it calls can be read off their texts."""
    found = injections({f"{name}.py": LOOP for name in "abcdef"})
    trials = tried(found, "list(")

    def gains(one: Injection) -> bool:
        before, after = one.change.before, one.change.after
        return (
            before is not None
            and after is not None
            and "list(" in after.source
            and "list(" not in before.source
        )

    for bad in (True, False):
        mine = [one for one in found if one.bad is bad]
        assert tally(trials, bad=bad).of == len(mine)
        assert tally(trials, bad=bad).called == sum(map(gains, mine))
    assert tally(trials, bad=True).called > 0


def test_what_cannot_be_judged_is_counted_apart() -> None:
    one = injections({"a.py": LOOP})[0]
    trials = [Trial(one, (), "too long"), *tried([one], "nothing")]
    assert tally(trials, bad=True).of == 1
    assert "Not judged: 1 edit" in text(trials)


def test_kinds_add_up_to_the_whole() -> None:
    trials = tried(injections({f"{name}.py": LOOP for name in "abcdef"}), "list(")
    for bad in (True, False):
        counted = [found for _, found in by_kind(trials, bad=bad)]
        whole = tally(trials, bad=bad)
        assert (sum(each.of for each in counted), sum(each.called for each in counted)) == (
            whole.of,
            whole.called,
        )


def test_as_many_are_expected_as_were_measured() -> None:
    trials = tried(injections({"a.py": LOOP}), "x")
    kind = trials[0].injection.edit.name
    assert expected(trials, effects.read()) == effects.read()[kind].share["any"]


@given(st.integers(0, 60).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_intervals_are_those_of_clopper_and_pearson(trial: tuple[int, int]) -> None:
    """As scipy has them."""
    hits, of = trial
    if of == 0:
        assert exact_interval(0, 0) == (0.0, 1.0)
        return
    ends = binomtest(hits, of).proportion_ci(0.95, method="exact")
    assert exact_interval(hits, of) == pytest.approx((ends.low, ends.high), abs=1e-9)


# What is said.

SETTING = Setting("0" * 40, 7, INFO, Config().metrics)


def text(trials: Sequence[Trial], *, verbose: bool = False) -> str:
    return render(SETTING, trials, effects.read(), width=100, color=False, verbose=verbose)


def test_the_answer_says_what_it_rests_on() -> None:
    said = " ".join(text(tried(injections({"a.py": LOOP}), "nothing")).split())
    assert said.startswith("1 function of 1 file at 000000000000, drawn with seed 7")
    assert "Hits: 0 of 1 known-bad edits (0.0%, 0.0% to 97.5%) called regressed" in said
    assert "Nothing was run, so what an edit costs here is not known." in said
    assert "peak memory warns at 10% with confidence 0.5 and fails at 25% with 0.9" in said


def test_every_function_is_listed_where_that_is_asked_for() -> None:
    trials = tried(injections(FILES), "nothing")
    assert "Shop.total" not in text(trials)
    assert "Shop.total" in text(trials, verbose=True)


def test_a_false_alarm_is_always_listed() -> None:
    found = [one for one in injections({"a.py": LOOP}) if not one.bad]
    (trial,) = tried(found, "nothing")
    alarm = replace(trial, verdicts=tuple(replace(v, outcome=Outcome.REGRESSED) for v in trial.verdicts))
    assert f"neutral: {found[0].edit.name}" in text([alarm])
    assert "a.py:2" in text([alarm])


def test_names_cannot_steer_a_terminal() -> None:
    hostile = {"\x1b[2J.py": LOOP}
    assert "\x1b" not in text(tried(injections(hostile), "nothing"), verbose=True)


def test_the_document_holds_it_all() -> None:
    trials = tried(injections(FILES), "nothing")
    found = json.loads(json.dumps(document(SETTING, trials, effects.read()), allow_nan=False))
    assert found["bad"]["of"] == found["neutral"]["of"] == 2
    assert {(each["path"], each["name"]) for each in found["trials"]} == {
        ("a.py", "common"),
        ("b.py", "Shop.total"),
    }
    assert all(set(each["outcomes"]) == {"peak_memory", "cpu_time"} for each in found["trials"])


# The command.


def run(repo: Checkout, *flags: str) -> Result:
    return CliRunner().invoke(main, ["selftest", "-C", str(repo.root), *flags])


def test_a_repository_without_a_place_for_an_edit_cannot_be_tried(repo: Checkout) -> None:
    repo.write("a.py", PLAIN)
    repo.commit()
    result = run(repo)
    assert result.exit_code == 3
    assert "no function here has a place for a known-bad edit" in result.stderr


def test_what_the_configuration_leaves_out_is_not_tried(repo: Checkout) -> None:
    repo.write("a.py", LOOP)
    repo.write("ci-rlm.toml", 'paths.exclude = ["a.py"]\n')
    repo.commit()
    assert run(repo).exit_code == 3


@pytest.mark.model
def test_the_same_commit_and_seed_give_the_same_answer(repo: Checkout) -> None:
    """And nothing is written into the repository."""
    for name, content in FILES.items():
        repo.write(name, content)
    repo.commit()
    answers = [run(repo, "--json"), run(repo, "--json", "--no-cache")]
    assert [result.exit_code for result in answers] == [0, 0]
    assert answers[0].stdout == answers[1].stdout
    assert json.loads(answers[0].stdout)["bad"]["of"] == 2
    assert repo.git("status", "--porcelain") == ""


def test_no_extra_of_the_package_is_needed(repo: Checkout) -> None:
    """In a process that cannot import what only extras install, up to where nothing is found to try."""
    repo.write("a.py", PLAIN)
    repo.commit()
    program = "import sys\n"
    for module in ("pyarrow", "scipy", "sklearn", "accelerate", "ijson", "matplotlib", "onnx", "ray"):
        program += f"sys.modules[{module!r}] = None\n"
    program += "from ci_rlm.training import injection, trial, trial_view\n"
    program += f"from ci_rlm.cli import main\nmain(['selftest', '-C', {str(repo.root)!r}])\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("ci-rlm: no function here has a place for a known-bad edit")


def test_a_model_without_a_space_for_functions_judges_none(repo: Checkout, tmp_path: Path) -> None:
    """Its edits are told as not judged, and no share is made of them."""
    space = replace(SPACE, kinds=(Kind.TRITON_KERNEL,))
    folder = checkpoint_without_weights(tmp_path / "checkpoint")
    config = json.loads((folder / "config.json").read_text())
    config["spaces"][0]["kinds"] = [str(kind) for kind in space.kinds]
    (folder / "config.json").write_text(json.dumps(config))
    repo.write("a.py", LOOP)
    repo.commit()
    result = run(repo, "--checkpoint", str(folder), "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["bad"]["of"], found["bad"]["interval"]) == (0, [0.0, 1.0])
    assert found["trials"][0]["unjudged"]
