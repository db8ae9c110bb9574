from __future__ import annotations

from pathlib import PurePosixPath

from ci_rlm.git.scope import FileLimits


def test_an_excluded_path_is_left_out_though_included() -> None:
    limits = FileLimits(include=("src/**",), exclude=("**/tests/**",))

    taken = [name for name in ("src/a.py", "src/tests/b.py", "c.py") if limits.accepts(PurePosixPath(name))]

    assert taken == ["src/a.py"]


def test_without_globs_the_language_alone_decides() -> None:
    limits = FileLimits(wanted=lambda path: path.suffix == ".py")

    assert limits.accepts(PurePosixPath("a.py"))
    assert not limits.accepts(PurePosixPath("a.png"))
