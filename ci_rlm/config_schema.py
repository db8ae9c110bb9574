"""The JSON Schema of the configuration, made from what reads it, so that the two cannot drift."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache

from ci_rlm.config import DEVICES, LIMIT_FIELDS, METRICS, Accept, Config, Override, Paths, WholeRun
from ci_rlm.flow import Mode
from ci_rlm.quantities import SCALES

Schema = dict[str, object]


def config_schema() -> Schema:
    """What `[tool.ci-rlm]` and `ci-rlm.toml` may hold (draft 2020-12)."""
    told = field_docs(Config)
    default = Config()
    properties: dict[str, Schema] = {
        "mode": {"enum": [str(mode) for mode in Mode], "default": str(default.mode)},
        "checkpoint": {"type": "string", "minLength": 1, "default": default.checkpoint},
        "device": {"type": "string", "pattern": f"^({DEVICES})$", "default": default.device},
        "max_file_size": {**_quantity("B"), "default": default.max_file_size},
        "cache": {"type": "boolean", "default": default.cache},
        "paths": _paths(),
        "metrics": _metrics(with_defaults=True),
        "overrides": _overrides(),
        "scoreboard": {"type": "string", "minLength": 1},
        "history": {"type": "string", "minLength": 1},
        "accept": _accept(),
        "hot_paths": {"type": "string", "minLength": 1},
        "whole_run": _whole_run(),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of ci-rlm",
        **_closed({key: {"description": told[key], **schema} for key, schema in properties.items()}),
    }


@cache
def field_docs(of: type) -> dict[str, str]:
    """The docstring under each field of a class."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(of))).body
    assert isinstance(definition, ast.ClassDef)
    docs: dict[str, str] = {}
    for field, doc in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(doc, ast.Expr)
            and isinstance(doc.value, ast.Constant)
        ):
            docs[field.target.id] = inspect.cleandoc(str(doc.value.value))
    return docs


def _closed(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _globs(description: str, *, least: int) -> Schema:
    items = {"type": "string", "minLength": 1}
    return {"description": description, "type": "array", "items": items, "minItems": least}


def _paths() -> Schema:
    told, default = field_docs(Paths), Paths()
    include = {**_globs(told["include"], least=1), "default": list(default.include)}
    exclude = {**_globs(told["exclude"], least=0), "default": list(default.exclude)}
    return _closed({"include": include, "exclude": exclude})


def _accept() -> Schema:
    told, default = field_docs(Accept), Accept()
    switch: Schema = {"type": "boolean"}
    return _closed(
        {
            "comments": {"description": told["comments"], **switch, "default": default.comments},
            "trailers": {"description": told["trailers"], **switch, "default": default.trailers},
            "label": {"description": told["label"], "type": "string", "default": default.label},
            "baseline": {"description": told["baseline"], "type": "string", "minLength": 1},
        }
    )


def _whole_run() -> Schema:
    told, default = field_docs(WholeRun), WholeRun()
    return _closed(
        {
            name: {"description": told[name], **_quantity(""), "default": getattr(default, name)}
            for name in ("warn", "fail")
        }
    )


def _overrides() -> Schema:
    told = field_docs(Override)
    metrics = {"description": told["metrics"], **_metrics(with_defaults=False)}
    entry = _closed({"paths": _globs(told["paths"], least=1), "metrics": metrics})
    return {"type": "array", "items": {**entry, "required": ["paths"]}}


def _metrics(*, with_defaults: bool) -> Schema:
    return _closed({metric: _limits(metric, with_defaults=with_defaults) for metric in METRICS})


def _limits(metric: str, *, with_defaults: bool) -> Schema:
    limits = dict(Config().metrics)[metric]
    properties: dict[str, Schema] = {}
    for field, description in LIMIT_FIELDS.items():
        unit = METRICS[metric] if field in ("min_effect", "budget") else ""
        default = getattr(limits, field)
        shown = {"default": default} if with_defaults and default is not None else {}
        properties[field] = {"description": description, **_quantity(unit), **shown}
    return _closed(properties)


def _quantity(unit: str) -> Schema:
    suffixes = "|".join(SCALES[unit])
    written = rf"^\s*[0-9]+(\.[0-9]+)?\s*({suffixes})?\s*$"
    return {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": written}]}
