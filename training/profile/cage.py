"""A cage for one untrusted command: namespaces, a read-only view of the machine, hard limits.

    python -I -S -B cage.py folder=FOLDER memory=BYTES … -- COMMAND…

It runs by its path, on the standard library alone, with the environment, standard input and output
that it was started with, and ends as COMMAND ends: same exit status, same signal. `command` writes
such a line, `available` says what this system allows. What is not allowed is left out; the limits
on resources always hold. With every step in force COMMAND
- is in a process tree of its own, which ends with COMMAND, with the cage, and with whoever started
  the cage: daemons, fork bombs and programs that leave their process group are no exception;
- has no network, not even a loopback, and no sockets of the machine's services under /run;
- reads the machine's files but writes to FOLDER, /tmp and /dev/shm alone: fresh file systems in
  memory, each at most `folder_bytes`, gone afterwards;
- has no privileges, those of root included, and can gain none.

Linux alone. Exit status 127: no such command, 126: it cannot be run, 125: the cage's own fault.
"""

# pathlib would cost 10 ms a start.
# ruff: noqa: PTH100, PTH102, PTH103, PTH110, PTH112, PTH116, PTH118, PTH123, PTH208, PTH211
from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import sys

TYPE_CHECKING = False  # as typing has it: importing typing, json or dataclasses costs 5 to 15 ms a start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import NoReturn

MEBIBYTE = 1 << 20
LIMITS: dict[str, int] = {
    "memory": 2048 * MEBIBYTE,  # address space of a process; 0: none, for those that reserve without using
    "data": 0,  # private writable memory of a process, which Java, Go and node can live with; 0: none
    "folder_bytes": 256 * MEBIBYTE,  # of FOLDER, and of /tmp and /dev/shm; 0: FOLDER itself, on its disk
    "file_bytes": 64 * MEBIBYTE,  # of one file
    "files": 256,  # open at a time, in a process
    "processes": 192,  # with their threads, in the cage
    # Not unless asked for: with a limit on it, Linux counts CPU time in ticks of about 4 ms (6.18).
    "cpu_seconds": 0,
}
"""What can be limited, with what holds when nothing is said."""

STEPS = ("pid", "mount", "network", "ipc", "readonly", "devices", "proc", "run", "tmp", "folder",
         "processes", "privileges")  # fmt: skip
_MOUNTED = STEPS[STEPS.index("readonly") : STEPS.index("processes")]

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
_NEW = {"mount": 0x00020000, "ipc": 0x08000000, "user": 0x10000000, "pid": 0x20000000, "network": 0x40000000}
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 1 << 12, 1 << 14, 1 << 18
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442  # the same on every architecture
_AT_FDCWD, _AT_RECURSIVE, _CLONE, _CLOEXEC, _FROM_FD = -100, 0x8000, 1, 0o2000000, 4
_RESERVED_PIDS = 300  # the kernel hands these out once only, the rest in turn
_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_DEVICES = ("null", "zero", "full", "random", "urandom")


def command(words: Sequence[str], folder: str | os.PathLike[str], **limits: int) -> list[str]:
    """The command line that runs another one in a cage; FOLDER becomes its working folder.

    Limits are those of `LIMITS`; an unknown one raises ValueError.
    """
    unknown = sorted(set(limits) - set(LIMITS))
    if unknown:
        raise ValueError(f"no such limit: {', '.join(unknown)}; there are {', '.join(LIMITS)}")
    said = [f"{name}={value}" for name, value in limits.items()]
    here = [sys.executable, "-I", "-S", "-B", os.path.abspath(__file__)]
    return [*here, f"folder={os.fspath(folder)}", *said, "--", *words]


def available() -> dict[str, str]:
    """What a cage does here: each of `STEPS`, with nothing where it holds, else why it does not."""
    if sys.platform != "linux":
        return dict.fromkeys(STEPS, "needs Linux")
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory(prefix="ci-rlm-cage-") as folder:
        line = command(["true"], folder)
        line.insert(line.index("--"), "report=1")
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        return dict.fromkeys(STEPS, f"the cage failed: {done.stderr.strip()[-120:]}")
    return dict(said.split("\t", 1) for said in done.stdout.splitlines())


