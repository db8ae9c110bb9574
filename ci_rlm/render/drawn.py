"""What rich draws, as text that is the same wherever it is drawn."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def drawn(draw: Callable[[Console], None], *, width: int, color: bool) -> str:
    """Lines at most that wide, none with a blank at its end; without `color` not one escape sequence."""
    from rich.console import Console

    out = io.StringIO()
    # Nothing is read from the environment, and no name is taken for markup or an emoji.
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    draw(console)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())
