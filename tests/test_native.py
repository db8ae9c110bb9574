"""The harness for programs in other languages, on programs whose cost is known."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ci_rlm.errors import UsageError
from ci_rlm.training.profile import cage, native, process
from ci_rlm.training.profile.native import Budget, Case, Work
from ci_rlm.training.profile.rows import Row, Store, Subject, read, schema

MEBIBYTE = 1 << 20
QUICK = Budget(repeats=2, build_s=60.0)
needs_c = pytest.mark.skipif(native.located("c") is None, reason="no C compiler")
needs_valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="no valgrind")

MEMORY = """
#include <stdlib.h>
#include <string.h>
int main(int count, char **words) {
    size_t size = strtoul(words[1], 0, 10);
    char *block = malloc(size);
    if (!block) return 9;
    memset(block, 1, size);
    return block[size / 2] - 1;
}
"""
LOOP = """
#include <stdlib.h>
int main(int count, char **words) {
    for (volatile long left = atol(words[1]); left > 0; left--);
    return 0;
}
"""
SPIN = """
#include <time.h>
int main(void) { while (clock() < CLOCKS_PER_SEC / 10); return 0; }
"""
SLEEP = """
#include <unistd.h>
int main(void) { usleep(200000); return 0; }
"""
COUNTS = {
    "c": '#include <stdio.h>\nint main(void) { int n; return scanf("%d", &n) == 1 && n == 7 ? 0 : 1; }',
    "cpp": "#include <iostream>\nint main() { int n = 0; std::cin >> n; return n == 7 ? 0 : 1; }",
    "rust": "fn main() { let mut line = String::new(); std::io::stdin().read_line(&mut line).unwrap();"
            ' assert_eq!(line.trim(), "7"); }',
    "go": 'package main\nimport "fmt"\nfunc main() { var n int; fmt.Scan(&n); if n != 7 { panic(n) } }',
    "java": "import java.util.*;\nclass Main { public static void main(String[] words) {"
            " if (new Scanner(System.in).nextInt() != 7) throw new RuntimeException(); } }",
    "csharp": "using System;\nclass Program { static int Main() {"
              ' return Console.ReadLine() == "7" ? 0 : 1; } }',
    "javascript": "if (require('fs').readFileSync(0, 'utf8').trim() !== '7') throw 'wrong';",
    "typescript": "const text: string = require('fs').readFileSync(0, 'utf8');\n"
                  "if (text.trim() !== '7') throw 'wrong';",
    "perl": "die unless <STDIN> == 7;",
    "php": "<?php exit(trim(fgets(STDIN)) === '7' ? 0 : 1);",
    "ruby": "raise unless gets.to_i == 7",
}  # fmt: skip


def measure(folder: Path, text: str, *cases: Case, suffix: str = ".c", budget: Budget = QUICK) -> list[Row]:
    path = folder / f"program{suffix}"
    path.write_text(text)
    return native.measure(native.own_task(path, cases or [Case(1)], budget).work)


def values(found: list[Row], metric: str) -> dict[int, float]:
    """The metric by size."""
    return {row["size"]: row["value"] for row in found if row["metric"] == metric}


def reason(found: list[Row]) -> str:
    (row,) = found
    assert row["metric"] is None and row["value"] is None
    return str(row["status"])


@pytest.mark.parametrize(
    "language",
    [
        pytest.param(name, marks=pytest.mark.skipif(native.located(name) is None, reason="no toolchain"))
        for name in COUNTS
    ],
)
def test_a_program_that_reads_its_input_is_built_and_run(language: str, tmp_path: Path) -> None:
    suffix = native.TOOLCHAINS[language].suffix
    found = measure(tmp_path, COUNTS[language], Case(1, stdin="7\n"), suffix=suffix, budget=Budget(repeats=1))
    assert {row["status"] for row in found} == {"ok"}


@needs_c
def test_a_row_has_every_column_and_says_how_it_was_made(tmp_path: Path) -> None:
    row = measure(tmp_path, SPIN)[0]
    assert list(row) == schema().names
    assert row["toolchain"].endswith("; gcc -O2 -std=c17 -o program sources -lm ./program")


@needs_c
def test_rows_outlive_their_store(tmp_path: Path) -> None:
    found = measure(tmp_path, MEMORY, Case(1, (str(50 * MEBIBYTE + 1),)))
    with Store(tmp_path / "store") as store:
        store.add("one", found)
    assert read(tmp_path / "store").column("value").to_pylist() == [row["value"] for row in found]


@needs_c
def test_peak_memory_is_what_the_program_touches(tmp_path: Path) -> None:
    sizes = [10 * MEBIBYTE, 50 * MEBIBYTE, 90 * MEBIBYTE]
    peaks = values(measure(tmp_path, MEMORY, *(Case(size, (str(size),)) for size in sizes)), "peak_rss")
    assert peaks[sizes[2]] - peaks[sizes[1]] == pytest.approx(40 * MEBIBYTE, rel=0.02)


@needs_c
def test_a_small_program_is_not_charged_for_the_harness(tmp_path: Path) -> None:
    (peak,) = values(measure(tmp_path, LOOP, Case(1, ("1",))), "peak_rss").values()
    assert peak < 4 * MEBIBYTE  # a Python process alone has 9


@needs_c
def test_cpu_time_is_the_programs_own(tmp_path: Path) -> None:
    (cpu,) = values(measure(tmp_path, SPIN), "cpu_time").values()
    assert cpu == pytest.approx(0.1, rel=0.25)


@needs_c
def test_sleeping_is_wall_time_alone(tmp_path: Path) -> None:
    found = measure(tmp_path, SLEEP)
    assert values(found, "wall_time")[1] >= 0.2
    assert values(found, "cpu_time")[1] < 0.1


@needs_c
@needs_valgrind
def test_instructions_grow_by_the_same_number_for_each_round(tmp_path: Path) -> None:
    cases = [Case(size, (str(size),)) for size in (10_000, 20_000, 30_000)]
    counts = values(measure(tmp_path, LOOP, *cases), "instructions")
    rounds = [counts[20_000] - counts[10_000], counts[30_000] - counts[20_000]]
    assert rounds[0] == pytest.approx(rounds[1], abs=50)  # digits of the argument
    assert 2 <= rounds[0] / 10_000 <= 8


@needs_c
@needs_valgrind
def test_two_measurements_count_the_same_instructions(tmp_path: Path) -> None:
    once, again = (measure(tmp_path, LOOP, Case(5, ("5000",))) for _ in range(2))
    assert values(once, "instructions") == values(again, "instructions")


@needs_c
def test_a_program_that_repeats_itself_is_measured_at_one_and_two_large_counts(tmp_path: Path) -> None:
    subject = Subject("own", "p", "p", "", "c")
    found = native.measure(Work(subject, (("main.c", LOOP),), budget=QUICK))
    small, below, top = sorted(values(found, "cpu_time"))
    assert small == 1 and top == 10 * below and math.log10(top).is_integer()


@needs_c
def test_a_program_that_does_not_build_says_so(tmp_path: Path) -> None:
    assert reason(measure(tmp_path, "int main( {")).startswith("does not build: exit status 1: main.c:1:11:")


@needs_c
def test_a_corpus_is_not_quoted_in_a_reason() -> None:
    work = Work(Subject("own", "p", "p", "", "c"), (("main.c", "int secret_name( {"),))
    assert reason(native.measure(work)) == "does not build: exit status 1"


@needs_c
def test_a_failing_program_says_how(tmp_path: Path) -> None:
    assert reason(measure(tmp_path, "int main(void) { return 3; }")) == "exit status 3:"


@needs_c
def test_a_crash_is_named(tmp_path: Path) -> None:
    assert reason(measure(tmp_path, "int main(void) { return *(volatile int *)0; }")) == "died with SIGSEGV:"


@needs_c
def test_an_endless_loop_is_ended(tmp_path: Path) -> None:
    budget = Budget(run_s=0.3)
    assert reason(measure(tmp_path, "int main(void) { for (;;); }", budget=budget)) == "time limit:"


@needs_c
def test_memory_is_limited(tmp_path: Path) -> None:
    case = Case(1, (str(100_000 * MEBIBYTE),))
    assert reason(measure(tmp_path, MEMORY, case)) == "exit status 9:"


@needs_c
@pytest.mark.skipif(bool(cage.available()["pid"]), reason="no process namespace here")
def test_a_fork_bomb_is_ended(tmp_path: Path) -> None:
    bomb = "#include <unistd.h>\nint main(void) { for (;;) { setsid(); fork(); } }"
    assert reason(measure(tmp_path, bomb, budget=Budget(run_s=0.3))) == "time limit:"


@needs_c
def test_what_a_program_prints_is_no_answer(tmp_path: Path) -> None:
    text = '#include <stdio.h>\nint main(void) { puts("{\\"size\\": 1}"); return 0; }'
    assert set(values(measure(tmp_path, text), "cpu_time")) == {1}


def test_a_language_that_this_machine_cannot_build_has_a_reason() -> None:
    found = native.measure(Work(Subject("own", "p", "p", "", "cobol"), ()))
    assert reason(found) == "no toolchain: cobol"


def test_a_program_that_could_not_be_assembled_has_its_reason() -> None:
    found = native.measure(Work(Subject("own", "p", "p", "", "c"), (), broken="its test has no main"))
    assert reason(found) == "its test has no main"


def test_a_file_in_no_known_language_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no language has the suffix \.xyz"):
        native.own_task(tmp_path / "a.xyz", [])


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UsageError, match="no such language: cobol"):
        native.check_languages(["cobol", "c"])


def test_inputs_are_read_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text('{"size": 3, "arguments": [3, "x"]}\n\n{"size": 4, "stdin": "four"}\n')
    assert native.read_cases(path) == [Case(3, ("3", "x")), Case(4, (), "four")]


@pytest.mark.parametrize("line", ['{"stdin": "no size"}', '{"size": 1, "input": ""}', "[]", "{"])
def test_a_bad_input_is_named_by_its_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(f'{{"size": 1}}\n{line}\n')
    with pytest.raises(UsageError, match=r"cases\.jsonl:2: not an input"):
        native.read_cases(path)


def test_the_count_is_what_valgrind_says() -> None:
    said = "==7== Cachegrind, a cache profiler\n==7== \n==7== I   refs:      1,837,131\n"
    assert process.valgrind_count(said) == 1_837_131


def test_a_valgrind_that_gave_up_counts_nothing() -> None:
    assert process.valgrind_count("==7== Cachegrind\nI refs: 12\n") is None


def run_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where the worker stands."""
    monkeypatch.chdir(folder)
    (folder / "stdin").write_text("")


