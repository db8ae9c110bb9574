"""What a repository is, by the names of its files."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from ci_rlm.cli.layout import Forge, forge_of, host_of, layout_of


def paths(*names: str) -> tuple[PurePosixPath, ...]:
    return tuple(map(PurePosixPath, names))


@pytest.mark.parametrize(
    ("files", "remote", "forge"),
    [
        ((".github/workflows/test.yml",), "", Forge.GITHUB),
        ((".gitlab-ci.yml",), "", Forge.GITLAB),
        ((".circleci/config.yml",), "", Forge.OTHER),
        (("Jenkinsfile",), "https://gitlab.example/a/b", Forge.OTHER),
        (("a.py",), "git@gitlab.example:a/b.git", Forge.GITLAB),
        (("a.py",), "https://github.example/a/b", Forge.GITHUB),
        (("a.py",), "/srv/github/a.git", Forge.NONE),
        (("docs/.github/x",), "", Forge.NONE),
        ((), "", Forge.NONE),
    ],
)
def test_what_ci_files_say_goes_before_the_name_of_the_host(
    files: tuple[str, ...], remote: str, forge: Forge
) -> None:
    assert forge_of(paths(*files), remote) is forge


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://ada:secret@Forge.example:8443/a/b.git", "forge.example"),
        ("ssh://git@forge.example:22/a/b", "forge.example"),
        ("git@forge.example:a/b.git", "forge.example"),
        ("file:///srv/a", ""),
        ("/srv/a", ""),
        ("../a:b", ""),
    ],
)
def test_the_host_of_an_address_is_without_name_and_port(address: str, host: str) -> None:
    assert host_of(address) == host


def test_a_src_layout_is_checked_in_src_alone() -> None:
    found = layout_of(paths("src/shop/__init__.py", "src/shop/a.py", "tests/test_a.py", "setup.py"))
    assert (found.source, found.include, found.exclude) == (True, ("src/**",), ())


def test_tests_inside_the_package_are_left_out() -> None:
    found = layout_of(paths("src/shop/__init__.py", "src/shop/tests/test_a.py", "src/shop/conftest.py"))
    assert found.exclude == ("**/tests/**", "conftest.py")


def test_a_second_package_beside_src_is_checked_too() -> None:
    found = layout_of(paths("src/shop/__init__.py", "tools/__init__.py"))
    assert (found.source, found.include) == (False, ())


def test_a_test_package_beside_src_is_no_second_package() -> None:
    assert layout_of(paths("src/shop/__init__.py", "tests/__init__.py")).source


def test_other_languages_are_counted_the_most_frequent_first() -> None:
    found = layout_of(paths("a.py", "b.rs", "c.js", "d.rs", "README.md"))
    assert (found.judged, found.others) == (1, (("Rust", 2), ("JavaScript", 1)))
