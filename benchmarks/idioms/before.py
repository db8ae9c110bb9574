"""Functions as they were, the cheaper version where there is one (`idiomatic.py`)."""

import heapq
from collections import deque


def total(xs):
    return sum(x * x for x in xs)


def has_negative(values):
    return any(v < 0 for v in values)


def walk(xs):
    total = 0
    for i in range(len(xs)):
        total += xs[i]
    return total


def largest(xs):
    best = xs[0]
    for x in xs:
        if x > best:
            best = x
    return best


def cheapest(prices):
    return min(prices)


def snapshot(xs):
    return list(xs)


def common(a, b):
    known = set(a)
    return [x for x in b if x in known]


def has_duplicates(xs):
    return len(set(xs)) < len(xs)


def spell(words):
    return "".join(reversed(words))


def doubled(xs):
    out = []
    for x in xs:
        out.append(2 * x)
    return out


def counts(words):
    found = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    return found


def drain(xs):
    queue = deque(xs)
    total = 0
    while queue:
        total += queue.popleft()
    return total


def medians(xs):
    ordered = sorted(xs)
    return [ordered[len(ordered) // 2] + x for x in xs]


def shares(xs):
    total = sum(xs)
    return [x / (total + 1) for x in xs]


def running(xs):
    out, total = [], 0
    for x in xs:
        total += x
        out.append(total)
    return out


def close_pairs(xs):
    found = 0
    for i, a in enumerate(xs):
        for b in xs[i + 1 : i + 20]:
            if abs(a - b) < 3:
                found += 1
    return found


def longest(text):
    best = 0
    start = 0
    while start < len(text):
        end = text.find(" ", start)
        end = len(text) if end < 0 else end
        best = max(best, end - start)
        start = end + 1
    return best


def by_first(words):
    groups = {}
    for word in words:
        groups.setdefault(word[0], []).append(word)
    return groups


def scaled(table):
    out = {}
    for key in table:
        out[key] = table[key] * 2
    return out


def has_key(table, names):
    return [name for name in names if name in table]


def fib(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def paths(side):
    row = [1] * side
    for _ in range(side - 1):
        for i in range(1, side):
            row[i] += row[i - 1]
    return row[-1]


def best_window(xs, k):
    total = best = sum(xs[:k])
    for i in range(k, len(xs)):
        total += xs[i] - xs[i - k]
        best = max(best, total)
    return best


def is_palindrome(text):
    i, j = 0, len(text) - 1
    while i < j:
        if text[i] != text[j]:
            return False
        i, j = i + 1, j - 1
    return True


def flat(pairs):
    return [x for pair in pairs for x in pair]


def merge_cost(xs):
    heap = list(xs)
    heapq.heapify(heap)
    cost = 0
    while len(heap) > 1:
        a = heapq.heappop(heap) + heapq.heappop(heap)
        cost += a
        heapq.heappush(heap, a)
    return cost


def positions(xs, ys):
    place = {x: i for i, x in enumerate(xs)}
    return [place.get(y, -1) for y in ys]


def csv(xs):
    parts = 0
    for x in xs:
        parts += len(str(x)) + 1
    return parts


def peak(pairs):
    return max(b for _, b in pairs)


def spread(pairs):
    return sum(b - a for a, b in pairs)


def vowels(text):
    return sum(text.count(v) for v in "aeiou")


def distinct_letters(text):
    return len(set(text))


def columns(pairs):
    return list(zip(*pairs))


def first_even(xs):
    for x in xs:
        if x % 2 == 0:
            return x
    return None


def sum_of_squares(xs):
    acc = 0
    for x in xs:
        acc += x * x
    return acc


def twice(xs):
    return [2 * x for x in xs]


def average(xs):
    if xs:
        return sum(xs) / len(xs)
    return 0


def above(xs, limit):
    return [x for x in xs if x > limit + 1]


def evens(xs):
    return [x for x in xs if x % 2 == 0]


def count_small(xs):
    n = 0
    for x in xs:
        if x < 100:
            n += 1
    return n


def positive(xs):
    out = []
    for x in xs:
        if x > 0:
            out.append(x)
    return out


def kept(words):
    return [w for w in words if len(w) > 3 and w[0] != "a"]


def extent(xs):
    low = min(xs)
    high = max(xs)
    return high - low


def labels(words):
    return ["<" + w + ">" for w in words]


def clipped(xs):
    out = []
    for x in xs:
        if x > 500:
            out.append(500)
        else:
            out.append(x)
    return out


def look_up(table, names):
    return [table[n] if n in table else 0 for n in names]
