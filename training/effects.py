"""What each kind of edit did to the cost where it was measured: how far its meaning can be relied on.

An edit that is called costlier by its construction is so on some programs and at some sizes. Of the
measured programs before and after an edit, this keeps the share of those that really cost over 1.25x,
by metric, at the input size nearest to 1,024 elements, which a gate asks for as well:

    python -m ci_rlm.training.effects training/measured/python.parquet training/measured/synthetic.parquet

The file tells by a digest which rows it is made from, so that it is seen when these are others.
Writing needs the extra `train`; reading needs the standard library alone.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_rlm.training import edits

if TYPE_CHECKING:
    from ci_rlm.training.costs import Costs, Indices

EFFECTS = Path(__file__).parent / "measured" / "effects.json"
OVER = 1.25
"""A dearer side costs at least this much of the cheaper one to count: the default failing limit."""
SIZE = 1024
"""Elements of the input: programs are compared at the size nearest to it."""
METRICS = ("peak_memory", "cpu_time")
ANY = "any"
"""The share of programs over the limit in one of the metrics or more."""
_LEAST_PAIRS = 20
_BAD_SHARE = 0.5
# Some 5% of the neutral edits look dearer by the noise of CPU times alone (`measured/README.md`).
_NEUTRAL_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Effect:
    """How one kind of edit turned out. Its sides are taken from the cheaper to the dearer as it is meant."""

    pairs: int
    """Programs measured before and after it."""
    share: Mapping[str, float]
    """By metric, and for `any` of them: the part of those programs that cost over `OVER`."""

    @property
    def bad(self) -> bool:
        """At least half of those measured cost over the limit in one of the metrics."""
        return self.pairs >= _LEAST_PAIRS and self.share[ANY] >= _BAD_SHARE

    @property
    def neutral(self) -> bool:
        """Hardly any of those measured did: no more than noise explains."""
        return self.pairs >= _LEAST_PAIRS and self.share[ANY] <= _NEUTRAL_SHARE


def read(path: Path = EFFECTS) -> dict[str, Effect]:
    """The effects that were written, by kind of edit."""
    kinds: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["kinds"]
    return {kind: Effect(told["pairs"], told["share"]) for kind, told in kinds.items()}


def made_from(path: Path = EFFECTS) -> str:
    """The `digest_of` the rows that the effects were made from."""
    return str(json.loads(path.read_text(encoding="utf-8"))["made_from"])


@dataclass(frozen=True, slots=True, eq=False)
class _Entering:
    """Two programs a row, before and after an edit, at one input size."""

    kinds: tuple[str, ...]
    left: Indices
    """Entries of the costs, before the edit; `right` those after it."""
    right: Indices


def effects_of(costs: Costs) -> dict[str, Effect]:
    """The effect of each kind of edit that was measured, by name."""
    entering = _entering(costs)
    ratios = {
        metric: costs.log(metric)[entering.right] - costs.log(metric)[entering.left] for metric in METRICS
    }
    places: dict[str, list[int]] = defaultdict(list)
    for place, kind in enumerate(entering.kinds):
        places[kind].append(place)
    return {
        kind: _effect({metric: sign * ratio[places[kind]] for metric, ratio in ratios.items()})
        for kind, sign in _signs()
        if places[kind]
    }


def digest_of(costs: Costs) -> str:
    """sha256 of all that enters the effects: kinds, programs, input sizes and costs, in whatever order."""
    entering, code = _entering(costs), costs.programs["sha256"]
    sides = [
        [code[costs.program[side]], costs.size[side], *(costs.value[metric][side] for metric in METRICS)]
        for side in (entering.left, entering.right)
    ]
    columns = [entering.kinds, *(column.tolist() for side in sides for column in side)]
    lines = sorted(map(repr, zip(*columns, strict=True)))
    return sha256("\n".join(lines).encode()).hexdigest()


def _entering(costs: Costs) -> _Entering:
    import numpy as np

    from ci_rlm.training import pairs

    found = pairs.edit_pairs(costs)
    pair, left, right = pairs.meetings(costs, found.before, found.after)
    measured = np.stack([costs.log(metric)[side] for metric in METRICS for side in (left, right)])
    nearest = _nearest(costs, pair, left, np.flatnonzero(~np.isnan(measured).any(axis=0)))
    return _Entering(tuple(found.edit[pair[nearest]].tolist()), left[nearest], right[nearest])


def _nearest(costs: Costs, pair: Indices, left: Indices, usable: Indices) -> Indices:
    """Of each pair of programs the meeting at the size nearest to `SIZE`, on a scale of ratios."""
    import numpy as np

    distance = np.abs(np.log(np.maximum(costs.size[left[usable]], 1) / SIZE))
    order = usable[np.lexsort((distance, pair[usable]))]
    return order[np.insert(np.diff(pair[order]) != 0, 0, True)] if len(order) else order


def _signs() -> Iterator[tuple[str, int]]:
    """Kinds in order, and whether their after side is the dearer one (or neither) or the cheaper one."""
    directions = {edit.name: edit.direction for edit in (*edits.EFFICIENCY, *edits.NEUTRAL)}
    directions[edits.SEVERAL] = "neutral"
    for kind, direction in sorted(directions.items()):
        yield kind, -1 if direction == "cheaper" else 1


def _effect(ratios: Mapping[str, Any]) -> Effect:
    """From ln(dearer / cheaper) of each metric, one value a pair of programs."""
    import numpy as np

    over = {metric: ratio > math.log(OVER) for metric, ratio in ratios.items()}
    over[ANY] = np.logical_or.reduce(list(over.values()))
    pairs = len(over[ANY])
    return Effect(pairs, {name: round(float(flags.mean()), 3) for name, flags in over.items()})


def write(effects: Mapping[str, Effect], digest: str, path: Path = EFFECTS) -> None:
    """Keep effects for `read`, and what they are made from; in place at once or not at all."""
    lines = (f"{json.dumps(kind)}: {json.dumps(asdict(effect))}" for kind, effect in effects.items())
    kinds = ",\n  ".join(lines)
    scratch = path.with_suffix(".writing")
    head = f'"over": {OVER}, "size": {SIZE}, "made_from": "{digest}"'
    scratch.write_text(f'{{{head}, "kinds": {{\n  {kinds}\n}}}}\n', "utf-8")
    scratch.replace(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of this module."""
    from ci_rlm.training.costs import costs_of
    from ci_rlm.training.costs import read as read_rows

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", type=Path, nargs="+", help="measured files and folders")
    parser.add_argument("--into", type=Path, default=EFFECTS, help="JSON file")
    flags = parser.parse_args(arguments)
    costs = costs_of(read_rows(flags.paths, ["python"]))
    effects = effects_of(costs)
    write(effects, digest_of(costs), flags.into)
    bad = sorted(kind for kind, effect in effects.items() if effect.bad)
    print(f"{len(effects)} kinds in {flags.into}; reliably dearer: {', '.join(bad)}")


if __name__ == "__main__":
    main()
