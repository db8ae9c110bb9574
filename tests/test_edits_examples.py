"""What each kind of edit makes of an example, and of its result, written by hand."""

from __future__ import annotations

import ast

import pytest

from ci_rlm.training.edits import EFFICIENCY, NEUTRAL
from ci_rlm.training.edits.syntax import Code

KINDS = {edit.name: edit for edit in (*EFFICIENCY, *NEUTRAL)}

# What the first kind makes of the first text is the second text; the second kind, if any, goes back.
EXAMPLES: list[tuple[str, str, str, str]] = [
    # Sorting and extremes
    ("sort_for_extreme", "extreme_without_sort", "low = max(xs)", "low = sorted(xs)[-1]"),
    ("sort_for_extreme", "extreme_without_sort", "low = min(xs, key=f)", "low = sorted(xs, key=f)[0]"),
    ("list_for_two", "two_without_list", "x = max(a, b)", "x = max([a, b])"),
    ("sort_for_two", "two_without_sort", "x = min(a, b)", "x = sorted((a, b))[0]"),
    ("call_for_two", "branch_for_two", "x = a if a > b else b", "x = max(a, b)"),
    ("extreme_by_call", "extreme_by_branch", "if y < low:\n    low = y", "low = min(low, y)"),
    (
        "sort_everything", "sort_the_best",
        "from heapq import nlargest\nbest = nlargest(3, xs)",
        "from heapq import nlargest\nbest = sorted(xs, reverse=True)[:3]",
    ),
    ("sort_then_reverse", "sort_in_reverse", "xs.sort(reverse=True)", "xs.sort()\nxs.reverse()"),
    (
        "key_by_lambda", "key_by_itemgetter",
        "import operator\nys = sorted(xs, key=operator.itemgetter(1))",
        "import operator\nys = sorted(xs, key=lambda x: x[1])",
    ),
    ("sort_to_copy", "sort_in_place", "xs = f()\nxs.sort(key=g)", "xs = f()\nxs = sorted(xs, key=g)"),
    (
        "sort_after_append", "insert_in_order",
        "from bisect import insort\ninsort(xs, 3)", "from bisect import insort\nxs.append(3)\nxs.sort()",
    ),
    # In place or as a copy
    ("append_to_copy", "append_in_place", "xs = []\nxs.append(f(y))", "xs = []\nxs = xs + [f(y)]"),
    ("extend_to_copy", "extend_in_place", "xs = []\nxs.extend(ys)", "xs = []\nxs = xs + list(ys)"),
    ("extend_by_loop", "extend_at_once", "xs.extend(ys)", "for x in ys:\n    xs.append(x)"),
    ("add_to_copy", "add_in_place", "s = set()\ns.add(y)", "s = set()\ns = s | {y}"),
    ("update_to_copy", "update_in_place", "d = {}\nd.update(e)", "d = {}\nd = {**d, **e}"),
    ("store_to_copy", "store_in_place", "d = {}\nd[k] = v", "d = {}\nd = {**d, k: v}"),
    ("reverse_to_copy", "reverse_in_place", "xs = []\nxs.reverse()", "xs = []\nxs = xs[::-1]"),
    ("pop_to_copy", "pop_in_place", "xs = [1]\nxs.pop()", "xs = [1]\nxs = xs[:-1]"),
    ("prepend_to_copy", "insert_at_front", "xs = [1]\nxs.insert(0, y)", "xs = [1]\nxs = [y] + xs"),
    (
        "deep_copy", "shallow_copy",
        "from copy import deepcopy\nys = [x[:] for x in rows]",
        "from copy import deepcopy\nys = deepcopy(rows)",
    ),
    ("length_of_copy", "length_without_copy", "n = len(xs)", "n = len(list(xs))"),
    ("length_by_loop", "length_at_once", "xs = [1]\nn = len(xs)", "xs = [1]\nn = sum((1 for x in xs))"),
    ("last_of_reversed", "last_by_index", "xs = [1]\ny = xs[-1]", "xs = [1]\ny = xs[::-1][0]"),
    ("suffix_copied", "suffix_by_offset", "ok = s.startswith(t, i)", "ok = s[i:].startswith(t)"),
    # Membership, counting, searching
    (
        "search_by_loop", "search_by_membership",
        "xs = [1]\nok = y in xs",
        "xs = [1]\nok = any((x == y for x in xs))",
    ),
    ("list_of_keys", "keys_as_they_are", "d = {}\nok = y in d", "d = {}\nok = y in list(d.keys())"),
    (
        "search_in_order", "search_by_bisection",
        "import bisect\ni = bisect.bisect_left(xs, y)", "import bisect\ni = sum((1 for x in xs if x < y))",
    ),
    (
        "count_by_scans", "count_in_one_pass",
        "from collections import Counter\nc = Counter(xs)",
        "from collections import Counter\nc = Counter({x: xs.count(x) for x in set(xs)})",
    ),
    (
        "count_by_hand", "count_by_counter",
        "from collections import Counter, defaultdict\nc = Counter(xs)",
        "from collections import Counter, defaultdict\nc = defaultdict(int)\nfor x in xs:\n    c[x] += 1",
    ),
    (
        "count_by_counter", "",
        "from collections import Counter\nc = {}\nfor x in xs:\n    c[x] = c.get(x, 0) + 1",
        "from collections import Counter\nc = Counter(xs)",
    ),
    (
        "set_to_list", "",
        "seen = set()\nseen.add(x)\nprint(len(seen))",
        "seen = []\nif x not in seen:\n    seen.append(x)\nprint(len(seen))",
    ),
    (
        "count_a_list", "count_a_stream",
        "n = sum((1 for x in xs if f(x)))",
        "n = len([x for x in xs if f(x)])",
    ),
    (
        "get_then_store", "branch_then_store",
        "if k in d:\n    d[k] += v\nelse:\n    d[k] = v", "d[k] = d.get(k, 0) + v",
    ),
    (
        "default_at_once", "default_when_missing",
        "if k not in d:\n    d[k] = []\nd[k].append(v)", "d.setdefault(k, []).append(v)",
    ),
    ("default_by_get", "default_by_branch", "x = d[k] if k in d else 0", "x = d.get(k, 0)"),
    # Sums, prefixes, arithmetic
    (
        "sum_each_prefix", "running_sums",
        "from itertools import accumulate\ns = list(accumulate(xs, initial=0))",
        "from itertools import accumulate\ns = [sum(xs[:i]) for i in range(len(xs) + 1)]",
    ),
    ("add_up_range", "closed_sum", "s = n * (n + 1) // 2", "s = sum(range(n + 1))"),
    ("power_then_remainder", "modular_power", "x = pow(a, b, m)", "x = a ** b % m"),
    ("square_by_power", "square_by_product", "y = x * x", "y = x ** 2"),
    ("ones_by_text", "ones_by_count", "n = x.bit_count()", "n = bin(x).count('1')"),
    ("between_by_range", "between_by_order", "ok = 0 <= x < n", "ok = x in range(0, n)"),
    # Building sequences
    ("repeat_by_loop", "repeat_by_product", "xs = [0] * (n + 1)", "xs = [0 for x in range(n + 1)]"),
    ("join_lists", "chain_lists", "ys = [x for k in xss for x in k]", "ys = sum(xss, [])"),
    (
        "neighbours_by_slice", "neighbours_by_pairwise",
        "from itertools import pairwise\nfor a, b in pairwise(xs):\n    f(a, b)",
        "from itertools import pairwise\nfor a, b in zip(xs, xs[1:]):\n    f(a, b)",
    ),
    ("map_by_comprehension", "map_by_function", "xs = list(map(int, ys))", "xs = [int(x) for x in ys]"),
    ("join_reversed", "reverse_by_slice", "s = 'ab'\nt = s[::-1]", "s = 'ab'\nt = ''.join(reversed(s))"),
    (
        "mirror_by_copy", "mirror_by_index",
        "ok = all((s[i] == s[~i] for i in range(len(s) // 2)))", "ok = s == s[::-1]",
    ),
    # Loops that build or reduce
    ("append_in_loop", "comprehend", "ys = [f(x) for x in xs]", "ys = []\nfor x in xs:\n    ys.append(f(x))"),
    (
        "append_in_loop", "comprehend",
        "d = {x: f(x) for x in xs if x}", "d = {}\nfor x in xs:\n    if x:\n        d[x] = f(x)",
    ),
    ("add_in_loop", "add_by_sum", "n = sum((f(x) for x in xs))", "n = 0\nfor x in xs:\n    n += f(x)"),
    (
        "search_by_generator", "search_and_return",
        "def f(xs):\n    for x in xs:\n        if x > 1:\n            return True\n    return False",
        "def f(xs):\n    return any((x > 1 for x in xs))",
    ),
    (
        "search_to_the_end", "stop_at_first",
        "def f(xs):\n    for x in xs:\n        if x > 1:\n            return True\n    return False",
        "def f(xs):\n    found = False\n    for x in xs:\n        if x > 1:\n"
        "            found = True\n    return found",
    ),
    (
        "break_to_continue", "",
        "for x in xs:\n    if x > k:\n        break\n    f(x)",
        "for x in xs:\n    if x > k:\n        continue\n    f(x)",
    ),
    (
        "loop_by_index", "loop_by_value",
        "xs = [1]\nfor x in xs:\n    f(x)", "xs = [1]\nfor i in range(len(xs)):\n    x = xs[i]\n    f(x)",
    ),
    (
        "number_by_index", "number_by_enumerate",
        "for i, x in enumerate(xs):\n    f(i, x)", "for i in range(len(xs)):\n    x = xs[i]\n    f(i, x)",
    ),
    (
        "zip_by_index", "zip_by_zip",
        "for a, b in zip(xs, ys):\n    f(a, b)",
        "for i in range(min(len(xs), len(ys))):\n    a = xs[i]\n    b = ys[i]\n    f(a, b)",
    ),
    (
        "look_up_items", "loop_over_items",
        "d = {}\nfor k, v in d.items():\n    f(k, v)", "d = {}\nfor k in d:\n    v = d[k]\n    f(k, v)",
    ),
    (
        "loop_over_square", "loop_over_half",
        "for i in range(n):\n    for j in range(i + 1, n):\n        f(i, j)",
        "for i in range(n):\n    for j in range(n):\n        if i < j:\n            f(i, j)",
    ),
    (
        "bound_by_test", "bound_by_range",
        "for j in range(i, n):\n    f(j)", "for j in range(n):\n    if j >= i:\n        f(j)",
    ),
    (
        "step_by_test", "step_by_range",
        "for j in range(i, n, 2):\n    f(j)", "for j in range(i, n):\n    if (j - i) % 2 == 0:\n        f(j)",
    ),
    (
        "pairs_by_product", "pairs_by_loops",
        "from itertools import product\nfor a in xs:\n    for b in ys:\n        f(a, b)",
        "from itertools import product\nfor a, b in product(xs, ys):\n    f(a, b)",
    ),
    (
        "pairs_by_index", "pairs_by_combinations",
        "from itertools import combinations\nfor a, b in combinations(xs, 2):\n    f(a, b)",
        "from itertools import combinations\nfor i in range(len(xs)):\n    for j in range(i + 1, len(xs)):\n"
        "        a = xs[i]\n        b = xs[j]\n        f(a, b)",
    ),
    ("print_each", "print_at_once", "print('\\n'.join(map(str, xs)))", "for x in xs:\n    print(x)"),
    ("print_unpacked", "print_joined", "print(' '.join(map(str, xs)))", "print(*xs)"),
    # Sets, counters, tables
    (
        "set_to_list", "list_to_set",
        "seen = set()\nfor x in xs:\n    if x in seen:\n        f(x)\n    seen.add(x)",
        "seen = []\nfor x in xs:\n    if x in seen:\n        f(x)\n    seen.append(x)",
    ),
    ("search_a_copy", "search_as_it_is", "ok = x not in self.seen", "ok = x not in list(self.seen)"),
    (
        "search_the_list", "search_a_set",
        "xs = [1]\nxs_set = set(xs)\nfor y in ys:\n    if y in xs_set:\n        f(y)",
        "xs = [1]\nfor y in ys:\n    if y in xs:\n        f(y)",
    ),
    ("literal_as_list", "", "ok = x in {1, 2}", "ok = x in list([1, 2])"),
    ("literal_as_set", "", "ok = x in (1, 2)", "ok = x in {1, 2}"),
    (
        "count_by_scanning", "count_by_table",
        "from collections import Counter\nxs = [1]\nxs_counts = Counter(xs)\nfor y in ys:\n"
        "    f(xs_counts[y])",
        "from collections import Counter\nxs = [1]\nfor y in ys:\n    f(xs.count(y))",
    ),
    (
        "position_by_scanning", "",
        "d = {x: i for i, x in enumerate(xs)}\nprint(d[3])", "print(xs.index(3))",
    ),
    (
        "position_by_table", "",
        "xs = [1]\nfor y in ys:\n    f(xs.index(y))",
        "xs = [1]\nxs_positions = {x: i for i, x in reversed(list(enumerate(xs)))}\n"
        "for y in ys:\n    f(xs_positions[y])",
    ),
    (
        "flags_as_list", "flags_as_bytes",
        "seen = bytearray(n)\nseen[3] = True\nf(seen[4])", "seen = [False] * n\nseen[3] = True\nf(seen[4])",
    ),
    (
        "flags_as_set", "",
        "seen = [False] * n\nseen[3] = True\nf(seen[4])", "seen = set()\nseen.add(3)\nf(4 in seen)",
    ),
    # Queues, heaps, defaults, rows
    (
        "queue_as_list", "queue_as_deque",
        "from collections import deque\nq = deque()\nq.append(x)\ny = q.popleft()",
        "from collections import deque\nq = []\nq.append(x)\ny = q.pop(0)",
    ),
    (
        "heap_by_sorting", "",
        "import heapq\nh = []\nheapq.heappush(h, 3)\nx = heapq.heappop(h)",
        "import heapq\nh = []\nh.append(3)\nh.sort()\nx = h.pop(0)",
    ),
    (
        "default_by_setdefault", "default_by_factory",
        "from collections import defaultdict\nd = defaultdict(list)\nd[k].append(v)",
        "from collections import defaultdict\nd = {}\nd.setdefault(k, []).append(v)",
    ),
    (
        "table_of_two_rows", "",
        "f = [[0] * m for _ in range(n)]\nfor i in range(1, n):\n"
        "    f[i][0] = f[i - 1][0] + 1\nprint(f[-1][0])",
        "f = [[0] * m for _ in range(2)]\nfor i in range(1, n):\n    f[i % 2][0] = f[(i - 1) % 2][0] + 1\n"
        "print(f[(n - 1) % 2][0])",
    ),
    # What loops run over
    (
        "list_into_reducer", "stream_into_reducer",
        "s = sum((f(x) for x in xs))",
        "s = sum([f(x) for x in xs])",
    ),
    ("search_a_full_list", "search_a_stream", "ok = any((f(x) for x in xs))", "ok = any([f(x) for x in xs])"),
    ("needless_list", "needless_list_dropped", "ys = sorted(xs)", "ys = sorted(list(xs))"),
    ("range_to_list", "range_as_it_is", "for i in range(n):\n    f(i)", "for i in list(range(n)):\n    f(i)"),
    (
        "stream_to_list", "stream_as_it_is",
        "for i, x in enumerate(xs):\n    f(i, x)", "for i, x in list(enumerate(xs)):\n    f(i, x)",
    ),
    ("view_to_list", "view_as_it_is", "ks = [k for k in d.keys()]", "ks = [k for k in list(d.keys())]"),
    (
        "loop_over_copy", "loop_without_copy",
        "xs = [1]\nfor x in xs:\n    f(x)",
        "xs = [1]\nfor x in xs[:]:\n    f(x)",
    ),
    ("unpack_a_list", "unpack_a_stream", "a, b = map(int, s)", "a, b = list(map(int, s))"),
    (
        "item_of_copy", "",
        "xs = [1]\nfor i in range(3):\n    f(xs[i])", "xs = [1]\nfor i in range(3):\n    f(list(xs)[i])",
    ),
    ("item_without_copy", "", "x = list(d)[0]", "x = next(iter(d))"),
    (
        "drain_a_copy", "",
        "xs = [1]\nfor x in xs:\n    f(x)",
        "xs = [1]\nxs_left = list(xs)\nwhile xs_left:\n    x = xs_left.pop(0)\n    f(x)",
    ),
    ("copy_in_comprehension", "", "ys = [f(x) for x in xs]", "ys = list([f(x) for x in xs])"),
    # What a round computes, where loops stop
    (
        "sink_assignment", "hoist_assignment",
        "n = len(xs)\nfor i in ys:\n    f(i, n)", "for i in ys:\n    n = len(xs)\n    f(i, n)",
    ),
    (
        "recompute_invariant", "hoist_invariant",
        "xs_len = len(xs)\nwhile i < xs_len:\n    i += 1", "while i < len(xs):\n    i += 1",
    ),
    (
        "sort_each_round", "sort_once",
        "xs.sort()\nfor y in ys:\n    f(xs[0], y)", "xs.sort()\nfor y in ys:\n    xs.sort()\n    f(xs[0], y)",
    ),
    (
        "call_through_attribute", "bind_method",
        "xs = []\nxs_append = xs.append\nfor y in ys:\n    xs_append(y)",
        "xs = []\nfor y in ys:\n    xs.append(y)",
    ),
    (
        "drop_break", "add_break",
        "for x in xs:\n    if x > 3:\n        big = True\n        break",
        "for x in xs:\n    if x > 3:\n        big = True",
    ),
    # Texts and sums over slices
    (
        "concatenate", "join_once",
        "s = []\nfor x in xs:\n    s.append(x)\nprint(''.join(s))",
        "s = ''\nfor x in xs:\n    s += x\nprint(s)",
    ),
    (
        "sum_each_slice", "prefix_sums",
        "from itertools import accumulate\nxs_prefix = list(accumulate(xs, initial=0))\n"
        "for i, j in ys:\n    f(xs_prefix[j] - xs_prefix[i])",
        "from itertools import accumulate\nfor i, j in ys:\n    f(sum(xs[i:j]))",
    ),
    # Functions that remember
    (
        "forget_answers", "remember_answers",
        "from functools import cache\n\n@cache\ndef f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)",
        "from functools import cache\n\ndef f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)",
    ),
    (
        "remember_by_hand", "",
        "def g(n):\n\n    @cache\n    def f(i):\n        return i + f(i - 1)\n    return f(n)",
        "def g(n):\n    known = {}\n\n    def f_once(i):\n        return i + f(i - 1)\n\n"
        "    def f(i):\n        key = (i,)\n"
        "        if key not in known:\n            known[key] = f_once(i)\n"
        "        return known[key]\n    return f(n)",
    ),
    (
        "forget_by_hand", "",
        "def f(n):\n    if n in memo:\n        return memo[n]\n    memo[n] = n + f(n - 1)\n"
        "    return memo[n]",
        "def f(n):\n    memo[n] = n + f(n - 1)\n    return memo[n]",
    ),
    # Scripts
    (
        "main_to_module", "module_to_main",
        "import sys\n\ndef main():\n    for line in sys.stdin:\n        print(line)\nmain()",
        "import sys\nfor line in sys.stdin:\n    print(line)",
    ),
    (
        "read_by_input", "read_by_stdin",
        "import sys\ninput = sys.stdin.readline\na = int(input())\nb = input().split()",
        "import sys\na = int(input())\nb = input().split()",
    ),
    (
        "print_once", "",
        "for x in xs:\n    print(x)",
        "output = []\nfor x in xs:\n    output.append(str(x))\nprint('\\n'.join(output))",
    ),
    ("print_each_line", "", "print('\\n'.join(lines))", "for line in lines:\n    print(line)"),
    # Calls
    (
        "extract_in_loop", "inline_in_loop",
        "def f(xs, a, b):\n    for x in xs:\n        print(x * a + b * 2)",
        "def offset(a, b, x):\n    return x * a + b * 2\n\n"
        "def f(xs, a, b):\n    for x in xs:\n        print(offset(a, b, x))",
    ),
    (
        "extract_helper", "inline_helper",
        "def f(a, b):\n    return a * b + b * 2", "def combine(a, b):\n    return a * b + b * 2\n\n"
        "def f(a, b):\n    return combine(a, b)",
    ),
    (
        "extract_tail", "",
        "def f(a):\n    b = a + 1\n    c = b * 2\n    d = c - a\n    return d + b",
        "def get_result(a, b, c):\n    d = c - a\n    return d + b\n\n"
        "def f(a):\n    b = a + 1\n    c = b * 2\n    return get_result(a, b, c)",
    ),
    ("lambda_to_def", "def_to_lambda", "f = lambda x: x + 1", "def f(x):\n    return x + 1"),
    # Names, order, hints
    (
        "rename_local", "",
        "def f(a):\n    ans = a\n    return ans",
        "def f(a):\n    best = a\n    return best",
    ),
    (
        "rename_all_locals", "",
        "def f(a):\n    ans = a\n    cur = ans\n    return cur",
        "def f(a):\n    best = a\n    cur_ = best\n    return cur_",
    ),
    ("rename_parameter", "", "def f(cnt):\n    return cnt + 1", "def f(freq):\n    return freq + 1"),
    ("rename_function", "", "def dp(n):\n    return n\nprint(dp(3))", "def f(n):\n    return n\nprint(f(3))"),
    ("reorder_statements", "reorder_statements", "a = 1\nb = len(xs)", "b = len(xs)\na = 1"),
    (
        "reorder_functions", "",
        "def f():\n    return 1\n\ndef g():\n    return 2",
        "def g():\n    return 2\n\ndef f():\n    return 1",
    ),
    ("reorder_imports", "", "import a\nfrom b import c", "from b import c\nimport a"),
    (
        "add_local_hint", "drop_local_hint",
        "def f():\n    x = 0\n    return x",
        "def f():\n    x: int = 0\n    return x",
    ),
    ("drop_hints", "", "def f(a: int, b) -> str:\n    return a", "def f(a, b):\n    return a"),
    (
        "add_docstring", "drop_docstring",
        "def find_it():\n    return 1",
        'def find_it():\n    """Find it."""\n    return 1',
    ),
    ("add_import", "", "x = 1", "import os\nx = 1"),
    ("add_assert", "", "n = len(xs)", "n = len(xs)\nassert n >= 0"),
    (
        "qualify_import", "unqualify_import",
        "from collections import deque\nq = deque()", "import collections\nq = collections.deque()",
    ),
    # Conditions and branches
    ("swap_conjuncts", "swap_conjuncts", "ok = a < b and c == 1", "ok = c == 1 and a < b"),
    ("swap_comparison", "swap_comparison", "ok = a + 1 <= b", "ok = b >= a + 1"),
    (
        "invert_branch", "invert_branch",
        "if a == 1:\n    f()\nelse:\n    g()",
        "if a != 1:\n    g()\nelse:\n    f()",
    ),
    ("spread_not", "", "ok = not (a and b == 1)", "ok = not a or b != 1"),
    ("gather_not", "", "if a in s or b:\n    f()", "if not (a not in s and (not b)):\n    f()"),
    ("not_outside", "not_inside", "ok = x not in s", "ok = not x in s"),
    ("split_comparisons", "join_comparisons", "ok = a < b < c", "ok = a < b and b < c"),
    (
        "return_without_else", "else_after_return",
        "def f(a):\n    if a:\n        return 1\n    else:\n        a += 1\n        return a",
        "def f(a):\n    if a:\n        return 1\n    a += 1\n    return a",
    ),
    (
        "branch_to_continue", "continue_to_branch",
        "for x in xs:\n    if x in s:\n        f(x)",
        "for x in xs:\n    if x not in s:\n        continue\n    f(x)",
    ),
    ("split_condition", "join_conditions", "if a and b:\n    f()", "if a:\n    if b:\n        f()"),
    (
        "condition_to_break", "break_to_condition",
        "while a in s:\n    f(a)", "while True:\n    if a not in s:\n        break\n    f(a)",
    ),
    ("guard_main", "unguard_main", "x = 1\nmain()", "x = 1\nif __name__ == '__main__':\n    main()"),
    (
        "conditional_to_branch", "branch_to_conditional",
        "x = 1 if a else 2", "if a:\n    x = 1\nelse:\n    x = 2",
    ),
    # Assignments, numbers, texts
    ("expand_augmented", "contract_augmented", "x -= 1", "x = x - 1"),
    ("operands_swapped", "", "x = i + 1", "x = 1 + i"),
    ("unpack_assignment", "pack_assignments", "a, b = (x, 0)", "a = x\nb = 0"),
    (
        "name_result", "inline_result",
        "def f(x):\n    return g(x)",
        "def f(x):\n    answer = g(x)\n    return answer",
    ),
    (
        "name_part", "inline_variable",
        "def f(a, b):\n    return len(a) + b", "def f(a, b):\n    part = len(a)\n    return part + b",
    ),
    ("split_chain", "pack_chain", "a = b = 0", "a = 0\nb = 0"),
    (
        "name_constant", "",
        "def f(x):\n    return x % 100",
        "def f(x):\n    limit = 100\n    return x % limit",
    ),
    ("fstring_to_format", "format_to_fstring", "s = f'{a} of {b}'", "s = '{} of {}'.format(a, b)"),
    ("range_from_zero", "range_without_zero", "r = range(n)", "r = range(0, n)"),
    ("step_of_one", "step_left_out", "r = range(a, n)", "r = range(a, n, 1)"),
    ("dict_by_name", "dict_by_braces", "d = {}", "d = dict()"),
    ("list_by_name", "list_by_brackets", "xs = []", "xs = list()"),
    ("copy_by_method", "copy_by_slice", "xs = [1]\nys = xs[:]", "xs = [1]\nys = xs.copy()"),
    (
        "empty_by_length", "empty_by_truth",
        "q = [1]\nwhile q:\n    f(q)",
        "q = [1]\nwhile len(q) > 0:\n    f(q)",
    ),
    ("last_by_length", "last_by_minus", "xs = [1]\ny = xs[-1]", "xs = [1]\ny = xs[len(xs) - 1]"),
    ("none_by_equality", "none_by_identity", "ok = x is None", "ok = x == None"),
    ("modulus_by_power", "modulus_by_digits", "m = 1000000007", "m = 10 ** 9 + 7"),
    (
        "infinity_by_text", "infinity_by_name",
        "from math import inf\nx = inf",
        "from math import inf\nx = float('inf')",
    ),
    ("halve_by_shift", "halve_by_division", "m = (a + b) // 2", "m = a + b >> 1"),
    ("odd_by_bit", "odd_by_remainder", "r = x % 2", "r = x & 1"),
    ("swap_by_third", "swap_by_tuple", "a, b = (b, a)", "x = a\na = b\nb = x"),
]  # fmt: skip

