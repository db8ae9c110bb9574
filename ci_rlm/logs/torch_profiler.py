"""torch.profiler: the Chrome trace of `export_chrome_trace`, plain or gzip.

Only kernels on the device are measurements: they alone have a function with a source to find.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ci_rlm.logs import Bad, Measurement, Options
from ci_rlm.logs.entries import Entry, entries, facts
from ci_rlm.logs.kernels import Launches
from ci_rlm.logs.values import at, seconds, shown, text

Params = tuple[tuple[str, str], ...]


def sniff(head: bytes, path: Path) -> bool:
    """A Chrome trace; kineto, which writes torch's, tells of devices and of its schema."""
    mine = b'"deviceProperties"' in head or b'"schemaVersion"' in head
    return head.lstrip().startswith(b"{") and mine and b'"traceEvents"' in head


def read(path: Path, options: Options) -> Iterator[Measurement | Bad]:
    """One measurement a kernel, grid and block: the median of its launches, the first left out."""
    devices = facts(path, "deviceProperties").get("deviceProperties")
    device = text(at(devices[0], "name")) if isinstance(devices, list) and devices else ""
    launches = Launches("torch_profiler", device)
    kernels = 0
    for entry in entries(path, "traceEvents"):
        if isinstance(entry, Bad):
            yield entry
        elif text(at(entry.value, "cat")).lower() == "kernel":
            kernels += 1
            try:
                launches.add(*_launch(entry))
            except ValueError as error:
                yield Bad(entry.where, str(error))
    yield from launches.measurements()
    if not kernels:
        yield Bad("the whole file", "the trace has no kernels of a device")


def _launch(entry: Entry) -> tuple[str, float, Params]:
    args = at(entry.value, "args")
    params = tuple((key, shown(at(args, key))) for key in ("grid", "block") if at(args, key) is not None)
    return text(at(entry.value, "name")), seconds(at(entry.value, "dur"), "us"), params
