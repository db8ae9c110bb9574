"""`ci-rlm verify` as a user types it, and what later checks tell of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from ci_rlm.cli import main
from ci_rlm.render import schema
from ci_rlm.training import board
from tests.conftest import Checkout
from tests.fakes import by_length, checkpoint_without_weights, remember

BEFORE = """def slow(n):
    return n


def long(n):
    return n
"""
AFTER = """def slow(n):
    for round in range(1000):
        n += sum(range(round % 7))
    return n


def long(n):
    if n == "never that, whatever it is that the caller says" and n != "never that, whatever it is":
        return "never that, whatever it is that the caller says"
    return n
"""
SUITE = """from shop import long, slow

def test_slow(benchmark):
    benchmark(slow, 1)

def test_long(benchmark):
    benchmark(long, 1)
"""
PLACE = ".ci-rlm/scoreboard.json"


@dataclass
class Shop:
    """A repository with one change, the report of its check, and tables of what both sides cost."""

    checkout: Checkout
    base: str
    head: str
    report: Path

    def run(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(main, list(map(str, arguments)))

    def check(self, *arguments: str) -> Result:
        return self.run("check", "-C", self.checkout.root, "--base", self.base, *arguments)

    def verify(self, *arguments: str | Path) -> Result:
        return self.run("verify", "--repo", self.checkout.root, *arguments)

    def table(self, name: str, commit: str, **costs: float) -> Path:
        """CPU seconds of functions, measured at a commit; of none if it is empty."""
        path = self.report.parent / name
        rows = [f"{function},shop.py,cpu_time,{cost},s,{commit}\n" for function, cost in costs.items()]
        path.write_text("".join(["symbol,file,metric,value,unit,commit\n", *rows]))
        return path

    def bench(self, *, before: str | None = None, after: str | None = None) -> list[str]:
        """Flags that name a table of each side: `slow` got slower, `long` stayed as it was."""
        first = self.table("before.csv", self.base if before is None else before, slow=1.0, long=1.0)
        second = self.table("after.csv", self.head if after is None else after, slow=3.0, long=1.0)
        return ["--bench", str(first), "--bench", str(second)]

    def figures(self, *arguments: str | Path) -> Any:
        """The JSON of a run that ends well."""
        result = self.verify(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)


@pytest.fixture
def shop(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Both functions are called regressed: their texts grew."""
    folder = checkpoint_without_weights(tmp_path / "checkpoint")
    monkeypatch.setenv("CI_RLM_CHECKPOINT", str(folder))
    repo.write("shop.py", BEFORE)
    repo.write("test_shop.py", SUITE)
    base = repo.commit()
    repo.write("shop.py", AFTER)
    made = Shop(repo, base, repo.commit(), tmp_path / "report.json")
    remember(folder, Path(os.environ["CI_RLM_CACHE_DIR"]), [BEFORE, AFTER], by_length)
    result = made.check("--format", f"json:{made.report}")
    assert result.exit_code == 0, result.stderr
    assert {row["outcome"] for row in json.loads(made.report.read_bytes())["rows"]} == {"regressed"}
    return made


def test_real_benchmarks_at_both_commits_become_a_line_of_the_next_report(shop: Shop, tmp_path: Path) -> None:
    logs = []
    for commit in (shop.base, shop.head):
        shop.checkout.git("checkout", "-q", commit)
        log = tmp_path / f"{commit}.json"
        flags = [
            f"--benchmark-json={log}",
            "--benchmark-max-time=0.05",
            "--benchmark-timer=time.process_time",
        ]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *flags]
        subprocess.run(
            command, cwd=shop.checkout.root, check=True, capture_output=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": ""},
        )  # fmt: skip
        logs += ["--bench", log]
    told = shop.figures(shop.report, *logs)
    assert told["logs"]["pytest_benchmark"]["kept"] == 4
    assert told["verified"] == 2
    known = {made.name: made.measured[0] for made in board.read(shop.checkout.root / PLACE)}
    for name, pair in known.items():
        stats = [
            next(each["stats"] for each in json.loads(log.read_bytes())["benchmarks"] if name in each["name"])
            for log in logs[1::2]  # type: ignore[union-attr]
        ]
        medians = [stat["median"] for stat in stats]
        assert [pair.before.value, pair.after.value] == pytest.approx(medians, rel=1e-5)
    assert known["slow"].after.value > 5 * known["slow"].before.value
    # How many of the two are clear enough to count is the machine's affair.
    board_says = told["scoreboard"]
    assert board_says["comparisons"] + board_says["too_noisy"] == 2
    line = f"over {board_says['comparisons']} verified comparison"
    assert (line in " ".join(shop.check().stdout.split())) is (board_says["comparisons"] > 0)


