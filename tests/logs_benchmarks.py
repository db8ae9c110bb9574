"""Logs of benchmark tools to read, and how they were made. Names of machines and users are not theirs.

pytest-benchmark 5.2.3, asv 0.6.6, Google Benchmark 1.7.1, Criterion.rs 0.3.6 and Triton 3.9.0 wrote the
files of their names. No GPU, JVM package or cargo-criterion was at hand for the others: `ncu_*`, `nsys`,
`jmh`, `cargo_criterion` and `torch_kernels` are written to the tools' documentation, the last around
the layout of a trace of the CPU that torch 2.13 wrote.
"""

from __future__ import annotations

from pathlib import Path

from ci_rlm.logs import Bad, Measurement, Options, reader

FOLDER = Path(__file__).parent / "logs_data" / "benchmarks"
ASV = FOLDER / "asv/results/machine/d0737c8f-virtualenv-py3.11.json"
CRITERION = FOLDER / "criterion/merge/new/estimates.json"

SAMPLES = (
    ("pytest_benchmark", FOLDER / "pytest_benchmark.json"),
    ("asv", ASV),
    ("torch_profiler", FOLDER / "torch_kernels.json"),
    ("ncu", FOLDER / "ncu_long.csv"),
    ("ncu", FOLDER / "ncu_wide_german.csv"),
    ("nsys", FOLDER / "nsys.csv"),
    ("triton_perf_report", FOLDER / "add-performance.csv"),
    ("triton_perf_report", FOLDER / "matmul.csv"),
    ("google_benchmark", FOLDER / "google_benchmark.json"),
    ("google_benchmark", FOLDER / "google_benchmark_repeated.json"),
    ("criterion", CRITERION),
    ("criterion", FOLDER / "cargo_criterion.jsonl"),
    ("jmh", FOLDER / "jmh.json"),
    ("plain", FOLDER / "plain.csv"),
    ("plain", FOLDER / "plain.jsonl"),
)
"""(format, file); what a file needs beside it is beside it."""


def everything(name: str, path: Path, options: Options | None = None) -> list[Measurement | Bad]:
    """All that a reader yields."""
    return list(reader(name).read(path, options or Options()))


def measurements(name: str, path: Path, options: Options | None = None) -> list[Measurement]:
    """Of all that a reader yields, the measurements."""
    return [each for each in everything(name, path, options) if isinstance(each, Measurement)]


def reasons(name: str, path: Path, options: Options | None = None) -> list[str]:
    """Why the others are none."""
    return [each.reason for each in everything(name, path, options) if isinstance(each, Bad)]
