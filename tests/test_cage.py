"""The cage against commands that mean harm, as root and as a user without privileges."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci_rlm.training.profile import cage

MEBIBYTE = 1 << 20
NOBODY = 65534
PYTHON = Path("/usr/bin/python3")  # one that every user may read
STEPS = cage.available()


def in_force(*steps: str) -> pytest.MarkDecorator:
    """Skip where this system does not let a cage take one of these steps."""
    missing = {step: STEPS[step] for step in steps if STEPS[step]}
    return pytest.mark.skipif(bool(missing), reason=f"not allowed here: {missing}")


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the cage is made of Linux")


@dataclass(frozen=True)
class Caller:
    """Who starts cages, and where."""

    folder: Path
    prefix: tuple[str, ...]
    python: str
    script: str

    def line(self, *words: str, **limits: int) -> list[str]:
        line = cage.command(words, self.folder, **limits)
        line[0], line[line.index("-B") + 1] = self.python, self.script
        return [*self.prefix, *line]

    def start(self, *words: str, **limits: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.line(*words, **limits),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, stdin: str = "", **limits: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.line(*words, **limits), input=stdin, capture_output=True, text=True, timeout=30, check=False
        )

    def run_python(self, text: str, *arguments: str, **limits: int) -> subprocess.CompletedProcess[str]:
        return self.run(self.python, "-I", "-S", "-c", text, *arguments, **limits)


def as_we_are(folder: Path) -> Caller:
    return Caller(folder, (), sys.executable, cage.__file__)


def as_nobody(folder: Path) -> Caller:
    if os.getuid() != 0 or not shutil.which("setpriv") or not PYTHON.exists():
        pytest.skip("needs root, setpriv and a system-wide Python to become an unprivileged user")
    shutil.copy(cage.__file__, folder.parent / "cage.py")
    os.chown(folder, NOBODY, NOBODY)
    prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    return Caller(folder, prefix, str(PYTHON), str(folder.parent / "cage.py"))


def without_namespaces(folder: Path) -> Caller:
    """As on a system that allows none: no capability, and no user namespace to get them in."""
    if not shutil.which("unshare") or not shutil.which("setpriv") or STEPS["mount"]:
        pytest.skip("needs unshare and setpriv")
    drop = "exec setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all"
    script = f'echo 0 >/proc/sys/user/max_user_namespaces && {drop} "$@"'
    prefix = ("unshare", "--user", "--map-root-user", "sh", "-c", script, "sh")
    return Caller(folder, prefix, sys.executable, cage.__file__)


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that every user may reach; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="ci-rlm-cage-") as outer:
        Path(outer).chmod(0o755)
        inner = Path(outer) / "folder"
        inner.mkdir()
        yield inner


@pytest.fixture(params=[as_we_are, as_nobody, without_namespaces], ids=lambda each: each.__name__)
def caller(request: pytest.FixtureRequest, folder: Path) -> Caller:
    """Each kind of caller in turn: what holds for all of them."""
    made: Caller = request.param(folder)
    return made


@pytest.fixture(params=[as_we_are, as_nobody], ids=lambda each: each.__name__)
def privileged(request: pytest.FixtureRequest, folder: Path) -> Caller:
    """Callers for whom namespaces are to be had."""
    made: Caller = request.param(folder)
    return made


def processes_named(marker: str) -> list[int]:
    """Processes that have a word on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and marker.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def test_an_exit_status_passes_through(caller: Caller) -> None:
    assert caller.run("sh", "-c", "exit 37").returncode == 37


def test_a_death_by_signal_passes_through(caller: Caller) -> None:
    assert caller.run("sh", "-c", "kill -SEGV $$").returncode == -signal.SIGSEGV


def test_standard_input_and_output_pass_through(caller: Caller) -> None:
    text = "a line\n" * 20_000
    assert caller.run("cat", stdin=text).stdout == text


def test_the_end_of_output_is_seen_while_the_command_lives(caller: Caller) -> None:
    with caller.start("sh", "-c", "exec >&- 2>&-; exec sleep 60") as process:
        assert process.stdout is not None
        process.stdout.read()
        lives = process.poll() is None
        process.kill()
    assert lives