def test_results_of_asv_hold_many_commits(shop: Shop, tmp_path: Path) -> None:
    """In the layout that `tests/logs_data/benchmarks/asv` shows, which asv wrote."""
    names = ("time_slow", "time_long")
    benchmarks = {
        f"test_shop.{name}": {
            "code": f"def {name}():\n    {name.removeprefix('time_')}(1)", "param_names": [], "params": [],
            "type": "time", "unit": "seconds", "version": "1",
        }
        for name in names
    }  # fmt: skip
    machine = tmp_path / "results" / "machine"
    machine.mkdir(parents=True)
    (machine.parent / "benchmarks.json").write_text(json.dumps(benchmarks))
    columns = ["result", "params", "version", "started_at", "duration"]
    for commit, costs in ((shop.base, (1e-3, 1e-3)), (shop.head, (9e-3, 5e-4)), ("5" * 40, (1.0, 1.0))):
        rows = {f"test_shop.{name}": [[cost], [], "1"] for name, cost in zip(names, costs, strict=True)}
        run = {"commit_hash": commit, "env_name": "env", "params": {"cpu": "box"}, "python": "3.11"}
        document = {**run, "result_columns": columns, "results": rows}
        (machine / f"{commit[:8]}-env.json").write_text(json.dumps(document))
    told = shop.figures(shop.report, "--bench", tmp_path / "results", "--time", "wall_time")
    assert (told["logs"]["asv"]["logs"], told["logs"]["asv"]["kept"]) == (3, 4)
    assert told["logs"]["asv"]["dropped"] == {"no report compares its commit": 2}
    assert {made.name: made.measured[0].after.value for made in board.read(shop.checkout.root / PLACE)} == {
        "slow": 9e-3,
        "long": 5e-4,
    }
    assert (told["scoreboard"]["hits"], told["scoreboard"]["false_alarms"]) == (1, 1)


def test_hits_and_false_alarms_are_told_in_the_terminal_and_in_json(shop: Shop) -> None:
    result = shop.verify(shop.report, *shop.bench())
    assert result.exit_code == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["regressed", "1", "0", "1", "0"] in lines
    assert result.stdout.startswith("2 verified comparisons of 1 change, 2024-01\n")
    assert "no benchmark measured this metric of the function" in " ".join(result.stderr.split())
    told = shop.figures()["scoreboard"]
    assert (told["hits"], told["false_alarms"], told["missed"]) == (1, 1, 0)
    names = [group["name"] for group in told["groups"]]
    assert names[:2] == ["cpu_time", "2024-01"]
    assert names[2].startswith("hollow (")


def test_the_report_of_a_later_check_tells_how_earlier_calls_turned_out(shop: Shop) -> None:
    shop.verify(shop.report, *shop.bench())
    line = (
        "In this repository: 1 of 2 calls was right (precision 0.50, 0.01 to 0.99), "
        "0 regressions missed, over 2 verified comparisons"
    )
    assert line in " ".join(shop.check().stdout.split())
    assert line in shop.check("--format", "markdown").stdout
    document = json.loads(shop.check("--format", "json").stdout)
    Draft202012Validator(schema()).validate(document)
    assert document["track_record"] == {
        "own": True, "comparisons": 2, "calls": 2, "right": 1, "low": 0.012579, "high": 0.987421, "missed": 0,
        "unsure": 0,
    }  # fmt: skip


def test_the_same_again_changes_no_byte(shop: Shop) -> None:
    shop.verify(shop.report, *shop.bench())
    content = (shop.checkout.root / PLACE).read_bytes()
    shop.verify(shop.report, *reversed_pairs(shop.bench()))
    assert (shop.checkout.root / PLACE).read_bytes() == content
    Draft202012Validator(board.schema()).validate(json.loads(content))


