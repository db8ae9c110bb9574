"""The JSON format: the document, written out and read back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn, cast

from ci_rlm.errors import ReportError
from ci_rlm.render.document import Document
from ci_rlm.render.options import Options
from ci_rlm.render.text import clipped, printable

_SHOWN = 200
"""Characters of a validator's message: it may quote the whole document."""
_HINT = "`ci-rlm schema report` prints what a report has to look like"


def render(document: Document, options: Options) -> str:
    """Indented JSON in ASCII: the same bytes in every locale, and nothing a terminal would obey."""
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


@cache
def schema() -> dict[str, object]:
    """The published JSON Schema (draft 2020-12) of a report; keys it does not know are let through."""
    text = files("ci_rlm.render").joinpath("report_schema.json").read_text(encoding="utf-8")
    return cast(dict[str, object], json.loads(text))


def parse(text: str) -> Document:
    """A document read back, checked against the schema; its text is still a stranger's.

    Raises ReportError, which names the place, for text that is no JSON, that leaves the schema,
    or that holds numbers or characters which no report can (NaN, 1e999, lone surrogates).
    """
    value = _loaded(text)
    _validate(value)
    return cast(Document, value)


def _loaded(text: str) -> object:
    try:
        value = json.loads(text, parse_float=_finite, parse_int=_whole, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ReportError(f"the report is not JSON: {error.msg} ({place})", hint=_HINT) from error
    except UnicodeEncodeError as error:
        raise ReportError("the report holds a lone surrogate, which is no character", hint=_HINT) from error
    except RecursionError as error:
        raise ReportError("the report is nested too deeply", hint=_HINT) from error
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refuse(digits)


def _whole(digits: str) -> int:
    # float() fails above 1e308, and int() above 4,300 digits.
    return int(digits) if len(digits) <= 300 else _refuse(digits)


def _refuse(number: str) -> NoReturn:
    raise ReportError(f"the report holds {clipped(number, 20)}, which is no finite number", hint=_HINT)


def _validate(value: object) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema()).iter_errors(value))
    if error is not None:
        message = clipped(printable(error.message), _SHOWN)
        raise ReportError(f"not a ci-rlm report: {_place(error.absolute_path)}: {message}", hint=_HINT)


def _place(keys: Iterable[Any]) -> str:
    """Where in the document: `rows[3].outcome`."""
    steps = (f"[{key}]" if isinstance(key, int) else f".{clipped(printable(key), 40)}" for key in keys)
    return "".join(steps).lstrip(".") or "the top level"
