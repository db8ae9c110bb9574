"""Efficiency edits that two templates describe: each way of writing is the other's inverse.

Gathered from patches that made real programs quicker or smaller: the cheap way stands first.
"""

from __future__ import annotations

import ast
from typing import Any

from ci_rlm.training.edits.edit import Edit, Form, both_ways, rewrite
from ci_rlm.training.edits.syntax import FUNCTIONS, LOOPS, Code

Found = dict[str, Any]


def _parts(code: Code, found: Found, name: str) -> frozenset[str]:
    """Names that what stands in a hole reads."""
    held = found[name]
    return frozenset().union(*(code.reads(each) for each in (held if isinstance(held, list) else [held])))


def _touched(code: Code, found: Found) -> frozenset[str]:
    """Names that the body of a loop binds or may change in place."""
    return code.touched_by(found["BODY"])


def _bound(code: Code, found: Found) -> frozenset[str]:
    """Names that the body of a loop binds."""
    parts = (part for each in found["BODY"] for part in ast.walk(each))
    return frozenset(p.id for p in parts if isinstance(p, ast.Name) and not isinstance(p.ctx, ast.Load))


def _local(code: Code, node: ast.AST, found: Found) -> bool:
    """A name that its own function binds, so that it may be bound again."""
    name = found["NAME"].id
    scope = code.function(node)
    return code.home(name, scope) is scope and not code.shared(name)


def _local_list(code: Code, node: ast.AST, found: Found) -> bool:
    return _local(code, node, found) and code.kind(found["NAME"]) in ("list", "")


def _sure_list(code: Code, node: ast.AST, found: Found) -> bool:
    return _local(code, node, found) and code.kind(found["NAME"]) == "list"


def _local_dict(code: Code, node: ast.AST, found: Found) -> bool:
    return _local(code, node, found) and code.kind(found["NAME"]) == "dict"


def _simple(code: Code, node: ast.AST, found: Found) -> bool:
    return all(code.simple(held) for held in found.values())


def _pure(code: Code, node: ast.AST, found: Found) -> bool:
    return all(code.pure(held) for held in found.values() if isinstance(held, ast.expr))


def _plain_iterable(code: Code, node: ast.AST, found: Found) -> bool:
    return not isinstance(found["X"], ast.GeneratorExp)


def _a_name(code: Code, node: ast.AST, found: Found) -> bool:
    return isinstance(found["X"], ast.Name)


def _sequence(code: Code, node: ast.AST, found: Found) -> bool:
    return isinstance(found["X"], ast.Name | ast.Attribute) and code.kind(found["X"]) in (
        "list",
        "str",
        "tuple",
    )


def _a_list(code: Code, node: ast.AST, found: Found) -> bool:
    return code.kind(found["X"]) == "list"


def _a_text(code: Code, node: ast.AST, found: Found) -> bool:
    return code.kind(found["X"]) == "str"


def _hashed(code: Code, node: ast.AST, found: Found) -> bool:
    """A dictionary, or something whose keys were asked for."""
    asked = any(isinstance(part, ast.Attribute) and part.attr == "keys" for part in ast.walk(node))
    return asked or code.kind(found["X"]) in ("dict", "defaultdict", "counter")


def _back(code: Code, node: ast.AST, found: Found) -> bool:
    """Only from the loop: a plain dictionary has no zero for what it did not count."""
    return "IT" in found


def _searched(code: Code, node: ast.AST, found: Found) -> bool:
    return code.kind(found["X"]) in ("list", "set") and _pure(code, node, found)


def _unread_index(code: Code, node: ast.AST, found: Found) -> bool:
    """Nothing in the body reads the index, and the body leaves the sequence alone."""
    free = "AT" not in found or found["AT"].id not in _parts(code, found, "BODY")
    sequences = _parts(code, found, "X") | (_parts(code, found, "Y") if "Y" in found else frozenset())
    return free and not sequences & _touched(code, found) and _indexable(code, found)


