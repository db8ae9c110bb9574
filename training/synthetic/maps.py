"""Idioms that make a list of a list: maps, filters, sorts, windows, groups, copies."""

MAPS = r"""
### map_values(ints xs) -> ints
## n n
return [$int{e x} for $x in $xs]
## n n
$out = []
for $x in $xs:
    $out.append($int{e x})
return $out
## n n
return list(map(lambda $x: $int{e x}, $xs))
## n2 2n
$out = []
for $x in $xs:
    $out = $out + [$int{e x}]
return $out
## n n
$out = $xs.copy()
for $i, $x in enumerate($out):
    $out[$i] = $int{e x}
return $out
## n n changes
for $i, $x in enumerate($xs):
    $xs[$i] = $int{e x}
return $xs

### filter_values(ints xs) -> ints[0.5n]
## n 0.5n
return [$x for $x in $xs if $cond{c x}]
## n 0.5n
return list(filter(lambda $x: $cond{c x}, $xs))
## n2 n
$out = $xs[:]
for $x in $xs:
    if not ($cond{c x}):
        $out.remove($x)
return $out
## n 0.5n
$out = []
for $i in range(len($xs)):
    $x = $xs[$i]
    if $cond{c x}:
        $out.append($x)
return $out
## n 0.5n
def $chosen($values):
    for $x in $values:
        if $cond{c x}:
            yield $x
return list($chosen($xs))

### prefix_sums(ints xs) -> ints
## n n
return list(itertools.accumulate($xs))
## n n
$out, $total = [], 0
for $x in $xs:
    $total += $x
    $out.append($total)
return $out
## n2 n
return [sum($xs[:$i + 1]) for $i in range(len($xs))]
## n n changes
for $i in range(1, len($xs)):
    $xs[$i] += $xs[$i - 1]
return $xs
## n n
$out = list($xs)
for $i in range(1, len($out)):
    $out[$i] += $out[$i - 1]
return $out

### running_best(ints xs) -> ints
## n n
return list(itertools.accumulate($xs, $op{o max min}))
## n n
$out = []
for $x in $xs:
    $out.append($op{o max min}($out[-1], $x) if $out else $x)
return $out
## n2 n
return [$op{o max min}($xs[:$i]) for $i in range(1, len($xs) + 1)]

### sort_values(ints xs) -> sorted
## nlog n
return sorted($xs)
## nlog n
$out = $xs[:]
$out.sort()
return $out
## nlog 1 changes
$xs.sort()
return $xs
## 0.5n2 n
$out = list($xs)
for $i in range(len($out)):
    for $j in range(len($out) - 1 - $i):
        if $out[$j] > $out[$j + 1]:
            $out[$j], $out[$j + 1] = $out[$j + 1], $out[$j]
return $out
## 0.3n2 n
$out = $xs.copy()
for $i in range(1, len($out)):
    $x, $j = $out[$i], $i
    while $j > 0 and $out[$j - 1] > $x:
        $out[$j] = $out[$j - 1]
        $j -= 1
    $out[$j] = $x
return $out
## nlog n
$out = []
for $x in $xs:
    bisect.insort($out, $x)
return $out
## 2nlog 2n
def $sort($values):
    if len($values) < 2:
        return $values
    $mid = len($values) // 2
    $left, $right = $sort($values[:$mid]), $sort($values[$mid:])
    $merged, $i, $j = [], 0, 0
    while $i < len($left) and $j < len($right):
        if $left[$i] <= $right[$j]:
            $merged.append($left[$i])
            $i += 1
        else:
            $merged.append($right[$j])
            $j += 1
    return $merged + $left[$i:] + $right[$j:]
return $sort($xs)
## 2nlog 3n
def $sort($values):
    if len($values) < 2:
        return $values
    $pivot = $values[len($values) // 2]
    $less = [$x for $x in $values if $x < $pivot]
    $more = [$x for $x in $values if $x > $pivot]
    return $sort($less) + [$x for $x in $values if $x == $pivot] + $sort($more)
return $sort($xs)
## nlog n
$heap = list($xs)
heapq.heapify($heap)
return [heapq.heappop($heap) for $_ in range(len($heap))]
## 0.5n2 2n
$left, $out = $xs[:], []
while $left:
    $low = min($left)
    $left.remove($low)
    $out.append($low)
return $out

### sort_by_key(ints xs) -> ints
## nlog 2n
return sorted($xs, key=lambda $x: $key{k x})
## nlog 3n
$tagged = [(($key{k x}), $i, $x) for $i, $x in enumerate($xs)]
$tagged.sort()
return [$t[2] for $t in $tagged]
## nlog 2n changes
$xs.sort(key=lambda $x: $key{k x})
return $xs
## 0.3n2 n
$out = []
for $x in $xs:
    $i = len($out)
    while $i > 0:
        $y = $out[$i - 1]
        if not ($key{k y}) > ($key{k x}):
            break
        $i -= 1
    $out.insert($i, $x)
return $out

### unique_values(ints xs) -> ints
## n 2n
return list(dict.fromkeys($xs))
## n 2n
$seen, $out = set(), []
for $x in $xs:
    if $x not in $seen:
        $seen.add($x)
        $out.append($x)
return $out
## 0.5n2 n
$out = []
for $x in $xs:
    if $x not in $out:
        $out.append($x)
return $out
## 0.5n2 n
return [$x for $i, $x in enumerate($xs) if $x not in $xs[:$i]]
## n2 2n
return sorted(set($xs), key=$xs.index)

### reversed_values(ints xs) -> ints
## n n
return $xs[::-1]
## n n
return list(reversed($xs))
## 0.2n2 n
$out = []
for $x in $xs:
    $out.insert(0, $x)
return $out
## n 1 changes
$i, $j = 0, len($xs) - 1
while $i < $j:
    $xs[$i], $xs[$j] = $xs[$j], $xs[$i]
    $i += 1
    $j -= 1
return $xs
## n2 n deep most=900
def $flip($rest):
    return $flip($rest[1:]) + $rest[:1] if $rest else []
return $flip($xs)
## n n
$stack, $out = list($xs), []
while $stack:
    $out.append($stack.pop())
return $out
## n n
$queue = deque()
for $x in $xs:
    $queue.appendleft($x)
return list($queue)

### rotate(ints xs) -> ints
## n n
$shift = $lit{k 1 900} % max(1, len($xs))
return $xs[$shift:] + $xs[:$shift]
## n 2n
$queue = deque($xs)
$queue.rotate(-$lit{k 1 900})
return list($queue)
## n n
return [$xs[($i + $lit{k 1 900}) % len($xs)] for $i in range(len($xs))]
## 900 n
$out = list($xs)
for $_ in range($lit{k 1 900} % max(1, len($xs))):
    $out.append($out.pop(0))
return $out

### moving_average(ints xs) -> ints
## 8n n
return [sum($xs[max(0, $i - $lit{k 2 40} + 1):$i + 1]) // min($i + 1, $lit{k 2 40}) for $i in range(len($xs))]
## n n
$out, $total = [], 0
for $i, $x in enumerate($xs):
    $total += $x
    if $i >= $lit{k 2 40}:
        $total -= $xs[$i - $lit{k 2 40}]
    $out.append($total // min($i + 1, $lit{k 2 40}))
return $out
## n n
$window, $total, $out = deque(), 0, []
for $x in $xs:
    $window.append($x)
    $total += $x
    if len($window) > $lit{k 2 40}:
        $total -= $window.popleft()
    $out.append($total // len($window))
return $out

### window_maxima(ints xs) -> ints
## 2n n
$queue, $out = deque(), []
for $i, $x in enumerate($xs):
    while $queue and $xs[$queue[-1]] <= $x:
        $queue.pop()
    $queue.append($i)
    if $queue[0] <= $i - $lit{k 2 50}:
        $queue.popleft()
    $out.append($xs[$queue[0]])
return $out
## 8n n
return [max($xs[max(0, $i - $lit{k 2 50} + 1):$i + 1]) for $i in range(len($xs))]
## nlog 3n
$heap, $out = [], []
for $i, $x in enumerate($xs):
    heapq.heappush($heap, (-$x, $i))
    while $heap[0][1] <= $i - $lit{k 2 50}:
        heapq.heappop($heap)
    $out.append(-$heap[0][0])
return $out

### differences(ints xs) -> ints
## n n
return [$b - $a for $a, $b in zip($xs, $xs[1:])]
## n n
return [$xs[$i] - $xs[$i - 1] for $i in range(1, len($xs))]
## n n
$out, $prev = [], None
for $x in $xs:
    if $prev is not None:
        $out.append($x - $prev)
    $prev = $x
return $out

### ranks(ints xs) -> ints
## nlog 3n
$rank = {$x: $i for $i, $x in enumerate(sorted(set($xs)))}
return [$rank[$x] for $x in $xs]
## n2 n
$ordered = sorted(set($xs))
return [$ordered.index($x) for $x in $xs]
## nlog n
$ordered = sorted(set($xs))
return [bisect.bisect_left($ordered, $x) for $x in $xs]
## n2 n
return [len({$y for $y in $xs if $y < $x}) for $x in $xs]

### next_greater(ints xs) -> ints
## 2n 2n
$out, $stack = [-1] * len($xs), []
for $i, $x in enumerate($xs):
    while $stack and $xs[$stack[-1]] < $x:
        $out[$stack.pop()] = $x
    $stack.append($i)
return $out
## 0.2n2 n
$out = []
for $i in range(len($xs)):
    $found = -1
    for $j in range($i + 1, len($xs)):
        if $xs[$j] > $xs[$i]:
            $found = $xs[$j]
            break
    $out.append($found)
return $out
## 0.5n2 n
return [next(($y for $y in $xs[$i + 1:] if $y > $x), -1) for $i, $x in enumerate($xs)]

### chunk_totals(ints xs) -> ints[0.1n]
## n 0.1n
return [sum($xs[$i:$i + $lit{k 2 60}]) for $i in range(0, len($xs), $lit{k 2 60})]
## n 0.1n
$out = [0] * -(-len($xs) // $lit{k 2 60})
for $i, $x in enumerate($xs):
    $out[$i // $lit{k 2 60}] += $x
return $out
## 0.02n2 n
$out, $rest = [], $xs
while $rest:
    $out.append(sum($rest[:$lit{k 2 60}]))
    $rest = $rest[$lit{k 2 60}:]
return $out

### head_of(ints xs) -> ints[12]
## 1 12
return $xs[:$lit{k 3 40}]
## 12 12
$out = []
for $x in $xs:
    if len($out) == $lit{k 3 40}:
        break
    $out.append($x)
return $out
## n n
return list($xs)[:$lit{k 3 40}]
## 12 12
return list(itertools.islice($xs, $lit{k 3 40}))

### every_kth(ints xs) -> ints[0.2n]
## 0.1n 0.2n
return $xs[::$lit{k 2 15}]
## n 0.2n
return [$x for $i, $x in enumerate($xs) if $i % $lit{k 2 15} == 0]
## 0.2n 0.2n
return [$xs[$i] for $i in range(0, len($xs), $lit{k 2 15})]

### smallest_few(ints xs) -> sorted[9]
## nlog n
return sorted($xs)[:$lit{k 2 20}]
## 2n 9
return heapq.nsmallest($lit{k 2 20}, $xs)
## 9n 9
$out = []
for $x in $xs:
    bisect.insort($out, $x)
    if len($out) > $lit{k 2 20}:
        $out.pop()
return $out

### grouped_by_residue(ints xs) -> ints
## n n
$groups = [[] for $_ in range($lit{m 2 30})]
for $x in $xs:
    $groups[$x % $lit{m 2 30}].append($x)
return [$x for $group in $groups for $x in $group]
## n 2n
$groups = defaultdict(list)
for $x in $xs:
    $groups[$x % $lit{m 2 30}].append($x)
$out = []
for $key in sorted($groups):
    $out.extend($groups[$key])
return $out
## 9n n
$out = []
for $key in range($lit{m 2 30}):
    $out += [$x for $x in $xs if $x % $lit{m 2 30} == $key]
return $out
## nlog n
return sorted($xs, key=lambda $x: $x % $lit{m 2 30})
## n 2n
$groups = {}
for $x in $xs:
    $groups.setdefault($x % $lit{m 2 30}, []).append($x)
return list(itertools.chain.from_iterable($groups[$key] for $key in sorted($groups)))

### pairwise_values(ints xs) -> ints[0.5n2]
## 0.5n2 0.5n2 most=600
return [$int{e a b} for $i, $a in enumerate($xs) for $b in $xs[:$i]]
## 0.5n2 0.5n2 most=600
$out = []
for $i in range(len($xs)):
    for $j in range($i):
        $a, $b = $xs[$i], $xs[$j]
        $out.append($int{e a b})
return $out

### smoothed(ints xs) -> ints
## 8n n
$out = list($xs)
for $_ in range($lit{r 2 12}):
    $size = len($out)
    $out = [($out[max(0, $i - 1)] + $out[$i] + $out[min($size - 1, $i + 1)]) // 3 for $i in range($size)]
return $out
## 8n n
$cur = $xs[:]
for $_ in range($lit{r 2 12}):
    $next = [0] * len($cur)
    for $i in range(len($cur)):
        $left = $cur[$i - 1] if $i else $cur[0]
        $right = $cur[$i + 1] if $i + 1 < len($cur) else $cur[-1]
        $next[$i] = ($left + $cur[$i] + $right) // 3
    $cur = $next
return $cur
## 8n 8n
$history = [$xs[:]]
for $_ in range($lit{r 2 12}):
    $cur = $history[-1]
    $size = len($cur)
    $next = [($cur[max(0, $i - 1)] + $cur[$i] + $cur[min($size - 1, $i + 1)]) // 3 for $i in range($size)]
    $history.append($next)
return $history[-1]

### run_lengths(ints xs) -> ints
## n n
return [len(list($group)) for $_, $group in itertools.groupby($xs)]
## n n
$out, $prev = [], None
for $x in $xs:
    if $out and $x == $prev:
        $out[-1] += 1
    else:
        $out.append(1)
    $prev = $x
return $out
## n n
$out, $i = [], 0
while $i < len($xs):
    $j = $i
    while $j < len($xs) and $xs[$j] == $xs[$i]:
        $j += 1
    $out.append($j - $i)
    $i = $j
return $out

### counting_sort(ints xs) -> sorted
## n n
$counts = [0] * $lit{m 20 2000}
for $x in $xs:
    $counts[$x % $lit{m 20 2000}] += 1
$out = []
for $x, $count in enumerate($counts):
    $out.extend([$x] * $count)
return $out
## nlog n
return sorted($x % $lit{m 20 2000} for $x in $xs)
## nlog 2n
return sorted([$x % $lit{m 20 2000} for $x in $xs])
## nlog n
$counts = Counter($x % $lit{m 20 2000} for $x in $xs)
return [$x for $x in sorted($counts) for $_ in range($counts[$x])]

### products_of_others(ints xs) -> ints
## 3n 3n
$left, $right = [1], [1]
for $x in $xs:
    $left.append($left[-1] * $x % $mod{m})
for $x in reversed($xs):
    $right.append($right[-1] * $x % $mod{m})
return [$left[$i] * $right[len($xs) - 1 - $i] % $mod{m} for $i in range(len($xs))]
## n2 n
$out = []
for $i in range(len($xs)):
    $total = 1
    for $j, $x in enumerate($xs):
        if $j != $i:
            $total = $total * $x % $mod{m}
    $out.append($total)
return $out
## 2n n
$out, $total = [], 1
for $x in $xs:
    $out.append($total)
    $total = $total * $x % $mod{m}
$total = 1
for $i in range(len($xs) - 1, -1, -1):
    $out[$i] = $out[$i] * $total % $mod{m}
    $total = $total * $xs[$i] % $mod{m}
return $out

### drain_queue(ints xs) -> ints
## n n
$queue, $out = deque($xs), []
while $queue:
    $out.append($queue.popleft())
    if $queue:
        $queue.rotate(-1)
return $out
## 2n 2n
$queue, $out = list($xs), []
while $queue:
    $out.append($queue.pop(0))
    if $queue:
        $queue.append($queue.pop(0))
return $out
## n2 2n
$queue, $out = $xs[:], []
while $queue:
    $out.append($queue[0])
    $queue = $queue[2:] + $queue[1:2]
return $out

### copies(ints xs) -> ints
## 4n n
$out = $xs
for $_ in range($lit{r 2 30}):
    $out = list($out)
return $out
## 30n n
return copy.deepcopy($xs)
## 4n 8n
$all = [$xs[:] for $_ in range($lit{r 2 30})]
return $all[-1]
## n n
return [*$xs]

### repeated_list(ints xs) -> ints[4n]
## 4n 4n
return $xs * $lit{r 2 8}
## 4n 4n
$out = []
for $_ in range($lit{r 2 8}):
    $out += $xs
return $out
## 4n 4n
$out = []
for $_ in range($lit{r 2 8}):
    for $x in $xs:
        $out.append($x)
return $out
## 16n 8n
$out = []
for $_ in range($lit{r 2 8}):
    $out = $out + $xs
return $out

### digits_of(ints xs) -> ints[3n]
## 4n 3n
return [int($ch) for $x in $xs for $ch in str(abs($x))]
## 9n 3n
$out = []
for $x in $xs:
    $part, $rest = [], abs($x)
    while $rest or not $part:
        $part.append($rest % 10)
        $rest //= 10
    $out += reversed($part)
return $out
## 4n 6n
return list(map(int, ''.join(str(abs($x)) for $x in $xs)))

### bubble_pass(ints xs) -> ints
## 5n n
$out = $xs[:]
for $_ in range($lit{r 2 9}):
    for $i in range(len($out) - 1):
        $a, $b = $out[$i], $out[$i + 1]
        if $a > $b:
            $out[$i], $out[$i + 1] = $b, $a
return $out

### stable_partition(ints xs) -> ints
## n 2n
return [$x for $x in $xs if $cond{c x}] + [$x for $x in $xs if not ($cond{c x})]
## n 2n
$yes, $no = [], []
for $x in $xs:
    if $cond{c x}:
        $yes.append($x)
    else:
        $no.append($x)
return $yes + $no
## nlog 2n
return sorted($xs, key=lambda $x: not ($cond{c x}))
## 0.2n2 n
$out, $count = [], 0
for $x in $xs:
    if $cond{c x}:
        $out.insert($count, $x)
        $count += 1
    else:
        $out.append($x)
return $out

### hailstone_lengths(ints xs) -> ints
## 60n n most=1100
$memo = {1: 0}
def $steps($x):
    if $x not in $memo:
        $memo[$x] = 1 + $steps($x // 2 if $x % 2 == 0 else 3 * $x + 1)
    return $memo[$x]
return [$steps(abs($x) % $lit{m 20 500} + 1) for $x in $xs]
## 250n n most=300
$out = []
for $x in $xs:
    $x, $count = abs($x) % $lit{m 20 500} + 1, 0
    while $x != 1:
        $x = $x // 2 if $x % 2 == 0 else 3 * $x + 1
        $count += 1
    $out.append($count)
return $out

### recursion_list(ints xs) -> ints
## n 4n deep
def $walk($i):
    if $i == len($xs):
        return []
    $out = $walk($i + 1)
    $out.append($xs[$i])
    return $out
return $walk(0)
## n n
return $xs[::-1]

### zip_pairs(ints xs) -> pairs
## n 3n
return list(zip($xs, $xs[1:]))
## n 3n
return [($a, $b) for $a, $b in zip($xs, $xs[1:])]
## n 3n
return [($xs[$i], $xs[$i + 1]) for $i in range(len($xs) - 1)]

### index_pairs(ints xs) -> pairs
## n 3n
return list(enumerate($xs))
## n 3n
$out = []
for $i in range(len($xs)):
    $out.append(($i, $xs[$i]))
return $out
## n 3n
return [($i, $x) for $i, $x in enumerate($xs)]

### tally(ints xs) -> counts
## n n
return Counter($xs)
## n n
$counts = {}
for $x in $xs:
    $counts[$x] = $counts.get($x, 0) + 1
return $counts
## n n
$counts = defaultdict(int)
for $x in $xs:
    $counts[$x] += 1
return $counts
## n2 n
return {$x: $xs.count($x) for $x in $xs}
## n2 n
return {$x: $xs.count($x) for $x in set($xs)}
## n 3n
$groups = {}
for $x in $xs:
    $groups.setdefault($x, []).append(1)
return {$x: len($group) for $x, $group in $groups.items()}

### bucket_totals(ints xs) -> counts[20]
## n 20
$totals = defaultdict(int)
for $x in $xs:
    $totals[$x % $lit{m 3 60}] += $x
return $totals
## n 2n
$groups = defaultdict(list)
for $x in $xs:
    $groups[$x % $lit{m 3 60}].append($x)
return {$key: sum($group) for $key, $group in $groups.items()}
## 20n 20
return {$r: sum($x for $x in $xs if $x % $lit{m 3 60} == $r) for $r in {$x % $lit{m 3 60} for $x in $xs}}

### positions(ints xs) -> counts
## n n
return {$x: $i for $i, $x in enumerate($xs)}
## n n
$last = {}
for $i in range(len($xs)):
    $last[$xs[$i]] = $i
return $last
## n2 n
return {$x: max($i for $i, $y in enumerate($xs) if $x == $y) for $x in set($xs)}

### as_words(ints xs) -> words
## n 2n
return [str($x) for $x in $xs]
## n 2n
return list(map(str, $xs))
## 4n 5n
return ','.join(str($x) for $x in $xs).split(',') if $xs else []
## n 2n
$out = []
for $x in $xs:
    $out.append(str($x))
return $out

### as_text(ints xs) -> text[4n]
## n 4n
return $char{c}.join(map(str, $xs))
## n 9n
return $char{c}.join([str($x) for $x in $xs])
## n 6n
$text = ''
for $x in $xs:
    if $text:
        $text += $char{c}
    $text += str($x)
return $text

### letters_of(ints xs) -> text
## n 2n
return ''.join(chr(97 + $x % 26) for $x in $xs)
## n n
$text = ''
for $x in $xs:
    $text += chr(97 + $x % 26)
return $text
## n 2n
return ''.join([$letters{a}[$x % 26] for $x in $xs])

### cut_rows(ints xs) -> rows
## n n
return [$xs[$i:$i + $lit{k 2 40}] for $i in range(0, len($xs), $lit{k 2 40})]
## n n
$rows = []
for $i, $x in enumerate($xs):
    if $i % $lit{k 2 40} == 0:
        $rows.append([])
    $rows[-1].append($x)
return $rows

### square_of(ints xs) -> grid
## n n
$side = max(1, math.isqrt(len($xs)))
$filled = ($xs or [0])[:$side * $side]
return [$filled[$i * $side:($i + 1) * $side] for $i in range($side)]
## n n
$side = max(1, math.isqrt(len($xs)))
return [[$xs[$i * $side + $j] if $xs else 0 for $j in range($side)] for $i in range($side)]

### outer_product(ints xs) -> grid[n2]
## n2 n2 most=500
return [[$int{e a b} for $b in $xs] for $a in $xs] or [[0]]
## n2 n2 most=500
$rows = []
for $a in $xs:
    $row = []
    for $b in $xs:
        $row.append($int{e a b})
    $rows.append($row)
return $rows or [[0]]

### merge_lists(ints xs, ints ys) -> sorted[2n]
## nlog 2n
return sorted($xs + $ys)
## nlog 2n
return list(heapq.merge(sorted($xs), sorted($ys)))
## 2nlog 3n
$a, $b = sorted($xs), sorted($ys)
$out, $i, $j = [], 0, 0
while $i < len($a) and $j < len($b):
    if $a[$i] <= $b[$j]:
        $out.append($a[$i])
        $i += 1
    else:
        $out.append($b[$j])
        $j += 1
return $out + $a[$i:] + $b[$j:]
## nlog 2n
$out = sorted($xs)
for $y in $ys:
    bisect.insort($out, $y)
return $out

### common_values(ints xs, ints ys) -> sorted
## n n
return sorted(set($xs) & set($ys))
## n2 n
return sorted({$x for $x in $xs if $x in $ys})
## n n
$known = set($ys)
return sorted({$x for $x in $xs if $x in $known})
## n2 n
$out = []
for $x in $xs:
    if $x in $ys and $x not in $out:
        $out.append($x)
return sorted($out)

### without_values(ints xs, ints ys) -> ints
## n n
$banned = set($ys)
return [$x for $x in $xs if $x not in $banned]
## n2 n
return [$x for $x in $xs if $x not in $ys]
## n2 n
return [$x for $x in $xs if $x not in set($ys)]
## n2 n
$out = []
for $x in $xs:
    for $y in $ys:
        if $x == $y:
            break
    else:
        $out.append($x)
return $out

### interleave(ints xs, ints ys) -> ints[2n]
## n 2n
return [$x for $pair in zip($xs, $ys) for $x in $pair]
## n 2n
$out = []
for $a, $b in zip($xs, $ys):
    $out.append($a)
    $out.append($b)
return $out
## n 2n
$size = min(len($xs), len($ys))
$out = [0] * (2 * $size)
$out[::2], $out[1::2] = $xs[:$size], $ys[:$size]
return $out
## n2 4n
$out = []
for $i in range(min(len($xs), len($ys))):
    $out = $out + [$xs[$i], $ys[$i]]
return $out

### add_lists(ints xs, ints ys) -> ints
## n n
return [$int{e a b} for $a, $b in zip($xs, $ys)]
## n n
return list(map(lambda $a, $b: $int{e a b}, $xs, $ys))
## n n
$out = []
for $i in range(min(len($xs), len($ys))):
    $a, $b = $xs[$i], $ys[$i]
    $out.append($int{e a b})
return $out

### insert_each(sorted xs) -> sorted
## nlog n
$out = $xs[:]
for $x in $xs:
    bisect.insort($out, $x + $lit{k 1 90})
return $out
## nlog 2n
return sorted($xs + [$x + $lit{k 1 90} for $x in $xs])
## 2n 3n
return list(heapq.merge($xs, [$x + $lit{k 1 90} for $x in $xs]))

### power_list(ints xs) -> ints[60]
## 60 60
$out = [[]]
for $x in $xs[:$lit{k 3 7}]:
    $out += [$part + [$x] for $part in $out]
return [sum($part) for $part in $out]
## 60 60
$out = [0]
for $x in $xs[:$lit{k 3 7}]:
    $out += [$s + $x for $s in $out]
return $out
## 90 60
$head = $xs[:$lit{k 3 7}]
return [sum($x for $j, $x in enumerate($head) if $mask >> $j & 1) for $mask in range(1 << len($head))]
"""
