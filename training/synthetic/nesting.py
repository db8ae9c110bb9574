"""Idioms with a hole: another idiom runs for each row, chunk, word, suffix or round."""

NESTING = r"""
### each_row(rows rs) -> ints[root]; inner ints[root] -> int * root
## root root
$out = []
for $row in $rs:
    $DO{value row}
    $out.append($value)
return $out
## root root
return [$FN($row) for $row in $rs]
## root root
return list(map($FN, $rs))
## n n
$rows = [$row[:] for $row in $rs]
$out = [0] * len($rows)
for $i, $row in enumerate($rows):
    $DO{value row}
    $out[$i] = $value
return $out

### change_rows(rows rs) -> rows; inner ints[root] -> ints[root] * root
## root root
$out = []
for $row in $rs:
    $DO{values row}
    $out.append($values)
return $out
## root root
return [$FN($row) for $row in $rs]

### each_column(grid g) -> ints[root]; inner ints[root] -> int * root
## n root
$out = []
for $j in range(len($g[0])):
    $col = [$row[$j] for $row in $g]
    $DO{value col}
    $out.append($value)
return $out
## n root
return [$FN(list($col)) for $col in zip(*$g)]
## n n
$cols = [list($col) for $col in zip(*$g)]
return [$FN($col) for $col in $cols]

### total_of_rows(rows rs) -> int; inner ints[root] -> int * root
## root 1
$total = 0
for $row in $rs:
    $DO{value row}
    $total = $fold{f total value}
return $total
## root root
$total = 0
for $value in [$FN($row) for $row in $rs]:
    $total = $fold{f total value}
return $total
## root root
$values = []
for $row in $rs:
    $DO{value row}
    $values.append($value)
return functools.reduce(lambda $total, $value: $fold{f total value}, $values, 0)

### each_chunk(ints xs) -> ints[0.1n]; inner ints[16] -> int * 0.1n
## 0.1n 0.1n
$out = []
for $i in range(0, len($xs), $lit{k 4 30}):
    $part = $xs[$i:$i + $lit{k 4 30}]
    $DO{value part}
    $out.append($value)
return $out
## 0.1n n
$parts = [$xs[$i:$i + $lit{k 4 30}] for $i in range(0, len($xs), $lit{k 4 30})]
return [$FN($part) for $part in $parts]

### each_suffix(ints xs) -> int; inner ints[0.5n] -> int * n
## n n most=700
$best = 0
for $i in range(len($xs)):
    $rest = $xs[$i:]
    $DO{value rest}
    $best = max($best, $value)
return $best
## n n most=700
return max([0] + [$FN($xs[$i:]) for $i in range(len($xs))])

### each_prefix(ints xs) -> ints; inner ints[0.5n] -> int * n
## n n most=700
$out = []
for $i in range(1, len($xs) + 1):
    $part = $xs[:$i]
    $DO{value part}
    $out.append($value)
return $out
## n n most=700
return [$FN($xs[:$i]) for $i in range(1, len($xs) + 1)]
## n 2n most=700
$out, $part = [], []
for $x in $xs:
    $part.append($x)
    $DO{value part}
    $out.append($value)
return $out

### each_window(ints xs) -> int; inner ints[8] -> int * n
## n 8
$total = 0
for $i in range(len($xs) - $lit{k 3 12} + 1):
    $part = $xs[$i:$i + $lit{k 3 12}]
    $DO{value part}
    $total = $fold{f total value}
return $total
## n n
$values = [$FN($xs[$i:$i + $lit{k 3 12}]) for $i in range(len($xs) - $lit{k 3 12} + 1)]
$total = 0
for $value in $values:
    $total = $fold{f total value}
return $total

### halving(ints xs) -> int; inner ints[0.5n] -> int * 2
## 4n n
$total, $rest = 0, $xs
while len($rest) > $lit{k 1 4}:
    $DO{value rest}
    $total ^= $value
    $rest = $rest[::2]
return $total

### rounds(ints xs) -> int; inner ints[n] -> int * 6
## 6n n
$total = 0
for $i in range($lit{r 2 14}):
    $cur = [$x + $i for $x in $xs]
    $DO{value cur}
    $total = $fold{f total value}
return $total
## 6n 6n
$lists = [[$x + $i for $x in $xs] for $i in range($lit{r 2 14})]
$total = 0
for $cur in $lists:
    $DO{value cur}
    $total = $fold{f total value}
return $total

### repeated_change(ints xs) -> ints; inner ints[n] -> ints[n] * 5
## 5 n
$cur = $xs
for $_ in range($lit{r 2 12}):
    $DO{value cur}
    $cur = [$x % $lit{m 90 900} for $x in $value]
return $cur
## 5 5n
$steps = [$xs]
for $_ in range($lit{r 2 12}):
    $part = $steps[-1]
    $DO{value part}
    $steps.append([$x % $lit{m 90 900} for $x in $value])
return $steps[-1]

### by_residue(ints xs) -> ints[8]; inner ints[0.12n] -> int * 8
## n n
$groups = defaultdict(list)
for $x in $xs:
    $groups[$x % $lit{m 3 20}].append($x)
$out = []
for $key in sorted($groups):
    $part = $groups[$key]
    $DO{value part}
    $out.append($value)
return $out
## n n
$groups = {}
for $x in $xs:
    $groups.setdefault($x % $lit{m 3 20}, []).append($x)
return [$FN($groups[$key]) for $key in sorted($groups)]
## 9n n
$out = []
for $key in range($lit{m 3 20}):
    $part = [$x for $x in $xs if $x % $lit{m 3 20} == $key]
    if $part:
        $DO{value part}
        $out.append($value)
return $out

### either_half(ints xs) -> int; inner ints[0.5n] -> int * 2
## n n
$mid = len($xs) // 2
$left, $right = $xs[:$mid], $xs[$mid:]
$a, $b = $FN($left), $FN($right)
return $fold{f a b}

### when_long(ints xs) -> int; inner ints[n] -> int * 1
## 1 1
if len($xs) < $lit{k 2 9}:
    return len($xs)
$DO{value xs}
return $value

### guarded(ints xs) -> int; inner ints[n] -> int * 1
## 1 1
try:
    $DO{value xs}
except (ValueError, IndexError, KeyError):
    $value = -1
return $value

### sample_only(ints xs) -> int; inner ints[10] -> int * 1
## 1 9
$part = $xs[:$lit{k 4 24}]
$DO{value part}
return $value
## 1 9
return $FN($xs[:$lit{k 4 24}])
## n 9
$part = [$x for $i, $x in enumerate($xs) if $i < $lit{k 4 24}]
$DO{value part}
return $value

### strided(ints xs) -> int; inner ints[root] -> int * 1
## root root
$step = max(1, math.isqrt(len($xs)))
$part = $xs[::$step]
$DO{value part}
return $value
## n root
$step = max(1, math.isqrt(len($xs)))
$part = []
for $i, $x in enumerate($xs):
    if $i % $step == 0:
        $part.append($x)
$DO{value part}
return $value

### memoised_calls(ints xs) -> int; inner number[30] -> int * 40
## n 40
$memo, $total = {}, 0
for $x in $xs:
    $key = abs($x) % $lit{m 10 60} + 1
    if $key not in $memo:
        $memo[$key] = $FN($key)
    $total += $memo[$key]
return $total
## 9n 1 most=1100
$total = 0
for $x in $xs:
    $key = abs($x) % $lit{m 10 60} + 1
    $DO{value key}
    $total += $value
return $total
## n 40
$counts, $total = Counter(abs($x) % $lit{m 10 60} + 1 for $x in $xs), 0
for $key, $count in $counts.items():
    $DO{value key}
    $total += $value * $count
return $total

### each_word(words ws) -> ints; inner text[6] -> int * n
## n n
$out = []
for $w in $ws:
    $DO{value w}
    $out.append($value)
return $out
## n n
return [$FN($w) for $w in $ws]
## n 2n
$memo, $out = {}, []
for $w in $ws:
    if $w not in $memo:
        $memo[$w] = $FN($w)
    $out.append($memo[$w])
return $out

### change_each_word(words ws) -> words; inner text[6] -> text[6] * n
## n 2n
return [$FN($w) for $w in $ws]
## n 2n
$out = []
for $w in $ws:
    $DO{value w}
    $out.append($value)
return $out

### each_line(text s) -> int; inner text[20] -> int * 0.05n
## 0.1n n
$total = 0
for $part in $s.split($char{c}):
    $DO{value part}
    $total += $value
return $total
## n 20
$total, $start = 0, 0
for $i in range(len($s) + 1):
    if $i == len($s) or $s[$i] == $char{c}:
        $part = $s[$start:$i]
        $DO{value part}
        $total += $value
        $start = $i + 1
return $total

### number_times(number n) -> int; inner number[n] -> int * 4
## 4 1
$total = 0
for $i in range($lit{r 2 8}):
    $m = $n + $i
    $DO{value m}
    $total = $fold{f total value}
return $total

### root_number(number n) -> int; inner number[root] -> int * 1
## 1 1
$m = math.isqrt($n) + 1
$DO{value m}
return $value

### log_number(number n) -> int; inner number[log] -> int * 1
## 1 1
$m = $n.bit_length()
$DO{value m}
return $value

### capped_number(number n) -> int; inner number[30] -> int * 1
## 1 1
$m = min($n, $lit{k 8 90})
$DO{value m}
return $value

### upto_number(number n) -> int; inner number[0.5n] -> int * n
## n 1 most=500
$total = 0
for $m in range(1, $n + 1):
    $DO{value m}
    $total = $fold{f total value}
return $total
## n n most=500
return functools.reduce(lambda $total, $value: $fold{f total value}, [$FN($m) for $m in range(1, $n + 1)], 0)

### divisor_walk(number n) -> int; inner number[0.3n] -> int * log
## log 1
$total, $m = 0, $n
while $m > 1:
    $DO{value m}
    $total ^= $value
    $m //= 2
return $total

### size_number(ints xs) -> int; inner number[n] -> int * 1
## 1 1
$m = len($xs) + 1
$DO{value m}
return $value

### pairs_of_rows(rows rs) -> int; inner ints[root] -> int * n
## n n
$best = 0
for $i in range(len($rs)):
    for $j in range($i):
        $part = [$a + $b for $a, $b in zip($rs[$i], $rs[$j])]
        $DO{value part}
        $best = max($best, $value)
return $best
## n n
return max([0] + [$FN([$a + $b for $a, $b in zip($p, $q)]) for $p, $q in itertools.combinations($rs, 2)])
"""