def main(arguments: list[str]) -> NoReturn:
    """Parse the command line, start the first process of the cage, end as it tells."""
    if sys.platform != "linux":
        fail("needs Linux", 125)
    if "--" not in arguments[:-1]:
        fail("usage: cage.py folder=FOLDER [limit=NUMBER …] -- COMMAND…", 125)
    cut = arguments.index("--")
    said = dict(word.partition("=")[::2] for word in arguments[:cut])
    folder, report = said.pop("folder", ""), said.pop("report", "")
    if not os.path.isdir(folder):
        fail(f"no such folder: {folder or 'none given'}", 125)
    if unknown := set(said) - set(LIMITS):
        fail(f"no such limit: {', '.join(sorted(unknown))}", 125)
    limits = LIMITS | {name: int(value) for name, value in said.items()}
    launch(Cage(os.path.realpath(folder), limits, arguments[cut + 1 :], bool(report)))


class Cage:
    """What one run is about, and what came of each step of its set-up."""

    __slots__ = ("command", "folder", "limits", "report", "steps")

    def __init__(self, folder: str, limits: dict[str, int], command: list[str], report: bool) -> None:
        self.folder, self.limits, self.command, self.report = folder, limits, command, report
        self.steps: dict[str, str] = {}

    def attempt(self, step: str, action: Callable[[], object]) -> bool:
        """Take one step; one that the system does not allow is noted, and the cage does without."""
        try:
            action()
        except OSError as problem:
            self.steps[step] = problem.strerror or str(problem)
        else:
            self.steps[step] = ""
        return not self.steps[step]


def launch(cage: Cage) -> NoReturn:
    """Outside: start the cage's first process, pass signals on, end as COMMAND did."""
    os.closerange(3, 1 << 16)
    die_with_parent()
    if not cage.attempt("pid", lambda: unshare("pid")) and cage.attempt("user", enter_user_namespace):
        cage.attempt("pid", lambda: unshare("pid"))
    reading, writing = os.pipe()
    first = fork()
    if first == 0:
        os.close(reading)
        guard(lambda: oversee(cage, writing))
    os.close(writing)
    on_signals(lambda number: os.kill(first, number))
    let_go_of_pipes()
    told = os.read(reading, 16)
    os.waitpid(first, 0)
    end_as(int(told) if told else signal.SIGKILL)


def oversee(cage: Cage, writing: int) -> NoReturn:
    """Inside, as process 1: set up, start COMMAND, reap what it leaves, tell its wait status.

    When process 1 ends, the kernel kills every process of the namespace.
    """

    def tell(status: int) -> NoReturn:
        os.write(writing, str(status).encode())
        os._exit(0)

    die_with_parent()
    on_signals(lambda number: tell(number))  # one that comes before COMMAND is there
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    set_up(cage)
    child = fork()
    if child == 0:
        guard(lambda: become(cage))
    on_signals(lambda number: os.kill(child, number))
    let_go_of_pipes()
    gone = status = 0
    while gone != child:
        gone, status = os.waitpid(-1, 0)
    if cage.steps["pid"]:
        kill_children()
    tell(status)


