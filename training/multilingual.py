"""Programs in many languages, and the tests that came with them as programs that run K times.

MBXP and multilingual HumanEval (mxeval): one problem in up to a dozen languages, each record a
prompt, a solution where one was verified, and a test that is the program's main. Nothing is run here.

A test takes microseconds and a process milliseconds to start, so `assembled` turns the test's main
into a function and writes a main that calls it as often as its argument says: the cost of one call
is a difference between two counts, in which start-up cancels.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ci_rlm.training.sources import sha256

FOLDERS = {"multilingual_humaneval": "humaneval", "mbxp": "mbpp"}
"""The sources, and the problems that they translate: names are those of the Python problems."""
DONE = 42
"""Exit status of a program that ran its test to the end as often as it was told: a solution that leaves
the process, or that swallows the test in a comment of its own, does not."""
_PYTHON = "python"  # read by sources.py

Files = dict[str, str]
"""Texts by file name."""


@dataclass(frozen=True, slots=True)
class Multilingual:
    """A solution of a problem in one language, with its test."""

    language: str
    source: str
    problem: str
    """As in `sources.problems`: the split is the same for all languages."""
    record: str
    text: str
    """Prompt and solution. In C# its classes are closed by the test."""
    entry: str
    test: str

    @property
    def sha256(self) -> str:
        """Digest of the text, without the test: what a measured row is keyed by."""
        return sha256(self.text)


def multilingual(data: Path) -> Iterator[Multilingual]:
    """Every record that has a solution, by problem, so that all languages advance together."""
    for source, problems in FOLDERS.items():
        found: list[Multilingual] = []
        for path in sorted((data / "multilingual" / source).glob("*.jsonl.gz")):
            found.extend(_read(path, source, problems))
        yield from sorted(found, key=lambda each: (_number(each.problem), each.language))


def _read(path: Path, source: str, problems: str) -> Iterator[Multilingual]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["canonical_solution"] and row["language"] != _PYTHON:
                yield Multilingual(
                    language=row["language"],
                    source=source,
                    problem=f"{problems}/{row['task_id'].rpartition('/')[2]}",
                    record=row["task_id"],
                    text=row["prompt"] + row["canonical_solution"],
                    entry=row["entry_point"],
                    test=row["test"],
                )


def _number(problem: str) -> int:
    return int(problem.rpartition("/")[2])


def assembled(item: Multilingual) -> Files:
    """The files of a program that runs the test as often as its first argument says, and exits with DONE.

    Raises ValueError where that language's tests, or this one, have another form than expected.
    """
    if item.language not in ASSEMBLERS:
        raise ValueError(f"no harness for tests in {item.language}")
    return ASSEMBLERS[item.language](item)


def _cpp(item: Multilingual) -> Files:
    # Calls with constants would be computed by the compiler, or moved out of the loop.
    signature = re.compile(rf"^(?=[^\n/*]*\b{re.escape(item.entry)}\s*\([^\n]*\{{\s*$)", re.MULTILINE)
    text, count = signature.subn("__attribute__((noipa)) ", item.text, count=1)
    if not count:
        raise ValueError(f"no definition of {item.entry}")
    test = _renamed(
        item.test, "int main(int argc, char* argv[]) {", "int ci_rlm_test(int argc, char* argv[]) {"
    )
    main = (
        "int main(int argc, char* argv[]) {\n"
        "    int (*volatile test)(int, char*[]) = ci_rlm_test;\n"
        "    for (long n = atol(argv[1]); n > 0; n--)\n        if (test(argc, argv)) return 1;\n"
        f"    return {DONE};\n}}\n"
    )
    return {"main.cpp": f"{text}\n{test}\n{main}"}


def _csharp(item: Multilingual) -> Files:
    main = (
        "public static int Main(string[] args)\n        {\n"
        "            for (long n = long.Parse(args[0]); n > 0; n--) CiRlmTest(args);\n"
        f"            return {DONE};\n        }}\n\n"
    )
    signature = "public static void Main(string[] args)"
    test = _renamed(item.test, signature, f"{main}        public static void CiRlmTest(string[] args)")
    return {"main.cs": f"{item.text}\n{test}", "compare.cs": _COMPARE_NET_OBJECTS}


