"""The measuring harness against programs that mean harm, and what it measures of those that do not."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any

import pytest

from ci_rlm.training.profile.sandbox import Budget, Runner, Trust, counters_library, run_cases

PATIENT = Budget(seconds=10.0, run_seconds=10.0, repeats=3)
SHORT = Budget(seconds=0.5, run_seconds=0.5, repeats=1)


def calls(*arguments: Any) -> list[dict[str, Any]]:
    """A case for each argument."""
    return [{"action": "measure", "arguments": repr([each]), "builders": ["plain"]} for each in arguments]


def run(
    text: str, *arguments: Any, entry: str | None = "f", budget: Budget = PATIENT
) -> list[dict[str, Any]]:
    return run_cases(text, entry, calls(*arguments or (1,)), budget=budget)


def run_on_text(text: str, *inputs: str, budget: Budget = PATIENT) -> list[dict[str, Any]]:
    """Run a program that reads standard input, once for each text."""
    return run_cases(text, None, [{"action": "measure", "stdin": each} for each in inputs], budget=budget)


def test_a_function_has_an_answer_a_peak_and_times_in_order() -> None:
    (answer,) = run("def f(n):\n    return sorted(range(n))", 1000)
    assert len(answer["cpu_time"]) == len(answer["wall_time"]) == PATIENT.repeats
    assert min(answer["cpu_time"]) > 0


def test_the_peak_is_the_memory_of_what_lives_at_once() -> None:
    (answer,) = run("def f(n):\n    for _ in range(3):\n        x = None\n        x = bytearray(n)", 10**7)
    assert answer["peak_memory"] == pytest.approx(10**7, rel=0.001)


def test_two_measurements_of_one_program_find_one_peak() -> None:
    text = "def f(n):\n    return {i: str(i) for i in range(n)}"
    first, second = run(text, 10, 5000), run(text, 10, 5000)
    assert [row["peak_memory"] for row in first] == [row["peak_memory"] for row in second]


def test_two_programs_that_answer_alike_have_one_answer() -> None:
    (one,) = run("def f(n):\n    return [1.0, (n, None)]")
    (other,) = run("class S:\n    def f(self, n):\n        return (1.0000000001, [n, None])", entry="S().f")
    assert one["answer"] == other["answer"]


def test_programs_that_answer_differently_have_two_answers() -> None:
    (one, other) = run("def f(n):\n    return n", 1, 2)
    assert one["answer"] != other["answer"]


def test_the_answer_of_a_function_that_returns_nothing_is_what_it_made_of_its_argument() -> None:
    (returned,) = run("def f(xs):\n    return [sorted(xs)]", [3, 1])
    (changed,) = run("def f(xs):\n    xs.sort()", [3, 1])
    assert returned["answer"] == changed["answer"]


def test_a_change_in_place_does_not_reach_the_next_repeat() -> None:
    text = "def f(xs):\n    assert xs == [2, 1], 'seen before'\n    xs.sort()\n    return 1"
    (answer,) = run(text, [2, 1])
    assert len(answer["cpu_time"]) == PATIENT.repeats


def test_no_cache_survives_from_repeat_to_repeat() -> None:
    text = (
        "from functools import cache\n@cache\ndef f(n):\n"
        "    assert not f.cache_info().currsize, 'seen before'\n    return n"
    )
    (answer,) = run(text)
    assert len(answer["cpu_time"]) == PATIENT.repeats


def test_no_global_survives_from_input_to_input() -> None:
    answers = run("seen = []\ndef f(n):\n    seen.append(n)\n    return len(seen)", 1, 2)
    assert answers[0]["answer"] == answers[1]["answer"]


def test_nodes_are_built_from_lists_and_written_as_lists() -> None:
    text = (
        "def f(head, root):\n"
        "    node, values = head, []\n"
        "    while node:\n        values.append(node.val)\n        node = node.next\n"
        "    return [values, root.left.val, root.right.left.val]"
    )
    case = {
        "action": "measure",
        "arguments": repr([[1, 2], [5, 6, 7, None, None, 8]]),
        "builders": ["linked_list", "binary_tree"],
    }
    (built,) = run_cases(text, "f", [case], budget=PATIENT)
    (plain,) = run("def f(_):\n    return [[1, 2], 6, 8]")
    assert built["answer"] == plain["answer"]


def test_a_program_reads_standard_input_and_its_words_are_the_answer() -> None:
    summed = run_on_text("import sys\nprint(sum(map(int, sys.stdin)))", "1\n2\n", "4\n")
    added = run_on_text("print(int(input()) + int(input()), end='\\n\\n')", "1\n2\n")
    assert summed[0]["answer"] == added[0]["answer"] != summed[1]["answer"]


def test_an_endless_loop_runs_out_of_time_and_larger_inputs_are_not_tried() -> None:
    answers = run("def f(n):\n    while n: pass", 1, 2, budget=SHORT)
    assert [row["error"] for row in answers] == ["time limit", "a smaller input ran out of time"]


HARM = {
    "an exception": ("raise ValueError('no')", "ValueError: no"),
    "a memory hog": ("x = bytearray(1 << 40)", "MemoryError: "),
    "a memory hog by halves": ("x = [0]\n        while True: x *= 64", "MemoryError: "),
    "an exit": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "an exit past all handlers": ("import os; os._exit(3)", "exited"),
    "a crash": ("import ctypes; ctypes.string_at(0)", "died with signal 11"),
    "a signal to itself": ("import os; os.kill(os.getpid(), 15)", "died with signal 15"),
    "a signal to its group": ("import os; os.killpg(0, 9)", "died with signal 9"),
    "recursion without end": (
        "g = lambda: g()\n        g()",
        "RecursionError: maximum recursion depth exceeded",
    ),
    "a file over the limit": (
        "open('x', 'wb').write(b'0' * (65 << 20))",
        "OSError: [Errno 27] File too large",
    ),
    "a raised base exception": ("raise KeyboardInterrupt", "KeyboardInterrupt: "),
}


@pytest.mark.parametrize(("statement", "reason"), HARM.values(), ids=HARM)
def test_harm_is_an_answer_with_its_reason_and_the_next_input_runs(statement: str, reason: str) -> None:
    first, second = run(f"def f(n):\n    if n == 1:\n        {statement}\n    return n", 1, 2)
    assert first == {"error": reason}
    assert "answer" in second


@pytest.mark.parametrize("statement", ["os.close(0)", "os.close(1)", "sys.stdout.close()", "sys.exit(0)"])
def test_a_program_that_closes_what_it_was_given_closes_it_for_no_other_input(statement: str) -> None:
    _, second = run_on_text(f"import os, sys\nif input() == '1': {statement}\nprint('fine')", "1", "2")
    (plain,) = run_on_text("print('fine')", "")
    assert second["answer"] == plain["answer"]


def test_a_program_that_writes_to_every_descriptor_forges_no_answer() -> None:
    text = (
        "import os\ndef f(n):\n    if n == 1:\n        for number in range(256):\n            try:\n"
        '                os.write(number, b\'{"answer": "forged"}\\n\')\n'
        "            except OSError:\n                pass\n    return n"
    )
    first, second = run(text, 1, 2)
    assert first == {"error": "garbled answer"}
    assert "answer" in second


def test_a_program_that_closes_every_descriptor_is_an_answer_with_its_reason() -> None:
    first, second = run("import os\ndef f(n):\n    os.closerange(n, 256)\n    return n", 0, 256)
    assert first["error"].startswith("died") or first["error"] == "exited"
    assert "answer" in second


def test_a_function_may_print_a_hundred_megabytes() -> None:
    (answer,) = run("def f(n):\n    print('x' * n)\n    return 1", 100 << 20)
    assert answer["peak_memory"] >= 100 << 20


def test_a_program_that_prints_a_hundred_megabytes_is_stopped() -> None:
    first, second = run_on_text("print('x' * int(input()))", str(100 << 20), "5")
    assert first["error"].startswith("OSError: [Errno 27]")
    assert "answer" in second


def test_deep_recursion_that_ends_is_measured() -> None:
    (answer,) = run("def f(n):\n    return n and 1 + f(n - 1)", 3000)
    assert len(answer["cpu_time"]) == PATIENT.repeats


NAME = f"ci-rlm-{os.getpid()}"[:15]

DAEMON = """
import ctypes, os, time
def f(name):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)
        os.write(writing, b"1")
        {close}
        time.sleep(60)
    return os.read(reading, 1)