@needs_c
def test_both_ways_to_start_a_program_agree_on_its_cpu_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_alone(tmp_path, monkeypatch)
    (tmp_path / "meter").write_bytes(native.meter())
    (tmp_path / "meter").chmod(0o700)
    # It watches its own clock, so that how fast the machine is at the moment changes nothing.
    spin = "import time\nwhile time.process_time() < 0.5: pass"
    words = [sys.executable, "-S", "-c", spin]
    for started in (process.metered(words, 20.0), process.plain(words, 20.0)):
        assert started[:2] == (0, False)
        assert started[2]["cpu_s"] == pytest.approx(0.5, rel=0.2)


def test_without_a_meter_a_peak_below_our_own_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_alone(tmp_path, monkeypatch)
    assert process.plain(["true"], 20.0)[2]["peak_rss"] is None


@needs_c
def test_the_meter_counts_events_of_the_kernel(tmp_path: Path) -> None:
    meter = tmp_path / "meter"
    meter.write_bytes(native.meter())
    meter.chmod(0o700)
    software, cpu_clock = "1", "0"  # nanoseconds of CPU time, where any event may be counted
    words = ["sh", "-c", "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done"]
    asked = [meter, "1", "20", software, cpu_clock, *words]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    status, late, cpu, _, _, count = (int(word) for word in done.stdout.split())
    if count < 0:
        pytest.skip("perf_event_open is not allowed here")
    assert (status, late) == (0, 0) and count == pytest.approx(cpu, rel=0.3)


def job(command: str, ladder: int, **changed: Any) -> process.Job:
    """A job whose program is a shell script that takes its count as `$1`."""
    made = {
        "run": ["sh", "-c", command, "sh"], "ladder": ladder, "aim_s": 0.05, "run_s": 20.0, "meter": "",
        "success": 0,
    }  # fmt: skip
    return process.Job(**{**made, **changed})  # type: ignore[typeddict-item]


def test_a_climb_ends_at_the_largest_count_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_alone(tmp_path, monkeypatch)
    sizes = [case["size"] for case in process.climb(job("exit 0", 100_000))]
    assert sizes == [1, 10_000, 100_000]


def test_a_climb_ends_below_a_count_that_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_alone(tmp_path, monkeypatch)
    stuck = job("[ $1 -lt 50 ] || sleep 30", 100_000, run_s=0.3)
    assert [case["size"] for case in process.climb(stuck)] == [1, 10]


def test_a_climb_aims_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_alone(tmp_path, monkeypatch)
    slow = job("i=0; while [ $i -lt $1 ]; do i=$((i+1)); done", 1_000_000_000)
    top = process.climb(slow)[-1]["size"]
    assert 1_000 <= top <= 1_000_000  # a round takes about a microsecond, 0.05 s were asked for