def become(cage: Cage) -> NoReturn:
    """Limits and privileges last, for they cannot be taken back; then COMMAND."""
    cage.attempt("privileges", drop_privileges)
    if cage.report:
        print("".join(f"{step}\t{cage.steps[step]}\n" for step in STEPS), end="", flush=True)
    limit_resources(cage.limits, cage.steps)
    for number in (*_ENDS, signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores the last two: that is inherited
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
    try:
        os.execvp(cage.command[0], cage.command)  # noqa: S606
    except OSError as problem:
        if not is_there(cage.command[0]):
            fail(f"no such command: {cage.command[0]}", 127)
        fail(f"cannot run {cage.command[0]}: {problem.strerror}", 126)


def is_there(name: str) -> bool:
    """Whether a command exists; a folder of PATH that may not be read makes the kernel's answer unclear."""
    folders = [""] if "/" in name else os.get_exec_path()
    return any(os.path.exists(os.path.join(folder, name)) for folder in folders)


def guard(action: Callable[[], NoReturn]) -> NoReturn:
    """Run what a forked process is for; a fault of ours must not run on as a second parent."""
    try:
        action()
    except BaseException:  # noqa: BLE001  # whatever it is, this process ends here
        import traceback

        traceback.print_exc()
        os._exit(125)


def set_up(cage: Cage) -> None:
    """Namespaces, then mounts; the order matters: what is read-only or hidden stays so."""
    # Before the machine's own processes, should memory run out all the same.
    cage.attempt("oom", lambda: write("/proc/self/oom_score_adj", "1000"))
    for space in ("mount", "network", "ipc"):
        cage.attempt(space, lambda space=space: unshare(space))  # type: ignore[misc]
    cage.attempt("processes", lambda: limit_processes(cage))
    # Only here: what is mounted below is not to appear outside.
    if not cage.steps["mount"] and cage.attempt("mount", lambda: mount("", "/", "", _REC | _PRIVATE)):
        mount_all(cage)
    else:
        cage.steps |= dict.fromkeys(_MOUNTED, f"no mount namespace: {cage.steps['mount']}")
    os.chdir(cage.folder)


def mount_all(cage: Cage) -> None:
    """A read-only machine with fresh /dev, /proc, /run and /tmp, and the folder."""
    size = cage.limits["folder_bytes"] or LIMITS["folder_bytes"]
    opened: dict[str, int] = {}  # before they become read-only and dead with all the rest
    paths = [*(f"/dev/{name}" for name in _DEVICES), cage.folder]
    cage.attempt("opened", lambda: opened.update((path, open_tree(path)) for path in paths))
    cage.attempt("readonly", lambda: protect("/", _ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV))
    own = opened.pop(cage.folder, None)
    cage.attempt("devices", lambda: fresh_devices(opened, size))
    cage.attempt("proc", fresh_proc)
    for step in ("run", "tmp"):
        cage.attempt(step, lambda step=step: hide(f"/{step}", size, needed(cage)))  # type: ignore[misc]
    cage.attempt("folder", lambda: place_folder(cage.folder, own, cage.limits["folder_bytes"]))


def place_folder(folder: str, own: int | None, size: int) -> None:
    """The folder, empty and in memory, or as it is on its disk; it may lie in a /tmp that is now hidden."""
    os.makedirs(folder, exist_ok=True)
    if size:
        tmpfs(folder, size, "700")
    elif own is not None:
        move_mount(own, folder)


def fresh_devices(opened: dict[str, int], size: int) -> None:
    """A /dev with the harmless devices alone: as root a program could else write to disks."""
    if not opened:
        raise OSError(errno.ENOSYS, "needs Linux 5.2")
    tmpfs("/dev", size, "755")
    for path, tree in opened.items():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o666))
        move_mount(tree, path)
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        os.symlink(f"/proc/self/fd/{number}", f"/dev/{name}")
    os.symlink("/proc/self/fd", "/dev/fd")
    os.mkdir("/dev/shm", 0o700)  # noqa: S108


def fresh_proc() -> None:
    """The cage's own processes alone; read-only, for root may write to much of /proc/sys."""
    flags = _NOSUID | _NODEV | _NOEXEC
    mount("proc", "/proc", "proc", flags)
    mount("", "/proc", "", flags | _RDONLY | _REMOUNT | _BIND)


def hide(path: str, size: int, kept: Sequence[str]) -> None:
    """An empty folder in place of one of the machine's, unless what is to run lies in there."""
    inside = [each for each in kept if each.startswith(f"{path}/")]
    if inside:
        raise OSError(errno.EBUSY, f"needed: {inside[0]}")
    if os.path.realpath(path) == path and os.path.isdir(path):
        tmpfs(path, size, "1777")


def needed(cage: Cage) -> list[str]:
    """Paths that COMMAND and its interpreter name; the folder is made anew."""
    words = [word for word in cage.command if word.startswith("/") and os.path.exists(word)]
    paths = [sys.executable, sys.prefix, sys.base_prefix, *words]
    both = {*paths, *(os.path.realpath(path) for path in paths)}
    return sorted(path for path in both if not f"{path}/".startswith(f"{cage.folder}/"))


def limit_processes(cage: Cage) -> None:
    """At most so many processes: a limit of the namespace, for root's processes are not counted."""
    if cage.steps["pid"]:
        raise OSError(errno.EPERM, "no process namespace")
    version = os.uname().release.split("-")[0].split(".")
    if (int(version[0]), int(version[1])) < (6, 14):  # before, this is the limit of the whole machine
        raise OSError(errno.ENOSYS, "a namespace has no limit of its own before Linux 6.14")
    write("/proc/sys/kernel/pid_max", str(_RESERVED_PIDS + cage.limits["processes"] + 1))