"""


def named(name: str) -> list[int]:
    """Process ids of the machine's processes of one name; 15 characters of it count."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            found += [int(path.parent.name)] if path.read_text().strip() == name else []
        except OSError:
            continue
    return found


def test_a_process_of_this_machine_is_found_by_its_name() -> None:
    assert os.getpid() in named(Path("/proc/self/comm").read_text().strip())


def test_a_daemon_is_dead_before_its_program_has_an_answer() -> None:
    answers = run(DAEMON.format(close="os.closerange(0, 256)"), NAME, NAME)
    assert answers[0]["answer"] == answers[1]["answer"]
    assert named(NAME) == []


def test_a_daemon_that_holds_on_to_the_answer_takes_all_the_time_and_is_dead() -> None:
    (answer,) = run(DAEMON.format(close="pass"), NAME, budget=Budget(seconds=2.0, repeats=1))
    assert answer["incomplete"] == "time limit"
    assert named(NAME) == []


def test_a_program_that_kills_its_runner_dies_with_it() -> None:
    text = (
        "import ctypes, os\ndef f(name):\n    ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)\n"
        "    os.kill(os.getppid(), 9)\n    while True: pass"
    )
    assert run(text, NAME, NAME) == [{"error": "the runner died"}] * 2
    deadline = time.monotonic() + 5
    while named(NAME) and time.monotonic() < deadline:
        time.sleep(0.01)  # until the system's first process has taken note of its death
    assert named(NAME) == []


