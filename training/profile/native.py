"""Programs in any language that this machine has a toolchain for: built, run and measured in a cage.

Protocol `native-1`. A program is built with pinned flags and run in a cage (`cage.py`) by a worker
inside (`process.py`): one warm-up and up to 5 repeats a size, the sizes in turn. CPU time and peak
resident memory are those of the process and of the children it waited for, from the kernel; wall
time is from exec to exit. Instructions are those in user mode, counted by the processor where
perf_event_open is allowed, else by valgrind for machine code that runs at most 10 ms, else not at
all. The size of a program that repeats its own test is how often it did so: its cost a call is the
difference between two sizes over the difference in count, in which start-up cancels.

The runtimes of Java, JavaScript, … are told to use one processor, so that their helpers do not
depend on how many there are.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci_rlm.errors import UsageError
from ci_rlm.training.multilingual import DONE, assembled, multilingual
from ci_rlm.training.profile import cage, rows
from ci_rlm.training.profile.engine import Task
from ci_rlm.training.profile.hardware import hardware_class
from ci_rlm.training.profile.rows import Origin, Row, Spread, Subject
from ci_rlm.training.sources import sha256

PROTOCOL = "native-1"
MEBIBYTE = 1 << 20
_HERE = Path(__file__).parent
_LADDER = 1_000_000
_TRANSPILE = (  # types are not checked, but what cannot be parsed is no program
    "const fs = require('fs'), ts = require(process.argv[1]);"
    "const options = {target: ts.ScriptTarget.ES2021, module: ts.ModuleKind.CommonJS};"
    "const asked = {compilerOptions: options, reportDiagnostics: true};"
    "const made = ts.transpileModule(fs.readFileSync(process.argv[2], 'utf8'), asked);"
    "for (const each of made.diagnostics) console.error(ts.flattenDiagnosticMessageText(each.messageText));"
    "fs.writeFileSync(process.argv[3], made.outputText);"
    "process.exitCode = made.diagnostics.length ? 1 : 0;"
)
_TYPESCRIPT_VERSION = "`typescript ${require(process.argv[1]).version}, node ${process.version}`"


@dataclass(frozen=True, slots=True)
class Toolchain:
    """How one language is built and run. Words in braces stand for what was found."""

    suffix: str
    tools: tuple[str, ...]
    """All must be found; `{NAME}` is the path of one."""
    run: tuple[str, ...]
    build: tuple[str, ...] = ()
    """`{sources}` stands for every file with the suffix; empty: the program is its source."""
    version: tuple[str, ...] = ()
    """Empty: the first tool with `--version`."""
    machine_code: bool = False
    """Valgrind can count its instructions."""
    reserves: bool = False
    """It reserves address space that it does not use: its private memory is limited instead."""
    environment: tuple[tuple[str, str], ...] = ()
    main: str = "main"
    """Stem of the file that holds the main function."""


_JVM = ("-XX:+UseSerialGC", "-XX:ActiveProcessorCount=1", "-XX:-UsePerfData", "-Xss64m", "-Xmx1g")
_NODE = ("--single-threaded", "--stack-size=4000", "--max-old-space-size=1024")

TOOLCHAINS: dict[str, Toolchain] = {
    "c": Toolchain(
        suffix=".c",
        tools=("gcc",),
        build=("{gcc}", "-O2", "-std=c17", "-o", "program", "{sources}", "-lm"),
        run=("./program",),
        machine_code=True,
    ),
    "cpp": Toolchain(
        suffix=".cpp",
        tools=("g++",),
        build=("{g++}", "-O2", "-std=c++17", "-o", "program", "{sources}"),
        run=("./program",),
        machine_code=True,
    ),
    "rust": Toolchain(
        suffix=".rs",
        tools=("rustc", "cc"),
        build=("{rustc}", "-C", "opt-level=2", "--edition", "2021", "-o", "program", "{sources}"),
        run=("./program",),
        machine_code=True,
    ),
    "go": Toolchain(
        suffix=".go",
        tools=("go",),
        version=("{go}", "version"),
        build=("{go}", "build", "-o", "program", "{sources}"),
        run=("./program",),
        reserves=True,
        environment=(
            ("GOMAXPROCS", "1"),
            ("GO111MODULE", "off"),
            ("GOFLAGS", "-p=1"),
            ("GOTOOLCHAIN", "local"),
        ),
    ),
    "java": Toolchain(
        suffix=".java",
        tools=("java", "javac"),
        build=("{javac}", "-J-XX:+UseSerialGC", "-nowarn", "-d", ".", "{sources}"),
        run=("{java}", *_JVM, "-cp", ".", "Main"),
        reserves=True,
        main="Main",
    ),
    "kotlin": Toolchain(
        suffix=".kt",
        tools=("kotlinc", "java"),
        version=("{kotlinc}", "-version"),
        build=("{kotlinc}", "{sources}", "-nowarn", "-include-runtime", "-d", "program.jar"),
        run=("{java}", *_JVM, "-jar", "program.jar"),
        reserves=True,
    ),
    "scala": Toolchain(
        suffix=".scala",
        tools=("scalac", "scala"),
        version=("{scalac}", "-version"),
        build=("{scalac}", "-nowarn", "-d", ".", "{sources}"),
        run=("{scala}", *(f"-J{flag}" for flag in _JVM), "-cp", ".", "Main"),
        reserves=True,
        main="Main",
    ),
    "csharp": Toolchain(
        suffix=".cs",
        tools=("mcs", "mono"),
        build=("{mcs}", "-nologo", "-optimize+", "-out:program.exe", "{sources}"),
        run=("{mono}", "program.exe"),
        reserves=True,
    ),
    "swift": Toolchain(
        suffix=".swift",
        tools=("swiftc",),
        build=("{swiftc}", "-O", "-o", "program", "{sources}"),
        run=("./program",),
        machine_code=True,
    ),
    "javascript": Toolchain(suffix=".js", tools=("node",), run=("{node}", *_NODE, "main.js"), reserves=True),
    "typescript": Toolchain(
        suffix=".ts",
        tools=("node", "typescript"),
        version=("{node}", "-p", _TYPESCRIPT_VERSION, "{typescript}"),
        build=("{node}", "-e", _TRANSPILE, "{typescript}", "main.ts", "main.js"),
        run=("{node}", *_NODE, "main.js"),
        reserves=True,
    ),
    "perl": Toolchain(
        suffix=".pl", tools=("perl",), run=("{perl}", "main.pl"), environment=(("PERL_HASH_SEED", "0"),)
    ),
    "php": Toolchain(suffix=".php", tools=("php",), run=("{php}", "-n", "-d", "memory_limit=1G", "main.php")),
    "ruby": Toolchain(suffix=".rb", tools=("ruby",), run=("{ruby}", "main.rb")),
}
"""A language is a row here; what the machine lacks is not measured, and its rows say so."""


@dataclass(frozen=True, slots=True)
class Case:
    """One input of a program."""

    size: int
    arguments: tuple[str, ...] = ()
    stdin: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one program may use."""

    build_s: float = 600.0
    run_s: float = 60.0
    repeats: int = 5
    repeat_s: float = 4.0
    """CPU time of all timed runs together; each size is run once at least."""
    aim_s: float = 0.1
    """CPU time that the largest count of a program that repeats itself takes beyond start-up, at most."""
    memory: int = 2048 * MEBIBYTE
    count_s: float = 0.01
    """Longer runs are not counted by valgrind, which slows them fifty times."""