def test_the_environment_is_the_callers(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_RLM_CAGE_TEST", "seen")
    assert caller.run("sh", "-c", "echo $CI_RLM_CAGE_TEST").stdout == "seen\n"


def test_the_command_runs_in_its_folder(caller: Caller) -> None:
    assert caller.run("pwd").stdout == f"{caller.folder}\n"


def test_a_missing_command_is_named(caller: Caller) -> None:
    done = caller.run("no-such-command")
    assert (done.returncode, done.stderr) == (127, "cage: no such command: no-such-command\n")


def test_a_command_that_cannot_be_run_says_why(caller: Caller) -> None:
    done = caller.run("/etc/passwd")
    assert (done.returncode, done.stderr) == (126, "cage: cannot run /etc/passwd: Permission denied\n")


def test_a_missing_folder_is_named(folder: Path) -> None:
    done = as_we_are(folder / "none").run("true")
    assert (done.returncode, done.stderr) == (125, f"cage: no such folder: {folder}/none\n")


def test_an_unknown_limit_is_named(folder: Path) -> None:
    with pytest.raises(ValueError, match="no such limit: memroy; there are memory"):
        cage.command(["true"], folder, memroy=1)


def test_a_request_to_end_reaches_the_command(caller: Caller) -> None:
    with caller.start("sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait(10) == 5


def test_address_space_is_limited(caller: Caller) -> None:
    text = "try:\n    bytearray(10**9)\nexcept MemoryError:\n    print('refused')"
    assert caller.run_python(text, memory=500 * MEBIBYTE).stdout == "refused\n"


def test_private_memory_is_limited_where_address_space_is_not(caller: Caller) -> None:
    text = "try:\n    bytearray(10**9)\nexcept MemoryError:\n    print('refused')"
    assert caller.run_python(text, memory=0, data=500 * MEBIBYTE).stdout == "refused\n"


def test_a_file_is_limited(caller: Caller) -> None:
    caller.run("sh", "-c", "head -c 3000000 /dev/zero >big", file_bytes=MEBIBYTE, folder_bytes=0)
    assert (caller.folder / "big").stat().st_size == MEBIBYTE


def test_processor_time_is_limited_when_asked(caller: Caller) -> None:
    assert caller.run("sh", "-c", "while :; do :; done", cpu_seconds=1).returncode in (
        -signal.SIGKILL,
        -signal.SIGXCPU,
    )


def test_no_privilege_is_left(caller: Caller) -> None:
    status = dict(line.split(":\t", 1) for line in caller.run("cat", "/proc/self/status").stdout.splitlines())
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"


def test_a_daemon_ends_with_the_command(caller: Caller) -> None:
    marker = uuid.uuid4().hex
    script = f"setsid sh -c 'setsid sh -c \"sleep 61; : {marker}\" &' & sleep 0.3"
    assert caller.run("sh", "-c", script).returncode == 0
    assert processes_named(marker) == []


def test_everything_ends_when_the_cage_is_killed(privileged: Caller) -> None:
    marker = uuid.uuid4().hex
    script = f"setsid sh -c 'sleep 62; : {marker}' & echo ready; wait"
    with privileged.start("sh", "-c", script) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    assert wait_until(lambda: not processes_named(marker))


def test_everything_ends_with_whoever_started_the_cage(folder: Path) -> None:
    marker = uuid.uuid4().hex
    line = as_we_are(folder).line("sh", "-c", f"echo ready; sleep 63; : {marker}")
    starter = f"import subprocess; subprocess.run({line!r})"
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    assert wait_until(lambda: not processes_named(marker))


@in_force("pid", "processes")
def test_a_fork_bomb_ends_with_the_cage(privileged: Caller) -> None:
    marker = uuid.uuid4().hex
    bomb = "import os\nprint('lit', flush=True)\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    with privileged.start(privileged.python, "-I", "-S", "-c", bomb, marker, processes=40) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.5)
        process.kill()
    assert wait_until(lambda: not processes_named(marker))


@in_force("pid", "processes")
def test_processes_are_limited(privileged: Caller) -> None:
    text = (
        "import os, time\nfor count in range(2000):\n    try:\n"
        "        if os.fork() == 0: time.sleep(60)\n    except OSError: break\nprint(count)"
    )
    assert 30 <= int(privileged.run_python(text, processes=40).stdout) <= 40 + 300


@in_force("network")
def test_nothing_is_reached_through_the_network(privileged: Caller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        text = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)"
        done = privileged.run_python(text)
    assert "Network is unreachable" in done.stderr


@in_force("readonly", "folder", "tmp", "devices")
def test_only_the_folder_and_temporary_places_take_files(privileged: Caller) -> None:
    above = str(privileged.folder.parent)
    places = [".", "/tmp", "/dev/shm", above, "/", "/etc", "/var/tmp", "/usr/bin", "/proc/sys/kernel", "/sys"]
    text = (
        "import sys\nfor place in sys.argv[1:]:\n    try: open(place + '/ci-rlm-test', 'w')\n"
        "    except OSError: continue\n    print(place)"
    )
    assert privileged.run_python(text, *places).stdout.split() == [".", "/tmp", "/dev/shm"]


@in_force("readonly", "folder", "tmp", "devices")
def test_nothing_that_was_written_stays(privileged: Caller) -> None:
    name = f"ci-rlm-{uuid.uuid4().hex}"
    privileged.run("touch", name, f"/tmp/{name}", f"/dev/shm/{name}")
    assert not any((Path(place) / name).exists() for place in (privileged.folder, "/tmp", "/dev/shm"))


@in_force("folder")
def test_the_folder_takes_no_more_than_its_bytes(privileged: Caller) -> None:
    text = (
        "done = 0\nfor number in range(10_000):\n    with open(str(number), 'wb', 0) as file:\n"
        "        try: done += file.write(bytes(1 << 20))\n        except OSError: break\nprint(done)"
    )
    assert int(privileged.run_python(text, folder_bytes=16 * MEBIBYTE).stdout) <= 16 * MEBIBYTE


@in_force("folder")
def test_a_folder_without_a_limit_keeps_what_is_written(privileged: Caller) -> None:
    (privileged.folder / "given").write_text("there")
    privileged.run("sh", "-c", "cat given >made", folder_bytes=0)
    assert (privileged.folder / "made").read_text() == "there"


@in_force("devices")
def test_the_machines_disks_are_out_of_reach(privileged: Caller) -> None:
    names = {"null", "zero", "full", "random", "urandom", "stdin", "stdout", "stderr", "fd", "shm"}
    assert set(privileged.run("ls", "/dev").stdout.split()) == names


@in_force("proc")
def test_the_machines_processes_are_out_of_sight(privileged: Caller) -> None:
    seen = [int(name) for name in privileged.run("ls", "/proc").stdout.split() if name.isdigit()]
    assert len(seen) < 4


@in_force("mount")
def test_the_machines_mounts_stay_as_they_are(privileged: Caller) -> None:
    before = Path("/proc/self/mountinfo").read_text()
    privileged.run("true")
    assert Path("/proc/self/mountinfo").read_text() == before


@in_force("processes")
def test_the_machines_limit_on_processes_stays_as_it_is(privileged: Caller) -> None:
    before = Path("/proc/sys/kernel/pid_max").read_text()
    privileged.run("true", processes=10)
    assert Path("/proc/sys/kernel/pid_max").read_text() == before


@in_force("tmp")
def test_a_command_that_lies_in_a_temporary_folder_is_still_found(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        script = Path(place) / "script.sh"
        script.write_text("echo found")
        assert as_we_are(folder).run("sh", str(script)).stdout == "found\n"


def test_a_cage_tells_what_the_system_does_not_allow(folder: Path) -> None:
    caller = without_namespaces(folder)
    line = caller.line("true")
    line.insert(line.index("--"), "report=1")
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    told = dict(said.split("\t", 1) for said in done.stdout.splitlines())
    assert [step for step, reason in told.items() if not reason] == ["privileges"]
