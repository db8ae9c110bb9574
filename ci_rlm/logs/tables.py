"""Lines and tables, one row in memory at a time."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator
from pathlib import Path

from ci_rlm.errors import LogError
from ci_rlm.logs import Bad
from ci_rlm.logs.opening import open_log

MAX_LINE_BYTES = 1_048_576


def lines(path: Path, *, ended: bool = False) -> Iterator[tuple[int, str] | Bad]:
    """(number from 1, text without its end) of each line that is not blank.

    `ended`: what wrote the file ends every line, so that one without an end was cut off.
    What is damaged, or is no text, ends with one Bad; raises LogError if nothing comes before that.
    """
    number = 0
    try:
        with open_log(path) as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                if len(line) > MAX_LINE_BYTES:
                    raise EOFError(f"a line is longer than {MAX_LINE_BYTES} bytes")
                if ended and not line.endswith(b"\n"):
                    raise EOFError("the last line has no end")
                number += 1
                shown = line.decode("utf-8-sig" if number == 1 else "utf-8", "replace").rstrip("\r\n")
                if shown.strip():
                    yield number, shown
    except (OSError, EOFError, zlib.error) as error:
        if not number:
            raise LogError(f"cannot read {path}: it is damaged or no text") from error
        yield Bad(f"after line {number}", "the file is damaged or cut off from here on")


def rows(path: Path, delimiter: str = ",", *, ended: bool = False) -> Iterator[tuple[int, list[str]] | Bad]:
    """(number of its last line, its cells) of each row of a table; else as `lines`."""
    damage: list[Bad] = []
    table = csv.reader(_texts(path, damage, ended), delimiter=delimiter, skipinitialspace=True)
    while True:
        try:
            cells = next(table)
        except StopIteration:
            break
        except csv.Error:
            yield Bad(f"line {table.line_num}", "the line is no row of a table")
            continue
        if cells:
            yield table.line_num, cells
    yield from damage


def _texts(path: Path, damage: list[Bad], ended: bool) -> Iterator[str]:
    """Lines as `csv` wants them: with their ends, the blank ones too, so that it counts as we do."""
    number = 0
    for line in lines(path, ended=ended):
        if isinstance(line, Bad):
            damage.append(line)
            return
        yield from ["\n"] * (line[0] - number - 1)
        number = line[0]
        yield line[1] + "\n"