def _indexable(code: Code, found: Found) -> bool:
    return all(
        isinstance(found[hole], ast.Name | ast.Attribute)
        and code.kind(found[hole]) in ("list", "str", "tuple", "")
        for hole in ("X", "Y")
        if hole in found
    )


def _known_sequence(code: Code, node: ast.AST, found: Found) -> bool:
    return _unread_index(code, node, found) and ("AT" in found or _sequence(code, node, found))


def _kept_sequence(code: Code, node: ast.AST, found: Found) -> bool:
    return not _parts(code, found, "X") & _touched(code, found) and _indexable(code, found)


def _items(code: Code, node: ast.AST, found: Found) -> bool:
    """The body leaves the dictionary alone."""
    asked = isinstance(node, ast.For) and isinstance(node.iter, ast.Call)
    known = asked or code.kind(found["NAME"]) in ("dict", "defaultdict", "counter")
    return (
        known and found["KEY"].id not in _bound(code, found) and found["NAME"].id not in _touched(code, found)
    )


def _fixed_bounds(code: Code, node: ast.AST, found: Found) -> bool:
    """Bounds that the body leaves alone; a lower bound that is more than nothing."""
    names = frozenset().union(*(_parts(code, found, hole) for hole in ("L", "H") if hole in found))
    low = found.get("L")
    idle = isinstance(low, ast.Constant | ast.UnaryOp)
    return not idle and _pure(code, node, found) and not (names | {found["NAME"].id}) & _bound(code, found)


def _fixed_step(code: Code, node: ast.AST, found: Found) -> bool:
    step = found["CONST"].value
    return type(step) is int and step > 1 and found["NAME"].id not in _bound(code, found)


def _fixed_pairs(code: Code, node: ast.AST, found: Found) -> bool:
    names = {found["NAME"].id, found["NAME2"].id} | _parts(code, found, "N")
    return _pure(code, node, found) and not names & _bound(code, found)


def _in_a_for(code: Code, node: ast.AST, found: Found) -> bool:
    loops = code.loops(node)
    return bool(loops) and isinstance(loops[0], ast.For)


def _answers(code: Code, node: ast.AST, found: Found) -> bool:
    """What a search answers with is worth the same at any of its hits."""
    if "FOUND" in found and found["FOUND"].id in _parts(code, found, "C") | _parts(code, found, "X"):
        return False
    return found["CONST"].value is not found["CONST2"].value and _pure(code, node, found)


def _apart(code: Code, node: ast.AST, found: Found) -> bool:
    """The name that is built up is not read on the way."""
    holes = [hole for hole in found if hole not in ("NAME", "FOUND")]
    name = found.get("NAME", found.get("FOUND"))
    return name is None or not any(name.id in _parts(code, found, hole) for hole in holes)


def _plain_name(code: Code, node: ast.AST, found: Found) -> bool:
    """No function of the text goes by this name, so what it holds is the standard one."""
    return isinstance(found["F"], ast.Name) and code.home(found["F"].id, code.scope[node]) is None


def _own_exits(body: list[ast.stmt]) -> bool:
    """Whether statements leave the loop that they are in, other than by a return."""
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Break):
            return True
        if not isinstance(node, (*LOOPS, *FUNCTIONS)):
            stack.extend(ast.iter_child_nodes(node))
    return False


def _independent(code: Code, node: ast.AST, found: Found) -> bool:
    names = _parts(code, found, "Y")
    free = not names & (code.touches(found["T"]) | _touched(code, found)) and code.pure(found["Y"])
    return free and not _own_exits(found["BODY"])


def _pairs_kept(code: Code, node: ast.AST, found: Found) -> bool:
    return _kept_sequence(code, node, found) and not _own_exits(found["BODY"])


def _small(code: Code, node: ast.AST, found: Found) -> bool:
    return isinstance(found["N"], ast.Name)


