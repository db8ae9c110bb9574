"""GitHub's REST API, as far as a comment needs it.

Requests and answers are those of "REST API endpoints for issue comments", "… for pull requests", "Using
pagination in the REST API" and "Rate limits for the REST API" in GitHub's documentation.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx2
from gidgethub.httpx import GitHubAPI

from ci_rlm import __version__
from ci_rlm.errors import ForgeError
from ci_rlm.forge import BusyError, Head, RefusedError
from ci_rlm.forge.comment import Posted, read

TIMEOUT_S = 15.0
_LIMITED_S = 60.0
"""The least to wait at a secondary rate limit that names no time."""
_ANY_APP = 0
"""No account has this id."""
_HINTS = {
    401: "GITHUB_TOKEN is wrong, or has expired",
    403: "the job needs `pull-requests: write`; of a fork's pull request no token may write, and a second "
    "workflow has to (templates/ci/github-fork-report.yml)",
    404: "the repository or the number is wrong, or the token may not see them",
}


class Api(GitHubAPI):
    """gidgethub's client, which sends the token to one origin and tells refusals apart."""

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One request. Raises ForgeError for every answer but a good one."""
        if _origin(url) != _origin(self.base_url):
            raise ForgeError("the forge refers to another host, which gets no token of its")
        try:
            status, told, content = await super()._request(method, url, headers, body)
        except httpx2.HTTPError as error:
            raise BusyError(f"no answer from {_origin(self.base_url)}: {type(error).__name__}") from error
        if not 200 <= status < 300:
            raise refusal(status, told, content, time.time())
        if content and _parsed(content) is None:
            raise ForgeError(f"{_origin(self.base_url)} answers with something else than JSON")
        return status, told, content


@asynccontextmanager
async def connected(base_url: str, token: str) -> AsyncIterator[Api]:
    """The API at an address, for the owner of a token; redirections are refusals."""
    async with httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client:
        yield Api(client, f"ci-rlm/{__version__}", oauth_token=token, base_url=base_url)


class PullRequest:
    """The thread of one pull request: `comment.Thread`."""

    def __init__(self, api: Api, repository: str, number: int) -> None:
        self._api = api
        self._place = f"/repos/{repository}"
        self._number = number
        self._author: int | None = None

    async def comments(self) -> list[Posted]:
        """All comments that begin with a marker and that the token's owner wrote."""
        if self._author is None:
            self._author = await _author(self._api)
        pages = self._api.getiter(f"{self._place}/issues/{self._number}/comments?per_page=100")
        return [comment async for entry in pages if (comment := _posted(entry, self._author))]

    async def head(self) -> str:
        """The commit that the pull request proposes now."""
        pull = await self._api.getitem(f"{self._place}/pulls/{self._number}")
        return _text(pull, "head", "sha")

    async def create(self, body: str) -> str:
        """Add a comment; its address."""
        where = f"{self._place}/issues/{self._number}/comments"
        return _text(await self._api.post(where, data={"body": body}), "html_url")

    async def edit(self, id: int, body: str) -> str:
        """Replace a comment's body; its address."""
        where = f"{self._place}/issues/comments/{id}"
        return _text(await self._api.patch(where, data={"body": body}), "html_url")

    async def remove(self, id: int) -> None:
        """Remove a comment."""
        await self._api.delete(f"{self._place}/issues/comments/{id}")


async def numbers_of(api: Api, repository: str, head: Head) -> Sequence[int]:
    """The open pull requests that propose exactly this, each by its number."""
    where = "/repos/" + repository + "/pulls{?state,head,per_page}"
    wanted = {"state": "open", "head": f"{head.owner}:{head.branch}", "per_page": "100"}
    return [
        _number(pull, "number")
        async for pull in api.getiter(where, wanted)
        if (_within(pull, "head", "sha"), _within(pull, "head", "repo", "id"))
        == (head.commit, head.repository)
    ]


def refusal(status: int, headers: Mapping[str, str], content: bytes, now_s: float) -> ForgeError:
    """What an answer that is no good one means, at a time in seconds since 1970."""
    answer = _parsed(content)
    told = answer.get("message") if isinstance(answer, Mapping) else None
    message = f"GitHub answers {status}" + (f": {told}" if isinstance(told, str) else "")
    spent = headers.get("x-ratelimit-remaining") == "0"
    limited = "retry-after" in headers or spent or "rate limit" in message.lower()
    asked_s = _asked_s(headers, now_s)
    if status == 429 or (status == 403 and limited):
        return BusyError(message, wait_s=_LIMITED_S if asked_s is None else asked_s)
    if status >= 500:
        return BusyError(message, wait_s=asked_s)
    return RefusedError(message, status=status, hint=_HINTS.get(status, ""))


async def _author(api: Api) -> int:
    """The id of the token's owner. An app cannot tell which it is: then the comments of any app are ours."""
    try:
        return _number(await api.getitem("/user"), "id")
    except RefusedError as error:
        if error.status not in (403, 404):
            raise
        return _ANY_APP


def _asked_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """How long the forge asks to wait; None where it does not say."""
    after, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if after.isdecimal():
        return float(after)
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return max(float(reset) - now_s, 0.0) + 1.0  # it is over at some moment of that second
    return None


def _posted(entry: object, author: int) -> Posted | None:
    """A comment of ours; None for anyone else's, whatever marker it bears."""
    body = _within(entry, "body")
    written = read(body) if isinstance(body, str) else None
    kind, id = _within(entry, "user", "type"), _within(entry, "user", "id")
    if written is None or not (kind == "Bot" if author == _ANY_APP else id == author):
        return None
    name, run, text = written
    return Posted(_number(entry, "id"), name, run, text, _text(entry, "html_url"))


def _within(answer: object, *keys: str) -> object:
    """What a path of keys leads to; None if nowhere."""
    for key in keys:
        answer = answer.get(key) if isinstance(answer, Mapping) else None
    return answer


def _text(answer: object, *keys: str) -> str:
    found = _within(answer, *keys)
    if not isinstance(found, str):
        raise ForgeError(f"GitHub's answer holds no {'.'.join(keys)}")
    return found


def _number(answer: object, *keys: str) -> int:
    found = _within(answer, *keys)
    if not isinstance(found, int):
        raise ForgeError(f"GitHub's answer holds no {'.'.join(keys)}")
    return found


def _parsed(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