def _java(item: Multilingual) -> Files:
    main = (
        "public static void main(String[] args) throws Exception {\n"
        "        for (long n = Long.parseLong(args[0]); n > 0; n--) ciRlmTest();\n"
        f"        System.exit({DONE});\n    }}\n\n"
    )
    signature = "public static void main(String[] args) throws Exception {"
    test = _renamed(item.test, signature, f"{main}    static void ciRlmTest() throws Exception {{")
    return {"Main.java": f"{item.text}\n{test}"}


def _javascript(item: Multilingual) -> Files:
    head, body = _after_function(item.test, "function compare(")
    loop = f"for (let n = Number(process.argv[2]); n > 0; n--) ciRlmTest();\nprocess.exitCode = {DONE};\n"
    text = f"{item.text}\n{head}\nfunction ciRlmTest() {{\n{body}\n}}\n{loop}"
    return {"main.js": text, "node_modules/lodash/index.js": _LODASH}


def _typescript(item: Multilingual) -> Files:
    line = "import * as assert from 'assert'\n"
    body = _renamed(item.test, line, "")
    loop = f"for (let n = Number(process.argv[2]); n > 0; n--) ciRlmTest();\nprocess.exitCode = {DONE};\n"
    return {"main.ts": f"{item.text}\n{line}function ciRlmTest() {{\n{body}\n}}\n{loop}"}


def _kotlin(item: Multilingual) -> Files:
    test = _renamed(item.test, "fun main() {", "fun ciRlmTest() {")
    loop = "repeat(args[0].toInt()) { ciRlmTest() }"
    main = f"fun main(args: Array<String>) {{\n    {loop}\n    kotlin.system.exitProcess({DONE})\n}}\n"
    return {"main.kt": f"{item.text}\n{test}\n{main}"}


def _php(item: Multilingual) -> Files:
    head, body = _after_function(item.test, "function compare(")
    loop = f"for ($n = (int) $argv[1]; $n > 0; $n--) ci_rlm_test();\nexit({DONE});\n"
    return {"main.php": f"{item.text}\n{head}\nfunction ci_rlm_test() {{\n{body}\n}}\n{loop}"}


def _ruby(item: Multilingual) -> Files:
    return {"main.rb": f"{item.text}\nInteger(ARGV[0]).times do\n{item.test}\nend\nexit {DONE}\n"}


ASSEMBLERS: dict[str, Callable[[Multilingual], Files]] = {
    "cpp": _cpp,
    "csharp": _csharp,
    "java": _java,
    "javascript": _javascript,
    "kotlin": _kotlin,
    "php": _php,
    "ruby": _ruby,
    "typescript": _typescript,
}
"""The languages that the data has solutions in."""


def _renamed(text: str, before: str, after: str) -> str:
    if text.count(before) != 1:
        raise ValueError(f"its test has no single `{before.strip()}`")
    return text.replace(before, after)


def _after_function(test: str, start: str) -> tuple[str, str]:
    """What stands up to the end of a function at the top level, and the rest."""
    end = test.find("\n}\n", test.find(start))
    if start not in test or end < 0:
        raise ValueError(f"its test has no `{start}…)`")
    return test[: end + 3], test[end + 3 :]


# The tests compare by packages that need not be installed; these do what they call of them.
_LODASH = """\
const { isDeepStrictEqual } = require("util");
exports.isEqual = (one, other) => one === other || isDeepStrictEqual(one, other);
"""
_COMPARE_NET_OBJECTS = """\
using System;
using System.Collections;
using System.Linq;

namespace KellermanSoftware.CompareNetObjects
{
    public class ComparisonResult
    {
        public bool AreEqual;
    }

    public class CompareLogic
    {
        public ComparisonResult Compare(object one, object other)
        {
            return new ComparisonResult { AreEqual = Same(one, other) };
        }

        static bool Same(object one, object other)
        {
            if (one == null || other == null) return one == other;
            if (one is string || !(one is IEnumerable)) return one.Equals(other);
            if (!(other is IEnumerable)) return false;
            if (one is IDictionary && other is IDictionary)
                return Same((IDictionary) one, (IDictionary) other);
            var ones = ((IEnumerable) one).Cast<object>().ToList();
            var others = ((IEnumerable) other).Cast<object>().ToList();
            return ones.Count == others.Count && ones.Zip(others, Same).All(same => same);
        }

        static bool Same(IDictionary one, IDictionary other)
        {
            if (one.Count != other.Count) return false;
            foreach (var key in one.Keys)
                if (!other.Contains(key) || !Same(one[key], other[key])) return false;
            return true;
        }
    }
}
"""
