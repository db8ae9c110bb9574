"""A unit as the text that the model reads. The gate and training share it, so they never drift.

A function of a pull request is written as the small program that it would be alone: the
imports and constants that it names, the functions that it calls, then itself under the
headers that enclose it. That is also the form of the programs in the training corpus.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from ci_rlm.extract.canonical import canonical
from ci_rlm.flow import Kind, Prompt, Snippet, Space, Unit
from ci_rlm.marks import marked

VERSION = 1
"""Part of every key: raise it when the text of a prompt changes."""

CONTEXT_BUDGET = 3000
"""Characters of canonical text, about 1,400 tokens, that unit and context may fill together.

The unit itself is never cut here; a unit over the model's length is cut by the tokenizer.
"""

MOST_SOURCE = 32 * CONTEXT_BUDGET
"""Characters of a snippet's source; a longer one is left out unread.

A stranger writes it. Of 661 long functions and tables in scipy and its like, the longest that fits the
budget without comments and docstrings has 25,000.
"""

FOCUSED = 2000
"""Characters over which a change's sides say where they differ.

Shorter ones fit a model of 2,048 tokens whole, if they are ASCII: a byte is one token at most.
What is not said does not part the keys of equal texts.
"""

_ORDER = ("import", "constant", "callee")


def space_for(kind: Kind, spaces: Sequence[Space]) -> Space | None:
    """The first space that serves this kind of unit, or None."""
    return next((space for space in spaces if kind in space.kinds and not space.compares), None)


def change_space_for(kind: Kind, spaces: Sequence[Space]) -> Space | None:
    """The first space that compares two versions of this kind of unit, or None."""
    return next((space for space in spaces if kind in space.kinds and space.compares), None)


def prompt_of(unit: Unit, space: Space, *, size: float | None = None) -> Prompt:
    """Write a unit as a prompt of one space.

    `size` is the input size that a space conditioned on it is asked for, in elements; by
    default the space's reference size.
    """
    body, truncated = _body(unit)
    return prompt_from_text(body, space, size=size, truncated=truncated)


def prompts_of(before: Unit, after: Unit, space: Space) -> tuple[Prompt, Prompt]:
    """Both sides of a change. Long ones know where they differ, so that a crop does not lose the edit."""
    sides = prompt_of(before, space), prompt_of(after, space)
    if max(len(side.text) for side in sides) <= FOCUSED:
        return sides
    pairs = enumerate(zip(sides[0].text, sides[1].text, strict=False))
    focus = next((at for at, (a, b) in pairs if a != b), min(len(side.text) for side in sides))
    return _focused(sides[0], focus), _focused(sides[1], focus)


def change_prompt(before: Prompt, after: Prompt, of: Space, space: Space) -> Prompt:
    """Both sides of a change, prompts of the space `of`, as one prompt of a space that compares.

    What both have is there once, and lines are marked as in `marks.marked`; the prefix is one that
    both have.
    """
    text = space.prefix + marked(before.text.removeprefix(of.prefix), after.text.removeprefix(of.prefix))
    digest = hashlib.sha256(f"{VERSION}\0{space.name}\0{before.size}\0".encode())
    digest.update(text.encode("utf-8", "surrogatepass"))
    return Prompt(text, space.name, before.size, digest.hexdigest(), before.truncated or after.truncated)


def _focused(prompt: Prompt, focus: int) -> Prompt:
    key = hashlib.sha256(f"{prompt.key}\0{focus}".encode()).hexdigest()
    return replace(prompt, key=key, focus=focus)


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
        text = _canonical(snippet.source, unit.language) if _may_fit(snippet, budget) else None
        if text is None or len(text) + 1 > budget:
            cut = True
            continue
        kept.append((snippet, text))
        budget -= len(text) + 1
    return kept, cut


def _may_fit(snippet: Snippet, budget: int) -> bool:
    return budget > 0 and len(snippet.source) <= MOST_SOURCE


# Many units name the same constants and callees, on both sides.
@lru_cache(maxsize=1 << 12)
def _canonical(source: str, language: str) -> str:
    return canonical(source, language)
