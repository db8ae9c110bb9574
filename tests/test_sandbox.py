"""The measuring harness against programs that mean harm, and what it measures of those that do not."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from ci_rlm.training.profile.sandbox import Budget, run_cases

PATIENT = Budget(seconds=10.0, repeats=3)
SHORT = Budget(seconds=0.5, repeats=1)


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


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_function_has_an_answer_a_peak_and_times_in_order() -> None:
    (answer,) = run("def f(n):\n    return sorted(range(n))", 1000)
    assert 0 < answer["cpu_time_min"] <= answer["cpu_time"] <= answer["cpu_time_max"]
    assert answer["runs"] == PATIENT.repeats


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
    assert answer["runs"] == PATIENT.repeats


def test_no_cache_survives_from_repeat_to_repeat() -> None:
    text = (
        "from functools import cache\n@cache\ndef f(n):\n"
        "    assert not f.cache_info().currsize, 'seen before'\n    return n"
    )
    (answer,) = run(text)
    assert answer["runs"] == PATIENT.repeats


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
    assert answer["runs"] == PATIENT.repeats


DAEMON = """
import os, time
def f(path):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        part = path + str(os.getpid())
        with open(part, 'w') as file:
            file.write(str(os.getpid()))
        os.rename(part, path)
        {close}
        time.sleep(60)
    while not os.path.exists(path):
        time.sleep(0.001)
    return 1
"""


def test_a_daemon_is_dead_before_its_program_has_an_answer(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("one", "two")]
    answers = run(DAEMON.format(close="os.closerange(0, 256)"), *paths)
    started = [int(Path(path).read_text()) for path in paths]
    assert answers[0]["answer"] == answers[1]["answer"]
    assert [is_alive(process) for process in started] == [False, False]


def test_a_daemon_that_holds_on_to_the_answer_runs_out_of_time_and_is_dead(tmp_path: Path) -> None:
    (answer,) = run(DAEMON.format(close="pass"), str(tmp_path / "one"), budget=Budget(seconds=2.0, repeats=1))
    assert answer == {"error": "time limit"}
    assert not is_alive(int((tmp_path / "one").read_text()))


def test_a_program_that_kills_its_runner_dies_with_it(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    text = (
        "import os\ndef f(path):\n    open(path, 'w').write(str(os.getpid()))\n"
        "    os.kill(os.getppid(), 9)\n    while True: pass"
    )
    assert run(text, str(path), 2) == [{"error": "the runner died"}] * 2
    process, deadline = int(path.read_text()), time.monotonic() + 5
    while is_alive(process) and time.monotonic() < deadline:
        time.sleep(0.01)  # until the system's first process has taken note of its death
    assert not is_alive(process)


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
    assert answer["cpu_time"] < 0.02


def test_answers_come_soon_after_a_time_limit() -> None:
    began = time.monotonic()
    run("import time\ndef f(_):\n    time.sleep(60)", budget=SHORT)
    assert time.monotonic() - began < 10