FORMS: tuple[Edit, ...] = (
    # Sorting and extremes
    *both_ways(
        "sort_for_extreme", "extreme_without_sort",
        ("min(X)", "sorted(X)[0]", _plain_iterable),
        ("max(X)", "sorted(X)[-1]", _plain_iterable),
        ("min(X, key=F)", "sorted(X, key=F)[0]"),
    ),
    *both_ways(
        "list_for_two", "two_without_list", ("max(X, Y)", "max([X, Y])"), ("min(X, Y)", "min([X, Y])")
    ),
    *both_ways(
        "sort_for_two", "two_without_sort",
        ("max(X, Y)", "sorted((X, Y))[1]"), ("min(X, Y)", "sorted((X, Y))[0]"),
    ),
    *both_ways(
        "call_for_two", "branch_for_two",
        ("X if X > Y else Y", "max(X, Y)", _simple),
        ("X if X < Y else Y", "min(X, Y)", _simple),
    ),
    *both_ways(
        "extreme_by_call", "extreme_by_branch",
        ("if X > NAME:\n    NAME = X", "NAME = max(NAME, X)", _pure),
        ("if X < NAME:\n    NAME = X", "NAME = min(NAME, X)", _pure),
    ),
    *both_ways(
        "sort_everything", "sort_the_best",
        ("nlargest(N, X)", "sorted(X, reverse=True)[:N]"),
        ("nsmallest(N, X)", "sorted(X)[:N]"),
    ),
    *both_ways(
        "sort_then_reverse", "sort_in_reverse",
        ("sorted(X, reverse=True)", "sorted(X)[::-1]"),
        ("sorted(X, reverse=True)", "list(reversed(sorted(X)))"),
        ("X.sort(reverse=True)", "X.sort()\nX.reverse()"),
    ),
    *both_ways(
        "key_by_lambda", "key_by_itemgetter",
        ("sorted(X, key=itemgetter(CONST))", "sorted(X, key=lambda IT: IT[CONST])"),
        ("X.sort(key=itemgetter(CONST))", "X.sort(key=lambda IT: IT[CONST])"),
    ),
    *both_ways(
        "sort_to_copy", "sort_in_place",
        ("NAME.sort()", "NAME = sorted(NAME)", _local_list),
        ("NAME.sort(reverse=True)", "NAME = sorted(NAME, reverse=True)", _local_list),
        ("NAME.sort(key=F)", "NAME = sorted(NAME, key=F)", _local_list),
        ("NAME.sort(key=F, reverse=True)", "NAME = sorted(NAME, key=F, reverse=True)", _local_list),
    ),
    *both_ways("sort_after_append", "insert_in_order", ("insort(X, Y)", "X.append(Y)\nX.sort()")),
    # In place or as a copy
    *both_ways("append_to_copy", "append_in_place", ("NAME.append(X)", "NAME = NAME + [X]", _local_list)),
    *both_ways("extend_to_copy", "extend_in_place", ("NAME.extend(X)", "NAME = NAME + list(X)", _local_list)),
    *both_ways("extend_by_loop", "extend_at_once", ("NAME.extend(X)", "for IT in X:\n    NAME.append(IT)")),
    *both_ways("add_to_copy", "add_in_place", ("NAME.add(X)", "NAME = NAME | {X}", _local)),
    *both_ways("update_to_copy", "update_in_place", ("NAME.update(X)", "NAME = {**NAME, **X}", _local_dict)),
    *both_ways("store_to_copy", "store_in_place", ("NAME[X] = Y", "NAME = {**NAME, X: Y}", _local_dict)),
    *both_ways(
        "reverse_to_copy", "reverse_in_place",
        ("NAME.reverse()", "NAME = NAME[::-1]", _sure_list),
        ("NAME.reverse()", "NAME = list(reversed(NAME))", _local_list),
    ),
    *both_ways("pop_to_copy", "pop_in_place", ("NAME.pop()", "NAME = NAME[:-1]", _sure_list)),
    *both_ways("prepend_to_copy", "insert_at_front", ("NAME.insert(0, X)", "NAME = [X] + NAME", _local_list)),
    *both_ways(
        "deep_copy", "shallow_copy",
        ("X[:]", "deepcopy(X)", _a_name),
        ("X.copy()", "deepcopy(X)", _a_name),
        ("[IT[:] for IT in X]", "deepcopy(X)", _a_name),
        ("[IT.copy() for IT in X]", "deepcopy(X)", _a_name),
    ),
    *both_ways("length_of_copy", "length_without_copy", ("len(X)", "len(list(X))", _a_name)),
    *both_ways(
        "length_by_loop", "length_at_once", ("len(X)", "sum(1 for IT in X)", _sequence)
    ),
    *both_ways("last_of_reversed", "last_by_index", ("X[-1]", "X[::-1][0]", _sequence)),
    *both_ways("suffix_copied", "suffix_by_offset", ("X.startswith(Y, N)", "X[N:].startswith(Y)")),
    # Membership, counting, searching
    *both_ways(
        "search_by_loop", "search_by_membership",
        ("Y in X", "any(IT == Y for IT in X)", _searched),
        ("Y not in X", "all(IT != Y for IT in X)", _searched),
    ),
    *both_ways(
        "list_of_keys", "keys_as_they_are",
        ("Y in X", "Y in list(X.keys())", _hashed),
        ("Y not in X", "Y not in list(X.keys())", _hashed),
        ("Y in X", "Y in X.keys()", _hashed),
    ),
    *both_ways(
        "search_in_order", "search_by_bisection",
        ("bisect_left(X, Y)", "sum(1 for IT in X if IT < Y)", _pure),
        ("bisect_right(X, Y)", "sum(1 for IT in X if IT <= Y)", _pure),
        ("bisect(X, Y)", "sum(1 for IT in X if IT <= Y)", _pure),
    ),
    *both_ways(
        "count_by_scans", "count_in_one_pass",
        ("Counter(X)", "Counter({IT: X.count(IT) for IT in set(X)})", _a_name),
    ),
    *both_ways(
        "count_by_hand", "count_by_counter",
        ("NAME = Counter(X)", "NAME = defaultdict(int)\nfor IT in X:\n    NAME[IT] += 1"),
        ("NAME = Counter(X)", "NAME = {}\nfor IT in X:\n    NAME[IT] = NAME.get(IT, 0) + 1", _back),
        ("NAME = Counter(X)",
         "NAME = {}\nfor IT in X:\n    if IT in NAME:\n        NAME[IT] += 1\n"
         "    else:\n        NAME[IT] = 1", _back),
        ("NAME = Counter(X)",
         "NAME = {}\nfor IT in X:\n    if IT not in NAME:\n        NAME[IT] = 0\n    NAME[IT] += 1", _back),
    ),
    *both_ways(
        "count_a_list", "count_a_stream",
        ("sum(1 for T in X if Y)", "len([T for T in X if Y])"),
        ("sum(1 for T in X if Y)", "len([1 for T in X if Y])"),
    ),
    *both_ways(
        "get_then_store", "branch_then_store",
        ("if X in D:\n    D[X] += Y\nelse:\n    D[X] = Y", "D[X] = D.get(X, 0) + Y", _pure),
    ),
    *both_ways(
        "default_at_once", "default_when_missing",
        ("if X not in D:\n    D[X] = []\nD[X].append(Y)", "D.setdefault(X, []).append(Y)", _pure),
    ),
    *both_ways("default_by_get", "default_by_branch", ("D[X] if X in D else Y", "D.get(X, Y)", _pure)),
    # Sums, prefixes, arithmetic
    *both_ways(
        "sum_each_prefix", "running_sums",
        ("list(accumulate(X, initial=0))", "[sum(X[:AT]) for AT in range(len(X) + 1)]", _a_name),
        ("list(accumulate(X))", "[sum(X[:AT + 1]) for AT in range(len(X))]", _a_name),
        ("[0] + list(accumulate(X))", "[sum(X[:AT]) for AT in range(len(X) + 1)]", _a_name),
    ),
    *both_ways(
        "add_up_range", "closed_sum",
        ("N * (N - 1) // 2", "sum(range(N))", _small),
        ("N * (N + 1) // 2", "sum(range(N + 1))", _small),
        ("(1 + N) * N // 2", "sum(range(1, N + 1))", _small),
    ),
    *both_ways("power_then_remainder", "modular_power", ("pow(X, Y, N)", "X ** Y % N")),
    *both_ways("square_by_power", "square_by_product", ("X * X", "X ** 2", _a_name)),
    *both_ways("ones_by_text", "ones_by_count", ("X.bit_count()", "bin(X).count('1')")),
    *both_ways("between_by_range", "between_by_order", ("L <= X < H", "X in range(L, H)", _pure)),
    # Building sequences
    *both_ways("repeat_by_loop", "repeat_by_product", ("[CONST] * N", "[CONST for IT in range(N)]")),
    *both_ways(
        "join_lists", "chain_lists",
        ("[IT for KEY in X for IT in KEY]", "sum(X, [])"),
        ("list(chain.from_iterable(X))", "sum(X, [])"),
    ),
    *both_ways("neighbours_by_slice", "neighbours_by_pairwise", ("pairwise(X)", "zip(X, X[1:])")),
    *both_ways(
        "map_by_comprehension", "map_by_function", ("list(map(F, X))", "[F(IT) for IT in X]", _plain_name)
    ),
    *both_ways(
        "join_reversed", "reverse_by_slice",
        ("X[::-1]", "''.join(reversed(X))", _a_text),
        ("X[::-1]", "list(reversed(X))", _a_list),
    ),
    *both_ways(
        "mirror_by_copy", "mirror_by_index",
        ("all(X[AT] == X[~AT] for AT in range(len(X) // 2))", "X == X[::-1]", _a_name),
    ),
    # Loops that build or reduce
    *both_ways(
        "append_in_loop", "comprehend",
        ("NAME = [Y for T in X]", "NAME = []\nfor T in X:\n    NAME.append(Y)", _apart),
        ("NAME = [Y for T in X if C]", "NAME = []\nfor T in X:\n    if C:\n        NAME.append(Y)", _apart),
        ("NAME = [Y for T in X for T2 in X2]",
         "NAME = []\nfor T in X:\n    for T2 in X2:\n        NAME.append(Y)", _apart),
        ("NAME = {Y for T in X}", "NAME = set()\nfor T in X:\n    NAME.add(Y)", _apart),
        ("NAME = {Y for T in X if C}", "NAME = set()\nfor T in X:\n    if C:\n        NAME.add(Y)", _apart),
        ("NAME = {K: Y for T in X}", "NAME = {}\nfor T in X:\n    NAME[K] = Y", _apart),
        ("NAME = {K: Y for T in X if C}", "NAME = {}\nfor T in X:\n    if C:\n        NAME[K] = Y", _apart),
        ("return [Y for T in X]", "FOUND = []\nfor T in X:\n    FOUND.append(Y)\nreturn FOUND", _apart),
        ("return [Y for T in X if C]",
         "FOUND = []\nfor T in X:\n    if C:\n        FOUND.append(Y)\nreturn FOUND", _apart),
    ),
    *both_ways(
        "add_in_loop", "add_by_sum",
        ("NAME = sum(Y for T in X)", "NAME = 0\nfor T in X:\n    NAME += Y", _apart),
        ("NAME = sum(Y for T in X if C)", "NAME = 0\nfor T in X:\n    if C:\n        NAME += Y", _apart),
        ("return sum(Y for T in X)", "FOUND = 0\nfor T in X:\n    FOUND += Y\nreturn FOUND", _apart),
        ("return sum(Y for T in X if C)",
         "FOUND = 0\nfor T in X:\n    if C:\n        FOUND += Y\nreturn FOUND", _apart),
    ),
    *both_ways(
        "search_by_generator", "search_and_return",
        ("for T in X:\n    if C:\n        return True\nreturn False", "return any(C for T in X)"),
        ("for T in X:\n    if C:\n        return False\nreturn True", "return all(not C for T in X)"),
    ),
    *both_ways(
        "search_to_the_end", "stop_at_first",
        ("for T in X:\n    if C:\n        return CONST\nreturn CONST2",
         "FOUND = CONST2\nfor T in X:\n    if C:\n        FOUND = CONST\nreturn FOUND", _answers),
        ("return any(C for T in X)",
         "FOUND = False\nfor T in X:\n    if C:\n        FOUND = True\nreturn FOUND", _apart),
        ("return all(C for T in X)",
         "FOUND = True\nfor T in X:\n    if not C:\n        FOUND = False\nreturn FOUND", _apart),
    ),
    rewrite("break_to_continue", "costlier", Form("if C:\n    break", "if C:\n    continue", _in_a_for)),
    *both_ways(
        "loop_by_index", "loop_by_value",
        ("for NAME in X:\n    BODY", "for AT in range(len(X)):\n    NAME = X[AT]\n    BODY", _known_sequence),
    ),
    *both_ways(
        "number_by_index", "number_by_enumerate",
        ("for AT, NAME in enumerate(X):\n    BODY", "for AT in range(len(X)):\n    NAME = X[AT]\n    BODY",
         _kept_sequence),
    ),
    *both_ways(
        "zip_by_index", "zip_by_zip",
        ("for T, U in zip(X, Y):\n    BODY",
         "for AT in range(min(len(X), len(Y))):\n    T = X[AT]\n    U = Y[AT]\n    BODY", _unread_index),
    ),
    *both_ways(
        "look_up_items", "loop_over_items",
        ("for KEY, IT in NAME.items():\n    BODY", "for KEY in NAME:\n    IT = NAME[KEY]\n    BODY", _items),
    ),
    *both_ways(
        "loop_over_square", "loop_over_half",
        ("for NAME in range(N):\n    for NAME2 in range(NAME + 1, N):\n        BODY",
         "for NAME in range(N):\n    for NAME2 in range(N):\n        if NAME < NAME2:\n            BODY",
         _fixed_pairs),
    ),
    *both_ways(
        "bound_by_test", "bound_by_range",
        ("for NAME in range(L, H):\n    BODY", "for NAME in range(H):\n    if NAME >= L:\n        BODY",
         _fixed_bounds),
    ),
    *both_ways(
        "step_by_test", "step_by_range",
        ("for NAME in range(L, H, CONST):\n    BODY",
         "for NAME in range(L, H):\n    if (NAME - L) % CONST == 0:\n        BODY", _fixed_step),
    ),
    *both_ways(
        "pairs_by_product", "pairs_by_loops",
        ("for T in X:\n    for U in Y:\n        BODY", "for T, U in product(X, Y):\n    BODY", _independent),
    ),
    *both_ways(
        "pairs_by_index", "pairs_by_combinations",
        ("for T, U in combinations(X, 2):\n    BODY",
         "for AT in range(len(X)):\n    for AT2 in range(AT + 1, len(X)):\n"
         "        T = X[AT]\n        U = X[AT2]\n"
         "        BODY", _pairs_kept),
    ),
    # Output
    *both_ways(
        "print_each", "print_at_once",
        ("print('\\n'.join(map(str, X)))", "for IT in X:\n    print(IT)"),
        ("print(*X, sep='\\n')", "for IT in X:\n    print(IT)"),
    ),
    *both_ways("print_unpacked", "print_joined", ("print(' '.join(map(str, X)))", "print(*X)")),
)  # fmt: skip
"""In pairs: what costs more, then its inverse."""
