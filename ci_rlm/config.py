"""One frozen `Config`, made once: flags over environment over file over default.

The docstring under each field is also its description in `ci-rlm schema config`.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path, PurePosixPath

from ci_rlm.errors import UsageError
from ci_rlm.flow import Limits, Mode
from ci_rlm.globs import matches
from ci_rlm.model import hub
from ci_rlm.quantities import quantity

METRICS = {"cpu_time": "s", "latency": "s", "peak_memory": "B"}
"""The metrics that limits can be set for, each with its base unit."""

DEVICES = "auto|cpu|cuda(:[0-9]+)?"
"""Where a model can run, as a pattern."""

LIMIT_FIELDS = {
    "warn": "Relative increase worth a warning, such as 0.10 or 10%.",
    "fail": "Relative increase that fails an enforced gate, such as 0.25 or 25%.",
    "min_effect": "A change that is more likely than not smaller is not reported, in the metric's unit.",
    "budget": "Absolute cost of the after side that must not be passed.",
    "confidence": "Probability that a failure needs, or to call a cost the same, from 0.5 to below 1.",
    "warn_confidence": "Probability that a warning needs, or to call a cost lower, from 0.5 to below 1; as "
    "much as `confidence` where the checkpoint does not bound its false alarms, or `warn` is under 10%.",
}
"""What a metric's table may hold, and what each means."""

# A space is asked at a reference input size, where most functions need kilobytes and
# microseconds; below these floors lie allocator granularity and timer noise.
_DEFAULT_LIMITS = (
    ("cpu_time", Limits(min_effect=10e-6)),
    ("latency", Limits(min_effect=1e-6)),
    ("peak_memory", Limits(min_effect=1024.0)),
)


@dataclass(frozen=True, slots=True)
class Paths:
    """Which files are looked at."""

    include: tuple[str, ...] = ("**",)
    """Globs of the files to check, as in .gitignore, relative to the root of the repository."""
    exclude: tuple[str, ...] = ()
    """Globs of files to leave out, even when they are included."""


@dataclass(frozen=True, slots=True)
class Override:
    """Other limits for some paths; of several that match, the later one wins."""

    paths: tuple[str, ...]
    """Globs of the files that these limits are for."""
    metrics: tuple[tuple[str, tuple[tuple[str, float], ...]], ...]
    """Limits by metric; what is left out stays as it is elsewhere."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Who can accept a cost, and where."""

    comments: bool = True
    """`# ci-rlm: ignore[METRIC] reason="..."` on a function's definition line accepts."""
    trailers: bool = True
    """`Perf-Accepted: PATH::FUNCTION [METRIC] | REASON` in the message of a commit of the range accepts."""
    label: str = "perf-accepted"
    """The label of a pull request that accepts, with the reason in its description; none if empty."""
    baseline: str | None = None
    """The file that `ci-rlm check --write-baseline` keeps, from the root of the repository. Left out, it is
    `.ci-rlm/baseline.json` where that is there."""


@dataclass(frozen=True, slots=True)
class WholeRun:
    """Limits of a whole run's time, for functions that the profile of `hot_paths` knows."""

    warn: float = 0.01
    """Relative increase of the whole run that is worth a warning."""
    fail: float = 0.03
    """Relative increase of the whole run that fails an enforced gate."""


