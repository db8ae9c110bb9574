"""Idioms that make one number of a list: scans, searches, pairs, tables, recursion, simulation."""

FOLDS = r"""
### fold_values(ints xs) -> int
## n 1
$total = 0
for $x in $xs:
    $total = $fold{f total x}
return $total
## n 1
$total = 0
for $i in range(len($xs)):
    $total = $fold{f total xs[i]}
return $total
## n 1
return functools.reduce(lambda $total, $x: $fold{f total x}, $xs, 0)
## n n deep
def $walk($i, $total):
    if $i == len($xs):
        return $total
    return $walk($i + 1, $fold{f total xs[i]})
return $walk(0, 0)
## n2 n deep most=2000
def $walk($rest, $total):
    if not $rest:
        return $total
    $x = $rest[0]
    return $walk($rest[1:], $fold{f total x})
return $walk($xs, 0)

### sum_chosen(ints xs) -> int
## n 1
return sum($int{e x} for $x in $xs if $cond{c x})
## n n
return sum([$int{e x} for $x in $xs if $cond{c x}])
## n 1
$total = 0
for $x in $xs:
    if $cond{c x}:
        $total += $int{e x}
return $total
## n n
return sum(map(lambda $x: $int{e x}, filter(lambda $x: $cond{c x}, $xs)))
## n 1
def $chosen($values):
    for $x in $values:
        if $cond{c x}:
            yield $int{e x}
return sum($chosen($xs))

### count_chosen(ints xs) -> int
## n 1
return sum(1 for $x in $xs if $cond{c x})
## n 0.5n
return len([$x for $x in $xs if $cond{c x}])
## n 1
$count, $i = 0, 0
while $i < len($xs):
    $x = $xs[$i]
    if $cond{c x}:
        $count += 1
    $i += 1
return $count

### first_chosen(ints xs) -> int
## 9 1
for $x in $xs:
    if $cond{c x}:
        return $int{e x}
return -1
## n 1
$found = -1
for $x in reversed($xs):
    if $cond{c x}:
        $found = $int{e x}
return $found
## 9 1
return next(($int{e x} for $x in $xs if $cond{c x}), -1)
## n n
$found = [$int{e x} for $x in $xs if $cond{c x}]
return $found[0] if $found else -1

### head_and_tail(ints xs) -> int
## 1 1
if not $xs:
    return 0
return $xs[0] $op{o + - ^} $xs[-1]
## 1 1
return sum($xs[:1]) $op{o + - ^} sum($xs[-1:])
## n n
$copy = list($xs)
$first = $copy.pop(0) if $copy else 0
$last = $copy.pop() if $copy else $first
return $first $op{o + - ^} $last

### length_of(ints xs) -> int
## 1 1
return len($xs) $op{o * + ^} $lit{k 2 90}
## n 1
return sum(1 for $_ in $xs) $op{o * + ^} $lit{k 2 90}
## n n
return len([$x for $x in $xs]) $op{o * + ^} $lit{k 2 90}

### spread(ints xs) -> int
## n 1
return max($xs, default=0) - min($xs, default=0)
## nlog n
$ordered = sorted($xs)
return $ordered[-1] - $ordered[0] if $ordered else 0
## n 1
if not $xs:
    return 0
$low = $high = $xs[0]
for $x in $xs:
    if $x < $low:
        $low = $x
    elif $x > $high:
        $high = $x
return $high - $low
## 0.5n2 1
return max((abs($a - $b) for $i, $a in enumerate($xs) for $b in $xs[:$i]), default=0)

### best_slice(ints xs) -> int
## n 1
$best = $cur = 0
for $x in $xs:
    $x -= $lit{k 1 50}
    $cur = max(0, $cur + $x)
    $best = max($best, $cur)
return $best
## 0.5n2 1
$best = 0
for $i in range(len($xs)):
    $cur = 0
    for $j in range($i, len($xs)):
        $cur += $xs[$j] - $lit{k 1 50}
        if $cur > $best:
            $best = $cur
return $best
## n n
$sums = [0]
for $x in $xs:
    $sums.append($sums[-1] + $x - $lit{k 1 50})
$low = $best = 0
for $s in $sums:
    $low = min($low, $s)
    $best = max($best, $s - $low)
return $best
## nlog log
def $best_of($low, $high):
    if $high - $low <= 1:
        return max(0, $xs[$low] - $lit{k 1 50}) if $high > $low else 0
    $mid = ($low + $high) // 2
    $left = $right = $total = 0
    for $i in range($mid - 1, $low - 1, -1):
        $total += $xs[$i] - $lit{k 1 50}
        $left = max($left, $total)
    $total = 0
    for $i in range($mid, $high):
        $total += $xs[$i] - $lit{k 1 50}
        $right = max($right, $total)
    return max($best_of($low, $mid), $best_of($mid, $high), $left + $right)
return $best_of(0, len($xs))

### count_inversions(ints xs) -> int
## 0.5n2 1
$count = 0
for $i in range(len($xs)):
    for $j in range($i):
        if $xs[$j] > $xs[$i]:
            $count += 1
return $count
## nlog n
$ordered, $count = [], 0
for $x in $xs:
    $count += len($ordered) - bisect.bisect_right($ordered, $x)
    bisect.insort($ordered, $x)
return $count
## 2nlog 2n
def $sort($values):
    if len($values) < 2:
        return $values, 0
    $mid = len($values) // 2
    ($left, $a), ($right, $b) = $sort($values[:$mid]), $sort($values[$mid:])
    $out, $count, $i, $j = [], $a + $b, 0, 0
    while $i < len($left) and $j < len($right):
        if $left[$i] <= $right[$j]:
            $out.append($left[$i])
            $i += 1
        else:
            $out.append($right[$j])
            $count += len($left) - $i
            $j += 1
    return $out + $left[$i:] + $right[$j:], $count
return $sort($xs)[1]
## 2nlog 3n
$rank = {$x: $i for $i, $x in enumerate(sorted(set($xs)), 1)}
$tree, $count = [0] * (len($rank) + 1), 0
for $x in reversed($xs):
    $i = $rank[$x] - 1
    while $i > 0:
        $count += $tree[$i]
        $i -= $i & -$i
    $i = $rank[$x]
    while $i < len($tree):
        $tree[$i] += 1
        $i += $i & -$i
return $count

### count_pairs_with_sum(ints xs) -> int
## n n
$seen, $count = {}, 0
for $x in $xs:
    $count += $seen.get($lit{t 5 900} - $x, 0)
    $seen[$x] = $seen.get($x, 0) + 1
return $count
## 0.5n2 1
$count = 0
for $i in range(len($xs)):
    for $j in range($i + 1, len($xs)):
        if $xs[$i] + $xs[$j] == $lit{t 5 900}:
            $count += 1
return $count
## n2 n
return sum($xs[:$i].count($lit{t 5 900} - $x) for $i, $x in enumerate($xs))
## 0.5n2 1
return sum(1 for $a, $b in itertools.combinations($xs, 2) if $a + $b == $lit{t 5 900})

### has_pair_with_difference(ints xs) -> int
## n n
$known = set($xs)
return sum(1 for $x in $xs if $x + $lit{d 1 60} in $known)
## n2 1
return sum(1 for $x in $xs if $x + $lit{d 1 60} in $xs)
## nlog n
$ordered, $count = sorted($xs), 0
for $x in $xs:
    $i = bisect.bisect_left($ordered, $x + $lit{d 1 60})
    if $i < len($ordered) and $ordered[$i] == $x + $lit{d 1 60}:
        $count += 1
return $count
## n n
$known, $count = Counter($xs), 0
for $x in $known:
    if $x + $lit{d 1 60} in $known:
        $count += $known[$x]
return $count

### longest_increasing(ints xs) -> int
## 0.5n2 n
$dp = [1] * len($xs)
for $i in range(len($xs)):
    for $j in range($i):
        if $xs[$j] < $xs[$i] and $dp[$j] + 1 > $dp[$i]:
            $dp[$i] = $dp[$j] + 1
return max($dp, default=0)
## nlog n
$tails = []
for $x in $xs:
    $i = bisect.bisect_left($tails, $x)
    if $i == len($tails):
        $tails.append($x)
    else:
        $tails[$i] = $x
return len($tails)
## 0.5n2 n
$dp = []
for $i, $x in enumerate($xs):
    $dp.append(1 + max(($dp[$j] for $j in range($i) if $xs[$j] < $x), default=0))
return max($dp) if $dp else 0

### count_distinct(ints xs) -> int
## n n
return len(set($xs))
## nlog n
return sum(1 for $x, $_ in itertools.groupby(sorted($xs)))
## 0.5n2 n
$seen = []
for $x in $xs:
    if $x not in $seen:
        $seen.append($x)
return len($seen)
## n n
$seen = {}
for $x in $xs:
    $seen[$x] = True
return len($seen)
## 0.5n2 1
return sum(1 for $i, $x in enumerate($xs) if $x not in $xs[:$i])

### most_common(ints xs) -> int
## n n
return max(Counter($xs).values(), default=0)
## n n
$counts = defaultdict(int)
for $x in $xs:
    $counts[$x] += 1
return max($counts.values()) if $counts else 0
## n2 1
return max(($xs.count($x) for $x in $xs), default=0)
## n2 n
return max(($xs.count($x) for $x in set($xs)), default=0)
## nlog n
$best = $run = 0
$prev = None
for $x in sorted($xs):
    $run = $run + 1 if $x == $prev else 1
    $best, $prev = max($best, $run), $x
return $best

### majority(ints xs) -> int
## 2n 1
$kept, $count = 0, 0
for $x in $xs:
    if $count == 0:
        $kept = $x
    $count += 1 if $x == $kept else -1
return $kept if 2 * $xs.count($kept) > len($xs) else -1
## n n
$counts = Counter($xs)
for $x, $count in $counts.items():
    if 2 * $count > len($xs):
        return $x
return -1
## n2 1
for $x in $xs:
    if 2 * $xs.count($x) > len($xs):
        return $x
return -1
## nlog n
$ordered = sorted($xs)
$x = $ordered[len($ordered) // 2] if $ordered else -1
return $x if 2 * $ordered.count($x) > len($ordered) else -1

### widest_gap(ints xs) -> int
## nlog n
$ordered = sorted($xs)
return max(($b - $a for $a, $b in zip($ordered, $ordered[1:])), default=0)
## nlog n
$ordered = $xs.copy()
$ordered.sort()
$best = 0
for $i in range(1, len($ordered)):
    $best = max($best, $ordered[$i] - $ordered[$i - 1])
return $best
## nlog n
$heap = $xs[:]
heapq.heapify($heap)
$best, $prev = 0, $heap[0] if $heap else 0
while $heap:
    $cur = heapq.heappop($heap)
    $best, $prev = max($best, $cur - $prev), $cur
return $best

### best_window(ints xs) -> int
## n 1
$total = sum($xs[:$lit{k 3 60}])
$best = $total
for $i in range($lit{k 3 60}, len($xs)):
    $total += $xs[$i] - $xs[$i - $lit{k 3 60}]
    $best = max($best, $total)
return $best
## 12n 1
return max((sum($xs[$i:$i + $lit{k 3 60}]) for $i in range(max(1, len($xs) - $lit{k 3 60} + 1))), default=0)
## n n
$sums = [0, *itertools.accumulate($xs)]
$size = min($lit{k 3 60}, len($xs))
return max($sums[$i + $size] - $sums[$i] for $i in range(len($xs) - $size + 1))
## n 1
$window, $total, $best = deque(), 0, None
for $x in $xs:
    $window.append($x)
    $total += $x
    if len($window) > $lit{k 3 60}:
        $total -= $window.popleft()
    if len($window) == min($lit{k 3 60}, len($xs)):
        $best = $total if $best is None else max($best, $total)
return $best or 0

### distinct_in_windows(ints xs) -> int
## 2n 1
$counts, $best = {}, 0
for $i, $x in enumerate($xs):
    $counts[$x] = $counts.get($x, 0) + 1
    if $i >= $lit{k 3 60}:
        $y = $xs[$i - $lit{k 3 60}]
        $counts[$y] -= 1
        if not $counts[$y]:
            del $counts[$y]
    $best = max($best, len($counts))
return $best
## 9n 1
return max((len(set($xs[max(0, $i - $lit{k 3 60} + 1):$i + 1])) for $i in range(len($xs))), default=0)

### slices_with_sum(ints xs) -> int
## n n
$seen, $total, $count = defaultdict(int), 0, 0
$seen[0] = 1
for $x in $xs:
    $total += $x
    $count += $seen[$total - $lit{t 5 500}]
    $seen[$total] += 1
return $count
## 0.5n2 1
$count = 0
for $i in range(len($xs)):
    $total = 0
    for $j in range($i, len($xs)):
        $total += $xs[$j]
        $count += $total == $lit{t 5 500}
return $count
## 0.5n2 n
$sums = [0] + list(itertools.accumulate($xs))
return sum(1 for $i in range(len($sums)) for $j in range($i) if $sums[$i] - $sums[$j] == $lit{t 5 500})

### widest_container(ints xs) -> int
## n 1
$left, $right, $best = 0, len($xs) - 1, 0
while $left < $right:
    $best = max($best, min($xs[$left], $xs[$right]) * ($right - $left))
    if $xs[$left] < $xs[$right]:
        $left += 1
    else:
        $right -= 1
return $best
## 0.5n2 1
$best = 0
for $i in range(len($xs)):
    for $j in range($i + 1, len($xs)):
        $best = max($best, min($xs[$i], $xs[$j]) * ($j - $i))
return $best

### trapped_water(ints xs) -> int
## 2n 2n
$left = list(itertools.accumulate($xs, max))
$right = list(itertools.accumulate(reversed($xs), max))[::-1]
return sum(min($a, $b) - $x for $a, $b, $x in zip($left, $right, $xs))
## n 1
$i, $j, $low, $total = 0, len($xs) - 1, None, 0
while $i <= $j:
    $x = min($xs[$i], $xs[$j])
    $low = $x if $low is None else max($low, $x)
    if $xs[$i] <= $xs[$j]:
        $total += $low - $xs[$i]
        $i += 1
    else:
        $total += $low - $xs[$j]
        $j -= 1
return $total
## n2 1
$total = 0
for $i in range(len($xs)):
    $total += min(max($xs[:$i + 1]), max($xs[$i:])) - $xs[$i]
return $total

### best_trade(ints xs) -> int
## n 1
$best, $low = 0, None
for $x in $xs:
    if $low is None or $x < $low:
        $low = $x
    elif $x - $low > $best:
        $best = $x - $low
return $best
## 0.5n2 1
return max(($xs[$j] - $xs[$i] for $j in range(len($xs)) for $i in range($j + 1)), default=0)
## n2 n
$best = 0
for $i, $x in enumerate($xs):
    $best = max($best, max($xs[$i:]) - $x)
return $best
## 2n n
$highs = list(itertools.accumulate($xs[::-1], max))[::-1]
return max(($h - $x for $h, $x in zip($highs, $xs)), default=0)

### reach_end(ints xs) -> int
## n 1
$far = 0
for $i, $x in enumerate($xs):
    if $i > $far:
        break
    $far = max($far, $i + abs($x) % $lit{m 3 20})
return $far
## 5n n
$seen, $stack = set(), [0]
$far = 0
while $stack:
    $i = $stack.pop()
    if $i in $seen or $i >= len($xs):
        continue
    $seen.add($i)
    $far = max($far, $i + abs($xs[$i]) % $lit{m 3 20})
    $stack.extend(range($i + 1, $i + abs($xs[$i]) % $lit{m 3 20} + 1))
return $far

### knapsack(ints xs) -> int
## 30n 60
$dp = [0] * ($lit{w 10 50} + 1)
for $x in $xs:
    $weight = abs($x) % 9 + 1
    for $j in range($lit{w 10 50}, $weight - 1, -1):
        $dp[$j] = max($dp[$j], $dp[$j - $weight] + abs($x) % 101)
return $dp[-1]
## 30n 30n
$table = [[0] * ($lit{w 10 50} + 1) for $_ in range(len($xs) + 1)]
for $i, $x in enumerate($xs, 1):
    $weight = abs($x) % 9 + 1
    for $j in range($lit{w 10 50} + 1):
        $table[$i][$j] = $table[$i - 1][$j]
        if $j >= $weight:
            $table[$i][$j] = max($table[$i][$j], $table[$i - 1][$j - $weight] + abs($x) % 101)
return $table[-1][-1]
## 40n 90n deep most=600
@cache
def $best($i, $left):
    if $i == len($xs):
        return 0
    $weight = abs($xs[$i]) % 9 + 1
    $skip = $best($i + 1, $left)
    if $weight > $left:
        return $skip
    return max($skip, $best($i + 1, $left - $weight) + abs($xs[$i]) % 101)
return $best(0, $lit{w 10 50})

### subset_sums(ints xs) -> int
## 20n 60
$sums = {0}
for $x in $xs:
    $sums |= {($s + $x) % $lit{m 9 90} for $s in $sums}
return len($sums)
## 20n 60
$flags = [False] * $lit{m 9 90}
$flags[0] = True
for $x in $xs:
    $next = $flags[:]
    for $s in range($lit{m 9 90}):
        if $flags[$s]:
            $next[($s + $x) % $lit{m 9 90}] = True
    $flags = $next
return sum($flags)
## 2n 1
$bits, $full = 1, (1 << $lit{m 9 90}) - 1
for $x in $xs:
    $shift = $x % $lit{m 9 90}
    $moved = $bits << $shift
    $bits |= ($moved | $moved >> $lit{m 9 90}) & $full
return bin($bits).count('1')

### best_order(ints xs) -> int
## 2500 6
$best = None
for $perm in itertools.permutations($xs[:$lit{k 4 6}]):
    $total = sum(abs($a - $b) for $a, $b in zip($perm, $perm[1:]))
    if $best is None or $total < $best:
        $best = $total
return $best
## 2 6
$head = $xs[:$lit{k 4 6}]
return max($head) - min($head) if $head else 0
## 3000 900
$orders = list(itertools.permutations($xs[:$lit{k 4 6}]))
return min(sum(abs($p[$i] - $p[$i + 1]) for $i in range(len($p) - 1)) for $p in $orders)
## 2500 6
def $extend($last, $rest, $total):
    if not $rest:
        return $total
    return min(
        $extend($x, $rest[:$i] + $rest[$i + 1:], $total + abs($x - $last))
        for $i, $x in enumerate($rest)
    )
$head = $xs[:$lit{k 4 6}]
return min(($extend($x, $head[:$i] + $head[$i + 1:], 0) for $i, $x in enumerate($head)), default=0)

### best_triple(ints xs) -> int
## n3 1 most=90
$count = 0
for $i in range(len($xs)):
    for $j in range($i):
        for $k in range($j):
            if ($xs[$i] + $xs[$j] + $xs[$k]) % $lit{m 3 40} == 0:
                $count += 1
return $count
## n 60
$counts = [0] * $lit{m 3 40}
for $x in $xs:
    $counts[$x % $lit{m 3 40}] += 1
$total = 0
for $i in range($lit{m 3 40}):
    for $j in range($i, $lit{m 3 40}):
        $k = -($i + $j) % $lit{m 3 40}
        if $k < $j:
            continue
        $a, $b, $c = $counts[$i], $counts[$j], $counts[$k]
        if $i == $j == $k:
            $total += $a * ($a - 1) * ($a - 2) // 6
        elif $i == $j:
            $total += $a * ($a - 1) // 2 * $c
        elif $j == $k:
            $total += $a * ($b * ($b - 1) // 2)
        else:
            $total += $a * $b * $c
return $total
## n3 1 most=90
return sum(1 for $t in itertools.combinations($xs, 3) if sum($t) % $lit{m 3 40} == 0)

### longest_run(ints xs) -> int
## n 1
$best = $run = 0
$prev = None
for $x in $xs:
    $run = $run + 1 if $prev is not None and $rel{r prev x} else 1
    $best, $prev = max($best, $run), $x
return $best
## n n
$dp = [1] * len($xs)
for $i in range(1, len($xs)):
    $a, $b = $xs[$i - 1], $xs[$i]
    if $rel{r a b}:
        $dp[$i] = $dp[$i - 1] + 1
return max($dp, default=0)
## 3n 1
$best = 0
for $i in range(len($xs)):
    $j = $i + 1
    while $j < len($xs):
        $a, $b = $xs[$j - 1], $xs[$j]
        if not ($rel{r a b}):
            break
        $j += 1
    $best = max($best, $j - $i)
return $best

### longest_consecutive(ints xs) -> int
## 2n n
$known, $best = set($xs), 0
for $x in $known:
    if $x - 1 not in $known:
        $end = $x
        while $end in $known:
            $end += 1
        $best = max($best, $end - $x)
return $best
## nlog n
$best = $run = 0
$prev = None
for $x in sorted(set($xs)):
    $run = $run + 1 if $prev is not None and $x == $prev + 1 else 1
    $best, $prev = max($best, $run), $x
return $best
## n2 1
$best = 0
for $x in $xs:
    $end = $x
    while $end in $xs:
        $end += 1
    $best = max($best, $end - $x)
return $best

### kth_largest(ints xs) -> int
## 2n 10
return (heapq.nlargest($lit{k 2 9}, $xs) or [0])[-1]
## nlog n
return (sorted($xs, reverse=True)[:$lit{k 2 9}] or [0])[-1]
## 3n 10
$heap = []
for $x in $xs:
    heapq.heappush($heap, $x)
    if len($heap) > $lit{k 2 9}:
        heapq.heappop($heap)
return $heap[0] if $heap else 0
## 5n n
$left = $xs[:]
$top = 0
for $_ in range(min($lit{k 2 9}, len($xs))):
    $top = max($left)
    $left.remove($top)
return $top
## 2n n
def $select($values, $k):
    $pivot = $values[len($values) // 2]
    $more = [$x for $x in $values if $x > $pivot]
    $same = $values.count($pivot)
    if $k < len($more):
        return $select($more, $k)
    if $k < len($more) + $same:
        return $pivot
    return $select([$x for $x in $values if $x < $pivot], $k - len($more) - $same)
return $select($xs, min($lit{k 2 9}, len($xs)) - 1) if $xs else 0

### median(ints xs) -> int
## nlog n
$ordered = sorted($xs)
return $ordered[(len($ordered) - 1) // 2] if $ordered else 0
## 4n n
$low, $high = [], []
for $x in $xs:
    heapq.heappush($low, -heapq.heappushpop($high, $x))
    if len($low) > len($high) + 1:
        heapq.heappush($high, -heapq.heappop($low))
return -$low[0] if $low else 0
## nlog n
$ordered = []
for $x in $xs:
    bisect.insort($ordered, $x)
return $ordered[(len($ordered) - 1) // 2] if $ordered else 0
## n2 1
for $x in $xs:
    $below = sum(1 for $y in $xs if $y < $x)
    if $below <= (len($xs) - 1) // 2 < $below + $xs.count($x):
        return $x
return 0
## n2 n
$left = list($xs)
while len($left) > 2:
    $left.remove(max($left))
    $left.remove(min($left))
return min($left, default=0)

### pair_score(ints xs) -> int
## 0.5n2 1
$best = 0
for $i, $a in enumerate($xs):
    for $b in $xs[:$i]:
        if $rel{r a b}:
            $best = max($best, $int{e a b})
return $best
## 0.5n2 1
$best = 0
for $i in range(len($xs)):
    for $j in range($i):
        $a, $b = $xs[$i], $xs[$j]
        if $rel{r a b}:
            $best = max($best, $int{e a b})
return $best
## 0.5n2 0.3n2 most=500
$found = [$int{e a b} for $i, $a in enumerate($xs) for $b in $xs[:$i] if $rel{r a b}]
return max([0] + $found)
## 0.5n2 1
return max((max(0, $int{e a b}) for $b, $a in itertools.combinations($xs, 2) if $rel{r a b}), default=0)

### xor_pairs(ints xs) -> int
## n2 1
return sum($a ^ $b for $a in $xs for $b in $xs if $a >= 0 and $b >= 0)
## 60n 1
$total = 0
for $bit in range(max([0] + $xs).bit_length()):
    $ones = sum(1 for $x in $xs if $x >= 0 and $x >> $bit & 1)
    $zeros = sum(1 for $x in $xs if $x >= 0 and not $x >> $bit & 1)
    $total += 2 * $ones * $zeros << $bit
return $total

### gcd_all(ints xs) -> int
## n 1
return functools.reduce(math.gcd, $xs, 0) + $lit{k 1 50}
## 2n 1
$g = 0
for $x in $xs:
    $a, $b = $g, abs($x)
    while $b:
        $a, $b = $b, $a % $b
    $g = $a
return $g + $lit{k 1 50}
## 2n log
def $common($low, $high):
    if $high - $low < 2:
        return abs($xs[$low]) if $low < $high else 0
    $mid = ($low + $high) // 2
    return math.gcd($common($low, $mid), $common($mid, $high))
return $common(0, len($xs)) + $lit{k 1 50}

### rob_houses(ints xs) -> int
## n 1
$take = $skip = 0
for $x in $xs:
    $take, $skip = $skip + abs($x), max($take, $skip)
return max($take, $skip)
## n n
$dp = [0, 0]
for $x in $xs:
    $dp.append(max($dp[-1], $dp[-2] + abs($x)))
return $dp[-1]
## 2n 3n deep
$memo = {}
def $best($i):
    if $i >= len($xs):
        return 0
    if $i not in $memo:
        $memo[$i] = max($best($i + 1), $best($i + 2) + abs($xs[$i]))
    return $memo[$i]
return $best(0)
## 2n 3n deep most=800
@lru_cache(maxsize=None)
def $best($i):
    return 0 if $i >= len($xs) else max($best($i + 1), abs($xs[$i]) + $best($i + 2))
return $best(0)

### largest_rectangle(ints xs) -> int
## 3n n
$stack, $best = [], 0
for $i, $h in enumerate([abs($x) for $x in $xs] + [0]):
    $start = $i
    while $stack and $stack[-1][1] >= $h:
        $start, $top = $stack.pop()
        $best = max($best, $top * ($i - $start))
    $stack.append(($start, $h))
return $best
## 0.5n2 1
$best = 0
for $i in range(len($xs)):
    $low = abs($xs[$i])
    for $j in range($i, len($xs)):
        $low = min($low, abs($xs[$j]))
        $best = max($best, $low * ($j - $i + 1))
return $best

### halves(ints xs) -> int
## 2n 2n
def $score($values):
    if len($values) <= 1:
        return sum($values)
    $mid = len($values) // 2
    $a, $b = $score($values[:$mid]), $score($values[$mid:])
    return $fold{f a b}
return $score($xs)
## 2n log
def $score($low, $high):
    if $high - $low <= 1:
        return $xs[$low] if $low < $high else 0
    $mid = ($low + $high) // 2
    $a, $b = $score($low, $mid), $score($mid, $high)
    return $fold{f a b}
return $score(0, len($xs))

### polynomial_hash(ints xs) -> int
## n 1
$code = 0
for $x in $xs:
    $code = ($code * $lit{b 7 300} + $x) % $mod{m}
return $code
## n n
$powers = [1]
for $_ in $xs:
    $powers.append($powers[-1] * $lit{b 7 300} % $mod{m})
return sum($x * $p for $x, $p in zip(reversed($xs), $powers)) % $mod{m}
## nlog 1
return sum($x * pow($lit{b 7 300}, len($xs) - 1 - $i, $mod{m}) for $i, $x in enumerate($xs)) % $mod{m}
## n2 1
$code = 0
for $i, $x in enumerate($xs):
    $term = $x
    for $_ in range(len($xs) - 1 - $i):
        $term = $term * $lit{b 7 300} % $mod{m}
    $code += $term
return $code % $mod{m}

### merge_cost(ints xs) -> int
## 2nlog n
$heap = [abs($x) for $x in $xs]
heapq.heapify($heap)
$cost = 0
while len($heap) > 1:
    $a, $b = heapq.heappop($heap), heapq.heappop($heap)
    $cost += $a + $b
    heapq.heappush($heap, $a + $b)
return $cost
## n2 n
$left, $cost = sorted(abs($x) for $x in $xs), 0
while len($left) > 1:
    $cur = $left.pop(0) + $left.pop(0)
    $cost += $cur
    bisect.insort($left, $cur)
return $cost
## n2 n most=1100
$left, $cost = [abs($x) for $x in $xs], 0
while len($left) > 1:
    $left.sort(reverse=True)
    $cur = $left.pop() + $left.pop()
    $cost += $cur
    $left.append($cur)
return $cost

### first_repeat(ints xs) -> int
## n n
$seen = set()
for $x in $xs:
    if $x in $seen:
        return $x
    $seen.add($x)
return -1
## 0.5n2 1
for $i in range(len($xs)):
    for $j in range($i):
        if $xs[$i] == $xs[$j]:
            return $xs[$i]
return -1
## 0.5n2 n
for $i, $x in enumerate($xs):
    if $x in $xs[:$i]:
        return $x
return -1

### interval_game(ints xs) -> int
## 0.5n2 n2 most=300
$size = len($xs)
$dp = [[0] * ($size + 1) for $_ in range($size + 1)]
for $gap in range($size):
    for $i in range($size - $gap):
        $j = $i + $gap
        $low, $high = ($dp[$i + 1][$j], $dp[$i][$j - 1]) if $gap else (0, 0)
        $dp[$i][$j] = max($xs[$i] - $low, $xs[$j] - $high)
return $dp[0][$size - 1] if $size else 0
## 0.5n2 n
$dp = list($xs)
for $gap in range(1, len($xs)):
    for $i in range(len($xs) - $gap):
        $dp[$i] = max($xs[$i] - $dp[$i + 1], $xs[$i + $gap] - $dp[$i])
return $dp[0] if $dp else 0
## n2 2n2 deep most=120
@cache
def $lead($i, $j):
    if $i == $j:
        return $xs[$i]
    return max($xs[$i] - $lead($i + 1, $j), $xs[$j] - $lead($i, $j - 1))
return $lead(0, len($xs) - 1) if $xs else 0

### queue_rounds(ints xs) -> int
## 5n n
$queue, $count = deque(abs($x) % $lit{m 4 30} for $x in $xs), 0
while $queue:
    $x = $queue.popleft() - $lit{q 3 9}
    $count += 1
    if $x > 0:
        $queue.append($x)
return $count
## 6n n
$queue, $count = [abs($x) % $lit{m 4 30} for $x in $xs], 0
while $queue:
    $x = $queue.pop(0) - $lit{q 3 9}
    $count += 1
    if $x > 0:
        $queue.append($x)
return $count
## 5n n
$left, $count = [abs($x) % $lit{m 4 30} for $x in $xs], 0
while $left:
    $count += len($left)
    $left = [$x - $lit{q 3 9} for $x in $left if $x > $lit{q 3 9}]
return $count
## n 1
return sum(max(1, -(-(abs($x) % $lit{m 4 30}) // $lit{q 3 9})) for $x in $xs)

### range_queries(ints xs) -> int
## 3n 2n
$sums = [0]
for $x in $xs:
    $sums.append($sums[-1] + $x)
$total = 0
for $i in range(len($xs)):
    $j = $i * $lit{a 3 50} % (len($xs) + 1)
    $total ^= $sums[max($i, $j)] - $sums[min($i, $j)]
return $total
## 0.3n2 0.5n
$total = 0
for $i in range(len($xs)):
    $j = $i * $lit{a 3 50} % (len($xs) + 1)
    $total ^= sum($xs[min($i, $j):max($i, $j)])
return $total
## 0.3n2 1
$total = 0
for $i in range(len($xs)):
    $j = $i * $lit{a 3 50} % (len($xs) + 1)
    $part = 0
    for $k in range(min($i, $j), max($i, $j)):
        $part += $xs[$k]
    $total ^= $part
return $total
## 4nlog 2n
class $Tree:
    def __init__(self, $size):
        self.$sums = [0] * ($size + 1)
    def $add(self, $i, $x):
        $i += 1
        while $i < len(self.$sums):
            self.$sums[$i] += $x
            $i += $i & -$i
    def $upto(self, $i):
        $total = 0
        while $i:
            $total += self.$sums[$i]
            $i &= $i - 1
        return $total
$tree = $Tree(len($xs))
for $i, $x in enumerate($xs):
    $tree.$add($i, $x)
$count = 0
for $i in range(len($xs)):
    $j = $i * $lit{a 3 50} % (len($xs) + 1)
    $count ^= $tree.$upto(max($i, $j)) - $tree.$upto(min($i, $j))
return $count

### stack_machine(ints xs) -> int
## 2n n
class $Stack:
    def __init__(self):
        self.$items = []
    def $push(self, $x):
        self.$items.append($x)
    def $pop(self):
        return self.$items.pop() if self.$items else 0
$stack = $Stack()
for $x in $xs:
    if $cond{c x}:
        $stack.$push($x)
    else:
        $stack.$push($stack.$pop() + $stack.$pop())
return $stack.$pop()
## 2n n
$stack = []
for $x in $xs:
    if $cond{c x}:
        $stack.append($x)
    else:
        $a = $stack.pop() if $stack else 0
        $b = $stack.pop() if $stack else 0
        $stack.append($a + $b)
return $stack[-1] if $stack else 0
## 2n 2n
$top = None
for $x in $xs:
    if $cond{c x}:
        $top = ($x, $top)
    else:
        $a, $top = $top if $top else (0, None)
        $b, $top = $top if $top else (0, None)
        $top = ($a + $b, $top)
return $top[0] if $top else 0

### linked_sum(ints xs) -> int
## 2n 3n
class $Node:
    def __init__(self, $value, $next=None):
        self.$value = $value
        self.$next = $next
$head = None
for $x in $xs:
    $head = $Node($x, $head)
$total = 0
while $head:
    $total = $fold{f total head.value}
    $head = $head.$next
return $total
## 2n 2n
class $Node:
    __slots__ = ('$value', '$next')
    def __init__(self, $value, $next):
        self.$value, self.$next = $value, $next
$head = None
for $x in $xs:
    $head = $Node($x, $head)
$total = 0
while $head is not None:
    $total = $fold{f total head.value}
    $head = $head.$next
return $total
## n 1
$total = 0
for $x in reversed($xs):
    $total = $fold{f total x}
return $total
## n n
$total, $rest = 0, $xs[:]
while $rest:
    $x = $rest.pop()
    $total = $fold{f total x}
return $total

### recent_cache(ints xs) -> int
## 2n 50
$cache, $hits = OrderedDict(), 0
for $x in $xs:
    if $x in $cache:
        $hits += 1
        $cache.move_to_end($x)
    else:
        $cache[$x] = True
        if len($cache) > $lit{k 4 60}:
            $cache.popitem(last=False)
return $hits
## 8n 50
$recent, $hits = [], 0
for $x in $xs:
    if $x in $recent:
        $hits += 1
        $recent.remove($x)
    $recent.append($x)
    if len($recent) > $lit{k 4 60}:
        $recent.pop(0)
return $hits
## 2n 50
class $Cache:
    def __init__(self, $size):
        self.$size = $size
        self.$data = {}
        self.$hits = 0
    def $touch(self, $x):
        if $x in self.$data:
            self.$hits += 1
            del self.$data[$x]
        self.$data[$x] = True
        if len(self.$data) > self.$size:
            del self.$data[next(iter(self.$data))]
$cache = $Cache($lit{k 4 60})
for $x in $xs:
    $cache.$touch($x)
return $cache.$hits

### bit_trie(ints xs) -> int
## 20n 20n most=1100
$root = {}
for $x in $xs:
    $node = $root
    for $bit in range($lit{b 5 12}, -1, -1):
        $node = $node.setdefault($x >> $bit & 1, {})
$count, $stack = 0, [$root]
while $stack:
    $node = $stack.pop()
    $count += 1
    $stack.extend($node.values())
return $count
## 10n 5n
$seen = set()
for $bit in range($lit{b 5 12} + 2):
    for $x in $xs:
        $seen.add(($bit, ($x & (2 << $lit{b 5 12}) - 1) >> $bit))
return len($seen) if $xs else 1

### state_count(ints xs) -> int
## 2n n
$x, $seen = 0, set()
while $x not in $seen and $xs:
    $seen.add($x)
    $x = ($x + abs($xs[$x]) + 1) % len($xs)
return len($seen)
## n n
$seen, $x, $count = [False] * len($xs), 0, 0
while $xs and not $seen[$x]:
    $seen[$x] = True
    $count += 1
    $x = ($x + abs($xs[$x]) + 1) % len($xs)
return $count
## 0.2n2 n
$path = [0] if $xs else []
while $path:
    $x = ($path[-1] + abs($xs[$path[-1]]) + 1) % len($xs)
    if $x in $path:
        break
    $path.append($x)
return len($path)

### balanced_split(ints xs) -> int
## n 1
$left, $right, $best = 0, sum($xs), None
for $x in $xs:
    $left += $x
    $right -= $x
    $gap = abs($left - $right)
    $best = $gap if $best is None else min($best, $gap)
return $best or 0
## n2 n
return min((abs(sum($xs[:$i + 1]) - sum($xs[$i + 1:])) for $i in range(len($xs))), default=0)
## n n
$sums = list(itertools.accumulate($xs))
return min((abs(2 * $s - $sums[-1]) for $s in $sums), default=0)

### variance(ints xs) -> int
## 2n 1
if not $xs:
    return 0
$mean = sum($xs) // len($xs)
return sum(($x - $mean) ** 2 for $x in $xs) // len($xs)
## 2n n
$mean = sum($xs) // max(1, len($xs))
$squares = [($x - $mean) * ($x - $mean) for $x in $xs]
return sum($squares) // max(1, len($squares))
## n2 1
$total = 0
for $x in $xs:
    $total += ($x - sum($xs) // len($xs)) ** 2
return $total // max(1, len($xs))

### missing_number(ints xs) -> int
## 2n n
$known = set($xs)
$x = $lit{s 1 9}
while $x in $known:
    $x += 1
return $x
## n 1
$x = $lit{s 1 9}
while $x in $xs:
    $x += 1
return $x
## nlog n
$x = $lit{s 1 9}
for $y in sorted($xs):
    if $y == $x:
        $x += 1
return $x
## n n
$flags = [False] * (len($xs) + 1)
for $x in $xs:
    if 0 <= $x - $lit{s 1 9} < len($xs):
        $flags[$x - $lit{s 1 9}] = True
return $flags.index(False) + $lit{s 1 9}

### zigzag(ints xs) -> int
## n 1
$up = $down = 1
for $i in range(1, len($xs)):
    if $xs[$i] > $xs[$i - 1]:
        $up = $down + 1
    elif $xs[$i] < $xs[$i - 1]:
        $down = $up + 1
return max($up, $down)
## 0.5n2 2n
$up, $down = [1] * len($xs), [1] * len($xs)
for $i in range(len($xs)):
    for $j in range($i):
        if $xs[$j] < $xs[$i]:
            $up[$i] = max($up[$i], $down[$j] + 1)
        elif $xs[$j] > $xs[$i]:
            $down[$i] = max($down[$i], $up[$j] + 1)
return max($up + $down + [1])

### search_sorted(sorted xs) -> int
## 4log 1
$low, $high = 0, len($xs)
while $low < $high:
    $mid = ($low + $high) // 2
    if $xs[$mid] < $lit{t 5 2000}:
        $low = $mid + 1
    else:
        $high = $mid
return $low
## log 1
return bisect.bisect_left($xs, $lit{t 5 2000})
## n 1
return sum(1 for $x in $xs if $x < $lit{t 5 2000})
## 3log log
def $find($low, $high):
    if $low >= $high:
        return $low
    $mid = ($low + $high) // 2
    return $find($mid + 1, $high) if $xs[$mid] < $lit{t 5 2000} else $find($low, $mid)
return $find(0, len($xs))
## 2n n
def $find($part, $start):
    if not $part:
        return $start
    $mid = len($part) // 2
    if $part[$mid] < $lit{t 5 2000}:
        return $find($part[$mid + 1:], $start + $mid + 1)
    return $find($part[:$mid], $start)
return $find($xs, 0)
## 0.5n 1
for $i, $x in enumerate($xs):
    if $x >= $lit{t 5 2000}:
        return $i
return len($xs)

### closest_pair_sorted(sorted xs) -> int
## n 1
$left, $right, $best = 0, len($xs) - 1, None
while $left < $right:
    $gap = abs($xs[$left] + $xs[$right] - $lit{t 5 2000})
    $best = $gap if $best is None else min($best, $gap)
    if $xs[$left] + $xs[$right] < $lit{t 5 2000}:
        $left += 1
    else:
        $right -= 1
return $best or 0
## 0.5n2 1
return min((abs($a + $b - $lit{t 5 2000}) for $a, $b in itertools.combinations($xs, 2)), default=0)
## 2nlog 1
$best = None
for $i, $x in enumerate($xs):
    $j = bisect.bisect_left($xs, $lit{t 5 2000} - $x)
    for $k in ($j - 2, $j - 1, $j, $j + 1):
        if 0 <= $k < len($xs) and $k != $i:
            $gap = abs($x + $xs[$k] - $lit{t 5 2000})
            $best = $gap if $best is None else min($best, $gap)
return $best or 0

### smallest_capacity(ints xs) -> int
## 30n 1
$low, $high = max(map(abs, $xs), default=0), sum(map(abs, $xs))
while $low < $high:
    $mid = ($low + $high) // 2
    $days, $load = 1, 0
    for $x in $xs:
        if $load + abs($x) > $mid:
            $days += 1
            $load = 0
        $load += abs($x)
    if $days <= $lit{d 3 12}:
        $high = $mid
    else:
        $low = $mid + 1
return $low
## 25n n
$loads = [abs($x) for $x in $xs]
def $fits($limit):
    $days, $left = 1, $limit
    for $x in $loads:
        if $x > $left:
            $days, $left = $days + 1, $limit
        $left -= $x
    return $days <= $lit{d 3 12}
$low, $high = max($loads, default=0), sum($loads)
while $low < $high:
    $mid = ($low + $high) // 2
    $low, $high = ($low, $mid) if $fits($mid) else ($mid + 1, $high)
return $high

### dot_product(ints xs, ints ys) -> int
## n 1
return sum($a * $b % $mod{m} for $a, $b in zip($xs, $ys))
## n n
return sum([$a * $b % $mod{m} for $a, $b in list(zip($xs, $ys))])
## n 1
$total = 0
for $i in range(min(len($xs), len($ys))):
    $total += $xs[$i] * $ys[$i] % $mod{m}
return $total

### shared_values(ints xs, ints ys) -> int
## 2n 2n
return len(set($xs) & set($ys))
## n2 n
return len({$x for $x in $xs if $x in $ys})
## n n
$known = set($ys)
return len({$x for $x in $xs if $x in $known})
## 2nlog 2n
$a, $b = sorted(set($xs)), sorted(set($ys))
$i = $j = $count = 0
while $i < len($a) and $j < len($b):
    if $a[$i] == $b[$j]:
        $count += 1
        $i += 1
        $j += 1
    elif $a[$i] < $b[$j]:
        $i += 1
    else:
        $j += 1
return $count

### common_subsequence(ints xs, ints ys) -> int
## n2 n2 most=450
$dp = [[0] * (len($ys) + 1) for $_ in range(len($xs) + 1)]
for $i, $a in enumerate($xs):
    for $j, $b in enumerate($ys):
        $dp[$i + 1][$j + 1] = $dp[$i][$j] + 1 if $a == $b else max($dp[$i][$j + 1], $dp[$i + 1][$j])
return $dp[-1][-1]
## n2 n
$prev = [0] * (len($ys) + 1)
for $a in $xs:
    $cur = [0]
    for $j, $b in enumerate($ys, 1):
        $cur.append($prev[$j - 1] + 1 if $a == $b else max($prev[$j], $cur[-1]))
    $prev = $cur
return $prev[-1]
## n2 3n2 deep most=120
@lru_cache(None)
def $longest($i, $j):
    if $i == len($xs) or $j == len($ys):
        return 0
    if $xs[$i] == $ys[$j]:
        return 1 + $longest($i + 1, $j + 1)
    return max($longest($i + 1, $j), $longest($i, $j + 1))
return $longest(0, 0)

### closest_between(ints xs, ints ys) -> int
## n2 1
return min((abs($a - $b) for $a in $xs for $b in $ys), default=0)
## 2nlog 2n
$a, $b = sorted($xs), sorted($ys)
$i = $j = 0
$best = abs($a[0] - $b[0]) if $a and $b else 0
while $i < len($a) and $j < len($b):
    $best = min($best, abs($a[$i] - $b[$j]))
    if $a[$i] < $b[$j]:
        $i += 1
    else:
        $j += 1
return $best
## nlog n
$ordered, $best = sorted($ys), None
for $x in $xs:
    $i = bisect.bisect_left($ordered, $x)
    for $y in $ordered[max(0, $i - 1):$i + 1]:
        $best = abs($x - $y) if $best is None else min($best, abs($x - $y))
return $best or 0
"""
