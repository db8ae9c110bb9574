"""Small tasks, each with several ways to do it that give the same answer and differ in cost, or do not.

A way is a block of statements that reads the inputs by their names and assigns `$out`. What else begins
with a dollar is filled in alike in all ways of a program: `$e` an expression of the number x, `$p` a test
of it, `$we`, `$wp` of the word w, `$cp` a test of the letter c, `$c` a number, `$m` a modulus, `$k` a small
count.

    xs, ys   numbers        ws, vs   words        s    text, lower-case letters and blanks
    d        word to number, of the words ws      ps   pairs of numbers
    g        a square grid of numbers             n    how many elements the input has
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done, and ways to do it."""

    name: str
    inputs: tuple[str, ...]
    ways: tuple[str, ...]


def _tasks(text: str) -> Iterator[Task]:
    """Tasks as they are written below: a head, then its ways with a line of dashes between them."""
    for part in text.split("\n==== ")[1:]:
        head, _, body = part.partition("\n")
        name, *inputs = head.split()
        yield Task(name, tuple(inputs), tuple(way.strip("\n") for way in body.split("\n--\n")))


NUMBERS = r"""
==== total xs
$out = sum($e for x in xs)
--
$out = sum([$e for x in xs])
--
$out = 0
for x in xs:
    $out += $e
--
parts = []
for x in xs:
    parts.append($e)
$out = sum(parts)
--
$out = sum(map(lambda x: $e, xs))
--
$out = sum(list(map(lambda x: $e, list(xs))))
--
$out = 0
for i in range(len(xs)):
    x = xs[i]
    $out = $out + $e
==== count xs
$out = sum(1 for x in xs if $p)
--
$out = len([x for x in xs if $p])
--
$out = 0
for x in xs:
    if $p:
        $out += 1
--
$out = len(list(filter(lambda x: $p, xs)))
--
kept = []
for x in xs:
    if $p:
        kept = kept + [x]
$out = len(kept)
--
$out = 0
for i in list(range(len(xs))):
    x = xs[i]
    if $p:
        $out += 1
==== any xs
$out = any($e == 2000003 for x in xs)
--
$out = any([$e == 2000003 for x in xs])
--
$out = 2000003 in [$e for x in xs]
--
$out = 2000003 in {$e for x in xs}
--
$out = False
for x in xs:
    if $e == 2000003:
        $out = True
        break
==== first xs
$out = next((x for x in xs if $p), None)
--
kept = [x for x in xs if $p]
$out = kept[0] if kept else None
--
$out = None
for x in xs:
    if $p:
        $out = x
        break
--
$out = None
for x in reversed(list(xs)):
    if $p:
        $out = x
--
kept = list(filter(lambda x: $p, xs))
$out = kept[0] if len(kept) > 0 else None
==== mapped xs
$out = [$e for x in xs]
--
$out = []
for x in xs:
    $out.append($e)
--
$out = []
for x in xs:
    $out = $out + [$e]
--
$out = list(map(lambda x: $e, xs))
--
$out = [$e for x in list(xs)]
--
$out = []
for x in xs:
    $out += [$e]
--
$out = []
for x in xs:
    $out = [*$out, $e]
--
$out = [0] * len(xs)
for i, x in enumerate(xs):
    $out[i] = $e
==== filtered xs
$out = [x for x in xs if $p]
--
$out = []
for x in xs:
    if $p:
        $out.append(x)
--
$out = list(xs)
for x in xs:
    if not ($p):
        $out.remove(x)
--
$out = [x for x in xs[:] if $p]
--
$out = list(filter(lambda x: $p, xs))
--
import copy
$out = [x for x in copy.deepcopy(xs) if $p]
==== least xs
$out = min(xs)
--
$out = sorted(xs)[0]
--
$out = sorted(xs, reverse=True)[-1]
--
$out = xs[0]
for x in xs:
    if x < $out:
        $out = x
--
$out = min(list(xs))
--
copied = list(xs)
copied.sort()
$out = copied[0]
==== largest_of xs
$out = max($e for x in xs)
--
$out = max([$e for x in xs])
--
$out = sorted($e for x in xs)[-1]
--
$out = max(map(lambda x: $e, xs))
--
$out = None
for x in xs:
    value = $e
    if $out is None or value > $out:
        $out = value
--
values = [$e for x in xs]
values.sort()
$out = values[-1]
==== top_few xs
import heapq
$out = heapq.nlargest($k, xs)
--
$out = sorted(xs, reverse=True)[:$k]
--
$out = []
rest = list(xs)
for _ in range(min($k, len(rest))):
    best = max(rest)
    rest.remove(best)
    $out.append(best)
--
$out = sorted(xs)[::-1][:$k]
==== common xs ys
known = set(xs)
$out = [y for y in ys if y in known]
--
$out = [y for y in ys if y in xs]
--
known = list(xs)
$out = [y for y in ys if y in known]
--
known = tuple(xs)
$out = []
for y in ys:
    if y in known:
        $out.append(y)
--
known = set(xs)
$out = []
for y in ys:
    if y in known:
        $out.append(y)
--
known = dict.fromkeys(xs)
$out = [y for y in ys if y in known]
--
$out = [y for y in ys if y in set(xs)]
==== missing xs ys
known = frozenset(xs)
$out = sum(1 for y in ys if y not in known)
--
$out = sum(1 for y in ys if y not in xs)
--
$out = len([y for y in ys if y not in set(xs)])
--
$out = 0
for y in ys:
    found = False
    for x in xs:
        if x == y:
            found = True
            break
    if not found:
        $out += 1
--
$out = sum(xs.count(y) == 0 for y in ys)
==== has_duplicates xs
$out = len(set(xs)) < len(xs)
--
seen = set()
$out = False
for x in xs:
    if x in seen:
        $out = True
        break
    seen.add(x)
--
seen = []
$out = False
for x in xs:
    if x in seen:
        $out = True
        break
    seen.append(x)
--
$out = any(xs.count(x) > 1 for x in xs)
--
$out = False
for i in range(len(xs)):
    for j in range(i + 1, len(xs)):
        if xs[i] == xs[j]:
            $out = True
--
ordered = sorted(xs)
$out = any(a == b for a, b in zip(ordered, ordered[1:]))
==== unique xs
$out = list(dict.fromkeys(xs))
--
seen = set()
$out = []
for x in xs:
    if x not in seen:
        seen.add(x)
        $out.append(x)
--
$out = []
for x in xs:
    if x not in $out:
        $out.append(x)
--
$out = [x for i, x in enumerate(xs) if x not in xs[:i]]
--
$out = []
seen = {}
for x in xs:
    if x not in seen:
        seen[x] = True
        $out.append(x)
==== running xs
$out, total = [], 0
for x in xs:
    total += x
    $out.append(total)
--
from itertools import accumulate
$out = list(accumulate(xs))
--
$out = [sum(xs[:i + 1]) for i in range(len(xs))]
--
$out = []
for i in range(len(xs)):
    total = 0
    for j in range(i + 1):
        total += xs[j]
    $out.append(total)
--
$out, total = [], 0
for x in xs:
    total += x
    $out = $out + [total]
==== shares xs
total = sum(xs) + 1000003
$out = [x / total for x in xs]
--
$out = [x / (sum(xs) + 1000003) for x in xs]
--
total = 1000003
for x in xs:
    total += x
$out = []
for x in xs:
    $out.append(x / total)
--
$out = []
for x in xs:
    total = sum(xs) + 1000003
    $out.append(x / total)
==== above_mean xs
mean = sum(xs) / len(xs)
$out = sum(1 for x in xs if x > mean)
--
$out = len([x for x in xs if x > sum(xs) / len(xs)])
--
$out = 0
mean = sum(xs) / len(xs)
for x in xs:
    if x > mean:
        $out += 1
--
$out = sum(1 for x in xs if x > sum(xs) / len(xs))
==== rank_of xs
ordered = sorted(xs)
$out = [ordered[len(ordered) // 2] - x for x in xs]
--
$out = [sorted(xs)[len(xs) // 2] - x for x in xs]
--
ordered = list(xs)
ordered.sort()
middle = ordered[len(ordered) // 2]
$out = [middle - x for x in xs]
--
$out = []
for x in xs:
    ordered = sorted(xs)
    $out.append(ordered[len(ordered) // 2] - x)
==== windows xs
total = $out = sum(xs[:$k])
for i in range($k, len(xs)):
    total += xs[i] - xs[i - $k]
    $out = max($out, total)
--
$out = max(sum(xs[i:i + $k]) for i in range(max(1, len(xs) - $k + 1)))
--
$out = max([sum(xs[i:i + $k]) for i in range(max(1, len(xs) - $k + 1))])
--
$out = None
for i in range(max(1, len(xs) - $k + 1)):
    total = 0
    for x in xs[i:i + $k]:
        total += x
    if $out is None or total > $out:
        $out = total
==== drained xs
from collections import deque
queue = deque(xs)
$out = 0
while queue:
    x = queue.popleft()
    $out += $e
--
queue = list(xs)
$out = 0
while queue:
    x = queue.pop(0)
    $out += $e
--
queue = list(xs)
$out = 0
while queue:
    x = queue.pop()
    $out += $e
--
queue = list(xs)
$out = 0
while queue:
    x = queue[0]
    queue = queue[1:]
    $out += $e
--
queue = list(xs)
$out = 0
while queue:
    x = queue[0]
    del queue[0]
    $out += $e
==== backwards xs
$out = xs[::-1]
--
$out = list(reversed(xs))
--
$out = []
for x in xs:
    $out.insert(0, x)
--
$out = []
for x in xs:
    $out = [x] + $out
--
$out = list(xs)
$out.reverse()
--
$out = [xs[-1 - i] for i in range(len(xs))]
==== pair_sums xs
$out = 0
for i in range(len(xs)):
    for j in range(i + 1, min(len(xs), i + $k)):
        if (xs[i] + xs[j]) % $m == 0:
            $out += 1
--
pairs = [(xs[i], xs[j]) for i in range(len(xs)) for j in range(i + 1, min(len(xs), i + $k))]
$out = sum(1 for a, b in pairs if (a + b) % $m == 0)
--
$out = sum((xs[i] + xs[j]) % $m == 0 for i in range(len(xs)) for j in range(i + 1, min(len(xs), i + $k)))
--
pairs = []
for i, a in enumerate(xs):
    for b in xs[i + 1:i + $k]:
        pairs.append((a, b))
$out = len([1 for a, b in pairs if (a + b) % $m == 0])
==== two_sum xs
seen = set()
$out = False
for x in xs:
    if 5000001 - x in seen:
        $out = True
    seen.add(x)
--
$out = any(a + b == 5000001 for i, a in enumerate(xs) for b in xs[:i])
--
seen = []
$out = False
for x in xs:
    if 5000001 - x in seen:
        $out = True
    seen.append(x)
--
$out = False
for i in range(len(xs)):
    for j in range(i):
        if xs[i] + xs[j] == 5000001:
            $out = True
==== histogram xs
$out = {}
for x in xs:
    key = x % $m
    $out[key] = $out.get(key, 0) + 1
--
keys = [x % $m for x in xs]
$out = {key: keys.count(key) for key in keys}
--
from collections import Counter
$out = dict(Counter(x % $m for x in xs))
--
from collections import defaultdict
counts = defaultdict(int)
for x in xs:
    counts[x % $m] += 1
$out = dict(counts)
--
keys = [x % $m for x in xs]
$out = {key: keys.count(key) for key in set(keys)}
--
$out = {}
for x in xs:
    $out.setdefault(x % $m, []).append(x)
$out = {key: len(each) for key, each in $out.items()}
==== positions xs ys
place = {x: i for i, x in enumerate(xs)}
$out = [place.get(y, -1) >= 0 for y in ys]
--
$out = [(xs.index(y) if y in xs else -1) >= 0 for y in ys]
--
place = {}
for i, x in enumerate(xs):
    place[x] = i
$out = [place[y] >= 0 if y in place else False for y in ys]
--
$out = []
for y in ys:
    at = -1
    for i, x in enumerate(xs):
        if x == y:
            at = i
    $out.append(at >= 0)
==== merged xs ys
$out = sorted(xs + ys)
--
from heapq import merge
$out = list(merge(sorted(xs), sorted(ys)))
--
$out = []
for value in xs + ys:
    $out.append(value)
    $out.sort()
--
from bisect import insort
$out = sorted(xs)
for y in ys:
    insort($out, y)
--
left, right = sorted(xs), sorted(ys)
$out = []
while left and right:
    $out.append(left.pop(0) if left[0] <= right[0] else right.pop(0))
$out += left + right
==== cost_of_merging xs
import heapq
heap = [abs(x) for x in xs]
heapq.heapify(heap)
$out = 0
while len(heap) > 1:
    both = heapq.heappop(heap) + heapq.heappop(heap)
    $out += both
    heapq.heappush(heap, both)
--
heap = [abs(x) for x in xs]
$out = 0
while len(heap) > 1:
    heap.sort()
    both = heap.pop(0) + heap.pop(0)
    $out += both
    heap.append(both)
--
from bisect import insort
heap = sorted(abs(x) for x in xs)
$out = 0
while len(heap) > 1:
    both = heap.pop(0) + heap.pop(0)
    $out += both
    insort(heap, both)
==== chunked xs
$out = [sum(xs[i:i + $k]) for i in range(0, len(xs), $k)]
--
$out = []
for i in range(0, len(xs), $k):
    $out.append(sum(xs[i:i + $k]))
--
chunks = [xs[i:i + $k] for i in range(0, len(xs), $k)]
$out = [sum(chunk) for chunk in chunks]
--
$out, rest = [], list(xs)
while rest:
    $out.append(sum(rest[:$k]))
    rest = rest[$k:]
==== differences xs
$out = [b - a for a, b in zip(xs, xs[1:])]
--
$out = [xs[i + 1] - xs[i] for i in range(len(xs) - 1)]
--
from itertools import pairwise
$out = [b - a for a, b in pairwise(xs)]
--
$out = []
for i in range(1, len(xs)):
    $out.append(xs[i] - xs[i - 1])
--
pairs = list(zip(xs, xs[1:]))
$out = [b - a for a, b in pairs]
==== dot xs ys
$out = sum(x * y for x, y in zip(xs, ys))
--
$out = sum([x * y for x, y in zip(xs, ys)])
--
$out = 0
for x, y in list(zip(xs, ys)):
    $out += x * y
--
$out = 0
for i in range(min(len(xs), len(ys))):
    $out += xs[i] * ys[i]
--
products = [x * y for x, y in zip(list(xs), list(ys))]
$out = sum(products)
==== best_gap xs
lowest, $out = xs[0], 0
for x in xs:
    lowest = min(lowest, x)
    $out = max($out, x - lowest)
--
$out = 0
for i in range(len(xs)):
    $out = max($out, xs[i] - min(xs[:i + 1]))
--
$out = max(b - a for i, a in enumerate(xs) for b in xs[i:])
--
lows = []
for x in xs:
    lows.append(x if not lows else min(lows[-1], x))
$out = max(x - low for x, low in zip(xs, lows))
==== leaders xs
$out, best = [], None
for x in reversed(xs):
    if best is None or x > best:
        $out.append(x)
        best = x
--
$out = [x for i, x in enumerate(xs) if all(y < x for y in xs[i + 1:])][::-1]
--
$out = [x for i, x in enumerate(xs) if i + 1 == len(xs) or x > max(xs[i + 1:])][::-1]
==== squares n
$out = sum(i * i % $m for i in range(n))
--
$out = sum([i * i % $m for i in range(n)])
--
$out = 0
for i in range(n):
    $out += i * i % $m
--
$out = 0
for i in list(range(n)):
    $out += i * i % $m
--
$out, i = 0, 0
while i < n:
    $out += i * i % $m
    i += 1
--
numbers = [i for i in range(n)]
$out = sum(i * i % $m for i in numbers)
==== primes n
sieve = [True] * (n + 1)
$out = 0
for i in range(2, n + 1):
    if sieve[i]:
        $out += 1
        for j in range(i * i, n + 1, i):
            sieve[j] = False
--
$out = sum(1 for i in range(2, n + 1) if all(i % j for j in range(2, int(i ** 0.5) + 1)))
--
$out = sum(1 for i in range(2, n + 1) if all(i % j for j in range(2, i)))
--
found = []
for i in range(2, n + 1):
    if all(i % p for p in found):
        found.append(i)
$out = len(found)
--
sieve = set(range(2, n + 1))
for i in range(2, int(n ** 0.5) + 1):
    if i in sieve:
        sieve -= set(range(i * i, n + 1, i))
$out = len(sieve)
==== stairs n
a, b = 1, 1
for _ in range(n):
    a, b = b, (a + b) % 1000007
$out = a
--
table = [1] * (n + 2)
for i in range(2, n + 1):
    table[i] = (table[i - 1] + table[i - 2]) % 1000007
$out = table[n]
--
table = {0: 1, 1: 1}
for i in range(2, n + 1):
    table[i] = (table[i - 1] + table[i - 2]) % 1000007
$out = table[n]
--
from functools import lru_cache
@lru_cache(None)
def steps(i):
    return 1 if i < 2 else (steps(i - 1) + steps(i - 2)) % 1000007
for i in range(n + 1):
    steps(i)
$out = steps(n)
==== digits n
$out = sum(sum(map(int, str(i))) for i in range(n))
--
$out = 0
for i in range(n):
    while i:
        $out += i % 10
        i //= 10
--
$out = sum([sum([int(c) for c in str(i)]) for i in range(n)])
--
texts = [str(i) for i in range(n)]
$out = sum(int(c) for text in texts for c in text)
==== coins n
ways = [0] * (n + 1)
ways[0] = 1
for coin in (1, 2, 5):
    for i in range(coin, n + 1):
        ways[i] += ways[i - coin]
$out = ways[n]
--
table = [[0] * (n + 1) for _ in range(4)]
for row in table:
    row[0] = 1
for at, coin in enumerate((1, 2, 5), 1):
    for i in range(1, n + 1):
        table[at][i] = table[at - 1][i] + (table[at][i - coin] if i >= coin else 0)
$out = table[3][n]
--
$out = sum(1 for fives in range(0, n + 1, 5) for twos in range(0, n - fives + 1, 2))
==== increasing xs
from bisect import bisect_left
tails = []
for x in xs:
    at = bisect_left(tails, x)
    tails[at:at + 1] = [x]
$out = len(tails)
--
best = [1] * len(xs)
for i in range(len(xs)):
    for j in range(i):
        if xs[j] < xs[i] and best[j] + 1 > best[i]:
            best[i] = best[j] + 1
$out = max(best)
==== next_greater xs
$out, stack = [-1] * len(xs), []
for i, x in enumerate(xs):
    while stack and xs[stack[-1]] < x:
        $out[stack.pop()] = x
    stack.append(i)
--
$out = []
for i, x in enumerate(xs):
    $out.append(next((y for y in xs[i + 1:] if y > x), -1))
--
$out = [-1] * len(xs)
for i in range(len(xs)):
    for j in range(i + 1, len(xs)):
        if xs[j] > xs[i]:
            $out[i] = xs[j]
            break
==== products xs
left = [1]
for x in xs[:-1]:
    left.append(left[-1] * x % 1000007)
right = [1]
for x in xs[:0:-1]:
    right.append(right[-1] * x % 1000007)
$out = [a * b % 1000007 for a, b in zip(left, reversed(right))]
--
$out = []
for i in range(len(xs)):
    product = 1
    for j, x in enumerate(xs):
        if j != i:
            product = product * x % 1000007
    $out.append(product)
==== sorted_by_hand xs
$out = sorted(xs)
--
$out = list(xs)
for i in range(1, len($out)):
    x, j = $out[i], i
    while j and $out[j - 1] > x:
        $out[j] = $out[j - 1]
        j -= 1
    $out[j] = x
--
from heapq import heapify, heappop
heap = list(xs)
heapify(heap)
$out = [heappop(heap) for _ in range(len(heap))]
--
rest, $out = list(xs), []
while rest:
    x = min(rest)
    rest.remove(x)
    $out.append(x)
--
def ordered(values):
    if len(values) < 2:
        return values
    pivot = values[len(values) // 2]
    low = [x for x in values if x < pivot]
    same = [x for x in values if x == pivot]
    high = [x for x in values if x > pivot]
    return ordered(low) + same + ordered(high)
$out = ordered(xs)
==== snapshot xs
$out = list(xs)
--
$out = list(list(xs))
--
$out = xs[:]
--
$out = [x for x in xs]
--
$out = list(tuple(xs))
--
import copy
$out = copy.copy(xs)
--
import copy
$out = copy.deepcopy(xs)
--
$out = []
for x in xs:
    $out = $out + [x]
==== last_of xs
$out = xs[-1]
--
$out = list(xs)[-1]
--
$out = xs[::-1][0]
--
for x in xs:
    $out = x
--
$out = list(reversed(xs))[0]
==== is_sorted xs
$out = all(a <= b for a, b in zip(xs, xs[1:]))
--
$out = xs == sorted(xs)
--
$out = all(xs[i] <= xs[i + 1] for i in range(len(xs) - 1))
--
$out = True
for i in range(len(xs) - 1):
    if xs[i] > xs[i + 1]:
        $out = False
        break
--
$out = all([xs[i] <= xs[i + 1] for i in range(len(xs) - 1)])
"""