BOTH_WAYS = [*EXAMPLES, *((back, "", after, before) for _, back, before, after in EXAMPLES if back)]


def results(kind: str, text: str) -> set[str | None]:
    """All that a kind can make of a text."""
    code = Code(text)
    return {code.after(change) for change in KINDS[kind].find(code)}


def test_each_kind_has_an_example() -> None:
    assert KINDS.keys() - {kind for kind, *_ in BOTH_WAYS} == set()


@pytest.mark.parametrize(
    ("kind", "before", "after"), [(k, b, a) for k, _, b, a in BOTH_WAYS], ids=[k for k, *_ in BOTH_WAYS]
)
def test_a_kind_makes_of_its_example_what_it_says(kind: str, before: str, after: str) -> None:
    assert after in results(kind, before)


def test_examples_are_written_as_they_would_be_printed() -> None:
    texts = [text for _, _, *both in EXAMPLES for text in both]
    assert [ast.unparse(ast.parse(text)) for text in texts] == texts


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("sink_assignment", "xs = xs[::-1]\nfor i in ys:\n    f(i, xs)"),
        ("sink_assignment", "n = len(xs)\nfor i in ys:\n    xs.append(i + n)"),
        ("hoist_invariant", "for x in xs:\n    xs.append(len(xs))"),
        ("loop_without_copy", "for x in xs[:]:\n    xs.remove(x)"),
        ("remember_answers", "def f(s):\n    return len(s) + f(s | {1}) + f(s | {2})"),
        ("remember_answers", "def f(n):\n    seen.append(n)\n    return f(n - 1) + f(n - 2)"),
        ("list_to_set", "xs = []\nxs.append(1)\nprint(xs[0])"),
        ("set_to_list", "s = set()\nfor x in s:\n    f(x)"),
        ("rename_local", "def f(a):\n    global b\n    b = a"),
        ("rename_local", "def f():\n    b = 1\n    return locals()"),
        ("reorder_statements", "a = 1\nb = a"),
        ("swap_conjuncts", "ok = a < b and f(a) > 1"),
        ("expand_augmented", "x = []\nx += y"),
        ("module_to_main", "x = 0\ndef f():\n    global x\n    x = 1\nfor i in y:\n    f()"),
        (
            "extract_tail",
            "def f(xs):\n    for x in xs:\n        y = x\n    a = 1\n    b = 2\n    return y + b",
        ),
        ("needless_list", "def sum(node):\n    return sum(node.left)"),
        ("list_for_two", "def max(a, b):\n    return a\nprint(max(1, 2))"),
        ("read_by_stdin", "def f(input):\n    return [input(), input()]"),
    ],
)
def test_a_kind_leaves_alone_what_it_would_break(kind: str, text: str) -> None:
    assert results(kind, text) <= {None}


def test_no_edit_brings_in_a_builtin_that_the_text_gives_another_meaning() -> None:
    assert results("range_to_list", "list = [1]\nfor i in range(3):\n    print(i, list)") == {None}