@dataclass(frozen=True, slots=True)
class Work:
    """One program to measure."""

    subject: Subject
    files: tuple[tuple[str, str], ...]
    """Names and texts; without any, `broken` says why."""
    cases: tuple[Case, ...] = ()
    """Without any, the program repeats itself as often as its argument says."""
    success: int = 0
    """The exit status of a run that went well."""
    broken: str = ""
    quoted: bool = False
    """A reason quotes the compiler or the program: for one's own programs, not for a corpus."""
    budget: Budget = Budget()


def tasks(data: Path, languages: Collection[str] | None = None) -> Iterator[Task]:
    """A task a program of the multilingual sources, languages in turn; none named: all of them.

    Raises UsageError for a language that has no row in `TOOLCHAINS`.
    """
    check_languages(languages or ())
    for item in multilingual(data):
        if languages and item.language not in languages:
            continue
        subject = Subject(item.source, item.problem, item.record, item.sha256, item.language)
        try:
            work = Work(subject, tuple(assembled(item).items()), success=DONE)
        except ValueError as problem:
            work = Work(subject, (), broken=str(problem))
        yield Task(f"native/{item.language}/{item.problem}", work)


def own_task(path: Path, cases: Sequence[Case], budget: Budget = Budget()) -> Task:
    """A program of one's own, with its inputs. Raises UsageError for a language that has no row."""
    language = _language_of(path)
    text = path.read_text(encoding="utf-8")
    subject = Subject("own", str(path), str(path), sha256(text), language)
    chain = TOOLCHAINS[language]
    work = Work(subject, ((chain.main + chain.suffix, text),), tuple(cases), quoted=True, budget=budget)
    about = json.dumps([subject.sha256, [(case.size, case.arguments, case.stdin) for case in cases]])
    return Task(f"native/{language}/{path} {sha256(about)[:16]}", work)


