"""Measured costs and public programs, and the corpus that the two make."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from ci_rlm.errors import CiRlmError, UsageError
from ci_rlm.flow import Kind, Span, Unit
from ci_rlm.prompt import prompt_of
from ci_rlm.training import corpus, joining, shards, splits, synthetic, texts
from ci_rlm.training.architectures import fbnet_model
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.graph_text import text_of
from ci_rlm.training.profile.python import edited_programs
from ci_rlm.training.profile.rows import Origin, Spread
from ci_rlm.training.shards import Shards
from ci_rlm.training.sources import Program
from ci_rlm.training.synthetic_graphs import synthetic_graph
from tests.measurements import ADD, FIRST, ONE, SECOND, failed, keep, measured, write_data, write_lines

SPACE = texts.python_space("a machine", 1024.0)
REFERENCE, OTHER = "sum-up/reference", "sum-up/other"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one small problem of each source."""
    return write_data(tmp_path / "data")


def summary_of(data: Path | None, *found: list[dict[str, object]], folder: Path) -> dict[str, object]:
    path = keep(folder / "measured.parquet", *found)
    return joining.build([path], data, folder / "corpus", repeatability=folder / "none.json")


def built(data: Path, *found: list[dict[str, object]]) -> list[Example]:
    """The examples of a corpus of these rows."""
    summary_of(data, *found, folder=data.parent)
    return corpus.read(data.parent / "corpus")


def test_a_split_is_a_function_of_the_problem_name_alone() -> None:
    place = int(hashlib.sha256(b"leetcode/sum-up").hexdigest()[:16], 16) % 100
    expected = "test" if place < 10 else "calibration" if place < 20 else "train"
    assert splits.split_of("leetcode/sum-up") == expected


def test_a_tenth_of_the_problems_tests_and_a_tenth_calibrates() -> None:
    shares = Counter(splits.split_of(f"p/{number}") for number in range(5000))
    assert shares["test"] == pytest.approx(500, rel=0.2)
    assert shares["calibration"] == pytest.approx(500, rel=0.2)
    assert shares.total() == 5000


def of_split(split: str, prefix: str) -> str:
    """The first name with a prefix that falls into a split."""
    names = (f"{prefix}/{number}" for number in range(1000))
    return next(name for name in names if splits.split_of(name) == split)


def test_problems_without_a_text_in_common_keep_the_split_of_their_name() -> None:
    names = {f"mbpp/{number}": "mbpp" for number in range(50)}
    assert splits.splits_of(names, []) == {name: splits.split_of(name) for name in names}


def test_problems_of_one_source_that_share_a_text_are_as_held_out_as_any_of_them() -> None:
    train, held_out = of_split("train", "mbpp"), of_split("calibration", "mbpp")
    found = splits.splits_of({train: "mbpp", held_out: "mbpp"}, [[train, held_out]])
    assert found == {train: "calibration", held_out: "calibration"}


def test_a_problem_of_a_later_source_follows_the_older_one() -> None:
    older, later = of_split("train", "leetcode"), of_split("test", "codecontests")
    found = splits.splits_of({later: "codecontests", older: "leetcode"}, [[later, older]])
    assert found == {older: "train", later: "train"}


def test_problems_hang_together_through_others() -> None:
    one, two = of_split("train", "leetcode"), of_split("test", "leetcode")
    between = of_split("calibration", "own")
    found = splits.splits_of(
        {one: "leetcode", two: "leetcode", between: "own"}, [[one, between], [between, two]]
    )
    assert set(found.values()) == {"test"}


def test_a_program_is_written_as_the_gate_writes_it() -> None:
    unit = Unit(PurePosixPath("any.py"), "any", Kind.PROGRAM, "python", Span(3, 9), ADD)
    assert (
        texts.program_text(ADD, SPACE)
        == prompt_of(unit, SPACE).text
        == ("PYTHON\ndef add(a,b):\n return a+b")
    )


def test_node_counts_are_those_of_the_syntax_tree() -> None:
    expected = {
        "module": 1, "expression_statement": 2, "assignment": 1, "call": 1, "argument_list": 1,
        "identifier": 3, "integer": 1, "=": 1, "(": 1, ")": 1,
    }  # fmt: skip
    assert dict(texts.node_counts("x=1\nf(x)")) == expected


