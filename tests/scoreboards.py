"""Comparisons of a scoreboard that a test writes down in a few words."""

from __future__ import annotations

from dataclasses import replace

from ci_rlm.flow import Outcome
from ci_rlm.training.verified import Comparison, Measured, Quantity, Side

QUANTITY = Quantity("tests/test_shop.py::test_order", "cpu_time", "per_call", (("n", "10"),), "box", "asv")
NOVEMBER = 1_793_491_200
"""2026-11-01, in seconds since 1970."""


def side(value: float, spread: float = 0.0) -> Side:
    return Side(value, value * (1 - spread), value * (1 + spread), 5)


def measured(
    before: float, after: float, *, spread: float = 0.0, when: str = "", logs: tuple[str, ...] = ("a", "b"),
    **quantity: object,
) -> Measured:  # fmt: skip
    what = replace(QUANTITY, **quantity)  # type: ignore[arg-type]
    return Measured(what, side(before, spread), side(after, spread), when, logs)


def comparison(outcome: Outcome, *pairs: Measured, **more: object) -> Comparison:
    """Of `order`, predicted to cost 1.2x what it did."""
    plain = Comparison(
        base="1" * 40, head="2" * 40, committed=NOVEMBER, model="compact", digest="ab" * 32,
        path="shop.py", name="order", metric="cpu_time", outcome=outcome, low=0.8, mid=1.2, high=1.6,
        p_regression=0.25, p_warning=0.5, p_improvement=0.05, warn=0.1, fail=0.25, min_effect=0.0,
        equal=False, measured=pairs,
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


def once(outcome: Outcome, ratio: float, **more: object) -> Comparison:
    """Measured once, without noise."""
    return comparison(outcome, measured(1.0, ratio), **more)