def read_cases(path: Path) -> list[Case]:
    """Inputs, one JSON object a line: `size`, with `arguments` (words), `stdin` (text), or both.

    Raises UsageError that names the line.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                found.append(_case(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError) as problem:
                raise UsageError(
                    f"{path}:{number}: not an input: {problem}",
                    hint='write {"size": 1000, "arguments": ["1000"], "stdin": "…"}',
                ) from problem
    return found


def _case(row: dict[str, Any]) -> Case:
    unknown = set(row) - {"size", "arguments", "stdin"}
    if unknown:
        raise ValueError(f"unknown key {min(unknown)}")
    return Case(int(row["size"]), tuple(str(word) for word in row.get("arguments", ())), row.get("stdin", ""))


def _language_of(path: Path) -> str:
    for language, chain in TOOLCHAINS.items():
        if path.suffix == chain.suffix:
            return language
    known = ", ".join(chain.suffix for chain in TOOLCHAINS.values())
    raise UsageError(f"{path}: no language has the suffix {path.suffix or '(none)'}", hint=f"one of {known}")


def check_languages(languages: Collection[str]) -> None:
    """Raises UsageError for a language that has no row."""
    unknown = sorted(set(languages) - set(TOOLCHAINS))
    if unknown:
        raise UsageError(f"no such language: {', '.join(unknown)}", hint=f"one of {', '.join(TOOLCHAINS)}")


def found_languages() -> dict[str, str]:
    """Each language with the version of its toolchain here, or nothing."""
    return {language: version(language) if located(language) else "" for language in TOOLCHAINS}


def measure(work: Work) -> list[Row]:
    """Build and run one program; its costs a size, or why there are none."""
    language = work.subject.language
    chain, tools = TOOLCHAINS.get(language), located(language)
    if work.broken or chain is None or tools is None:
        reason = work.broken or f"no toolchain: {language}"
        return rows.failed(work.subject, 0, reason, Origin(PROTOCOL, hardware_class(), ""))
    origin = Origin(PROTOCOL, hardware_class(), _told(language, chain))
    found = []
    for answer in _caged(_job(work, chain, tools), work.budget):
        found.extend(_rows(work, answer, origin))
    return found


def _told(language: str, chain: Toolchain) -> str:
    """Version and pinned flags, without the paths of this machine."""
    words = ("transpile" if word == _TRANSPILE else word.strip("{}") for word in (*chain.build, *chain.run))
    return f"{version(language)}; {' '.join(words)}"


def _rows(work: Work, answer: dict[str, Any], origin: Origin) -> list[Row]:
    if "error" in answer:
        reason = f"{answer['error']}: {answer['detail']}" if work.quoted else answer["error"]
        return rows.failed(work.subject, answer["size"], reason, origin)
    costs: dict[str, float | Spread] = {
        "cpu_time": Spread.of(answer["cpu_s"]),
        "wall_time": Spread.of(answer["wall_s"]),
    }
    if answer["peak_rss"]:
        costs["peak_rss"] = Spread.of([float(peak) for peak in answer["peak_rss"]])
    if answer["instructions"]:
        costs["instructions"] = float(answer["instructions"])
    return rows.measured(work.subject, answer["size"], costs, origin)


def _job(work: Work, chain: Toolchain, tools: dict[str, str]) -> dict[str, Any]:
    """What `process.Job` describes."""
    sources = [name for name, _ in work.files if name.endswith(chain.suffix) and "/" not in name]
    budget = work.budget
    return {
        "files": dict(work.files),
        "build": _filled(chain.build, tools, sources),
        "run": _filled(chain.run, tools, sources),
        "success": work.success,
        "cases": [
            {"size": case.size, "arguments": list(case.arguments), "stdin": case.stdin} for case in work.cases
        ],
        "ladder": 0 if work.cases else _LADDER,
        "aim_s": budget.aim_s,
        "build_s": budget.build_s,
        "run_s": budget.run_s,
        "repeats": budget.repeats,
        "repeat_s": budget.repeat_s,
        "memory": 0 if chain.reserves else budget.memory,
        "data": budget.memory,
        "meter": base64.b64encode(meter()).decode(),
        "counter": slow_counter() if chain.machine_code else [],
        "count_s": budget.count_s,
        "environment": dict(chain.environment),
    }


def _filled(words: Sequence[str], tools: dict[str, str], sources: list[str]) -> list[str]:
    filled: list[str] = []
    for word in words:
        if word == "{sources}":
            filled.extend(sources)
        else:
            filled.append(tools.get(word[1:-1], word) if word.startswith("{") else word)
    return filled


def _caged(job: dict[str, Any], budget: Budget) -> list[dict[str, Any]]:
    """Run the worker in a cage; what it answered, and an error in place of what it did not."""
    worker = [sys.executable, "-I", "-S", "-B", str(_HERE / "process.py")]
    with tempfile.TemporaryDirectory(prefix="ci-rlm-native-") as folder:
        # The compilers' limits; process.py lowers them to the program's.
        line = cage.command(
            worker, folder, memory=0, data=4096 * MEBIBYTE, folder_bytes=1024 * MEBIBYTE,
            file_bytes=256 * MEBIBYTE, files=1024,
        )  # fmt: skip
        process = subprocess.Popen(
            line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=_environment(folder, job.pop("environment")),
            start_new_session=True,
        )
        sizes = len(job["cases"]) or 6  # a climb tries so many
        patience = 20 + budget.build_s + (budget.repeats + 2) * sizes * budget.run_s
        try:
            out, complaints = process.communicate(json.dumps(job).encode() + b"\n", timeout=patience)
        except subprocess.TimeoutExpired:
            out, complaints = b"", b""
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    answers = [json.loads(text) for text in out.splitlines()]
    if answers and process.returncode == 0:
        return answers
    detail = " ".join(complaints.decode(errors="replace").split())[-200:]
    return [*answers, {"size": 0, "error": "the worker died", "detail": detail}]


def _environment(folder: str, asked: dict[str, str]) -> dict[str, str]:
    home = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME"), folder)
    go = {"GOCACHE": f"{folder}/.go", "GOPATH": f"{folder}/go"}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **home, **go, **asked}


@functools.cache
def located(language: str) -> dict[str, str] | None:
    """Paths of a language's tools; None unless all are there."""
    chain = TOOLCHAINS.get(language)
    if chain is None:
        return None
    found = {tool: _FINDERS.get(tool, shutil.which)(tool) for tool in chain.tools}
    paths = {tool: path for tool, path in found.items() if path}
    return paths if len(paths) == len(found) else None