def test_an_example_joins_a_program_with_its_costs_at_every_size(data: Path) -> None:
    late = {"peak_memory": 20_000.0, "cpu_time": Spread.of([1.5, 2.0])}
    (example,) = built(data, measured(REFERENCE, 10, text=FIRST), measured(REFERENCE, 20, late, text=FIRST))
    assert example.text == "PYTHON\nclass Solution:\n def f(self,xs):\n  return sum(x for x in xs)"
    assert example.rows == (Row(10.0, 1000.0, 0.25), Row(20.0, 20_000.0, 1.5))
    assert (example.problem, example.source, example.record, example.hardware) == (
        "leetcode/sum-up", "leetcode", REFERENCE, "a machine",
    )  # fmt: skip


def test_the_syntax_of_an_example_is_counted(data: Path) -> None:
    (example,) = built(data, measured(REFERENCE, 10, text=FIRST))
    assert example.counts == texts.node_counts(example.text.removeprefix("PYTHON\n"))


def test_a_program_without_a_measured_row_is_no_example(data: Path) -> None:
    assert [example.record for example in built(data, measured(OTHER, 10, text=SECOND))] == [OTHER]


def test_a_failed_measurement_is_no_cost(data: Path) -> None:
    (example,) = built(data, measured(REFERENCE, 10, text=FIRST), failed(REFERENCE, 20, "time limit"))
    assert [row.size for row in example.rows] == [10]


def test_a_measurement_without_a_size_is_no_row_to_learn_from(data: Path) -> None:
    assert built(data, measured(REFERENCE, 0, text=FIRST)) == []


def test_a_row_without_both_metrics_is_none_to_learn_from(data: Path) -> None:
    (example,) = built(
        data, measured(REFERENCE, 10, text=FIRST), measured(REFERENCE, 20, {"calls": 1.0}, text=FIRST)
    )
    assert [row.size for row in example.rows] == [10]


def test_further_metrics_are_there_for_who_asks(data: Path) -> None:
    costs = {"peak_memory": 64.0, "cpu_time": 1.0, "line_events": 7.0}
    plain = built(data, measured(REFERENCE, 10, costs, text=FIRST))
    asked = corpus.read(data.parent / "corpus", further=("line_events", "peak_rss"))
    assert plain[0].rows == (Row(10.0, 64.0, 1.0),)
    assert asked[0].rows == (Row(10.0, 64.0, 1.0, line_events=7.0, peak_rss=None),)


def test_the_rows_of_two_machines_are_not_mixed(data: Path) -> None:
    away = Origin("fast", "another machine", "CPython 3.11")
    (example,) = built(
        data,
        *(measured(REFERENCE, size, text=FIRST) for size in (10, 20)),
        measured(REFERENCE, 40, text=FIRST, origin=away),
    )
    assert [row.size for row in example.rows] == [10, 20]


def test_a_sample_is_of_some_problems_and_all_that_one_protocol_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def example(problem: str, protocol: str) -> dict[str, Any]:
        made = Example("PYTHON\ndef f(): pass", problem, "made", "a", "train", (Row(8.0, 1.0, 1e-6),), ())
        record = corpus.record_of(made)
        return record | {"rows": [{**row, "protocol": protocol} for row in record["rows"]]}

    whole = tmp_path / "whole"
    corpus.write([], whole)
    with Shards(whole, "programs", shards.schema()) as writer:
        for at in range(400):
            writer.add(example(f"p{at}", "long"))
        for at in range(9):
            writer.add(example(f"w{at}", "short"))
    parts = []
    for low, high in ((0, 30), (30, 100)):
        folder = tmp_path / f"from-{low}"
        command = ["corpus", "sample", "--corpus", str(whole), "--percent", str(low), str(high)]
        monkeypatch.setattr("sys.argv", [*command, "--all", "short", "--out", str(folder)])
        corpus.main()
        parts.append({each.problem for each in corpus.read(folder)})
    short = {f"w{at}" for at in range(9)}
    assert parts[0] & parts[1] == short
    assert parts[0] | parts[1] == short | {f"p{at}" for at in range(400)}
    # Of 400 names, 30% within three standard deviations of a fair draw.
    assert 0.3 * 400 - 28 < len(parts[0] - short) < 0.3 * 400 + 28


def test_costs_below_what_can_be_measured_are_raised_to_it(data: Path) -> None:
    (example,) = built(data, measured(REFERENCE, 10, {"peak_memory": 0.0, "cpu_time": 0.0}, text=FIRST))
    assert example.rows == (Row(10.0, 32.0, 1e-7),)


