"""Records of multilingual data, and the programs that repeat their tests."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ci_rlm.training.multilingual import DONE, Multilingual, assembled, multilingual

CPP = Multilingual(
    language="cpp", source="mbxp", problem="mbpp/900", record="MBCPP/900", entry="twiceOf",
    text="#include <iostream>\n#include <stdexcept>\nusing namespace std;\n\n/**\n * twiceOf(2) {\n */\n"
         "int twiceOf(int n) {\n\n    cerr << 'x';\n    return 2 * n;\n}",
    test="\ntemplate <typename T> bool compare(T a, T b){ \n    return a == b; \n}\n\n"
         "int main(int argc, char* argv[]) {\n    int x0 = twiceOf(3);\n    if (!(compare(x0, 6))) {\n"
         '        throw runtime_error("Exception -- test case 0 did not pass.");\n    }\n\n    return 0;\n}',
)  # fmt: skip
JAVA = Multilingual(
    language="java", source="mbxp", problem="mbpp/900", record="MBJP/900", entry="twiceOf",
    text="import java.util.*;\n\nclass TwiceOf {\n    public static int twiceOf(int n) {\n"
         '        System.err.print("x");\n        return 2 * n;\n    }\n}',
    test="\n\nclass Main {\n    public static void main(String[] args) throws Exception {\n"
         "        int x0 = TwiceOf.twiceOf(3);\n        if (x0 != 6) {\n"
         '            throw new java.lang.Exception("x0 = " + x0);\n        }\n\n}\n}\n',
)  # fmt: skip
CSHARP = Multilingual(
    language="csharp", source="mbxp", problem="mbpp/900", record="MBCSP/900", entry="TwiceOf",
    text="using System;\nusing System.Collections.Generic;\nusing KellermanSoftware.CompareNetObjects;\n\n"
         "namespace Solution\n{\n    public class Program\n    {\n"
         "        public static List<int> TwiceOf (int n) \n        {\n"
         '            Console.Error.Write("x");\n            return new List<int> {2 * n};\n        }',
    test="\n\n        public static void Main(string[] args)\n        {\n"
         "            CompareLogic compareLogic = new CompareLogic();\n"
         "            var actual1 = TwiceOf(3);\n            var expected1 = new List<int> {6};\n"
         "            var result1 = compareLogic.Compare(actual1, expected1);\n"
         '            if (!result1.AreEqual) {throw new Exception("test case 0 failed");}\n\n'
         "        }\n    }\n}\n",
)  # fmt: skip
JAVASCRIPT = Multilingual(
    language="javascript", source="mbxp", problem="mbpp/900", record="MBJSP/900", entry="twiceOf",
    text="function twiceOf(n) {\n    process.stderr.write('x');\n    return [2 * n];\n}",
    test='\nconst _ = require("lodash")\n\nfunction compare(object1, object2){\n'
         "    return _.isEqual(object1, object2)\n}\n\nvar arg00 = 3;\nvar x0 = twiceOf(arg00);\n"
         "var v0 = [6];\nif(!compare(x0, v0)){\n    throw 'Error at 1th assert statement.'\n}\n",
)  # fmt: skip
TYPESCRIPT = Multilingual(
    language="typescript", source="mbxp", problem="mbpp/900", record="MBTSP/900", entry="twice_of",
    text="const twice_of = function (n: number) : Array<number>  {\n"
         "    process.stderr.write('x')\n    return [2 * n]\n}",
    test="\nimport * as assert from 'assert'\n\nlet actual_1 = twice_of(3);\nlet expected_1 = [6];\n"
         'assert.deepEqual(actual_1, expected_1, "test case 0 failed to pass");\n',
)  # fmt: skip
PHP = Multilingual(
    language="php", source="mbxp", problem="mbpp/900", record="MBPHP/900", entry="twiceOf",
    text="<?php\n\nfunction twiceOf($n){\n    fwrite(STDERR, 'x');\n    return 2 * $n;\n}",
    test="\n\nfunction compare($x, $y) {\n    return $x == $y;\n}\n\n$arg00 = 3;\n"
         "$x0 = twiceOf($arg00);\n$v0 = 6;\nif (!compare($x0, $v0)) {\n"
         '    throw new Exception("Error at 1th assert statement.");\n}\n',
)  # fmt: skip
RUBY = Multilingual(
    language="ruby",
    source="mbxp",
    problem="mbpp/900",
    record="MBRBP/900",
    entry="twice_of",
    text="def twice_of(n)\n  $stderr.write 'x'\n  return 2 * n\nend\n",
    test='\narg00 = 3\nx0 = twice_of(arg00)\nv0 = 6\nif x0 != v0\n    raise StandardError, "Error"\nend\n',
)
KOTLIN = Multilingual(
    language="kotlin", source="mbxp", problem="mbpp/900", record="MBKP/900", entry="twiceOf",
    text='fun twiceOf(n : Int) : Int {\n  System.err.print("x")\n  return 2 * n\n}',
    test="\nfun main() {\n    var x0 : Int = twiceOf(3);\n    if (x0 != 6) {\n"
         '        throw Exception("x0 = " + x0)\n    }\n}\n',
)  # fmt: skip
ALL = (CPP, JAVA, CSHARP, JAVASCRIPT, TYPESCRIPT, PHP, RUBY, KOTLIN)

# Each with the tools that a plain shell would use; the harness has its own.
COMMANDS = {
    "cpp": ("g++", "g++ -o program main.cpp && exec ./program"),
    "java": ("javac", "javac Main.java && exec java Main"),
    "csharp": ("mcs", "mcs -out:program.exe main.cs compare.cs && exec mono program.exe"),
    "javascript": ("node", "exec node main.js"),
    "php": ("php", "exec php main.php"),
    "ruby": ("ruby", "exec ruby main.rb"),
}
RUNNABLE = [
    pytest.param(
        item,
        id=item.language,
        marks=pytest.mark.skipif(shutil.which(COMMANDS[item.language][0]) is None, reason="no toolchain"),
    )
    for item in ALL
    if item.language in COMMANDS
]


def run(item: Multilingual, folder: Path, count: int) -> tuple[int, int]:
    """Exit status of the assembled program, and how often its function was called."""
    for name, text in assembled(item).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    command = ["sh", "-c", f'{COMMANDS[item.language][1]} "$@"', "sh", str(count)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.count("x")


def write(data: Path, source: str, name: str, *records: dict[str, object]) -> None:
    folder = data / "multilingual" / source
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / f"{name}.jsonl.gz", "wt") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in records)


def record(task: str, language: str, solution: str | None = "body\n") -> dict[str, object]:
    return {
        "task_id": task, "language": language, "prompt": "head\n", "canonical_solution": solution,
        "entry_point": "f", "test": "t",
    }  # fmt: skip


@pytest.mark.parametrize("item", RUNNABLE)
def test_a_test_runs_as_often_as_told(item: Multilingual, tmp_path: Path) -> None:
    assert run(item, tmp_path, 3) == (DONE, 3)


@pytest.mark.parametrize("item", RUNNABLE)
def test_a_wrong_solution_does_not_exit_as_a_right_one(item: Multilingual, tmp_path: Path) -> None:
    wrong = replace(item, text=item.text.replace("2 * ", "3 * "))
    assert run(wrong, tmp_path, 1)[0] not in (0, DONE)


@pytest.mark.skipif(shutil.which("node") is None, reason="no toolchain")
def test_a_solution_that_leaves_the_process_does_not_exit_as_a_right_one(tmp_path: Path) -> None:
    leaving = replace(JAVASCRIPT, text=JAVASCRIPT.text.replace("return", "process.exit(0); return"))
    assert run(leaving, tmp_path, 5) == (0, 1)


@pytest.mark.parametrize("item", ALL, ids=lambda item: item.language)
def test_a_test_of_another_form_is_not_guessed_at(item: Multilingual) -> None:
    strange = replace(item, test="x = 1", text="y = 2")
    if item.language == "ruby":  # there every test is plain statements
        assert "x = 1" in assembled(strange)["main.rb"]
    else:
        with pytest.raises(ValueError, match=r"its test has no|no definition"):
            assembled(strange)


def test_a_language_without_a_harness_is_named() -> None:
    with pytest.raises(ValueError, match="no harness for tests in go"):
        assembled(replace(CPP, language="go"))


def test_the_compiler_cannot_look_through_the_solution() -> None:
    assert "\n__attribute__((noipa)) int twiceOf(int n) {\n" in assembled(CPP)["main.cpp"]


def test_problems_are_named_as_their_python_originals(tmp_path: Path) -> None:
    write(tmp_path, "mbxp", "mbjp", record("MBJP/7", "java"))
    write(tmp_path, "multilingual_humaneval", "go", record("HumanEval_go/12", "go"))
    assert [item.problem for item in multilingual(tmp_path)] == ["humaneval/12", "mbpp/7"]


def test_languages_advance_together(tmp_path: Path) -> None:
    write(tmp_path, "mbxp", "a", record("MBJP/10", "java"), record("MBJP/9", "java"))
    write(tmp_path, "mbxp", "b", record("MBRBP/9", "ruby"), record("MBRBP/10", "ruby"))
    found = [(item.problem, item.language) for item in multilingual(tmp_path)]
    assert found == [("mbpp/9", "java"), ("mbpp/9", "ruby"), ("mbpp/10", "java"), ("mbpp/10", "ruby")]


def test_records_without_a_solution_and_python_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "mbxp", "a", record("MBGP/1", "go", None), record("MBPP/2", "python"))
    assert list(multilingual(tmp_path)) == []


def test_the_text_is_prompt_and_solution_without_the_test(tmp_path: Path) -> None:
    write(tmp_path, "mbxp", "a", record("MBJP/1", "java"))
    (item,) = multilingual(tmp_path)
    assert item.sha256 == hashlib.sha256(b"head\nbody\n").hexdigest()
