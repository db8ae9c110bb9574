"""One task in several ways: small functions whose changes cost much, little or nothing, made from a seed.

    ways(123)[0].text

Edits of public programs rarely change what they cost by more than half; a change of a pull request that
matters may cost a hundred times as much. These are such changes, and their neighbours that cost as
much. What they cost is measured, as that of any other program.
"""

from ci_rlm.training.ways.measuring import in_turns, measure, tasks
from ci_rlm.training.ways.programs import SOURCE, VERSION, Way, arguments, programs_of, ways

__all__ = ["SOURCE", "VERSION", "Way", "arguments", "in_turns", "measure", "programs_of", "tasks", "ways"]
