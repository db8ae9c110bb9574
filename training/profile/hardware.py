"""The class of machine that a cost was measured on: costs of two classes are never mixed."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def hardware_class() -> str:
    """The processor's name and the number of cores that this process may use."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else []
    model = names[0].strip() if names else platform.processor() or platform.machine()
    return f"{model}, {cores()} cores"


def cores() -> int:
    """Processors that the machine offers, whatever this process is pinned to."""
    return os.cpu_count() or 1
