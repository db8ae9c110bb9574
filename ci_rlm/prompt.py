"""A unit as the text that the model reads. The gate and training share it, so they never drift.

A function of a pull request is written as the small program that it would be alone: the
imports and constants that it names, the functions that it calls, then itself under the
headers that enclose it. That is also the form of the programs in the training corpus.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ci_rlm.extract.canonical import canonical
from ci_rlm.flow import Kind, Prompt, Snippet, Space, Unit

VERSION = 1
"""Part of every key: raise it when the text of a prompt changes."""

CONTEXT_BUDGET = 3000
"""Characters of canonical text, about 1,000 tokens, that unit and context may fill together.

The unit itself is never cut here; a unit over the model's length is cut by the tokenizer.
"""

_ORDER = ("import", "constant", "callee")


def space_for(kind: Kind, spaces: Sequence[Space]) -> Space | None:
    """The first space that serves this kind of unit, or None."""
    return next((space for space in spaces if kind in space.kinds), None)


def prompt_of(unit: Unit, space: Space, *, size: float | None = None) -> Prompt:
    """Write a unit as a prompt of one space.

    `size` is the input size that a space conditioned on it is asked for, in elements; by
    default the space's reference size.
    """
    body, truncated = _body(unit)
    return prompt_from_text(body, space, size=size, truncated=truncated)


def prompt_from_text(
    canonical_text: str, space: Space, *, size: float | None = None, truncated: bool = False
) -> Prompt:
    """A prompt from text that is canonical already."""
    asked = size if size is not None and space.size is not None else space.size
    text = space.prefix + canonical_text
    digest = hashlib.sha256(f"{VERSION}\0{space.name}\0{asked}\0".encode())
    digest.update(text.encode("utf-8", "surrogatepass"))
    return Prompt(text, space.name, asked, digest.hexdigest(), truncated)


def _body(unit: Unit) -> tuple[str, bool]:
    headers = [snippet for snippet in unit.context if snippet.role == "header"]
    own = _under(headers, canonical(unit.source, unit.language))
    kept, cut = _within_budget(unit, CONTEXT_BUDGET - len(own))
    parts = [text for role in _ORDER for snippet, text in kept if snippet.role == role]
    return "\n".join([*parts, own]), cut


def _under(headers: Sequence[Snippet], text: str) -> str:
    """A definition below the class or def lines that enclose it, outermost first."""
    lines = [" " * depth + header.source.strip() for depth, header in enumerate(headers)]
    indent = " " * len(headers)
    return "\n".join([*lines, *(indent + line for line in text.split("\n"))])


def _within_budget(unit: Unit, budget: int) -> tuple[list[tuple[Snippet, str]], bool]:
    kept: list[tuple[Snippet, str]] = []
    cut = False
    for snippet in unit.context:
        if snippet.role == "header":
            continue
        text = canonical(snippet.source, unit.language)
        if len(text) + 1 > budget:
            cut = True
            continue
        kept.append((snippet, text))
        budget -= len(text) + 1
    return kept, cut