def test_after_a_runner_died_the_next_program_has_another() -> None:
    run("import os\ndef f(_):\n    os.kill(os.getppid(), 9)\n    while True: pass")
    assert "answer" in run("def f(n):\n    return n")[0]


def test_a_fork_bomb_is_an_answer_and_the_next_program_runs() -> None:
    text = "import os\ndef f(n):\n    while n == 1:\n        os.fork()\n    return n"
    (bomb,) = run(text, 1, budget=Budget(seconds=2.0, repeats=1))
    assert "error" in bomb
    assert "answer" in run(text, 2)[0]


def test_a_program_that_writes_ten_gigabytes_in_small_files_is_stopped() -> None:
    text = (
        "def f(n):\n    for number in range(n):\n"
        "        with open(str(number), 'wb') as file:\n            file.write(bytes(1 << 25))\n    return n"
    )
    (answer,) = run(text, 320)
    assert answer == {"error": "OSError: [Errno 28] No space left on device"}


def test_a_program_sees_no_environment_and_an_empty_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "secret")
    (found,) = run("import os\ndef f(_):\n    return [os.listdir('.'), os.environ.get('SOME_TOKEN')]")
    (nothing,) = run("def f(_):\n    return [[], None]")
    assert found["answer"] == nothing["answer"]


def test_a_program_that_does_not_compile_has_its_reason_for_every_input() -> None:
    assert [row["error"][:12] for row in run("def f(", 1, 2)] == ["SyntaxError:"] * 2


