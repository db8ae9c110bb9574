"""Spread tasks over processes, or over a Ray cluster, and keep what comes back.

A task that is finished is kept at once and never measured again; one that raises or takes its
worker down becomes a row with the reason, and the run goes on.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from ci_rlm.errors import UsageError
from ci_rlm.training.profile import rows
from ci_rlm.training.profile.hardware import hardware_class
from ci_rlm.training.profile.rows import Origin, Row, Store, Subject

_PR_SET_PDEATHSIG = 1
_NOTE_S = 60.0
"""Without a terminal, a line this often."""


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work that is measured as a whole."""

    key: str
    """Unique in its folder."""
    work: Any
    """Pickled to the worker."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did."""

    tasks: int
    known: int
    """Tasks that the folder held already."""
    rows: int
    seconds: float


Measure = Callable[[Any], list[Row]]
Outcome = tuple[Task, list[Row] | str]
"""A task with its rows, or with the reason why there are none."""
Engine = Callable[[Sequence[Task], Measure, int], Generator[Outcome, None, None]]


def run(
    tasks: Sequence[Task],
    measure: Measure,
    store: Store,
    *,
    engine: str = "local",
    workers: int = 0,
    label: str = "programs",
) -> Summary:
    """Measure every task that the store does not hold; a count of workers of 0 means one a core.

    `measure` is a function of a module: a worker finds it by name.
    """
    waiting = [task for task in tasks if task.key not in store.done]
    began = time.monotonic()
    with contextlib.closing(ENGINES[engine](waiting, measure, workers)) as outcomes:
        for task, outcome in _shown(outcomes, len(waiting), store, label):
            store.add(task.key, _broken(task, outcome, label) if isinstance(outcome, str) else outcome)
    return Summary(len(tasks), len(tasks) - len(waiting), store.rows, time.monotonic() - began)


def _broken(task: Task, reason: str, label: str) -> list[Row]:
    subject = Subject(label, task.key, task.key, "", "")
    return rows.failed(subject, 0, reason, Origin("", hardware_class(), ""))


def _shown(outcomes: Iterator[Outcome], total: int, store: Store, label: str) -> Iterator[Outcome]:
    """The outcomes, with a progress bar on a terminal and a line a minute elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(label), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
    )  # fmt: skip
    began = noted = time.monotonic()
    from rich.console import Console

    quiet = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        bar = progress.add_task(label, total=total, rate="")
        for count, outcome in enumerate(outcomes, 1):
            yield outcome
            now = time.monotonic()
            rate = count / max(now - began, 1e-9)
            progress.update(bar, completed=count, rate=f"{rate:.1f}/s, {store.rows:,} rows")
            if quiet and (now - noted > _NOTE_S or count == total):
                noted = now
                left = (total - count) / rate / 60
                print(
                    f"{label}: {count}/{total}, {store.rows:,} rows, {rate:.2f}/s, {left:.0f} min left",
                    file=sys.stderr, flush=True,
                )  # fmt: skip


def _local(tasks: Sequence[Task], measure: Measure, workers: int) -> Generator[Outcome, None, None]:
    """A pool of processes. A task that takes its worker down is told from its neighbours alone."""
    suspects: list[Task] = []
    rest = list(tasks)
    while rest or suspects:
        alone = bool(suspects)
        batch, width = ([suspects.pop()], 1) if alone else (rest, workers or os.cpu_count() or 1)
        finished: set[str] = set()
        flying: dict[Future[list[Row]], Task] = {}
        try:
            for outcome in _pool(batch, measure, width, flying):
                finished.add(outcome[0].key)
                yield outcome
        except BrokenProcessPool:
            if alone:
                finished.add(batch[0].key)
                yield batch[0], "the worker died"
            else:
                suspects = [task for task in flying.values() if task.key not in finished]
        if not alone:
            again = {task.key for task in suspects}
            rest = [task for task in rest if task.key not in finished and task.key not in again]


def _pool(
    tasks: Sequence[Task], measure: Measure, workers: int, flying: dict[Future[list[Row]], Task]
) -> Iterator[Outcome]:
    # Spawned, not forked: the parent has threads (Parquet, the progress bar).
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_belong_to_parent)
    ahead = iter(tasks)
    try:
        while True:
            # Few in flight, so that an interrupt throws little work away.
            while len(flying) < 2 * workers and (task := next(ahead, None)) is not None:
                flying[pool.submit(measure, task.work)] = task
            if not flying:
                return
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                problem = future.exception()
                if isinstance(problem, BrokenProcessPool):
                    raise problem
                task = flying.pop(future)
                yield task, future.result() if problem is None else _told(problem)
    finally:
        _stop(pool)


def _told(problem: BaseException) -> str:
    return f"harness: {type(problem).__name__}: {problem}"


def _belong_to_parent() -> None:
    """The parent alone answers ^C, and when it is gone, so is a worker with all that it runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _stop(pool: ProcessPoolExecutor) -> None:
    workers = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join()


def _ray(tasks: Sequence[Task], measure: Measure, workers: int) -> Generator[Outcome, None, None]:
    """Ray tasks of one processor each, on the cluster of RAY_ADDRESS or on this machine.

    The nodes need ci-rlm installed, and the measured tools.
    """
    try:
        import ray
    except ImportError as error:
        raise UsageError("--engine ray needs Ray", hint='pip install "ci-rlm[ray]"') from error
    ours = not ray.is_initialized()
    if ours:
        width = None if os.environ.get("RAY_ADDRESS") else workers or os.cpu_count() or 1
        ray.init(num_cpus=width, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    remote = ray.remote(num_cpus=1, max_retries=1)(measure)
    most = 2 * (workers or int(ray.cluster_resources().get("CPU", 1)))
    flying: dict[Any, Task] = {}
    ahead = iter(tasks)
    try:
        while True:
            while len(flying) < most and (task := next(ahead, None)) is not None:
                flying[remote.remote(task.work)] = task
            if not flying:
                return
            (ready, *_), _ = ray.wait(list(flying), num_returns=1)
            task = flying.pop(ready)
            try:
                outcome: list[Row] | str = ray.get(ready)
            except ray.exceptions.RayTaskError as problem:
                outcome = _told(problem.cause or problem)
            except ray.exceptions.RayError:
                outcome = "the worker died"
            yield task, outcome
    finally:
        for reference in flying:
            ray.cancel(reference, force=True)
        if ours:
            ray.shutdown()


ENGINES: dict[str, Engine] = {"local": _local, "ray": _ray}
