"""Names for the roles of a program, in the manner of one author."""

from __future__ import annotations

import builtins
import itertools
import keyword
import random

_MODULES = (
    "bisect", "collections", "copy", "functools", "heapq", "itertools", "math", "re", "string", "sys",
)  # fmt: skip
IMPORTS = {
    **dict.fromkeys(_MODULES, ""),
    **dict.fromkeys(("Counter", "OrderedDict", "defaultdict", "deque"), "collections"),
    **dict.fromkeys(("cache", "lru_cache"), "functools"),
}
"""Names of the standard library that idioms use, with the module that has them (none: a module)."""

_ROLES = """
xs: xs a nums arr values items data numbers seq lst input_list elements
ys: ys b other second others arr2 nums2 right_list
s: s text st line string_in source content
ws: ws words tokens names strs terms word_list
n: n num limit size total_n upper m count_n
rs: rows matrix m table lines grid_rows data
g: g grid board matrix mat field cells
es: es edges links pairs connections roads
ps: ps pairs points intervals spans ranges
table: table counts freq d mapping scores
graph: graph adj g neighbors network adjacency
root: root tree node top_node
head: head first node front lst
x: x v num item value el val number a cur entry
y: y w other nxt second candidate b
z: z third w2 c
i: i idx p index pos k
j: j jdx q inner t
k: k kk idx2 r
a: a first p one_side u one
b: b second q other_side v two
c: c r third t3
d: d e delta diff
total: total acc s res ans total_sum result running
count: count cnt c num_found hits matches tally
best: best ans res mx longest result top best_so_far
out: out res result ans output collected new_list acc
found: found res hit match result picked
seen: seen visited used known done marked
memo: memo cache_ table_ dp store lookup
dp: dp f table best_at d states
queue: queue q todo pending frontier
stack: stack st todo work pile
heap: heap h pq hp
low: low lo left l start_at
high: high hi right r end_at
left: left l lo first_part
right: right r hi last_part
mid: mid m middle half_at
counts: counts freq cnt d tally occurrences
groups: groups buckets by_key d grouped
group: group bucket part members
key: key k kk name
value: value val v score r
row: row r line cells
col: col c column
cur: cur current c now x_now
prev: prev last p previous
next: nxt following new_level upcoming
ch: ch c letter sym character
w: w word token term
rest: rest remaining left_over tail r
part: part piece chunk sub seg
node: node cur nd current n_
size: size n length sz count_all
start: start begin s0 first_i
end: end stop e last_i
text: text out res buf built
ordered: ordered srt arr_sorted sorted_items in_order
copy: copied dup arr_copy clone
sums: sums prefix ps cum totals
flags: flags sieve is_on mark
known: known lookup present s_set pool
values: values vals arr part_in items_in
steps: steps dist moves hops
dist: dist d distance far_by
near: near adj graph_of neighbors_of links_of
parent: parent root_of par uf
level: level layer frontier wave
mask: mask bits m state
state: state seed_value x0 cur_state
walk: walk dfs go visit rec helper
sort: sort merge_sort qsort do_sort
score: score rec go combine
visit: visit dfs explore walk
window: window win buf recent
"""
_POOLS = {line.split(":")[0]: line.split(":")[1].split() for line in _ROLES.strip().splitlines()}
BUILTINS = frozenset(dir(builtins))
_TAKEN = frozenset((*keyword.kwlist, *keyword.softkwlist, *BUILTINS, *IMPORTS, "self"))
_ENDINGS = ("2", "_2", "_b", "0", "1", "_x")
_FUNCTIONS = (
    "solve",
    "compute",
    "helper",
    "process",
    "run",
    "f",
    "calc",
    "evaluate",
    "work",
    "go",
    "handle",
    "apply_step",
)
_PARTS = ("value", "result", "data", "items", "score", "answer", "part", "totals")  # fmt: skip


Kept = dict[tuple[str, int], str]
"""Names by the choice that gave them, and which of its names they were."""


class Stream(random.Random):
    """The randomness of one choice."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Names:
    """The names of a scope: none is given twice, nor if a scope around it has it.

    The outermost scope gives no name that any scope has, since a function's name is seen in all.
    With names `kept` from another text, a choice that gave a name there gives the same one here,
    if it is free; other choices stay clear of all of them.
    """

    def __init__(self, outer: Names | None = None, kept: Kept | None = None) -> None:
        self.outer = outer
        self.taken: set[str] = set()
        self.everywhere: set[str] = outer.everywhere if outer else set(_TAKEN)
        self.kept: Kept = outer.kept if outer else kept or {}
        self.given: Kept = outer.given if outer else {}

    def variable(self, role: str, chance: Stream) -> str:
        """A name for a role."""
        pool = _POOLS.get(role, [role])
        # The first ones are the commonest, as in programs that people write.
        place = min(int(chance.expovariate(0.5)), len(pool) - 1)
        return self.fresh(pool[place:] + pool[:place], chance)

    def function(self, idiom: str, chance: Stream) -> str:
        """A name for a function: what its idiom is called, or something that tells nothing."""
        if chance.random() < 0.5:
            words = idiom.split("_")
            told = "_".join(words) if chance.random() < 0.7 else words[0] + "".join(map(str.title, words[1:]))
            return self.fresh([told], chance)
        plain = chance.choice(_FUNCTIONS)
        longer = f"{plain}_{chance.choice(_PARTS)}"
        return self.fresh([chance.choice((plain, longer)), longer], chance)

    def definition(self, role: str, chance: Stream) -> str:
        """A name for a function or class inside a function."""
        if role[0].isupper():
            return self.fresh([role, chance.choice(("My", "Simple", "Fast")) + role], chance)
        return self.variable(role, chance)

    def fresh(self, wanted: list[str], chance: Stream) -> str:
        """The first of these names that is free, or one with an ending."""
        endings = [f"{wanted[0]}{ending}" for ending in chance.sample(_ENDINGS, len(_ENDINGS))]
        numbered = (f"{wanted[0]}_{index}" for index in range(3, 10_000))
        place = next(place for place in itertools.count() if (chance.path, place) not in self.given)
        own = self.kept.get((chance.path, place), "")
        reserved = {*self.kept.values()} - {own}
        choices = itertools.chain([own] if own else [], wanted, endings, numbered)
        name = next(name for name in choices if self._is_free(name) and name not in reserved)
        self.take(name)
        self.given[chance.path, place] = name
        return name

    def take(self, name: str) -> None:
        """Give a name that was chosen elsewhere."""
        self.taken.add(name)
        self.everywhere.add(name)

    def _is_free(self, name: str) -> bool:
        if self.outer is None:
            return name not in self.everywhere
        return name not in self.taken and name not in self.outer.taken and name not in _TAKEN
