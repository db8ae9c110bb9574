"""`ci-rlm rank`: implementations of one task in the order of their predicted costs, as JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ci_rlm.cli.flags import ModelFlags, grouped, model_flags
from ci_rlm.cli.publish import write_lines

if TYPE_CHECKING:
    from ci_rlm.cli.jsonl import Record
    from ci_rlm.config import Config
    from ci_rlm.flow import Prediction, Unit
    from ci_rlm.predict import Predictor
    from ci_rlm.rank import Candidate, Id, Standing

    Entrant = tuple[Id, Unit]


@dataclass(frozen=True, slots=True)
class RankFlags:
    """What is ranked, and by what."""

    function: str | None
    metric: str | None
    size: float | None
    top: int | None


_rank_flags = grouped(
    "flags",
    RankFlags,
    click.option(
        "--function", metavar="NAME",
        help="Rank this function of each candidate, by its qualified name, in place of the whole text.",
    ),
    click.option("--metric", metavar="NAME", help="The cost to rank by.  [default: the model's first]"),
    click.option(
        "--size", type=click.FloatRange(1, 1e12), help="Input size in elements, where the model takes one."
    ),
    click.option(
        "--top", type=click.IntRange(1), metavar="K",
        help="Tell the K best only; with --stream, as many beside each line's own place.  [default: all; 1]",
    ),
)  # fmt: skip


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--jsonl", is_flag=True, help="Candidates are lines of standard input; rank them at its end.")
@click.option("--stream", is_flag=True, help="The same, and answer each line before the next is read.")
@_rank_flags
@model_flags
def rank(files: Sequence[Path], jsonl: bool, stream: bool, flags: RankFlags, model: ModelFlags) -> int:
    """Order FILES, implementations of one function, by what they are predicted to cost.

    One line of JSON for each, the cheapest first: its median, its ratio to the first (5%, 50% and 95%
    points), and "p_best", the probability that no other costs less. What is the same but for comments
    and layout shares a line.

    With --jsonl, candidates are lines {"id", "source"} with an optional "language". With --stream, each
    is answered at once: its place among all so far, and the best of them. A bad line is answered with
    an "error", and ends nothing.
    """
    from ci_rlm import predict
    from ci_rlm.cli.settings import configure_here
    from ci_rlm.cli.talk import warn
    from ci_rlm.errors import UsageError

    if [bool(files), jsonl, stream].count(True) != 1:
        raise UsageError("give FILES, --jsonl or --stream", hint="ci-rlm rank --help")
    config = configure_here(model)
    ranking = Ranking(predict.load(config, warn=warn), flags)
    if files:
        _rank_files(files, ranking, config)
    elif jsonl:
        _rank_lines(ranking, config)
    else:
        _stream(ranking, config)
    return 0


class Ranking:
    """The candidates of one run, in the order of their predicted costs."""

    def __init__(self, predictor: Predictor, flags: RankFlags) -> None:
        from ci_rlm.rank import Contest

        self.flags = flags
        self._predictor = predictor
        self._contest: Contest | None = None

    def enter(self, entrants: Sequence[Entrant]) -> Iterator[int | str]:
        """The place of each when it entered, or why it has none. Raises UsageError for an unknown metric."""
        from ci_rlm import gate
        from ci_rlm.cli.talk import progress_bar
        from ci_rlm.flow import Skipped

        requests = [(unit, self.flags.size) for _, unit in entrants]
        with progress_bar() as progress:
            answers = list(gate.score(requests, self._predictor, progress=progress))
        for entrant, answer in zip(entrants, answers, strict=True):
            yield (
                answer.reason
                if isinstance(answer, Skipped)
                else self._placed(self._candidate(entrant, answer))
            )

    def __len__(self) -> int:
        return len(self._contest or ())

    def standings(self, most: int | None) -> list[Record]:
        """The best so far."""
        return [] if self._contest is None else list(map(_told, self._contest.standings(most)))

    def _placed(self, candidate: Candidate) -> int:
        from ci_rlm.flow import Metric
        from ci_rlm.rank import Contest

        if self._contest is None:
            metric = Metric(candidate.prediction.metric, candidate.prediction.unit)
            self._contest = Contest(metric, self._predictor.calibrations)
        return self._contest.enter(candidate)

    def _candidate(self, entrant: Entrant, answer: Sequence[Prediction]) -> Candidate:
        from ci_rlm.errors import UsageError
        from ci_rlm.prompt import prompt_of, space_for
        from ci_rlm.rank import Candidate

        identity, unit = entrant
        named = {prediction.metric: prediction for prediction in answer}
        metric = self.flags.metric or answer[0].metric
        if metric not in named:
            raise UsageError(f"the model does not predict {metric}", hint=f"it predicts {', '.join(named)}")
        space = space_for(unit.kind, self._predictor.spaces)
        assert space is not None  # it has answered
        text = prompt_of(unit, space, size=self.flags.size).text
        return Candidate(identity, unit, text, named[metric])


def _rank_files(files: Sequence[Path], ranking: Ranking, config: Config) -> None:
    from ci_rlm.cli.source import function_of
    from ci_rlm.errors import CiRlmError
    from ci_rlm.extract.files import program_of

    function, limit = ranking.flags.function, config.max_file_size
    units = [function_of(file, function, limit) if function else program_of(file, limit) for file in files]
    places = ranking.enter([(str(file), unit) for file, unit in zip(files, units, strict=True)])
    for file, place in zip(files, places, strict=True):
        if isinstance(place, str):
            raise CiRlmError(f"{file}: {place}")
    _write(ranking.standings(ranking.flags.top))


def _rank_lines(ranking: Ranking, config: Config) -> None:
    """Rank all lines of standard input; those that cannot be ranked come last."""
    from ci_rlm.cli.jsonl import LINE_BYTES, BadLineError, read_line, split_lines

    prepare = _preparer(ranking.flags, config)
    entrants: list[Entrant] = []
    bad: list[Record] = []
    for text, whole in split_lines(sys.stdin.buffer, LINE_BYTES):
        line = read_line(text, whole, prepare)
        if isinstance(line.request, BadLineError):
            bad.append({"id": line.id, "error": str(line.request)})
        else:
            entrants.append(line.request)
    for (identity, _), place in zip(entrants, ranking.enter(entrants), strict=True):
        if isinstance(place, str):
            bad.append({"id": identity, "error": place})
    _write([*ranking.standings(ranking.flags.top), *bad])


def _stream(ranking: Ranking, config: Config) -> None:
    """Answer each line of standard input as it comes; the model stays loaded between them."""
    from ci_rlm.cli.jsonl import answer_lines

    def answer(entrants: Sequence[Entrant]) -> Iterator[Record]:
        for place in ranking.enter(entrants):
            yield {"error": place} if isinstance(place, str) else _placed(place, ranking)

    answer_lines(sys.stdin.buffer, write_lines, _preparer(ranking.flags, config), answer, batch_size=1)


def _placed(place: int, ranking: Ranking) -> Record:
    """A new candidate's own place, and who leads now."""
    top = ranking.flags.top or 1
    standings = ranking.standings(max(place, top))
    own = {key: value for key, value in standings[place - 1].items() if key not in ("id", "equal")}
    return {
        **own,
        "of": len(ranking),
        "best": [{"id": each["id"], "p_best": each["p_best"]} for each in standings[:top]],
    }