WORDS = r"""
==== joined ws
$out = "".join($we for w in ws)
--
$out = "".join([$we for w in ws])
--
$out = ""
for w in ws:
    $out += $we
--
$out = ""
for w in reversed(ws):
    $out = $we + $out
--
parts = []
for w in ws:
    parts.append($we)
$out = "".join(parts)
--
$out = "".join(map(lambda w: $we, ws))
==== counted ws
$out = {}
for w in ws:
    $out[w] = $out.get(w, 0) + 1
--
$out = {w: ws.count(w) for w in ws}
--
from collections import Counter
$out = dict(Counter(ws))
--
$out = {w: ws.count(w) for w in set(ws)}
--
$out = {}
for w in ws:
    if w in $out.keys():
        $out[w] += 1
    else:
        $out[w] = 1
--
$out = {}
for w in ws:
    if w in list($out):
        $out[w] += 1
    else:
        $out[w] = 1
==== by_first ws
$out = {}
for w in ws:
    $out.setdefault(w[0], []).append(w)
--
$out = {c: [w for w in ws if w[0] == c] for c in {w[0] for w in ws}}
--
from collections import defaultdict
groups = defaultdict(list)
for w in ws:
    groups[w[0]].append(w)
$out = dict(groups)
--
$out = {}
for w in ws:
    $out[w[0]] = $out.get(w[0], []) + [w]
--
from itertools import groupby
$out = {c: list(each) for c, each in groupby(sorted(ws, key=lambda w: w[0]), key=lambda w: w[0])}
==== longest ws
$out = max(ws, key=len)
--
$out = sorted(ws, key=len, reverse=True)[0]
--
$out = ws[0]
for w in ws:
    if len(w) > len($out):
        $out = w
--
size = max([len(w) for w in ws])
$out = [w for w in ws if len(w) == size][0]
==== known_words ws vs
known = set(vs)
$out = [w for w in ws if w in known]
--
$out = [w for w in ws if w in vs]
--
known = list(vs)
$out = [w for w in ws if w in known]
--
known = set(vs)
$out = list(filter(lambda w: w in known, ws))
--
$out = [w for w in ws if any(w == v for v in vs)]
--
$out = []
for w in ws:
    if w in set(vs):
        $out.append(w)
==== kept_words ws
$out = [w for w in ws if $wp]
--
$out = []
for w in ws:
    if $wp:
        $out.append(w)
--
$out = []
for w in ws:
    if $wp:
        $out = $out + [w]
--
$out = list(filter(lambda w: $wp, ws))
--
$out = [w for w in list(ws) if $wp]
--
$out = list(ws)
for w in ws:
    if not ($wp):
        $out.remove(w)
==== lengths ws
$out = sum(len(w) for w in ws)
--
$out = len("".join(ws))
--
$out = sum([len(w) for w in ws])
--
$out = sum(map(len, ws))
--
$out = 0
for w in ws:
    $out += len(w)
--
text = ""
for w in ws:
    text = text + w
$out = len(text)
==== labels ws
$out = [f"{i}: {w}" for i, w in enumerate(ws)]
--
$out = [str(i) + ": " + w for i, w in enumerate(ws)]
--
$out = []
for i in range(len(ws)):
    $out.append("%d: %s" % (i, ws[i]))
--
$out = ["{}: {}".format(i, w) for i, w in enumerate(ws)]
--
$out = []
for i, w in list(enumerate(ws)):
    $out = $out + [f"{i}: {w}"]
==== anagrams ws
groups = {}
for w in ws:
    groups.setdefault("".join(sorted(w)), []).append(w)
$out = max(len(each) for each in groups.values())
--
$out = max(sum(1 for v in ws if sorted(v) == sorted(w)) for w in ws)
--
keys = ["".join(sorted(w)) for w in ws]
$out = max(keys.count(key) for key in keys)
--
from collections import Counter
$out = max(Counter("".join(sorted(w)) for w in ws).values())
==== prefixes ws
$out = sum(1 for a, b in zip(ws, ws[1:]) if b.startswith(a[:1]))
--
$out = len([1 for i in range(len(ws) - 1) if ws[i + 1].startswith(ws[i][:1])])
--
$out = 0
for i in range(len(ws) - 1):
    if ws[i + 1][0] == ws[i][0]:
        $out += 1
--
pairs = list(zip(ws, ws[1:]))
$out = sum(1 for a, b in pairs if b[:1] == a[:1])
==== palindromes ws
$out = sum(1 for w in ws if w == w[::-1])
--
$out = len([w for w in ws if w == w[::-1]])
--
$out = len([w for w in ws if list(w) == list(reversed(w))])
--
$out = 0
for w in ws:
    if w == "".join(reversed(w)):
        $out += 1
==== vocabulary ws
$out = sorted(set(ws))
--
$out = []
for w in sorted(ws):
    if w not in $out:
        $out.append(w)
--
$out = sorted(dict.fromkeys(ws))
--
$out = []
for w in ws:
    if w not in $out:
        $out.append(w)
$out.sort()
--
$out = []
for w in sorted(ws):
    if not $out or $out[-1] != w:
        $out.append(w)
==== letters s
$out = {}
for c in s:
    $out[c] = $out.get(c, 0) + 1
--
$out = {c: s.count(c) for c in set(s)}
--
$out = {c: s.count(c) for c in s}
--
from collections import Counter
$out = dict(Counter(s))
--
$out = {c: len([b for b in s if b == c]) for c in set(s)}
==== without s
$out = "".join(c for c in s if $cp)
--
$out = "".join([c for c in s if $cp])
--
$out = ""
for c in s:
    if $cp:
        $out += c
--
$out = ""
for c in reversed(s):
    if $cp:
        $out = c + $out
--
$out = "".join(filter(lambda c: $cp, s))
--
letters = list(s)
$out = "".join(c for c in letters if $cp)
==== turned s
$out = s[::-1]
--
$out = "".join(reversed(s))
--
$out = ""
for c in s:
    $out = c + $out
--
letters = list(s)
letters.reverse()
$out = "".join(letters)
--
$out = "".join([s[-1 - i] for i in range(len(s))])
==== mirrored s
i, j, $out = 0, len(s) - 1, True
while i < j:
    if s[i] != s[j]:
        $out = False
    i, j = i + 1, j - 1
--
$out = s == s[::-1]
--
letters = list(s)
$out = letters == letters[::-1]
--
$out = all([s[i] == s[-1 - i] for i in range(len(s))])
--
$out = all(s[i] == s[-1 - i] for i in range(len(s) // 2))
==== words_of s
$out = len(s.split())
--
$out = sum(1 for w in s.split(" ") if w)
--
$out, inside = 0, False
for c in s:
    if c != " " and not inside:
        $out += 1
    inside = c != " "
--
$out = 0
rest = s
while rest:
    word, _, rest = rest.partition(" ")
    if word:
        $out += 1
--
found = []
for w in s.split(" "):
    if w:
        found.append(w)
$out = len(found)
==== capitals s
$out = " ".join(w.capitalize() for w in s.split(" "))
--
$out = " ".join([w.capitalize() for w in s.split(" ")])
--
$out = ""
for w in s.split(" "):
    $out += w.capitalize() + " "
$out = $out[:-1]
--
parts = []
for w in s.split(" "):
    parts += [w.capitalize()]
$out = " ".join(parts)
==== runs s
$out = []
for c in s:
    if $out and $out[-1][0] == c:
        $out[-1][1] += 1
    else:
        $out.append([c, 1])
--
from itertools import groupby
$out = [[c, len(list(each))] for c, each in groupby(s)]
--
from itertools import groupby
$out = [[c, sum(1 for _ in each)] for c, each in groupby(s)]
--
$out, rest = [], s
while rest:
    length = len(rest) - len(rest.lstrip(rest[0]))
    $out.append([rest[0], length])
    rest = rest[length:]
==== first_single s
counts = {}
for c in s:
    counts[c] = counts.get(c, 0) + 1
$out = next((i for i, c in enumerate(s) if counts[c] == 1), -1)
--
$out = next((i for i, c in enumerate(s) if s.count(c) == 1), -1)
--
$out = -1
for i in range(len(s)):
    if s[i] not in s[:i] + s[i + 1:]:
        $out = i
        break
--
from collections import Counter
counts = Counter(s)
$out = next((i for i, c in enumerate(s) if counts[c] == 1), -1)
==== longest_run s
$out = start = 0
seen = {}
for i, c in enumerate(s):
    if c in seen and seen[c] >= start:
        start = seen[c] + 1
    seen[c] = i
    $out = max($out, i - start + 1)
--
$out = 0
for i in range(len(s)):
    seen = set()
    for c in s[i:]:
        if c in seen:
            break
        seen.add(c)
    $out = max($out, len(seen))
--
$out = 0
for i in range(len(s)):
    j = i
    while j < len(s) and s[j] not in s[i:j]:
        j += 1
    $out = max($out, j - i)
==== lines s
$out = 0
for part in s.split("e"):
    $out = max($out, len(part))
--
$out = max(len(part) for part in s.split("e"))
--
$out = max([len(part) for part in s.split("e")])
--
$out = start = 0
while start <= len(s):
    end = s.find("e", start)
    end = len(s) if end < 0 else end
    $out = max($out, end - start)
    start = end + 1
--
$out = len(sorted(s.split("e"), key=len)[-1])
"""

