"""Logs of Python profilers, read and written in small.

Which tool and version made a file is in `logs_data/profilers/README.md`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from ci_rlm import logs
from ci_rlm.logs import Bad, Kind, Measurement, Options

DATA = Path(__file__).parent / "logs_data" / "profilers"
STORE = "/home/dev/shop/shop/store.py"
FORMATS = {
    "pyspy.raw": "collapsed",
    "austin.txt": "collapsed",
    "pyspy.speedscope.json": "speedscope",
    "pyinstrument.speedscope.json": "speedscope",
    "memray.speedscope.json": "speedscope",
    "pyinstrument.json": "pyinstrument",
    "memray.csv": "memray",
    "memray.stats.json": "memray",
    "scalene.json": "scalene",
}


def entries(path: Path, unit: str = "", name: str = "") -> list[Measurement | Bad]:
    return list(logs.reader(name or FORMATS[path.name]).read(path, Options(unit=unit)))


def measured(path: Path, unit: str = "", name: str = "") -> list[Measurement]:
    return [each for each in entries(path, unit, name) if isinstance(each, Measurement)]


def reasons(path: Path, unit: str = "", name: str = "") -> Counter[str]:
    return Counter(each.reason for each in entries(path, unit, name) if isinstance(each, Bad))


def value(path: Path, symbol: str, kind: Kind, unit: str = "", name: str = "") -> float:
    (found,) = [m for m in measured(path, unit, name) if m.place.symbol == symbol and m.kind is kind]
    return found.value


def write(path: Path, content: str | bytes | dict[str, Any]) -> Path:
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def profiled(path: Path, *command: str) -> Path:
    """Statistics of the shop, by a profiler of this interpreter."""
    subprocess.run([sys.executable, "-B", *command], cwd=DATA, check=True, capture_output=True)
    return path


def profile_of_the_shop(folder: Path) -> Path:
    """Statistics of the shop by the cProfile of this interpreter."""
    path = folder / "main.pstats"
    return profiled(path, "-m", "cProfile", "-o", str(path), "main.py", "2000")


CUT_OFF = "the file is damaged or cut off from here on"


def speedscope(path: Path, *profiles: dict[str, Any], exporter: str = "mine", **rest: Any) -> Path:
    frames = [
        {"name": "main", "file": "a.py", "line": 1},
        {"name": "f", "file": "a.py", "line": 5},
        {"name": "g"},
    ]
    schema = "https://www.speedscope.app/file-format-schema.json"
    content = {"$schema": schema, "exporter": exporter, "shared": {"frames": frames}, "profiles": profiles}
    return write(path, {**content, **rest})


SAMPLED = {
    "type": "sampled",
    "name": "a",
    "unit": "milliseconds",
    "samples": [[0, 1, 1], [0, 1], [0]],
    "weights": [1, 2, 4],
}
MOMENTS = [("O", 0, 10), ("O", 1, 20), ("O", 1, 30), ("C", 1, 40), ("C", 1, 60), ("C", 0, 100)]
EVENTED = {
    "type": "evented",
    "name": "b",
    "unit": "nanoseconds",
    "events": [{"type": kind, "frame": frame, "at": moment} for kind, frame, moment in MOMENTS],
}


def frame(name: Any, time: Any, *children: Any, line: Any = 1, **rest: Any) -> dict[str, Any]:
    return {
        "function": name,
        "file_path": "a.py",
        "line_no": line,
        "time": time,
        "children": children,
        **rest,
    }