def reversed_pairs(flags: list[str]) -> list[str]:
    return [*flags[2:], *flags[:2]]


def test_logs_that_tell_no_commit_are_named_with_theirs(shop: Shop) -> None:
    first, second = (Path(flag) for flag in shop.bench(before="", after="")[1::2])
    assert shop.verify(shop.report, "--bench", first, "--bench", second).exit_code == 3
    told = shop.figures(shop.report, "--bench", f"HEAD~1={first}", "--bench", f"HEAD={second}")
    assert told["verified"] == 2


def test_where_a_change_was_squashed_the_measured_commits_are_named(shop: Shop) -> None:
    shop.checkout.git("checkout", "-q", "-b", "trunk", shop.base)
    shop.checkout.write("other.txt", "another change")
    before = shop.checkout.commit()
    shop.checkout.write("shop.py", AFTER)
    after = shop.checkout.commit("squashed")
    bench = shop.bench(before=before, after=after)
    result = shop.verify(shop.report, *bench)
    assert (result.exit_code, "--measured names the commits" in result.stderr) == (3, True)
    assert not (shop.checkout.root / PLACE).exists()
    told = shop.figures(shop.report, *bench, "--measured", "HEAD~1..HEAD")
    assert told["verified"] == 2


def test_a_folder_of_logs_is_searched(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    for name in shop.bench()[1::2]:
        Path(name).rename(tmp_path / "logs" / Path(name).name)
    (tmp_path / "logs" / "notes.txt").write_text("no log")
    assert shop.figures(shop.report, "--bench", tmp_path / "logs")["verified"] == 2


def test_a_report_without_a_comparison_is_nothing_to_verify(shop: Shop) -> None:
    shop.check("--base", "HEAD", "--format", f"json:{shop.report}")
    result = shop.verify(shop.report, *shop.bench())
    assert (result.exit_code, result.stdout) == (0, "No prediction is verified yet\n")


def test_the_scoreboard_is_kept_where_the_user_or_the_configuration_says(shop: Shop, tmp_path: Path) -> None:
    shop.verify(shop.report, *shop.bench(), "--scoreboard", tmp_path / "mine.json")
    assert len(board.read(tmp_path / "mine.json")) == 2
    shop.checkout.write("ci-rlm.toml", 'scoreboard = "quality/score.json"\n')
    shop.verify(shop.report, *shop.bench())
    assert len(board.read(shop.checkout.root / "quality/score.json")) == 2
    assert "over 2 verified comparisons" in " ".join(shop.check().stdout.split())


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--bench", "nowhere.json"], 2, "--bench: no such file: nowhere.json"),
        (["--bench", "HEAD=nowhere.json"], 2, "--bench: no such file: HEAD=nowhere.json"),
        (["--bench", "gone={log}"], 3, "no such revision: gone"),
        (["--bench", "{log}", "--measured", "HEAD"], 2, "--measured: expected BASE..HEAD, not 'HEAD'"),
        (["--bench", "{log}", "--measured", "a...b"], 2, "--measured: expected BASE..HEAD, not 'a...b'"),
        (["--bench", "{log}", "--measured", "gone..HEAD"], 3, "no such revision: gone"),
        (["--bench", "{log}", "--map", "x"], 2, "not of the form FROM=TO: --map x"),
        (["--bench", "{log}", "{report}", "--measured", "HEAD~1..HEAD"], 2, "--measured is for one report"),
        (["--bench", "{log}", "{log}"], 3, "before.csv: the report is not JSON"),
        ([], 2, "verify takes reports and logs, both"),
    ],
)
def test_wrong_usage_says_what_is_wrong(shop: Shop, flags: list[str], code: int, message: str) -> None:
    log = shop.table("before.csv", shop.base, slow=1.0)
    given = [flag.format(log=log, report=shop.report) for flag in flags]
    result = shop.verify(shop.report, *given)
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr


def test_a_damaged_scoreboard_is_not_written_over(shop: Shop) -> None:
    shop.checkout.write(PLACE, '{"version": 1, "comparisons": [1]}')
    result = shop.verify(shop.report, *shop.bench())
    assert (result.exit_code, "is no scoreboard" in result.stderr) == (3, True)
    assert (shop.checkout.root / PLACE).read_text() == '{"version": 1, "comparisons": [1]}'