def test_a_test_that_passes_says_so_and_one_that_fails_has_its_reason() -> None:
    test = "def check(candidate):\n    assert candidate(2) == 4, 'not four'"
    case = [{"action": "check", "test": test}]
    right = run_cases("def f(n):\n    return n * n", "f", case, budget=PATIENT)
    wrong = run_cases("def f(n):\n    return n", "f", case, budget=PATIENT)
    assert right + wrong == [{"passed": True}, {"error": "AssertionError: not four"}]


def test_the_literal_arguments_of_a_test_are_recorded() -> None:
    test = "def check(candidate):\n    candidate(2, [1])\n    candidate('a', open)\n    candidate(None, {})"
    answers = run_cases(
        "def f(a, b):\n    return a", "f", [{"action": "record", "test": test}], budget=PATIENT
    )
    assert answers == [{"calls": ["(2, [1])", "(None, {})"]}]


def test_a_generator_makes_one_input_for_a_seed() -> None:
    text = "import random\ndef generate_input():\n    return [str(random.random())]"
    cases = [{"action": "generate", "seed": seed} for seed in (1, 1, 2)]
    one, same, other = run_cases(text, None, cases, budget=PATIENT)
    assert one == same != other


def test_time_that_is_spent_asleep_is_not_cpu_time() -> None:
    (answer,) = run("import time\ndef f(_):\n    time.sleep(0.05)", budget=Budget(seconds=10.0, repeats=1))
    assert max(answer["cpu_time"]) < 0.02 < min(answer["wall_time"])


def test_answers_come_soon_after_a_time_limit() -> None:
    began = time.monotonic()
    run("import time\ndef f(_):\n    time.sleep(60)", budget=SHORT)
    assert time.monotonic() - began < 10


def counts(text: str, *arguments: Any, entry: str = "f") -> list[dict[str, Any]]:
    cases = [{**case, "action": "count"} for case in calls(*arguments)]
    return run_cases(text, entry, cases, budget=PATIENT)


LOOP = """
def g(n):
    return n
def f(n):
    total = 0
    for i in range(n):
        total += g(i)
    return total
"""


def test_lines_calls_and_depth_are_those_of_a_trace_by_hand() -> None:
    # f: total, n times (for, +=, return in g), for, return.
    (answer,) = counts(LOOP, 7)
    assert (answer["line_events"], answer["calls"], answer["depth"]) == (3 + 3 * 7, 1 + 7, 2)


def test_what_starts_a_program_that_reads_standard_input_is_not_counted_with_it() -> None:
    case = {"action": "count", "stdin": "5\n"}
    # Module: def, n, six times for, five times (print, return in f).
    text = "def f(i):\n    return i\nn = 5\nfor i in range(n):\n    print(f(i))\n"
    (answer,) = run_cases(text, None, [case], budget=PATIENT)
    assert (answer["line_events"], answer["calls"], answer["depth"]) == (2 + 6 + 2 * 5, 1 + 5, 2)


@pytest.mark.skipif(counters_library() is None, reason="needs a C compiler and Python's headers")
def test_events_counted_in_c_are_those_counted_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "def f(n):\n    def walk(k):\n        yield k\n        if k: yield from walk(k - 1)\n"
        "    class Box:\n        def __init__(self, x): self.x = x\n"
        "    try:\n        return sum(Box(x).x for x in walk(n)) + f('no')\n"
        "    except TypeError:\n        return [x for x in range(n) if x % 2]"
    )
    in_c = counts(text, 9)[0]
    monkeypatch.setenv("CC", "no-such-compiler")
    counters_library.cache_clear()
    with contextlib.closing(Runner()) as plain:
        in_python = plain.run(text, "f", [{**case, "action": "count"} for case in calls(9)], budget=PATIENT)[
            0
        ]
    counters_library.cache_clear()
    assert "allocated_bytes" in in_c and "allocated_bytes" not in in_python
    assert [in_c[name] for name in EVENTS] == [in_python[name] for name in EVENTS]


EVENTS = ("answer", "peak_memory", "line_events", "calls", "depth")


