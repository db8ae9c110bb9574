"""Checkpoints from a hub: a local server plays it, and each run is a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ci_rlm.model import hub
from ci_rlm.model.hub import HubId
from tests.conftest import Checkout
from tests.released_layout import IEEE, write

FIRST, SECOND = "1" * 40, "2" * 40


class Hub(ThreadingHTTPServer):
    """The endpoints of the hub that a download asks, for one repository."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.commits = {FIRST: files}
        self.branches = {"main": FIRST}
        self.listed: dict[str, bytes] = {}
        """Contents that the listing describes in place of what is served."""
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:4] == ["api", "models", "acme", "rlm"]:
            return self.listing(parts[5] if parts[4:5] == ["revision"] else "main")
        if parts[:3] == ["acme", "rlm", "resolve"]:
            return self.file(parts[3], "/".join(parts[4:]))
        return self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET  # noqa: N815

    def listing(self, revision: str) -> None:
        commit = self.server.branches.get(revision, revision)
        if commit not in self.server.commits:
            return self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        siblings = [
            sibling(name, self.server.listed.get(name, content))
            for name, content in self.server.commits[commit].items()
        ]
        record = {"id": "acme/rlm", "modelId": "acme/rlm", "sha": commit, "siblings": siblings, "tags": []}
        return self.answer(200, json.dumps(record).encode(), {"Content-Type": "application/json"})

    def file(self, commit: str, name: str) -> None:
        content = self.server.commits.get(commit, {}).get(name)
        if content is None:
            return self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        etag = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": commit}
        return self.answer(200, content, {**etag, "Accept-Ranges": "bytes"})

    def answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def sibling(name: str, content: bytes) -> dict[str, Any]:
    """As the hub lists a file: large ones by their sha256, others by their git hash."""
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    entry: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": blob}
    if name.endswith(".safetensors"):
        digest = hashlib.sha256(content).hexdigest()
        entry["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
    return entry


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("hub") / "model"
    write(folder, IEEE)
    found = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    return {**found, "modeling_regresslm.py": b"raise SystemExit\n", "pytorch_model.bin": b"pickle"}


@pytest.fixture
def server(files: dict[str, bytes]) -> Iterator[Hub]:
    with Hub(dict(files)) as hub_server:
        threading.Thread(target=hub_server.serve_forever, daemon=True).start()
        yield hub_server
        hub_server.shutdown()


class Machine:
    """Runs `locate` as a process, with a cache of its own."""

    def __init__(self, server: Hub, cache: Path) -> None:
        self.cache = cache
        self.server = server

    def locate(self, name: str = "acme/rlm", *, offline: bool = False, url: str | None = None) -> Path:
        program = (
            "import sys; from pathlib import Path; from ci_rlm.model import checkpoint\n"
            "from ci_rlm.errors import CheckpointError\n"
            "_, name, cache, offline = sys.argv\n"
            "try: print(checkpoint.locate(name, cache_dir=Path(cache), offline=offline == '1'))\n"
            "except CheckpointError as error: sys.exit(f'{error.message} // {error.hint}')\n"
        )
        arguments = [name, str(self.cache), str(int(offline))]
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env=self.environment(url),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return Path(done.stdout.strip())

    def environment(self, url: str | None = None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        home = str(self.cache / "hf")
        return {**kept, "HF_ENDPOINT": url or self.server.url, "HF_HOME": home, "HF_HUB_DISABLE_XET": "1"}


@pytest.fixture
def machine(server: Hub, tmp_path: Path) -> Machine:
    return Machine(server, tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("acme/rlm", HubId("acme/rlm", "main")),
        ("acme/RLM-Gemma_S.v0@v1.0", HubId("acme/RLM-Gemma_S.v0", "v1.0")),
        (f"acme/rlm@{FIRST}", HubId("acme/rlm", FIRST)),
        *((name, None) for name in ("embedded", "./acme/rlm", "../rlm", "/acme/rlm", "a/b/c", "acme/rlm@")),
        *((name, None) for name in ("acme/..", "a/b\n", "https://a/b", "acme\\rlm", "acme/rlm@../x", "")),
    ],
)
def test_a_hub_id_has_one_slash_and_starts_like_a_name(name: str, expected: HubId | None) -> None:
    assert hub.parse(name) == expected


def test_what_is_fetched_is_data_and_nothing_that_runs(machine: Machine, files: dict[str, bytes]) -> None:
    folder = machine.locate()

    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    expected = files.keys() - {"modeling_regresslm.py", "pytorch_model.bin"}
    assert found.keys() == expected | {"manifest.json"}
    assert all(found[name].read_bytes() == files[name] for name in expected)
    # Nothing else is asked for, and nobody else is told.
    assert all("/acme/rlm/" in path for path in machine.server.asked)
    assert not any("modeling" in path or "pytorch" in path for path in machine.server.asked)


def test_a_fetched_commit_needs_no_network(machine: Machine) -> None:
    folder = machine.locate(f"acme/rlm@{FIRST}")
    machine.server.asked.clear()
    assert machine.locate(f"acme/rlm@{FIRST}") == folder
    assert machine.server.asked == []


def test_a_branch_is_asked_for_and_follows_its_commits(machine: Machine, files: dict[str, bytes]) -> None:
    first = machine.locate()
    asked = len(machine.server.asked)
    assert machine.locate() == first
    assert len(machine.server.asked) == asked + 1
    machine.server.commits[SECOND] = {**files, "README.md": b"# newer\n"}
    machine.server.branches["main"] = SECOND
    second = machine.locate()
    assert (first.name, second.name) == (FIRST, SECOND)
    assert (second / "README.md").read_bytes() == b"# newer\n"


def test_offline_the_branch_is_what_it_last_was(machine: Machine) -> None:
    first = machine.locate()
    machine.server.branches["main"] = SECOND
    machine.server.asked.clear()
    assert machine.locate(offline=True) == first
    assert machine.server.asked == []


def test_offline_what_is_not_kept_is_said_to_be_missing(machine: Machine) -> None:
    with pytest.raises(RuntimeError, match=r"offline, and acme/rlm@main is not kept in .*without --offline"):
        machine.locate(offline=True)
    assert machine.server.asked == []


def test_a_kept_file_that_changed_is_an_error(machine: Machine) -> None:
    weights = machine.locate() / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    for offline in (False, True):
        with pytest.raises(RuntimeError, match="has changed since it was fetched // delete"):
            machine.locate(offline=offline)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_what_arrives_is_held_against_the_listing(machine: Machine, name: str) -> None:
    machine.server.listed[name] = b"what the authors put there"
    with pytest.raises(RuntimeError, match=f"{name} is not what the hub lists"):
        machine.locate()
    with pytest.raises(RuntimeError, match="is not kept"):
        machine.locate(offline=True)


def test_an_unreachable_hub_is_an_error_with_a_next_step(machine: Machine) -> None:
    with pytest.raises(RuntimeError, match=r"cannot fetch acme/rlm@main: .*is the name right"):
        machine.locate(url="http://127.0.0.1:9")


@pytest.mark.parametrize("name", ["acme/other", "acme/rlm@v9"])
def test_an_unknown_name_is_an_error_with_a_next_step(machine: Machine, name: str) -> None:
    with pytest.raises(RuntimeError, match=r"cannot fetch acme/\S+: .*is the name right"):
        machine.locate(name)


def test_a_folder_spelled_as_a_hub_id_is_refused(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "acme" / "rlm", IEEE)
    with pytest.raises(
        RuntimeError, match=r"acme/rlm may be a folder or a model on the hub // write \./acme"
    ):
        machine.locate()
    assert machine.locate("./acme/rlm") == Path("acme/rlm")


def test_a_check_names_the_model_and_goes_on_without_the_network(machine: Machine, repo: Checkout) -> None:
    repo.write("a.py", "def f(xs):\n    return sorted(set(xs))\n")
    repo.commit()
    repo.write("a.py", "def f(xs):\n    return [x for x in sorted(xs) if xs.count(x) == 1]\n")
    repo.commit()
    command = [sys.executable, "-m", "ci_rlm", "check", "-C", str(repo.root), "--base", "HEAD~1"]
    command += ["--checkpoint", "acme/rlm", "--format", "json"]
    environment = {**machine.environment(), "CI_RLM_CACHE_DIR": str(machine.cache)}

    online = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    machine.server.asked.clear()
    offline = subprocess.run([*command, "--offline"], env=environment, capture_output=True, check=True).stdout

    assert json.loads(online)["model"]["name"] == "acme/rlm"
    assert offline == online
    assert machine.server.asked == []