@dataclass(frozen=True, slots=True)
class Config:
    """All that can be configured."""

    mode: Mode = Mode.ADVISORY
    """`advisory` only reports; with `enforce`, a failing verdict makes the exit code 1."""
    checkpoint: str = "embedded"
    """The model that predicts: `embedded`, the folder of a checkpoint (`./NAME` or longer; in a file,
    relative to it), or `OWNER/NAME` on the Hugging Face hub, at `@REVISION` if one is given."""
    device: str = "auto"
    """Where the model runs: `auto`, `cpu`, `cuda` or `cuda:N`."""
    max_file_size: int = 1 << 20
    """Larger files are skipped; bytes, or a text such as 512 KiB."""
    cache: bool = True
    """Keep the model's answers, so that code seen before needs no model."""
    offline: bool = False
    """Never touch the network, neither to fetch a checkpoint nor to deepen a shallow clone; a flag,
    CI_RLM_OFFLINE or HF_HUB_OFFLINE sets it."""
    cache_dir: Path | None = None
    """Folder of kept answers and fetched checkpoints; only the environment sets it (CI_RLM_CACHE_DIR,
    XDG_CACHE_HOME)."""
    paths: Paths = Paths()
    """Which files are looked at."""
    metrics: tuple[tuple[str, Limits], ...] = _DEFAULT_LIMITS
    """Limits by metric."""
    overrides: tuple[Override, ...] = ()
    """Other limits for some paths; of several that match, the later one wins."""
    scoreboard: str | None = None
    """The file that `ci-rlm verify` keeps, from the root of the repository, for the line in a report
    that says how earlier calls turned out. Left out, it is `.ci-rlm/scoreboard.json` where that is there."""
    history: str | None = None
    """The file that a check adds a line to, from the root of the repository, for `ci-rlm trend`."""

    accept: Accept = Accept()
    """Who can accept a cost, and where."""
    hot_paths: str | None = None
    """The file that `ci-rlm weigh` wrote, from the root of the repository: a function's time then counts by
    its share of the whole run's."""
    whole_run: WholeRun = WholeRun()
    """Limits of a whole run's time, for functions that the profile of `hot_paths` knows."""

    def limits_for(self, path: PurePosixPath, metric: str) -> Limits:
        """The limits of one metric for one file, overrides applied in their order."""
        limits = dict(self.metrics).get(metric, Limits())
        for override in self.overrides:
            if matches(path, override.paths):
                limits = replace(limits, **dict(dict(override.metrics).get(metric, ())))
        return limits


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of settings."""

    where: str
    """What an error calls it: `ci-rlm.toml`, `the environment`."""
    table: Mapping[str, object]
    """As in the file: `{"mode": "enforce", "paths": {"include": ["src/**"]}}`."""
    folder: Path | None = None
    """Where a file lies: a checkpoint that it names by a relative path starts there."""
    from_user: bool = False
    """Flags and environment may set what no repository decides: `offline` and `cache_dir`."""


def build(layers: Iterable[Layer]) -> Config:
    """Settings from the weakest layer to the strongest. Raises UsageError."""
    config = reduce(_apply, layers, Config())
    for override in config.overrides:
        for metric, changes in override.metrics:
            limits = replace(dict(config.metrics)[metric], **dict(changes))
            _consistent(limits, f"overrides for {', '.join(override.paths)}: {metric}")
    return config


def from_file(path: Path) -> Layer:
    """A configuration that the user named. Raises UsageError if it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    table = _parse(data, str(path))
    if path.name == "pyproject.toml":
        table = dict(_tool_table(table, str(path)) or {})
    return Layer(str(path), table, path.absolute().parent)


def from_root(read: Callable[[str], bytes | None], root: Path) -> Layer | None:
    """The configuration at the root of a tree, where `read` gives a file's bytes by name.

    Raises UsageError if it is malformed, or if two files configure.
    """
    own, project = read("ci-rlm.toml"), read("pyproject.toml")
    table = _tool_table(_parse(project, "pyproject.toml"), "pyproject.toml") if project else None
    if own is None:
        return None if table is None else Layer("pyproject.toml", table, root)
    if table is not None:
        hint = "keep one of the two"
        raise UsageError("both ci-rlm.toml and [tool.ci-rlm] in pyproject.toml are there", hint=hint)
    return Layer("ci-rlm.toml", _parse(own, "ci-rlm.toml"), root)


def from_flags(table: Mapping[str, object]) -> Layer:
    """What the command line says, as a table like a file's."""
    return Layer("the command line", table, from_user=True)


