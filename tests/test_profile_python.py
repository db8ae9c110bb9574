"""The Python harness on problems: which inputs, which programs, and what their rows say."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from ci_rlm.training.profile.python import TURNS, Work, edited_programs, measure, parameters_of
from ci_rlm.training.profile.rows import Row
from ci_rlm.training.profile.runner import Patience
from ci_rlm.training.sources import Problem, Program

REFERENCE = """
class Solution:
    def distinct(self, nums: List[int]) -> int:
        seen = set()
        for num in nums:
            seen.add(num)
        return len(seen)
"""
QUADRATIC = """
class Solution:
    def distinct(self, nums: List[int]) -> int:
        seen = []
        for num in nums:
            if num not in seen:
                seen.append(num)
        return len(seen)
"""
WRONG = "class Solution:\n    def distinct(self, nums):\n        return len(nums)\n"
BROKEN = "class Solution:\n    def distinct(self, nums):\n        return nums.size\n"


def problem(*texts: str, **changed: Any) -> Problem:
    programs = tuple(Program(f"p/{number}", text) for number, text in enumerate(texts))
    fields: dict[str, Any] = {
        "source": "leetcode", "name": "leetcode/distinct", "programs": programs,
        "entry": "Solution().distinct", "preamble": "from typing import *",
        "inputs": ("nums = [3,1,3,2]", "nums = [5,5]"),
    }  # fmt: skip
    return Problem(**(fields | changed))


def measured(*texts: str, edits: bool = False, protocol: str = "fast", **changed: Any) -> list[Row]:
    return measure(Work(problem(*texts, **changed), protocol, edits))


def values(rows: list[Row], record: str, metric: str) -> dict[int, float]:
    return {row["size"]: row["value"] for row in rows if (row["record"], row["metric"]) == (record, metric)}


def statuses(rows: list[Row], record: str) -> set[str]:
    return {row["status"] for row in rows if row["record"] == record}


def test_a_program_is_measured_at_three_sizes_or_more_from_small_to_large() -> None:
    sizes = values(measured(REFERENCE), "p/0", "peak_memory")
    assert len(sizes) >= 3
    assert max(sizes) >= 16 * min(sizes)


def test_a_row_names_its_program_how_and_where() -> None:
    row = measured(REFERENCE)[0]
    assert (row["source"], row["problem"], row["record"], row["language"], row["protocol"]) == (
        "leetcode", "leetcode/distinct", "p/0", "python", "fast-2",
    )  # fmt: skip
    assert row["sha256"] == Program("", REFERENCE).sha256
    assert row["hardware"] and row["toolchain"].startswith("Python 3.")


def test_every_metric_of_the_protocol_is_there() -> None:
    metrics = {row["metric"] for row in measured(REFERENCE)}
    assert {"peak_memory", "peak_rss", "cpu_time", "wall_time", "line_events", "calls", "depth"} <= metrics


def test_programs_answer_the_same_inputs() -> None:
    rows = measured(REFERENCE, QUADRATIC)
    assert values(rows, "p/0", "cpu_time").keys() == values(rows, "p/1", "cpu_time").keys()


def test_the_costlier_of_two_solutions_costs_more_at_the_largest_size() -> None:
    rows = measured(REFERENCE, QUADRATIC)
    by_set, by_list = (values(rows, record, "cpu_time") for record in ("p/0", "p/1"))
    assert by_list[max(by_list)] > 3 * by_set[max(by_set)]


def test_a_program_that_answers_otherwise_is_no_measurement() -> None:
    assert "answer differs" in statuses(measured(REFERENCE, WRONG), "p/1")
    assert values(measured(REFERENCE, WRONG), "p/0", "cpu_time")


def test_a_reason_is_the_kind_of_an_exception_and_no_text_of_the_program() -> None:
    assert statuses(measured(REFERENCE, BROKEN), "p/1") == {"AttributeError"}


def test_a_program_that_fails_the_problems_test_has_that_reason() -> None:
    test = "def check(candidate):\n    assert candidate([1, 1, 1, 2]) == 2\n"
    rows = measured(REFERENCE, WRONG, test=test, inputs=())
    assert statuses(rows, "p/1") == {"fails its test (AssertionError)"}
    assert len(values(rows, "p/0", "cpu_time")) >= 3


def test_a_problem_without_a_usable_input_is_one_row_with_the_reason() -> None:
    (row,) = measured(REFERENCE, inputs=())
    assert (row["status"], row["metric"]) == ("no input to run it on", None)


def test_a_program_that_reads_standard_input_is_measured_on_a_ladder() -> None:
    generator = (
        "import random\ndef generate_input():\n    n = 20000\n"
        "    return [f'{n}\\n' + ' '.join(str(random.randint(1, 9)) for _ in range(n))]"
    )
    text = "n = int(input())\nprint(sum(map(int, input().split())))\n"
    rows = measured(text, source="codecontests", entry=None, inputs=("2\n1 2\n",), generators=(generator,))
    peaks, net = (values(rows, "p/0", metric) for metric in ("peak_memory", "peak_memory_net"))
    assert len(peaks) >= 3
    assert all(net[size] < peaks[size] for size in peaks)


def test_edits_are_measured_and_named() -> None:
    rows = measured(QUADRATIC, edits=True)
    edited = {row["record"] for row in rows} - {"p/0"}
    assert edited == {program.record for program in edited_programs(Program("p/0", QUADRATIC), "leetcode")}
    assert any(values(rows, record, "peak_memory") for record in edited)


def test_the_edits_of_a_program_can_be_made_again() -> None:
    one, other = (edited_programs(Program("p/0", QUADRATIC), "leetcode") for _ in range(2))
    assert one == other and one


def test_in_turns_edits_are_timed_near_the_reference_size_with_what_was_edited() -> None:
    rows = measured(REFERENCE, QUADRATIC, BROKEN, protocol="turns")
    edited = [
        each.record
        for place, text in enumerate((REFERENCE, QUADRATIC))
        for each in edited_programs(Program(f"p/{place}", text), "leetcode")
    ]
    assert {row["record"] for row in rows} <= {"p/0", "p/1", *edited}
    assert {"p/0", "p/1"} < {row["record"] for row in rows}
    assert {row["metric"] for row in rows} == {"cpu_time", "wall_time"}
    assert {row["size"] for row in rows} == {1024}
    # Three repeats at least in each of the processes.
    assert min(row["n"] for row in rows) >= 3 * TURNS
    assert all(row["minimum"] <= row["value"] <= row["maximum"] for row in rows)
    in_turns, at_once = (
        values(each, "p/0", "cpu_time")[1024] for each in (rows, measured(REFERENCE, protocol="fast"))
    )
    assert in_turns == pytest.approx(at_once, rel=2.0)


def test_what_answers_otherwise_is_left_out_of_the_turns() -> None:
    late = (
        "class Solution:\n    def distinct(self, nums):\n        return len(set(nums)) + (len(nums) > 99)\n"
    )
    rows = measured(REFERENCE, late, protocol="turns")
    assert {row["record"].partition("+")[0] for row in rows} == {"p/0"}
    assert not measured(BROKEN, protocol="turns")


def test_counts_and_memory_repeat_exactly() -> None:
    exact = ("peak_memory", "allocated_bytes", "line_events", "calls", "depth")
    found: list[dict[str, Any]] = []
    for _ in range(2):
        rows = measured(REFERENCE, QUADRATIC)
        by_key: dict[str, Any] = defaultdict(dict)
        for metric in exact:
            by_key[metric] = values(rows, "p/1", metric)
        found.append(dict(by_key))
    assert found[0] == found[1]


def test_the_faithful_protocol_measures_the_same_memory() -> None:
    text = "def f(n):\n    return [str(i) for i in range(n)]\n"
    fast, faithful = (
        values(measured(text, protocol=name, entry="f", inputs=("n = 3",)), "p/0", "peak_memory")
        for name in ("fast", "faithful")
    )
    # Up to an object that one process finds in a free list and the other does not.
    assert fast == pytest.approx(faithful, abs=64)


@pytest.mark.parametrize(
    ("text", "entry", "expected"),
    [
        ("def f(head: ListNode, k: int): pass", "f", (["head", "k"], ["linked_list", "plain"])),
        ("class S:\n def g(self, root: Optional[TreeNode]): pass", "S().g", (["root"], ["binary_tree"])),
        ("def f(lists: List[Optional[ListNode]]): pass", "f", (["lists"], ["linked_lists"])),
        ("def f(a, b, c): pass", "f", (["a", "b"], ["plain", "plain"])),
        ("def other(a): pass", "f", (["", ""], ["plain", "plain"])),
        ("def f(", "f", (["", ""], ["plain", "plain"])),
    ],
)
def test_parameters_are_read_from_the_signature(
    text: str, entry: str, expected: tuple[list[str], ...]
) -> None:
    names, builders = parameters_of(text, entry, len(expected[0]))
    assert (names, builders) == expected


def case(size: int) -> dict[str, Any]:
    return {"action": "measure", "size": size}


def test_an_input_that_would_take_too_long_by_the_growth_of_smaller_ones_is_not_started() -> None:
    patience = Patience(run_seconds=0.1)
    for size in (100, 1000):
        patience.learn(case(size), {"cpu_time": [1e-8 * size**2]})  # 10 ms at 1,000
    assert patience.foreseen(5000) == pytest.approx(0.25, rel=1e-6)
    assert patience.refusal(case(3000)) == ""
    assert patience.refusal(case(5000)) == "a run would take too much time, by its growth"


@pytest.mark.parametrize("error", ["time limit", "TimeoutError: a run takes over 0.1 s"])
def test_after_a_time_limit_no_larger_input_is_tried_but_tests_are(error: str) -> None:
    patience = Patience(run_seconds=0.1)
    patience.learn(case(100), {"error": error})
    assert patience.refusal(case(1000)) == "a smaller input ran out of time"
    assert patience.refusal({"action": "check"}) == ""
