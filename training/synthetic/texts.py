"""Idioms over texts and words: scans, regular expressions, building, parsing, tables."""

TEXTS = r"""
### count_letters(text s) -> int
## n 1
return sum(1 for $ch in $s if $letter{c ch})
## n 1
$count = 0
for $ch in $s:
    if $letter{c ch}:
        $count += 1
return $count
## n 0.4n
return len([$ch for $ch in $s if $letter{c ch}])
## n 0.4n
$kept = ''
for $ch in $s:
    if $letter{c ch}:
        $kept += $ch
return len($kept)

### text_hash(text s) -> int
## n 1
$code = $lit{h 3 6000}
for $ch in $s:
    $code = ($code * $lit{b 7 300} + ord($ch)) % $mod{m}
return $code
## n 4n
$codes = [ord($ch) for $ch in $s]
return functools.reduce(lambda $code, $x: ($code * $lit{b 7 300} + $x) % $mod{m}, $codes, $lit{h 3 6000})
## n 1
return functools.reduce(lambda $code, $ch: ($code * $lit{b 7 300} + ord($ch)) % $mod{m}, $s, $lit{h 3 6000})
## n n deep
def $walk($i, $code):
    if $i == len($s):
        return $code
    return $walk($i + 1, ($code * $lit{b 7 300} + ord($s[$i])) % $mod{m})
return $walk(0, $lit{h 3 6000})

### longest_palindrome(text s) -> int
## n1.5 1
$best = 0
for $mid in range(len($s)):
    for $left, $right in (($mid, $mid), ($mid, $mid + 1)):
        while $left >= 0 and $right < len($s) and $s[$left] == $s[$right]:
            $best = max($best, $right - $left + 1)
            $left -= 1
            $right += 1
return $best
## 0.5n2 n2 most=300
$size, $best = len($s), 0
$dp = [[False] * $size for $_ in range($size)]
for $i in range($size - 1, -1, -1):
    for $j in range($i, $size):
        if $s[$i] == $s[$j] and ($j - $i < 2 or $dp[$i + 1][$j - 1]):
            $dp[$i][$j] = True
            $best = max($best, $j - $i + 1)
return $best
## n2 0.1n most=500
$best = 0
for $i in range(len($s)):
    for $j in range($i + $best + 1, len($s) + 1):
        $part = $s[$i:$j]
        if $part == $part[::-1]:
            $best = len($part)
return $best

### is_palindrome(text s) -> int
## n 0.1n
return int($s == $s[::-1])
## 9 1
$i, $j = 0, len($s) - 1
while $i < $j:
    if $s[$i] != $s[$j]:
        return 0
    $i += 1
    $j -= 1
return 1
## n n
$queue = deque($s)
while len($queue) > 1:
    if $queue.popleft() != $queue.pop():
        return 0
return 1
## n n
return int(list($s) == list(reversed($s)))

### longest_without_repeat(text s) -> int
## n 1
$last, $start, $best = {}, 0, 0
for $i, $ch in enumerate($s):
    if $last.get($ch, -1) >= $start:
        $start = $last[$ch] + 1
    $last[$ch] = $i
    $best = max($best, $i - $start + 1)
return $best
## 6n 1
$best = 0
for $i in range(len($s)):
    $seen = set()
    for $ch in $s[$i:]:
        if $ch in $seen:
            break
        $seen.add($ch)
    $best = max($best, len($seen))
return $best
## 3n 1
$window, $best = '', 0
for $ch in $s:
    if $ch in $window:
        $window = $window[$window.index($ch) + 1:]
    $window += $ch
    $best = max($best, len($window))
return $best

### distinct_parts(text s) -> int
## n 5n
return len({$s[$i:$i + $lit{k 2 9}] for $i in range(len($s) - $lit{k 2 9} + 1)})
## n 6n
$seen = set()
for $i in range(len($s) - $lit{k 2 9} + 1):
    $seen.add($s[$i:$i + $lit{k 2 9}])
return len($seen)
## n2 5n most=500
$found = []
for $i in range(len($s) - $lit{k 2 9} + 1):
    if $s[$i:$i + $lit{k 2 9}] not in $found:
        $found.append($s[$i:$i + $lit{k 2 9}])
return len($found)
## n 6n
return len(Counter($s[$i:$i + $lit{k 2 9}] for $i in range(len($s) - $lit{k 2 9} + 1)))

### all_substrings(text s) -> int
## n2 n2 most=150
return len({$s[$i:$j] for $i in range(len($s)) for $j in range($i + 1, len($s) + 1)})
## n2 n2 most=150
$seen = set()
for $i in range(len($s)):
    $part = ''
    for $ch in $s[$i:]:
        $part += $ch
        $seen.add($part)
return len($seen)
## n2 n2 most=200
$root, $count = {}, 0
for $i in range(len($s)):
    $node = $root
    for $ch in $s[$i:]:
        if $ch not in $node:
            $node[$ch] = {}
            $count += 1
        $node = $node[$ch]
return $count

### nesting_depth(text s) -> int
## n 1
$depth = $best = 0
for $ch in $s:
    if $ch in $chars{a}:
        $depth += 1
        $best = max($best, $depth)
    elif $ch in $chars{b}:
        $depth = max(0, $depth - 1)
return $best
## n 0.2n
$stack, $best = [], 0
for $i, $ch in enumerate($s):
    if $ch in $chars{a}:
        $stack.append($i)
    elif $ch in $chars{b} and $stack:
        $stack.pop()
    $best = max($best, len($stack))
return $best

### letter_counts(text s) -> counts[30]
## n 9
return Counter($s)
## n 9
$counts = {}
for $ch in $s:
    $counts[$ch] = $counts.get($ch, 0) + 1
return $counts
## 9n 9
return {$ch: $s.count($ch) for $ch in sorted(set($s))}
## n2 9
return {$ch: $s.count($ch) for $ch in $s}
## n n
$counts = defaultdict(int)
for $ch in list($s):
    $counts[$ch] += 1
return $counts

### word_counts(words ws) -> counts
## n n
return Counter($ws)
## n n
$counts = {}
for $w in $ws:
    $counts[$w] = $counts.get($w, 0) + 1
return $counts
## n2 n
return {$w: $ws.count($w) for $w in $ws}
## n 2n
$groups = defaultdict(list)
for $i, $w in enumerate($ws):
    $groups[$w].append($i)
return {$w: len($group) for $w, $group in $groups.items()}

### find_all(text s) -> ints[0.1n]
## n 0.1n
return [$i for $i in range(len($s)) if $s.startswith($pair{p}, $i)]
## 0.2n 0.1n
$out, $i = [], $s.find($pair{p})
while $i >= 0:
    $out.append($i)
    $i = $s.find($pair{p}, $i + 1)
return $out
## n 0.1n
$out = []
for $i in range(len($s)):
    if $s[$i:$i + 2] == $pair{p}:
        $out.append($i)
return $out
## 0.2n 0.2n
return [$m.start() for $m in re.finditer('(?=' + $pair{p} + ')', $s)]
## n2 0.1n most=1100
return [$i for $i in range(len($s)) if $s[$i:][:2] == $pair{p}]

### border_table(text s) -> ints
## 2n n
$table = [0] * len($s)
$k = 0
for $i in range(1, len($s)):
    while $k and $s[$i] != $s[$k]:
        $k = $table[$k - 1]
    if $s[$i] == $s[$k]:
        $k += 1
    $table[$i] = $k
return $table

### run_length_text(text s) -> text
## n 2n
return ''.join($ch + str(len(list($group))) for $ch, $group in itertools.groupby($s))
## n 2n
$out, $i = [], 0
while $i < len($s):
    $j = $i
    while $j < len($s) and $s[$j] == $s[$i]:
        $j += 1
    $out.append($s[$i] + str($j - $i))
    $i = $j
return ''.join($out)
## n n
$text, $i = '', 0
while $i < len($s):
    $count = 1
    while $i + $count < len($s) and $s[$i + $count] == $s[$i]:
        $count += 1
    $text += $s[$i] + str($count)
    $i += $count
return $text
## n 3n
return re.sub(r'(.)\1*', lambda $m: $m.group(1) + str(len($m.group(0))), $s)

### longest_same_run(text s) -> int
## n 1
$best, $run = 0, 0
for $i, $ch in enumerate($s):
    $run = $run + 1 if $i and $s[$i - 1] == $ch else 1
    $best = max($best, $run)
return $best
## n 1
return max((len(list($group)) for $_, $group in itertools.groupby($s)), default=0)
## n n
return max([0] + [sum(1 for $_ in $group) for $_, $group in itertools.groupby($s)])

### shift_letters(text s) -> text
## n 2n
return ''.join(chr((ord($ch) - 97 + $lit{k 1 25}) % 26 + 97) if 'a' <= $ch <= 'z' else $ch for $ch in $s)
## 40 n
$low = 'abcdefghijklmnopqrstuvwxyz'
return $s.translate(str.maketrans($low, $low[$lit{k 1 25}:] + $low[:$lit{k 1 25}]))
## n n
$text = ''
for $ch in $s:
    if 'a' <= $ch <= 'z':
        $text += chr((ord($ch) - 97 + $lit{k 1 25}) % 26 + 97)
    else:
        $text += $ch
return $text
## n 2n
$low = 'abcdefghijklmnopqrstuvwxyz'
$table = {$ch: $low[($i + $lit{k 1 25}) % 26] for $i, $ch in enumerate($low)}
return ''.join([$table.get($ch, $ch) for $ch in $s])
## n2 n most=1100
$out = []
for $ch in $s:
    $out = $out + [chr((ord($ch) - 97 + $lit{k 1 25}) % 26 + 97) if 'a' <= $ch <= 'z' else $ch]
return ''.join($out)

### keep_letters(text s) -> text[0.5n]
## n n
return ''.join($ch for $ch in $s if $letter{c ch})
## n n
return ''.join([$ch for $ch in $s if $letter{c ch}])
## n 0.5n
$text = ''
for $ch in $s:
    if $letter{c ch}:
        $text += $ch
return $text
## n n
return ''.join(filter(lambda $ch: $letter{c ch}, $s))

### reverse_text(text s) -> text
## 1 0.1n
return $s[::-1]
## n n
return ''.join(reversed($s))
## 0.3n2 0.2n most=1100
$text = ''
for $ch in $s:
    $text = $ch + $text
return $text
## n n
$stack, $out = list($s), []
while $stack:
    $out.append($stack.pop())
return ''.join($out)
## 2n n
def $flip($part):
    if len($part) < 2:
        return $part
    $mid = len($part) // 2
    return $flip($part[$mid:]) + $flip($part[:$mid])
return $flip($s)

### change_text(text s) -> text
## 1 0.1n
return $textual{e s}

### sort_letters(text s) -> text
## nlog n
return ''.join(sorted($s))
## n n
$counts = Counter($s)
return ''.join($ch * $counts[$ch] for $ch in sorted($counts))
## nlog n
$letters = list($s)
$letters.sort()
return ''.join($letters)
## 9n n
return ''.join($ch * $s.count($ch) for $ch in sorted(set($s)))

### unique_letters(text s) -> text[20]
## n 9
return ''.join(dict.fromkeys($s))
## n 9
$seen, $out = set(), []
for $ch in $s:
    if $ch not in $seen:
        $seen.add($ch)
        $out.append($ch)
return ''.join($out)
## 5n 1
$text = ''
for $ch in $s:
    if $ch not in $text:
        $text += $ch
return $text

### zigzag_rows(text s) -> text
## n 3n
$rows = [''] * $lit{k 2 9}
$row, $step = 0, 1
for $ch in $s:
    $rows[$row] += $ch
    if $row == 0:
        $step = 1
    elif $row == $lit{k 2 9} - 1:
        $step = -1
    $row += $step
return ''.join($rows)
## n n
$rows = [[] for $_ in range($lit{k 2 9})]
$cycle = list(range($lit{k 2 9})) + list(range($lit{k 2 9} - 2, 0, -1))
for $i, $ch in enumerate($s):
    $rows[$cycle[$i % len($cycle)]].append($ch)
return ''.join(''.join($row) for $row in $rows)

### repeat_text(text s) -> text[8n]
## 1 0.8n
return $s * $lit{k 2 20}
## 8 0.8n
$text = ''
for $_ in range($lit{k 2 20}):
    $text += $s
return $text
## 8 8
return ''.join($s for $_ in range($lit{k 2 20}))
## 8n 8n
$out = []
for $_ in range($lit{k 2 20}):
    for $ch in $s:
        $out.append($ch)
return ''.join($out)

### codes_of(text s) -> ints
## n n
return [ord($ch) for $ch in $s]
## n n
return list(map(ord, $s))
## 1 n
return list($s.encode())
## n n
$out = []
for $i in range(len($s)):
    $out.append(ord($s[$i]))
return $out

### digits_in(text s) -> ints[0.2n]
## n 0.2n
return [int($ch) for $ch in $s if $ch.isdigit()]
## n 0.2n
return [int($m) for $m in re.findall(r'\d', $s)]
## n 0.2n
$out = []
for $ch in $s:
    if '0' <= $ch <= '9':
        $out.append(ord($ch) - 48)
return $out

### cut_words(text s) -> words[0.2n]
## n n
return $s.split($char{c})
## n n
$out, $start = [], 0
for $i, $ch in enumerate($s):
    if $ch == $char{c}:
        $out.append($s[$start:$i])
        $start = $i + 1
$out.append($s[$start:])
return $out
## n n
return re.split($char{c}, $s)
## n n
$out, $cur = [], ''
for $ch in $s:
    if $ch == $char{c}:
        $out.append($cur)
        $cur = ''
    else:
        $cur += $ch
return $out + [$cur]

### word_runs(text s) -> words[0.2n]
## n n
return re.findall('[a-m]+', $s)
## n n
$pattern = re.compile('[a-m]+')
return [$m.group() for $m in $pattern.finditer($s)]
## n n
$out, $cur = [], ''
for $ch in $s + ' ':
    if 'a' <= $ch <= 'm':
        $cur += $ch
    elif $cur:
        $out.append($cur)
        $cur = ''
return $out

### pieces(text s) -> words[0.2n]
## 0.2n n
return [$s[$i:$i + $lit{k 2 12}] for $i in range(0, len($s), $lit{k 2 12})]
## 0.2n n
$out, $i = [], 0
while $i < len($s):
    $out.append($s[$i:$i + $lit{k 2 12}])
    $i += $lit{k 2 12}
return $out
## 0.1n2 n most=1100
$out, $rest = [], $s
while $rest:
    $out.append($rest[:$lit{k 2 12}])
    $rest = $rest[$lit{k 2 12}:]
return $out
## n n
return re.findall('.{1,' + str($lit{k 2 12}) + '}', $s)

### letter_windows(text s) -> words
## n 2n
return [$s[$i:$i + $lit{k 2 6}] for $i in range(len($s) - $lit{k 2 6} + 1)]
## n 2n
return [''.join($part) for $part in zip(*($s[$i:] for $i in range($lit{k 2 6})))]

### edit_to_reverse(text s) -> int
## n2 n2 most=300
$t = $s[::-1]
$dp = [[$i + $j for $j in range(len($t) + 1)] for $i in range(len($s) + 1)]
for $i in range(1, len($s) + 1):
    for $j in range(1, len($t) + 1):
        $cost = int($s[$i - 1] != $t[$j - 1])
        $dp[$i][$j] = min($dp[$i - 1][$j] + 1, $dp[$i][$j - 1] + 1, $dp[$i - 1][$j - 1] + $cost)
return $dp[-1][-1]
## n2 n
$t = $s[::-1]
$prev = list(range(len($t) + 1))
for $i, $a in enumerate($s, 1):
    $cur = [$i]
    for $j, $b in enumerate($t, 1):
        $cur.append(min($prev[$j] + 1, $cur[-1] + 1, $prev[$j - 1] + ($a != $b)))
    $prev = $cur
return $prev[-1]
## n2 4n2 deep most=90
$t = $s[::-1]
@cache
def $distance($i, $j):
    if $i == 0 or $j == 0:
        return $i + $j
    if $s[$i - 1] == $t[$j - 1]:
        return $distance($i - 1, $j - 1)
    return 1 + min($distance($i - 1, $j), $distance($i, $j - 1), $distance($i - 1, $j - 1))
return $distance(len($s), len($t))

### palindrome_subsequence(text s) -> int
## 0.5n2 n2 most=300
$size = len($s)
$dp = [[0] * ($size + 1) for $_ in range($size + 1)]
for $i in range($size - 1, -1, -1):
    for $j in range($i, $size):
        if $s[$i] == $s[$j]:
            $dp[$i][$j] = ($dp[$i + 1][$j - 1] if $i < $j else -1) + 2
        else:
            $dp[$i][$j] = max($dp[$i + 1][$j], $dp[$i][$j - 1])
return $dp[0][$size - 1] if $size else 0
## 0.5n2 n
$dp = [0] * len($s)
for $i in range(len($s) - 1, -1, -1):
    $prev, $dp[$i] = 0, 1
    for $j in range($i + 1, len($s)):
        $kept = $dp[$j]
        $dp[$j] = $prev + 2 if $s[$i] == $s[$j] else max($dp[$j], $dp[$j - 1])
        $prev = $kept
return $dp[-1] if $dp else 0

### word_break(text s) -> int
## 3n n
$dp = [1] + [0] * len($s)
for $i in range(len($s)):
    if $dp[$i]:
        for $part in ($char{p}, $char{q}, $pair{p}, $s[:3]):
            if $part and $s.startswith($part, $i):
                $dp[$i + len($part)] = ($dp[$i + len($part)] + $dp[$i]) % $mod{m}
return sum($dp) % $mod{m}
## 6n n
$parts = [$p for $p in ($char{p}, $char{q}, $pair{p}, $s[:3]) if $p]
$ways = defaultdict(int)
$ways[0] = 1
for $i in range(len($s)):
    for $part in $parts:
        if $ways[$i] and $s[$i:$i + len($part)] == $part:
            $ways[$i + len($part)] = ($ways[$i + len($part)] + $ways[$i]) % $mod{m}
return sum($ways.values()) % $mod{m}

### read_number(text s) -> int
## n 1
$total = 0
for $ch in $s:
    if $ch.isdigit():
        $total = ($total * 10 + int($ch)) % $mod{m}
return $total
## n 0.2n
$total = 0
for $ch in re.sub(r'\D', '', $s):
    $total = ($total * 10 + ord($ch) - 48) % $mod{m}
return $total
## n 0.3n
$digits = [int($ch) for $ch in $s if $ch.isdigit()]
return functools.reduce(lambda $a, $b: ($a * 10 + $b) % $mod{m}, $digits, 0)

### evaluate_sum(text s) -> int
## n 1
$total, $sign, $num = 0, 1, 0
for $ch in $s:
    if $ch.isdigit():
        $num = ($num * 10 + int($ch)) % 10007
    elif $ch in $chars{p}:
        $total += $sign * $num
        $sign, $num = -$sign, 0
return $total + $sign * $num
## n 0.3n
$terms, $cur = [], 0
for $ch in $s:
    if $ch in $chars{p} and not $ch.isdigit():
        $terms.append($cur)
        $cur = 0
    elif $ch.isdigit():
        $cur = ($cur * 10 + int($ch)) % 10007
$terms.append($cur)
return sum($terms[::2]) - sum($terms[1::2])

### remove_doubles(text s) -> text
## n n
$stack = []
for $ch in $s:
    if $stack and $stack[-1] == $ch:
        $stack.pop()
    else:
        $stack.append($ch)
return ''.join($stack)
## n 0.2n
$text = ''
for $ch in $s:
    if $text[-1:] == $ch:
        $text = $text[:-1]
    else:
        $text += $ch
return $text
## 0.3n2 0.2n most=1100
$text, $i = $s, 0
while $i + 1 < len($text):
    if $text[$i] == $text[$i + 1]:
        $text = $text[:$i] + $text[$i + 2:]
        $i = max(0, $i - 1)
    else:
        $i += 1
return $text

### tokens(text s) -> counts[30]
## n n
$counts = defaultdict(int)
for $m in re.finditer(r'[a-z]{1,3}|\d+|.', $s):
    $counts[$m.group()] += 1
return $counts
## n 2n
return Counter(re.findall(r'[a-z]{1,3}|\d+|.', $s))

### word_lengths(words ws) -> ints
## n n
return [$measure{e w} for $w in $ws]
## n n
return list(map(lambda $w: $measure{e w}, $ws))
## n n
$out = []
for $w in $ws:
    $out.append($measure{e w})
return $out

### count_words(words ws) -> int
## n 1
return sum(1 for $w in $ws if $worded{c w})
## n n
return len([$w for $w in $ws if $worded{c w}])
## n 1
$count = 0
for $w in $ws:
    if $worded{c w}:
        $count += 1
return $count

### total_of_words(words ws) -> int
## n 1
return sum($measure{e w} for $w in $ws)
## n n
return sum([$measure{e w} for $w in $ws])
## n n
$total, $queue = 0, deque($ws)
while $queue:
    $w = $queue.popleft()
    $total += $measure{e w}
return $total
## n2 n
$total, $rest = 0, $ws
while $rest:
    $w, $rest = $rest[0], $rest[1:]
    $total += $measure{e w}
return $total

### change_words(words ws) -> words
## n 2n
return [$spell{e w} for $w in $ws]
## n 2n
$out = []
for $w in $ws:
    $out.append($spell{e w})
return $out
## n2 3n
$out = []
for $w in $ws:
    $out = $out + [$spell{e w}]
return $out
## n 2n
return list(map(lambda $w: $spell{e w}, $ws))

### choose_words(words ws) -> words[0.5n]
## n 0.5n
return [$w for $w in $ws if $worded{c w}]
## n 0.5n
return list(filter(lambda $w: $worded{c w}, $ws))
## n 0.5n
$out = []
for $w in $ws:
    if $worded{c w}:
        $out.append($w)
return $out

### group_anagrams(words ws) -> ints
## 4n 8n
$groups = defaultdict(list)
for $w in $ws:
    $groups[''.join(sorted($w))].append($w)
return [len($group) for $group in $groups.values()]
## 4n 8n
$groups = {}
for $w in $ws:
    $groups.setdefault(tuple(sorted($w)), []).append($w)
return [len($group) for $group in $groups.values()]
## 4n 4n
return list(Counter(''.join(sorted($w)) for $w in $ws).values())
## n2 n most=300
$groups = []
for $w in $ws:
    for $group in $groups:
        if sorted($group[0]) == sorted($w):
            $group.append($w)
            break
    else:
        $groups.append([$w])
return [len($group) for $group in $groups]

### sort_words(words ws) -> words
## nlog n
return sorted($ws, key=lambda $w: (len($w), $w))
## nlog n
$out = list($ws)
$out.sort(key=lambda $w: (len($w), $w))
return $out
## nlog n
return sorted(sorted($ws), key=len)
## nlog 4n
return [$w for $_, $w in sorted((len($w), $w) for $w in $ws)]

### unique_words(words ws) -> words
## n n
return list(dict.fromkeys($ws))
## n n
$seen, $out = set(), []
for $w in $ws:
    if $w not in $seen:
        $seen.add($w)
        $out.append($w)
return $out
## 0.5n2 n
$out = []
for $w in $ws:
    if $w not in $out:
        $out.append($w)
return $out

### join_words(words ws) -> text[6n]
## n n
return $char{c}.join($ws)
## n n
$text = ''
for $i, $w in enumerate($ws):
    $text += ($char{c} if $i else '') + $w
return $text
## n n
return $char{c}.join([$w for $w in $ws])
## n2 n most=600
$parts = []
for $i, $w in enumerate($ws):
    $parts = $parts + ([$char{c}] if $i else []) + [$w]
return ''.join($parts)

### common_prefix(words ws) -> int
## 4n 1
if not $ws:
    return 0
$size = 0
for $column in zip(*$ws):
    if len(set($column)) > 1:
        break
    $size += 1
return $size
## 2 1
$low, $high = min($ws, default=''), max($ws, default='')
$i = 0
while $i < min(len($low), len($high)) and $low[$i] == $high[$i]:
    $i += 1
return $i
## 2n 1
$prefix = $ws[0] if $ws else ''
for $w in $ws:
    while not $w.startswith($prefix):
        $prefix = $prefix[:-1]
return len($prefix)

### letter_trie(words ws) -> int
## 6n 20n
$root = {}
for $w in $ws:
    $node = $root
    for $ch in $w:
        $node = $node.setdefault($ch, {})
$count, $stack = 0, [$root]
while $stack:
    $node = $stack.pop()
    $count += 1
    $stack += $node.values()
return $count
## 6n 30n
class $Node:
    def __init__(self):
        self.$children = {}
$root, $count = $Node(), 1
for $w in $ws:
    $node = $root
    for $ch in $w:
        if $ch not in $node.$children:
            $node.$children[$ch] = $Node()
            $count += 1
        $node = $node.$children[$ch]
return $count
## 6n 6n
return len({$w[:$i] for $w in $ws for $i in range(len($w) + 1)} | {''})

### disjoint_words(words ws) -> int
## 0.5n2 n
$masks = [functools.reduce(lambda $m, $ch: $m | 1 << ord($ch) % 32, $w, 0) for $w in $ws]
$best = 0
for $i in range(len($ws)):
    for $j in range($i):
        if not $masks[$i] & $masks[$j]:
            $best = max($best, len($ws[$i]) * len($ws[$j]))
return $best
## 2n2 1 most=300
$best = 0
for $i, $a in enumerate($ws):
    for $b in $ws[:$i]:
        if not {ord($ch) % 32 for $ch in $a} & {ord($ch) % 32 for $ch in $b}:
            $best = max($best, len($a) * len($b))
return $best
## 0.5n2 4n
$sets = [frozenset(ord($ch) % 32 for $ch in $w) for $w in $ws]
$best = 0
for $i in range(len($ws)):
    for $j in range($i):
        if $sets[$i].isdisjoint($sets[$j]):
            $best = max($best, len($ws[$i]) * len($ws[$j]))
return $best

### prefix_pairs(words ws) -> int
## 0.5n2 1
$count = 0
for $i in range(len($ws)):
    for $j in range(len($ws)):
        if $i != $j and $ws[$j].startswith($ws[$i]):
            $count += 1
return $count
## 6n 6n
$counts, $total = defaultdict(int), 0
for $w in $ws:
    for $i in range(len($w) + 1):
        $counts[$w[:$i]] += 1
return sum($counts[$w] - 1 for $w in $ws)
## 6n n
$known, $total = Counter($ws), 0
for $w in $ws:
    $total += sum($known[$w[:$i]] for $i in range(len($w) + 1)) - 1
return $total

### letter_totals(words ws) -> counts[26]
## 6n 26
$counts = Counter()
for $w in $ws:
    $counts.update($w)
return $counts
## 6n 26
$counts = {}
for $w in $ws:
    for $ch in $w:
        $counts[$ch] = $counts.get($ch, 0) + 1
return $counts
## n n
return Counter(''.join($ws))
## 6n 6n
return Counter([$ch for $w in $ws for $ch in $w])

### words_by_letter(words ws) -> counts[26]
## n 2n
$groups = defaultdict(list)
for $w in $ws:
    $groups[$w[:1]].append($w)
return {$key: len($group) for $key, $group in $groups.items()}
## n 26
$counts = defaultdict(int)
for $w in $ws:
    $counts[$w[:1]] += 1
return $counts
## 26n n
return {$key: len([$w for $w in $ws if $w[:1] == $key]) for $key in sorted({$w[:1] for $w in $ws})}

### neighbours(words ws) -> int
## n2 1 most=300
$count = 0
for $i in range(len($ws)):
    for $j in range($i):
        $a, $b = $ws[$i], $ws[$j]
        if len($a) == len($b) and sum($c != $d for $c, $d in zip($a, $b)) == 1:
            $count += 1
return $count
## 8n 20n
$groups, $whole, $total = defaultdict(int), Counter($ws), 0
for $w in $ws:
    for $i in range(len($w)):
        $groups[$w[:$i] + '*' + $w[$i + 1:], $i] += 1
$total = sum($count * ($count - 1) // 2 for $count in $groups.values())
return $total - sum(len($w) * ($count * ($count - 1) // 2) for $w, $count in $whole.items())

### key_totals(counts table) -> int
## n 1
$total = 0
for $value in $table.values():
    $total = $gather{f total value}
return $total
## n n
$total = 0
for $value in list($table.values()):
    $total = $gather{f total value}
return $total
## n 1
$total = 0
for $key in $table:
    $value = $table[$key]
    $total = $gather{f total value}
return $total

### best_key_count(counts table) -> int
## n 1
return max($table.values(), default=0)
## nlog n
return sorted($table.values())[-1] if $table else 0
## nlog 3n
return Counter($table).most_common(1)[0][1] if $table else 0
## n 1
$best = None
for $key, $value in $table.items():
    if $best is None or $value > $best:
        $best = $value
return $best or 0

### ordered_counts(counts table) -> ints
## nlog 2n
return [$value for $key, $value in sorted($table.items())]
## nlog n
return [$table[$key] for $key in sorted($table)]
## n2 n
$left, $out = dict($table), []
while $left:
    $key = min($left)
    $out.append($left.pop($key))
return $out

### heavy_keys(counts table) -> int
## n 1
return sum(1 for $value in $table.values() if $cond{c value})
## n n
return len({$key: $value for $key, $value in $table.items() if $cond{c value}})
## n 0.3n
return len([$key for $key, $value in $table.items() if $cond{c value}])

### inverted(counts table) -> counts
## n 2n
$out = {}
for $key, $value in $table.items():
    $out[$value] = $out.get($value, 0) + 1
return $out
## n n
return Counter($table.values())
## n 3n
$groups = defaultdict(list)
for $key, $value in $table.items():
    $groups[$value].append($key)
return {$value: len($group) for $value, $group in $groups.items()}

### top_values(counts table) -> ints[9]
## n 9
return heapq.nlargest($lit{k 2 12}, $table.values())
## nlog n
return sorted($table.values(), reverse=True)[:$lit{k 2 12}]
## nlog 3n
return [$value for $key, $value in Counter($table).most_common($lit{k 2 12})]

### lookup_sum(counts table) -> int
## n 1
return sum($table.get($i, 0) for $i in range(len($table)))
## n 1
$total = 0
for $i in range(len($table)):
    if $i in $table:
        $total += $table[$i]
return $total
## n2 n
$keys = list($table)
return sum($table[$i] for $i in range(len($keys)) if $i in $keys)
"""