def from_environment(environ: Mapping[str, str]) -> Layer:
    """The variables `CI_RLM_*`, one a plain setting, and where the cache lies.

    An empty variable counts as not set: that is how workflows pass on an input left out.
    """
    prefix = "CI_RLM_"
    known = [prefix + name.upper() for name in _VARIABLES]
    table: dict[str, object] = {"cache_dir": _default_cache_dir(environ)}
    if environ.get("HF_HUB_OFFLINE", "").lower() in _TRUE:
        table["offline"] = True
    for variable in sorted(name for name in environ if name.startswith(prefix) and environ[name]):
        if variable not in known:
            raise _unknown("the environment", variable, known)
        name = variable.removeprefix(prefix).lower()
        table[name] = (
            _word(environ[variable], variable) if name in ("cache", "offline") else environ[variable]
        )
    return Layer("the environment", table, from_user=True)


def _default_cache_dir(environ: Mapping[str, str]) -> str:
    xdg = environ.get("XDG_CACHE_HOME", "")
    return str((Path(xdg) if Path(xdg).is_absolute() else Path("~/.cache")) / "ci-rlm")


_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def _word(text: str, variable: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise UsageError(f"the environment: {variable}: expected 1 or 0, not {text!r}")
    return text.lower() in _TRUE


def _parse(data: bytes, where: str) -> dict[str, object]:
    try:
        table = tomllib.loads(data.decode("utf-8"))
        repr(table)  # an integer may have more digits than Python reads, or than it can tell in an error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is not valid TOML: {error}") from error
    return table


def _tool_table(project: Mapping[str, object], where: str) -> Mapping[str, object] | None:
    tool = project.get("tool", {})
    table = tool.get("ci-rlm") if isinstance(tool, Mapping) else None
    return None if table is None else _table(table, f"{where}: tool.ci-rlm")


def _apply(config: Config, layer: Layer) -> Config:
    readers = {**_FILE, **_VARIABLES} if layer.from_user else _FILE
    values: dict[str, object] = {}
    for key, value in layer.table.items():
        if key not in readers:
            raise _unknown(layer.where, key, readers)
        values[key] = readers[key](value, f"{layer.where}: {key}", config)
    checkpoint = str(values.get("checkpoint", "embedded"))
    if layer.folder is not None and checkpoint != "embedded" and hub.parse(checkpoint) is None:
        values["checkpoint"] = str(layer.folder / checkpoint)
    return replace(config, **values)  # type: ignore[arg-type]  # each reader gives its field's type


def _unknown(where: str, key: str, known: Iterable[str]) -> UsageError:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
    return UsageError(f"{where}: unknown key {key!r}", hint=hint)


def _table(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where}: expected a table, not {value!r}")
    return value


def _text(value: object, where: str, _: Config) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{where}: expected a text, not {value!r}")
    return value


def _inside(value: object, where: str, config: Config) -> str:
    """A path that stays in the tree: the file belongs to the repository, as the configuration does."""
    text = _text(value, where, config)
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in text:
        raise UsageError(f"{where}: expected a path inside the repository, not {value!r}")
    return str(path)


def _flag(value: object, where: str, _: Config) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{where}: expected true or false, not {value!r}")
    return value


def _folder(value: object, where: str, config: Config) -> Path:
    return Path(_text(value, where, config)).expanduser()


def _mode(value: object, where: str, _: Config) -> Mode:
    if value not in tuple(Mode):
        raise UsageError(f"{where}: expected {' or '.join(Mode)}, not {value!r}")
    return Mode(str(value))


def _device(value: object, where: str, config: Config) -> str:
    device = _text(value, where, config)
    if re.fullmatch(DEVICES, device) is None:
        raise UsageError(f"{where}: expected auto, cpu, cuda or cuda:N, not {value!r}")
    return device


def _size(value: object, where: str, _: Config) -> int:
    return int(_number(value, "B", where))


def _number(value: object, unit: str, where: str) -> float:
    try:
        return quantity(value, unit)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error


def _globs(value: object, where: str, _: Config | None = None) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(glob, str) and glob for glob in value):
        raise UsageError(f"{where}: expected a list of globs, not {value!r}")
    if not value and not where.endswith("exclude"):
        raise UsageError(f"{where}: an empty list matches no file")
    return tuple(value)


def _paths(value: object, where: str, config: Config) -> Paths:
    given = _read(value, where, config, {"include": _globs, "exclude": _globs})
    return replace(config.paths, **given)  # type: ignore[arg-type]  # each reader gives its field's type


