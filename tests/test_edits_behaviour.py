"""Programs give the same answers after each edit that applies to them."""

from __future__ import annotations

import contextlib
import copy
import io
import sys
from typing import Any

import pytest

from ci_rlm.training.edits import EFFICIENCY, NEUTRAL, SEVERAL, edits_of, kind_of
from ci_rlm.training.edits.syntax import Code

QUEUE = """
from collections import deque, defaultdict

def solve(edges, start):
    graph = defaultdict(list)
    for a, b in edges:
        graph[a].append(b)
        graph[b].append(a)
    seen = set()
    seen.add(start)
    queue = deque([start])
    order = []
    while queue:
        node = queue.popleft()
        order.append(node)
        for other in sorted(graph[node]):
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return order
"""

TABLE = """
from functools import cache

class Solution:
    def longest(self, text: str, other: str) -> int:
        m, n = len(text), len(other)
        f = [[0] * (n + 1) for _ in range(m + 1)]
        for i in range(1, m + 1):
            for j in range(1, n + 1):
                if text[i - 1] == other[j - 1]:
                    f[i][j] = f[i - 1][j - 1] + 1
                else:
                    f[i][j] = max(f[i - 1][j], f[i][j - 1])

        @cache
        def climb(k):
            if k < 2:
                return 1
            return climb(k - 1) + climb(k - 2)
        return f[m][n] + climb(n)

def solve(text, other):
    return Solution().longest(text, other)
"""

SIEVE = """
import heapq
from itertools import accumulate

def solve(n, spans):
    marked = [False] * (n + 1)
    primes = []
    for i in range(2, n + 1):
        if not marked[i]:
            primes.append(i)
            for j in range(i * i, n + 1, i):
                marked[j] = True
    sums = list(accumulate(primes, initial=0))
    parts = [sums[b] - sums[a] for a, b in spans]
    heap = []
    for part in parts:
        heapq.heappush(heap, part)
    smallest = heapq.heappop(heap) if heap else 0
    total = 0
    for prime in primes:
        total += prime
    return (total, smallest, max(primes), min(parts), primes[-1])
"""

WORDS = """
from collections import Counter

def solve(words, letters):
    counts = Counter(words)
    vowels = set(letters)
    found = []
    for word in words:
        kept = ''
        for letter in word:
            if letter in vowels and letter != 'y':
                kept += letter
            else:
                kept += '-'
        if counts[word] > 1 or (len(kept) > 3 and word == word[::-1]):
            found.append(f'{kept}:{counts[word]}')
        elif kept.startswith('-', 1):
            found.append(kept)
    has = any(len(word) > 4 for word in words)
    first, last = words[0], words[-1]
    if has:
        result = found
    else:
        result = found + [first, last]
    return result
"""

SEARCH = """
from bisect import bisect_left

def is_even(k):
    return k % 2 == 0

def solve(nums, target):
    nums = sorted(nums)
    n = len(nums)
    best = nums[0]
    for i in range(n):
        for j in range(i + 1, n):
            gap = abs(nums[i] + nums[j] - target)
            if gap < best:
                best = gap
    lo, hi = 0, n - 1
    while lo < hi:
        mid = (lo + hi) // 2
        if nums[mid] < target and is_even(mid) or nums[mid] < target:
            lo = mid + 1
        else:
            hi = mid
    squares = [x * x for x in nums if x > 0]
    half = lambda x: x // 2
    for x in nums:
        if x > target:
            break
    modulus = 10 ** 9 + 7
    return (best, lo, bisect_left(nums, target), sum(squares) % modulus, half(n), 0 <= lo < n)
"""

FUNCTIONS = {
    "QUEUE": (QUEUE, [([(1, 2), (2, 3), (1, 4), (5, 4)], 1), ([(7, 8)], 7)]),
    "TABLE": (TABLE, [("abcde", "badce"), ("", "ab"), ("aa", "aaaa")]),
    "SIEVE": (SIEVE, [(30, [(0, 3), (2, 5), (1, 1)]), (11, [(1, 4)])]),
    "WORDS": (WORDS, [(["level", "abba", "ae", "ae", "xyx"], "aeiouy"), (["a", "b"], "ab")]),
    "SEARCH": (SEARCH, [([5, 3, 9, 1, 7, 3], 6), ([2, 1], 9)]),
}

SCRIPT = """
import sys
input = sys.stdin.readline
n = int(input())
rows = []
for _ in range(n):
    a, b = map(int, input().split())
    rows.append((a, b))
total = 0
for a, b in rows:
    if a > b:
        total += a - b
    print(a * 2 + b * 3)
print(total)
print('\\n'.join(map(str, sorted(rows))))
"""


def variants(source: str) -> list[tuple[str, str]]:
    """Every result of every kind of edit on a source, by kind."""
    code = Code(source)
    made = [(kind.name, code.after(change)) for kind in (*EFFICIENCY, *NEUTRAL) for change in kind.find(code)]
    return [(name, text) for name, text in made if text is not None]


def answers(source: str, arguments: list[Any]) -> list[Any]:
    """What `solve` returns for each of the arguments."""
    scope: dict[str, Any] = {}
    exec(compile(source, "<example>", "exec"), scope)
    return [scope["solve"](*copy.deepcopy(each)) for each in arguments]


def printed(source: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a script prints."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("3\n3 1\n2 5\n9 4\n"))
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        exec(compile(source, "<example>", "exec"), {"__name__": "__main__"})
    return shown.getvalue()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_answers_alike_after_each_edit(name: str) -> None:
    source, arguments = FUNCTIONS[name]
    right = answers(source, arguments)
    made = variants(source)
    assert len({kind for kind, _ in made}) >= 20
    assert [kind for kind, text in made if answers(text, arguments) != right] == []


def test_a_script_prints_alike_after_each_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    right = printed(SCRIPT, monkeypatch)
    made = variants(SCRIPT)
    assert len({kind for kind, _ in made}) >= 20
    assert [kind for kind, text in made if printed(text, monkeypatch) != right] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_answers_alike_after_several_neutral_edits(name: str) -> None:
    source, arguments = FUNCTIONS[name]
    drawn = [each for seed in "abc" for each in edits_of(source, efficiency=0, neutral=20, seed=seed)]
    made = [each for each in drawn if kind_of(each.edit) == SEVERAL]
    assert len(made) > 3
    assert [each.edit for each in made if answers(each.after, arguments) != answers(source, arguments)] == []
