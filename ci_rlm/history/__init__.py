"""What checks predicted, commit after commit: one JSON line a check, and the courses of costs in them."""

from __future__ import annotations

from ci_rlm.history.courses import Course, Mark, Point, Trend, trend_of
from ci_rlm.history.records import Entry, History, Record, append, parse_lines, read, record_of

__all__ = [
    "Course",
    "Entry",
    "History",
    "Mark",
    "Point",
    "Record",
    "Trend",
    "append",
    "parse_lines",
    "read",
    "record_of",
    "trend_of",
]
