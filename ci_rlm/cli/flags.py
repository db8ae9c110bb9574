"""Flags that several commands share, each group handed on as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import reduce, wraps
from pathlib import Path
from typing import Any, TypeVar

import click

Command = Callable[..., int]
Group = TypeVar("Group")


def grouped(
    name: str, into: type[Group], *options: Callable[[Command], Command]
) -> Callable[[Command], Command]:
    """Options whose values reach the command as one argument, a dataclass with a field an option."""
    names = [field.name for field in fields(into)]  # type: ignore[arg-type]  # any dataclass

    def decorate(command: Command) -> Command:
        @wraps(command)
        def call(**values: Any) -> int:
            group = into(**{key: values.pop(key) for key in names})
            return command(**{name: group}, **values)

        bare: Command = call
        return reduce(lambda decorated, option: option(decorated), reversed(options), bare)

    return decorate


@dataclass(frozen=True, slots=True)
class ModelFlags:
    """Which model answers, and how."""

    config_file: Path | None
    checkpoint: str | None
    device: str | None
    cache: bool | None
    offline: bool

    @property
    def table(self) -> Mapping[str, object]:
        """What was given, by the names of the configuration."""
        given = {
            "checkpoint": self.checkpoint,
            "device": self.device,
            "cache": self.cache,
            "offline": self.offline or None,
        }
        return {key: value for key, value in given.items() if value is not None}


model_flags = grouped(
    "model",
    ModelFlags,
    click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        help="Read this file in place of the repository's ci-rlm.toml or pyproject.toml.",
    ),
    click.option(
        "--checkpoint",
        metavar="NAME",
        help="The model: 'embedded', a checkpoint's folder (./NAME), or OWNER/NAME[@REVISION] on the hub.",
    ),
    click.option("--device", metavar="NAME", help="Where the model runs: auto, cpu, cuda or cuda:N."),
    click.option(
        "--cache/--no-cache", default=None, help="Keep and reuse the model's answers (the default)."
    ),
    click.option(
        "--offline", is_flag=True, help="Never touch the network: fetch no checkpoint and no commits."
    ),
)


@dataclass(frozen=True, slots=True)
class GateFlags:
    """What is judged, and how strictly."""

    mode: str | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]

    @property
    def table(self) -> Mapping[str, object]:
        """What was given, by the names of the configuration."""
        paths = {"include": self.include, "exclude": self.exclude}
        given = {
            "mode": self.mode,
            "paths": {key: globs for key, globs in paths.items() if globs} or None,
        }
        return {key: value for key, value in given.items() if value is not None}


gate_flags = grouped(
    "gate",
    GateFlags,
    click.option(
        "--mode", metavar="MODE", help="advisory: only report. enforce: exit 1 when the gate fails."
    ),
    click.option("--include", multiple=True, metavar="GLOB", help="Check these files only; repeatable."),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these files out; repeatable."),
)

time_flag = click.option(
    "--time",
    type=click.Choice(("cpu_time", "wall_time")),
    default="cpu_time",
    show_default=True,
    help="Of ingested logs, what stands for CPU time: wall time where code neither waits nor uses threads.",
)
