"""A server that answers as GitHub's REST API does, for one repository's pull requests and their comments.

Written after "REST API endpoints for issue comments", "… for pull requests", "… for users", "Using
pagination in the REST API", "Rate limits for the REST API" and "Troubleshooting the REST API" in
GitHub's documentation. Nothing here is shared with the client.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.action_runner import TOKEN

BOT = {"login": "github-actions[bot]", "id": 41898282, "type": "Bot"}
ADA = {"login": "ada", "id": 7, "type": "User"}
MALLORY = {"login": "mallory", "id": 8, "type": "User"}
SECRET = TOKEN
"""The token of a job that may write comments."""
READ_ONLY = "ghs_of_a_fork"
PERSONAL = "ghp_of_ada"
LONGEST = 65_536
"""Characters of a comment."""
NOT_FOUND = (404, {"message": "Not Found", "documentation_url": "https://docs.example", "status": "404"})
FORBIDDEN = (403, {"message": "Resource not accessible by integration", "status": "403"})
SECONDARY = {
    "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
}

RATES = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "900", "X-RateLimit-Reset": "9999999999"}

Answer = tuple[int, Any]


@dataclass(frozen=True)
class Trouble:
    """What is answered in place of what was asked for."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    """Whether the request was carried out all the same, as behind a gateway that gave up."""


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    token: str


class FakeGitHub:
    """The state of `ada/shop`, and what goes wrong with it."""

    def __init__(self) -> None:
        self.url = ""
        self.comments: dict[int, dict[str, Any]] = {}
        self.pulls: dict[int, dict[str, Any]] = {}
        self.tokens = {SECRET: (BOT, True), READ_ONLY: (BOT, False), PERSONAL: (ADA, True)}
        self.troubles: list[tuple[str, Trouble]] = []
        self.seen: list[Seen] = []
        self.before_write: Callable[[str, int], None] = lambda method, id: None
        self.latency_s: tuple[float, float] = (0.0, 0.0)
        self.link_to = ""
        """Where links to further pages lead, if not here."""
        self._lock = threading.Lock()
        self._ids = iter(range(1_000, 10**9))

    # What tests say and ask.

    def propose(
        self, number: int, sha: str, *, owner: str = "ada", ref: str = "topic", repository: int = 1
    ) -> None:
        """Open a pull request."""
        repo = {"id": repository, "full_name": f"{owner}/shop"}
        head = {"ref": ref, "sha": sha, "label": f"{owner}:{ref}", "repo": repo, "user": {"login": owner}}
        self.pulls[number] = {"number": number, "state": "open", "head": head, "base": {"ref": "main"}}

    def say(self, body: str, user: dict[str, Any] = BOT, number: int = 1) -> int:
        """A comment that stands already; its id."""
        with self._lock:
            return int(self._added(number, body, user)["id"])

    def trouble(self, method: str, *troubles: Trouble) -> None:
        """Answer the next requests of a method so."""
        self.troubles += [(method, trouble) for trouble in troubles]

    def bodies(self, number: int = 1) -> list[str]:
        """The comments of a pull request, oldest first."""
        with self._lock:
            return [comment["body"] for comment in self._thread(number)]

    def requests(self, *methods: str) -> list[str]:
        """What arrived, in order: `POST /repos/…`."""
        return [f"{seen.method} {seen.path}" for seen in self.seen if seen.method in methods]

    # What the server answers.

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, token: str) -> Answer:
        """Status and body of one request."""
        user, may_write = self.tokens.get(token, (None, False))
        if user is None:
            return 401, {"message": "Bad credentials", "status": "401"}
        if path == "/user":
            return FORBIDDEN if user["type"] == "Bot" else (200, user)
        found = re.fullmatch(r"/(?:repos/ada/shop|repositories/1)(/.*)", path)
        if found is None:
            return NOT_FOUND
        if method != "GET" and not may_write:
            return FORBIDDEN
        for pattern, verb, handler in self._routes():
            if verb == method and (place := re.fullmatch(pattern, found[1])):
                return handler(query, body, user, *map(int, place.groups()))
        return NOT_FOUND

    def _routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        return [
            (r"/issues/(\d+)/comments", "GET", self._list),
            (r"/issues/(\d+)/comments", "POST", self._create),
            (r"/issues/comments/(\d+)", "PATCH", self._edit),
            (r"/issues/comments/(\d+)", "DELETE", self._delete),
            (r"/pulls/(\d+)", "GET", self._pull),
            (r"/pulls", "GET", self._pulls),
        ]

    def _list(self, query: dict[str, str], body: Any, user: Any, number: int) -> Answer:
        if number not in self.pulls:
            return NOT_FOUND
        with self._lock:
            return 200, [dict(comment) for comment in self._thread(number)]

    def _create(self, query: dict[str, str], body: Any, user: Any, number: int) -> Answer:
        if number not in self.pulls:
            return NOT_FOUND
        with self._lock:
            return _refused(body) or (201, dict(self._added(number, body["body"], user)))

    def _edit(self, query: dict[str, str], body: Any, user: Any, id: int) -> Answer:
        self.before_write("PATCH", id)
        with self._lock:
            if id not in self.comments:
                return NOT_FOUND
            if user["type"] == "Bot" != self.comments[id]["user"]["type"]:
                return FORBIDDEN
            if refused := _refused(body):
                return refused
            self.comments[id] |= {"body": body["body"], "updated_at": "2026-01-01T00:00:01Z"}
            return 200, dict(self.comments[id])

    def _delete(self, query: dict[str, str], body: Any, user: Any, id: int) -> Answer:
        self.before_write("DELETE", id)
        with self._lock:
            return (204, None) if self.comments.pop(id, None) else NOT_FOUND

    def _pull(self, query: dict[str, str], body: Any, user: Any, number: int) -> Answer:
        return (200, self.pulls[number]) if number in self.pulls else NOT_FOUND

    def _pulls(self, query: dict[str, str], body: Any, user: Any) -> Answer:
        state, head = query.get("state", "open"), query.get("head")
        return 200, [
            pull
            for pull in self.pulls.values()
            if state in ("all", pull["state"]) and head in (None, pull["head"]["label"])
        ]

    def _thread(self, number: int) -> list[dict[str, Any]]:
        return [comment for _, comment in sorted(self.comments.items()) if comment["number"] == number]

    def _added(self, number: int, body: str, user: dict[str, Any]) -> dict[str, Any]:
        id = next(self._ids)
        self.comments[id] = {
            "id": id,
            "number": number,
            "body": body,
            "user": user,
            "html_url": f"https://forge.example/ada/shop/pull/{number}#issuecomment-{id}",
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        }
        return self.comments[id]

    def pause(self) -> None:
        """The way that a request or an answer takes."""
        if self.latency_s[1]:
            time.sleep(random.uniform(*self.latency_s))


def _refused(body: Any) -> Answer | None:
    text = body.get("body") if isinstance(body, dict) else None
    if not isinstance(text, str) or not text.strip():
        return 422, {"message": "Validation Failed", "errors": ["Body can't be blank"]}
    if len(text) > LONGEST:
        told = f"Body is too long (maximum is {LONGEST} characters)"
        return 422, {"message": "Validation Failed", "errors": [told]}
    return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeGitHub

    def _serve(self) -> None:
        hub, parts = self.hub, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        token = (self.headers.get("authorization") or "").removeprefix("token ").removeprefix("Bearer ")
        hub.seen.append(Seen(self.command, self.path, token))
        hub.pause()
        trouble = next((trouble for trouble in hub.troubles if trouble[0] == self.command), None)
        if trouble is not None:
            hub.troubles.remove(trouble)
        if trouble is None or trouble[1].after:
            query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
            status, answer = hub.answer(self.command, parts.path, query, json.loads(body or "null"), token)
            headers = {}
            if status == 200 and isinstance(answer, list):
                answer, headers = self._page(answer, parts.path, query)
        if trouble is not None:
            status, answer, headers = trouble[1].status, trouble[1].body, trouble[1].headers
        hub.pause()
        self._send(status, answer, headers)

    def _page(self, whole: list[Any], path: str, query: dict[str, str]) -> tuple[list[Any], dict[str, str]]:
        """One page, with links to the others."""
        size, number = min(int(query.get("per_page", 30)), 100), max(int(query.get("page", 1)), 1)
        last = max(-(-len(whole) // size), 1)
        where = (self.hub.link_to or self.hub.url) + path.replace("/repos/ada/shop/", "/repositories/1/")
        rels = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        wanted = [name for name in rels if (number > 1 if name in ("prev", "first") else number < last)]
        links = [f'<{where}?{urlencode({**query, "page": rels[name]})}>; rel="{name}"' for name in wanted]
        page = whole[(number - 1) * size : number * size]
        return page, {"Link": ", ".join(links)} if links else {}

    def _send(self, status: int, answer: Any, headers: dict[str, str]) -> None:
        raw = b"" if answer is None else answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        rates = {
            "X-RateLimit-Limit": "1000",
            "X-RateLimit-Remaining": "900",
            "X-RateLimit-Reset": "9999999999",
        }
        kind = {"Content-Type": "application/json; charset=utf-8"} if raw else {}
        self.send_response(status)
        for name, value in {**rates, **kind, **headers, "Content-Length": str(len(raw))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815  # the names that http.server looks for

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what arrived is in `seen`."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


@contextmanager
def serving(hub: FakeGitHub) -> Iterator[FakeGitHub]:
    """The server, while the block runs."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = _Server(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
