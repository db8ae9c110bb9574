"""Path globs as `.gitignore` reads them, for `paths.include`, `paths.exclude` and overrides.

`*`, `?` and `[a-z]` stay inside one path component, `**/` stands for any number of components
(none as well), and a trailing `/**` for everything beneath. A glob without a slash matches
at any depth, and a glob that names a folder matches all that it holds; a backslash
makes the next sign plain. Source: the section PATTERN FORMAT of gitignore(5); negation with
`!` is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

_TOKEN = re.compile(r"/\*\*/|^\*\*/|/\*\*$|\*+|\?|\[[!^]?\]?[^\]/]*\]|\\.|[^*?\[/\\]+|.", re.DOTALL)
_REPEATED = re.compile(r"(?:\*\*/)+")
_FIRST, _BETWEEN = "**/", "/**/"
_ANY_DEPTH = r"(?:[^/]+/)*"


def matches(path: PurePosixPath, globs: Iterable[str]) -> bool:
    """Whether any of the globs matches a path relative to the root of the repository."""
    text = str(path)
    return any(_compiled(glob).fullmatch(text) is not None for glob in globs)


@lru_cache(maxsize=1024)
def _compiled(glob: str) -> re.Pattern[str]:
    anchored = "/" in glob.rstrip("/")
    body = _REPEATED.sub("**/", glob.strip("/"))
    inner = _joined(_TOKEN.findall(body))
    beneath = "/.+" if glob.endswith("/") else "(?:/.+)?"
    return re.compile(f"{'' if anchored else _ANY_DEPTH}{inner}{beneath}", re.DOTALL)


def _joined(tokens: Sequence[str]) -> str:
    """The tokens as one expression.

    What stands between two `**/` has one number of components, so where it is found first is as good as
    any later place: an atomic group forgets the others, which many `**/` would try one by one.
    """
    found: list[str] = []
    deep = False
    part: list[str] = []
    for token in tokens:
        if token not in (_FIRST, _BETWEEN):
            part.append(token)
            continue
        if token == _BETWEEN:
            found.append(f"(?>{_ANY_DEPTH}?{_plain(part)}/)" if deep else f"{_plain(part)}/")
        deep, part = True, []
    return "".join(found) + (_ANY_DEPTH if deep else "") + _plain(part)


def _plain(tokens: Sequence[str]) -> str:
    """Tokens without `**/` as one expression, what stands between two stars of a component likewise."""
    found: list[str] = []
    star = False
    part: list[str] = []
    for token in tokens:
        if _is_star(token):
            found.append(f"(?>[^/]*?{''.join(part)})" if star else "".join(part))
            star, part = True, []
        elif "/" in token:
            found.append(f"[^/]*{''.join(part)}" if star else "".join(part))
            found.append(_expression(token))
            star, part = False, []
        else:
            part.append(_expression(token))
    return "".join(found) + ("[^/]*" if star else "") + "".join(part)


def _is_star(token: str) -> bool:
    return token.startswith("*") and "/" not in token


def _expression(token: str) -> str:
    fixed = {"/**": "/.+", "?": "[^/]"}
    if token in fixed:
        return fixed[token]
    if token.startswith("[") and len(token) > 2:
        return _character_class(token)
    return re.escape(token[1:] if token.startswith("\\") and len(token) == 2 else token)


def _character_class(token: str) -> str:
    negated = token[1] in "!^"
    members = re.sub(r"([\\\[\]^&~|])", r"\\\1", token[2 if negated else 1 : -1])
    expression = f"(?!/)[{'^' if negated else ''}{members}]"
    try:
        re.compile(expression)
    except re.error:  # a range that runs backwards, as in [z-a]: it matches nothing
        return "(?!)"
    return expression
