"""`ci-rlm ingest` as a user types it."""

from __future__ import annotations

import json
import pstats
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from ci_rlm.cli import main
from ci_rlm.training import ingested
from tests.conftest import Checkout
from tests.own_logs import ORDER, SHOP


@pytest.fixture
def shop(repo: Checkout) -> Checkout:
    repo.write("shop.py", SHOP)
    repo.commit()
    return repo


TABLE = """symbol,file,line,metric,value,unit
order,shop.py,1,wall_time,2.5,ms
total,shop.py,5,peak_memory,3,KiB
total,shop.py,5,wall_time,9,s
gone,shop.py,90,wall_time,2,s
order,shop.py,1,wall_time,2,parsecs
"""


def ingest(shop: Checkout, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["ingest", "--repo", str(shop.root), *arguments])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "logs" / "costs.csv"
    path.parent.mkdir()
    path.write_text(TABLE)
    return path


def test_the_command_writes_a_corpus_and_says_what_came_of_each_format(
    shop: Checkout, table: Path, tmp_path: Path
) -> None:
    out, counts = tmp_path / "out", tmp_path / "counts.json"
    (table.parent / "notes.txt").write_text("no log")
    result = ingest(shop, str(table.parent), "--out", str(out), "--json", str(counts))
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"3 rows of 2 functions in {out / ingested.FILE}\n"
    assert ["plain", "1", "5", "3", "2"] in [line.split() for line in result.stderr.splitlines()]
    assert "1 file of the named folders are no logs" in result.stderr
    assert "3 measurements came without a commit and were taken to be of HEAD" in result.stderr
    document = json.loads(counts.read_text())
    assert document["formats"]["plain"]["dropped"][1] == {
        "reason": "unit 'parsecs' is neither of time nor of memory",
        "count": 1,
        "first": [f"{table}: line 6"],
    }
    assert {(each["metric"], each["count"]) for each in document["quantities"]} == {
        ("wall_time", 2),
        ("peak_memory", 1),
    }


def test_a_real_profile_is_joined_with_the_code_that_ran(shop: Checkout, tmp_path: Path) -> None:
    shop.write("main.py", "import shop\nfor size in range(99):\n    shop.order(range(size))\n")
    shop.commit()
    log = tmp_path / "run.pstats"
    subprocess.run(
        [sys.executable, "-m", "cProfile", "-o", str(log), "main.py"], cwd=shop.root, check=True, timeout=60
    )
    shop.write("shop.py", "def order(rows): return changed_since\n")
    result = ingest(shop, str(log), "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.stderr
    (told,) = (
        value
        for key, value in pstats.Stats(str(log)).stats.items()
        if key[2] == "order"  # type: ignore[attr-defined]
    )
    calls, _, own, total, _ = told
    rows = {row["kind"]: row for row in parquet.read_table(tmp_path / "out" / ingested.FILE).to_pylist()}
    assert {row["text"] for row in rows.values()} == {ORDER}
    assert calls == 99
    assert rows["per_call"]["value"] == pytest.approx(total / calls)
    assert rows["self"]["value"] == pytest.approx(own)


def test_a_revision_says_which_code_was_measured(shop: Checkout, table: Path, tmp_path: Path) -> None:
    shop.write("shop.py", "# nothing is left\n")
    shop.commit()
    result = ingest(shop, str(table), "--commit", "HEAD~1", "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.stderr
    assert "came without a commit" not in result.stderr
    first, *_ = parquet.read_table(tmp_path / "out" / ingested.FILE).to_pylist()
    assert (first["text"], first["commit"]) == (ORDER, shop.git("rev-parse", "HEAD~1"))


def test_nothing_that_could_be_resolved_is_exit_code_3(shop: Checkout, table: Path, tmp_path: Path) -> None:
    shop.write("shop.py", "# nothing is left\n")
    shop.commit()
    counts, out = tmp_path / "counts.json", tmp_path / "out"
    result = ingest(shop, str(table), "--out", str(out), "--json", str(counts))
    assert result.exit_code == 3
    assert "no measurement could be resolved to code" in result.stderr
    assert json.loads(counts.read_text())["kept"] == 0
    assert not out.exists()


@pytest.mark.parametrize("configured", [False, True])
def test_files_are_left_out_by_a_flag_or_as_the_repository_configures_its_checks(
    shop: Checkout, table: Path, tmp_path: Path, configured: bool
) -> None:
    shop.write("tests/shop.py", SHOP)
    shop.commit()
    table.write_text(TABLE.replace("total,shop.py", "total,tests/shop.py"))
    flags = () if configured else ("--exclude", "tests/**")
    if configured:
        shop.write("ci-rlm.toml", 'paths.exclude = ["tests/**"]\n')
    result = ingest(shop, str(table), "--out", str(tmp_path / "out"), *flags)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("1 row of 1 function in ")
    rows = parquet.read_table(tmp_path / "out" / ingested.FILE).to_pylist()
    assert [row["path"] for row in rows] == ["shop.py"]


def test_a_named_file_that_is_no_log_is_told_and_ends_nothing(
    shop: Checkout, table: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("no log")
    result = ingest(shop, str(notes), str(table), "--out", str(tmp_path / "out"))
    assert result.exit_code == 0
    assert "notes.txt: it is of no known format" in result.stderr.replace("\n", "")


def test_kinds_that_no_model_learns_from_are_told(shop: Checkout, tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text("symbol,metric,kind,value,unit\norder,wall_time,cumulative,1,s\n")
    result = ingest(shop, str(path), "--out", str(tmp_path / "out"))
    assert "no model is trained on these rows so far: 1 of cumulative wall time" in result.stderr


def test_rows_of_several_classes_of_hardware_are_told_until_one_is_named(
    shop: Checkout, tmp_path: Path
) -> None:
    path = tmp_path / "costs.csv"
    path.write_text("symbol,metric,value,unit,hardware\norder,wall_time,1,s,a box\ntotal,wall_time,2,s,\n")
    told = "takes the rows of one class of hardware"
    result = ingest(shop, str(path), "--out", str(tmp_path / "out"))
    assert f"{told}, but here are 1 of a box, 1 of one that no log tells" in result.stderr
    result = ingest(shop, str(path), "--out", str(tmp_path / "out"), "--hardware", "a box")
    assert (result.exit_code, told in result.stderr) == (0, False)


def test_columns_and_the_unit_can_be_named(shop: Checkout, tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text("what,took\norder,1500\n")
    columns = ("symbol=what", "value=took", "metric==wall_time")
    flags = [word for column in columns for word in ("--column", column)]
    flags += ["--format", "plain", "--unit", "us", "--out", str(tmp_path / "out")]
    result = ingest(shop, str(path), *flags)
    assert result.exit_code == 0, result.stderr
    (row,) = parquet.read_table(tmp_path / "out" / ingested.FILE).to_pylist()
    assert row["value"] == pytest.approx(1.5e-3)


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("--map", "nowhere"), 2, "not of the form FROM=TO: --map nowhere"),
        (("--column", "=x"), 2, "not of the form FROM=TO: --column =x"),
        (("--format", "moon"), 2, "'moon' is not one of"),
        (("--commit", "gone"), 3, "no such revision: gone"),
        (("--json", "/no/such/folder/counts.json"), 2, "cannot write /no/such/folder/counts.json"),
    ],
)
def test_wrong_usage_says_what_is_wrong(
    shop: Checkout, table: Path, flags: tuple[str, ...], code: int, message: str
) -> None:
    result = ingest(shop, str(table), *flags)
    assert (result.exit_code, message in result.stderr) == (code, True)