def test_a_measured_edit_is_an_example_that_names_its_original(data: Path) -> None:
    edited = edited_programs(Program(REFERENCE, FIRST), "leetcode")[0]
    plain, changed = built(
        data, measured(REFERENCE, 10, text=FIRST), measured(edited.record, 10, text=edited.text)
    )
    assert (plain.original, plain.edit) == (REFERENCE, "")
    assert (changed.original, f"{changed.original}+{changed.edit}") == (REFERENCE, edited.record)
    assert changed.text == texts.program_text(edited.text, SPACE)


def test_the_programs_of_every_source_are_found(data: Path) -> None:
    examples = built(
        data,
        measured(REFERENCE, 10, text=FIRST),
        measured("HumanEval/0/0", 10, text=ADD, problem="humaneval/0"),
        measured("MBPP/7", 10, text=ONE, problem="mbpp/7"),
        measured("echo/0", 10, text="print(input())", problem="codecontests/echo"),
    )
    assert {example.source for example in examples} == {"leetcode", "humaneval", "mbpp", "codecontests"}


def test_a_solution_in_another_language_has_its_own_prompt_and_the_split_of_its_problem(data: Path) -> None:
    text = "sub one {\n    return 1;\n}\n"
    rows = measured("MBPP/7", 1, {"cpu_time": 1.0}, text=text, problem="mbpp/7", language="perl")
    (program,) = programs_of(data.parent, "mbxp", rows, data=data)
    assert program["text"] == f"# CDSS\n# Language: perl\n{text}"
    assert program["split"] == splits.split_of("mbpp/7")
    assert corpus.read(data.parent / "corpus") == []


def programs_of(
    folder: Path, source: str, *rows: list[dict[str, object]], data: Path | None = None
) -> list[Any]:
    """The programs of a corpus of rows of one source."""
    for row in (row for each in rows for row in each):
        row["source"] = source
    summary_of(data, *rows, folder=folder)
    return list(parquet.read_table(folder / "corpus" / "programs-00000.parquet").to_pylist())


def test_the_growth_of_a_cost_is_fitted_over_the_sizes(data: Path) -> None:
    rows = [
        measured(REFERENCE, n, {"line_events": 3.0 * n**2, "calls": 1.0}, text=FIRST) for n in (10, 20, 40)
    ]
    (program,) = programs_of(data.parent, "leetcode", *rows, data=data)
    assert program["growth"]["line_events"] == pytest.approx(2.0)
    assert program["growth"]["peak_memory"] is None


def test_languages_that_are_not_named_are_left_alone(data: Path, tmp_path: Path) -> None:
    path = keep(
        tmp_path / "m.parquet",
        measured(REFERENCE, 10, text=FIRST),
        measured("MBPP/7", 1, problem="mbpp/7", language="perl"),
    )
    summary = joining.build([path], data, tmp_path / "corpus", languages=["python"])
    assert (summary["rows"], summary["left_out"]) == (1, {})


def test_a_kernel_has_the_prompt_of_the_papers_space(tmp_path: Path) -> None:
    text = (
        "import triton\nimport triton.language as tl\n\n\n@triton.jit\ndef add(x_ptr, n: tl.constexpr):\n"
        "    # one\n    tl.store(x_ptr, n)"
    )
    write_lines(tmp_path / "data" / "triton" / "reference_kernels.jsonl.gz", [])
    answer = {"origin": "a model", "code": text}
    write_lines(tmp_path / "data" / "triton" / "model_written_kernels.jsonl.gz", [answer])
    rows = measured(
        "a model/0", 64, {"latency": 1e-5}, text=text, problem="tritonbench/add", language="triton"
    )
    (program,) = programs_of(tmp_path, "tritonbench-models", rows, data=tmp_path / "data")
    assert program["text"] == (
        "KBSS\nimport triton\nimport triton.language as tl\n@triton.jit\n"
        "def add(x_ptr,n:tl.constexpr):\n tl.store(x_ptr,n)"
    )


def test_a_generated_graph_is_made_again_from_its_record(tmp_path: Path) -> None:
    text = text_of(synthetic_graph(3, 4))
    record = "synthetic-graph/3/4"
    rows = measured(record, 1, {"latency": 0.1}, text=text, problem=record, language="onnx")
    (program,) = programs_of(tmp_path, "synthetic-graph", rows)
    assert program["text"] == f"synthetic-graph\n\n{text}"


