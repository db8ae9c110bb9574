"""The scores of an evaluation in words, by the last part of their keys."""

from __future__ import annotations

from dataclasses import dataclass

from ci_rlm.training.questions import MANY, SEVERAL, TELLING


@dataclass(frozen=True, slots=True)
class Meaning:
    """A score in words."""

    title: str
    text: str
    better: str = ""
    """`higher` or `lower`; empty where neither is."""


HIGHER, LOWER = "higher", "lower"
_LARGE = f"problems with more than {MANY} programs"

MEANINGS = {
    "spearman": Meaning(
        "Spearman ρ",
        "Rank correlation of predicted with measured cost: unedited programs at all input sizes.",
        HIGHER,
    ),
    "kendall": Meaning(
        "Kendall τ-b",
        "Concordant less discordant pairs of the same programs, as a share that allows for ties; "
        "of 5,000 programs and sizes at most.",
        HIGHER,
    ),
    "spearman_near": Meaning(
        "Spearman ρ near the reference size",
        "The same at input sizes about the one that a gate asks for.",
        HIGHER,
    ),
    "spearman_within": Meaning(
        "Spearman ρ within problem, mean",
        f"Mean over problems with at least {SEVERAL} programs, at the largest size that so many have; "
        "each problem weighs the same.",
        HIGHER,
    ),
    "kendall_within": Meaning(
        "Kendall τ-b within problem, mean", "Likewise; each problem weighs the same.", HIGHER
    ),
    "spearman_within_median": Meaning(
        "Spearman ρ within problem, median", f"Median over {_LARGE} (Figure 3 of the paper).", HIGHER
    ),
    "log_error": Meaning("mean |ln error|", "Mean of |ln(predicted / measured)|.", LOWER),
    "crps": Meaning(
        "CRPS of ln cost",
        "Continuous ranked probability score; of a point prediction, its mean |ln error|.",
        LOWER,
    ),
    "ratio_crps": Meaning(
        "CRPS of ln ratio",
        "The same score of the ratio of both sides of an edit, where it is predicted as such.",
        LOWER,
    ),
    "hit": Meaning(
        "best pick is in the top p%",
        f"Share of {_LARGE} where the one predicted cheapest is among the cheapest p% "
        "(Figure 10 of the paper).",
        HIGHER,
    ),
    "chance": Meaning("blind pick is in the top p%", "The same for a program that is drawn blindly."),
    "overlap": Meaning(
        "top p% found",
        "Share of the programs predicted to be the cheapest p% that are; mean over problems.",
        HIGHER,
    ),
    "regret": Meaning(
        "regret",
        "Cost of the programs predicted to be the cheapest p% over that of the cheapest p%: "
        "geometric mean; 1 is perfect.",
        LOWER,
    ),
    "sign_accuracy": Meaning(
        "sign accuracy",
        "Share of pairs whose dearer program is predicted to be dearer; a tie is wrong.",
        HIGHER,
    ),
    "auc": Meaning(
        "ROC-AUC",
        "Chance that the predicted ratio of a pair that got dearer is over that of one that got cheaper.",
        HIGHER,
    ),
    "below": Meaning(
        "coverage",
        "Share of measured values below the quantile of this probability; the probability is right.",
    ),
    "mass": Meaning(
        "PIT",
        "Share of measured values between neighbouring quantiles; the difference of their "
        "probabilities is right.",
    ),
    "inside_90": Meaning(
        "inside 5% to 95%", "Share of measured values within these quantiles; 0.90 is right."
    ),
    "ece": Meaning(
        "calibration error of P",
        "Mean distance between P(regression) and the share that regressed, over ten bins.",
        LOWER,
    ),
    "predicted": Meaning("mean P", "Mean P(regression) of the pairs of a bin."),
    "observed": Meaning("regressed", "Share of the pairs of a bin whose measured ratio is over the limit."),
    "neutral_called": Meaning("false alarms", "Share of neutral edits that are called regressed.", LOWER),
    "recall": Meaning(
        "recall", f"Share of edits to over {TELLING} times the cost that are called regressed.", HIGHER
    ),
    "precision": Meaning("precision", "Share of calls whose measured ratio is over 1.1.", HIGHER),
    "failing_recall": Meaning(
        "recall, failing", f"Share of edits to over {TELLING} times the cost that would fail a gate.", HIGHER
    ),
    "failing_precision": Meaning(
        "precision, failing",
        "Of calls that would fail a gate, those measured over 1.1.",
        HIGHER,
    ),
    "unsure": Meaning("unsure", "Share of edits that are left open."),
}


def meaning(key: str) -> Meaning:
    """What a score's key says."""
    return MEANINGS[key.rpartition("/")[2]]