def _preparer(flags: RankFlags, config: Config) -> Callable[[Record], Entrant]:
    """Records to units with their ids."""
    from ci_rlm.cli.source import unit_of

    def prepare(record: Record) -> Entrant:
        unit = unit_of({"language": "python", **record}, "source", config.max_file_size, flags.function)
        return record["id"], unit  # type: ignore[return-value]  # `read_line` has seen to it

    return prepare


def _told(standing: Standing) -> Record:
    """A line's record; more ids of the same program are named beside the first."""
    first, *others = standing.ids
    ratio = standing.ratio
    return {
        "id": first,
        "place": standing.place,
        "metric": standing.prediction.metric,
        "unit": standing.prediction.unit,
        "median": standing.prediction.median,
        "p_best": None if standing.p_best is None else round(standing.p_best, 3),
        "ratio": ratio
        and {"low": _rounded(ratio.low), "mid": _rounded(ratio.mid), "high": _rounded(ratio.high)},
        "truncated": standing.prediction.truncated,
        **({"equal": others} if others else {}),
    }


def _write(records: Sequence[Record]) -> None:
    write_lines("".join(json.dumps(record, allow_nan=False) + "\n" for record in records))


def _rounded(value: float) -> float:
    """Six significant digits, as in reports."""
    return float(f"{value:.6g}")
