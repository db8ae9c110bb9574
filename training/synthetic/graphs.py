"""Idioms over graphs, trees, linked lists and intervals."""

GRAPHS = r"""
### neighbour_lists(edges es) -> adj
## n 2n
$size = 1 + max(max($e) for $e in $es)
$graph = [[] for $_ in range($size)]
for $a, $b in $es:
    $graph[$a].append($b)
    $graph[$b].append($a)
return $graph
## n 3n
$near = defaultdict(list)
for $a, $b in $es:
    $near[$a].append($b)
    $near[$b].append($a)
return [$near[$i] for $i in range(max($near) + 1)]
## n2 2n most=1100
$size = max($x for $e in $es for $x in $e) + 1
return [[$b if $a == $i else $a for $a, $b in $es if $i in ($a, $b)] for $i in range($size)]

### degrees(edges es) -> ints
## n n
$counts = Counter($x for $e in $es for $x in $e)
return [$counts[$i] for $i in range(max($counts) + 1)]
## n n
$out = [0] * (max(map(max, $es)) + 1)
for $a, $b in $es:
    $out[$a] += 1
    $out[$b] += 1
return $out
## n2 n
$ends = [$x for $e in $es for $x in $e]
return [$ends.count($i) for $i in range(max($ends) + 1)]

### count_groups(edges es) -> int
## 5n n
$parent = {}
def $find($x):
    $parent.setdefault($x, $x)
    while $parent[$x] != $x:
        $parent[$x] = $parent[$parent[$x]]
        $x = $parent[$x]
    return $x
for $a, $b in $es:
    $parent[$find($a)] = $find($b)
return len({$find($x) for $x in list($parent)})
## n1.5 n
$label = {$x: $x for $e in $es for $x in $e}
for $a, $b in $es:
    $from, $to = $label[$a], $label[$b]
    if $from != $to:
        for $x in $label:
            if $label[$x] == $from:
                $label[$x] = $to
return len(set($label.values()))
## 4n 4n
$near, $seen, $count = defaultdict(set), set(), 0
for $a, $b in $es:
    $near[$a].add($b)
    $near[$b].add($a)
for $start in $near:
    if $start in $seen:
        continue
    $count += 1
    $stack = [$start]
    while $stack:
        $x = $stack.pop()
        if $x not in $seen:
            $seen.add($x)
            $stack.extend($near[$x] - $seen)
return $count
## 5n 2n
class $Sets:
    def __init__(self, $size):
        self.$parent = list(range($size))
        self.$rank = [0] * $size
    def $find(self, $x):
        if self.$parent[$x] != $x:
            self.$parent[$x] = self.$find(self.$parent[$x])
        return self.$parent[$x]
    def $union(self, $a, $b):
        $a, $b = self.$find($a), self.$find($b)
        if $a == $b:
            return False
        if self.$rank[$a] < self.$rank[$b]:
            $a, $b = $b, $a
        self.$parent[$b] = $a
        self.$rank[$a] += self.$rank[$a] == self.$rank[$b]
        return True
$nodes = {$x for $e in $es for $x in $e}
$sets = $Sets(max($nodes) + 1)
return len($nodes) - sum($sets.$union($u, $v) for $u, $v in $es)

### edge_matrix(edges es) -> int
## n n2 most=500
$size = 1 + max(max($e) for $e in $es)
$matrix = [[0] * $size for $_ in range($size)]
for $a, $b in $es:
    $matrix[$a][$b] = $matrix[$b][$a] = 1
return max(sum($row) for $row in $matrix)
## n 3n
$near = defaultdict(set)
for $a, $b in $es:
    $near[$a].add($b)
    $near[$b].add($a)
return max(len($group) for $group in $near.values())
## n 3n
$pairs = {(min($e), max($e)) for $e in $es}
return max(Counter($x for $pair in $pairs for $x in $pair).values())

### longest_chain(edges es) -> int
## 3n 3n
$near, $waiting = defaultdict(list), Counter()
for $a, $b in $es:
    $near[min($a, $b)].append(max($a, $b))
    $waiting[max($a, $b)] += 1
$queue = deque($x for $x in $near if not $waiting[$x])
$dist = Counter()
while $queue:
    $x = $queue.popleft()
    for $y in $near[$x]:
        $dist[$y] = max($dist[$y], $dist[$x] + 1)
        $waiting[$y] -= 1
        if not $waiting[$y]:
            $queue.append($y)
return max($dist.values(), default=0)
## nlog 2n
$dist = defaultdict(int)
for $a, $b in sorted((min($e), max($e)) for $e in $es):
    $dist[$b] = max($dist[$b], $dist[$a] + 1)
return max($dist.values())
## 3n 4n deep most=1000
$near = defaultdict(list)
for $a, $b in $es:
    $near[min($a, $b)].append(max($a, $b))
@lru_cache(maxsize=None)
def $depth($x):
    return max((1 + $depth($y) for $y in $near.get($x, ())), default=0)
return max($depth($x) for $x in list($near))
## n1.5 n most=1100
$dist, $moved = {$x: 0 for $e in $es for $x in $e}, True
while $moved:
    $moved = False
    for $a, $b in $es:
        $low, $high = min($a, $b), max($a, $b)
        if $dist[$high] < $dist[$low] + 1:
            $dist[$high] = $dist[$low] + 1
            $moved = True
return max($dist.values())

### spanning_cost(edges es) -> int
## 2nlog 3n
$order = sorted($es, key=lambda $e: ($e[0] * $lit{a 2 90} + $e[1] * $lit{b 2 90}) % $lit{m 5 300})
$parent = list(range(1 + max(max($e) for $e in $es)))
def $find($x):
    while $parent[$x] != $x:
        $parent[$x] = $parent[$parent[$x]]
        $x = $parent[$x]
    return $x
$total = 0
for $a, $b in $order:
    $p, $q = $find($a), $find($b)
    if $p != $q:
        $parent[$p] = $q
        $total += ($a * $lit{a 2 90} + $b * $lit{b 2 90}) % $lit{m 5 300}
return $total
## n1.5 3n
$order = sorted(((($a * $lit{a 2 90} + $b * $lit{b 2 90}) % $lit{m 5 300}), $a, $b) for $a, $b in $es)
$group = {$x: {$x} for $e in $es for $x in $e}
$total = 0
for $cost, $a, $b in $order:
    if $b not in $group[$a]:
        $total += $cost
        $joined = $group[$a] | $group[$b]
        for $x in $joined:
            $group[$x] = $joined
return $total

### reach_distances(adj graph) -> ints
## 2n n
$dist = [-1] * len($graph)
$dist[0] = 0
$queue = deque([0])
while $queue:
    $x = $queue.popleft()
    for $y in $graph[$x]:
        if $dist[$y] < 0:
            $dist[$y] = $dist[$x] + 1
            $queue.append($y)
return $dist
## 3n n
$dist = {0: 0}
$queue = [0]
while $queue:
    $x = $queue.pop(0)
    for $y in $graph[$x]:
        if $y not in $dist:
            $dist[$y] = $dist[$x] + 1
            $queue.append($y)
return [$dist.get($i, -1) for $i in range(len($graph))]
## 2n n
$dist, $level, $steps = [-1] * len($graph), {0}, 0
while $level:
    for $x in $level:
        $dist[$x] = $steps
    $level = {$y for $x in $level for $y in $graph[$x] if $dist[$y] < 0}
    $steps += 1
return $dist
## n1.5 n most=1100
$far = len($graph)
$dist = [0] + [$far] * ($far - 1)
$moved = True
while $moved:
    $moved = False
    for $x in range($far):
        for $y in $graph[$x]:
            if $dist[$x] + 1 < $dist[$y]:
                $dist[$y] = $dist[$x] + 1
                $moved = True
return [$d if $d < $far else -1 for $d in $dist]

### reachable(adj graph) -> int
## 2n n deep
$seen = set()
def $visit($x):
    $seen.add($x)
    for $y in $graph[$x]:
        if $y not in $seen:
            $visit($y)
$visit(0)
return len($seen)
## 2n n
$seen, $stack = {0}, [0]
while $stack:
    for $y in $graph[$stack.pop()]:
        if $y not in $seen:
            $seen.add($y)
            $stack.append($y)
return len($seen)
## 0.5n2 n most=1100
$order = [0]
for $x in $order:
    for $y in $graph[$x]:
        if $y not in $order:
            $order.append($y)
return len($order)
## 2n n
$seen, $stack = [False] * len($graph), [0]
while $stack:
    $x = $stack.pop()
    if $seen[$x]:
        continue
    $seen[$x] = True
    $stack += $graph[$x]
return sum($seen)

### two_colours(adj graph) -> int
## 3n n
$colour = {}
for $start in range(len($graph)):
    if $start in $colour:
        continue
    $colour[$start] = 0
    $stack = [$start]
    while $stack:
        $x = $stack.pop()
        for $y in $graph[$x]:
            if $y not in $colour:
                $colour[$y] = 1 - $colour[$x]
                $stack.append($y)
            elif $colour[$y] == $colour[$x]:
                return 0
return 1
## 3n n deep
$colour = [-1] * len($graph)
def $paint($x, $c):
    $colour[$x] = $c
    return all($colour[$y] != $c and ($colour[$y] >= 0 or $paint($y, 1 - $c)) for $y in $graph[$x])
return int(all($colour[$i] >= 0 or $paint($i, 0) for $i in range(len($graph))))

### cheapest_costs(adj graph) -> int
## 3nlog 3n
$best, $heap = {}, [(0, 0)]
while $heap:
    $d, $x = heapq.heappop($heap)
    if $x in $best:
        continue
    $best[$x] = $d
    for $y in $graph[$x]:
        if $y not in $best:
            heapq.heappush($heap, ($d + ($x * $lit{a 2 50} + $y * $lit{a 2 50}) % $lit{m 5 90} + 1, $y))
return sum($best.values())
## n2 2n most=1500
$dist, $done = {0: 0}, {}
while $dist:
    $x = min($dist, key=$dist.get)
    $d = $done[$x] = $dist.pop($x)
    for $y in $graph[$x]:
        $cost = $d + ($x * $lit{a 2 50} + $y * $lit{a 2 50}) % $lit{m 5 90} + 1
        if $y not in $done and $cost < $dist.get($y, $cost + 1):
            $dist[$y] = $cost
return sum($done.values())

### triangles(adj graph) -> int
## 3n 2n
$near = [set($row) for $row in $graph]
$count = 0
for $x in range(len($near)):
    for $y in $near[$x]:
        if $y > $x:
            $count += sum(1 for $z in $near[$x] & $near[$y] if $z > $y)
return $count
## n3 2n most=64
$near = [set($row) for $row in $graph]
$count = 0
for $a, $b, $c in itertools.combinations(range(len($near)), 3):
    if $b in $near[$a] and $c in $near[$b] and $c in $near[$a]:
        $count += 1
return $count
## n2 n2 most=400
$size = len($graph)
$matrix = [[False] * $size for $_ in range($size)]
for $x, $row in enumerate($graph):
    for $y in $row:
        $matrix[$x][$y] = $matrix[$y][$x] = True
$count = 0
for $x in range($size):
    for $y in range($x + 1, $size):
        if $matrix[$x][$y]:
            $count += sum(1 for $z in range($y + 1, $size) if $matrix[$x][$z] and $matrix[$y][$z])
return $count

### all_distances(adj graph) -> int
## 2n2 n2 most=200
$total = 0
for $start in range(len($graph)):
    $dist, $queue = {$start: 0}, deque([$start])
    while $queue:
        $x = $queue.popleft()
        for $y in $graph[$x]:
            if $y not in $dist:
                $dist[$y] = $dist[$x] + 1
                $queue.append($y)
    $total += sum($dist.values())
return $total
## 0.5n3 n2 most=90
$size = len($graph)
$dist = [[0 if $i == $j else 10 ** 9 for $j in range($size)] for $i in range($size)]
for $x in range($size):
    for $y in $graph[$x]:
        $dist[$x][$y] = min($dist[$x][$y], 1)
for $k in range($size):
    for $i in range($size):
        for $j in range($size):
            if $dist[$i][$k] + $dist[$k][$j] < $dist[$i][$j]:
                $dist[$i][$j] = $dist[$i][$k] + $dist[$k][$j]
return sum($d for $row in $dist for $d in $row if $d < 10 ** 9)

### reach_masks(adj graph) -> int
## n1.5 0.1n2 most=1100
$masks, $moved = [1 << $i for $i in range(len($graph))], True
while $moved:
    $moved = False
    for $x, $row in enumerate($graph):
        $mask = $masks[$x]
        for $y in $row:
            $mask |= $masks[$y]
        if $mask != $masks[$x]:
            $masks[$x], $moved = $mask, True
return sum(bin($mask).count('1') for $mask in $masks)
## n2 n most=600
$total = 0
for $start in range(len($graph)):
    $seen, $stack = {$start}, [$start]
    while $stack:
        $new = [$y for $y in $graph[$stack.pop()] if $y not in $seen]
        $seen.update($new)
        $stack.extend($new)
    $total += len($seen)
return $total

### tree_depth(tree root) -> int
## n n deep
def $depth($node):
    return 1 + max($depth($node.left), $depth($node.right)) if $node else 0
return $depth($root)
## 2n n
$depth, $level = 0, [$root]
while $level:
    $depth += 1
    $level = [$kid for $node in $level for $kid in ($node.left, $node.right) if $kid]
return $depth
## 2n n
$best, $stack = 0, [($root, 1)]
while $stack:
    $node, $depth = $stack.pop()
    if $node:
        $best = max($best, $depth)
        $stack.append(($node.left, $depth + 1))
        $stack.append(($node.right, $depth + 1))
return $best

### tree_values(tree root) -> ints
## 2n 2n deep
def $walk($node):
    return $walk($node.left) + [$node.val] + $walk($node.right) if $node else []
return $walk($root)
## 2n 2n deep
$out = []
def $walk($node):
    if $node:
        $walk($node.left)
        $out.append($node.val)
        $walk($node.right)
$walk($root)
return $out
## 3n 2n
$out, $stack, $node = [], [], $root
while $stack or $node:
    while $node:
        $stack.append($node)
        $node = $node.left
    $node = $stack.pop()
    $out.append($node.val)
    $node = $node.right
return $out
## nlog 2n deep
def $walk($node):
    if $node is not None:
        yield from $walk($node.left)
        yield $node.val
        yield from $walk($node.right)
return list($walk($root))
## 3n n
$out, $node = [], $root
while $node:
    $prev = $node.left
    if not $prev:
        $out.append($node.val)
        $node = $node.right
        continue
    while $prev.right and $prev.right is not $node:
        $prev = $prev.right
    if $prev.right:
        $prev.right = None
        $out.append($node.val)
        $node = $node.right
    else:
        $prev.right = $node
        $node = $node.left
return $out

### level_totals(tree root) -> ints[root]
## 2n n
$out, $queue = [], deque([$root])
while $queue:
    $total = 0
    for $_ in range(len($queue)):
        $node = $queue.popleft()
        $total += $node.val
        if $node.left:
            $queue.append($node.left)
        if $node.right:
            $queue.append($node.right)
    $out.append($total)
return $out
## 2n n deep
$sums = {}
def $walk($node, $depth):
    if $node:
        $sums[$depth] = $sums.get($depth, 0) + $node.val
        $walk($node.left, $depth + 1)
        $walk($node.right, $depth + 1)
$walk($root, 0)
return [$sums[$i] for $i in range(len($sums))]
## 2n 2n
$levels, $level = [], [$root]
while $level:
    $levels.append([$node.val for $node in $level])
    $level = [$kid for $node in $level for $kid in ($node.left, $node.right) if $kid]
return [sum($values) for $values in $levels]

### tree_fold(tree root) -> int
## n n deep
def $score($node):
    if not $node:
        return 0
    $a, $b = $score($node.left), $score($node.right)
    $c = $fold{f a b}
    $x = $node.val
    return $gather{g c x} % $mod{m}
return $score($root)

### count_nodes(tree root) -> int
## 2n n
$count, $stack = 0, [$root]
while $stack:
    $node = $stack.pop()
    if not $node:
        continue
    $x = $node.val
    if $cond{c x}:
        $count += 1
    $stack += [$node.left, $node.right]
return $count
## n n deep
def $count($node):
    if $node is None:
        return 0
    $x = $node.val
    return (1 if $cond{c x} else 0) + $count($node.left) + $count($node.right)
return $count($root)
## 2n 3n
$all, $i = [$root], 0
while $i < len($all):
    $all += [$kid for $kid in ($all[$i].left, $all[$i].right) if $kid]
    $i += 1
return len([$x for $x in [$node.val for $node in $all] if $cond{c x}])

### path_totals(tree root) -> int
## 3n n deep
$sums = []
def $walk($node, $total):
    $total += $node.val
    if not $node.left and not $node.right:
        $sums.append($total)
    for $kid in ($node.left, $node.right):
        if $kid:
            $walk($kid, $total)
$walk($root, 0)
return max($sums)
## 3n 4n deep
def $paths($node):
    if not $node:
        return []
    $below = $paths($node.left) + $paths($node.right)
    return [$node.val + $x for $x in $below] or [$node.val]
return max($paths($root))
## n n deep
def $best($node):
    $kids = [$best($kid) for $kid in ($node.left, $node.right) if $kid]
    return $node.val + max($kids, default=0)
return $best($root)

### unbalance(tree root) -> int
## n n deep
$best = 0
def $height($node):
    nonlocal $best
    if not $node:
        return 0
    $a, $b = $height($node.left), $height($node.right)
    $best = max($best, abs($a - $b))
    return 1 + max($a, $b)
$height($root)
return $best
## nlog n deep
def $height($node):
    return 1 + max($height($node.left), $height($node.right)) if $node else 0
def $worst($node):
    if not $node:
        return 0
    $gap = abs($height($node.left) - $height($node.right))
    return max($gap, $worst($node.left), $worst($node.right))
return $worst($root)

### list_values(linked head) -> ints
## n n
$out = []
$node = $head
while $node:
    $out.append($node.val)
    $node = $node.next
return $out
## n2 n
$out, $node = [], $head
while $node is not None:
    $out = $out + [$node.val]
    $node = $node.next
return $out
## n n deep
def $walk($node, $out):
    if $node:
        $out.append($node.val)
        return $walk($node.next, $out)
    return $out
return $walk($head, [])

### list_fold(linked head) -> int
## n 1
$total, $node = 0, $head
while $node:
    $x = $node.val
    $total = $fold{f total x}
    $node = $node.next
return $total
## n n
$values, $node = [], $head
while $node:
    $values.append($node.val)
    $node = $node.next
$total = 0
for $x in $values:
    $total = $fold{f total x}
return $total

### middle_value(linked head) -> int
## n 1
$slow = $fast = $head
while $fast and $fast.next:
    $slow, $fast = $slow.next, $fast.next.next
return $slow.val
## n 1
$size, $node = 0, $head
while $node:
    $size += 1
    $node = $node.next
$node = $head
for $_ in range($size // 2):
    $node = $node.next
return $node.val
## n n
$nodes, $node = [], $head
while $node:
    $nodes.append($node)
    $node = $node.next
return $nodes[len($nodes) // 2].val

### reversed_list(linked head) -> ints
## 2n n changes
$prev, $node = None, $head
while $node:
    $node.next, $prev, $node = $prev, $node, $node.next
$out = []
while $prev:
    $out.append($prev.val)
    $prev = $prev.next
return $out
## n n
$out, $node = [], $head
while $node:
    $out.append($node.val)
    $node = $node.next
return $out[::-1]
## 0.2n2 n
$out, $node = [], $head
while $node:
    $out.insert(0, $node.val)
    $node = $node.next
return $out
## n 4n deep
def $walk($node):
    if not $node:
        return []
    $out = $walk($node.next)
    $out.append($node.val)
    return $out
return $walk($head)

### repeats_in_list(linked head) -> int
## n n
$seen, $count, $node = set(), 0, $head
while $node:
    if $node.val in $seen:
        $count += 1
    $seen.add($node.val)
    $node = $node.next
return $count
## 0.5n2 1
$count, $node = 0, $head
while $node:
    $other = $head
    while $other is not $node:
        if $other.val == $node.val:
            $count += 1
            break
        $other = $other.next
    $node = $node.next
return $count

### merge_intervals(pairs ps) -> pairs[0.3n]
## nlog n
$out = []
for $a, $b in sorted((min($p), max($p)) for $p in $ps):
    if $out and $a <= $out[-1][1]:
        $out[-1] = ($out[-1][0], max($out[-1][1], $b))
    else:
        $out.append(($a, $b))
return $out
## n1.5 n most=600
$out = []
for $p in $ps:
    $low, $high = min($p), max($p)
    $kept = []
    for $a, $b in $out:
        if $b < $low or $high < $a:
            $kept.append(($a, $b))
        else:
            $low, $high = min($low, $a), max($high, $b)
    $out = $kept + [($low, $high)]
return sorted($out)

### overlap_depth(pairs ps) -> int
## 2nlog 4n
$events = sorted([(min($p), 0) for $p in $ps] + [(max($p), 1) for $p in $ps])
$depth = $best = 0
for $x, $end in $events:
    $depth += -1 if $end else 1
    $best = max($best, $depth)
return $best
## nlog n
$heap, $best = [], 0
for $a, $b in sorted((min($p), max($p)) for $p in $ps):
    while $heap and $heap[0] < $a:
        heapq.heappop($heap)
    heapq.heappush($heap, $b)
    $best = max($best, len($heap))
return $best
## n2 1
$best = 0
for $p in $ps:
    $x = min($p)
    $best = max($best, sum(1 for $q in $ps if min($q) <= $x <= max($q)))
return $best

### most_disjoint(pairs ps) -> int
## nlog n
$count, $end = 0, None
for $high, $low in sorted((max($p), min($p)) for $p in $ps):
    if $end is None or $low > $end:
        $count += 1
        $end = $high
return $count
## 0.5n2 2n
$spans = sorted((min($p), max($p)) for $p in $ps)
$dp = []
for $i, ($a, $b) in enumerate($spans):
    $dp.append(1 + max(($dp[$j] for $j in range($i) if $spans[$j][1] < $a), default=0))
return max($dp, default=0)
## nlog 2n
$spans, $tops = sorted((max($p), min($p)) for $p in $ps), []
for $high, $low in $spans:
    if not $tops or $low > $tops[-1]:
        $tops.append($high)
return len($tops)

### pair_values(pairs ps) -> ints
## n n
return [$int{e a b} for $a, $b in $ps]
## n n
$out = []
for $p in $ps:
    $a, $b = $p
    $out.append($int{e a b})
return $out
## n n
return list(map(lambda $p: $int{e p[0] p[1]}, $ps))

### closest_points(pairs ps) -> int
## 0.5n2 1
$best = None
for $i, ($a, $b) in enumerate($ps):
    for $c, $d in $ps[:$i]:
        $gap = ($a - $c) ** 2 + ($b - $d) ** 2
        if $best is None or $gap < $best:
            $best = $gap
return $best or 0
## 0.5n2 0.5n2 most=500
$both = itertools.combinations($ps, 2)
return min([($p[0] - $q[0]) ** 2 + ($p[1] - $q[1]) ** 2 for $p, $q in $both], default=0)
## nlog n
$order, $best = sorted($ps), None
for $i, ($a, $b) in enumerate($order):
    for $j in range($i - 1, -1, -1):
        $c, $d = $order[$j]
        if $best is not None and ($a - $c) ** 2 >= $best:
            break
        $gap = ($a - $c) ** 2 + ($b - $d) ** 2
        $best = $gap if $best is None else min($best, $gap)
return $best or 0

### pair_sums(pairs ps) -> counts
## n n
$counts = {}
for $a, $b in $ps:
    $counts[$a + $b] = $counts.get($a + $b, 0) + 1
return $counts
## n 2n
return Counter([$a + $b for $a, $b in $ps])
## n2 2n
$sums = [$a + $b for $a, $b in $ps]
return {$s: $sums.count($s) for $s in $sums}

### first_of_pairs(pairs ps) -> ints
## n n
return [$a for $a, $b in $ps]
## n n
return [$p[0] for $p in $ps]
## n 2n
return list(next(zip(*$ps), ()))

### pareto(pairs ps) -> int
## nlog n
$count, $top = 0, None
for $a, $b in sorted(set(map(tuple, $ps)), reverse=True):
    if $top is None or $b > $top:
        $count += 1
        $top = $b
return $count
## n2 n
$points = set(map(tuple, $ps))
$count = 0
for $a, $b in $points:
    if not any(($c, $d) != ($a, $b) and $c >= $a and $d >= $b for $c, $d in $points):
        $count += 1
return $count
"""
