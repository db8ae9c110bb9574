"""Idioms over rows and grids: sums, copies, fills, paths, tables of prefix sums."""

GRIDS = r"""
### row_totals(rows rs) -> ints[root]
## n root
return [sum($row) for $row in $rs]
## n root
$out = []
for $row in $rs:
    $total = 0
    for $x in $row:
        $total += $x
    $out.append($total)
return $out
## n root
return list(map(sum, $rs))

### flatten(rows rs) -> ints
## n n
return [$x for $row in $rs for $x in $row]
## root n
return list(itertools.chain.from_iterable($rs))
## n n
$out = []
for $row in $rs:
    for $x in $row:
        $out.append($x)
return $out
## root n
$out = []
for $row in $rs:
    $out.extend($row)
return $out
## n1.5 2n
$out = []
for $row in $rs:
    $out = $out + $row
return $out
## n1.5 2n
return sum($rs, [])

### grid_total(rows rs) -> int
## n 1
$total = 0
for $row in $rs:
    for $x in $row:
        $total = $fold{f total x}
return $total
## n n
$total = 0
for $x in [$y for $row in $rs for $y in $row]:
    $total = $fold{f total x}
return $total
## n 1
$total = 0
for $i in range(len($rs)):
    for $j in range(len($rs[$i])):
        $x = $rs[$i][$j]
        $total = $fold{f total x}
return $total

### count_cells(rows rs) -> int
## n 1
return sum(1 for $row in $rs for $x in $row if $cond{c x})
## n n
return len([$x for $row in $rs for $x in $row if $cond{c x}])
## n 1
$count = 0
for $row in $rs:
    for $x in $row:
        if $cond{c x}:
            $count += 1
return $count

### sort_rows(rows rs) -> rows
## nlog n
return [sorted($row) for $row in $rs]
## nlog n
$out = [$row[:] for $row in $rs]
for $row in $out:
    $row.sort()
return $out
## nlog 1 changes
for $row in $rs:
    $row.sort()
return $rs

### distinct_rows(rows rs) -> int
## n n
return len({tuple($row) for $row in $rs})
## n1.5 root
$seen = []
for $row in $rs:
    if $row not in $seen:
        $seen.append($row)
return len($seen)
## n 5n
return len({str($row) for $row in $rs})

### transpose(grid g) -> grid
## n n
return [list($col) for $col in zip(*$g)]
## n n
return [[$g[$i][$j] for $i in range(len($g))] for $j in range(len($g[0]))]
## n n
$out = [[0] * len($g) for $_ in range(len($g[0]))]
for $i in range(len($g)):
    for $j in range(len($g[0])):
        $out[$j][$i] = $g[$i][$j]
return $out
## n n
return list(map(list, zip(*$g)))

### column_totals(grid g) -> ints[root]
## n root
return [sum($col) for $col in zip(*$g)]
## n root
$out = [0] * len($g[0])
for $row in $g:
    for $j, $x in enumerate($row):
        $out[$j] += $x
return $out
## n root
return [sum($row[$j] for $row in $g) for $j in range(len($g[0]))]
## n n
$cols = [[$row[$j] for $row in $g] for $j in range(len($g[0]))]
return [sum($col) for $col in $cols]

### spiral(grid g) -> ints
## n n
$out = []
$top, $left, $low, $right = 0, 0, len($g) - 1, len($g[0]) - 1
while $top <= $low and $left <= $right:
    for $j in range($left, $right + 1):
        $out.append($g[$top][$j])
    for $i in range($top + 1, $low + 1):
        $out.append($g[$i][$right])
    if $top < $low and $left < $right:
        for $j in range($right - 1, $left - 1, -1):
            $out.append($g[$low][$j])
        for $i in range($low - 1, $top, -1):
            $out.append($g[$i][$left])
    $top, $left, $low, $right = $top + 1, $left + 1, $low - 1, $right - 1
return $out
## n1.5 3n
$out, $rest = [], [list($row) for $row in $g]
while $rest:
    $out += $rest.pop(0)
    $rest = [list($row) for $row in zip(*$rest)][::-1]
return $out

### min_path(grid g) -> int
## n n
$dp = [[0] * len($g[0]) for $_ in $g]
for $i in range(len($g)):
    for $j in range(len($g[0])):
        $before = []
        if $i:
            $before.append($dp[$i - 1][$j])
        if $j:
            $before.append($dp[$i][$j - 1])
        $dp[$i][$j] = $g[$i][$j] + min($before, default=0)
return $dp[-1][-1]
## n root
$dp = list(itertools.accumulate($g[0]))
for $row in $g[1:]:
    $dp[0] += $row[0]
    for $j in range(1, len($row)):
        $dp[$j] = min($dp[$j], $dp[$j - 1]) + $row[$j]
return $dp[-1]
## n n
$dp = copy.deepcopy($g)
for $i in range(len($dp)):
    for $j in range(len($dp[0])):
        if $i and $j:
            $dp[$i][$j] += min($dp[$i - 1][$j], $dp[$i][$j - 1])
        elif $i or $j:
            $dp[$i][$j] += $dp[$i - 1][$j] if $i else $dp[$i][$j - 1]
return $dp[-1][-1]
## 2n 4n deep most=2500
@cache
def $cost($i, $j):
    if $i == 0 and $j == 0:
        return $g[0][0]
    if $i == 0 or $j == 0:
        return $g[$i][$j] + ($cost($i - 1, $j) if $i else $cost($i, $j - 1))
    return $g[$i][$j] + min($cost($i - 1, $j), $cost($i, $j - 1))
return $cost(len($g) - 1, len($g[0]) - 1)

### count_islands(grid g) -> int
## 6n n deep
$seen = set()
def $visit($i, $j):
    if not (0 <= $i < len($g) and 0 <= $j < len($g[0])) or ($i, $j) in $seen or $g[$i][$j] % $lit{m 2 4}:
        return
    $seen.add(($i, $j))
    for $di, $dj in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        $visit($i + $di, $j + $dj)
$count = 0
for $i in range(len($g)):
    for $j in range(len($g[0])):
        if ($i, $j) not in $seen and $g[$i][$j] % $lit{m 2 4} == 0:
            $count += 1
            $visit($i, $j)
return $count
## 8n 2n
$left = {($i, $j) for $i, $row in enumerate($g) for $j, $x in enumerate($row) if $x % $lit{m 2 4} == 0}
$count = 0
while $left:
    $count += 1
    $stack = [$left.pop()]
    while $stack:
        $i, $j = $stack.pop()
        for $cell in (($i + 1, $j), ($i - 1, $j), ($i, $j + 1), ($i, $j - 1)):
            if $cell in $left:
                $left.remove($cell)
                $stack.append($cell)
return $count
## 7n 2n
$rows, $cols = len($g), len($g[0])
$seen = [[False] * $cols for $_ in range($rows)]
$count = 0
for $i in range($rows):
    for $j in range($cols):
        if $seen[$i][$j] or $g[$i][$j] % $lit{m 2 4}:
            continue
        $count += 1
        $queue = deque([($i, $j)])
        $seen[$i][$j] = True
        while $queue:
            $a, $b = $queue.popleft()
            for $c, $d in (($a + 1, $b), ($a - 1, $b), ($a, $b + 1), ($a, $b - 1)):
                if not (0 <= $c < $rows and 0 <= $d < $cols):
                    continue
                if not $seen[$c][$d] and $g[$c][$d] % $lit{m 2 4} == 0:
                    $seen[$c][$d] = True
                    $queue.append(($c, $d))
return $count
## 7n 2n
$rows, $cols = len($g), len($g[0])
$parent = list(range($rows * $cols))
def $find($x):
    while $parent[$x] != $x:
        $parent[$x] = $parent[$parent[$x]]
        $x = $parent[$x]
    return $x
$count = 0
for $i in range($rows):
    for $j in range($cols):
        if $g[$i][$j] % $lit{m 2 4}:
            continue
        $count += 1
        for $a, $b in (($i - 1, $j), ($i, $j - 1)):
            if $a >= 0 and $b >= 0 and $g[$a][$b] % $lit{m 2 4} == 0:
                $c, $d = $find($i * $cols + $j), $find($a * $cols + $b)
                if $c != $d:
                    $parent[$c] = $d
                    $count -= 1
return $count

### steps_to_corner(grid g) -> int
## 7n 3n
$queue, $seen = deque([(0, 0, 0)]), {(0, 0)}
while $queue:
    $i, $j, $steps = $queue.popleft()
    if $i == len($g) - 1 and $j == len($g[0]) - 1:
        return $steps
    for $a, $b in (($i + 1, $j), ($i - 1, $j), ($i, $j + 1), ($i, $j - 1)):
        if 0 <= $a < len($g) and 0 <= $b < len($g[0]) and ($a, $b) not in $seen and $g[$a][$b] % $lit{m 3 9}:
            $seen.add(($a, $b))
            $queue.append(($a, $b, $steps + 1))
return -1
## 7n 3n
$dist = [[-1] * len($g[0]) for $_ in $g]
$dist[0][0] = 0
$level = [(0, 0)]
while $level:
    $next = []
    for $i, $j in $level:
        for $a, $b in (($i + 1, $j), ($i - 1, $j), ($i, $j + 1), ($i, $j - 1)):
            if 0 <= $a < len($g) and 0 <= $b < len($g[0]) and $dist[$a][$b] < 0 and $g[$a][$b] % $lit{m 3 9}:
                $dist[$a][$b] = $dist[$i][$j] + 1
                $next.append(($a, $b))
    $level = $next
return $dist[-1][-1]
## 12n 4n
$heap, $seen = [(0, 0, 0)], set()
while $heap:
    $steps, $i, $j = heapq.heappop($heap)
    if ($i, $j) in $seen:
        continue
    $seen.add(($i, $j))
    if ($i, $j) == (len($g) - 1, len($g[0]) - 1):
        return $steps
    for $a, $b in (($i + 1, $j), ($i - 1, $j), ($i, $j + 1), ($i, $j - 1)):
        if 0 <= $a < len($g) and 0 <= $b < len($g[0]) and $g[$a][$b] % $lit{m 3 9}:
            heapq.heappush($heap, ($steps + 1, $a, $b))
return -1

### best_square(grid g) -> int
## n n
$sums = [[0] * (len($g[0]) + 1) for $_ in range(len($g) + 1)]
for $i, $row in enumerate($g):
    for $j, $x in enumerate($row):
        $sums[$i + 1][$j + 1] = $x + $sums[$i][$j + 1] + $sums[$i + 1][$j] - $sums[$i][$j]
$k, $best = min($lit{k 2 5}, len($g), len($g[0])), None
for $i in range($k, len($g) + 1):
    for $j in range($k, len($g[0]) + 1):
        $total = $sums[$i][$j] - $sums[$i - $k][$j] - $sums[$i][$j - $k] + $sums[$i - $k][$j - $k]
        $best = $total if $best is None else max($best, $total)
return $best
## 6n 1
$k = min($lit{k 2 5}, len($g), len($g[0]))
$best = None
for $i in range(len($g) - $k + 1):
    for $j in range(len($g[0]) - $k + 1):
        $total = sum(sum($row[$j:$j + $k]) for $row in $g[$i:$i + $k])
        $best = $total if $best is None else max($best, $total)
return $best

### largest_square(grid g) -> int
## n n
$dp = [[0] * (len($g[0]) + 1) for $_ in range(len($g) + 1)]
$best = 0
for $i, $row in enumerate($g):
    for $j, $x in enumerate($row):
        if $cond{c x}:
            $dp[$i + 1][$j + 1] = 1 + min($dp[$i][$j], $dp[$i + 1][$j], $dp[$i][$j + 1])
            $best = max($best, $dp[$i + 1][$j + 1])
return $best
## n root
$prev, $best = [0] * (len($g[0]) + 1), 0
for $row in $g:
    $cur = [0]
    for $j, $x in enumerate($row):
        $cur.append(1 + min($prev[$j], $prev[$j + 1], $cur[$j]) if $cond{c x} else 0)
    $best = max($best, *$cur)
    $prev = $cur
return $best
## n2 1 most=300
$best = 0
for $i in range(len($g)):
    for $j in range(len($g[0])):
        $size = 0
        while $i + $size < len($g) and $j + $size < len($g[0]):
            if not all($cond{c x} for $row in $g[$i:$i + $size + 1] for $x in $row[$j:$j + $size + 1]):
                break
            $size += 1
        $best = max($best, $size)
return $best

### next_state(grid g) -> grid
## 10n n
$out = []
for $i in range(len($g)):
    $row = []
    for $j in range(len($g[0])):
        $total = -$g[$i][$j]
        for $a in range(max(0, $i - 1), min(len($g), $i + 2)):
            for $b in range(max(0, $j - 1), min(len($g[0]), $j + 2)):
                $total += $g[$a][$b]
        $row.append($total % $lit{m 2 9})
    $out.append($row)
return $out
## 5n n
$out = []
for $i, $line in enumerate($g):
    $near = $g[max(0, $i - 1):$i + 2]
    $totals = [sum(sum($row[max(0, $j - 1):$j + 2]) for $row in $near) for $j in range(len($line))]
    $out.append([($total - $x) % $lit{m 2 9} for $total, $x in zip($totals, $line)])
return $out
## 8n 3n
$cells = {($i, $j): $x for $i, $row in enumerate($g) for $j, $x in enumerate($row)}
$near = [($a, $b) for $a in (-1, 0, 1) for $b in (-1, 0, 1) if $a or $b]
return [
    [sum($cells.get(($i + $a, $j + $b), 0) for $a, $b in $near) % $lit{m 2 9} for $j in range(len($g[0]))]
    for $i in range(len($g))
]

### square_matrix(grid g) -> grid
## n1.5 n
$size = min(len($g), len($g[0]))
$out = [[0] * $size for $_ in range($size)]
for $i in range($size):
    for $j in range($size):
        for $k in range($size):
            $out[$i][$j] = ($out[$i][$j] + $g[$i][$k] * $g[$k][$j]) % $mod{m}
return $out
## n1.5 2n
$size = min(len($g), len($g[0]))
$cols = list(zip(*$g[:$size]))[:$size]
$rows = [$row[:$size] for $row in $g[:$size]]
return [[sum($a * $b for $a, $b in zip($row, $col)) % $mod{m} for $col in $cols] for $row in $rows]

### diagonals(grid g) -> ints[root]
## n root
$sums = defaultdict(int)
for $i, $row in enumerate($g):
    for $j, $x in enumerate($row):
        $sums[$i + $j] += $x
return [$sums[$k] for $k in range(len($g) + len($g[0]) - 1)]
## n root
$out = [0] * (len($g) + len($g[0]) - 1)
for $i in range(len($g)):
    for $j in range(len($g[0])):
        $out[$i + $j] += $g[$i][$j]
return $out
## n n
$groups = [[] for $_ in range(len($g) + len($g[0]) - 1)]
for $i, $row in enumerate($g):
    for $j, $x in enumerate($row):
        $groups[$i + $j].append($x)
return [sum($group) for $group in $groups]

### trace(grid g) -> int
## root 1
return sum($g[$i][$i] for $i in range(min(len($g), len($g[0]))))
## n 1
return sum($x for $i, $row in enumerate($g) for $j, $x in enumerate($row) if $i == $j)
## root 1
$total = 0
for $i in range(min(len($g), len($g[0]))):
    $total += $g[$i][$i]
return $total

### corner(grid g) -> int
## 1 1
return $g[0][0] $op{o + - ^} $g[-1][-1]
## n n
$flat = [$x for $row in $g for $x in $row]
return $flat[0] $op{o + - ^} $flat[-1]

### rotate_grid(grid g) -> grid
## n n
return [list($row) for $row in zip(*$g[::-1])]
## n n
$rows, $cols = len($g), len($g[0])
$out = [[0] * $rows for $_ in range($cols)]
for $i in range($rows):
    for $j in range($cols):
        $out[$j][$rows - 1 - $i] = $g[$i][$j]
return $out
## n n
return [[$row[$j] for $row in reversed($g)] for $j in range(len($g[0]))]

### map_cells(grid g) -> grid
## n n
return [[$int{e x} for $x in $row] for $row in $g]
## n n
$out = []
for $row in $g:
    $out.append([$int{e x} for $x in $row])
return $out
## n n
$out = [$row[:] for $row in $g]
for $i in range(len($out)):
    for $j in range(len($out[$i])):
        $x = $out[$i][$j]
        $out[$i][$j] = $int{e x}
return $out
## n 1 changes
for $row in $g:
    for $j, $x in enumerate($row):
        $row[$j] = $int{e x}
return $g

### clear_lines(grid g) -> grid
## 3n n
$rows = {$i for $i, $row in enumerate($g) if any($x % $lit{m 5 30} == 0 for $x in $row)}
$cols = {$j for $row in $g for $j, $x in enumerate($row) if $x % $lit{m 5 30} == 0}
return [[0 if $i in $rows or $j in $cols else $x for $j, $x in enumerate($row)] for $i, $row in enumerate($g)]
## 3n 2n
$out = copy.deepcopy($g)
for $i, $row in enumerate($g):
    for $j, $x in enumerate($row):
        if $x % $lit{m 5 30} == 0:
            $out[$i] = [0] * len($row)
for $i, $row in enumerate($g):
    for $j, $x in enumerate($row):
        if $x % $lit{m 5 30} == 0:
            for $line in $out:
                $line[$j] = 0
return $out

### peak_cells(grid g) -> int
## 5n 1
$count = 0
for $i in range(len($g)):
    for $j in range(len($g[0])):
        $around = []
        for $a, $b in (($i - 1, $j), ($i + 1, $j), ($i, $j - 1), ($i, $j + 1)):
            if 0 <= $a < len($g) and 0 <= $b < len($g[0]):
                $around.append($g[$a][$b])
        if all($g[$i][$j] > $x for $x in $around):
            $count += 1
return $count
## 4n 1
$count, $low, $right = 0, len($g) - 1, len($g[0]) - 1
for $i, $row in enumerate($g):
    for $j, $x in enumerate($row):
        if $i and $g[$i - 1][$j] >= $x or $i < $low and $g[$i + 1][$j] >= $x:
            continue
        if $j and $row[$j - 1] >= $x or $j < $right and $row[$j + 1] >= $x:
            continue
        $count += 1
return $count

### total_of_ranges(grid g) -> int
## 2n 2n
$sums = [[0, *itertools.accumulate($row)] for $row in $g]
return sum($line[-1] - $line[$j] for $line in $sums for $j in range(len($line)))
## n1.5 1
return sum(sum($row[$j:]) for $row in $g for $j in range(len($row) + 1))
## n 1
return sum($x * ($j + 1) for $row in $g for $j, $x in enumerate($row))
"""