def test_a_network_of_a_table_is_made_again_from_its_line(tmp_path: Path) -> None:
    line = {"idx": 7, "ops": ["k3_e1"] * 22, "latency_ms": {"pixel3": 5.0}}
    write_lines(tmp_path / "data" / "nas" / "fbnet.jsonl.gz", [{**line, "idx": 6}, line])
    for name in ("nasbench201", "ofa_mbv3", "accel_nasbench"):
        write_lines(tmp_path / "data" / "nas" / f"{name}.jsonl.gz", [])
    text = text_of(fbnet_model(line["ops"]))
    rows = measured("fbnet/7", 1, {"latency": 5e-3}, text=text, problem="fbnet/7", language="onnx")
    (program,) = programs_of(tmp_path, "fbnet", rows, data=tmp_path / "data")
    assert (program["text"], program["rows"][0]["latency"]) == (f"fbnet\n\n{text}", 5e-3)


def test_a_program_of_another_version_of_the_generator_is_counted(tmp_path: Path) -> None:
    rows = measured("synthetic-0/5", 16, problem="synthetic-0/5")
    assert programs_of(tmp_path, "synthetic", rows) == []
    summary = json.loads((tmp_path / "corpus" / "corpus.json").read_text())
    assert summary["left_out"] == {"synthetic: no text found": 1}


def test_a_generated_program_and_its_sibling_are_made_again_from_their_records(tmp_path: Path) -> None:
    seed = next(n for n in range(100) if synthetic.sibling(n) is not None)
    record, sibling = f"{synthetic.VERSION}/{seed}", synthetic.sibling(seed)
    assert sibling is not None
    made = {record: synthetic.generate(seed).text, f"{record}+sibling": sibling.text}
    rows = [measured(name, 16, text=text, problem=record) for name, text in made.items()]
    found = programs_of(tmp_path, "synthetic", *rows)
    assert {p["record"]: p["text"] for p in found} == {
        name: texts.program_text(text, SPACE) for name, text in made.items()
    }


def test_texts_beside_the_rows_need_no_public_data(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    keep(folder / "part-00000.parquet", measured("pkg:add", 10, text=ADD, problem="own/pkg:add"))
    digest = hashlib.sha256(ADD.encode()).hexdigest()
    columns = {"sha256": [digest], "language": ["python"], "text": [ADD], "name": ["pkg:add"]}
    parquet.write_table(pyarrow.table(columns), folder / "texts-1.parquet")
    joining.build([folder], None, tmp_path / "corpus", repeatability=tmp_path / "none.json")
    assert [e.text for e in corpus.read(tmp_path / "corpus")] == ["PYTHON\ndef add(a,b):\n return a+b"]


def test_rows_without_a_text_are_counted_by_reason(data: Path, tmp_path: Path) -> None:
    summary = summary_of(
        data,
        measured(REFERENCE, 10, text="changed since"),
        measured(REFERENCE, 20, text="changed since"),
        measured("gone/1", 10, problem="leetcode/gone"),
        measured(OTHER, 10, text=SECOND),
        folder=tmp_path,
    )
    assert summary["left_out"] == {"leetcode: no text found": 1, "leetcode: the text has another hash": 2}
    assert summary["programs"] == summary["rows"] == 1


def test_a_text_that_two_problems_share_puts_both_into_one_split(data: Path, tmp_path: Path) -> None:
    train, held_out = of_split("train", "mbpp"), of_split("test", "mbpp")
    lines = [
        {
            "task_id": name.replace("mbpp", "MBPP"), "language": "python", "entry_point": "one",
            "prompt": "def one():\n", "canonical_solution": "    return 1\n", "test": "",
        }
        for name in (train, held_out)
    ]  # fmt: skip
    write_lines(data / "multilingual" / "mbxp" / "mbpp_release_v1.jsonl.gz", lines)
    rows = [measured(n.replace("mbpp", "MBPP"), 10, text=ONE, problem=n) for n in (train, held_out)]
    summary = summary_of(data, *rows, folder=tmp_path)
    assert {e.problem: e.split for e in corpus.read(tmp_path / "corpus")} == {train: "test", held_out: "test"}
    assert summary["moved"] == {train: ["train", "test"]}


def test_the_same_text_measured_twice_for_a_problem_is_one_example(data: Path) -> None:
    found = built(data, measured(REFERENCE, 10, text=FIRST), measured("sum-up/copy", 10, text=FIRST))
    assert len(found) == 1


def test_pairs_lie_beside_the_examples_with_their_split(data: Path, tmp_path: Path) -> None:
    summary = summary_of(
        data, measured(REFERENCE, 10, text=FIRST), measured(OTHER, 10, text=SECOND), folder=tmp_path
    )
    rows = parquet.read_table(tmp_path / "corpus" / "pairs-00000.parquet").to_pylist()
    assert [(row["before"], row["after"]) for row in rows] == [(OTHER, REFERENCE), (REFERENCE, OTHER)]
    assert {row["split"] for row in rows} == {splits.split_of("leetcode/sum-up")}
    assert (summary["pairs"], summary["pair_rows"]) == ({"solutions": 2}, 2)


def test_a_pair_is_of_programs_with_a_text(data: Path, tmp_path: Path) -> None:
    summary = summary_of(
        data, measured(REFERENCE, 10, text=FIRST), measured("sum-up/gone", 10), folder=tmp_path
    )
    assert summary["pair_rows"] == 0


def test_several_workers_build_what_one_does(data: Path, tmp_path: Path) -> None:
    path = keep(
        tmp_path / "m.parquet",
        measured(REFERENCE, 10, text=FIRST),
        measured("MBPP/7", 10, text=ONE, problem="mbpp/7"),
    )
    none = tmp_path / "none.json"
    joining.build([path], data, tmp_path / "one", repeatability=none)
    joining.build([path], data, tmp_path / "two", workers=2, repeatability=none)
    names = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert names == ["corpus.json", "pairs-00000.parquet", "programs-00000.parquet"]
    assert all((tmp_path / "one" / n).read_bytes() == (tmp_path / "two" / n).read_bytes() for n in names)


def test_the_summary_names_the_inputs_by_their_digests(data: Path, tmp_path: Path) -> None:
    summary_of(data, measured(REFERENCE, 10, text=FIRST), folder=tmp_path)
    inputs = json.loads((tmp_path / "corpus" / "corpus.json").read_text())["inputs"]
    path = tmp_path / "measured.parquet"
    assert inputs[str(path)] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert str(data / "leetcode" / "problems.jsonl.gz") in inputs


def test_a_corpus_takes_the_place_of_an_earlier_one(data: Path) -> None:
    built(data, measured(REFERENCE, 10, text=FIRST))
    assert [example.record for example in built(data, measured(OTHER, 10, text=SECOND))] == [OTHER]


def test_a_build_that_fails_leaves_the_earlier_corpus_and_no_scratch(data: Path, tmp_path: Path) -> None:
    examples = built(data, measured(REFERENCE, 10, text=FIRST))
    (data / "leetcode" / "problems.jsonl.gz").write_bytes(b"torn")
    with pytest.raises(OSError, match="gzip"):
        built(data, measured(OTHER, 10, text=SECOND))
    assert corpus.read(tmp_path / "corpus") == examples
    assert not list(tmp_path.glob("corpus.writing*"))


def test_a_folder_that_is_no_corpus_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    with pytest.raises(UsageError, match="is no corpus"):
        corpus.write([], tmp_path / "precious")
    assert (tmp_path / "precious").exists()


def test_no_corpus_is_an_error_that_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CiRlmError) as caught:
        corpus.read(tmp_path / "none")
    assert "corpus build" in caught.value.hint