def limit_resources(limits: dict[str, int], steps: dict[str, str]) -> None:
    """Limits of each process, inherited by whatever it starts; none may be raised again."""
    bounds = {
        resource.RLIMIT_AS: limits["memory"],
        resource.RLIMIT_DATA: limits["data"],
        resource.RLIMIT_CPU: limits["cpu_seconds"],
        resource.RLIMIT_FSIZE: limits["file_bytes"],
        resource.RLIMIT_NOFILE: limits["files"],
    }
    if steps["processes"]:
        bounds[resource.RLIMIT_NPROC] = limits["processes"] + (running() if steps.get("user", "root") else 0)
    for what, bound in bounds.items():
        if bound:
            _, hard = resource.getrlimit(what)
            bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
            resource.setrlimit(what, (bound, bound))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def running() -> int:
    """Threads of the user at this moment: its limit on processes counts all of them."""
    me, count = os.getuid(), 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == me:
                    count += len(os.listdir(f"/proc/{name}/task"))
            except OSError:
                continue
    return count


def drop_privileges() -> None:
    """No capability, and none to be had from set-uid files or from being root."""
    for capability in range(64):
        if _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
            break
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    check(_LIBC.capset(header, (ctypes.c_uint32 * 6)()))
    check(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def enter_user_namespace() -> None:
    """Become the same user in a namespace of our own, where the rest is allowed."""
    uid, gid = os.getuid(), os.getgid()
    unshare("user")
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{uid} {uid} 1")
    write("/proc/self/gid_map", f"{gid} {gid} 1")


def unshare(space: str) -> None:
    """Enter a new namespace of that kind (for pid: the next child does)."""
    check(_LIBC.unshare(_NEW[space]))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2)."""
    words = (word.encode() for word in (source, target, kind))
    check(_LIBC.mount(*words, ctypes.c_ulong(flags), options.encode()))


def tmpfs(path: str, size: int, mode: str) -> None:
    """An empty file system in memory; files are limited too, for empty ones take memory as well."""
    options = f"size={size},nr_inodes=32768,mode={mode},uid={os.getuid()},gid={os.getgid()}"
    mount("tmpfs", path, "tmpfs", _NOSUID | _NODEV, options)


def protect(path: str, attributes: int) -> None:
    """Set attributes on a mount and on all below it (Linux 5.12)."""
    asked = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)  # set, clear, propagation, user namespace
    where = (ctypes.c_int(_AT_FDCWD), path.encode(), ctypes.c_uint(_AT_RECURSIVE))
    check(_LIBC.syscall(ctypes.c_long(_MOUNT_SETATTR), *where, asked, ctypes.c_size_t(32)))


def open_tree(path: str) -> int:
    """A mount of a file or folder, not yet attached anywhere."""
    flags = ctypes.c_uint(_CLONE | _CLOEXEC)
    return check(_LIBC.syscall(ctypes.c_long(_OPEN_TREE), ctypes.c_int(_AT_FDCWD), path.encode(), flags))


def move_mount(tree: int, path: str) -> None:
    """Attach what `open_tree` gave."""
    source, target = (ctypes.c_int(tree), b""), (ctypes.c_int(_AT_FDCWD), path.encode())
    check(_LIBC.syscall(ctypes.c_long(_MOVE_MOUNT), *source, *target, ctypes.c_uint(_FROM_FD)))
    os.close(tree)


def check(result: int) -> int:
    """The result of a call of the C library; -1 raises its error."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def write(path: str, text: str) -> None:
    """Write to a file of the kernel's."""
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def die_with_parent() -> None:
    """Have the kernel kill us when the thread that started us ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def fork() -> int:
    """Fork with requests to end held back, until either side has said what it does about them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    return os.fork()


def on_signals(action: Callable[[int], object]) -> None:
    """Do something about requests to end; process 1 would ignore them, were it not for a handler."""
    for number in _ENDS:
        signal.signal(number, lambda number, _: action(number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)


def let_go_of_pipes() -> None:
    """Leave standard input and output to COMMAND, so that closing them is seen at the other end."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)


def kill_children() -> None:
    """Where there is no process namespace: end what COMMAND left behind, which is now ours."""
    while orphans := list(children()):
        for orphan in orphans:
            try:
                os.kill(orphan, signal.SIGKILL)
                os.waitpid(orphan, 0)
            except (ProcessLookupError, ChildProcessError):
                continue


def children() -> Iterator[int]:
    """Process ids of our children."""
    with open("/proc/thread-self/children") as listing:
        yield from (int(word) for word in listing.read().split())


def end_as(status: int) -> NoReturn:
    """Exit, or die of the signal, as a wait status says."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


def fail(message: str, status: int) -> NoReturn:
    """Say what is wrong and exit."""
    os.write(2, f"cage: {message}\n".encode())
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