def _rustc(tool: str) -> str | None:
    """The compiler itself: rustup's stand-in looks for it in the user's home."""
    if not shutil.which(tool):
        return None
    root = subprocess.run([tool, "--print", "sysroot"], capture_output=True, text=True, check=False)
    path = Path(root.stdout.strip()) / "bin" / "rustc"
    return str(path) if root.returncode == 0 and path.exists() else None


def _typescript(_: str) -> str | None:
    """The compiler as a module, beside its command."""
    command = shutil.which("tsc")
    path = Path(command).resolve().parent.parent / "lib" / "typescript.js" if command else None
    return str(path) if path and path.exists() else None


_FINDERS: dict[str, Callable[[str], str | None]] = {"rustc": _rustc, "typescript": _typescript}


@functools.cache
def version(language: str) -> str:
    """The first line that tells a version, as the toolchain itself writes it."""
    tools = located(language)
    assert tools is not None
    chain = TOOLCHAINS[language]
    command = _filled(chain.version, tools, []) or [tools[chain.tools[0]], "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if "warning" not in line]
    return next((line for line in lines if any(mark.isdigit() for mark in line)), "unknown version")[:100]


@functools.cache
def slow_counter() -> list[str]:
    """Valgrind as a counter of instructions, where it is installed: the same number in every run."""
    path = shutil.which("valgrind")
    options = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    return [path, *options] if path else []


@functools.cache
def meter() -> bytes:
    """meter.c as a program, built once a process; empty where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        return b""
    with tempfile.TemporaryDirectory(prefix="ci-rlm-meter-") as folder:
        target = Path(folder) / "meter"
        command = [compiler, "-O2", "-s", "-o", str(target), str(_HERE / "meter.c")]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        return target.read_bytes() if done.returncode == 0 else b""
