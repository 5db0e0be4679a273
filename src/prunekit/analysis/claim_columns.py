"""The columns of a study's verdicts on the paper's claims: one row per contrast, one per claim."""

from __future__ import annotations

from typing import Literal

from prunekit.analysis.columns import COLUMNS, Columns, Number, Strings
from prunekit.analysis.joint import Ruling

CONTRAST: Columns = {
    "finding": COLUMNS["finding"],
    "claim": (int, "Number of the claim."),
    "group": (str, "The group of evidence to which it belongs."),
    "what": (str, "What is compared."),
    "unit": COLUMNS["unit"],
    "value": (Number, "The number."),
    "low": COLUMNS["low"],
    "high": COLUMNS["high"],
    "p_value": (
        Number,
        "One-sided p-value for not being below zero; the upper limit (99 %) over possible draws.",
    ),
    "adjusted": (
        Number,
        "The same for all comparisons of the claim together (max-T; potentials: Holm).",
    ),
    "draws": (
        int,
        "Number of joint draws: more than requested if a verdict depends on their number.",
    ),
}

CLAIM: Columns = {
    "finding": COLUMNS["finding"],
    "claim": (int, "Its number, as `prunekit report --claims` prints it."),
    "text": (str, "The claim in words."),
    "verdict": (Literal[tuple(map(str, Ruling))], "holds, does not hold, or cannot tell."),
    "evidence": (str, "The deciding evidence, in words."),
    "lacks": (Strings, "Missing groups of evidence; if there are any, the study cannot tell."),
    "contrasts": (int, "Number of comparisons."),
    "above": (int, "Number of comparisons above zero by their own intervals."),
    "unit": (str | None, "Unit of the numbers."),
    "value": (Number, "The number that the claim requires to be above zero; none if nothing was measured."),
    "low": COLUMNS["low"],
    "high": COLUMNS["high"],
    "average": (Number, "Mean of all comparisons."),
    "average_low": (Number, "Lower end of its 95 % interval."),
    "average_high": (Number, "Upper end of its 95 % interval."),
}