def test_examples_are_read_back_as_they_were_written(tmp_path: Path, data: Path) -> None:
    examples = built(data, measured(REFERENCE, 10, text=FIRST), measured(OTHER, 10, text=SECOND))
    corpus.write(examples, tmp_path / "new" / "corpus")
    assert corpus.read(tmp_path / "new" / "corpus") == examples


def test_shards_are_bounded_and_hold_every_example(tmp_path: Path) -> None:
    # Random letters compress to five bits each: three texts fill a shard.
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=200_000)) for _ in range(7)]
    with shards.Shards(tmp_path, "programs", shards.schema(), full=300_000, piece=1) as writer:
        for word in words:
            writer.add(corpus.record_of(Example(word, "p", "s", "r", "train", (Row(1.0, 1.0, 1.0),), ())))
    files = shards.files(tmp_path, "programs")
    assert [path.stat().st_size < 430_000 for path in files] == [True] * 3
    assert [row["text"] for path in files for row in parquet.read_table(path).to_pylist()] == words


def test_a_corpus_of_several_pieces_is_read_whole(tmp_path: Path) -> None:
    row = Row(size=8, peak_memory=100, cpu_time=1e-5)
    written = [Example(f"PYTHON\n{i}", f"p{i}", "s", f"r{i}", "train", (row,), (("a", i),)) for i in range(3)]
    with shards.Shards(tmp_path, "programs", shards.schema(), piece=1) as writer:
        for example in written:
            writer.add(corpus.record_of(example))
    shards.write_summary(tmp_path, {})
    assert parquet.ParquetFile(tmp_path / "programs-00000.parquet").num_row_groups == 3
    assert corpus.read(tmp_path) == written