TABLES = r"""
==== scaled d
$out = {key: value * $c for key, value in d.items()}
--
$out = {}
for key in d:
    $out[key] = d[key] * $c
--
$out = {}
for key in d:
    row = dict(d)
    $out[key] = row[key] * $c
--
$out = dict([(key, value * $c) for key, value in d.items()])
--
$out = {}
for key, value in list(d.items()):
    $out[key] = value * $c
==== looked_up d ws
$out = [d[w] for w in ws if w in d]
--
$out = [d[w] for w in ws if w in d.keys()]
--
$out = [d[w] for w in ws if w in list(d)]
--
$out = [d[w] for w in ws if w in list(d.keys())]
--
keys = list(d)
$out = [d[w] for w in ws if w in keys]
--
$out = []
for w in ws:
    value = d.get(w)
    if value is not None:
        $out.append(value)
--
$out = [value for w in ws for key, value in d.items() if key == w]
==== dearest d
$out = max(d, key=d.get)
--
$out = sorted(d, key=d.get, reverse=True)[0]
--
$out = max(d.items(), key=lambda item: item[1])[0]
--
$out = None
for key in d:
    if $out is None or d[key] > d[$out]:
        $out = key
--
best = max(list(d.values()))
$out = [key for key in d if d[key] == best][0]
==== inverted d
$out = {}
for key, value in d.items():
    $out.setdefault(value, []).append(key)
--
$out = {value: [k for k, v in d.items() if v == value] for value in set(d.values())}
--
$out = {value: [k for k, v in d.items() if v == value] for value in d.values()}
--
$out = {}
for key, value in d.items():
    $out[value] = $out.get(value, []) + [key]
--
from collections import defaultdict
groups = defaultdict(list)
for key in d:
    groups[d[key]].append(key)
$out = dict(groups)
==== without_small d
$out = {key: value for key, value in d.items() if value > $k}
--
$out = dict(d)
for key in d:
    if d[key] <= $k:
        del $out[key]
--
import copy
$out = copy.deepcopy(d)
for key in list(d):
    if d[key] <= $k:
        $out.pop(key)
--
$out = {}
for key in d:
    if d[key] > $k:
        $out[key] = d[key]
--
$out = {}
for key in d:
    if d[key] > $k:
        $out = {**$out, key: d[key]}
==== summed d
$out = sum(d.values())
--
$out = sum(list(d.values()))
--
$out = sum(d[key] for key in d)
--
$out = sum([value for _, value in d.items()])
--
$out = 0
for key in sorted(d):
    $out += d[key]
==== spans ps
$out = sum(b - a for a, b in ps)
--
lows = [a for a, _ in ps]
highs = [b for _, b in ps]
$out = sum(highs) - sum(lows)
--
$out = sum([b - a for a, b in ps])
--
$out = 0
for pair in ps:
    $out += pair[1] - pair[0]
--
import copy
$out = sum(b - a for a, b in copy.deepcopy(ps))
==== columns ps
$out = [tuple(column) for column in zip(*ps)]
--
$out = [tuple([a for a, _ in ps]), tuple([b for _, b in ps])]
--
$out = [tuple(a for a, _ in ps), tuple(b for _, b in ps)]
--
lows, highs = (), ()
for a, b in ps:
    lows += (a,)
    highs += (b,)
$out = [lows, highs]
--
lows, highs = [], []
for a, b in ps:
    lows.append(a)
    highs.append(b)
$out = [tuple(lows), tuple(highs)]
==== overlaps ps
ordered = sorted(ps)
$out = sum(1 for (_, b), (c, _) in zip(ordered, ordered[1:]) if c <= b)
--
ordered = sorted(ps)
$out = 0
for i in range(len(ordered) - 1):
    if ordered[i + 1][0] <= ordered[i][1]:
        $out += 1
--
$out = 0
for i in range(len(ps) - 1):
    ordered = sorted(ps)
    if ordered[i + 1][0] <= ordered[i][1]:
        $out += 1
==== flat ps
$out = [x for pair in ps for x in pair]
--
$out = sum((list(pair) for pair in ps), [])
--
from itertools import chain
$out = list(chain.from_iterable(ps))
--
$out = []
for a, b in ps:
    $out.append(a)
    $out.append(b)
--
$out = []
for pair in ps:
    $out += pair
--
$out = []
for pair in ps:
    $out = $out + list(pair)
==== neighbours ps
$out = {}
for a, b in ps:
    $out.setdefault(a, set()).add(b)
$out = {a: len(each) for a, each in $out.items()}
--
$out = {a: len({b for c, b in ps if c == a}) for a, _ in ps}
--
$out = {}
for a, b in ps:
    row = $out.setdefault(a, [])
    if b not in row:
        row.append(b)
$out = {a: len(each) for a, each in $out.items()}
--
from collections import defaultdict
near = defaultdict(set)
for a, b in ps:
    near[a].add(b)
$out = {a: len(each) for a, each in near.items()}
==== reached ps
near = {}
for a, b in ps:
    near.setdefault(a, []).append(b)
seen, stack = {ps[0][0]}, [ps[0][0]]
while stack:
    for b in near.get(stack.pop(), ()):
        if b not in seen:
            seen.add(b)
            stack.append(b)
$out = len(seen)
--
seen, stack = [ps[0][0]], [ps[0][0]]
while stack:
    here = stack.pop()
    for a, b in ps:
        if a == here and b not in seen:
            seen.append(b)
            stack.append(b)
$out = len(seen)
--
from collections import defaultdict, deque
near = defaultdict(list)
for a, b in ps:
    near[a].append(b)
seen, queue = {ps[0][0]}, deque([ps[0][0]])
while queue:
    for b in near[queue.popleft()]:
        if b not in seen:
            seen.add(b)
            queue.append(b)
$out = len(seen)
--
seen = {ps[0][0]}
grown = True
while grown:
    grown = False
    for a, b in ps:
        if a in seen and b not in seen:
            seen.add(b)
            grown = True
$out = len(seen)
==== transposed g
$out = [list(row) for row in zip(*g)]
--
$out = [[row[j] for row in g] for j in range(len(g[0]))]
--
$out = []
for j in range(len(g[0])):
    row = []
    for i in range(len(g)):
        row.append(g[i][j])
    $out.append(row)
--
import copy
copied = copy.deepcopy(g)
$out = [[row[j] for row in copied] for j in range(len(copied[0]))]
==== row_sums g
$out = [sum(row) for row in g]
--
$out = []
for row in g:
    $out.append(sum(list(row)))
--
$out = [sum(g[i][j] for j in range(len(g[i]))) for i in range(len(g))]
--
$out = list(map(sum, g))
==== grid_total g
$out = sum(x for row in g for x in row)
--
$out = sum([x for row in g for x in row])
--
$out = sum(sum(row) for row in g)
--
$out = sum(sum(g, []))
--
$out = 0
for row in g:
    for x in row:
        $out += x
==== paths g
$out = list(g[0])
for j in range(1, len($out)):
    $out[j] += $out[j - 1]
for row in g[1:]:
    $out[0] += row[0]
    for j in range(1, len(row)):
        $out[j] = row[j] + min($out[j], $out[j - 1])
$out = $out[-1]
--
best = [[0] * len(g[0]) for _ in g]
for i, row in enumerate(g):
    for j, x in enumerate(row):
        if i and j:
            best[i][j] = x + min(best[i - 1][j], best[i][j - 1])
        else:
            best[i][j] = x + (best[i - 1][j] if i else best[i][j - 1] if j else 0)
$out = best[-1][-1]
--
best = {}
for i, row in enumerate(g):
    for j, x in enumerate(row):
        before = [best[key] for key in ((i - 1, j), (i, j - 1)) if key in best]
        best[i, j] = x + min(before, default=0)
$out = best[len(g) - 1, len(g[0]) - 1]
==== islands g
seen, $out = set(), 0
for i in range(len(g)):
    for j in range(len(g[0])):
        if g[i][j] % 2 and (i, j) not in seen:
            $out += 1
            stack = [(i, j)]
            seen.add((i, j))
            while stack:
                a, b = stack.pop()
                for y, x in ((a + 1, b), (a - 1, b), (a, b + 1), (a, b - 1)):
                    if 0 <= y < len(g) and 0 <= x < len(g[0]) and g[y][x] % 2 and (y, x) not in seen:
                        seen.add((y, x))
                        stack.append((y, x))
--
seen, $out = [], 0
for i in range(len(g)):
    for j in range(len(g[0])):
        if g[i][j] % 2 and (i, j) not in seen:
            $out += 1
            stack = [(i, j)]
            seen.append((i, j))
            while stack:
                a, b = stack.pop()
                for y, x in ((a + 1, b), (a - 1, b), (a, b + 1), (a, b - 1)):
                    if 0 <= y < len(g) and 0 <= x < len(g[0]) and g[y][x] % 2 and (y, x) not in seen:
                        seen.append((y, x))
                        stack.append((y, x))
--
marks, $out = [[False] * len(row) for row in g], 0
for i in range(len(g)):
    for j in range(len(g[0])):
        if g[i][j] % 2 and not marks[i][j]:
            $out += 1
            stack = [(i, j)]
            marks[i][j] = True
            while stack:
                a, b = stack.pop()
                for y, x in ((a + 1, b), (a - 1, b), (a, b + 1), (a, b - 1)):
                    if 0 <= y < len(g) and 0 <= x < len(g[0]) and g[y][x] % 2 and not marks[y][x]:
                        marks[y][x] = True
                        stack.append((y, x))
"""

TASKS = tuple(task for part in (NUMBERS, WORDS, TABLES) for task in _tasks(part))
