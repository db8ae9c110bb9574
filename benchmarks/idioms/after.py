"""The same functions after a change: costlier, or as costly (`idiomatic.py`)."""

import copy


def total(xs):
    return sum([x * x for x in xs])


def has_negative(values):
    return any([v < 0 for v in values])


def walk(xs):
    total = 0
    for i in list(range(len(xs))):
        total += xs[i]
    return total


def largest(xs):
    best = xs[0]
    for x in xs[:]:
        if x > best:
            best = x
    return best


def cheapest(prices):
    return sorted(prices)[0]


def snapshot(xs):
    return list(list(xs))


def common(a, b):
    known = list(a)
    return [x for x in b if x in known]


def has_duplicates(xs):
    for i in range(len(xs)):
        for j in range(i + 1, len(xs)):
            if xs[i] == xs[j]:
                return True
    return False


def spell(words):
    text = ""
    for word in words:
        text = word + text
    return text


def doubled(xs):
    out = []
    for x in xs:
        out = out + [2 * x]
    return out


def counts(words):
    return {word: words.count(word) for word in words}


def drain(xs):
    queue = list(xs)
    total = 0
    while queue:
        total += queue.pop(0)
    return total


def medians(xs):
    return [sorted(xs)[len(xs) // 2] + x for x in xs]


def shares(xs):
    return [x / (sum(xs) + 1) for x in xs]


def running(xs):
    return [sum(xs[: i + 1]) for i in range(len(xs))]


def close_pairs(xs):
    pairs = [(a, b) for i, a in enumerate(xs) for b in xs[i + 1 : i + 20]]
    return sum(1 for a, b in pairs if abs(a - b) < 3)


def longest(text):
    return max(len(part) for part in text.split(" "))


def by_first(words):
    return {letter: [w for w in words if w[0] == letter] for letter in {w[0] for w in words}}


def scaled(table):
    out = {}
    for key in table:
        row = dict(table)
        out[key] = row[key] * 2
    return out


def has_key(table, names):
    return [name for name in names if name in list(table.keys())]


def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def paths(side):
    grid = [[1] * side for _ in range(side)]
    for i in range(1, side):
        for j in range(1, side):
            grid[i][j] = grid[i - 1][j] + grid[i][j - 1]
    return grid[-1][-1]


def best_window(xs, k):
    return max(sum(xs[i : i + k]) for i in range(len(xs) - k + 1))


def is_palindrome(text):
    letters = list(text)
    return letters == letters[::-1]


def flat(pairs):
    return sum((list(pair) for pair in pairs), [])


def merge_cost(xs):
    heap = list(xs)
    cost = 0
    while len(heap) > 1:
        heap.sort()
        a = heap.pop(0) + heap.pop(0)
        cost += a
        heap.append(a)
    return cost


def positions(xs, ys):
    return [xs.index(y) if y in xs else -1 for y in ys]


def csv(xs):
    return len(",".join([str(x) for x in xs])) + 1


def peak(pairs):
    pairs = copy.deepcopy(pairs)
    return max(b for _, b in pairs)


def spread(pairs):
    lows = [a for a, _ in pairs]
    highs = [b for _, b in pairs]
    return sum(highs) - sum(lows)


def vowels(text):
    return len([c for c in text if c in "aeiou"])


def distinct_letters(text):
    return len({text[i:][0] for i in range(len(text))})


def columns(pairs):
    out = []
    for i in range(2):
        out.append(tuple([p[i] for p in pairs]))
    return out


def first_even(xs):
    evens = [x for x in xs if x % 2 == 0]
    return evens[0] if evens else None


def sum_of_squares(values):
    result = 0
    for value in values:
        result += value * value
    return result


def twice(xs):
    return [x * 2 for x in xs]


def average(xs):
    if not xs:
        return 0
    return sum(xs) / len(xs)


def above(xs, limit):
    least = limit + 1
    return [x for x in xs if x > least]


def evens(xs: list[int]) -> list[int]:
    """The even ones."""
    return [x for x in xs if not x % 2]


def count_small(xs):
    n = 0
    for x in xs:
        if 100 > x:
            n += 1
    return n


def positive(xs):
    out = list()
    for x in xs:
        if x > 0:
            out.append(x)
    return out


def good(w):
    return len(w) > 3 and w[0] != "a"


def kept(words):
    return [w for w in words if good(w)]


def extent(xs):
    low, high = min(xs), max(xs)
    return high - low


def labels(words):
    return [f"<{w}>" for w in words]


def clipped(xs):
    out = []
    for x in xs:
        if x <= 500:
            out.append(x)
        else:
            out.append(500)
    return out


def look_up(table, names):
    return [table.get(n, 0) for n in names]
