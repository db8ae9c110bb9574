"""Idioms that start from a number: loops over ranges, sieves, tables, digits, recursion."""

NUMBERS = r"""
### digit_sum(number n) -> int
## log 1
$rest = $n * $lit{f 3 90000}
$total = 0
while $rest > 0:
    $total += $rest % 10
    $rest //= 10
return $total
## log 1
return sum(int($ch) for $ch in str($n * $lit{f 3 90000}))
## log log deep
def $digits($rest):
    if $rest < 10:
        return $rest
    return $rest % 10 + $digits($rest // 10)
return $digits($n * $lit{f 3 90000})

### collatz_steps(number n) -> int
## 60log 1
$cur, $count = $n, 0
while $cur != 1 and $count < $lit{cap 50 400}:
    $cur = $cur // 2 if $cur % 2 == 0 else 3 * $cur + 1
    $count += 1
return $count
## 60log 60log
$seen = [$n]
while $seen[-1] != 1 and len($seen) <= $lit{cap 50 400}:
    $cur = $seen[-1]
    if $cur & 1:
        $seen.append(3 * $cur + 1)
    else:
        $seen.append($cur >> 1)
return len($seen) - 1

### count_divisors(number n) -> int
## root 1
$count = 0
$i = 1
while $i * $i <= $n:
    if $n % $i == 0:
        $count += 1 if $i * $i == $n else 2
    $i += 1
return $count
## n 1
return sum(1 for $i in range(1, $n + 1) if $n % $i == 0)
## n log
return len([$i for $i in range(1, $n + 1) if not $n % $i])
## root log
$found = set()
for $i in range(1, int($n ** 0.5) + 1):
    if $n % $i == 0:
        $found.add($i)
        $found.add($n // $i)
return len($found)

### divisors(number n) -> sorted[log]
## n log
return [$i for $i in range(1, $n + 1) if $n % $i == 0]
## root log
$small, $large = [], []
$i = 1
while $i * $i <= $n:
    if $n % $i == 0:
        $small.append($i)
        if $i * $i != $n:
            $large.append($n // $i)
    $i += 1
return $small + $large[::-1]

### primes(number n) -> sorted[n]
## 3n n
$flags = [True] * ($n + 1)
$out = []
for $i in range(2, $n + 1):
    if $flags[$i]:
        $out.append($i)
        for $j in range($i * $i, $n + 1, $i):
            $flags[$j] = False
return $out
## n 0.1n
$flags = bytearray([1]) * ($n + 1)
$flags[:2] = b'\0' * min(2, $n + 1)
for $i in range(2, int($n ** 0.5) + 1):
    if $flags[$i]:
        $flags[$i * $i::$i] = bytes(len(range($i * $i, $n + 1, $i)))
return [$i for $i in range($n + 1) if $flags[$i]]
## n1.4 0.2n
def $prime($x):
    for $i in range(2, int($x ** 0.5) + 1):
        if $x % $i == 0:
            return False
    return $x > 1
return [$x for $x in range(2, $n + 1) if $prime($x)]
## n1.7 0.2n
$out = []
for $x in range(2, $n + 1):
    if all($x % $p for $p in $out):
        $out.append($x)
return $out
## 3n n
$left = set(range(2, $n + 1))
for $i in range(2, int($n ** 0.5) + 1):
    $left -= set(range($i * $i, $n + 1, $i))
return sorted($left)

### fibonacci(number n) -> int
## n 1
$a, $b = 0, 1
for $_ in range($n):
    $a, $b = $b, ($a + $b) % $mod{m}
return $a
## n n
$dp = [0, 1]
while len($dp) <= $n:
    $dp.append(($dp[-1] + $dp[-2]) % $mod{m})
return $dp[$n]
## 2n 3n deep
$memo = {0: 0, 1: 1}
def $fib($i):
    if $i not in $memo:
        $memo[$i] = ($fib($i - 1) + $fib($i - 2)) % $mod{m}
    return $memo[$i]
return $fib($n)
## n 2n deep most=800
@lru_cache(maxsize=None)
def $fib($i):
    if $i < 2:
        return $i
    return ($fib($i - 1) + $fib($i - 2)) % $mod{m}
return $fib($n)
## 8log 1
def $fib($i):
    if $i == 0:
        return (0, 1)
    $a, $b = $fib($i // 2)
    $c = $a * (2 * $b - $a) % $mod{m}
    $d = ($a * $a + $b * $b) % $mod{m}
    return ($d, ($c + $d) % $mod{m}) if $i % 2 else ($c, $d)
return $fib($n)[0]

### power_modulo(number n) -> int
## log 1
return pow($lit{b 2 90}, $n, $mod{m})
## n 1
$total = 1
for $_ in range($n):
    $total = $total * $lit{b 2 90} % $mod{m}
return $total
## 4log 1
$total, $base, $rest = 1, $lit{b 2 90}, $n
while $rest:
    if $rest & 1:
        $total = $total * $base % $mod{m}
    $base = $base * $base % $mod{m}
    $rest >>= 1
return $total
## 3log log
def $power($base, $rest):
    if $rest == 0:
        return 1
    $half = $power($base, $rest // 2)
    $half = $half * $half % $mod{m}
    return $half * $base % $mod{m} if $rest % 2 else $half
return $power($lit{b 2 90}, $n)

### bit_counts(number n) -> ints
## n n
return [bin($i).count('1') for $i in range($n + 1)]
## n n
$dp = [0] * ($n + 1)
for $i in range(1, $n + 1):
    $dp[$i] = $dp[$i >> 1] + ($i & 1)
return $dp
## nlog n
$out = []
for $i in range($n + 1):
    $count = 0
    while $i:
        $i &= $i - 1
        $count += 1
    $out.append($count)
return $out

### triangle_loop(number n) -> int
## 0.5n2 1
$total = 0
for $i in range($n):
    for $j in range($i):
        $total = $fold{f total j}
return $total
## 0.5n2 1
$total = 0
$i = 0
while $i < $n:
    $j = 0
    while $j < $i:
        $total = $fold{f total j}
        $j += 1
    $i += 1
return $total
## 0.5n2 0.5n2 most=700
$total = 0
for $j in [$j for $i in range($n) for $j in range($i)]:
    $total = $fold{f total j}
return $total

### sum_of_pairs(number n) -> int
## 0.5n2 1
$total = 0
for $i in range($n):
    for $j in range($i):
        $total += $j * $lit{c 1 9}
return $total
## n 1
$total = 0
for $i in range($n):
    $total += $i * ($i - 1) // 2
return $total * $lit{c 1 9}
## n 1
return sum($i * ($i - 1) // 2 for $i in range($n)) * $lit{c 1 9}
## 1 1
return $n * ($n - 1) * ($n - 2) // 6 * $lit{c 1 9}
## n n
return sum([sum(range($i)) for $i in range($n)]) * $lit{c 1 9}

### arithmetic_sum(number n) -> int
## n 1
$total = 0
for $i in range(1, $n + 1):
    $total += $i
return $total * $lit{c 2 40}
## n 1
return sum(range(1, $n + 1)) * $lit{c 2 40}
## 1 1
return $n * ($n + 1) // 2 * $lit{c 2 40}
## n n deep
def $walk($i):
    return 0 if $i == 0 else $i + $walk($i - 1)
return $walk($n) * $lit{c 2 40}
## n n
return sum([$i for $i in range($n + 1)]) * $lit{c 2 40}

### range_values(number n) -> ints
## n n
return [$int{e i} for $i in range($n)]
## n n
$out = []
for $i in range($n):
    $out.append($int{e i})
return $out
## n n
return list(map(lambda $i: $int{e i}, range($n)))
## n 2n
$out = [0] * $n
for $i, $x in enumerate(list(range($n))):
    $out[$i] = $int{e x}
return $out
## n2 n
$out = []
for $i in range($n):
    $out = $out + [$int{e i}]
return $out

### pseudo_random(number n) -> ints
## n n
$state, $out = $lit{s 1 5000}, []
for $_ in range($n):
    $state = ($state * 1103515245 + 12345) % $mod{m}
    $out.append($state $op{o % & ^} $lit{r 10 3000})
return $out
## n n
def $draws($count, $state):
    for $_ in range($count):
        $state = ($state * 1103515245 + 12345) % $mod{m}
        yield $state $op{o % & ^} $lit{r 10 3000}
return list($draws($n, $lit{s 1 5000}))
## n n
class $Source:
    def __init__(self, $seed):
        self.$state = $seed
    def $next(self):
        self.$state = (self.$state * 1103515245 + 12345) % $mod{m}
        return self.$state $op{o % & ^} $lit{r 10 3000}
$source = $Source($lit{s 1 5000})
return [$source.$next() for $_ in range($n)]

### pascal_row(number n) -> ints
## 0.5n2 2n
$row = [1]
for $_ in range($n):
    $row = [1] + [($a + $b) % $mod{m} for $a, $b in zip($row, $row[1:])] + [1]
return $row
## 0.5n2 0.5n2 most=600
$rows = [[1]]
for $i in range($n):
    $prev = $rows[-1]
    $row = [1] * ($i + 2)
    for $j in range(1, $i + 1):
        $row[$j] = ($prev[$j - 1] + $prev[$j]) % $mod{m}
    $rows.append($row)
return $rows[$n]
## 0.5n2 n
$row = [1] + [0] * $n
for $i in range(1, $n + 1):
    for $j in range($i, 0, -1):
        $row[$j] = ($row[$j] + $row[$j - 1]) % $mod{m}
return $row

### coin_ways(number n) -> int
## 4n n
$dp = [1] + [0] * $n
for $coin in ($lit{c1 1 3}, $lit{c2 4 9}, $lit{c3 10 40}, $lit{c4 41 99}):
    for $i in range($coin, $n + 1):
        $dp[$i] = ($dp[$i] + $dp[$i - $coin]) % $mod{m}
return $dp[$n]
## 5n 5n
$coins = [$lit{c1 1 3}, $lit{c2 4 9}, $lit{c3 10 40}, $lit{c4 41 99}]
$table = [[0] * ($n + 1) for $_ in range(len($coins) + 1)]
$table[0][0] = 1
for $i, $coin in enumerate($coins, 1):
    for $j in range($n + 1):
        $table[$i][$j] = $table[$i - 1][$j]
        if $j >= $coin:
            $table[$i][$j] = ($table[$i][$j] + $table[$i][$j - $coin]) % $mod{m}
return $table[-1][-1]

### fewest_steps(number n) -> int
## 3n n
$dp = [0] * ($n + 1)
for $i in range(1, $n + 1):
    $dp[$i] = 1 + min($dp[$i - $step] for $step in (1, $lit{c1 2 5}, $lit{c2 6 30}) if $step <= $i)
return $dp[$n]
## 3n n
$dist = {0: 0}
$queue = deque([0])
while $queue:
    $cur = $queue.popleft()
    for $step in (1, $lit{c1 2 5}, $lit{c2 6 30}):
        $next = $cur + $step
        if $next <= $n and $next not in $dist:
            $dist[$next] = $dist[$cur] + 1
            $queue.append($next)
return $dist[$n]
## 3n 2n deep most=800
@lru_cache(maxsize=None)
def $fewest($i):
    if $i == 0:
        return 0
    return 1 + min($fewest($i - $step) for $step in (1, $lit{c1 2 5}, $lit{c2 6 30}) if $step <= $i)
return $fewest($n)

### catalan(number n) -> int
## 0.5n2 n most=1500
$dp = [1] + [0] * $n
for $i in range(1, $n + 1):
    $dp[$i] = sum($dp[$j] * $dp[$i - 1 - $j] for $j in range($i)) % $mod{m}
return $dp[$n]
## 0.5n2 n most=1500
$dp = [1]
for $i in range($n):
    $total = 0
    for $j in range($i + 1):
        $total = ($total + $dp[$j] * $dp[$i - $j]) % $mod{m}
    $dp.append($total)
return $dp[-1]

### josephus(number n) -> int
## n 1
$last = 0
for $i in range(2, $n + 1):
    $last = ($last + $lit{k 2 7}) % $i
return $last
## 3n n
$circle = deque(range($n))
while len($circle) > 1:
    $circle.rotate(-($lit{k 2 7} - 1))
    $circle.popleft()
return $circle[0]
## 3n n
$circle, $i = list(range($n)), 0
while len($circle) > 1:
    $i = ($i + $lit{k 2 7} - 1) % len($circle)
    $circle.pop($i)
return $circle[0]
## n2 2n
$circle = list(range($n))
while len($circle) > 1:
    $skip = ($lit{k 2 7} - 1) % len($circle)
    $circle = $circle[$skip + 1:] + $circle[:$skip]
return $circle[0]

### product_table(number n) -> grid[n2]
## n2 n2 most=500
return [[$int{e i j} for $j in range($n)] for $i in range($n)]
## n2 n2 most=500
$table = [[0] * $n for $_ in range($n)]
for $i in range($n):
    for $j in range($n):
        $table[$i][$j] = $int{e i j}
return $table
## n2 n2 most=500
$table = []
for $i in range($n):
    $row = []
    for $j in range($n):
        $row.append($int{e i j})
    $table.append($row)
return $table

### blank_table(number n) -> grid[n2]
## n n2 most=700
return [[$lit{v 1 9}] * $n for $_ in range($n)]
## n n2 most=700
$table = []
for $_ in range($n):
    $table.append([$lit{v 1 9}] * $n)
return $table

### distance_table(number n) -> int
## n2 n2 most=500
$table = [[abs($i - $j) $op{o * + ^} $lit{k 2 50} for $j in range($n)] for $i in range($n)]
return sum(sum($row) for $row in $table)
## n2 n
$total = 0
for $i in range($n):
    $row = [abs($i - $j) $op{o * + ^} $lit{k 2 50} for $j in range($n)]
    $total += sum($row)
return $total
## n2 1
return sum(abs($i - $j) $op{o * + ^} $lit{k 2 50} for $i in range($n) for $j in range($n))
## n2 n2 most=500
$cells = {}
for $i in range($n):
    for $j in range($n):
        $cells[$i, $j] = abs($i - $j) $op{o * + ^} $lit{k 2 50}
return sum($cells.values())

### coprime_pairs(number n) -> int
## 0.5n2 1
$count = 0
for $i in range(2, $n + 1):
    for $j in range(1, $i):
        if math.gcd($i, $j) == 1:
            $count += 1
return $count
## 2nlog n
$phi = list(range($n + 1))
for $i in range(2, $n + 1):
    if $phi[$i] == $i:
        for $j in range($i, $n + 1, $i):
            $phi[$j] -= $phi[$j] // $i
return sum($phi[2:])
## 0.5n2 1
return sum(1 for $i in range(2, $n + 1) for $j in range(1, $i) if math.gcd($i, $j) == 1)

### number_text(number n) -> text[4n]
## n 4n
return ''.join(str($i) for $i in range($n))
## n 4n
$text = ''
for $i in range($n):
    $text += str($i)
return $text
## n 5n
return ''.join(list(map(str, range($n))))
## n 5n
$parts = []
for $i in range($n):
    $parts.append(str($i))
return ''.join($parts)

### number_words(number n) -> words
## n 2n
return [str($i * $lit{k 1 99}) for $i in range($n)]
## n 2n
return list(map(str, range(0, $n * $lit{k 1 99}, $lit{k 1 99})))

### trailing_zeros(number n) -> int
## n 1
$total = 0
for $i in range(1, $n + 1):
    while $i % 2 == 0:
        $i //= 2
        $total += 1
return $total
## log 1
$total, $rest = 0, $n
while $rest:
    $rest //= 2
    $total += $rest
return $total
## n 1
return sum(($i & -$i).bit_length() - 1 for $i in range(1, $n + 1))
## n n
$table = [0] * ($n + 1)
for $i in range(2, $n + 1, 2):
    $table[$i] = $table[$i // 2] + 1
return sum($table)

### square_map(number n) -> counts
## n 3n
return {$i: $int{e i} for $i in range($n)}
## n 3n
$table = {}
for $i in range($n):
    $table[$i] = $int{e i}
return $table
## n 4n
return dict(zip(range($n), [$int{e i} for $i in range($n)]))

### cycle_length(number n) -> int
## 0.2n 0.2n
$seen, $x, $i = {}, 1, 0
while $x not in $seen:
    $seen[$x] = $i
    $x = ($x * $lit{a 2 99} + $lit{c 1 99}) % $n
    $i += 1
return $i - $seen[$x]
## 0.6n 1
def $next($x):
    return ($x * $lit{a 2 99} + $lit{c 1 99}) % $n
$slow, $fast = $next(1), $next($next(1))
while $slow != $fast:
    $slow, $fast = $next($slow), $next($next($fast))
$count, $fast = 1, $next($slow)
while $slow != $fast:
    $fast = $next($fast)
    $count += 1
return $count
## 0.1n2 0.1n most=1500
$path, $x = [], 1
while $x not in $path:
    $path.append($x)
    $x = ($x * $lit{a 2 99} + $lit{c 1 99}) % $n
return len($path) - $path.index($x)

### ugly_number(number n) -> int
## 4n n
$out = [1]
$i = $j = $k = 0
while len($out) < $n:
    $next = min($out[$i] * 2, $out[$j] * 3, $out[$k] * 5)
    $out.append($next)
    if $next == $out[$i] * 2:
        $i += 1
    if $next == $out[$j] * 3:
        $j += 1
    if $next == $out[$k] * 5:
        $k += 1
return $out[$n - 1]
## 8n 4n
$heap, $seen = [1], {1}
for $_ in range($n - 1):
    $cur = heapq.heappop($heap)
    for $f in (2, 3, 5):
        if $cur * $f not in $seen:
            $seen.add($cur * $f)
            heapq.heappush($heap, $cur * $f)
return $heap[0]

### climb_ways(number n) -> int
## n 1
$window = deque([1], maxlen=$lit{k 2 5})
for $_ in range($n):
    $window.append(sum($window) % $mod{m})
return $window[-1]
## 2n n
$dp = [1]
for $i in range(1, $n + 1):
    $dp.append(sum($dp[-$lit{k 2 5}:]) % $mod{m})
return $dp[-1]
## 4n n
$dp = [0] * ($n + 1)
$dp[0] = 1
for $i in range(1, $n + 1):
    for $step in range(1, min($i, $lit{k 2 5}) + 1):
        $dp[$i] = ($dp[$i] + $dp[$i - $step]) % $mod{m}
return $dp[$n]

### tower_moves(number n) -> int
## 300 20
$depth = min($n, $lit{d 5 10})
def $move($depth, $a, $b, $c):
    if $depth == 0:
        return 0
    return $move($depth - 1, $a, $c, $b) + 1 + $move($depth - 1, $c, $b, $a)
return $move($depth, 'A', 'B', 'C')
## 300 300
$moves = []
def $move($depth, $a, $b, $c):
    if $depth:
        $move($depth - 1, $a, $c, $b)
        $moves.append(($a, $c))
        $move($depth - 1, $b, $a, $c)
$move(min($n, $lit{d 5 10}), 'A', 'B', 'C')
return len($moves)
## 1 1
return (1 << min($n, $lit{d 5 10})) - 1

### queens(number n) -> int
## 600 30
$size = min($n, $lit{d 4 6})
def $place($row, $cols, $down, $up):
    if $row == $size:
        return 1
    $count = 0
    for $col in range($size):
        if $col in $cols or $row + $col in $up or $row - $col in $down:
            continue
        $count += $place($row + 1, $cols | {$col}, $down | {$row - $col}, $up | {$row + $col})
    return $count
return $place(0, set(), set(), set())
## 400 10
$size = min($n, $lit{d 4 6})
def $place($row, $cols, $down, $up):
    if $row == $size:
        return 1
    $count, $free = 0, ~($cols | $down | $up) & (1 << $size) - 1
    while $free:
        $bit = $free & -$free
        $free ^= $bit
        $count += $place($row + 1, $cols | $bit, ($down | $bit) << 1, ($up | $bit) >> 1)
    return $count
return $place(0, 0, 0, 0)
## 3000 30
$size = min($n, $lit{d 4 6})
$count = 0
for $perm in itertools.permutations(range($size)):
    if len({$perm[$i] + $i for $i in range($size)}) == len({$perm[$i] - $i for $i in range($size)}) == $size:
        $count += 1
return $count

### bulbs(number n) -> int
## nlog n
$flags = [False] * ($n + 1)
for $i in range(1, $n + 1):
    for $j in range($i, $n + 1, $i):
        $flags[$j] = not $flags[$j]
return sum($flags)
## root 1
$count = 0
while ($count + 1) ** 2 <= $n:
    $count += 1
return $count
## 1 1
return math.isqrt($n)
## n 1
return sum(1 for $i in range(1, $n + 1) if math.isqrt($i) ** 2 == $i)

### repeated_text(number n) -> text
## 1 0.05n
return ($chars{c} * $n)[:$n]
## n 0.05n
$text = ''
for $i in range($n):
    $text += $chars{c}[$i % len($chars{c})]
return $text
## n 2n
$parts = [$chars{c}[$i % len($chars{c})] for $i in range($n)]
return ''.join($parts)

### digit_filter(number n) -> sorted
## n 0.3n
return [$x for $x in range($n) if sum(map(int, str($x))) % $lit{m 2 11} == 0]
## 5n 0.3n
$out = []
for $x in range($n):
    $rest, $total = $x, 0
    while $rest:
        $rest, $d = divmod($rest, 10)
        $total += $d
    if $total % $lit{m 2 11} == 0:
        $out.append($x)
return $out

### squares_sum_search(number n) -> int
## root 1
$count = 0
$i = 0
while $i * $i <= $n:
    $rest = $n - $i * $i
    if math.isqrt($rest) ** 2 == $rest:
        $count += 1
    $i += 1
return $count
## n 1
$size = math.isqrt($n) + 1
return sum(1 for $i in range($size) for $j in range($size) if $i * $i + $j * $j == $n)
## root root
$squares = {$i * $i for $i in range(math.isqrt($n) + 1)}
return sum(1 for $x in $squares if $n - $x in $squares)

### bits(number n) -> ints[log]
## log log
$out, $rest = [], $n
while $rest:
    $out.append($rest & 1)
    $rest >>= 1
return $out
## log log
return [int($ch) for $ch in reversed(bin($n)[2:])]

### binary_reverse(number n) -> int
## 3log 1
$out, $rest = 0, $n
while $rest:
    $out = $out << 1 | $rest & 1
    $rest >>= 1
return $out
## log log
return int(bin($n)[2:][::-1], 2)

### isqrt_search(number n) -> int
## 3log 1
$low, $high = 0, $n + 1
while $high - $low > 1:
    $mid = ($low + $high) // 2
    if $mid * $mid <= $n * $lit{k 1 60}:
        $low = $mid
    else:
        $high = $mid
return $low
## 2log 1
return bisect.bisect_right(range($n + 1), $n * $lit{k 1 60}, key=lambda $x: $x * $x) - 1
## 8root 1
$x = 0
while $x < $n and ($x + 1) ** 2 <= $n * $lit{k 1 60}:
    $x += 1
return $x

### small_subsets(number n) -> int
## 1500 1
$size, $count = min($n, $lit{d 4 8}), 0
for $mask in range(1 << $size):
    $total = sum($j * $lit{w 2 9} for $j in range($size) if $mask >> $j & 1)
    if $total % $lit{m 2 9} == 0:
        $count += 1
return $count
## 700 20
def $pick($j, $total):
    if $j == min($n, $lit{d 4 8}):
        return int($total % $lit{m 2 9} == 0)
    return $pick($j + 1, $total) + $pick($j + 1, $total + $j * $lit{w 2 9})
return $pick(0, 0)
## 60 9
$counts = {0: 1}
for $j in range(min($n, $lit{d 4 8})):
    $next = defaultdict(int)
    for $total, $count in $counts.items():
        $next[$total] += $count
        $next[($total + $j * $lit{w 2 9}) % $lit{m 2 9}] += $count
    $counts = $next
return $counts[0]

### partition_count(number n) -> int
## 0.5n2 n most=1500
$dp = [1] + [0] * $n
for $part in range(1, $n + 1):
    for $total in range($part, $n + 1):
        $dp[$total] = ($dp[$total] + $dp[$total - $part]) % $mod{m}
return $dp[$n]
## n2 n2 most=400
$table = [[0] * ($n + 1) for $_ in range($n + 1)]
for $i in range($n + 1):
    $table[$i][0] = 1
for $i in range(1, $n + 1):
    for $j in range(1, $n + 1):
        $table[$i][$j] = $table[$i - 1][$j]
        if $j >= $i:
            $table[$i][$j] = ($table[$i][$j] + $table[$i][$j - $i]) % $mod{m}
return $table[$n][$n]

### spiral_grid(number n) -> grid[1]
## 30 60
$size = min($n, $lit{d 3 8})
$table = [[0] * $size for $_ in range($size)]
for $i in range($size):
    for $j in range($size):
        $table[$i][$j] = min($i, $j, $size - 1 - $i, $size - 1 - $j)
return $table
## 30 60
$size = min($n, $lit{d 3 8})
return [[min($i, $j, $size - 1 - $i, $size - 1 - $j) for $j in range($size)] for $i in range($size)]
"""