# A check and the file of a scoreboard.


@pytest.mark.parametrize("content", ["", "{}", '{"version": 1, "records": [{}]}', "[" * 50_000])
def test_a_damaged_scoreboard_is_a_warning_and_breaks_no_check(shop: Shop, content: str) -> None:
    plain = shop.check().stdout
    shop.checkout.write(PLACE, content)
    result = shop.check()
    assert (result.exit_code, result.stdout) == (0, plain)
    assert f"warning: {PLACE} is left out of the report" in result.stderr


def test_a_scoreboard_that_is_a_link_is_a_warning(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.json").write_text("{}")
    (shop.checkout.root / ".ci-rlm").mkdir()
    (shop.checkout.root / PLACE).symlink_to(tmp_path / "elsewhere.json")
    result = shop.check()
    assert (result.exit_code, "it is no regular file" in result.stderr) == (0, True)


def test_a_scoreboard_that_the_configuration_names_must_be_there(shop: Shop) -> None:
    shop.checkout.write("ci-rlm.toml", 'scoreboard = "gone.json"\n')
    result = shop.check()
    assert (result.exit_code, "scoreboard: no regular file gone.json" in result.stderr) == (2, True)


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside.json", "a/../../b", "."])
def test_the_configuration_names_a_file_inside_the_repository(shop: Shop, path: str) -> None:
    shop.checkout.write("ci-rlm.toml", f'scoreboard = "{path}"\n')
    result = shop.check()
    assert (result.exit_code, "expected a path inside the repository" in result.stderr) == (2, True)


def test_a_privileged_event_reads_the_scoreboard_of_the_base(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.verify(shop.report, *shop.bench())
    assert "In this repository" in shop.check().stdout
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request_target")
    assert "In this repository" not in shop.check().stdout
    shop.base = shop.checkout.commit("keep score")
    shop.checkout.write("shop.py", BEFORE)
    shop.checkout.write(PLACE, "a pull request's own idea of it")
    shop.checkout.commit()
    result = shop.check()
    assert "In this repository: 1 of 2 calls was right" in result.stdout
    assert result.stderr == ""


def test_a_checkpoint_without_a_record_tells_that_of_earlier_ones(shop: Shop) -> None:
    made = json.loads(shop.report.read_bytes())
    made["model"]["digest"] = "f" * 64
    shop.report.write_text(json.dumps(made))
    shop.verify(shop.report, *shop.bench())
    assert "over 2 verified comparisons of earlier checkpoints" in " ".join(shop.check().stdout.split())


def test_limits_that_a_path_overrides_reach_the_scoreboard(shop: Shop) -> None:
    override = '[[overrides]]\npaths = ["shop.py"]\nmetrics.cpu_time.fail = "400%"\n'
    shop.checkout.write("ci-rlm.toml", override)
    shop.check("--format", f"json:{shop.report}")
    document = json.loads(shop.report.read_bytes())
    Draft202012Validator(schema()).validate(document)
    (told,) = document["overridden"]
    assert (told["path"], told["metric"], told["fail"]) == ("shop.py", "cpu_time", 4.0)
    shop.verify(shop.report, *shop.bench())
    assert {made.fail for made in board.read(shop.checkout.root / PLACE)} == {4.0}


def test_reading_a_scoreboard_loads_nothing_heavy(shop: Shop) -> None:
    shop.verify(shop.report, *shop.bench())
    program = (
        "import sys\nfrom ci_rlm.cli import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n"
        "    heavy = {'numpy', 'scipy', 'pyarrow', 'torch', 'jsonschema'} & set(sys.modules)\n"
        "    print(sorted(heavy), file=sys.stderr)\n"
    )
    arguments = ["check", "-C", str(shop.checkout.root), "--base", shop.base, "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["track_record"]["comparisons"] == 2
    assert done.stderr == "[]\n"


def test_the_schema_of_the_file_is_printed() -> None:
    result = CliRunner().invoke(main, ["schema", "scoreboard"])
    assert json.loads(result.stdout) == board.schema()