def _read(value: object, where: str, config: Config, readers: Mapping[str, _Reader]) -> dict[str, object]:
    """The entries of a table, each by the reader of its key."""
    table = _table(value, where)
    for key in table:
        if key not in readers:
            raise _unknown(where, key, readers)
    return {key: readers[key](entry, f"{where}.{key}", config) for key, entry in table.items()}


def _accept(value: object, where: str, config: Config) -> Accept:
    readers = {"comments": _flag, "trailers": _flag, "label": _label, "baseline": _inside}
    given = _read(value, where, config, readers)
    return replace(config.accept, **given)  # type: ignore[arg-type]  # each reader gives its field's type


def _label(value: object, where: str, _: Config) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{where}: expected a label's name, or an empty text, not {value!r}")
    return value


def _whole_run(value: object, where: str, config: Config) -> WholeRun:
    given = _read(value, where, config, {"warn": _ratio, "fail": _ratio})
    limits = replace(config.whole_run, **given)  # type: ignore[arg-type]  # each reader gives its field's type
    if not 0 < limits.warn <= limits.fail:
        raise UsageError(f"{where}: expected 0 < warn <= fail, not {limits.warn:g} and {limits.fail:g}")
    return limits


def _ratio(value: object, where: str, _: Config) -> float:
    return _number(value, "", where)


def _metrics(value: object, where: str, config: Config) -> tuple[tuple[str, Limits], ...]:
    limits = dict(config.metrics)
    for metric, changes in _limit_tables(value, where):
        limits[metric] = _consistent(replace(limits[metric], **dict(changes)), f"{where}.{metric}")
    return tuple(sorted(limits.items()))


def _overrides(value: object, where: str, config: Config) -> tuple[Override, ...]:
    if not isinstance(value, list):
        raise UsageError(f"{where}: expected a list of tables, not {value!r}")
    return tuple(_override(entry, f"{where}[{index}]") for index, entry in enumerate(value))


def _override(value: object, where: str) -> Override:
    table = _table(value, where)
    for key in table:
        if key not in ("paths", "metrics"):
            raise _unknown(where, key, ("paths", "metrics"))
    paths = _globs(table.get("paths"), f"{where}.paths")
    return Override(paths, tuple(_limit_tables(table.get("metrics", {}), f"{where}.metrics")))


def _limit_tables(value: object, where: str) -> Iterable[tuple[str, tuple[tuple[str, float], ...]]]:
    for metric, table in _table(value, where).items():
        if metric not in METRICS:
            raise _unknown(where, metric, METRICS)
        entries = _table(table, f"{where}.{metric}").items()
        yield metric, tuple((key, _limit(metric, key, entry, where)) for key, entry in entries)


def _limit(metric: str, key: str, value: object, where: str) -> float:
    if key not in LIMIT_FIELDS:
        raise _unknown(f"{where}.{metric}", key, LIMIT_FIELDS)
    unit = METRICS[metric] if key in ("min_effect", "budget") else ""
    number = _number(value, unit, f"{where}.{metric}.{key}")
    if key in ("confidence", "warn_confidence") and not 0.5 <= number < 1:
        raise UsageError(f"{where}.{metric}.{key}: expected 0.5 to below 1, not {value!r}")
    return number


def _consistent(limits: Limits, where: str) -> Limits:
    if limits.warn > limits.fail:
        raise UsageError(f"{where}: warn ({limits.warn:g}) is above fail ({limits.fail:g})")
    return limits


_Reader = Callable[[object, str, Config], object]

_VARIABLES: dict[str, _Reader] = {
    "mode": _mode,
    "checkpoint": _text,
    "device": _device,
    "max_file_size": _size,
    "cache": _flag,
    "scoreboard": _inside,
    "history": _inside,
    "offline": _flag,
    "cache_dir": _folder,
}
_FILE: dict[str, _Reader] = {
    **{key: reader for key, reader in _VARIABLES.items() if key not in ("cache_dir", "offline")},
    "paths": _paths,
    "metrics": _metrics,
    "overrides": _overrides,
    "accept": _accept,
    "hot_paths": _inside,
    "whole_run": _whole_run,
}
