"""Small programs made from a seed, to pretrain on: common idioms, composed (Section 6.1 of the paper).

    generate(123).text
    generate(123).arguments(256)

What a program costs is measured, as that of any other; a measured file keeps the record, the
hash and the costs, and `text_of` makes the text again.
"""

from ci_rlm.training.synthetic.measuring import measure, tasks, timed_tasks
from ci_rlm.training.synthetic.programs import VERSION, Synthetic, generate, program_of, sibling, text_of

__all__ = [
    "VERSION",
    "Synthetic",
    "generate",
    "measure",
    "program_of",
    "sibling",
    "tasks",
    "text_of",
    "timed_tasks",
]
