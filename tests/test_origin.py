"""Whose ci-rlm is installed, by what an installer leaves beside it."""

from __future__ import annotations

import pytest

from ci_rlm.cli.origin import Origin, origin_of, without_password
from tests.conftest import Checkout

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_an_installation_from_a_repository_names_it_and_its_commit() -> None:
    told = {"url": "https://forge.example/acme/ci-rlm.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
    found = origin_of(told)
    assert found == Origin("https://forge.example/acme/ci-rlm.git", COMMIT)
    assert found.known
    assert found.repository == "acme/ci-rlm"


def test_an_installation_from_a_checkout_names_its_remote_and_head(repo: Checkout) -> None:
    commit = repo.commit()
    repo.git("remote", "add", "origin", "https://ada:secret@forge.example/acme/ci-rlm")
    told = {"url": repo.root.as_uri(), "dir_info": {"editable": True}}
    assert origin_of(told) == Origin("https://forge.example/acme/ci-rlm", commit)


def test_a_folder_inside_another_repository_is_no_checkout(repo: Checkout) -> None:
    repo.write("vendor/ci-rlm/a.py", "")
    repo.commit()
    assert origin_of({"url": (repo.root / "vendor" / "ci-rlm").as_uri(), "dir_info": {}}) == Origin("", "")


@pytest.mark.parametrize("told", [{}, [], {"url": 7}, {"url": "https://files.example/ci_rlm.whl"}])
def test_an_installation_from_elsewhere_is_not_known(told: object) -> None:
    assert origin_of(told) == Origin("", "")


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://token@forge.example/a/b", "https://forge.example/a/b"),
        ("https://forge.example:8443/a/b", "https://forge.example:8443/a/b"),
        ("git@forge.example:a/b.git", "git@forge.example:a/b.git"),
        ("ssh://git@forge.example/a/b", "ssh://git@forge.example/a/b"),
        ("ssh://git:secret@forge.example/a/b", ""),
        ("/home/ada/ci-rlm", ""),
        ("file:///home/ada/ci-rlm", ""),
        ("", ""),
    ],
)
def test_no_password_and_no_path_of_this_machine_gets_into_a_file(address: str, safe: str) -> None:
    assert without_password(address) == safe


@pytest.mark.parametrize(
    "address", ["https://forge.example/acme/ci-rlm.git", "git@forge.example:acme/ci-rlm/"]
)
def test_owner_and_name_are_the_end_of_an_address(address: str) -> None:
    assert Origin(address, COMMIT).repository == "acme/ci-rlm"


@pytest.mark.parametrize(("address", "commit"), [("", COMMIT), ("https://forge.example/a/b", "")])
def test_half_of_it_is_not_enough(address: str, commit: str) -> None:
    assert not Origin(address, commit).known