@pytest.mark.skipif(counters_library() is None, reason="needs a C compiler and Python's headers")
def test_allocated_bytes_are_all_that_was_asked_for_freed_or_not() -> None:
    few, many = counts("def f(n):\n    for _ in range(n):\n        bytearray(10**6)", 10, 60)
    assert many["allocated_bytes"] - few["allocated_bytes"] == pytest.approx(50 * 10**6, rel=0.001)
    assert few["peak_memory"] == many["peak_memory"]


def test_what_reading_costs_is_taken_from_the_net_peak() -> None:
    text = "1 " * 50_000
    whole, lines = (
        run_on_text("import sys\nx = sys.stdin.read()\nprint(len(x))", text)[0],
        run_on_text("import sys\nfor line in sys.stdin: pass\nprint(1)", "1\n" * 50_000)[0],
    )
    assert whole["peak_memory"] > 100_000 > 20_000 > whole["peak_memory_net"]
    assert lines["peak_memory"] < 50_000


def test_what_a_program_makes_of_its_input_stays_in_the_net_peak() -> None:
    (answer,) = run_on_text(
        "import sys\nx = [int(w) + 1000 for w in sys.stdin.read().split()]\nprint(len(x))", "1 " * 50_000
    )
    assert answer["peak_memory_net"] > 50_000 * (28 + 8)


def test_reads_past_the_text_stream_have_no_net_peak() -> None:
    (answer,) = run_on_text("import os\nprint(len(os.read(0, 1000)))", "1 2 3")
    assert "peak_memory" in answer and "peak_memory_net" not in answer


def test_the_hash_of_a_text_is_the_same_in_every_process() -> None:
    text = "def f(_):\n    return hash('a text')"
    with contextlib.closing(Runner()) as one, contextlib.closing(Runner()) as other:
        answers = [runner.run(text, "f", calls(1), budget=PATIENT)[0]["answer"] for runner in (one, other)]
    assert answers[0] == answers[1]


def test_the_faithful_protocol_times_whole_processes() -> None:
    cases = [{**case, "action": "faithful"} for case in calls(1000)]
    (answer,) = run_cases("def f(n):\n    return sum(range(n))", "f", cases, budget=Budget(seconds=60.0))
    assert len(answer["cpu_time"]) == 11
    assert min(answer["cpu_time"]) > 100 * min(answer["cpu_time_inside"])


def test_both_protocols_find_one_peak() -> None:
    text = "def f(n):\n    return {str(i): [i] for i in range(n)}"
    (fast,) = run(text, 500)
    (faithful,) = run_cases(text, "f", [{**calls(500)[0], "action": "faithful"}], budget=Budget(seconds=60.0))
    assert (fast["answer"], fast["peak_memory"]) == (faithful["answer"], faithful["peak_memory"])


def test_what_was_measured_before_time_ran_out_is_kept() -> None:
    # Traced line by line this takes far longer than plain.
    text = "def f(n):\n    x = []\n    for i in range(n):\n        x.append(str(i))\n    return len(x)"
    (answer,) = run(text, 3_000_000, budget=Budget(seconds=2.5, run_seconds=2.5, repeats=1))
    assert answer["incomplete"] == "time limit"
    assert "cpu_time" in answer and "line_events" not in answer


def test_a_users_own_function_runs_in_its_own_folder_with_its_imports(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import os\ndef f(n, *, k=1):\n    return [os.getcwd(), n * k]")
    case = {"action": "measure", "arguments": "[2]", "keywords": "{'k': 3}"}
    with contextlib.closing(Runner(Trust(tmp_path, (str(tmp_path),)))) as runner:
        (mine,) = runner.run("from mine import f", "f", [case], budget=PATIENT)
    (plain,) = run(f"def f(_):\n    return [{str(tmp_path)!r}, 6]")
    assert mine["answer"] == plain["answer"]
